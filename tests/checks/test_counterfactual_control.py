"""The negative control: how much of a red dot is left, and whether the model uses it."""

import numpy as np
import pytest

from auditkit.checks.artifact_left import left_of
from auditkit.checks.counterfactual_control import counterfactual_control
from auditkit.data.artifact import artifact_mask, carries
from auditkit.errors import AuditError, Unavailable
from auditkit.evidence.counterfactuals.artifact import ArtifactAnswers, artifact_answers
from auditkit.evidence.counterfactuals.kinds import Counterfactuals
from auditkit.evidence.counterfactuals.pictures import pairs
from auditkit.spec.counterfactual_card import Wanted
from auditkit.spec.declarations.counterfactual_control import CounterfactualControl

from .artifact_world import SIZE, SKIN, Leaving, dotted_evidence

EVERYTHING = slice(None)
BLUE = 0.49
BOTH = ["unconditional", "class-conditional"]


def parameters(*kinds):
    return CounterfactualControl(trained_on="training", discriminators=list(kinds or BOTH))


@pytest.fixture
def found(tmp_path, monkeypatch):
    evidence = dotted_evidence(tmp_path, monkeypatch)
    return evidence, counterfactual_control(evidence, parameters())


def redness(picture):
    return picture[..., 0] - picture[..., 1:].mean(axis=-1)


def by_hand(evidence, kind):
    """What is left in the pair of each image that carries the dot, (k, 2)."""
    card = evidence.peers.counterfactuals[kind]
    mask, rows = artifact_mask(SIZE, SIZE), []
    for index, record in enumerate(evidence.records):
        if carries(record):
            there = redness(evidence.data.image(index) / 255)[mask].mean()
            plain = redness(evidence.data.plain.image(index) / 255)[mask].mean()
            made = redness(pairs(evidence, card)[index] / 255)[:, mask].mean(axis=1)
            rows.append((made - plain) / (there - plain))
    return np.array(rows)


def test_a_generator_that_leaves_the_dot_leaves_all_of_it(found):
    _, findings = found
    for measure in ("benign_left", "malignant_left"):
        estimate = findings[f"{measure}[unconditional]"].estimate
        assert estimate.value == 1.0
        assert estimate.low < 1.0 < estimate.high  # a handful of images prove no more
    assert findings["difference[unconditional]"].estimate.value == 0.0


def test_one_that_erases_it_in_benign_counterfactuals_is_caught(found):
    _, findings = found
    benign = findings["benign_left[class-conditional]"].estimate
    assert benign.high < 0.3
    assert findings["malignant_left[class-conditional]"].estimate.value == 1.0
    difference = findings["difference[class-conditional]"].estimate
    assert difference.low > 0.7
    assert difference.value == pytest.approx(1.0 - benign.value)


@pytest.mark.parametrize("kind", BOTH)
def test_shares_are_those_computed_by_hand(found, kind):
    evidence, findings = found
    rows = by_hand(evidence, kind)
    carrying = sum(map(carries, evidence.records))
    for column, side in enumerate(("benign", "malignant")):
        measured = findings[f"{side}_left[{kind}]"]
        assert measured.estimate.value == pytest.approx(rows[:, column].mean(), abs=1e-6)
        assert (measured.estimate.n, measured.planned) == (carrying, carrying)
    difference = (rows[:, 1] - rows[:, 0]).mean()
    assert findings[f"difference[{kind}]"].estimate.value == pytest.approx(difference, abs=1e-6)


def test_a_model_that_looks_elsewhere_does_not_respond(found):
    evidence, findings = found
    response = findings["artifact_response"]
    assert response.estimate.value == 0.0
    assert response.estimate.n == response.planned == evidence.n
    assert findings.notes == []


def test_a_model_that_uses_it_is_no_control(tmp_path, monkeypatch):
    evidence = dotted_evidence(tmp_path, monkeypatch, part=EVERYTHING)
    findings = counterfactual_control(evidence, parameters("unconditional"))
    assert findings["artifact_response"].estimate.low > 0
    (note,) = findings.notes
    assert "counterfactuals may rightly change it" in note


def test_the_response_is_of_the_same_images_with_and_without_it(tmp_path, monkeypatch):
    """Whichever of the two the data set has: the other one is made."""
    worlds = [
        dotted_evidence(tmp_path / on, monkeypatch, part=EVERYTHING, on=on)
        for on in ("positive", "negative", "all")
    ]
    answers = [artifact_answers(one) for one in worlds]
    for one in answers[1:]:
        assert one.score_with.tolist() == pytest.approx(answers[0].score_with.tolist())
        assert one.score_without.tolist() == pytest.approx(answers[0].score_without.tolist())
    labels = worlds[0].labels
    assert (answers[0].carried == (labels == 1)).all()
    assert (answers[1].carried == (labels == 0)).all()
    own = np.where(answers[0].carried, answers[0].score_with, answers[0].score_without)
    assert worlds[0].scores().score.tolist() == pytest.approx(own.tolist(), abs=1e-6)


def test_batches_change_nothing(tmp_path, monkeypatch):
    runs = [
        counterfactual_control(
            dotted_evidence(tmp_path / str(batch), monkeypatch, part=EVERYTHING, batch=batch),
            parameters(),
        )
        for batch in (5, 16)
    ]
    values = [[one.estimate.value for one in run.measurements] for run in runs]
    assert values[0] == pytest.approx(values[1], abs=1e-5)


class Broken(Leaving):
    """Gives nothing finite for pictures with more blue than usual."""

    def generate(self, images, targets, scores):
        found = super().generate(images, targets, scores)
        found[images[:, 2].mean(dim=(1, 2)) > BLUE] = float("nan")
        return found


def test_what_is_not_finite_is_counted(tmp_path, monkeypatch):
    evidence = dotted_evidence(tmp_path, monkeypatch, broken=Broken())
    blue = [evidence.data.image(i)[..., 2].mean() / 255 for i in range(evidence.n)]
    bright = np.array(blue) > BLUE
    carried = np.array([carries(record) for record in evidence.records])
    assert 0 < (bright & carried).sum() < carried.sum()
    measured = counterfactual_control(evidence, parameters())["benign_left[unconditional]"]
    assert measured.not_evaluable == {"not finite": (bright & carried).sum()}
    assert measured.estimate.n == (~bright & carried).sum()


def planted(monkeypatch, left, answers, finite=None):
    n = len(answers.carried)
    finite = np.ones(n, bool) if finite is None else finite
    none = np.zeros(n)
    made = Counterfactuals(none, np.zeros((n, 2)), np.zeros((n, 2)), none, none, none, finite)
    place = "auditkit.checks.artifact_left"
    monkeypatch.setattr(f"{place}.counterfactual_redness", lambda *_: np.array(left))
    monkeypatch.setattr(f"{place}.counterfactuals", lambda *_: made)
    patients = np.array([f"p{i}" for i in range(n)])
    return left_of(type("E", (), {"patients": patients}), None, answers)


def test_what_does_not_stand_out_is_counted_and_shares_are_relative(monkeypatch):
    carried = np.array([True, True, False, True])
    without = np.array([0.2, 0.5, 0.2, -0.2])
    answers = ArtifactAnswers(carried, without, without, np.full(4, 0.8), without)
    left = [[0.2, 0.8], [0.5, 0.8], [0.2, 0.2], [0.3, 1.0]]
    one = planted(monkeypatch, left, answers)
    assert one.images.tolist() == [0, 3]
    assert one.shares == pytest.approx(np.array([[0.0, 1.0], [0.5, 1.2]]))
    assert one.skipped == ["the artifact does not stand out"]
    assert one.share("benign").value == pytest.approx(0.25)
    assert one.difference().value == pytest.approx(0.85)
    assert one.of(3, "malignant") == pytest.approx(1.2)


def test_the_reddest_change_stays_within_the_declared_bounds(monkeypatch):
    carried, without = np.array([True, True]), np.array([0.384, 0.384])
    answers = ArtifactAnswers(carried, without, without, np.full(2, 0.784), without)
    one = planted(monkeypatch, [[-1.0, 1.0], [-1.0, 1.0]], answers)
    low, high = (measure for measure in (-5.0, 5.0))
    assert low <= one.share("benign").value < one.share("malignant").value <= high


def test_no_image_with_it_is_a_reason_and_no_estimate(monkeypatch):
    nothing = np.zeros(3)
    answers = ArtifactAnswers(nothing > 0, nothing, nothing, nothing, nothing)
    one = planted(monkeypatch, np.zeros((3, 2)), answers)
    with pytest.raises(AuditError, match="no image that carries the artifact"):
        one.share("benign")


def test_data_without_an_artifact_are_refused(tmp_path, monkeypatch):
    evidence = dotted_evidence(tmp_path, monkeypatch, on=None)
    with pytest.raises(AuditError, match="'lesions' draws no artifact; give its card a key"):
        counterfactual_control(evidence, parameters())


def test_a_missing_generator_is_not_run(tmp_path, monkeypatch):
    evidence = dotted_evidence(tmp_path, monkeypatch)
    del evidence.peers.counterfactuals["class-conditional"]
    with pytest.raises(Unavailable, match="--discriminator class-conditional"):
        counterfactual_control(evidence, parameters())


def test_both_discriminators_are_in_one_figure(found):
    _, findings = found
    (figure,) = findings.figures
    assert list(figure.labels) == BOTH
    assert [one.name for one in figure.series] == [
        "benign counterfactual",
        "malignant counterfactual",
    ]
    for side, series in zip(("benign", "malignant"), figure.series, strict=True):
        expected = [findings[f"{side}_left[{kind}]"].estimate.value for kind in BOTH]
        assert list(series.y) == expected
        assert list(series.x) == [0, 1]


def test_examples_show_the_dot_one_row_per_discriminator(found):
    from io import BytesIO

    from PIL import Image

    evidence, findings = found
    ids = [record.id for record in evidence.records if carries(record)]
    assert [one.image_id for one in findings.examples] == ids[:3]
    first = findings.examples[0]
    assert first.columns == 3
    shown = [np.asarray(Image.open(BytesIO(data))) for _, data in first.panels]
    middle = [picture[4, 4].tolist() for picture in shown]
    red, skin = [220, 20, 20], [round(255 * value) for value in SKIN]
    assert middle[:5] == [red, red, red, red, pytest.approx(skin, abs=1)]
    captions = [text for text, _ in first.panels]
    assert captions[1].startswith("benign, unconditional: 0.05")
    assert captions[1].endswith("100% left")
    assert captions[5].startswith("malignant, class-conditional: 0.9")


def test_the_generators_that_it_asks_for_differ_in_the_discriminator_alone():
    assert list(parameters().counterfactuals) == [
        Wanted("training", discriminator=kind) for kind in BOTH
    ]
