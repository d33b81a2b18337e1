"""The check `informative-plausibility` against references, and where it cannot be asked."""

import numpy as np
import pytest
import torch
from scipy.stats import mannwhitneyu, spearmanr
from sklearn.metrics import roc_auc_score
from volume_world import cubes_evidence

from auditkit.checks.informative_plausibility import informative_plausibility
from auditkit.checks.informative_plausibility.measured import (
    unseen_means,
    unseen_pairs,
    unseen_triples,
)
from auditkit.checks.informative_plausibility.shown import DRAWN, thinned
from auditkit.errors import AuditError
from auditkit.evidence import Evidence, Settings
from auditkit.evidence.confidence import decided_probability
from auditkit.evidence.engine import Engine
from auditkit.evidence.identity import seed_of
from auditkit.evidence.store import Store
from auditkit.metrics.plausibility import msfi_range
from auditkit.models.model import Model
from auditkit.spec.declarations import SHIPPED
from auditkit.spec.declarations.informative_plausibility import InformativePlausibility
from auditkit.spec.model_card import ModelCard
from auditkit.stats import holm
from auditkit.stats.recalibration import recalibrated

from .planted_volumes import Volumes, heat_with

N = 60
RNG = np.random.default_rng(1)
WEIGHTS = {"t1c": 0.3, "flair": 0.1}
RIGHT = np.arange(N) % 5 > 0
DECISION = np.arange(N) % 2
LABELS = np.where(RIGHT, DECISION, 1 - DECISION)
SCORE = np.clip(np.where(DECISION, 0.75, 0.25) + RNG.uniform(-0.2, 0.2, N), 0, 1)
PORTIONS = RNG.beta(3, 3, (N, 2)) * np.where(RIGHT, 1.0, 0.7)[:, np.newaxis]
MSFI = PORTIONS @ [0.75, 0.25]


def asked(methods=("gradient",), **given):
    return InformativePlausibility(methods=list(methods), **{"weights": WEIGHTS} | given)


def volumes(folder, portions=None, **given):
    all_ = {"gradient": PORTIONS} if portions is None else portions
    maps = {label: [heat_with(each) for each in own] for label, own in all_.items()}
    return Volumes(folder, maps, **{"labels": LABELS, "score": SCORE} | given)


def found(evidence, parameters):
    findings = informative_plausibility(evidence, parameters)
    measures = SHIPPED["informative-plausibility"].measures(parameters)
    assert {m.name for m in findings.measurements} == set(measures)
    for m in findings.measurements:
        if m.estimate is not None:
            low, high = measures[m.name].bounds
            assert low <= m.estimate.low <= m.estimate.value <= m.estimate.high <= high, m
    return findings


def value(findings, name, **at):
    return findings.find(name, at).estimate.value


def test_right_against_wrong_is_the_auroc_and_the_mann_whitney_u(tmp_path):
    findings = found(volumes(tmp_path), asked())
    area = value(findings, "gradient.auroc")
    assert area == pytest.approx(roc_auc_score(RIGHT, MSFI))
    u = mannwhitneyu(MSFI[RIGHT], MSFI[~RIGHT], alternative="greater", method="exact")
    assert area == pytest.approx(u.statistic / (RIGHT.sum() * (~RIGHT).sum()))
    apart = value(findings, "gradient.difference")
    assert apart == pytest.approx(MSFI[RIGHT].mean() - MSFI[~RIGHT].mean(), abs=1e-6)
    table = next(t for t in findings.tables if t.name == "decisions")
    (row,) = table.rows
    assert row[-1] == "exact"
    assert float(row[-3]) == pytest.approx(u.pvalue, abs=5e-5)
    assert row[1].startswith(f"{np.median(MSFI[RIGHT]):.3f} [")


def test_correlations_are_spearmans(tmp_path):
    strength = np.round(RNG.random(N), 2)
    evidence = volumes(tmp_path, groups={"artefact": strength.astype(str)})
    findings = found(evidence, asked(bias=["artefact"]))
    decided = np.where(DECISION, SCORE, 1 - SCORE)
    assert value(findings, "gradient.spearman") == pytest.approx(spearmanr(MSFI, decided).statistic)
    biased = spearmanr(MSFI, strength).statistic
    assert value(findings, "gradient.bias[artefact]") == pytest.approx(biased)


def test_calibrated_confidence_is_that_of_other_patients(tmp_path):
    skewed = SCORE**3  # so that yes and no are differently wrong about their confidence
    evidence = volumes(tmp_path, score=skewed, labels=LABELS)
    findings = found(evidence, asked(folds=3))
    seed = seed_of("folds", sorted(f"i{i}" for i in range(N)))
    positive = recalibrated(LABELS == 1, skewed, evidence.patients, folds=3, seed=seed)
    expected = spearmanr(MSFI, np.where(skewed >= 0.5, positive, 1 - positive)).statistic
    own = value(findings, "gradient.calibrated_spearman")
    assert own == pytest.approx(expected)
    assert own != pytest.approx(value(findings, "gradient.spearman"), abs=1e-3)


def test_what_classes_alone_explain_is_gone_within_them(tmp_path):
    # High is plausible and always right, low is not plausible and often wrong.
    decision = np.arange(N) % 2
    right = (decision == 1) | (np.arange(N) % 4 == 0)
    right[1:12:4] = False  # some wrong high ones
    portions = np.where(decision == 1, 0.8, 0.2)[:, np.newaxis] + RNG.uniform(-0.1, 0.1, (N, 1))
    labels = np.where(right, decision, 1 - decision)
    evidence = volumes(
        tmp_path,
        {"gradient": np.repeat(portions, 2, axis=1)},
        labels=labels,
        score=np.where(decision, 0.9, 0.1) + RNG.uniform(-0.05, 0.05, N),
    )
    findings = found(evidence, asked())
    assert findings.find("gradient.auroc", {}).estimate.low > 0.6
    for name in evidence.classes:
        inside = findings.find("gradient.auroc", {"class": name}).estimate
        assert inside.low < 0.5 < inside.high
        rows = decision == evidence.classes.index(name)
        assert inside.value == pytest.approx(roc_auc_score(right[rows], portions[rows, 0]))


def test_condition_says_which_class_is_meant(tmp_path):
    for condition, by in (("decision", DECISION), ("label", LABELS)):
        findings = found(volumes(tmp_path), asked(condition=condition))
        part = findings.find("gradient.auroc", {"class": "high"})
        assert part.estimate.n == (by == 1).sum()
        assert part.estimate.value == pytest.approx(roc_auc_score(RIGHT[by == 1], MSFI[by == 1]))


@pytest.mark.parametrize("wrong", [0, 1])
def test_none_or_one_wrong_decision_is_not_evaluable(tmp_path, wrong):
    labels = DECISION.copy()
    labels[:wrong] = 1 - labels[:wrong]
    findings = found(volumes(tmp_path, labels=labels), asked())
    for part in ("auroc", "difference"):
        measured = findings.find(f"gradient.{part}", {})
        assert measured.estimate is None
        assert f"{wrong} wrong decisions" in measured.reason
    assert findings.find("gradient.spearman", {}).estimate is not None
    row = findings.tables[0].rows[0]
    assert row[-3:] == ["not evaluable", "not evaluable", ""]


def test_complete_separation_has_a_bound_below_one(tmp_path):
    portions = np.where(RIGHT, 0.8, 0.2)[:, np.newaxis] + RNG.uniform(-0.1, 0.1, (N, 2))
    findings = found(volumes(tmp_path, {"gradient": portions}), asked())
    area = findings.find("gradient.auroc", {}).estimate
    assert (area.value, area.high) == (1.0, 1.0)
    assert area.low == pytest.approx(0.025 ** (1 / (~RIGHT).sum()))


def test_p_values_are_corrected_over_the_methods(tmp_path):
    portions = {
        "gradient": PORTIONS,
        "occlusion": RNG.beta(3, 3, (N, 2)),
        "lime": RNG.beta(3, 3, (N, 2)) * np.where(RIGHT, 1.0, 0.6)[:, np.newaxis],
    }
    evidence = volumes(tmp_path, portions)
    findings = found(evidence, asked(list(portions)))
    p = [
        mannwhitneyu(m[RIGHT], m[~RIGHT], alternative="greater", method="exact").pvalue
        for m in (own @ [0.75, 0.25] for own in portions.values())
    ]
    shown = [row[-2] for row in findings.tables[0].rows]
    for text, adjusted in zip(shown, holm(p), strict=True):
        assert float(text.strip("<")) == pytest.approx(adjusted, rel=0.1, abs=1e-4)


def test_several_images_of_a_patient_are_judged_over_patients(tmp_path):
    patients = np.array([f"p{i // 3}" for i in range(N)])
    findings = found(volumes(tmp_path, patients_of=patients), asked())
    assert findings.find("gradient.auroc", {}).estimate.clusters == 20
    assert findings.tables[0].rows[0][-1] == "over patients"


def test_fp_can_be_the_score_and_needs_no_importance(tmp_path):
    evidence = volumes(tmp_path)  # without answers to subsets of modalities
    findings = found(evidence, asked(score="fp", weights=None))
    assert [table.name for table in findings.tables] == ["decisions", "classes"]
    fp = PORTIONS.mean(axis=1)
    assert value(findings, "gradient.auroc") == pytest.approx(roc_auc_score(RIGHT, fp), abs=1e-3)


def test_missing_cases_are_counted_where_they_belong(tmp_path):
    evidence = volumes(tmp_path, incomplete=("no flair",))
    evidence.maps["gradient"][0][:] = 0  # a wrong one, decided low
    findings = found(evidence, asked())
    everywhere = findings.find("gradient.auroc", {})
    assert everywhere.not_evaluable == {"no flair": 1, "all-zero heatmap": 1}
    assert everywhere.planned == N + 1
    high = findings.find("gradient.auroc", {"class": "high"})
    assert high.not_evaluable == {"no flair": 1}
    wrong = int((~RIGHT).sum())
    most = max(RIGHT.sum() * (wrong + 1), (RIGHT.sum() + 1) * wrong)
    assert everywhere.affected == pytest.approx(1 - RIGHT.sum() * (wrong - 1) / most)


def test_share_of_what_missing_cases_could_change():
    assert unseen_pairs([3, 2], [0, 0], 0) == 0
    assert unseen_pairs([3, 2], [1, 0], 0) == pytest.approx(1 - 6 / 8)
    assert unseen_means([3, 2], [1, 0], 0) == pytest.approx(1 / 8)
    assert unseen_triples(9, 1) == pytest.approx(1 - 0.729)
    assert unseen_triples(0, 3) == 1


@pytest.mark.parametrize(
    ("column", "message"), [(["a lot"] * N, "holds 'a lot', which is no number")]
)
def test_bias_that_is_no_number_is_refused(tmp_path, column, message):
    evidence = volumes(tmp_path, groups={"artefact": np.array(column)})
    with pytest.raises(AuditError, match=message):
        informative_plausibility(evidence, asked(bias=["artefact"]))


def test_bias_that_is_not_known_of_some_is_counted(tmp_path):
    strength = np.where(np.arange(N) < 5, "", RNG.random(N).round(2).astype(str))
    evidence = volumes(tmp_path, features={"artefact": strength})
    findings = found(evidence, asked(bias=["artefact"]))
    measured = findings.find("gradient.bias[artefact]", {})
    assert measured.not_evaluable == {"no value of artefact": 5}
    assert measured.estimate.n == N - 5


def test_unfit_method_is_not_applicable_everywhere(tmp_path):
    evidence = volumes(tmp_path, unfit={"gradient": "black box"}, groups={"a": np.full(N, "0")})
    findings = found(evidence, asked(bias=["a"]))
    assert not any(m.applicable for m in findings.measurements)
    assert findings.tables[0].rows == []


def test_violins_hold_the_values_of_both_halves(tmp_path):
    (figure,) = found(volumes(tmp_path), asked()).figures
    right, wrong = figure.series
    assert figure.kind == "violins"
    assert right.y == pytest.approx(sorted(MSFI[RIGHT]), abs=1e-6)
    assert wrong.y == pytest.approx(sorted(MSFI[~RIGHT]), abs=1e-6)
    assert set(right.x) == {0.0}


def test_many_values_are_thinned_by_rank():
    values = RNG.random(5000)
    kept = thinned(values)
    assert kept.size == DRAWN
    assert (kept[0], kept[-1]) == (values.min(), values.max())
    assert np.median(kept) == pytest.approx(np.median(values), abs=0.01)


class Three(torch.nn.Module):
    """Three classes by the mean of t1c."""

    def forward(self, x):
        level = x[:, 0].flatten(1).mean(dim=1)
        return torch.stack([-level, level, 2 * level - 0.5], dim=1)


def test_decided_probability_of_several_classes_is_the_largest(tmp_path):
    evidence = cubes_evidence(tmp_path, n=4)
    scores = evidence.scores()
    two = decided_probability(evidence)
    assert two == pytest.approx(np.where(scores.decision == 1, scores.score, 1 - scores.score))
    card = ModelCard.model_validate(
        evidence.card.model_dump(exclude_unset=True)
        | {"output": {"kind": "logits", "classes": ["a", "b", "c"]}, "threshold": None}
    )
    card = card.model_copy(update={"path": evidence.card.path, "folder": evidence.card.folder})
    model = Model(card, [Three().eval()], torch.device("cpu"))
    several = Evidence(
        card, evidence.data, Engine(Store(tmp_path / "three")), Settings(), model=lambda: model
    )
    inputs = model.prepare([several.source(index) for index in range(4)])
    with torch.no_grad():
        largest = model.probabilities(inputs).max(dim=1).values
    assert decided_probability(several) == pytest.approx(largest.numpy())


def test_cases_that_lack_a_modality_may_turn_ranks_and_move_differences(tmp_path):
    """The importance is estimated: of 60 cases, and of one that is not there."""
    nothing, half = np.zeros(N, int), np.where(np.arange(N) % 4 == 3, 1 - LABELS, LABELS)
    subsets = np.stack([nothing, LABELS, half, LABELS], axis=1)
    evidence = volumes(tmp_path, incomplete=("no flair",), subsets=subsets)
    findings = found(evidence, asked(weights=None))
    for part in ("auroc", "spearman", "calibrated_spearman"):
        assert findings.find(f"gradient.{part}", {}).affected == 1.0
    alone = found(evidence, asked()).find("gradient.difference", {})
    both = findings.find("gradient.difference", {})
    groups = [int(RIGHT.sum()), int((~RIGHT).sum())]
    assert alone.affected == pytest.approx(unseen_means(groups, [0, 0], 1))
    apart = PORTIONS[RIGHT].mean(axis=0) - PORTIONS[~RIGHT].mean(axis=0)
    right = (subsets == LABELS[:, None]).mean(axis=0)
    phi = np.array([right[1] - right[0] + right[3] - right[2], 0]) / 2
    phi[1] = right[3] - right[0] - phi[0]
    low, high = msfi_range(phi, apart, 1 / (N + 1))
    moved = max(both.estimate.value - low, high - both.estimate.value)
    assert both.affected == pytest.approx(alone.affected + moved / 2, abs=1e-6)
    assert both.affected > alone.affected
    whole = found(volumes(tmp_path, subsets=subsets), asked(weights=None))
    for part in ("auroc", "spearman", "difference"):
        assert whole.find(f"gradient.{part}", {}).affected == 0
