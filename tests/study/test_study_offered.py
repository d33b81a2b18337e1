"""Names that nobody had, and screens that nobody did: what was not asked is not passed."""

import pytest
from answers_world import write_answers
from study_export_world import Truth, make_world

from auditkit.checks.expert_study.notes import notes
from auditkit.checks.expert_study.studied import Study
from auditkit.data.answers import read_answers
from auditkit.spec.audit import Expectation
from auditkit.spec.catalogue import read_answers_card
from auditkit.study.answers import ScreeningAnswer
from auditkit.study.exporting import export
from auditkit.verdict import Verdict, judge

PINK, RED, DARK = "background/pinker", "background/more erythema", "lesion/darker"
NAMES = [{"attribute": PINK}, {"attribute": RED}, {"attribute": DARK}]


def study_of(card):
    return Study.of(read_answers(card))


def told(study):
    return "\n".join(notes(study, study.models))


def verdict(measurement, **limits):
    wanted = {"measure": measurement.name, "why": "test", **limits}
    return judge(Expectation.model_validate(wanted), measurement).verdict


def answers(folder, stage="stage-1", pairs=100, **of_pair):
    rows = [{"pair": f"p{i}", "model": "m", "image": f"i{i}", **of_pair} for i in range(pairs)]
    choices = [
        {
            "expert": e,
            "pair": f"p{i}",
            "chosen": "A",
            "left": ("first", "second")[i % 2],
            "stage": stage,
        }
        for e in "ab"
        for i in range(pairs)
    ]
    noted = [
        {
            "expert": e,
            "pair": f"p{i}",
            "attribute": RED,
            "comparator": "A > B",
            "text": "redder skin",
        }
        for e in "ab"
        for i in range(60)
        if i < pairs
    ]
    return write_answers(folder, rows, choices, noted, attributes=NAMES)


def test_a_name_that_nobody_was_offered_is_without_estimate(tmp_path):
    study = study_of(answers(tmp_path))
    found = study.models[0].findings
    for part in ("score", "benign", "malignant", "noted", "direction"):
        one = found[f"attribute[{PINK}].{part}"]
        assert (one.estimate, one.choice) == (None, None)
        assert one.reason == "nobody used or was offered this name"
    assert verdict(found[f"attribute[{PINK}].score"], below=0.1) is Verdict.INCONCLUSIVE
    direction = found[f"attribute[{PINK}].direction"]
    assert verdict(direction, **{"in": ["neither"]}) is Verdict.INCONCLUSIVE
    assert found[f"attribute[{RED}].noted"].estimate.value == pytest.approx(0.6)
    assert (
        f"Noted by nobody in any model: {PINK}; of background they noted {RED} (120); nobody was offered"
        in told(study)
    )


def test_a_name_that_was_offered_and_that_nobody_noted_is_0_and_said(tmp_path):
    study = study_of(answers(tmp_path, "stage-2"))
    assert verdict(study.models[0].findings[f"attribute[{PINK}].score"], below=0.1) is Verdict.PASS
    text = told(study)
    assert f"Noted by nobody in any model: {PINK}; of background they noted {RED} (120)." in text
    assert f"Noted by nobody in any model: {DARK}; of lesion they noted nothing." in text


def test_without_a_screening_what_it_kept_is_not_asked(tmp_path):
    study = study_of(answers(tmp_path, screened=""))
    kept = study.models[0].findings["retained"]
    assert not kept.applicable
    assert "no pre-screening" in kept.reason
    assert verdict(kept, above=0.8) is Verdict.NOT_APPLICABLE
    assert "Not screened for visual quality" in told(study)
    assert "Not screened for classifier consistency: pairs of m came from a table" in told(study)


def test_a_screening_by_nobody_keeps_nothing_for_certain(tmp_path):
    study = study_of(answers(tmp_path, screened="0"))
    kept = study.models[0].findings["retained"]
    assert kept.estimate is None
    assert kept.not_evaluable == {"not screened by every expert": 100}
    assert verdict(kept, above=0.8) is Verdict.INCONCLUSIVE
    assert "100 of the others were not looked at by every expert, 100 of those by none" in told(
        study
    )


@pytest.fixture
def screened_in_part(tmp_path):
    """Of 20 images ada screens all, ben 12; ada rejects image 1, which ben does not see."""
    world = make_world(tmp_path / "study", references=20, stage_one=0, repeats=0.2)
    for expert, most in (("ada", 20), ("ben", 12)):
        for task in world.store.tasks(expert, "screening"):
            image = world.number(task.item) % 20
            if image < most and not (expert == "ben" and image == 1):
                bad = (expert, image) == ("ada", 1)
                answer = ScreeningAnswer(artifact=bad)
                world.store.save(expert, task.slug, f"n-{task.slug}", answer, submitted=True)
    world.end("ben has no time")
    for expert, most in (("ada", 40), ("ben", 10)):
        truth = {(expert, number): Truth() for number in range(most)}
        world.answer_all(truth, "stage-2")
    world.end("ben has no time")
    return world, export(world.folder, world.store, tmp_path / "out")


def test_what_was_screened_in_part_is_exported_and_counted(screened_in_part):
    world, path = screened_in_part
    found = read_answers(read_answers_card(path))
    by_image = {one.image: one.screened for one in found.pairs if one.model == "one"}
    assert by_image == {f"image-{i}": 1 if i == 1 or i >= 12 else 2 for i in range(20)}
    kept = study_of(read_answers_card(path)).models[0].findings["retained"]
    # Images 0 to 11 are known: one of them was rejected.
    assert (kept.estimate.value, kept.estimate.n) == (pytest.approx(11 / 12), 12)
    assert kept.not_evaluable == {"not screened by every expert": 8}
    assert verdict(kept, above=0.5) is Verdict.INCONCLUSIVE
    (event,) = (one for one in world.store.trail() if one.detail.get("from") == "screening")
    # Both pictures of both models: eight images, and the rejected one.
    assert event.detail["images that some experts screened and others did not"] == str(4 * 9)
    assert event.detail["images that nobody screened, counted as not rejected"] == "0"


def test_repeats_that_were_planned_are_exported_answered_or_not(screened_in_part):
    world, path = screened_in_part
    found = read_answers(read_answers_card(path))
    exported = {(name, one.pair) for one in found.pairs for name in one.repeats}
    planned = {
        (name, task.item)
        for name in ("ada", "ben")
        for task in world.store.tasks(name, "stage-2")
        if task.showing == "repeat"
    }
    assert exported == planned
    answered = {(one.expert, one.pair) for one in found.choices if one.showing == "repeat"}
    assert answered < exported
    own = Study.of(found).models[0].findings.find("repeat_kappa", {"expert": "ben"})
    assert own.not_evaluable["not answered"] > 0
