import re

from hypothesis import given
from hypothesis import strategies as st
from report_builders import audit, verdict

from auditkit.report.tree import tree
from auditkit.verdict import Verdict


def made(**rests_on):
    return [audit(name, "c", name, "", assumes=list(assumed)) for name, assumed in rests_on.items()]


def flat(branches, depth=0):
    for one in branches:
        yield depth, one
        yield from flat(one.branches, depth + 1)


def drawn(audits, verdicts=()):
    return [(depth, one.audit) for depth, one in flat(tree(audits, verdicts))]


def test_each_audit_stands_below_what_it_rests_on():
    found = drawn(made(light=["base"], base=[], heat=["base"], lesion=["heat"]))
    assert found == [(0, "base"), (1, "light"), (1, "heat"), (2, "lesion")]


def test_an_audit_that_rests_on_two_stands_twice_and_grows_once():
    audits = made(a=[], b=[], both=["a", "b"], leaf=["both"])
    found = list(flat(tree(audits, [])))
    assert [(d, one.audit) for d, one in found] == [
        (0, "a"),
        (1, "both"),
        (2, "leaf"),
        (0, "b"),
        (1, "both"),
    ]
    assert [one.again for _, one in found if one.audit == "both"] == [False, True]


def test_what_is_assumed_and_not_in_the_run_is_said_to_be_so():
    (root,) = tree(made(light=["base"]), [])
    assert root.audit == "base"
    assert not root.known
    assert root.branches[0].known


def test_the_gravest_blocking_verdict_counts():
    verdicts = [
        verdict("base", "m", Verdict.PASS),
        verdict("base", "n", Verdict.INCONCLUSIVE),
        verdict("base", "o", Verdict.FAIL, severity="advisory"),
    ]
    (root,) = tree(made(light=["base"], base=[]), verdicts)
    assert root.verdict is Verdict.INCONCLUSIVE
    assert root.branches[0].verdict is None


def test_audits_without_findings_are_in_the_tree():
    names = [
        name for _, name in drawn(made(light=["base"]), [verdict("alone", "m", Verdict.NOT_RUN)])
    ]
    assert names == ["alone", "base", "light"]


def test_without_assumptions_there_is_no_tree():
    assert tree(made(a=[], b=[]), []) == []


def test_a_circle_is_shown_and_ends():
    assert {name for _, name in drawn(made(a=["b"], b=["a"]))} == {"a", "b"}


@given(st.lists(st.sets(st.integers(0, 7)), min_size=1, max_size=8))
def test_every_assumption_is_an_edge_and_every_edge_an_assumption(rests_on):
    # Only on earlier ones, so that there is no circle.
    assumed = {f"a{i}": [f"a{j}" for j in sorted(on) if j < i] for i, on in enumerate(rests_on)}
    branches = tree(made(**assumed), [])
    edges = {(child.audit, one.audit) for _, one in flat(branches) for child in one.branches}
    assert edges == {(name, on) for name, names in assumed.items() for on in names}
    if edges:
        assert {one.audit for _, one in flat(branches)} == set(assumed)


def test_the_page_draws_it_as_nested_lists_with_links(page):
    section = page[page.index('<h2 id="assumptions"') :]
    section = section[: section.index("</section>")]
    assert section.count("<ul") == section.count("</ul>") > 1
    assert re.search(
        r'href="#audit-reproduction-dermanet">reproduction</a> <span class="chip not-run"', section
    )
