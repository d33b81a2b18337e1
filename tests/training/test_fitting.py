"""The loop of classifiers: against closed references, early stopping, resumption, failures."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_curve
from torch import nn

from auditkit.errors import AuditError
from auditkit.spec.training_classifier import ClassifierTraining
from auditkit.training.batches_of_images import FixedInputs, Part
from auditkit.training.fitting import History, Task, cross_entropy, fit
from auditkit.training.validating import auroc_of, youden_threshold

CPU = torch.device("cpu")


def recipe(**changes):
    return ClassifierTraining.model_validate(
        {
            "train": "concept-classifier",
            "name": "c",
            "data": "d",
            "validation": 0.5,
            "input": {"size": 8},
            "epochs": 2,
            "batch": 16,
            **changes,
        }
    )


def task(network, n=60, width=2, identity=None):
    """Labels that a line does not separate."""
    draws = torch.Generator().manual_seed(0)
    x = torch.randn(n, width, generator=draws)
    y = (x[:, :1] - 0.5 * x[:, 1:2] + torch.randn(n, 1, generator=draws) > 0).float()
    part = Part(FixedInputs(x), y)
    told = identity or {"recipe": {}, "data": "", "start": ""}
    return Task(network, network, part, part, told)


def test_unknown_targets_count_neither_way():
    logits = torch.tensor([[2.0, -1.0], [0.5, 3.0]], requires_grad=True)
    targets = torch.tensor([[1.0, torch.nan], [0.0, torch.nan]])
    loss = cross_entropy(logits, targets)
    p = logits.detach().double().sigmoid()
    assert loss.item() == pytest.approx(log_loss([1, 0], p[:, 0].numpy()), abs=1e-6)
    loss.backward()
    assert logits.grad[:, 1].tolist() == [0.0, 0.0]
    assert cross_entropy(logits, torch.full((2, 2), torch.nan)).item() == 0.0


def test_a_linear_head_becomes_the_logistic_regression(tmp_path):
    network = nn.Linear(2, 1)
    made = task(network)
    settings_ = {"learning_rate": 1.0, "weight_decay": 0.0, "patience": None, "workers": 1}
    fit(made, recipe(epochs=60, batch=60, **settings_), tmp_path, CPU)
    reference = LogisticRegression(C=np.inf, tol=1e-10).fit(
        made.training.inputs.values.numpy(), made.training.targets[:, 0].numpy()
    )
    assert network.weight[0].tolist() == pytest.approx(reference.coef_[0].tolist(), abs=2e-3)
    assert network.bias.item() == pytest.approx(reference.intercept_[0], abs=2e-3)


@pytest.mark.parametrize(
    ("validation", "ends", "best"),
    [
        ([3.0, 2.0, 1.0], False, 3),
        ([1.0, 2.0, 3.0], False, 1),  # two epochs without a better one, but three are wanted
        ([1.0, 2.0, 2.0, 2.0], True, 1),
        ([2.0, 2.0, 1.0, 2.0], False, 3),
        ([1.0] * 6, True, 1),
        ([6.0, 5.0, 4.0, 3.0, 2.0, 1.0], True, 6),  # all epochs
    ],
)
def test_it_stops_when_validation_no_longer_improves(validation, ends, best):
    history = History(list(validation), list(validation))
    assert history.ends(recipe(epochs=6, patience=3, patience_from=2)) == ends
    assert history.best == best
    late = recipe(epochs=6, patience=1, patience_from=6)
    assert history.ends(late) == (len(validation) == 6)


class Noisy(nn.Module):
    """Batch norm and dropout: states and draws that a resumed run must have again."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(2, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(0.5), nn.Linear(6, 1)
        )

    def forward(self, x):
        return self.layers(x)


def noisy():
    torch.manual_seed(4)
    return Noisy()


class StoppedError(Exception):
    """Somebody pulled the plug."""


def stopping_after(steps):
    """The network's answer, which fails at a step of the training."""
    network, seen = noisy(), []

    def answer(x):
        seen.append(1)
        if len(seen) > steps:
            raise StoppedError
        return network(x)

    return network, answer


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_an_interrupted_run_ends_with_the_same_bits(tmp_path, optimiser):
    how = recipe(epochs=4, optimiser=optimiser, learning_rate=0.05, patience=None)
    whole = noisy()
    history = fit(task(whole), how, tmp_path / "whole", CPU)
    # Each epoch has four steps and four batches of validation.
    for stop in (11, 9):
        network, answer = stopping_after(stop)
        made = task(network)
        with pytest.raises(StoppedError):
            fit(
                Task(network, answer, *[made.training] * 2, made.identity),
                how,
                tmp_path / "cut",
                CPU,
            )
    resumed = noisy()
    again = fit(task(resumed), how, tmp_path / "cut", CPU)
    assert again == history
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_training_leaves_torchs_own_generator_alone(tmp_path):
    network = noisy()
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    fit(task(network), recipe(), tmp_path, CPU)
    assert torch.equal(torch.rand(3), expected)


def test_the_best_epoch_is_kept_not_the_last(tmp_path):
    network = nn.Linear(2, 1)
    made = task(network)
    # What is validated on is learnt the wrong way round, so that the first epoch is the best.
    wrong = Part(made.validation.inputs, 1 - made.validation.targets)
    how = recipe(epochs=5, patience=None, learning_rate=0.5)
    nn.init.zeros_(network.weight)
    history = fit(Task(network, network, made.training, wrong, made.identity), how, tmp_path, CPU)
    assert history.best == 1
    with torch.no_grad():
        found = cross_entropy(network(wrong.inputs.values), wrong.targets).item()
    assert found == pytest.approx(history.validation[0], abs=1e-6)


@pytest.mark.parametrize("batch", [2, 7, 59, 60, 500])
def test_every_image_is_seen_once_an_epoch_and_none_alone(tmp_path, batch):
    network, sizes = nn.Linear(2, 1), []

    def answer(x):
        if network.training:
            sizes.append(len(x))
        return network(x)

    made = task(network)
    fit(
        Task(network, answer, *[made.training] * 2, made.identity),
        recipe(epochs=1, batch=batch),
        tmp_path,
        CPU,
    )
    assert sum(sizes) == 60
    assert 2 <= min(sizes) <= max(sizes) <= batch


def test_another_run_is_not_continued(tmp_path):
    told = {"recipe": {"batch": 16}, "data": "a", "start": ""}
    fit(task(noisy(), identity=told), recipe(), tmp_path, CPU)
    other = {**told, "recipe": {"batch": 8}}
    with pytest.raises(AuditError, match=r"batch \(16 there, 8 now\)"):
        fit(task(noisy(), identity=other), recipe(), tmp_path, CPU)


def test_a_loss_that_is_no_number_is_an_error(tmp_path):
    network = nn.Linear(2, 1)
    nn.init.constant_(network.weight, math.inf)
    with pytest.raises(AuditError, match=r"the loss of epoch 1, step 1 is (nan|inf)"):
        fit(task(network), recipe(), tmp_path, CPU)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.integers(1, 12)), min_size=2, max_size=20).filter(
        lambda rows: len({label for label, _ in rows}) == 2
    )
)
def test_the_threshold_maximises_youdens_j(rows):
    labels = np.array([float(label) for label, _ in rows])
    scores = np.array([step / 12 for _, step in rows])
    chosen = youden_threshold(labels, scores)
    said = scores >= chosen
    found = said[labels == 1].mean() - said[labels == 0].mean()
    false, true, _ = roc_curve(labels, scores, drop_intermediate=False)
    # One that calls everything negative (J = 0) is no better than one that calls everything positive.
    assert found == pytest.approx((true - false).max(), abs=1e-12)
    assert 0 < chosen < 1
    assert (np.abs(scores - chosen) > 1e-7).all() or chosen in (1e-6, 1 - 1e-6)


def test_a_threshold_needs_both_classes():
    with pytest.raises(AuditError, match="0 positive and 2 negative"):
        youden_threshold(np.zeros(2), np.array([0.1, 0.2]))


def test_an_auroc_that_cannot_be_had_says_why():
    labels = np.array([0.0, 0.0, np.nan, 1.0, 1.0])
    found = auroc_of(labels, np.array([0.1, 0.4, 0.9, 0.3, 0.8]), ["a", "b", "c", "d", "e"])
    assert found["auroc"] == 0.75
    assert found["low"] < 0.75 < found["high"]
    assert (found["images"], found["positives"]) == (4, 2)
    missing = auroc_of(np.array([0.0, np.nan]), np.array([0.1, 0.2]), ["a", "b"])
    assert "one" in missing["not_evaluable"] or "both classes" in missing["not_evaluable"]
