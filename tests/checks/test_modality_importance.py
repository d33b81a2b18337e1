"""Planted importances are found, and heatmaps that say so are told from those that do not."""

import numpy as np
import pytest
import scipy.stats
from volume_world import cubes_evidence

from auditkit.checks.modality_importance import modality_importance
from auditkit.errors import AuditError
from auditkit.metrics.modalities import AGNOSTIC, NO_HEAT
from auditkit.spec.audit import Expectation
from auditkit.spec.declarations import SHIPPED
from auditkit.spec.declarations.modality_importance import ModalityImportance
from auditkit.verdict import Verdict, judge

from .planted_modalities import CARD, CLASSES, NAMES, SPACE, Modalities, heat, labels_of, subsets

FAITHFUL, TURNED = (0.6, 0.3, 0.1), (0.1, 0.3, 0.6)


def asked(**given):
    return ModalityImportance.model_validate({"modalities": list(NAMES)} | given)


def found(evidence, **given):
    parameters = asked(**given)
    findings = modality_importance(evidence, parameters)
    measures = SHIPPED["modality-importance"].measures(parameters)
    assert {m.name for m in findings.measurements} == set(measures)
    for m in findings.measurements:
        if m.estimate is not None:
            low, high = measures[m.name].bounds
            assert low <= m.estimate.low <= m.estimate.value <= m.estimate.high <= high, m
    return findings


def planted(n=200, **changes):
    return Modalities(subsets(n), **changes)


def verdict(findings, measure, **condition):
    expectation = Expectation.model_validate({"measure": measure, **condition})
    return judge(expectation, findings[measure])


@pytest.mark.parametrize("performance", ["accuracy", "auc"])
def test_the_planted_modality_is_first(performance):
    findings = found(planted(), performance=performance)
    assert findings["top_modality"].choice.candidates == ("t1c",)
    assert verdict(findings, "top_probability[t1c]", above=0.95).verdict is Verdict.PASS
    assert verdict(findings, "top_modality", **{"in": ["t1c"]}).verdict is Verdict.PASS
    phi = {name: findings[f"importance[{name}]"].estimate for name in NAMES}
    assert phi["t1c"].low > phi["flair"].high > phi["t1"].high
    whole, none = findings["all_modalities"].estimate, findings["no_modality"].estimate
    assert sum(one.value for one in phi.values()) == pytest.approx(whole.value - none.value)
    assert none.value == pytest.approx(0.5)


def test_figure_and_tables_show_every_subset_and_the_order():
    findings = found(planted())
    (figure,) = findings.figures
    assert figure.labels == ["t1c", "flair", "t1"]
    assert figure.series[0].y == sorted(figure.series[0].y, reverse=True)
    (table,) = findings.tables
    assert [row[0] for row in table.rows] == [
        "none",
        "t1c",
        "flair",
        "t1",
        "t1c + flair",
        "t1c + t1",
        "flair + t1",
        "t1c + flair + t1",
    ]
    score = subsets(200)
    right = ((score >= 0.5) == labels_of(200)[:, None]).mean(axis=0)
    assert [float(row[1].split()[0]) for row in table.rows] == [
        pytest.approx(right[c], abs=5e-4) for c in (0, 1, 2, 4, 3, 5, 6, 7)
    ]
    assert findings.notes == []


def test_heatmaps_that_rank_modalities_alike_agree_and_turned_ones_disagree():
    evidence = planted(maps={"gradient": heat(FAITHFUL, 200), "occlusion": heat(TURNED, 200)})
    findings = found(evidence, methods=["gradient", "occlusion"])
    assert findings["gradient.mi_correlation"].estimate.low > 0.9
    assert findings["occlusion.mi_correlation"].estimate.high < -0.9
    mean = findings["gradient.mean_mi_correlation"].estimate
    assert (mean.value, mean.low, mean.high) == (1.0, 1.0, 1.0)
    assert findings["occlusion.mean_mi_correlation"].estimate.value == -1.0
    assert any("no single case" in note for note in findings.notes)
    correlations, shares = findings.tables[1:]
    assert [row[0] for row in correlations.rows] == ["gradient", "occlusion"]
    assert [float(cell) for cell in shares.rows[0][1:4]] == pytest.approx(FAITHFUL, abs=0.01)


def test_the_correlation_of_a_case_is_kendalls():
    maps = heat((0.4, 0.35, 0.25), 200, spread=0.1)
    findings = found(planted(maps={"gradient": maps}), methods=["gradient"])
    phi = [findings[f"importance[{name}]"].estimate.value for name in NAMES]
    sums = np.maximum(maps, 0).sum(axis=(2, 3, 4))
    taus = [scipy.stats.kendalltau(phi, own).statistic for own in sums]
    one = findings["gradient.mi_correlation"].estimate
    assert one.value == pytest.approx(np.mean(taus))
    # The ranking hardly ever changes, so that the interval is that of a mean.
    error = np.std(taus, ddof=1) / np.sqrt(200)
    assert (one.high - one.low) / 2 == pytest.approx(1.97 * error, rel=0.15)
    assert (one.n, one.clusters) == (200, 200)


def test_a_map_drawn_once_for_all_modalities_is_counted_with_its_reason():
    one_for_all = np.abs(np.random.default_rng(0).normal(size=(200, 1, *SPACE))).astype(np.float32)
    copied = np.repeat(one_for_all, 3, axis=1)
    evidence = planted(maps={"gradcam": copied, "gradient": one_for_all[:, 0]})
    findings = found(evidence, methods=["gradcam", "gradient"])
    for label in ("gradcam", "gradient"):
        own = findings[f"{label}.mi_correlation"]
        assert own.estimate is None
        assert own.not_evaluable == {AGNOSTIC: 200}
        mean = findings[f"{label}.mean_mi_correlation"]
        assert (mean.estimate, mean.reason) == (None, AGNOSTIC)
        assert verdict(findings, own.name, above=0).verdict is Verdict.INCONCLUSIVE


def test_some_maps_without_heat_are_counted_and_leave_the_rest():
    maps = heat(FAITHFUL, 200)
    maps[:30] = 0
    maps[30:50] = maps[30:50, :1]
    findings = found(planted(maps={"gradient": maps}), methods=["gradient"])
    one = findings["gradient.mi_correlation"]
    assert one.not_evaluable == {NO_HEAT: 30, AGNOSTIC: 20}
    assert (one.planned, one.estimate.n) == (200, 150)
    mean = findings["gradient.mean_mi_correlation"]
    assert (mean.not_evaluable, mean.estimate.n) == ({NO_HEAT: 30}, 170)


def test_nothing_is_held_against_a_ranking_that_is_not_resolved():
    alike = Modalities(subsets(60, (1.0, 1.0, 1.0)), maps={"gradient": heat(FAITHFUL)})
    findings = found(alike, methods=["gradient"])
    share = findings["ranking_probability"].estimate.value
    for part in ("mi_correlation", "mean_mi_correlation"):
        one = findings[f"gradient.{part}"]
        assert one.estimate is None
        assert "the ranking of modalities is not resolved (probability 0." in one.reason
        assert "0.95 expected" in one.reason
        judged = verdict(findings, one.name, above=-0.9)
        assert (judged.verdict, judged.reason) == (Verdict.INCONCLUSIVE, one.reason)
    enough = found(alike, methods=["gradient"], resolved=0.501)
    assert (enough["gradient.mi_correlation"].estimate is None) == (share < 0.501)


def test_a_mean_map_near_a_tie_has_a_wide_interval():
    maps = heat((0.4, 0.4, 0.2), 200, spread=0.2)
    findings = found(planted(maps={"gradient": maps}), methods=["gradient"])
    one = findings["gradient.mean_mi_correlation"].estimate
    # Which of the first two leads is not known: one of three pairs may go either way.
    assert (one.low, one.high) == (pytest.approx(1 / 3), 1.0)


def test_other_modalities_than_the_models_are_refused_by_name():
    with pytest.raises(
        AuditError, match=r"names t1c, t2, but model 'planted' reads t1c, flair, t1"
    ):
        modality_importance(planted(), asked(modalities=["t1c", "t2"]))
    assert found(planted(), modalities=["t1", "t1c", "flair"])["importance[t1c]"].estimate


def test_an_auroc_needs_a_score_and_an_accuracy_does_not():
    without = CARD.model_copy(
        update={"output": CARD.output.model_validate(CLASSES), "threshold": None}
    )
    evidence = planted(card=without)
    with pytest.raises(AuditError, match="performance: auc needs a score"):
        modality_importance(evidence, asked(performance="auc"))
    assert found(evidence)["importance[t1c]"].estimate


def test_cases_that_lack_a_modality_are_counted_everywhere():
    evidence = planted(incomplete=["t2 is missing"] * 3, maps={"gradient": heat(FAITHFUL, 200)})
    for performance in ("accuracy", "auc"):
        findings = found(evidence, methods=["gradient"], performance=performance)
        for one in findings.measurements:
            assert one.planned == 203
            assert one.not_evaluable == {"t2 is missing": 3}, one.name
        # What is missing could not turn the choice, but nothing bounds what it does to a share of ranks.
        assert verdict(findings, "top_modality", **{"in": ["t1c"]}).verdict is Verdict.PASS
        share = verdict(findings, "top_probability[t1c]", above=0.95)
        assert share.verdict is Verdict.INCONCLUSIVE


def test_one_class_gives_reasons_and_no_error():
    evidence = planted(60, labels=np.ones(60, int), maps={"gradient": heat(FAITHFUL)})
    findings = found(evidence, performance="auc", methods=["gradient"])
    for one in findings.measurements:
        assert one.estimate is None
        assert "both classes" in one.reason
    assert findings["top_modality"].choice is None
    assert findings.figures[0].series == []


def test_a_method_that_cannot_be_asked_is_not_applicable():
    evidence = planted(unfit={"gradcam": "no layer"}, maps={"gradient": heat(FAITHFUL, 200)})
    findings = found(evidence, methods=["gradcam", "gradient"])
    assert not findings["gradcam.mi_correlation"].applicable
    assert not findings["gradcam.mean_mi_correlation"].applicable
    assert findings["gradient.mi_correlation"].estimate.value > 0.9


ARMS = {"aligned": "a", "independent": "i", "anti_aligned": "anti"}


def arm(right, n=100, prefix="p", seed=0, **changes):
    """Answers that are right in that share of the cases."""
    rng = np.random.default_rng(seed)
    labels = labels_of(n)
    decided = np.where(rng.permutation(n) < round(right * n), labels, 1 - labels)
    return Modalities(0.2 + 0.6 * decided, prefix=prefix, **changes)


def with_arms(prefixes, rights=(0.9, 0.6, 0.2), **changes):
    names = ("a", "i", "anti")
    return {
        name: arm(right, prefix=prefix, seed=seed, **changes)
        for seed, (name, right, prefix) in enumerate(zip(names, rights, prefixes, strict=True))
    }


@pytest.mark.parametrize("prefixes", ["ppp", "pqr"])
def test_reliance_is_lost_performance_of_the_same_or_other_cases(prefixes):
    evidence = planted(60, others=with_arms(prefixes))
    findings = found(evidence, arms={"t1c": ARMS})
    relied, misled = findings["reliance[t1c]"], findings["misled[t1c]"]
    assert relied.estimate.value == pytest.approx(0.3)
    assert misled.estimate.value == pytest.approx(0.4)
    same = prefixes == "ppp"
    assert (relied.estimate.n, relied.planned) == (200, 200)
    assert relied.estimate.clusters == (100 if same else 200)
    assert relied.estimate.low > 0.1


def test_the_same_cases_are_drawn_together():
    # Arms that differ in ten cases only: pairs know that, independent samples do not.
    base = arm(0.9)
    turned = base.score.copy()
    turned[:10] = 1 - turned[:10]
    widths = {}
    for prefix in "pq":
        others = {"a": base, "i": Modalities(turned, prefix=prefix)}
        evidence = planted(60, others=others)
        arms = {"t1c": {"aligned": "a", "independent": "i"}}
        one = found(evidence, arms=arms)["reliance[t1c]"].estimate
        widths[prefix] = one.high - one.low
    assert widths["p"] < 0.9 * widths["q"]


def test_incomplete_cases_of_the_arms_count_as_the_worst():
    others = with_arms("pqr")
    others["i"].incomplete = ["t1 is missing"] * 100
    one = found(planted(60, others=others), arms={"t1c": ARMS})["reliance[t1c]"]
    assert (one.planned, one.not_evaluable) == (300, {"t1 is missing": 100})
    assert one.affected == pytest.approx(0.25)  # half of one side of two


def test_on_real_volumes_the_modality_that_is_read_is_first(tmp_path):
    evidence = cubes_evidence(tmp_path, wrong=2, n=24)
    parameters = ModalityImportance(modalities=["flair", "t1c"], methods=["gradient"])
    findings = modality_importance(evidence, parameters)
    phi = {name: findings[f"importance[{name}]"].estimate for name in ("t1c", "flair")}
    # 22 of 24 right with t1c; without it every decision is 'low', right for half of the labels.
    assert phi["t1c"].value == pytest.approx(22 / 24 - 0.5)
    assert phi["flair"].value == 0
    assert findings["top_modality"].choice.value == "t1c"
    # All positive heat is in t1c, where there is any: the gradient of the decided class 'low' has none.
    shares = findings.tables[-1].rows[0]
    assert [float(cell) for cell in shares[1:3]] == [1.0, 0.0]
    one = findings["gradient.mi_correlation"]
    assert one.not_evaluable == {NO_HEAT: 12}
    assert one.estimate is None or one.estimate.value == 1.0


def test_cases_that_lack_a_modality_bound_a_correlation_only_where_the_ranking_is_settled():
    maps = {"gradient": heat(FAITHFUL, 200)}
    for missing, bounded in ((0, True), (1, True), (40, False)):
        findings = found(
            planted(incomplete=["t2 is missing"] * missing, maps=maps), methods=["gradient"]
        )
        one = findings["gradient.mi_correlation"]
        assert one.estimate.low > 0.9
        assert (one.affected is None) == bounded
        wanted = Verdict.PASS if bounded else Verdict.INCONCLUSIVE
        assert verdict(findings, one.name, above=0.5).verdict is wanted
