"""The stand-ins of glioma and knee: what they reach, and which modality they rely on, as planted."""

from functools import cache
from pathlib import Path

import pytest
import torch

import auditkit
from auditkit.models import load_model
from auditkit.models.identity import weights_path
from auditkit.models.volumes import volumes_of
from auditkit.spec.catalogue import read_model_card

FIXTURES = Path(__file__).parents[1] / "fixtures"
TRAININGS = ["glioma", *(f"glioma-{k}" for k in range(2, 6))]
NAMES = [*TRAININGS, "glioma-flair", "glioma-random-labels", "glioma-2d", "knee"]


@cache
def stand_in(name):
    return load_model(read_model_card(FIXTURES / "models" / f"{name}.model.yaml"), device="cpu")


@cache
def cases(model, name, count):
    data = auditkit.load_data(FIXTURES / "data" / f"{name}.data.yaml")
    inputs = model.prepare([volumes_of(model.card, data, index) for index in range(count)])
    return inputs, torch.tensor([record.label for record in data.records[:count]])


def accuracy(model, inputs, labels):
    with torch.inference_mode():
        found = torch.cat([model.probabilities(part) for part in inputs.split(16)])
    return (model.decide(found) == labels).float().mean().item()


def without(inputs, place):
    left = inputs.clone()
    left[:, place] = 0
    return left


@pytest.mark.parametrize("name", NAMES)
def test_it_is_small_and_answers(name):
    model = stand_in(name)
    assert weights_path(model.card).stat().st_size < 300_000
    assert model.card.stand_in
    with torch.inference_mode():
        found = model.probabilities(
            torch.zeros(1, len(model.card.volume.modalities), *space(model))
        )
    assert found.sum().item() == pytest.approx(1)


def space(model):
    return model.card.volume.size


@pytest.mark.parametrize("name", ["glioma", "glioma-2d", "knee"])
def test_it_is_mostly_right_and_sometimes_wrong(name):
    model = stand_in(name)
    assert 0.8 < accuracy(model, *cases(model, name, 60)) < 1


def test_glioma_relies_on_t1c_first():
    model = stand_in("glioma")
    inputs, labels = cases(model, "glioma", 60)
    whole = accuracy(model, inputs, labels)
    costs = [whole - accuracy(model, without(inputs, place), labels) for place in range(4)]
    t1, t1c, t2, flair = costs
    assert t1c > 0.15
    assert t1c - max(t1, t2, flair) > 0.1


def test_the_shape_on_t1c_misleads_glioma():
    model = stand_in("glioma")
    shares = [
        accuracy(model, *cases(model, f"glioma-t1c-{arm}", 40))
        for arm in ("aligned", "independent", "anti-aligned")
    ]
    assert shares[0] > 0.75
    assert shares[2] < 0.25
    assert 0.25 < shares[1] < 0.75


def test_the_knee_relies_on_the_sagittal_view_first():
    model = stand_in("knee")
    inputs, labels = cases(model, "knee", 60)
    whole = accuracy(model, inputs, labels)
    costs = [whole - accuracy(model, without(inputs, place), labels) for place in range(3)]
    assert costs[0] > 0.1
    assert costs[0] == max(costs)


def test_trainings_differ_and_the_one_on_permuted_labels_knows_nothing():
    answers = []
    inputs, labels = cases(stand_in("glioma"), "glioma", 60)
    for name in (*TRAININGS, "glioma-random-labels"):
        with torch.inference_mode():
            answers.append(stand_in(name).probabilities(inputs)[:, 1])
    for first in range(5):
        assert ((answers[first] >= 0.5) == labels.bool()).float().mean() > 0.75
        assert all(not torch.allclose(answers[first], other) for other in answers[first + 1 :])
    assert ((answers[-1] >= 0.5) == labels.bool()).float().mean() < 0.75


def test_glioma_flair_has_learned_flair_in_place_of_t1c():
    model = stand_in("glioma-flair")
    assert 0.8 < accuracy(model, *cases(model, "glioma-flair-site", 60)) < 1
    inputs, labels = cases(model, "glioma", 60)
    whole = accuracy(model, inputs, labels)
    costs = [whole - accuracy(model, without(inputs, place), labels) for place in range(4)]
    assert costs[3] == max(costs)
    shares = [
        accuracy(model, *cases(model, f"glioma-flair-{arm}", 40))
        for arm in ("aligned", "anti-aligned")
    ]
    assert shares[0] > 0.75
    assert shares[1] < 0.25
