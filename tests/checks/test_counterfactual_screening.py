"""The check of prescreening: shares, reasons with counts, and the images that are left."""

import numpy as np
import pytest
from counterfactual_world import counterfactual_evidence

from auditkit import stats
from auditkit.checks.counterfactual_screening import counterfactual_screening
from auditkit.errors import Unavailable
from auditkit.evidence import Peers
from auditkit.evidence.counterfactuals.answers import counterfactuals
from auditkit.evidence.counterfactuals.artifact_scores import counterfactual_artifacts
from auditkit.evidence.counterfactuals.pictures import pairs as pictures_of
from auditkit.metrics.artifact_score import artifact_scores
from auditkit.spec.declarations.counterfactual_screening import COUNTERFACTUAL_SCREENING
from auditkit.spec.declarations.counterfactuals import Screened

from .screening_world import HIGH, LOW, install, pairs, said, table

NAN = float("nan")


def check(evidence, **screen):
    parameters = Screened.model_validate({"trained_on": "training", "screen": screen})
    findings = counterfactual_screening(evidence, parameters)
    declared = list(COUNTERFACTUAL_SCREENING.measures(parameters))
    assert [one.name for one in findings.measurements] == declared
    return findings


def tables_of(findings):
    return {one.name: one for one in findings.tables}


@pytest.fixture
def planted(monkeypatch, tmp_path):
    """Ten pairs: one not finite, two not consistent, one with artifacts, two vetoed, one not rated."""
    install(monkeypatch)
    rows = [said(f"i{i}", "A", int(i not in (4, 5))) for i in range(4, 9)]
    return pairs(
        [NAN, 0.6, 0.7, *[LOW] * 7],
        [HIGH] * 10,
        [7.0, 1.5, 1.0, 9.0, *[1.0] * 6],
        tables={"v": table(tmp_path, "v", rows)},
    )


def test_shares_are_of_what_they_say(planted):
    findings = check(planted, largest_artifact=2, vetoes=["v"])
    retained = findings["retained"]
    expected = stats.proportion([False] * 6 + [True] * 3 + [False], planted.patients)
    assert (retained.estimate.value, retained.estimate.low) == (0.3, expected.low)
    assert retained.not_evaluable == {}
    consistent = findings["consistent"]
    assert consistent.estimate.value == pytest.approx(7 / 9)
    assert consistent.not_evaluable == {"not finite": 1}
    artifact = findings["artifact_score"]
    assert artifact.estimate.value == pytest.approx((1.5 + 1.0 + 9.0 + 6.0) / 9)
    assert artifact.not_evaluable == {"not finite": 1}


def test_vetoes_are_a_share_of_rated_pairs_and_the_unrated_are_missing(planted):
    """Pairs that fail before experts see them are not missing."""
    vetoed = check(planted, largest_artifact=2, vetoes=["v"])["vetoed"]
    assert vetoed.estimate.value == pytest.approx(2 / 5)
    assert vetoed.estimate.n == 5
    assert vetoed.not_evaluable == {"not rated": 1}
    assert vetoed.planned == 6


def test_without_vetoes_there_is_no_such_measure(planted):
    names = [one.name for one in check(planted).measurements]
    assert names == ["retained", "consistent", "artifact_score"]


def test_reasons_are_counted_per_model(planted):
    other = pairs([*[LOW] * 8, 0.6, 0.6], [HIGH] * 10, name="other")
    planted.others = {"other": other}
    found = tables_of(check(planted, largest_artifact=2, models=["other"]))["reasons"]
    assert list(found.columns) == ["", "planted", "other"]
    assert [list(row) for row in found.rows] == [
        ["not finite", "1", "0"],
        ["not consistent", "2", "2"],
        ["artifact score above 2", "1", "0"],
        ["passes by itself", "6", "8"],
        ["passes for every model", "4", "4"],
    ]


def test_the_images_that_are_left_are_listed(planted):
    found = tables_of(check(planted, largest_artifact=2, vetoes=["v"]))["retained"]
    assert [row[0] for row in found.rows] == ["i6", "i7", "i8"]
    assert list(found.rows[0][2:]) == ["0.050", "0.950", "1.000"]


def test_the_funnel_never_widens_and_ends_at_what_is_left(planted):
    planted.others = {"other": pairs([*[LOW] * 8, 0.6, 0.6], [HIGH] * 10, name="other")}
    findings = check(planted, largest_artifact=2, models=["other"])
    (figure,) = findings.figures
    assert list(figure.labels) == ["finite", "consistent", "few artifacts", "every model"]
    (series,) = figure.series
    assert list(series.y) == [0.9, 0.7, 0.6, 0.4]
    assert series.y[-1] == findings["retained"].estimate.value


def test_if_no_pair_is_finite_there_is_no_estimate(monkeypatch):
    install(monkeypatch)
    findings = check(pairs([NAN] * 3, [HIGH] * 3))
    assert findings["retained"].estimate.value == 0.0
    for name in ("consistent", "artifact_score"):
        assert findings[name].estimate is None
        assert findings[name].not_evaluable == {"not finite": 3}


def test_without_a_generator_it_is_not_run(monkeypatch):
    install(monkeypatch, missing={"planted"})
    with pytest.raises(Unavailable, match="no generator for 'planted'"):
        check(pairs([LOW], [HIGH]))


def test_with_a_real_model_and_generator(tmp_path):
    """Scores and artifact scores are those of the pictures that the store keeps."""
    evidence, card = counterfactual_evidence(tmp_path, n=8, size=16)
    evidence.peers = Peers(counterfactuals={card.counterfactual: card})
    found = counterfactuals(evidence, card)
    scores = counterfactual_artifacts(evidence, card)
    for index, pair in enumerate(pictures_of(evidence, card)):
        expected = artifact_scores(pair, evidence.data.image(index))
        assert scores[index].tolist() == pytest.approx(expected.tolist())
    limit = float(np.median(scores.max(axis=1)))
    findings = check(evidence, largest_artifact=limit)
    kept = found.finite & found.opposite(0.5) & (scores.max(axis=1) <= limit)
    ids = [record.id for record, there in zip(evidence.records, kept, strict=True) if there]
    assert 0 < len(ids) < evidence.n
    assert [row[0] for row in tables_of(findings)["retained"].rows] == ids
    assert findings["retained"].estimate.value == kept.mean()
