"""The check `performance`: groups, gaps and what a sample can show, on answers known beforehand."""

import json
import math
from dataclasses import dataclass, field

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    precision_score,
    recall_score,
)

from auditkit.checks.performance import performance
from auditkit.checks.performance.figures import MOST_POINTS
from auditkit.checks.performance.groups import band_labels
from auditkit.data.dataset import Record
from auditkit.errors import AuditError
from auditkit.results import figure_result, measurement_result, table_result
from auditkit.spec.audit import Expectation
from auditkit.spec.declarations import SHIPPED
from auditkit.spec.declarations.performance import GAPS, Performance
from auditkit.spec.load import load_audit, resolve_at
from auditkit.verdict import Verdict, judge

from .planted import Planted

N = 400
RNG = np.random.default_rng(0)
LABELS = (RNG.random(N) < 0.4).astype(int)
SCORE = np.clip(0.4 + 0.25 * LABELS + 0.2 * RNG.standard_normal(N), 0.001, 0.999)
TONE = np.where(np.arange(N) % 2, "light", "dark")
SEX = np.where(np.arange(N) % 4 < 2, "female", "male")


@dataclass
class WithFeatures(Planted):
    """Records with features, as data sets with a second input have."""

    features: dict = field(default_factory=dict)

    @property
    def records(self):
        return [
            Record(
                f"i{i}",
                f"digest{i}",
                int(label),
                f"p{i}",
                features={name: values[i] for name, values in self.features.items()},
            )
            for i, label in enumerate(self.labels)
        ]


def measured(labels=LABELS, score=SCORE, groups=None, images_per_patient=1, **parameters):
    evidence = Planted(labels, score, groups=groups or {}, images_per_patient=images_per_patient)
    return performance(evidence, Performance(**parameters))


def table(findings, name):
    found = next(table for table in findings.tables if table.name == name)
    assert all(len(row) == len(found.columns) for row in found.rows)
    return [dict(zip(found.columns, row, strict=True)) for row in found.rows]


def test_further_measures_agree_with_scikit_learn():
    found = {m.name: m.estimate for m in measured().measurements}
    decided = (SCORE >= 0.5).astype(int)
    assert found["pr_auc"].value == pytest.approx(average_precision_score(LABELS, SCORE))
    assert found["balanced_accuracy"].value == pytest.approx(
        balanced_accuracy_score(LABELS, decided)
    )
    assert found["ppv"].value == pytest.approx(precision_score(LABELS, decided))
    assert found["npv"].value == pytest.approx(precision_score(1 - LABELS, 1 - decided))
    assert found["ppv"].n == decided.sum()


@pytest.mark.parametrize("images_per_patient", [1, 4])
def test_everything_declared_is_measured_within_its_bounds(images_per_patient):
    given = {"by": ["tone", "sex"], "intersections": [["tone", "sex"]]}
    found = measured(
        groups={"tone": TONE, "sex": SEX}, images_per_patient=images_per_patient, **given
    )
    measures = SHIPPED["performance"].measures(Performance(**given))
    assert {m.name for m in found.measurements} == set(measures)
    for m in found.measurements:
        low, high = measures[m.name].bounds
        assert low <= m.estimate.low <= m.estimate.value <= m.estimate.high <= high, m
        assert set(m.at) <= set(measures[m.name].at)
    for gap in (f"{name}.largest_gap" for name in GAPS):
        for by in ("tone", "sex", "tone x sex"):
            assert found.find(gap, {"by": by}) is not None


def test_an_intersection_is_measured_on_its_images_alone():
    found = measured(groups={"tone": TONE, "sex": SEX}, intersections=[["tone", "sex"]])
    part = (TONE == "light") & (SEX == "female")
    own = found.find("pr_auc", {"sex": "female", "tone": "light"})
    assert own.estimate.value == pytest.approx(average_precision_score(LABELS[part], SCORE[part]))
    assert own.planned == part.sum() == 100
    titles = [row["images"] for row in table(found, "by_group")]
    assert titles[0] == "all images"
    assert "tone × sex: light × female" in titles


def test_an_intersection_without_images_is_shown():
    sex = np.where(TONE == "light", "female", "male")
    found = measured(groups={"tone": TONE, "sex": sex}, intersections=[["tone", "sex"]])
    nobody = found.find("roc_auc", {"tone": "light", "sex": "male"})
    assert nobody.estimate is None
    assert nobody.reason == "0 images, fewer than 30: no estimate is claimed"
    row = next(r for r in table(found, "by_group") if r["images"] == "tone × sex: light × male")
    assert row["n"] == "0"


def test_bands_have_their_lower_end_and_missing_values_are_unknown():
    ages = np.array(["5", "29.5", "30", "49", "70", "", "unknown", "NaN", "85"] * 50)
    evidence = Planted(np.tile([0, 1], 225), np.linspace(0, 1, 450), groups={"age": ages})
    found = performance(evidence, Performance(by=["age"], bands={"age": [0, 30, 50, 70]}))
    planned = {m.at["age"]: m.planned for m in found.measurements if "age" in m.at}
    assert planned == {"0-29": 100, "30-49": 100, "50-69": 0, "70+": 100, "unknown": 150}


def test_what_lies_below_the_first_band_is_not_lost():
    evidence = Planted(LABELS, SCORE, groups={"age": np.tile(["10", "20", "30", "40"], N // 4)})
    found = performance(evidence, Performance(by=["age"], bands={"age": [18, 35]}))
    planned = {m.at["age"]: m.planned for m in found.measurements if "age" in m.at}
    assert planned == {"below 18": 100, "18-34": 200, "35+": 100}


@pytest.mark.parametrize(
    ("edges", "labels"),
    [
        ([50.0], ["below 50", "50+"]),
        ([0.0, 1.0, 2.0], ["below 0", "0", "1", "2+"]),
        ([0.5, 1.0, 2.25], ["below 0.5", "0.5 to 1", "1 to 2.25", "2.25+"]),
    ],
)
def test_bands_are_named_by_what_they_hold(edges, labels):
    assert band_labels(edges) == labels


def test_a_band_of_words_is_refused_with_the_word():
    evidence = Planted(LABELS, SCORE, groups={"age": np.tile(["10", "fifty"], N // 2)})
    with pytest.raises(AuditError, match="'fifty', which is no number"):
        performance(evidence, Performance(by=["age"], bands={"age": [0, 30]}))


def test_a_feature_of_the_models_second_input_can_be_banded():
    evidence = WithFeatures(LABELS, SCORE, features={"age": ["20", "60", "", "40"] * (N // 4)})
    found = performance(evidence, Performance(by=["age"], bands={"age": [0, 30, 50]}))
    assert {m.at["age"]: m.planned for m in found.measurements if "age" in m.at} == dict.fromkeys(
        ["0-29", "30-49", "50+", "unknown"], 100
    )


def test_groups_too_small_are_shown_and_claim_nothing():
    site = np.array(["large"] * (N - 20) + ["small"] * 20)
    found = measured(groups={"site": site}, by=["site"])
    small = [m for m in found.measurements if m.at == {"site": "small"}]
    assert small
    assert all(m.estimate is None and m.planned == 20 for m in small)
    assert {m.reason for m in small} == {"20 images, fewer than 30: no estimate is claimed"}
    row = table(found, "by_group")[-1]
    assert (row["images"], row["n"], row["roc auc"]) == ("site: small", "20", "not evaluable")
    assert "fewer than 30" in row["why not"]
    gap = found.find("roc_auc.largest_gap", {"by": "site"})
    assert gap.estimate is None
    assert "fewer than two of 2 groups (large)" in gap.reason


def test_a_group_with_few_positives_keeps_what_negatives_can_say():
    labels = np.concatenate([LABELS[:300], np.repeat([1, 0], [3, 97])])
    site = np.repeat(["a", "b"], [300, 100])
    found = measured(labels=labels, groups={"site": site}, by=["site"])
    b = {m.name: m for m in found.measurements if m.at == {"site": "b"}}
    for name in ("roc_auc", "pr_auc", "sensitivity", "balanced_accuracy", "calibration_slope"):
        assert b[name].reason == "3 positive images, fewer than 5: no estimate is claimed"
    for name in ("specificity", "accuracy", "brier"):
        assert b[name].estimate is not None
    assert found.find("specificity.largest_gap", {"by": "site"}).estimate is not None


def test_the_limits_for_small_groups_are_parameters():
    site = np.array(["large"] * (N - 20) + ["small"] * 20)
    found = measured(groups={"site": site}, by=["site"], min_group=10, min_class=2)
    assert found.find("roc_auc", {"site": "small"}).estimate is not None


def _gap_of(share, n=2000):
    """Sensitivity 0.9 in group a, 0.9 - share in b and c; specificity equal."""
    generator = np.random.default_rng(1)
    group = np.tile(["a", "b", "c"], n // 3 + 1)[:n]
    labels = (generator.random(n) < 0.5).astype(int)
    hit = generator.random(n) < np.where(group == "a", 0.9, 0.9 - share)
    right = np.where(labels == 1, hit, generator.random(n) < 0.8)
    score = np.where(right == (labels == 1), 0.8, 0.2)
    return measured(labels=labels, score=score, groups={"g": group}, by=["g"])


def test_a_planted_gap_is_found_where_it_is():
    found = _gap_of(0.15)
    gap = found.find("sensitivity.largest_gap", {"by": "g"}).estimate
    assert 0 < gap.low < 0.15 < gap.high
    assert found.find("specificity.largest_gap", {"by": "g"}).estimate.low == 0
    row = next(r for r in table(found, "gaps") if r["measure"] == "sensitivity")
    assert row["worst group"] in ("b", "c")
    assert row["between"].startswith("a and ")
    assert float(row["at least"]) < 0.75 < float(row["its estimate"]) + 0.05
    pairs = [r for r in table(found, "pairwise_gaps") if r["measure"] == "sensitivity"]
    assert len(pairs) == 3
    significant = {(r["higher"], r["lower"]) for r in pairs if float(r["p (Holm)"]) < 0.05}
    assert significant == {("a", "b"), ("a", "c")}


def test_equal_groups_claim_no_gap():
    found = _gap_of(0.0)
    for name in ("roc_auc", "sensitivity", "specificity", "accuracy", "balanced_accuracy"):
        assert found.find(f"{name}.largest_gap", {"by": "g"}).estimate.low == 0
    assert all(float(row["p (Holm)"]) > 0.05 for row in table(found, "pairwise_gaps"))


def test_images_of_groups_too_small_count_against_a_gap():
    site = np.array(["a"] * 190 + ["b"] * 190 + ["c"] * 20)
    found = measured(groups={"site": site}, by=["site"])
    gap = found.find("accuracy.largest_gap", {"by": "site"})
    assert (gap.planned, gap.estimate.n) == (N, 380)
    assert gap.not_evaluable == {"c: 20 images, fewer than 30: no estimate is claimed": 20}
    barely = gap.estimate.high + 0.01
    expectation = Expectation(measure="accuracy.largest_gap", below=barely)
    assert judge(expectation, gap).verdict is Verdict.INCONCLUSIVE
    sensitivity = found.find("sensitivity.largest_gap", {"by": "site"})
    assert sensitivity.planned == LABELS.sum()
    assert sum(sensitivity.not_evaluable.values()) == LABELS[380:].sum()


def test_copies_of_images_narrow_no_gap():
    single = measured(groups={"tone": TONE}, by=["tone"]).find(
        "roc_auc.largest_gap", {"by": "tone"}
    )
    copied = measured(
        np.repeat(LABELS, 3),
        np.repeat(SCORE, 3),
        {"tone": np.repeat(TONE, 3)},
        images_per_patient=3,
        by=["tone"],
    ).find("roc_auc.largest_gap", {"by": "tone"})
    assert copied.estimate.value == pytest.approx(single.estimate.value)
    assert copied.estimate.high == pytest.approx(single.estimate.high, abs=0.02)
    assert copied.estimate.clusters == N


def test_what_can_be_detected_shrinks_with_images_and_not_with_copies():
    def detectable(*given, **also):
        row = table(measured(*given, **also), "by_group")[0]
        return [float(number) for number in row["detectable"].split("/")]

    few = detectable(LABELS[:100], SCORE[:100])
    many = detectable()
    copied = detectable(np.repeat(LABELS, 4), np.repeat(SCORE, 4), images_per_patient=4)
    assert len(many) == 4
    assert all(0 < a < b for a, b in zip(many, few, strict=True))
    assert copied == pytest.approx(many, rel=0.05)


def test_a_perfect_model_has_a_detectable_difference():
    labels = np.tile([0, 1], 50)
    row = table(measured(labels, labels * 0.8 + 0.1), "by_group")[0]
    numbers = [float(number) for number in row["detectable"].split("/")]
    assert all(0 < number < 0.2 for number in numbers)


def test_bins_and_histogram_count_every_image():
    found = measured()
    bins = table(found, "reliability")
    assert sum(int(row["images"]) for row in bins) == N
    assert sum(int(row["positive"]) for row in bins) == LABELS.sum()
    spread = table(found, "scores")
    assert sum(int(row["positive images"]) for row in spread) == LABELS.sum()
    assert sum(int(row["negative images"]) for row in spread) == N - LABELS.sum()
    caption = next(t.caption for t in found.tables if t.name == "reliability")
    assert caption.startswith("Brier score = reliability")


def test_precision_stands_beside_the_prevalence():
    found = measured(groups={"tone": TONE}, by=["tone"])
    figure = next(f for f in found.figures if f.name == "precision_recall")
    assert [line.dashed for line in figure.series] == [False, False, False, True]
    assert list(figure.series[-1].y) == pytest.approx([LABELS.mean()] * 2)
    assert f"Prevalence: all images {LABELS.mean():.2f}, tone dark" in figure.caption
    rows = table(found, "decisions_by_group")
    assert [row["prevalence"] for row in rows] == [
        f"{labels.mean():.3f}"
        for labels in (LABELS, LABELS[TONE == "dark"], LABELS[TONE == "light"])
    ]
    assert "prevalence" in next(t.caption for t in found.tables if t.name == "decisions_by_group")


def test_long_curves_keep_their_ends():
    labels = np.tile([0, 1], 2000)
    score = np.random.default_rng(0).random(4000)
    curve = next(f for f in measured(labels, score).figures if f.name == "roc").series[0]
    assert len(curve.x) == MOST_POINTS
    assert (curve.x[0], curve.y[0], curve.x[-1], curve.y[-1]) == (0, 0, 1, 1)


def test_columns_have_curves_of_their_own():
    found = measured(
        groups={"tone": TONE, "sex": SEX}, by=["tone", "sex"], intersections=[["tone", "sex"]]
    )
    names = [figure.name for figure in found.figures]
    assert names == [
        *("roc_tone", "precision_recall_tone"),
        *("roc_sex", "precision_recall_sex"),
        "calibration",
    ]
    assert [line.name for line in found.figures[0].series] == [
        "all images",
        "tone dark",
        "tone light",
    ]


class ManyClasses(Planted):
    two_class = False
    classes = ("a", "b", "c")


def test_many_classes_have_accuracy_and_macro_recall():
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 3, 300)
    evidence = ManyClasses(labels, np.full(300, 0.5), groups={"g": np.tile(["x", "y"], 150)})
    decided = np.where(generator.random(300) < 0.7, labels, 0)
    evidence.scores = lambda: type("S", (), {"score": evidence.score, "decision": decided})
    found = performance(evidence, Performance(by=["g"]))
    assert {m.name for m in found.measurements} == {
        *("accuracy", "balanced_accuracy"),
        *("accuracy.largest_gap", "balanced_accuracy.largest_gap"),
    }
    overall = found.find("balanced_accuracy", {}).estimate
    assert overall.value == pytest.approx(recall_score(labels, decided, average="macro"))
    rows = table(found, "decisions")
    assert len(rows) == 200
    assert next(t.caption for t in found.tables if t.name == "decisions").endswith("of 300 images.")


@pytest.mark.parametrize(
    ("labels", "score"),
    [
        (np.ones(40, int), np.linspace(0, 1, 40)),
        (np.zeros(40, int), np.linspace(0, 1, 40)),
        (np.tile([0, 1], 20), np.full(40, 0.5)),
        (np.tile([0, 1], 20), np.tile([0.0, 1.0], 20)),
        (np.tile([0, 1], 20), np.tile([1.0, 0.0], 20)),
    ],
)
def test_extreme_data_give_no_nan_and_a_reason_for_every_gap(labels, score):
    groups = {"g": np.repeat(["a", "b"], [35, 5])}
    found = measured(labels, score, groups, by=["g"], min_group=2, min_class=1)
    for m in found.measurements:
        assert (m.estimate is None) == bool(m.reason)
        json.dumps(measurement_result(m).model_dump(), allow_nan=False)
    texts = [cell for t in found.tables for row in table_result(t).rows for cell in row]
    assert not any("nan" in text.split() for text in texts)
    for figure in found.figures:
        numbers = [y for line in figure_result(figure).series for y in line.y]
        assert all(y is not None and math.isfinite(y) for y in numbers)


SPEC = """\
audit: groups
check: performance
data: dermoscopy
with: {by: [skin_tone, age], intersections: [[skin_tone, age]], bands: {age: [0, 30, 50]}}
expect:
  - {measure: roc_auc, at: {skin_tone: light, age: 30-49}, above: 0.5}
  - {measure: sensitivity.largest_gap, at: {by: skin_tone x age}, below: 0.3}
"""


@pytest.fixture
def load(tmp_path):
    from pathlib import Path

    from auditkit.spec.catalogue import catalogue

    cards = catalogue([Path(__file__).parents[2] / "fixtures" / "data"])

    def load(text):
        path = tmp_path / "x.audit.yaml"
        path.write_text(text)
        return load_audit(path, cards)

    return load


def test_expectations_name_intersections_and_gaps_in_plain_words(load):
    audit = load(SPEC)
    measures = audit.check.measures(audit.parameters)
    first, second = audit.spec.expect
    assert resolve_at(first, measures["roc_auc"]) == {"skin_tone": "light", "age": "30-49"}
    assert resolve_at(second, measures["sensitivity.largest_gap"]) == {"by": "skin_tone x age"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("by: skin_tone x age", "by: skin_tone x sex", "is not computed; known: skin_tone, age, "),
        (", at: {by: skin_tone x age}", "", "say which by is meant"),
        ("skin_tone: light,", "skin_tome: light,", "did you mean 'skin_tone'"),
        ("bands: {age: [0, 30, 50]}", "bands: {site: [0, 30]}", "'site' is in neither"),
        ("[0, 30, 50]", "[0, 50, 30]", "must rise"),
        ("[[skin_tone, age]]", "[[age, age]]", "names a column twice"),
        ("[[skin_tone, age]]", "[[skin_tone, age], [age, skin_tone]]", "named twice"),
        ("[[skin_tone, age]]", "[[skin_tone]]", "at least 2 items"),
    ],
)
def test_mistakes_in_groupings_are_named(load, old, new, message):
    with pytest.raises(AuditError, match=message):
        load(SPEC.replace(old, new))


def test_measures_that_prevalence_moves_offer_no_gap(load):
    with pytest.raises(AuditError, match=r"unknown measure 'ppv.largest_gap'"):
        load(SPEC.replace("sensitivity.largest_gap", "ppv.largest_gap"))


def test_one_grouping_need_not_be_named():
    measures = SHIPPED["performance"].measures(Performance(by=["tone"]))
    expectation = Expectation(measure="roc_auc.largest_gap", below=0.2)
    assert resolve_at(expectation, measures["roc_auc.largest_gap"]) == {"by": "tone"}
    assert "roc_auc.largest_gap" not in SHIPPED["performance"].measures(Performance())


def test_a_repeated_column_is_refused_from_python_too():
    with pytest.raises(ValidationError, match="named twice"):
        Performance(by=["sex", "sex"])
