"""LIME: against scikit-learn's least squares on all coalitions and on the same sample."""

import numpy as np
import pytest
import torch
from coalition_games import callback, members, network_game, table
from sklearn.linear_model import LinearRegression, Ridge

from auditkit.errors import AuditError
from auditkit.evidence.heatmaps.perturbation.budget import estimate, pairs_within
from auditkit.evidence.heatmaps.perturbation.coalitions import paired_design, pairs_of
from auditkit.evidence.heatmaps.perturbation.regression import (
    LimeEstimator,
    lime_estimator,
    lime_rates,
    log_proximity,
)


def lime(tables, samples, width=0.25, ridge=0.0, seed=0, error=None):
    players = int(np.log2(tables.shape[1]))
    design = paired_design(
        players, pairs_within(players, samples), lime_rates(players, width), seed
    )
    return estimate(
        callback(tables),
        range(len(tables)),
        design,
        lambda count: lime_estimator(design, count, width, ridge),
        error,
    )


def kernel(present, width):
    """Ribeiro's: sqrt(exp(-d^2 / width^2)) of scikit-learn's cosine distance."""
    from sklearn.metrics import pairwise_distances

    everybody = np.ones((1, present.shape[1]))
    distances = pairwise_distances(present, everybody, metric="cosine").ravel()
    return np.sqrt(np.exp(-(distances**2) / width**2))


def reference(tables, width, ridge=0.0):
    """scikit-learn on all 2^P coalitions."""
    present = members(int(np.log2(tables.shape[1]))).astype(float)
    weights = kernel(present, width)
    model = Ridge(alpha=ridge * weights.sum()) if ridge else LinearRegression()
    return np.stack([model.fit(present, row, weights).coef_ for row in tables.numpy()])


GAMES = torch.cat([table(network_game(8, seed), 8) for seed in range(3)])


def test_the_kernel_is_ribeiros():
    present = np.triu(np.ones((5, 5)))[::-1]
    expected = kernel(np.concatenate([np.zeros((1, 5)), present]), 0.25)
    found = np.exp([log_proximity(k, 5, 0.25) for k in range(6)])
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("width", [0.1, 0.25, 2.0])
@pytest.mark.parametrize("ridge", [0.0, 0.01, 1.0])
def test_all_coalitions_give_scikit_learns_coefficients_with_no_error(width, ridge):
    found = lime(GAMES, 256, width, ridge)
    assert found.values.numpy() == pytest.approx(reference(GAMES, width, ridge), abs=1e-8)
    assert found.standard_error.eq(0).all()


@pytest.mark.parametrize("ridge", [0.0, 0.1])
def test_a_sample_gives_scikit_learns_coefficients_on_that_sample(ridge):
    """Each size counts as much as all its coalitions together, k(S) C(P, |S|)."""
    found = lime(GAMES, 120, ridge=ridge)
    design = paired_design(8, pairs_within(8, 120), lime_rates(8, 0.25), 0)
    rows = torch.cat([design.coalitions(slice(0, len(design))), torch.zeros(1, 8) > 0])
    rows = torch.cat([rows, torch.ones(1, 8) > 0]).double().numpy()
    pairs = np.append(np.tile((design.available / design.taken)[design.stratum], 2), [1, 1])
    weights = kernel(rows, 0.25) * pairs
    answers = GAMES[:, (rows @ 2 ** np.arange(8)).astype(int)].numpy()
    model = Ridge(alpha=ridge * weights.sum()) if ridge else LinearRegression()
    expected = [model.fit(rows, answer, weights).coef_ for answer in answers]
    assert found.values.numpy() == pytest.approx(np.stack(expected), abs=1e-8)


def test_an_additive_game_is_exact_from_the_smallest_sample():
    own = np.linspace(-3, 5, 10)
    found = lime(table(lambda z: 7 + z @ own, 10), 42)
    assert found.values[0].tolist() == pytest.approx(own.tolist())
    assert found.standard_error.max() < 1e-9


@pytest.mark.parametrize("samples", [80, 200])
@pytest.mark.parametrize("width", [0.1, 0.25])
def test_standard_errors_are_the_size_of_the_errors(samples, width):
    """On average over features; a game that is flat but for rare coalitions has outliers among them."""
    noise = torch.from_numpy(np.random.default_rng(5).normal(size=(1, 1024)))
    games = torch.cat([noise, *(table(network_game(10, seed), 10) for seed in range(2))])
    truth = torch.from_numpy(reference(games, width))
    found = [lime(games, samples, width, seed=seed) for seed in range(40)]
    squares = torch.stack([(f.values - truth) ** 2 for f in found])
    errors = torch.stack([f.standard_error**2 for f in found])
    assert (squares / errors)[:, :2].mean() == pytest.approx(1, abs=0.4)
    for ratio in squares.mean(dim=(0, 2)) / errors.mean(dim=(0, 2)):
        assert ratio == pytest.approx(1, abs=0.4)


def uniform(tables, samples, width, seed):
    """LIME as published: independent uniform coalitions, weighted afterwards."""
    players = int(np.log2(tables.shape[1]))
    present = (np.random.default_rng(seed).random((samples, players)) < 0.5).astype(float)
    answers = tables[:, (present @ 2 ** np.arange(players)).astype(int)].numpy()
    weights = kernel(present, width)
    fits = [LinearRegression().fit(present, answer, weights).coef_ for answer in answers]
    return torch.from_numpy(np.stack(fits))


def test_errors_are_smaller_than_those_of_uniform_coalitions():
    games = torch.cat([table(network_game(12, seed), 12) for seed in range(4)])
    truth = torch.from_numpy(reference(games, 0.25))
    ours = torch.stack([lime(games, 300, seed=seed).values for seed in range(15)])
    theirs = torch.stack([uniform(games, 300, 0.25, seed) for seed in range(15)])
    errors = [((side - truth) ** 2).sum(dim=2).mean() for side in (ours, theirs)]
    assert errors[0] < 0.8 * errors[1]


def test_error_stops_each_image_by_itself():
    easy = table(lambda z: z.sum(axis=1) + 0.01 * z.prod(axis=1), 10)
    hard = table(network_game(10), 10)
    both = lime(torch.cat([easy, hard]), 1000, error=0.05)
    assert both.coalitions[0] < both.coalitions[1]
    assert torch.equal(lime(hard, 1000, error=0.05).values[0], both.values[1])


@pytest.mark.parametrize("players", [1, 2, 3])
def test_with_hardly_any_players(players):
    game = torch.arange(2.0**players, dtype=torch.float64)[None] ** 2
    assert lime(game, 8).values.numpy() == pytest.approx(reference(game, 0.25))


def test_a_constant_game_is_zero_whatever_its_level():
    found = lime(torch.full((1, 1024), 7.5).double(), 100)
    assert found.values.abs().max() == 0
    assert found.standard_error.max() == 0


def test_hundreds_of_players_underflow_nothing():
    players = 600
    design = paired_design(players, 1500, lime_rates(players, 0.25), 0)
    estimator = LimeEstimator(design, 0.25, 0.0)
    own = torch.linspace(-1, 1, players, dtype=torch.float64)
    found = estimate(
        lambda images, rows: (rows.double() @ own)[None], [0], design, lambda _: estimator, None
    )
    assert found.values[0].numpy() == pytest.approx(own.numpy(), abs=1e-8)


def test_a_kernel_that_sees_nothing_but_the_image_is_refused():
    design = paired_design(8, pairs_of(8), lime_rates(8, 0.25), 0)
    with pytest.raises(AuditError, match=r"width 0\.005"):
        LimeEstimator(design, 0.005, 0.0)
