"""Corruption responses: planted ones are found, and real ones are those of corrupted pictures."""

from dataclasses import dataclass

import numpy as np
import pytest
from pydantic import ValidationError

import auditkit
from auditkit.checks.corruption_response import corruption_response
from auditkit.data.corruptions import corrupted
from auditkit.evidence import Evidence, Scores, Settings, Store
from auditkit.evidence.engine import Engine
from auditkit.evidence.identity import seed_of
from auditkit.spec.corruptions import Jpeg, Mark, Noise
from auditkit.spec.data_card import DataCard
from auditkit.spec.declarations import SHIPPED
from auditkit.spec.declarations.corruption_response import CorruptionResponse

from .planted import Planted

RNG = np.random.default_rng(0)
N = 60
LABELS = (np.arange(N) % 3 == 0).astype(int)
SCORE = np.clip(0.45 + 0.1 * RNG.standard_normal(N), 0.2, 0.7)


@dataclass
class Stored(Planted):
    """Evidence whose score moves by a given amount with each corruption."""

    moves: object = None

    def corrupted_scores(self, corruption):
        moved = self.score + self.moves.get(corruption.label, 0.0)
        return Scores(moved, (moved >= 0.5).astype(int))

    def corrupted_picture(self, _index, _corruption):
        return np.zeros((16, 16, 3), np.uint8)


def planted(**moves):
    return Stored(LABELS, SCORE, moves=moves, images_per_patient=2)


def test_planted_changes_are_found_and_others_are_none():
    parameters = CorruptionResponse()
    findings = corruption_response(planted(jpeg=-0.1, mark=0.2), parameters)
    declared = SHIPPED["corruption-response"].measures(parameters)
    assert {m.name for m in findings.measurements} == set(declared)
    assert findings["jpeg.mean_change"].estimate.value == pytest.approx(-0.1)
    assert findings["mark.mean_change"].estimate.value == pytest.approx(0.2)
    assert findings["blur.mean_change"].estimate.value == 0
    flips = (SCORE + 0.2 >= 0.5) != (SCORE >= 0.5)
    assert findings["mark.decision_flips"].estimate.value == pytest.approx(flips.mean())
    assert findings["mark.mean_change"].estimate.clusters == N // 2


def test_the_strongest_is_first_and_examples_show_it_beside_the_picture_as_it_is():
    findings = corruption_response(planted(noise=-0.2, blur=0.1), CorruptionResponse())
    (figure,), (table,) = findings.figures, findings.tables
    assert figure.labels[:2] == ["noise", "blur"]
    assert figure.series[0].y[:2] == pytest.approx([-0.2, 0.1])
    assert [row[0] for row in table.rows] == figure.labels
    assert table.rows[0][1] == "given noise of 0.02 of the range"
    first, second = (caption for caption, _ in findings.examples[0].panels)
    assert first.startswith("as it is: ")
    assert second.startswith("noise: ")
    assert "-0.20" in findings.examples[0].title


def test_the_same_corruption_twice_has_two_names():
    given = [{"corruption": "jpeg", "quality": 10, "name": "coarse"}, "jpeg"]
    parameters = CorruptionResponse(corruptions=given)
    findings = corruption_response(planted(coarse=0.1), parameters)
    assert findings["coarse.mean_change"].estimate.value == pytest.approx(0.1)
    assert findings["jpeg.mean_change"].estimate.value == 0
    assert Jpeg(quality=10, name="coarse").identity == Jpeg(quality=10).identity


def test_one_patient_is_not_evaluable_and_stays_in_the_rows():
    evidence = Stored(LABELS[:2], SCORE[:2], moves={}, images_per_patient=2)
    findings = corruption_response(evidence, CorruptionResponse(corruptions=["jpeg"]))
    assert findings["jpeg.mean_change"].estimate is None
    assert findings["jpeg.mean_change"].reason
    assert findings.tables[0].rows[0][2] == "not evaluable"
    assert findings.figures[0].series == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "at least 1"),
        (["jpg"], "unknown corruption 'jpg'; did you mean 'jpeg'"),
        ([{"quality": 5}], "a name or a mapping with the key 'corruption'"),
        ([7], "a name or a mapping with the key 'corruption'"),
        (["jpeg", "jpeg"], "two corruptions have the same name"),
        ([{"corruption": "jpeg", "qualty": 5}], "jpeg has no parameter 'qualty'.*'quality'"),
        ([{"corruption": "jpeg", "quality": 96}], "jpeg: quality: .*less than or equal to 95"),
        ([{"corruption": "resize", "scale": 1}], "resize: scale: .*less than 1"),
        ([{"corruption": "blur", "sigma": 0}], "blur: sigma: .*greater than 0"),
        ([{"corruption": "mark", "colour": [0, 0, 256]}], "mark: colour.2: .*255"),
        ([{"corruption": "mark", "corner": "middle"}], "mark: corner: "),
        ([{"corruption": "blur", "name": "a b"}], "blur: "),
    ],
)
def test_wrong_parameters_are_refused_with_what_was_expected(given, message):
    with pytest.raises(ValidationError, match=message):
        CorruptionResponse(corruptions=given)


@pytest.fixture
def data():
    card = {"data": "d", "task": "melanoma", "format": "synthetic-dermoscopy"}
    parameters = {"n": 6, "seed": 4, "size": 64, "images_per_patient": 2}
    return auditkit.load_data(DataCard.model_validate(card | {"with": parameters}))


def test_a_real_network_is_asked_about_the_pictures_corrupted_as_they_are_stored(
    model, data, tmp_path
):
    findings = auditkit.run(
        "corruption-response", model, data, store=tmp_path, corruptions=["noise", "mark"]
    )
    plain = model.probabilities(model.prepare([data.image(i) for i in range(6)]))[:, 1]
    for kind in (Noise(), Mark()):
        seeds = [seed_of("corruption", kind.identity, one.digest) for one in data.records]
        pictures = [corrupted(data.image(i), kind, seed) for i, seed in enumerate(seeds)]
        expected = float((model.probabilities(model.prepare(pictures))[:, 1] - plain).mean())
        assert abs(expected) > 1e-5
        found = findings[f"{kind.label}.mean_change"].estimate.value
        assert found == pytest.approx(expected, abs=1e-5)
    assert len(findings.examples) == 2


def test_no_shard_changes_a_bit_and_the_display_name_is_no_other_evidence(model, data, tmp_path):
    def evidence(store, batches):
        engine = Engine(Store(tmp_path / store))
        settings = Settings(batch_size=2, batches=batches)
        return engine, Evidence(model.card, data, engine, settings, None, model.copy)

    engine, found = evidence("a", 1)
    first = found.corrupted_scores(Noise())
    assert (engine.counts.computed, first.score.shape) == (3, (6,))
    found.corrupted_scores(Noise(name="sensor"))
    assert engine.counts.computed == 3
    found.corrupted_scores(Noise(sigma=0.04))
    assert engine.counts.computed == 6
    whole = evidence("b", 3)[1].corrupted_scores(Noise())
    np.testing.assert_array_equal(whole.score, first.score)
