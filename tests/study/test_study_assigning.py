"""Orders, sides, sets and repeats: held to what they promise, by brute force over drawn studies."""

from collections import Counter, defaultdict
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, chisquare

from auditkit.spec.study import Expert
from auditkit.study import assigning
from auditkit.study.folder import Blinded, Item


def study_of(references=5, models=2, practice=2, experts=("ann", "bob"), **changed) -> Blinded:
    """Pairs of every model of every reference."""
    counting = [
        Item(item=f"i{r}-{m}", reference=f"r{r}", pictures=(f"p{r}-{m}-0", f"p{r}-{m}-1"))
        for r in range(references)
        for m in range(models)
    ]
    trying = [
        Item(item=f"t{n}", reference=f"u{n}", pictures=(f"q{n}-0", f"q{n}-1"), practice=True)
        for n in range(practice)
    ]
    said = {
        "study": "moles",
        "title": "Moles",
        "kind": "pairs",
        "question": "Which?",
        "experts": tuple(Expert(expert=name) for name in experts),
        "coordinator": "carl",
        "categories": ("lesion",),
        "prescreen": True,
        "references": 100,
        "stage_one": 6,
        "set_size": 4,
        "repeats": 0.25,
        "order_seed": "00ff",
        "width": 8,
        "height": 8,
        "items": (*counting, *trying),
    }
    return Blinded.model_validate(said | changed)


STUDIES = st.builds(
    study_of,
    references=st.integers(1, 12),
    models=st.integers(1, 3),
    practice=st.integers(0, 3),
    stage_one=st.integers(0, 40),
    set_size=st.integers(1, 9),
    repeats=st.sampled_from([0.0, 0.1, 0.25, 1 / 3, 0.5]),
    order_seed=st.text("0123456789abcdef", min_size=2, max_size=8),
)


def everything(study: Blinded, expert: str = "ann"):
    return assigning.pairs(study, expert, assigning.references(study, ()))


def promised(study, shown):
    """How many repeats there are: the share of all so far, of stages in which they can be mixed."""
    firsts = [one for one in shown if one.showing == "first"]
    sizes = [sum(one.phase == phase for one in firsts) for phase in ("stage-1", "stage-2")]
    ends = [int(study.repeats * n + 0.5) for n in (0, sizes[0], sum(sizes))]
    own = zip(sizes, pairwise(ends), strict=True)
    return sum(end - begin for size, (begin, end) in own if size >= 4 and study.set_size > 1)


@given(STUDIES)
def test_every_item_is_shown_once_and_the_promised_share_again(study):
    shown = everything(study)
    counted = {item.item for item in study.items if not item.practice}
    of = defaultdict(list)
    for one in shown:
        of[one.showing].append(one.item)
    assert sorted(of["first"]) == sorted(counted)
    assert sorted(of["practice"]) == sorted(one.item for one in study.items if one.practice)
    assert len(of["repeat"]) == len(set(of["repeat"])) == promised(study, shown)
    assert set(of["repeat"]) <= counted


@given(STUDIES)
def test_no_set_is_of_repeats_alone_and_the_first_has_none(study):
    sets = defaultdict(Counter)
    for one in (*everything(study), *assigning.ratings(study, "ann")):
        if one.showing != "practice":
            sets[one.phase, one.sitting][one.showing] += 1
    for (_, sitting), showings in sets.items():
        assert showings["first"]
        assert sitting > 1 or not showings["repeat"]


@pytest.mark.parametrize("size", [2, 3, 5, 20])
def test_repeats_are_mixed_whatever_the_number_of_pairs(size):
    for pairs in range(4, 60):
        study = study_of(
            pairs, 1, 0, stage_one=99, set_size=size, repeats=0.5, order_seed=f"{pairs:04x}"
        )
        sets = defaultdict(Counter)
        for one in everything(study):
            sets[one.sitting][one.showing] += 1
        assert sum(own["repeat"] for own in sets.values()) == int(pairs / 2 + 0.5)
        assert all(own["first"] for own in sets.values())


@pytest.mark.parametrize(
    ("pairs", "firsts", "repeats"),
    [
        (3, [3], [0]),
        (4, [3, 1], [0, 1]),
        (10, [7, 3], [0, 3]),
        (18, [12, 6], [0, 5]),
        (21, [13, 8], [0, 5]),
    ],
)
def test_a_stage_that_would_fit_into_a_set_is_cut_into_two_by_hand(pairs, firsts, repeats):
    study = study_of(pairs, 1, 0, stage_one=99, set_size=20, repeats=0.25)
    found = defaultdict(Counter)
    for one in everything(study):
        found[one.sitting][one.showing] += 1
    assert [found[n]["first"] for n in sorted(found)] == firsts
    assert [found[n]["repeat"] for n in sorted(found)] == repeats


@given(STUDIES)
def test_repeats_come_in_a_later_set_of_the_same_stage(study):
    shown = everything(study)
    first = {one.item: one for one in shown if one.showing == "first"}
    for one in shown:
        if one.showing == "repeat":
            assert one.phase == first[one.item].phase
            assert one.sitting >= first[one.item].sitting + 1
            assert one.place > first[one.item].place


@given(STUDIES)
def test_sets_and_places_are_counted_through(study):
    shown = everything(study)
    counting = [one for one in shown if one.showing != "practice"]
    for phase in ("stage-1", "stage-2"):
        here = [one for one in shown if one.phase == phase]
        assert [one.place for one in here] == list(range(len(here)))
        sittings = [one.sitting for one in here]
        assert sittings == sorted(sittings)
        sizes = Counter(one.sitting for one in counting if one.phase == phase)
        assert sorted(sizes) == list(range(1, len(sizes) + 1))
        assert all(size <= study.set_size for size in sizes.values())
    assert [one for one in shown if one.phase == "stage-1"] + [
        one for one in shown if one.phase == "stage-2"
    ] == list(shown)


@given(STUDIES)
def test_sets_are_full_but_for_the_last_or_two_that_are_about_equal(study):
    counting = [one for one in everything(study) if one.showing != "practice"]
    for phase in ("stage-1", "stage-2"):
        here = [one for one in counting if one.phase == phase]
        sizes = Counter(one.sitting for one in here)
        if len(sizes) == 2 and any(one.showing == "repeat" for one in here):
            assert sizes[1] - sizes[2] in {0, 1}
        else:
            assert all(sizes[number] == study.set_size for number in range(1, len(sizes)))


@given(STUDIES)
def test_stages_and_practice_are_where_the_plan_wants_them(study):
    shown = everything(study)
    firsts = [one for one in shown if one.showing == "first"]
    in_one = [one for one in firsts if one.phase == "stage-1"]
    assert len(in_one) == min(study.stage_one, len(firsts))
    practice = [one for one in shown if one.showing == "practice"]
    assert list(shown[: len(practice)]) == practice
    assert {one.sitting for one in practice} <= {0}
    assert {one.phase for one in practice} <= {"stage-1" if study.stage_one else "stage-2"}
    assert all(sorted(one.order) == [0, 1] for one in shown)


@given(STUDIES)
def test_neither_other_experts_nor_another_call_change_an_order(study):
    alone = study.model_copy(update={"experts": study.experts[:1]})
    many = study.model_copy(update={"experts": (Expert(expert="zoe"), *study.experts)})
    for other in (study, alone, many):
        assert everything(other) == everything(study)
        assert assigning.screening(other, "ann") == assigning.screening(study, "ann")
        assert assigning.ratings(other, "ann") == assigning.ratings(study, "ann")


def test_experts_seeds_and_purposes_have_orders_of_their_own():
    study = study_of(references=40, models=1, stage_one=99, repeats=0, practice=0)
    other = study.model_copy(update={"order_seed": "00fe"})
    orders = [
        [one.item for one in shown]
        for shown in (
            everything(study, "ann"),
            everything(study, "bob"),
            everything(other, "ann"),
            assigning.ratings(study, "ann"),
            assigning.screening(study, "ann")[:40],
            assigning.screening(study, "bob")[:40],
        )
    ]
    assert len({tuple(one) for one in orders}) == len(orders)


def test_sides_are_a_fair_coin_for_everybody_and_every_showing():
    flips = Counter()
    agreeing, repeated = Counter(), Counter()
    for seed in range(60):
        study = study_of(references=12, order_seed=f"{seed:04x}", stage_one=12, repeats=0.5)
        sides = {}
        for name in ("ann", "bob"):
            for one in everything(study, name):
                sides[name, one.item, one.showing] = one.order
                flips[one.showing, one.order] += 1
        for (name, item, showing), order in sides.items():
            if name == "ann" and showing == "first":
                agreeing[order == sides["bob", item, "first"]] += 1
                if (name, item, "repeat") in sides:
                    repeated[order == sides[name, item, "repeat"]] += 1
    for showing in ("practice", "first", "repeat"):
        counts = [flips[showing, order] for order in ((0, 1), (1, 0))]
        assert binomtest(counts[0], sum(counts)).pvalue > 1e-4
    for counted in (agreeing, repeated):
        assert counted.total() >= 700
        assert binomtest(counted[True], counted.total()).pvalue > 1e-4


def test_places_and_sides_have_nothing_to_do_with_the_order_of_the_study():
    places, sides, again = Counter(), Counter(), Counter()
    for seed in range(400):
        study = study_of(references=6, models=1, practice=0, order_seed=f"{seed:04x}", stage_one=99)
        shown = everything(study)
        again.update(one.item for one in shown if one.showing == "repeat")
        for place, one in enumerate(one for one in shown if one.showing == "first"):
            places[one.item, place] += 1
            sides[one.item, one.order] += 1
    items = [item.item for item in study_of(references=6, models=1, practice=0).items]
    for item in items:
        assert binomtest(sides[item, (0, 1)], 400).pvalue > 1e-4
        assert chisquare([places[item, place] for place in range(6)]).pvalue > 1e-4
    assert chisquare([again[item] for item in items]).pvalue > 1e-4


def test_repeats_are_spread_over_all_later_sets():
    sittings = Counter()
    for seed in range(100):
        study = study_of(
            50, 2, 0, order_seed=f"{seed:04x}", stage_one=100, set_size=20, repeats=0.1
        )
        sittings.update(one.sitting for one in everything(study) if one.showing == "repeat")
    assert sorted(sittings) == [2, 3, 4, 5, 6]
    # 110 showings: the places of sets 2 to 6 are 20, 20, 20, 20 and 10 of 90, with ten repeats each time
    assert chisquare([sittings[n] for n in range(2, 7)], [2000 / 9] * 4 + [1000 / 9]).pvalue > 1e-4


def test_what_is_repeated_next_cannot_be_told_from_what_came_first():
    rising = Counter()
    for seed in range(60):
        study = study_of(
            50, 2, 0, order_seed=f"{seed:04x}", stage_one=100, set_size=20, repeats=0.1
        )
        shown = everything(study)
        first = {one.item: one.place for one in shown if one.showing == "first"}
        last_set = [first[one.item] for one in shown if one.showing == "repeat" and one.sitting > 4]
        rising.update(one < other for one, other in pairwise(last_set))
    assert 0.35 < rising[True] / rising.total() < 0.65


def test_the_papers_sets_of_twenty_by_hand():
    study = study_of(10, 5, 4, stage_one=50, set_size=20, repeats=0.1, order_seed="ab")
    shown = everything(study)
    assert Counter(one.sitting for one in shown) == {0: 4, 1: 20, 2: 20, 3: 15}
    assert Counter(one.showing for one in shown) == {"practice": 4, "first": 50, "repeat": 5}


@given(STUDIES)
def test_every_picture_is_screened_once_by_itself(study):
    shown = assigning.screening(study, "ann")
    expected = [(one.item, (n,)) for one in study.items if not one.practice for n in (0, 1)]
    assert sorted((one.item, one.order) for one in shown) == sorted(expected)
    assert [one.place for one in shown] == list(range(len(expected)))
    assert [one.sitting for one in shown] == [n // study.set_size + 1 for n in range(len(shown))]
    assert {(one.phase, one.showing) for one in shown} == {("screening", "first")}


@given(STUDIES, st.sets(st.integers(0, 11)), st.integers(1, 15))
def test_references_are_drawn_from_those_that_passed_in_every_model(study, failed, most):
    study = study.model_copy(update={"references": most})
    rejected = {f"i{number}-0" for number in failed}
    counted = {one.reference for one in study.items if not one.practice}
    passed = counted - {f"r{number}" for number in failed}
    drawn = assigning.references(study, rejected)
    assert drawn <= passed
    assert len(drawn) == min(most, len(passed))
    names = {one.item for one in assigning.pairs(study, "bob", drawn) if one.showing == "first"}
    assert names == {one.item for one in study.items if one.reference in drawn}


def test_every_reference_has_the_same_chance():
    drawn = Counter()
    for seed in range(600):
        study = study_of(6, 1, 0)
        changed = {"references": 2, "order_seed": f"{seed:04x}"}
        drawn.update(assigning.references(study.model_copy(update=changed), ()))
    assert drawn.total() == 1200
    assert chisquare([drawn[f"r{n}"] for n in range(6)]).pvalue > 1e-4


@pytest.mark.parametrize("repeats", [0, 0.25])
def test_heatmaps_are_shown_whole_and_again_later(repeats):
    items = tuple(
        Item(item=f"h{n}", reference=f"h{n}", pictures=("a", "b", "c"), practice=n < 2)
        for n in range(18)
    )
    study = study_of(kind="heatmaps", items=items, repeats=repeats, set_size=5)
    shown = assigning.ratings(study, "ann")
    assert {one.order for one in shown} == {(0, 1, 2)}
    assert {one.phase for one in shown} == {"rating"}
    assert [one.place for one in shown] == list(range(len(shown)))
    assert Counter(one.showing for one in shown) == Counter(
        {"practice": 2, "first": 16, "repeat": int(16 * repeats)}
    )
    first = {one.item: one.sitting for one in shown if one.showing == "first"}
    assert all(one.sitting > first[one.item] for one in shown if one.showing == "repeat")
