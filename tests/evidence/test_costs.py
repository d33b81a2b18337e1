"""Costs of heatmaps: counted, kept, and measured on a machine that is part of their address. No timing."""

import math
from dataclasses import asdict

import numpy as np
import pytest
import torch

import auditkit
from auditkit.evidence import Evidence, Settings, Store, efficiency, heatmaps
from auditkit.evidence.efficiency import CostPlan, cost_parameters, error_of
from auditkit.evidence.engine import Engine
from auditkit.evidence.heatmaps import Explained
from auditkit.evidence.machine import machine
from auditkit.models import load_model
from auditkit.spec.data_card import DataCard
from auditkit.spec.methods import parse_method

PLAN = CostPlan(batch=1, repeats=2, warm_up=1, threads=1)
METHOD = parse_method("gradient")


class Fake:
    """Asks for three answers and one gradient per image, and remembers how it was called."""

    def __init__(self, method, subject, background):
        self.subject, self.calls, self.threads = subject, [], []
        Fake.last = self

    def explain(self, batch, rows):
        self.calls.append((len(batch), rows, tuple(batch.seeds)))
        self.threads.append(torch.get_num_threads())
        for _ in range(2):
            self.subject.answer(batch.inputs, batch.target, batch.table).detach()
        inputs = batch.inputs.clone().requires_grad_()
        answer = self.subject.answer(inputs, batch.target, batch.table)
        (gradient,) = torch.autograd.grad(answer.sum(), inputs)
        maps = gradient.sum(dim=1, keepdim=True)
        return Explained(maps, standard_error=maps.abs() / 10)


@pytest.fixture(scope="module")
def card(random_card):
    return random_card(32)


@pytest.fixture(scope="module")
def model(card):
    return load_model(card, "cpu")


@pytest.fixture
def make(card, model, tmp_path):
    """Evidence of three images, with a batch that would cut them into shards."""

    def made(images=3):
        data = DataCard.model_validate(
            {
                "data": "lesions",
                "task": "melanoma",
                "format": "synthetic-dermoscopy",
                "with": {"n": 4, "seed": 1, "size": 32},
            }
        )
        engine = Engine(Store(tmp_path), threads=2)
        settings = Settings(device="cpu", batch_size=2)
        return Evidence(card, auditkit.load_data(data), engine, settings, images, model.copy)

    return made


@pytest.fixture
def fake(monkeypatch):
    monkeypatch.setattr(heatmaps, "explainer", Fake)
    return Fake


def test_passes_memory_and_error_of_every_image_are_counted(make, fake):
    found = make().costs(METHOD, PLAN)
    assert found.forwards.tolist() == [3, 3, 3]
    assert found.backwards.tolist() == [1, 1, 1]
    assert found.error == pytest.approx([0.1] * 3)
    image = 3 * 32 * 32 * 4
    assert (found.memory > 2 * image).all()
    assert (found.memory == found.memory[0]).all()
    assert (found.seconds > 0).all()
    assert ((found.waited >= 0) & (found.waited < 1)).all()


def test_calls_are_warm_up_then_one_watched_and_the_repeats_of_each_image(make, fake):
    make().costs(METHOD, CostPlan(batch=1, repeats=3, warm_up=2, threads=1))
    seeds = [call[2] for call in fake.last.calls]
    assert len(seeds) == 2 + 3 * (1 + 3)
    assert len(set(seeds)) == 3
    assert seeds[:6] == [seeds[0]] * 6
    assert {call[1] for call in fake.last.calls} == {2}


def test_batch_goes_round_the_end_and_costs_are_per_heatmap(make, fake):
    found = make().costs(METHOD, CostPlan(batch=4, repeats=1, warm_up=0, threads=1))
    (first, *_) = fake.last.calls
    assert first[0] == 4
    assert first[2][3] == first[2][0]
    assert found.forwards.tolist() == [3, 3, 3]
    assert found.backwards.tolist() == [1, 1, 1]


def test_second_run_on_the_same_machine_reads_what_the_first_measured(make, fake, monkeypatch):
    first = make().costs(METHOD, PLAN)
    again = make()
    second = again.costs(METHOD, PLAN)
    assert again._engine.counts.computed == 0
    assert np.array_equal(first.seconds, second.seconds)
    assert second.machine == machine("cpu")
    other = make()
    other.costs(METHOD, CostPlan(batch=1, repeats=3, warm_up=1, threads=1))
    assert other._engine.counts.computed == 1
    elsewhere = {**machine("cpu"), "processor": "another one"}
    monkeypatch.setattr(efficiency, "machine", lambda device: elsewhere)
    moved = make()
    assert moved.costs(METHOD, PLAN).machine == elsewhere
    assert moved._engine.counts.computed == 1


def test_everything_is_one_shard_whatever_the_batch_size(make, fake):
    evidence = make()
    evidence.costs(METHOD, PLAN)
    assert evidence._engine.counts.computed == 1


def test_threads_are_those_of_the_plan_and_the_process_keeps_its_own(make, fake, monkeypatch):
    def idle(self, batch, rows):
        self.threads.append(torch.get_num_threads())
        return Explained(torch.zeros(len(batch), 1, 1, 1))

    monkeypatch.setattr(Fake, "explain", idle)
    before = torch.get_num_threads()
    make().costs(METHOD, CostPlan(batch=1, repeats=1, warm_up=0, threads=2))
    assert set(fake.last.threads) == {2}
    assert torch.get_num_threads() == before


def test_gradient_costs_one_pass_each_way(make):
    found = make(images=1).costs(METHOD, PLAN)
    assert found.backwards.tolist() == [1]
    assert found.error is None


def test_occlusion_goes_forwards_only(make):
    method = parse_method({"method": "occlusion", "window": 0.5, "stride": 0.5})
    found = make(images=1).costs(method, PLAN)
    assert found.backwards.tolist() == [0]
    assert found.forwards[0] >= 4


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({}, None),
        ({"standard_error": torch.tensor([[[[3.0, 0.0]]]])}, 3 / 5),
        ({"residual": torch.tensor([0.25])}, 0.25),
        (
            {"standard_error": torch.tensor([[[[0.5, 0.0]]]]), "residual": torch.tensor([0.25])},
            0.25,
        ),
        ({"residual": torch.tensor([math.nan])}, math.inf),
    ],
)
def test_error_is_the_larger_of_what_the_method_states(given, error):
    found = error_of(Explained(torch.tensor([[[[3.0, 4.0]]]]), **given))
    assert found == (error if error is None else pytest.approx(error))


def test_error_of_a_heatmap_of_zeros_is_no_share_of_it():
    zeros = torch.zeros(1, 1, 2, 2)
    assert error_of(Explained(zeros, standard_error=zeros)) == math.inf


def test_machine_is_named_without_torch_on_a_processor():
    found = machine("cpu")
    assert found["device"] == "cpu"
    assert found["processor"]
    assert set(found) == {"system", "processor", "cores", "torch", "device"}


def test_parameters_hold_all_that_changes_a_time():
    settings = Settings(device="cpu", batch_size=8)
    found = cost_parameters(PLAN, settings, ["a"])
    assert found["plan"] == asdict(PLAN)
    assert (found["rows"], found["images"]) == (8, ["a"])
