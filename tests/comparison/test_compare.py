"""Two runs side by side: what turned, what got worse on the same images, what else is different."""

import json
from functools import partial

import numpy as np
import pytest
from finished_runs import (
    LABELS,
    audit,
    auroc_measurement,
    data,
    mean_measurement,
    model,
    run,
    scores,
    simple,
    verdict,
)

from auditkit.comparison.compare import compare
from auditkit.comparison.limits import LimitsFile
from auditkit.comparison.result import ComparisonResult, to_text
from auditkit.errors import AuditError
from auditkit.results import InstrumentResult, measurement_result, read_results
from auditkit.spec.declaration import Measure
from auditkit.verdict import Verdict


def limits(folder, text=""):
    path = folder / "ours.limits.yaml"
    path.write_text(f"limits: ours\n{text}", encoding="utf-8")
    return LimitsFile.read(path)


def rules(result):
    return [breach.rule for breach in result.breaches]


def two(tmp_path, new_scores, limits_text=None, **changes):
    old = simple(tmp_path / "old", scores())
    new = simple(tmp_path / "new", new_scores, **changes)
    return compare(old, new, None if limits_text is None else limits(tmp_path, limits_text))


def test_an_equally_good_release_is_within_limits(tmp_path):
    result = two(tmp_path, scores(seed=5))
    assert result.within
    assert result.transitions == []
    assert result.unchanged == {"pass": 1}
    found = result.differences[0]
    assert found.low < 0 < found.high
    assert (found.pairs, found.patients, found.better) == (400, 200, "higher")
    assert found.value == pytest.approx(found.new - found.old)


def test_a_worse_release_is_a_claimed_regression_though_its_verdict_is_the_same(tmp_path):
    result = two(tmp_path, scores(worse=0.5, seed=5))
    assert rules(result) == ["regressions"]
    assert result.differences[0].regression
    assert result.differences[0].p_adjusted < 0.025


def test_a_better_release_is_no_regression(tmp_path):
    result = two(tmp_path, scores(worse=-0.5, seed=5))
    assert result.within
    assert result.differences[0].low > 0


def several(folder, worse, severity="blocking"):
    """Ten measures with a direction, of which one got worse by the numbers given."""
    names = ["accuracy", "brier", "sensitivity", "specificity", "roc_auc"]
    rng = np.random.default_rng(3)
    right = (rng.random(400) < 0.8) * 1.0
    values = dict.fromkeys(names, right)
    values["brier"] = rng.uniform(0.1, 0.2, 400) + worse * rng.uniform(0, 2, 400)
    measurements = [mean_measurement(values[name], name) for name in names[:-1]]
    measurements.append(auroc_measurement(scores(), "roc_auc"))
    verdicts = [verdict(name, "pass", severity=severity) for name in names]
    return run(folder, [audit(folder, measurements)], verdicts)


def test_holm_is_over_the_measures_with_a_blocking_expectation(tmp_path):
    result = compare(several(tmp_path / "old", 0.0), several(tmp_path / "new", 0.01))
    found = {one.measure: one for one in result.differences}
    assert [one.measure for one in result.differences if one.regression] == ["brier"]
    assert found["brier"].better == "lower"
    assert found["brier"].p_adjusted == pytest.approx(5 * found["brier"].p_value)
    assert "5 paired differences of net" in result.family
    only_advisory = partial(several, severity="advisory")
    result = compare(
        only_advisory(tmp_path / "third", 0.0), only_advisory(tmp_path / "fourth", 0.01)
    )
    assert result.within
    assert all(one.p_adjusted is None for one in result.differences)


TURNS = [
    ("pass", "fail", "worse", False),
    ("pass", "inconclusive", "worse", False),
    ("pass", "not applicable", "worse", False),
    ("inconclusive", "not run", "worse", False),
    ("inconclusive", "pass", "better", True),
    ("fail", "inconclusive", "better", True),
    ("fail", "error", "other", True),
    # What is not judged any more is no better than the failure that was seen.
    ("fail", "not run", "other", True),
    ("fail", "not applicable", "other", True),
    ("fail", "not interpretable", "other", True),
]


@pytest.mark.parametrize(("was", "now", "turn", "within"), TURNS)
def test_a_blocking_verdict_may_not_get_worse(tmp_path, was, now, turn, within):
    old, new = simple(tmp_path / "old", scores(), was), simple(tmp_path / "new", scores(), now)
    result = compare(old, new)
    assert [(t.old, t.new, t.turn) for t in result.transitions] == [(was, now, turn)]
    assert result.within is within


def test_what_is_not_asked_any_more_is_a_loss_and_what_is_new_is_none(tmp_path):
    folder = tmp_path / "old"
    both = [verdict("roc_auc", "pass"), verdict("brier", "pass"), verdict("npv", "pass")]
    run(folder, [], both[:2])
    new = run(tmp_path / "new", [], [both[0], both[2].model_copy(update={"verdict": Verdict.FAIL})])
    result = compare(folder, new)
    assert [(t.measure, t.turn) for t in result.transitions] == [
        ("brier", "removed"),
        ("npv", "added"),
    ]
    # Runs that keep nothing image by image have no pairs, and nobody can say that nothing was lost.
    assert rules(result) == ["regressions", "verdicts"]
    assert "nothing was compared in pairs" in result.breaches[0].text
    assert "is not asked any more" in result.breaches[1].text
    asked = [(c.subject, c.old, c.new) for c in result.changes if c.what == "expectation"]
    assert ("performance: brier", "above 0.7 (blocking)", "") in asked


def test_new_failures_come_first_and_advisory_ones_do_not_count(tmp_path):
    names = ["a", "b", "c", "d"]
    words = {"a": "inconclusive", "b": "pass", "c": "fail", "d": "fail"}
    old = run(tmp_path / "old", [], [verdict(n, "pass" if n != "b" else "fail") for n in names])
    severities = dict.fromkeys("abc", "blocking") | {"d": "advisory"}
    later = [verdict(n, words[n], severity=severities[n]) for n in names]
    result = compare(old, run(tmp_path / "new", [], later))
    # d was blocking before: who makes it advisory does not take it out of the count.
    assert [t.measure for t in result.transitions] == ["c", "d", "a", "b"]
    assert rules(result).count("verdicts") == 3
    advisory = [verdict("d", word, severity="advisory") for word in ("pass", "fail")]
    one, other = (run(tmp_path / f"advisory-{i}", [], [v]) for i, v in enumerate(advisory))
    assert "verdicts" not in rules(compare(one, other))
    strict = limits(tmp_path, "verdicts: none-may-worsen\n")
    assert "verdicts" in rules(compare(one, other, strict))


def test_two_expectations_of_one_measure_are_not_mixed_up(tmp_path):
    strict = {"condition": {"above": 0.9}, "expected": "above 0.9", "severity": "advisory"}
    against = {"condition": {"not_worse_than": "baseline", "margin": 0.1}}

    def three(folder, *words):
        told = zip(({}, strict, against), words, strict=True)
        return run(folder, [], [verdict("roc_auc", word, **more) for more, word in told])

    result = compare(
        three(tmp_path / "old", "pass", "fail", "pass"),
        three(tmp_path / "new", "pass", "fail", "inconclusive"),
    )
    assert [(t.old.value, t.new.value) for t in result.transitions] == [("pass", "inconclusive")]
    assert result.unchanged == {"fail": 1, "pass": 1}


def test_what_has_no_numbers_per_image_stands_side_by_side(tmp_path):
    def one(folder, **changes):
        found = [auroc_measurement(scores()), auroc_measurement(scores(), "pr_auc", sample=None)]
        return run(folder, [audit(folder, found, **changes)], [verdict("roc_auc", "pass")])

    old = one(tmp_path / "old")
    result = compare(old, one(tmp_path / "new"))
    assert [(s.measure, s.reason) for s in result.side_by_side] == [
        ("pr_auc", "no numbers per image in either run")
    ]
    assert result.side_by_side[0].old.n == 400
    other = compare(old, one(tmp_path / "other", parameters={"min_class": 9, "bins": 20}))
    assert other.differences == []
    assert all("other parameters there (bins)" in side.reason for side in other.side_by_side)
    changed = {(c.what, c.old, c.new) for c in other.changes if c.about == "spec"}
    assert changed == {("with: bins", "", "20"), ("with: min_class", "", "9")}


def test_every_change_of_model_data_and_environment_is_listed(tmp_path):
    old = simple(tmp_path / "old", scores())
    environment = {"packages": {"numpy": "2.4.6", "torch": "3.0"}, "device": "cuda"}
    later = read_results(old / "results.json")
    new = simple(
        tmp_path / "new",
        scores(),
        models=[model(weights_sha256="6" * 64, threshold=0.4, input={"size": 96})],
        data=[data(manifest_sha256="7" * 64, images=401), data(data="more")],
        environment=later.environment.model_copy(update=environment),
    )
    result = compare(old, new)
    told = {(c.about, c.subject, c.what): (c.old, c.new) for c in result.changes}
    assert told["model", "net", "weights (sha256)"] == ("5" * 64, "6" * 64)
    assert told["model", "net", "threshold"] == ("0.5", "0.4")
    assert told["model", "net", "preprocessing"] == ('{"size": 64}', '{"size": 96}')
    assert told["data", "lesions", "images"] == ("400", "401")
    assert told["data", "more", "data set"][0] == ""
    assert told["environment", "", "packages: torch"] == ("2.14.1", "3.0")
    assert told["environment", "", "device"] == ("cpu", "cuda")
    assert ("environment", "", "packages: numpy") not in told
    assert result.within


CHANGED = {
    "models": [model(weights_sha256="6" * 64, threshold=0.4)],
    "data": [data(manifest_sha256="7" * 64)],
}


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("", ["data", "model", "model"]),
        ("data: may-change\n", ["model", "model"]),
        ("data: may-change\nmodel: [weights]\n", ["model"]),
        ("data: may-change\nmodel: [weights, threshold]\n", []),
    ],
)
def test_limits_say_what_may_change(tmp_path, text, broken):
    result = two(tmp_path, scores(seed=5), text, **CHANGED)
    assert sorted(rules(result)) == broken
    assert result.limits.limits == "ours"
    assert len(result.limits.sha256) == 64


def test_specs_may_not_change_unless_limits_say_so(tmp_path):
    def one(folder, expected):
        found = [audit(folder, [auroc_measurement(scores())])]
        return run(folder, found, [verdict("roc_auc", "pass", expected=expected)])

    old, new = one(tmp_path / "old", "above 0.7"), one(tmp_path / "new", "above 0.6")
    assert rules(compare(old, new, limits(tmp_path))) == ["spec"]
    assert compare(old, new, limits(tmp_path, "specs: may-change\n")).within
    assert compare(old, new).within


MEASURE = "measures:\n  - {{measure: {}, loss: {}}}\n"


@pytest.mark.parametrize(
    ("worse", "loss", "shown"),
    [
        (0.0, 0.05, Verdict.PASS),
        (0.1, 0.015, Verdict.INCONCLUSIVE),
        (0.6, 0.2, Verdict.PASS),
        (0.6, 0.02, Verdict.FAIL),
    ],
)
def test_a_stated_loss_must_be_excluded(tmp_path, worse, loss, shown):
    result = two(tmp_path, scores(worse, seed=5), MEASURE.format("roc_auc", loss))
    assert result.differences[0].shown is shown
    assert result.differences[0].loss_accepted == loss
    # A loss within the stated one is accepted, though it is a claimed regression.
    assert rules(result) == ([] if shown is Verdict.PASS else ["measures"])


def test_a_limit_that_nothing_answers_to_is_outside(tmp_path):
    result = two(tmp_path, scores(seed=5), MEASURE.format("sensitivity", 0.01))
    assert "nothing was compared in pairs there" in result.breaches[0].text
    text = "measures:\n  - {measure: roc_auc, audit: elsewhere, loss: 0.01}\n"
    assert rules(two(tmp_path, scores(seed=5), text)) == ["measures"]


def test_unpaired_images_are_held_against_a_stated_loss(tmp_path):
    old = simple(tmp_path / "old", scores())
    folder = tmp_path / "new"
    whole = auroc_measurement(scores(seed=5))
    kept = np.arange(400) >= 40
    sample = whole.sample
    less = type(sample)(
        "auroc",
        np.array(sample.images)[kept].tolist(),
        np.array(sample.patients)[kept].tolist(),
        sample.values[kept],
        LABELS[kept],
    )
    found = audit(folder, [auroc_measurement(scores(seed=5), sample=less)])
    new = run(folder, [found], [verdict("roc_auc", "pass")])
    result = compare(old, new, limits(tmp_path, MEASURE.format("roc_auc", 0.05)))
    assert result.differences[0].only_old == 40
    assert result.differences[0].shown is Verdict.INCONCLUSIVE


def test_models_of_the_same_name_else_of_the_same_task(tmp_path):
    old = simple(tmp_path / "old", scores())
    new = simple(tmp_path / "new", scores(), of="net-next", models=[model("net-next")])
    result = compare(old, new)
    assert [(p.old, p.new) for p in result.models] == [("net", "net-next")]
    assert len(result.differences) == 1
    assert ("model", "name") in {(c.about, c.what) for c in result.changes}
    several_models = [model("net-next"), model("net"), model("chest", task="pneumonia")]
    result = compare(old, simple(tmp_path / "third", scores(), models=several_models))
    assert [(p.old, p.new) for p in result.models] == [("net", "net")]
    assert result.alone == [
        "net-next is in the later run alone",
        "chest is in the later run alone",
    ]
    chest = simple(tmp_path / "chest", scores(), models=[model("chest", task="pneumonia")])
    with pytest.raises(AuditError, match=r"no model of .* answers to one of"):
        compare(old, chest)


def test_a_run_whose_numbers_were_changed_is_not_compared(tmp_path):
    old, new = simple(tmp_path / "old", scores()), simple(tmp_path / "new", scores())
    file = next((old / "samples").iterdir())
    file.write_bytes(file.read_bytes() + b" ")
    with pytest.raises(AuditError, match="was changed after the run"):
        compare(old, new)


def test_a_measure_without_a_direction_claims_nothing(tmp_path):
    neither = {"roc_auc": Measure("proportion", (0.0, 1.0), "")}

    def one(folder, values):
        found = audit(folder, [auroc_measurement(values)], measures=neither)
        return run(folder, [found], [verdict("roc_auc", "pass")])

    result = compare(one(tmp_path / "old", scores()), one(tmp_path / "new", scores(0.6)))
    assert result.differences[0].better is None
    assert result.differences[0].p_value is None
    assert result.differences[0].high < 0
    assert result.within


def test_the_comparison_is_canonical_json(tmp_path):
    result = two(tmp_path, scores(worse=0.5), "")
    text = to_text(result)
    assert to_text(ComparisonResult.model_validate_json(text)) == text
    assert text == to_text(two(tmp_path, scores(worse=0.5), ""))
    assert list(json.loads(text)) == sorted(json.loads(text))


def test_bounds_of_an_unbounded_measure_are_open(tmp_path):
    values = np.random.default_rng(0).normal(size=400)

    def one(folder, shift):
        found = mean_measurement(values + shift, "log_odds", (-np.inf, np.inf))
        assert measurement_result(found).bounds == (None, None)
        return run(folder, [audit(folder, [found])], [])

    result = compare(one(tmp_path / "old", 0.0), one(tmp_path / "new", 0.25))
    assert result.differences[0].value == pytest.approx(0.25)
    assert result.differences[0].low < 0.25 < result.differences[0].high


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("losses: []\n", "unknown key 'losses'"),
        ("measures:\n  - {measure: roc_auc}\n", "'measures.0.loss' is missing"),
        ("measures:\n  - {measure: roc_auc, loss: -0.1}\n", ":3: measures.0.loss"),
        ("model: [everything]\n", "model.0"),
        ("data: yes\n", "data"),
    ],
)
def test_wrong_limits_are_refused_with_their_line(tmp_path, text, message):
    with pytest.raises(AuditError, match=message):
        limits(tmp_path, text)


def test_limits_have_a_name_of_their_own(tmp_path):
    (tmp_path / "limits.yaml").write_text("limits: x\n")
    with pytest.raises(AuditError, match=r"\.limits\.yaml"):
        LimitsFile.read(tmp_path / "limits.yaml")


def audited(folder, **audits):
    """A run in which several audits measure the AUROC; what is None, the run does not have."""
    found = [
        audit(folder, [auroc_measurement(scores())], name=name, **changes)
        for name, changes in audits.items()
        if changes is not None
    ]
    return run(folder, found, [])


@pytest.mark.parametrize(
    ("later", "reason"),
    [
        ({}, None),
        ({"parameters": {"bins": 20}}, "not in pairs: 'second' was asked with other parameters"),
        (None, "net, second: roc_auc: a loss of 0.1 is excluded: the later run did not measure it"),
    ],
)
def test_a_limit_on_every_audit_is_not_kept_by_one_of_them(tmp_path, later, reason):
    old = audited(tmp_path / "old", first={}, second={})
    new = audited(tmp_path / "new", first={}, second=later)
    text = MEASURE.format("roc_auc", 0.1) + "specs: may-change\n"
    result = compare(old, new, limits(tmp_path, text))
    assert result.differences[0].shown is Verdict.PASS
    assert rules(result) == ([] if reason is None else ["measures"])
    assert reason is None or reason in result.breaches[0].text


def test_an_instrument_that_came_or_went_is_told(tmp_path):
    empty = ("title", "task", "stand_in", "settings", "files_sha256", "licence", "source")
    tool = InstrumentResult.model_validate(
        {"kind": "generator", "name": "brush", "card_sha256": "5" * 64} | dict.fromkeys(empty, "")
    )
    old = simple(tmp_path / "old", scores(), instruments=[tool])
    told = compare(old, simple(tmp_path / "new", scores())).changes
    assert [(c.subject, c.what, c.old, c.new) for c in told] == [
        ("generator brush", "instrument", "5" * 64, "")
    ]
