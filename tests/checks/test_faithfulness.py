"""The check faithfulness: every declared measure, controls in pairs, nobody dropped."""

from dataclasses import replace

import numpy as np
import pytest
from volume_world import Bright, cubes_evidence

from auditkit.checks.faithfulness import faithfulness
from auditkit.evidence.kinds import Fitness
from auditkit.metrics.faithfulness import NO_CHANGE
from auditkit.spec.audit import Expectation
from auditkit.spec.declarations import SHIPPED
from auditkit.spec.declarations.faithfulness import Faithfulness
from auditkit.spec.methods import parse_method
from auditkit.verdict import Verdict, judge

SMALL = {"steps": 4, "subsets": 16, "sizes": [0.2, 0.5], "fill": "black"}


def asked(**given):
    methods = given.pop("methods", ["input-x-gradient"])
    controls = given.pop("controls", ["random-map", "edge-map"])
    return Faithfulness(methods=methods, controls=controls, **{**SMALL, **given})


def declared(parameters, findings):
    """Every declared measure was measured at every place, within its bounds."""
    measures = SHIPPED["faithfulness"].measures(parameters)
    wanted = [
        (name, size)
        for name, measure in measures.items()
        for size in measure.at.get("size", (None,))
    ]
    found = [(m.name, m.at.get("size")) for m in findings.measurements]
    assert sorted(found, key=str) == sorted(wanted, key=str)
    for m in findings.measurements:
        if m.estimate is not None:
            low, high = measures[m.name].bounds
            assert low <= m.estimate.low <= m.estimate.value <= m.estimate.high <= high, m


def test_a_perfect_map_of_a_linear_model_is_found_to_be_one(tmp_path):
    parameters = asked()
    findings = faithfulness(cubes_evidence(tmp_path, n=8), parameters)
    declared(parameters, findings)
    assert findings["input-x-gradient.infidelity"].estimate.value < 1e-6
    for size in SMALL["sizes"]:
        found = findings.find("input-x-gradient.sensitivity_n", {"size": size})
        assert found.estimate.value > 1 - 1e-6
        assert found.estimate.n == 8
        random = findings.find("random-map.sensitivity_n", {"size": size})
        assert abs(random.estimate.value) < 0.3
    best, random = (findings[f"{m}.deletion"].estimate for m in ("input-x-gradient", "random-map"))
    over = findings["input-x-gradient.deletion.over[random-map]"].estimate
    assert over.value == pytest.approx(random.value - best.value)
    for part in ("deletion", "insertion", "infidelity"):
        assert findings[f"input-x-gradient.{part}.over[random-map]"].estimate.low > -0.05


def test_differences_are_paired_and_signed_so_that_above_zero_is_better(tmp_path):
    evidence = cubes_evidence(tmp_path, n=6)
    findings = faithfulness(evidence, asked())
    own, control = (
        {
            part: findings[f"{name}.{part}"].estimate.value
            for part in ("deletion", "insertion", "infidelity")
        }
        for name in ("input-x-gradient", "edge-map")
    )
    for part, sign in (("deletion", -1), ("insertion", 1), ("infidelity", -1)):
        found = findings[f"input-x-gradient.{part}.over[edge-map]"].estimate
        assert found.value == pytest.approx(sign * (own[part] - control[part]))


def test_figures_and_table_show_every_method(tmp_path):
    findings = faithfulness(cubes_evidence(tmp_path, n=4), asked())
    assert [figure.kind for figure in findings.figures] == ["lines"] * 3
    for series in findings.figures[0].series:
        assert len(series.x) == len(series.y) == 5
        assert (np.array(series.low) <= series.y).all()
        assert (np.array(series.high) >= series.y).all()
    [table] = findings.tables
    assert [row[0] for row in table.rows] == ["input-x-gradient", "random-map", "edge-map"]
    assert all(len(row) == len(table.columns) for row in table.rows)
    equal = {row[4] for row in table.rows}
    assert len(equal) == 1  # the same units, so the same answers


def test_cases_that_lack_a_modality_are_counted(tmp_path):
    missing = ("case7 lacks flair", "case9 lacks flair")
    evidence = cubes_evidence(tmp_path, n=4, incomplete=missing)
    for m in faithfulness(evidence, asked()).measurements:
        assert m.planned == 6
        assert m.estimate.n == 4
        assert m.not_evaluable == dict.fromkeys(missing, 1)


def test_constant_maps_and_constant_answers_are_not_evaluable(tmp_path):
    evidence = cubes_evidence(tmp_path, n=4)
    heatmaps = evidence.heatmaps

    def spoiled(method):
        heat = heatmaps(method)
        if method.label == "input-x-gradient":
            heat.maps[0] = 1.0
        return heat

    evidence.heatmaps = spoiled
    findings = faithfulness(evidence, asked())
    found = findings["input-x-gradient.deletion"]
    assert found.not_evaluable == {"constant heatmap": 1}
    assert found.estimate.n == 3
    paired = findings["input-x-gradient.insertion.over[random-map]"]
    assert paired.not_evaluable == {"constant heatmap": 1}
    assert findings["random-map.deletion"].estimate.n == 4

    class Dead(Bright):
        def forward(self, x):
            return super().forward(x) * 0

    (tmp_path / "dead").mkdir()
    dead = cubes_evidence(tmp_path / "dead", Dead(), n=4)
    findings = faithfulness(dead, asked(methods=["gaussian-map"], controls=["random-map"]))
    assert findings["gaussian-map.infidelity"].not_evaluable == {NO_CHANGE: 4}
    assert findings["gaussian-map.infidelity"].estimate is None
    assert NO_CHANGE in findings["gaussian-map.infidelity"].reason
    assert findings["gaussian-map.deletion"].estimate.value == pytest.approx(0.5)
    low, high = (getattr(findings["gaussian-map.deletion"].estimate, e) for e in ("low", "high"))
    assert high - low > 0.3  # equal values of four patients are no certainty


def test_a_method_that_does_not_fit_is_not_applicable(tmp_path):
    evidence = cubes_evidence(tmp_path, n=4)
    fitness = evidence.fitness
    evidence.fitness = lambda m: Fitness("no layer") if m.label == "gradcam" else fitness(m)
    parameters = asked(methods=["gradcam", "gradient"])
    findings = faithfulness(evidence, parameters)
    declared(parameters, findings)
    mine = [m for m in findings.measurements if m.name.startswith("gradcam")]
    assert len(mine) == 5 * 3
    assert not any(m.applicable for m in mine)
    assert all(m.applicable for m in findings.measurements if m not in mine)
    assert findings.notes[0] == "gradcam is not applicable: no layer."
    assert findings.tables[0].rows[0][1] == "not applicable"


def test_one_patient_is_too_few(tmp_path):
    evidence = cubes_evidence(tmp_path, n=4)
    evidence.patients = np.array(["p"] * 4)
    findings = faithfulness(evidence, asked(controls=[]))
    assert all(m.estimate is None and m.reason for m in findings.measurements)
    assert findings.figures[0].series == []


@pytest.mark.parametrize("sizes", [[0.0], [1.0], [0.2, 0.2], []])
def test_sizes_are_shares(sizes):
    with pytest.raises(ValueError, match="sizes"):
        asked(sizes=sizes)


def test_a_control_is_ranked_on_the_methods_own_cells(tmp_path):
    """Two maps with equal means over the method's cells are alike, whatever is within the cells."""
    evidence = cubes_evidence(tmp_path, n=6)
    cells = {"method": "random-map", "cell": 4, "draw": 1, "name": "cells"}
    pixels = {"method": "random-map", "name": "pixels"}
    coarse = evidence.heatmaps(parse_method(cells))
    fine = evidence.heatmaps(parse_method(pixels))
    heatmaps = evidence.heatmaps

    def alike(method):
        """The pixels' map is the cells' one, and pixels of both signs that cancel within each."""
        heat = heatmaps(method)
        if method.label != "pixels":
            return heat
        signs = np.where(np.arange(8) % 2, 5, -5)
        return replace(
            fine, maps=np.stack([coarse.full(i, evidence.space) for i in range(6)]) + signs
        )

    evidence.heatmaps = alike
    findings = faithfulness(evidence, asked(methods=[cells], controls=[pixels]))
    for part in ("deletion", "insertion", "infidelity"):
        over = findings[f"cells.{part}.over[pixels]"].estimate
        assert over.value == pytest.approx(0, abs=1e-6), part
    own = [findings[f"{label}.deletion"].estimate.value for label in ("cells", "pixels")]
    assert abs(own[0] - own[1]) > 0.01  # not so on each map's own cells


def test_a_control_of_coarser_cells_than_the_method_is_no_comparison(tmp_path):
    parameters = asked(controls=[{"method": "random-map", "cell": 4}, "edge-map"])
    findings = faithfulness(cubes_evidence(tmp_path, n=4), parameters)
    declared(parameters, findings)
    over = findings["input-x-gradient.deletion.over[random-map]"]
    assert over.estimate is None
    assert over.applicable
    assert "cells of 4 px and 'input-x-gradient' of 1 px" in over.reason
    expectation = Expectation(measure=over.name, above=0.0)
    assert judge(expectation, over).verdict is Verdict.INCONCLUSIVE
    assert findings["input-x-gradient.deletion.over[edge-map]"].estimate is not None
    assert findings["random-map.deletion"].estimate is not None
