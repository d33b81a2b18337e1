"""Measured attributes as evidence: against a loop by hand, reasons, concepts, and what must not matter."""

import counterfactual_world as world
import numpy as np
import pytest
import torch
from torch import nn

from auditkit.data.load import load_data
from auditkit.errors import AuditError
from auditkit.evidence import Evidence, Settings, Store
from auditkit.evidence.counterfactuals.attributes import NOT_FINITE, measured, unannotated
from auditkit.evidence.counterfactuals.pictures import pairs
from auditkit.evidence.engine import Engine
from auditkit.evidence.measuring import measure
from auditkit.evidence.peers import Peers
from auditkit.metrics import NotEvaluable
from auditkit.models.counterfactuals import load
from auditkit.models.model import Model
from auditkit.spec.measured import QUANTITIES
from auditkit.spec.model_card import ModelCard

N, SIZE = 4, 32
EVERY = list(QUANTITIES)
SIDES = ("reference", "benign", "malignant")


class Colours(nn.Module):
    """Logits of two concepts: how red and how bright the picture is."""

    def forward(self, x):
        mean = x.flatten(2).mean(dim=2)
        return torch.stack([20 * (mean[:, 0] - mean[:, 1] - 0.2), 5 * (mean.mean(1) - 0.5)], dim=1)


def concept_card(folder):
    (folder / "colours.safetensors").write_bytes(b"not read")
    return ModelCard.model_validate(
        {
            "model": "colours",
            "task": "melanoma",
            "format": "python",
            "python": {"factory": "unused:unused", "allow_code": True, "version": "1"},
            "weights": {"file": "colours.safetensors"},
            "input": {"size": 8},
            "output": {"kind": "logits", "classes": ["red", "bright"], "exclusive": False},
        }
    ).model_copy(update={"path": folder / "colours.model.yaml", "folder": folder})


def asked(folder, **settings):
    folder.mkdir(parents=True, exist_ok=True)
    given = Settings(**settings)

    def colours():
        card = concept_card(folder)
        network = Model(card, [Colours()], torch.device("cpu"))
        data = load_data(world.lesions(N, SIZE))
        return Evidence(card, data, Engine(Store(folder / "store")), given, model=network.copy)

    peers = Peers(models={"colours": colours})
    return world.counterfactual_evidence(folder, n=N, size=SIZE, settings=given, peers=peers)


def found_by(folder, *, concepts=("bright", "red"), **settings):
    evidence, card = asked(folder, **settings)
    return measured(evidence, card, EVERY, 0.06, "colours", concepts)


@pytest.fixture
def made(monkeypatch):
    """Let a function of images and targets stand for what the generator makes."""

    def replace(change):
        class Changed:
            def __init__(self, *_given):
                pass

            def generate(self, images, targets, _scores):
                return change(images, targets)

        monkeypatch.setattr(load, "load_generator", Changed)

    return replace


def test_every_value_is_what_measuring_the_pictures_gives(tmp_path):
    evidence, card = asked(tmp_path)
    found = measured(evidence, card, EVERY, 0.06, None, [])
    ends = pairs(evidence, card)
    for i in range(N):
        pictures = [evidence.data.image(i), *ends[i]]
        expected = measure(pictures, evidence.mask(i), 0.06)
        for side, values in zip(SIDES, expected, strict=True):
            for name in EVERY:
                value = getattr(found, side)[name][i]
                if isinstance(values[name], NotEvaluable):
                    assert np.isnan(value)
                    assert found.reasons[name][i] == values[name].reason
                else:
                    assert value == values[name]
                    assert found.reasons[name][i] == ""


def test_a_generator_that_reddens_makes_the_background_redder(tmp_path):
    evidence, card = asked(tmp_path)
    found = measured(evidence, card, ["background.a", "background.L"], 0.06, None, [])
    assert set(found.reference) == set(found.reasons) == {"background.a", "background.L"}
    assert (found.malignant["background.a"] > found.benign["background.a"] + 2).all()


def test_shards_threads_and_names_change_no_bit(tmp_path):
    one = found_by(tmp_path / "1", batch_size=2)
    for batches, concepts in ((2, ("bright", "red")), (3, ("red", "bright"))):
        folder = tmp_path / str(batches)
        other = found_by(folder, batch_size=2, batches=batches, concepts=concepts)
        assert other.reasons == one.reasons
        for side in SIDES:
            for name, values in getattr(one, side).items():
                assert np.array_equal(values, getattr(other, side)[name], equal_nan=True)


def test_what_is_in_the_store_needs_neither_model_nor_generator(tmp_path, monkeypatch):
    one = found_by(tmp_path)

    def refuse(*_given):
        raise AssertionError("loaded again")

    monkeypatch.setattr(load, "load_generator", refuse)
    monkeypatch.setattr(Model, "copy", refuse)
    other = found_by(tmp_path)
    assert np.array_equal(one.benign["concept[red]"], other.benign["concept[red]"])


def test_dilation_is_part_of_the_identity(tmp_path):
    evidence, card = asked(tmp_path)
    names = ["background.a", "lesion.a"]
    near, far = (measured(evidence, card, names, dilate, None, []) for dilate in (0.0, 0.2))
    assert not np.array_equal(near.reference["background.a"], far.reference["background.a"])
    assert np.array_equal(near.reference["lesion.a"], far.reference["lesion.a"])


def test_concepts_are_the_classifiers_probabilities_of_the_pictures_people_see(tmp_path):
    evidence, card = asked(tmp_path)
    found = measured(evidence, card, [], 0.06, "colours", ["bright", "red"])
    ends = pairs(evidence, card)
    network = Model(concept_card(tmp_path), [Colours()], torch.device("cpu"))
    for i in range(N):
        pictures = [evidence.data.image(i), *ends[i]]
        expected = network.probabilities(network.prepare(pictures)).numpy()
        for side, (red, bright) in zip(SIDES, expected, strict=True):
            assert getattr(found, side)["concept[red]"][i] == pytest.approx(red, abs=1e-6)
            assert getattr(found, side)["concept[bright]"][i] == pytest.approx(bright, abs=1e-6)
    assert (found.malignant["concept[red]"] > found.benign["concept[red]"]).all()
    assert found.reasons["concept[red]"] == [""] * N


def test_a_concept_that_is_no_class_is_named(tmp_path):
    evidence, card = asked(tmp_path)
    with pytest.raises(AuditError, match="no class 'blue'"):
        measured(evidence, card, [], 0.06, "colours", ["blue"])


def test_a_counterfactual_that_is_not_finite_is_counted_and_the_rest_measured(tmp_path, made):
    def broken(images, targets):
        found = images.clone()
        found[targets == 0] = torch.nan
        return found

    made(broken)
    found = found_by(tmp_path)
    for name in (*EVERY, "concept[red]"):
        assert found.reasons[name] == [NOT_FINITE] * N
        assert np.isnan(found.benign[name]).all()
    assert np.isfinite(found.reference["background.a"]).all()
    assert np.array_equal(found.reference["background.a"], found.malignant["background.a"])
    assert np.isfinite(found.reference["concept[red]"]).all()


def test_a_lesion_that_vanishes_is_counted(tmp_path, made):
    def grey(images, targets):
        return torch.where(targets.view(-1, 1, 1, 1) == 0, torch.full_like(images, 0.6), images)

    made(grey)
    evidence, card = asked(tmp_path)
    found = measured(evidence, card, ["lesion.area", "lesion.L"], 0.06, None, [])
    assert all(reason.startswith("no lesion found") for reason in found.reasons["lesion.area"])
    assert np.isnan(found.malignant["lesion.area"]).all()
    assert found.reasons["lesion.L"] == [""] * N


def test_without_annotations_the_lesion_is_looked_for(tmp_path, monkeypatch):
    evidence, card = asked(tmp_path)
    assert unannotated(evidence) == 0
    monkeypatch.setattr(type(evidence.data), "mask", lambda *_given: None)
    found = measured(evidence, card, ["background.L"], 0.06, None, [])
    ends = pairs(evidence, card)
    expected = [measure([evidence.data.image(i), *ends[i]], None, 0.06)[0] for i in range(N)]
    for value, reason, one in zip(
        found.reference["background.L"], found.reasons["background.L"], expected, strict=True
    ):
        own = one["background.L"]
        assert reason == (own.reason if isinstance(own, NotEvaluable) else "")
        assert np.isnan(value) if reason else value == own
