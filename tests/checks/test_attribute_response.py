"""Attribute responses: planted ones are found, and real ones are those of pictures drawn again."""

from dataclasses import dataclass

import numpy as np
import pytest
from pydantic import ValidationError

import auditkit
from auditkit.checks.attribute_response import attribute_response
from auditkit.errors import AuditError
from auditkit.evidence import Evidence, Scores, Settings, Store
from auditkit.evidence.engine import Engine
from auditkit.spec.attributes import ATTRIBUTES
from auditkit.spec.data_card import DataCard
from auditkit.spec.declarations import SHIPPED
from auditkit.spec.declarations.attribute_response import AttributeResponse

from .planted import Planted

RNG = np.random.default_rng(0)
N = 60
LABELS = (np.arange(N) % 3 == 0).astype(int)
SCORE = np.clip(0.45 + 0.1 * RNG.standard_normal(N), 0.2, 0.7)


@dataclass
class Drawn(Planted):
    """Evidence whose score moves by ``slope`` per unit of an attribute."""

    slope: object = None

    def intervened_scores(self, attribute, values):
        moved = np.stack([self.score + self.slope.get(attribute, 0.0) * v for v in values], axis=1)
        return Scores(moved, (moved >= 0.5).astype(int))

    def intervened_picture(self, _index, _attribute, value):
        return np.full((16, 16, 3), round(100 * abs(value)), np.uint8)

    def true_probabilities(self, attribute, values):
        per_unit = 0.25 if attribute == "darkness" else 0.0
        return np.tile(per_unit * np.array(values), (self.n, 1))


def planted(**slope):
    return Drawn(LABELS, SCORE, slope=slope, images_per_patient=2)


def test_planted_changes_are_found_and_others_are_none():
    parameters = AttributeResponse(attributes=["hair", "tint", "darkness"])
    findings = attribute_response(planted(tint=-0.1, darkness=0.2), parameters)
    assert {m.name for m in findings.measurements} == set(
        SHIPPED["attribute-response"].measures(parameters)
    )
    # 80 % of the range of tint (-1..1) and of darkness (0..1).
    assert findings["tint.mean_change"].estimate.value == pytest.approx(-0.16)
    assert findings["darkness.mean_change"].estimate.value == pytest.approx(0.16)
    assert findings["hair.mean_change"].estimate.value == 0
    assert findings["hair.decision_flips"].estimate.value == 0
    flips = (SCORE + 0.08 >= 0.5) != (SCORE - 0.08 >= 0.5)
    assert findings["tint.decision_flips"].estimate.value == pytest.approx(flips.mean())
    assert findings["tint.mean_change"].estimate.clusters == N // 2


def test_the_forest_has_the_strongest_first_with_the_truth_beside_it():
    parameters = AttributeResponse(attributes=["hair", "tint", "darkness"])
    findings = attribute_response(planted(tint=-0.2, darkness=0.2), parameters)
    (figure,), (table,) = findings.figures, findings.tables
    assert figure.kind == "forest"
    assert figure.labels == ["tint", "darkness", "hair"]
    model, truth = figure.series
    assert model.y == pytest.approx([-0.32, 0.16, 0.0])
    assert all(a <= b <= c for a, b, c in zip(model.low, model.y, model.high, strict=True))
    assert (list(truth.x), list(truth.y)) == ([0, 1, 2], pytest.approx([0.0, 0.2, 0.0]))
    assert [row[0] for row in table.rows] == figure.labels
    assert [row[-1] for row in table.rows] == ["+0.000", "+0.200", "+0.000"]
    assert [row[1] for row in table.rows] == ["acquisition", "lesion", "acquisition"]


def test_examples_show_low_as_it_is_and_high_with_their_scores():
    parameters = AttributeResponse(attributes=["tint", "hair"], values={"tint": [-0.5, 0.25]})
    findings = attribute_response(planted(tint=0.2), parameters)
    captions = [caption for caption, _ in findings.examples[0].panels]
    assert captions[0].startswith("tint -0.5: ")
    assert captions[1].startswith("as it is: ")
    assert captions[2].startswith("tint 0.25: ")
    assert "+0.15" in findings.examples[0].title


def test_one_patient_is_not_evaluable_and_stays_in_the_rows():
    evidence = Drawn(LABELS[:2], SCORE[:2], slope={}, images_per_patient=2)
    findings = attribute_response(evidence, AttributeResponse(attributes=["hair"]))
    assert findings["hair.mean_change"].estimate is None
    assert findings["hair.mean_change"].reason
    assert findings.tables[0].rows[0][4] == "not evaluable"
    assert findings.figures[0].series == []


def test_all_twenty_attributes_are_the_default_between_a_tenth_and_nine_tenths():
    parameters = AttributeResponse()
    assert parameters.attributes == list(ATTRIBUTES)
    assert parameters.span("tint") == pytest.approx((-0.8, 0.8))
    assert parameters.span("colours") == pytest.approx((1.5, 5.5))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"attributes": ["tent"]}, "unknown attribute 'tent'; did you mean 'tint'"),
        ({"attributes": ["tint", "tint"]}, "named twice"),
        ({"low": 0.9, "high": 0.1}, "below high"),
        ({"low": 0.5, "high": 0.5}, "below high"),
        ({"values": {"tint": [0.5]}}, "two values were expected"),
        ({"values": {"tint": [0.5, -0.5]}}, "the lower one first"),
        ({"values": {"tint": [-2.0, 0.5]}}, "from -1 to 1"),
        ({"values": {"tent": [0.0, 0.5]}}, "did you mean 'tint'"),
        ({"attributes": ["hair"], "values": {"tint": [0.0, 0.5]}}, "not among the attributes"),
    ],
)
def test_wrong_parameters_are_refused_with_what_was_expected(given, message):
    with pytest.raises(ValidationError, match=message):
        AttributeResponse(**given)


@pytest.mark.parametrize("kind", ["dermoscopy", "clinical"])
def test_a_real_network_is_asked_about_the_pictures_drawn_again(model, tmp_path, kind):
    card = {"data": "d", "task": "melanoma", "format": f"synthetic-{kind}"}
    parameters = {"n": 6, "seed": 4, "size": 48, "images_per_patient": 2}
    data = auditkit.load_data(DataCard.model_validate(card | {"with": parameters}))
    findings = auditkit.run(
        "attribute-response",
        model,
        data,
        store=tmp_path,
        attributes=["tint", "size"],
        values={"tint": [-1.0, 1.0]},
    )
    low, high = (
        model.probabilities(model.prepare([data.intervened(i, "tint", v) for i in range(6)]))[:, 1]
        for v in (-1.0, 1.0)
    )
    expected = float((high - low).mean())
    assert abs(expected) > 1e-4
    assert findings["tint.mean_change"].estimate.value == pytest.approx(expected, abs=1e-5)
    assert len(findings.examples) == 2


def test_evidence_is_kept_by_attribute_and_values_and_no_shard_changes_a_bit(model, tmp_path):
    card = {"data": "d", "task": "melanoma", "format": "synthetic-clinical"}
    parameters = {"n": 6, "seed": 4, "size": 48}
    data = auditkit.load_data(DataCard.model_validate(card | {"with": parameters}))

    def evidence(store, batches):
        engine = Engine(Store(tmp_path / store))
        settings = Settings(batch_size=2, batches=batches)
        return engine, Evidence(model.card, data, engine, settings, None, model.copy)

    engine, found = evidence("a", 1)
    first = found.intervened_scores("tint", [-1.0, 1.0])
    assert (engine.counts.computed, first.score.shape) == (3, (6, 2))
    np.testing.assert_array_equal(found.intervened_scores("tint", [-1.0, 1.0]).score, first.score)
    assert engine.counts.computed == 3
    found.intervened_scores("tint", [-1.0, 0.5])
    found.intervened_scores("hair", [0.0, 0.5])
    assert engine.counts.computed == 9
    whole = evidence("b", 3)[1].intervened_scores("tint", [-1.0, 1.0])
    np.testing.assert_array_equal(whole.score, first.score)


def test_photographs_cannot_be_asked(model, tmp_path):
    card = DataCard.model_validate(
        {"data": "d", "task": "melanoma", "format": "table", "file": "x"}
    )
    photographs = type("Photographs", (), {"card": card, "records": ()})()
    with pytest.raises(AuditError, match="not applicable: 'd'"):
        auditkit.run("attribute-response", model, photographs, store=tmp_path)
