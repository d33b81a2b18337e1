"""Each check recovers what was planted, and nothing where nothing was."""

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score

from auditkit.checks.alignment import alignment
from auditkit.checks.colour_shift import colour_shift
from auditkit.checks.performance import performance
from auditkit.checks.reproduction import reproduction
from auditkit.checks.truthfulness import truthfulness
from auditkit.errors import AuditError
from auditkit.spec.audit import Expectation
from auditkit.spec.declarations import SHIPPED
from auditkit.spec.declarations.alignment import Alignment
from auditkit.spec.declarations.colour_shift import ColourShift
from auditkit.spec.declarations.performance import Performance
from auditkit.spec.declarations.reproduction import Reproduction
from auditkit.spec.declarations.truthfulness import Truthfulness
from auditkit.verdict import Verdict, judge

from .planted import NO_ORDER, Planted

RNG = np.random.default_rng(0)
N = 120
LABELS = (np.arange(N) % 3 == 0).astype(int)
SCORE = np.clip(0.35 + 0.3 * LABELS + 0.15 * RNG.standard_normal(N), 0.01, 0.99)


def declared(check, parameters, findings):
    """Every declared measure was measured, and nothing else, within its bounds."""
    measures = SHIPPED[check].measures(parameters)
    assert {m.name for m in findings.measurements} == set(measures)
    for m in findings.measurements:
        if m.estimate is not None:
            low, high = measures[m.name].bounds
            assert low <= m.estimate.low <= m.estimate.value <= m.estimate.high <= high, m


def test_performance_agrees_with_scikit_learn():
    groups = {"site": np.where(np.arange(N) % 2, "a", "b")}
    evidence = Planted(LABELS, SCORE, groups=groups)
    parameters = Performance(by=["site"])
    findings = performance(evidence, parameters)
    declared("performance", parameters, findings)
    overall = {m.name: m.estimate for m in findings.measurements if not m.at}
    assert overall["roc_auc"].value == pytest.approx(roc_auc_score(LABELS, SCORE))
    assert overall["brier"].value == pytest.approx(brier_score_loss(LABELS, SCORE))
    decided = SCORE >= 0.5
    assert overall["sensitivity"].value == pytest.approx(decided[LABELS == 1].mean())
    assert overall["specificity"].value == pytest.approx((~decided)[LABELS == 0].mean())
    part = groups["site"] == "a"
    found = findings.find("roc_auc", {"site": "a"})
    assert found.estimate.value == pytest.approx(roc_auc_score(LABELS[part], SCORE[part]))
    assert found.planned == part.sum()
    figures = {figure.name for figure in findings.figures}
    assert figures == {"roc", "precision_recall", "calibration"}


def test_one_class_only_is_not_evaluable_never_half():
    findings = performance(Planted(np.ones(20, int), SCORE[:20]), Performance())
    by_name = {m.name: m for m in findings.measurements}
    assert by_name["roc_auc"].estimate is None
    assert "class" in by_name["roc_auc"].reason
    assert by_name["specificity"].reason == "no negative image: one class only"
    assert by_name["sensitivity"].estimate is not None


def test_a_constant_model_is_named():
    findings = performance(Planted(LABELS, np.full(N, 0.7)), Performance())
    assert "0.7 for every image" in findings.notes[0]
    found = {m.name: m.estimate for m in findings.measurements}["roc_auc"]
    assert found.value == 0.5


def test_planted_pink_is_found_with_its_size_and_direction():
    def pink(radius, angle):
        return 0.02 * radius * np.cos(np.deg2rad(angle))

    parameters = ColourShift(radius=[5.0, 10.0], angles=8)
    findings = colour_shift(Planted(LABELS, SCORE, shift=pink), parameters)
    declared("colour-shift", parameters, findings)
    value = {
        (m.name, m.at["radius"]): m.estimate for m in findings.measurements if "angle" not in m.at
    }
    assert value["pink.mean_change", 5.0].value == pytest.approx(0.1)
    assert value["teal.mean_change", 5.0].value == pytest.approx(-0.1)
    assert value["pink.mean_change", 10.0].value == pytest.approx(0.2)
    assert value["yellow.mean_change", 5.0].value == pytest.approx(0.0, abs=1e-12)
    flips = (SCORE < 0.5) & (SCORE + 0.1 >= 0.5)
    assert value["pink.decision_flips", 5.0].value == pytest.approx(flips.mean())
    (figure,) = findings.figures
    assert [series.name for series in figure.series] == ["radius 5", "radius 10"]
    assert figure.series[0].y[0] == pytest.approx(0.1)
    assert len(findings.examples) == 4


def test_no_response_is_no_finding():
    findings = colour_shift(Planted(LABELS, SCORE, shift=lambda *_: 0.0), ColourShift(radius=5))
    assert all(m.estimate.value == 0 for m in findings.measurements)


def outputs(change=0.0):
    codes = np.rint(SCORE * 256) / 256
    both = np.stack([1 - codes, codes], axis=1)
    both[:7] += change
    return both


def test_equal_outputs_are_equal_and_seven_differences_are_seven():
    plain, changed = outputs(), outputs(3 / 256)
    kept = {"xnnpack": plain, "reference": plain, "fake": changed, "ref": plain}
    parameters = Reproduction(images=None, against=["runtime", "reference", "noise-floor"])
    findings = reproduction(Planted(LABELS, SCORE, outputs=kept), parameters)
    declared("reproduction", parameters, findings)
    value = {(m.name, m.at["against"]): m.estimate.value for m in findings.measurements}
    assert value["bit_equal", "reference"] == 1
    assert value["bit_equal", "runtime"] == pytest.approx(1 - 7 / N)
    assert value["within_tolerance", "runtime"] == pytest.approx(1 - 7 / N)
    assert value["pearson_r", "reference"] == pytest.approx(1)
    assert findings.tables[0].rows[-1] == ["in steps", "3", "0", "0"]


def test_two_steps_of_tolerance_allow_two_steps():
    kept = {"xnnpack": outputs(), "fake": outputs(2 / 256)}
    for steps, share in ((1, 1 - 7 / N), (2, 1.0)):
        parameters = Reproduction(images=None, against=["runtime"], tolerance_steps=steps)
        findings = reproduction(Planted(LABELS, SCORE, outputs=kept), parameters)
        assert findings["within_tolerance"].estimate.value == pytest.approx(share)


def test_the_step_is_the_files_not_what_happened_to_occur():
    few = np.array([[0.9, 0.1], [0.5, 0.5], [0.1, 0.9]] * 10)
    kept = {"xnnpack": few, "fake": few + 0.3}
    evidence = Planted(LABELS[:30], SCORE[:30], outputs=kept)
    parameters = Reproduction(images=None, against=["runtime"])
    assert reproduction(evidence, parameters)["within_tolerance"].estimate.value == 0


def test_the_arithmetic_that_is_audited_is_the_one_compared():
    kept = {"xnnpack": outputs(), "fake": outputs(), "float": outputs(0.2)}
    evidence = Planted(LABELS, SCORE, outputs=kept)
    evidence.card = evidence.card.model_copy(update={"mode": "float"})
    parameters = Reproduction(images=None, against=["runtime"])
    found = reproduction(evidence, parameters)["bit_equal"].estimate.value
    assert found == pytest.approx(1 - 7 / N)


def test_logits_become_scores_before_they_are_decided():
    logits = np.log(np.clip(outputs(), 1e-6, 1))
    evidence = Planted(LABELS, SCORE, outputs={"xnnpack": logits, "fake": logits + 3.0})
    output = evidence.card.output.model_copy(update={"kind": "logits"})
    evidence.card = evidence.card.model_copy(update={"output": output})
    parameters = Reproduction(images=None, against=["runtime"])
    findings = reproduction(evidence, parameters)
    assert findings["decision_agreement"].estimate.value == 1
    assert findings["bit_equal"].estimate.value == 0


def test_a_truthful_heatmap_has_a_positive_delta_aupc_worked_by_hand():
    """Right until the first cell is gone, against right until the last: area .05 against .95."""
    n, steps, repeats = 40, 10, 3
    labels = np.ones(n, int)
    by_heat = np.concatenate([np.ones((n, 1), int), np.zeros((n, steps), int)], axis=1)
    at_random = np.concatenate(
        [np.ones((n, repeats, steps), int), np.zeros((n, repeats, 1), int)], axis=2
    )
    evidence = Planted(
        labels,
        np.full(n, 0.9),
        maps={"gradcam": np.ones((n, 4, 4), np.float32)},
        decisions={"gradcam": by_heat},
        random=at_random,
        images_per_patient=2,
    )
    parameters = Truthfulness(methods=["gradcam"], steps=steps, repeats=repeats, fills=["mean"])
    findings = truthfulness(evidence, parameters)
    declared("truthfulness", parameters, findings)
    assert findings["gradcam.aupc"].estimate.value == pytest.approx(0.05)
    assert findings["gradcam.delta_aupc"].estimate.value == pytest.approx(0.9)
    assert findings["gradcam.delta_aupc"].estimate.clusters == 20


def test_heatmaps_without_an_order_are_counted():
    n, steps = 10, 10
    decisions = np.ones((n, steps + 1), int)
    decisions[:3] = -1
    evidence = Planted(
        np.ones(n, int),
        np.full(n, 0.9),
        maps={"gradient": np.ones((n, 16, 16), np.float32)},
        decisions={"gradient": decisions},
        random=np.ones((n, 2, steps + 1), int),
    )
    parameters = Truthfulness(methods=["gradient"], steps=steps, repeats=2, fills=["mean"])
    findings = truthfulness(evidence, parameters)
    found = findings["gradient.delta_aupc"]
    assert found.not_evaluable == {NO_ORDER: 3}
    assert found.estimate.n == 7
    decisions[:] = -1
    findings = truthfulness(evidence, parameters)
    assert findings["gradient.delta_aupc"].estimate is None


def masks(n):
    mask = np.zeros((16, 16), bool)
    mask[4:12, 4:12] = True
    return [mask.copy() for _ in range(n)]


def test_a_heatmap_on_the_annotation_covers_it_and_one_beside_it_does_not():
    n = 12
    inside = np.zeros((n, 16, 16), np.float32)
    inside[:, 6:10, 6:10] = 1 + RNG.random((n, 4, 4))
    outside = np.zeros((n, 16, 16), np.float32)
    outside[:, :2, :] = 1 + RNG.random((n, 2, 16))
    evidence = Planted(
        LABELS[:n], SCORE[:n], maps={"gradient": inside, "occlusion": outside}, masks=masks(n)
    )
    parameters = Alignment(methods=["gradient", "occlusion"], top=16 / 256)
    findings = alignment(evidence, parameters)
    declared("alignment", parameters, findings)
    assert findings["gradient.explanation_coverage"].estimate.value == pytest.approx(1)
    assert findings["gradient.ground_truth_coverage"].estimate.value == pytest.approx(16 / 64)
    assert findings["gradient.iou"].estimate.value == pytest.approx(16 / 64)
    assert findings["gradient.coverage_above_chance"].estimate.value == pytest.approx(1 - 64 / 256)
    assert findings["occlusion.explanation_coverage"].estimate.value == 0
    assert findings["occlusion.coverage_above_chance"].estimate.value == pytest.approx(-0.25)
    assert len(findings.examples) == 8


def test_empty_masks_and_zero_heatmaps_are_not_evaluable_with_their_reason():
    n = 6
    maps = RNG.random((n, 16, 16)).astype(np.float32)
    maps[0] = 0
    kept = masks(n)
    kept[1][:] = False
    kept[2] = None
    evidence = Planted(LABELS[:n], SCORE[:n], maps={"gradient": maps}, masks=kept)
    findings = alignment(evidence, Alignment(methods=["gradient"]))
    found = findings["gradient.iou"]
    assert found.estimate.n == 3
    assert sum(found.not_evaluable.values()) == 3
    assert len(found.not_evaluable) == 3
    assert "no annotation" in found.not_evaluable


def test_data_without_annotations_is_an_error_with_what_to_do():
    evidence = Planted(LABELS, SCORE, maps={"gradient": np.ones((N, 16, 16))})
    with pytest.raises(AuditError, match="neither masks nor boxes; name their column"):
        alignment(evidence, Alignment(methods=["gradient"]))


def test_a_method_that_does_not_fit_leaves_the_others_judged():
    n, steps = 10, 10
    right = np.ones((n, steps + 1), int)
    evidence = Planted(
        np.ones(n, int),
        np.full(n, 0.9),
        maps={"occlusion": np.ones((n, 4, 4), np.float32)},
        decisions={"occlusion": right},
        random=np.ones((n, 2, steps + 1), int),
        unfit={"guided-backprop": "it calls no ReLU"},
    )
    methods = ["guided-backprop", "occlusion"]
    parameters = Truthfulness(methods=methods, steps=steps, repeats=2, fills=["mean"])
    findings = truthfulness(evidence, parameters)
    declared("truthfulness", parameters, findings)
    unfit = findings["guided-backprop.delta_aupc"]
    expectation = Expectation(measure="guided-backprop.delta_aupc", above=0.0)
    assert judge(expectation, unfit).verdict is Verdict.NOT_APPLICABLE
    assert judge(expectation, unfit).reason == "it calls no ReLU"
    assert findings["occlusion.aupc"].estimate.value == 1
    assert "guided-backprop is not applicable: it calls no ReLU." in findings.notes
