"""What seeing a prediction and a heatmap does to predictions: by hand, and on whom it is counted."""

from datetime import UTC, datetime

import numpy as np
import pytest

from auditkit import stats
from auditkit.spec.study import Expert
from auditkit.study.answers import Decision, HeatmapAnswer, ScreeningAnswer
from auditkit.study.exporting.heatmap_rows import HeatmapRow, heatmap_rows
from auditkit.study.exporting.influence import EVERYBODY, influence
from auditkit.study.folder import Blinded, Item, Key, KeyItem
from auditkit.study.kinds import Revision, Task


def row(image, before, after, expert="ann", patient=None, predicted="bad", **given):
    """Predictions as (decision, confidence); None where there is none."""
    said = [
        None if one is None else Decision(decision=one[0], confidence=one[1])
        for one in (before, after)
    ]
    answer = HeatmapAnswer(before=said[0], after=said[1], unable=True)
    values = {"method": "m", "showing": "first", "seen_before": 0, "seconds": None} | given
    return HeatmapRow(
        expert=expert,
        image=image,
        patient=image if patient is None else patient,
        predicted=predicted,
        answer=answer,
        **values,
    )


def found(rows, labels=None):
    return {(one.expert, one.quantity, one.when): one for one in influence(rows, labels or {})}


FOUR = [
    row("a", ("fine", 20), ("bad", 60)),
    row("b", ("bad", 50), ("bad", 90)),
    row("c", ("fine", 80), ("fine", 70), predicted="fine"),
    row("d", ("bad", 40), ("fine", 40)),
]


def test_agreement_accuracy_and_confidence_by_hand():
    values = found(FOUR, {"a": "bad", "b": "fine", "c": "fine"})
    expected = {
        ("agreement", "before"): 3 / 4,
        ("agreement", "after"): 3 / 4,
        ("agreement", "change"): 0.0,
        ("accuracy", "before"): 1 / 3,
        ("accuracy", "after"): 2 / 3,
        ("accuracy", "change"): 1 / 3,
        ("confidence", "before"): 47.5,
        ("confidence", "after"): 65.0,
        ("confidence", "change"): 17.5,
    }
    assert {key[1:] for key in values} == set(expected)
    for (quantity, when), value in expected.items():
        assert values["ann", quantity, when].estimate.value == pytest.approx(value)


def test_accuracy_is_left_out_where_no_label_is_known():
    assert {key[1] for key in found(FOUR)} == {"agreement", "confidence"}


def test_only_the_first_look_at_a_case_counts():
    later = [
        row("a", ("bad", 99), ("bad", 99), seen_before=1),
        row("b", ("fine", 1), ("fine", 1), showing="repeat", seen_before=1),
        row("e", ("bad", 99), None),
    ]
    for key, one in found([*FOUR, *later]).items():
        assert one.estimate.value == found(FOUR)[key].estimate.value
        assert one.estimate.n == 4


def test_experts_are_counted_alone_and_together_by_patient():
    other = [
        row(one.image, ("bad", 10), ("bad", 10), expert="bob", patient=one.patient) for one in FOUR
    ]
    values = found([*FOUR, *other])
    assert {key[0] for key in values} == {"ann", "bob", EVERYBODY}
    together = values[EVERYBODY, "confidence", "after"].estimate
    patients = ["a", "b", "c", "d"] * 2
    alone = stats.mean([60, 90, 70, 40] + [10] * 4, patients, bounds=(0, 100))
    assert (together.value, together.low, together.high) == (alone.value, alone.low, alone.high)
    assert (together.n, together.clusters) == (8, 4)


def test_images_of_one_patient_make_the_interval_wider():
    rows = [
        row(f"{n}", ("fine", 50), ("bad" if n < 10 else "fine", 50), patient=f"p{n // 5}")
        for n in range(20)
    ]
    apart = [row(f"{n}", ("fine", 50), ("bad" if n < 10 else "fine", 50)) for n in range(20)]
    wide, narrow = (found(one)["ann", "agreement", "after"].estimate for one in (rows, apart))
    assert wide.value == narrow.value == 0.5
    assert wide.high - wide.low > 1.3 * (narrow.high - narrow.low)


def test_one_that_never_changes_has_an_honest_interval():
    rows = [row(f"{n}", ("bad", 50), ("bad", 50)) for n in range(6)]
    for (_, _, when), one in found(rows).items():
        assert one.estimate.high > one.estimate.low, when


def test_one_patient_has_no_interval_and_a_reason():
    rows = [
        row("a", ("bad", 1), ("bad", 1), patient="p"),
        row("b", ("bad", 9), ("bad", 1), patient="p"),
    ]
    for one in influence(rows, {}):
        assert one.estimate is None
        assert "two patients" in one.reason


def test_unknown_patients_are_one_per_image():
    rows = [row(one.image, ("bad", 50), ("fine", 60), patient="") for one in FOUR]
    assert found(rows)["ann", "agreement", "before"].estimate.clusters == 4


def task(item, sitting, place, showing="first", person="ann"):
    return Task(
        f"s{sitting}{place}{person}", person, "rating", sitting, place, showing, item, (0, 1, 2)
    )


def test_rows_follow_what_each_expert_was_shown():
    items = tuple(
        Item(
            item=name,
            reference=name[0],
            pictures=("p", "q", "r"),
            practice=name == "x1",
            told={"prediction": f"said of {name[0]}"},
        )
        for name in ("x1", "x2", "y1")
    )
    study = Blinded(
        study="s",
        title="t",
        kind="heatmaps",
        question="?",
        experts=(Expert(expert="bob"), Expert(expert="ann")),
        coordinator="c",
        categories=("lesion",),
        prescreen=False,
        references=9,
        stage_one=0,
        set_size=2,
        repeats=0.5,
        order_seed="o",
        width=1,
        height=1,
        items=items,
    )
    key = Key(
        study="s",
        seed="k",
        plan_sha256="0",
        models={},
        items=tuple(
            KeyItem(item=one.item, model="m", image=one.reference, method=f"of {one.item}")
            for one in items
        ),
    )
    revision = Revision(2, HeatmapAnswer(), submitted=True, at=datetime.now(UTC), seconds=4.0)
    screened = Revision(1, ScreeningAnswer(artifact=False), submitted=True, at=datetime.now(UTC))
    answered = [
        (task("y1", 2, 4, "repeat"), revision),
        (task("x2", 1, 1), revision),
        (task("x1", 0, 0, "practice"), revision),
        (task("y1", 1, 2), revision),
        (task("y1", 1, 0, person="bob"), revision),
        (task("x1", 1, 9), screened),
    ]
    rows = heatmap_rows(study, key, answered)
    assert [
        (one.expert, one.image, one.method, one.predicted, one.showing, one.seen_before)
        for one in rows
    ] == [
        ("bob", "y", "of y1", "said of y", "first", 0),
        # The case was seen in practice: the first prediction is made by somebody who knows the model's.
        ("ann", "x", "of x2", "said of x", "first", 1),
        ("ann", "y", "of y1", "said of y", "first", 0),
        ("ann", "y", "of y1", "said of y", "repeat", 1),
    ]
    assert np.array([one.seconds for one in rows]).tolist() == [4.0] * 4
