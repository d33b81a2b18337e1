"""Curves worked by hand: methods, controls, fills, and what has no curve."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from volume_world import cubes_evidence

from auditkit.checks.truthfulness import truthfulness
from auditkit.evidence import Settings
from auditkit.evidence.removal import Removed
from auditkit.spec.audit import Expectation
from auditkit.spec.declarations import SHIPPED
from auditkit.spec.declarations.truthfulness import Truthfulness
from auditkit.verdict import Verdict, judge, worst_case

from .planted import NO_ORDER, Planted

STEPS = 4


@dataclass
class Planned(Planted):
    """What is planted may depend on the fill: decisions by (method, fill), else by method."""

    scores_by: dict = field(default_factory=dict)
    random_by: dict = field(default_factory=dict)

    def removal(self, method, plan):
        label = method.label
        found = self.decisions.get((label, plan.fill), self.decisions.get(label))
        return self._scored(self._removed(found, plan), self.scores_by.get(label))

    def random_removal(self, method, plan):
        found = self._removed(self.random_by.get(plan.fill, self.random), plan)
        return self._scored(found, self.scores_by.get("random"))

    def _scored(self, found, score):
        return found if score is None else replace(found, score=score)


def falling(n, last):
    """Right until step ``last`` of 4: the area is (last + .5) / 4."""
    right = np.arange(STEPS + 1) <= last
    return np.tile(right.astype(int), (n, 1))


def planted(n=30, method=0, control=1, chance=3, **given):
    maps = {"gradcam": np.ones((n, 4, 4), np.float32)}
    found = {"gradcam": falling(n, method), "edge-map": falling(n, control)}
    random = np.repeat(falling(n, chance)[:, None], 2, axis=1)
    given = {"decisions": found, "random": random, "images_per_patient": 2} | given
    return Planned(np.ones(n, int), np.full(n, 0.9), maps=maps, **given)


def asked(**given):
    return Truthfulness(
        **{
            "methods": ["gradcam"],
            "controls": ["edge-map"],
            "fills": ["mean"],
            "steps": STEPS,
            "repeats": 2,
        }
        | given
    )


def declared(parameters, findings):
    measures = SHIPPED["truthfulness"].measures(parameters)
    assert {m.name for m in findings.measurements} == set(measures)
    for m in findings.measurements:
        if m.estimate is not None:
            low, high = measures[m.name].bounds
            assert low <= m.estimate.low <= m.estimate.value <= m.estimate.high <= high, m


def test_a_method_is_compared_with_a_control_in_pairs():
    parameters = asked()
    findings = truthfulness(planted(), parameters)
    declared(parameters, findings)
    value = {m.name: m.estimate.value for m in findings.measurements}
    assert value["gradcam.aupc"] == pytest.approx(0.125)
    assert value["edge-map.aupc"] == pytest.approx(0.375)
    assert value["gradcam.delta_aupc"] == pytest.approx(0.875 - 0.125)
    assert value["edge-map.delta_aupc"] == pytest.approx(0.5)
    assert value["gradcam.over[edge-map]"] == pytest.approx(0.25)
    found = findings["gradcam.over[edge-map]"]
    assert (found.estimate.n, found.estimate.clusters) == (30, 15)
    (table,) = findings.tables
    assert table.columns[:5] == ["method", "fill", "ΔAUPC", "AUPC", "above edge-map"]
    assert [row[0] for row in table.rows] == ["gradcam", "edge-map"]
    assert [figure.name for figure in findings.figures] == ["gradcam_mean", "edge_map_mean"]


def test_images_without_an_order_leave_the_pair_with_a_reason():
    evidence = planted()
    evidence.decisions["gradcam"][:3] = -1
    evidence.decisions["edge-map"][2:6] = -1
    findings = truthfulness(evidence, asked())
    assert findings["gradcam.delta_aupc"].not_evaluable == {NO_ORDER: 3}
    assert findings["edge-map.aupc"].not_evaluable == {NO_ORDER: 4}
    over = findings["gradcam.over[edge-map]"]
    assert over.not_evaluable == {NO_ORDER: 3, f"edge-map: {NO_ORDER}": 3}
    assert over.estimate.n == 24
    assert over.planned == 30


def test_cases_that_lack_a_modality_are_counted_everywhere():
    evidence = planted()
    evidence.incomplete = ("no flair", "no flair", "no t2")
    for found in truthfulness(evidence, asked()).measurements:
        assert found.planned == 33
        assert found.not_evaluable == {"no flair": 2, "no t2": 1}


@pytest.mark.parametrize("kept", [0, 2])
def test_fewer_than_two_patients_are_no_estimate(kept):
    evidence = planted()
    evidence.decisions["gradcam"][kept:] = -1  # two images of one patient
    findings = truthfulness(evidence, asked())
    for name in ("gradcam.delta_aupc", "gradcam.aupc", "gradcam.over[edge-map]"):
        assert findings[name].estimate is None
        assert "fewer than two patients" in findings[name].reason
    assert findings["edge-map.delta_aupc"].estimate is not None
    assert findings.figures[0].series == []


def test_a_method_that_does_not_fit_has_no_comparison_either():
    evidence = planted(unfit={"gradcam": "no convolution"})
    parameters = asked()
    findings = truthfulness(evidence, parameters)
    declared(parameters, findings)
    found = findings["gradcam.over[edge-map]"]
    expectation = Expectation(measure=found.name, above=0.0)
    assert judge(expectation, found).verdict is Verdict.NOT_APPLICABLE
    assert findings["edge-map.aupc"].estimate is not None


def test_another_sign_with_another_fill_is_flagged():
    chance = {"mean": planted().random, "black": np.repeat(falling(30, 1)[:, None], 2, axis=1)}
    decisions = planted().decisions | {("gradcam", "black"): falling(30, 3)}
    evidence = planted(random_by=chance, decisions=decisions)
    parameters = asked(fills=["mean", "black"])
    findings = truthfulness(evidence, parameters)
    declared(parameters, findings)
    rows = {(row[0], row[1]): row[5] for row in findings.tables[0].rows}
    assert rows["gradcam", "mean"] == rows["gradcam", "black"] == "differs"
    assert rows["edge-map", "mean"] == "same"  # 0 with black, which is no other sign
    (note,) = (note for note in findings.notes if "sign" in note)
    assert note.startswith("gradcam: the sign of ΔAUPC depends on what fills removed pixels; ")


def test_a_sign_that_the_intervals_leave_open_says_so():
    random = falling(30, 1)
    less, more = random.copy(), random.copy()
    less[0, 1] = 0
    more[0, 2] = 1
    decisions = {("gradcam", "mean"): more, ("gradcam", "black"): less}
    evidence = planted(random=random[:, None], decisions=decisions)
    findings = truthfulness(evidence, asked(fills=["mean", "black"], controls=[]))
    deltas = [m.estimate for m in findings.measurements if m.name.endswith("delta_aupc")]
    assert deltas[0].value < 0 < deltas[1].value
    assert any("within what the intervals leave open" in note for note in findings.notes)


def test_the_auroc_of_scores_may_be_what_falls():
    n = 40
    labels = np.arange(n) % 2
    apart = np.where(labels == 1, 0.9, 0.1)
    flat = np.full(n, 0.5)
    by_heat = np.stack([apart, flat, flat, flat, flat], axis=1)
    random = np.stack([apart, apart, apart, apart, flat], axis=1)[:, None]
    evidence = Planned(
        labels,
        apart,
        decisions={"gradcam": np.zeros((n, 5), int), "edge-map": np.zeros((n, 5), int)},
        random=np.zeros((n, 1, 5), int),
        scores_by={"gradcam": by_heat, "random": random, "edge-map": random[:, 0]},
    )
    parameters = asked(performance="auc")
    findings = truthfulness(evidence, parameters)
    declared(parameters, findings)
    value = {m.name: m.estimate.value for m in findings.measurements}
    # From 1 to .5 at once: .5 + .5 / 8; at the last step only: 1 - .5 / 8.
    assert value["gradcam.aupc"] == pytest.approx(0.5625)
    assert value["gradcam.delta_aupc"] == pytest.approx(0.375)
    assert value["edge-map.delta_aupc"] == pytest.approx(0)
    assert value["gradcam.over[edge-map]"] == pytest.approx(0.375)
    assert findings.figures[0].y_label == "AUROC"
    assert findings.figures[0].series[0].y == pytest.approx([1, 0.5, 0.5, 0.5, 0.5])
    assert {m.unit for m in findings.measurements} == {"AUROC"}


@pytest.mark.parametrize("classes", [True, False])
def test_an_auroc_needs_two_classes_and_a_score(classes):
    evidence = planted()  # all of class 1
    evidence.two_class = classes
    findings = truthfulness(evidence, asked(performance="auc"))
    expected = "needs both classes" if classes else "needs a model with one score"
    assert all(expected in m.reason for m in findings.measurements)


def test_each_images_own_fractions_make_its_area():
    @dataclass
    class Own(Planned):
        def _removed(self, decision, plan):
            found = super()._removed(decision, plan)
            shares = np.array([0, 0.5, 0.75, 0.9, 1])
            return Removed(found.decision, found.score, found.fraction * 0 + shares, found.reasons)

    evidence = planted()
    own = Own(evidence.labels, evidence.score, decisions=evidence.decisions, random=evidence.random)
    findings = truthfulness(own, asked())
    assert findings["gradcam.aupc"].estimate.value == pytest.approx(0.25)
    assert findings["edge-map.aupc"].estimate.value == pytest.approx(0.5 + 0.125)
    assert findings.figures[0].series[0].x == pytest.approx([0, 0.5, 0.75, 0.9, 1])


def test_volumes_with_controls_and_the_published_code_end_to_end(tmp_path):
    evidence = cubes_evidence(tmp_path, settings=Settings(batch_size=8), n=8, wrong=2, axes=2)
    given = {
        "methods": ["gradient", {"method": "occlusion", "window": 0.5, "stride": 0.25}],
        "controls": ["edge-map", "gaussian-map", {"method": "random-map", "cell": 2}],
        "steps": 3,
        "repeats": 2,
    }
    for extra in (
        {"fills": ["black", "noise"]},
        {"fills": ["mean"], "performance": "auc"},
        {"fills": ["noise"], "compat": "clinical-xai-2022"},
    ):
        parameters = Truthfulness(**given, **extra)
        findings = truthfulness(evidence, parameters)
        declared(parameters, findings)
        value = {(m.name, *m.at.values()): m for m in findings.measurements}
        for (name, fill), over in value.items():
            if ".over[" in name and over.estimate is not None and not over.not_evaluable:
                method, control = name.removesuffix("]").split(".over[")
                deltas = [value[f"{label}.delta_aupc", fill] for label in (method, control)]
                expected = deltas[0].estimate.value - deltas[1].estimate.value
                assert over.estimate.value == pytest.approx(expected, abs=1e-9)
        # Eight images of two classes are too few for an interval of the AUROC, which is said.
        assert all(m.estimate or "class is missing" in m.reason for m in findings.measurements)
    assert findings.figures[0].x_label == "nominal fraction of the heatmap above 0"
    assert any("published code is followed" in note for note in findings.notes)


@dataclass
class Grained(Planned):
    """Random orders of cells and of pixels cost differently; a random map's order is one more of its own."""

    grains: dict = field(default_factory=dict)

    def _orders(self, grain, repeats, seed, plan):
        """Right until a random step; scattered pixels cost the answer sooner than cells do."""
        last = np.random.default_rng([seed, grain]).integers(0, 2, (self.n, repeats)) + (grain > 1)
        right = np.arange(plan.steps + 1) <= last[..., None]
        decision = np.where(right, self.labels[:, None, None], 1 - self.labels[:, None, None])
        found = self._removed(decision, plan)
        sign = np.where(self.labels == 1, 1.0, -1.0)[:, None, None]
        own = np.arange(self.n)[:, None, None] / (100 * self.n)
        return replace(found, score=0.5 + sign * (right - 0.5) * 0.4 + own)

    def removal(self, method, plan):
        found = self._orders(self.grains[method.label], 1, len(method.label), plan)
        decision, score, fraction = (a[:, 0] for a in (found.decision, found.score, found.fraction))
        return Removed(decision, score, fraction, found.reasons)

    def random_removal(self, method, plan):
        grain = self.grains[method.label]
        return replace(self._orders(grain, 15, 0, plan), baseline={"cell": grain})


@pytest.mark.parametrize("performance", ["accuracy", "auc"])
def test_a_random_map_of_cells_is_no_better_than_one_of_pixels(performance):
    cells = {"method": "random-map", "cell": 4, "name": "cells"}
    same = {"method": "random-map", "cell": 4, "draw": 1, "name": "more-cells"}
    n = 120
    evidence = Grained(
        np.arange(n) % 2, np.full(n, 0.9), grains={"random-map": 1, "cells": 4, "more-cells": 4}
    )
    # The pixels' order is the attack: over[cells] would be above 0 if raw areas were compared.
    parameters = Truthfulness(
        methods=["random-map"],
        controls=[cells, same],
        fills=["mean"],
        steps=STEPS,
        performance=performance,
    )
    findings = truthfulness(evidence, parameters)
    declared(parameters, findings)
    areas = {label: findings[f"{label}.aupc"].estimate for label in ("random-map", "cells")}
    assert areas["cells"].low - areas["random-map"].high > 0.05
    over = findings["random-map.over[cells]"]
    assert over.estimate.low < 0 < over.estimate.high
    assert abs(over.estimate.value) < 0.04
    assert over.bounds == (-2.0, 2.0)
    deltas = [findings[f"{label}.delta_aupc"].estimate.value for label in ("random-map", "cells")]
    assert over.estimate.value == pytest.approx(deltas[0] - deltas[1])
    turned = truthfulness(evidence, parameters.model_copy(update={"methods": parameters.controls}))
    assert turned["cells.over[more-cells]"].bounds == (-1.0, 1.0)  # one baseline, which cancels


def test_the_worst_case_of_an_auroc_counts_pairs():
    """Of 16 positives and 144 negatives, 4 positives without an order are a quarter of the pairs."""
    labels = np.arange(160) < 16
    apart = np.where(labels, 0.9, 0.1) + np.arange(160) / 10_000
    scores = np.stack([apart, *[np.full(160, 0.5)] * STEPS], axis=1)
    random = np.repeat(apart[:, None], STEPS + 1, axis=1)
    random[:, -1] = 0.5
    decisions = np.zeros((160, STEPS + 1), int)
    lost = np.flatnonzero(labels)[:4]

    def found(scores, decisions):
        evidence = Planned(
            labels.astype(int),
            apart,
            decisions={"gradcam": decisions, "edge-map": decisions * 0},
            random=np.zeros((160, 1, STEPS + 1), int),
            scores_by={"gradcam": scores, "random": random[:, None], "edge-map": random},
        )
        return truthfulness(evidence, asked(performance="auc"))

    without = decisions.copy()
    without[lost] = -1
    known = found(scores, without)
    # The four as bad as can be: what the heatmap removes first leaves their rank as it is, to the end.
    worst = scores.copy()
    worst[lost, 1:] = 0.9
    every = found(worst, decisions)
    for name in ("gradcam.delta_aupc", "gradcam.aupc", "gradcam.over[edge-map]"):
        one, value = known[name], every[name].estimate.value
        assert one.not_evaluable == {NO_ORDER: 4}
        assert one.affected == pytest.approx(0.25)
        point = replace(one.estimate, low=one.estimate.value, high=one.estimate.value)
        assert (
            abs(value - point.value) > 0.06
        )  # more than their share of the cases, of the whole range
        low, high = worst_case(replace(one, estimate=point))
        assert low <= value <= high
    # Of cases that lack a modality not even the label is known: pairs of all that they may be.
    evidence = Planned(
        labels.astype(int),
        apart,
        decisions={"gradcam": without, "edge-map": decisions},
        random=np.zeros((160, 1, STEPS + 1), int),
        scores_by={"gradcam": scores, "random": random[:, None], "edge-map": random},
    )
    evidence.incomplete = ("no t2",) * 4
    one = truthfulness(evidence, asked(performance="auc"))["gradcam.aupc"]
    assert one.affected == pytest.approx(1 - 12 * 144 / (20 * 144))


def test_two_fills_are_the_default_so_that_a_changing_sign_is_seen():
    assert Truthfulness(methods=["gradcam"]).fills == ["mean", "noise"]
