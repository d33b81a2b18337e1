"""Numbers per image beside a run: exact, canonical, without names, and proven unchanged."""

import json

import numpy as np
import pytest
from finished_runs import IMAGES, LABELS, MEASURES, auroc_measurement, mean_measurement, scores
from finished_runs import audit as audit_in
from hypothesis import given
from hypothesis import strategies as st

from auditkit.errors import AuditError
from auditkit.findings import Measurement
from auditkit.results.samples import place, read_samples, samples_file, samples_name
from auditkit.stats import Sample, mean

AWKWARD = st.floats(allow_nan=False, allow_infinity=False, width=64)


def measured(sample, name="m", at=None):
    return Measurement(name, at or {}, mean([0.0, 1.0]), "unit", (0, 1), 2, sample=sample)


@given(st.lists(AWKWARD, min_size=1, max_size=20))
def test_numbers_come_back_exactly(tmp_path_factory, values):
    folder = tmp_path_factory.mktemp("run")
    images = [f"i{k}" for k in range(len(values))]
    given_sample = Sample("mean", images, images, np.array(values))
    found = read_samples(folder, audit_in(folder, [measured(given_sample)]))
    assert found[place("m", {})].sample.values.tobytes() == given_sample.values.tobytes()
    assert list(found[place("m", {})].sample.images) == images


def test_each_measure_keeps_its_own_images_order_and_labels(tmp_path):
    whole = auroc_measurement(scores())
    some = Sample("mean", IMAGES[9:2:-1], [f"p{i}" for i in range(7)], np.arange(7.0))
    twice = Sample("mean", ["a", "a", "b"], ["p", "p", "q"], np.array([1.0, 2.0, 3.0]))
    folder = tmp_path / "run"
    found = read_samples(
        folder,
        audit_in(
            folder,
            [whole, measured(some, at={"radius": 5, "tone": "dark"}), measured(twice, "twice")],
        ),
    )
    assert found[place("roc_auc", {})].sample.labels.tolist() == LABELS.tolist()
    assert list(found[place("m", {"tone": "dark", "radius": 5.0})].sample.images) == IMAGES[9:2:-1]
    assert list(found[place("twice", {})].sample.images) == ["a", "a", "b"]
    assert found[place("twice", {})].sample.values.tolist() == [1, 2, 3]
    directions = [found[place(*at)].better for at in (("roc_auc", {}), ("twice", {}))]
    assert directions == ["higher", None]


def test_patients_are_numbers_and_the_same_ones_stay_together(tmp_path):
    whole = auroc_measurement(scores())
    content = samples_file("a", "net", "lesions", [whole], MEASURES)
    assert b"Jane" not in content
    back = read_samples(tmp_path, audit_in(tmp_path, [whole]))[place("roc_auc", {})].sample
    assert [back.patients[i] == back.patients[i + 1] for i in (0, 1, 2)] == [True, False, True]
    assert len(set(back.patients)) == 200


def test_equal_samples_give_equal_bytes_and_images_stand_there_once():
    measurements = [auroc_measurement(scores()), mean_measurement(np.full(400, 0.25))]
    content = samples_file("a", "net", "lesions", measurements, MEASURES)
    assert content == samples_file("a", "net", "lesions", measurements, MEASURES)
    stored = json.loads(content)
    assert stored["images"] == IMAGES
    assert content.count(b"digest-007") == 1
    assert samples_file("a", "net", "lesions", [measured(None)], MEASURES) is None


def test_an_audit_without_samples_has_none(tmp_path):
    assert read_samples(tmp_path, audit_in(tmp_path, [measured(None)])) == {}


def test_one_changed_byte_is_found(tmp_path):
    found = audit_in(tmp_path, [auroc_measurement(scores())])
    file = tmp_path / found.samples.file
    content = file.read_bytes()
    file.write_bytes(content.replace(b'"labels":[0', b'"labels":[1', 1))
    with pytest.raises(AuditError, match="was changed after the run"):
        read_samples(tmp_path, found)
    file.unlink()
    with pytest.raises(AuditError, match="cannot be read"):
        read_samples(tmp_path, found)


def test_no_file_outside_the_folder_is_read(tmp_path):
    found = audit_in(tmp_path / "run", [auroc_measurement(scores())])
    for file in ("../secret.json", "/etc/passwd", "samples/x.json"):
        moved = found.samples.model_copy(update={"file": file})
        with pytest.raises(AuditError, match="not the name of a file of samples"):
            read_samples(tmp_path / "run", found.model_copy(update={"samples": moved}))


@pytest.mark.parametrize(
    "damage",
    [
        {"rows": [0, 99]},
        {"rows": [0, -1]},
        {"values": [1.0]},
        {"labels": [0]},
        {"surprise": 1},
    ],
)
def test_a_file_of_another_shape_is_refused(tmp_path, damage):
    sample = Sample("mean", ["a", "b"], ["p", "q"], np.array([1.0, 2.0]))
    stored = json.loads(samples_file("a", "net", "lesions", [measured(sample)], MEASURES))
    stored["samples"][0] |= damage
    content = json.dumps(stored).encode()
    file, digest = samples_name(content)
    (tmp_path / file).parent.mkdir()
    (tmp_path / file).write_bytes(content)
    found = audit_in(tmp_path, [])
    samples = {"samples": {"file": file, "sha256": digest}}
    found = type(found).model_validate(found.model_dump() | samples)
    with pytest.raises(AuditError, match="not a file of samples of this version"):
        read_samples(tmp_path, found)
