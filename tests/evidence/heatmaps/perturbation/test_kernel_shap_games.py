"""Shapley values from coalitions: games with closed forms, axioms, standard errors."""

import numpy as np
import pytest
import torch
from coalition_games import brute_force, members, network_game, shapley, table
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from auditkit.errors import AuditError
from auditkit.evidence.heatmaps.perturbation import surrogates
from auditkit.evidence.heatmaps.perturbation.budget import least_coalitions

GRAMS = [True, False]
MARGINAL = st.floats(-100, 100, allow_subnormal=False)
GAMES = hnp.arrays(float, 2**5, elements=MARGINAL).map(lambda row: torch.from_numpy(row)[None])


def airport(costs):
    """v(S): the longest runway that S needs. phi_i = sum over k <= i of (c_k - c_k-1) / (n - k + 1)."""
    costs = np.array(costs, dtype=float)
    steps = np.diff(costs, prepend=0) / np.arange(len(costs), 0, -1)
    return table(lambda z: (z * costs).max(axis=1), len(costs)), np.cumsum(steps)


@pytest.mark.parametrize("gram", GRAMS)
class TestClosedForms:
    def test_of_the_airport_game(self, gram):
        game, expected = airport([1, 2, 2, 5, 7, 11, 11, 20])
        found = shapley(game, 256, sampled_gram=gram)
        assert found.values[0].numpy() == pytest.approx(expected, abs=1e-12)

    def test_of_a_product_is_an_equal_share(self, gram):
        found = shapley(table(lambda z: 3 * z.prod(axis=1), 6), 64, sampled_gram=gram)
        assert found.values[0].tolist() == pytest.approx([0.5] * 6)

    def test_of_gloves_two_left_and_one_right(self, gram):
        """One pair is worth 1; the right glove gets 2/3, each left one 1/6."""
        game = table(lambda z: np.minimum(z[:, 0] + z[:, 1], z[:, 2]), 3)
        found = shapley(game, 8, sampled_gram=gram)
        assert found.values[0].tolist() == pytest.approx([1 / 6, 1 / 6, 2 / 3])

    def test_of_a_vote_with_weights_3_2_1_1_and_a_quota_of_4(self, gram):
        """Orders in which each is pivotal, counted by hand: 12, 4, 4, 4 of 24."""
        game = table(lambda z: z @ np.array([3, 2, 1, 1]) >= 4, 4)
        found = shapley(game, 16, sampled_gram=gram)
        assert found.values[0].tolist() == pytest.approx([1 / 2, 1 / 6, 1 / 6, 1 / 6])

    def test_of_additive_and_pairwise_games_are_exact_from_the_smallest_sample(self, gram):
        rng = np.random.default_rng(0)
        own, between = rng.normal(size=10), rng.normal(size=(10, 10))
        game = table(lambda z: z @ own + np.einsum("ki,kj,ij->k", z, z, between), 10)
        found = shapley(game, least_coalitions(10), sampled_gram=gram)
        assert found.coalitions.tolist() == [42]
        assert found.values.numpy() == pytest.approx(brute_force(game).numpy(), abs=1e-9)
        assert found.standard_error.max() < 1e-9


@pytest.mark.parametrize("gram", GRAMS)
class TestAxioms:
    @settings(max_examples=30, deadline=None)
    @given(game=GAMES)
    def test_full_enumeration_equals_the_definition_with_no_error(self, gram, game):
        found = shapley(game, 32, sampled_gram=gram)
        assert found.values.numpy() == pytest.approx(brute_force(game).numpy(), abs=1e-9)
        assert found.standard_error.eq(0).all()
        assert found.coalitions.tolist() == [32]

    @settings(max_examples=30, deadline=None)
    @given(game=GAMES, samples=st.integers(22, 31))
    def test_values_sum_to_the_change_from_nobody_to_everybody(self, gram, game, samples):
        found = shapley(game, samples, sampled_gram=gram)
        assert float(found.values.sum()) == pytest.approx(float(game[0, -1] - game[0, 0]), abs=1e-9)

    @settings(max_examples=20, deadline=None)
    @given(first=GAMES, second=GAMES, factor=MARGINAL, samples=st.integers(22, 40))
    def test_linear_in_the_game_even_from_a_sample(self, gram, first, second, factor, samples):
        both = shapley(first + factor * second, samples, sampled_gram=gram).values
        apart = [shapley(game, samples, sampled_gram=gram).values for game in (first, second)]
        assert both.numpy() == pytest.approx((apart[0] + factor * apart[1]).numpy(), abs=1e-7)

    @settings(max_examples=20, deadline=None)
    @given(game=GAMES)
    def test_players_who_are_alike_get_the_same_and_who_adds_nothing_gets_nothing(self, gram, game):
        alike = game.view(2, 2, 2, 2, 2)
        alike = (alike + alike.transpose(0, 1)) / 2  # Players 4 and 3 exchanged.
        without = alike[..., :1].expand_as(alike)  # Player 0 adds nothing.
        found = shapley(without.reshape(1, 32), 32, sampled_gram=gram).values[0]
        assert float(found[4]) == pytest.approx(float(found[3]), abs=1e-9)
        assert float(found[0]) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("gram", GRAMS)
class TestOddGames:
    @pytest.mark.parametrize("players", [1, 2, 3])
    def test_with_hardly_any_players(self, gram, players):
        game = torch.arange(2.0**players, dtype=torch.float64)[None] ** 2
        found = shapley(game, 8, sampled_gram=gram)
        assert found.values.numpy() == pytest.approx(brute_force(game).numpy())
        assert found.coalitions.tolist() == [2**players]

    @pytest.mark.parametrize("samples", [42, 1024])
    def test_that_are_constant_are_zero_without_error(self, gram, samples):
        found = shapley(torch.full((1, 1024), 7.5).double(), samples, sampled_gram=gram)
        assert found.values.abs().max() < 1e-12
        assert found.standard_error.abs().max() < 1e-12

    @pytest.mark.parametrize("bad", [torch.nan, torch.inf])
    def test_that_are_not_finite_are_nan_and_leave_others_alone(self, gram, bad):
        games = torch.cat([table(network_game(6, seed), 6) for seed in range(3)])
        broken = games.clone()
        broken[1, 5] = bad
        found, whole = (shapley(value, 64, sampled_gram=gram) for value in (broken, games))
        assert found.values[1].isnan().all()
        assert found.standard_error[1].isnan().all()
        assert torch.equal(found.values[[0, 2]], whole.values[[0, 2]])

    def test_with_fewer_samples_than_can_tell_players_apart_are_refused(self, gram):
        with pytest.raises(AuditError, match=r"41 coalitions of 10 superpixels.*at least 42"):
            shapley(torch.zeros(1, 1024), 41, sampled_gram=gram)


def z_squared(games, samples, gram, seeds):
    """Mean of ((estimate - truth) / standard error)^2."""
    truth = brute_force(games)
    found = [shapley(games, samples, sampled_gram=gram, seed=seed) for seed in range(seeds)]
    return float(torch.stack([((f.values - truth) / f.standard_error) ** 2 for f in found]).mean())


@pytest.mark.parametrize("gram", GRAMS)
@pytest.mark.parametrize("samples", [60, 120, 300])
class TestStandardErrors:
    def test_are_the_size_of_the_errors_where_players_interact_strongly(self, gram, samples):
        parity = table(lambda z: np.cos(2.5 * z.sum(axis=1)) * (1 + z @ np.arange(10)), 10)
        noise = torch.from_numpy(np.random.default_rng(5).normal(size=(2, 1024)))
        games = torch.cat([parity, noise, table(network_game(10), 10)])
        assert 0.6 < z_squared(games, samples, gram, 40) < 1.7

    def test_also_without_a_surrogate_of_interactions(self, gram, samples, monkeypatch):
        monkeypatch.setattr(surrogates, "_MOST", 16)
        games = torch.cat([table(network_game(9, seed), 9) for seed in range(3)])
        assert 0.6 < z_squared(games, samples, gram, 40) < 1.7


def orders_walked(games, samples, seed):
    """Shapley value sampling as Castro et al.: whole random orders, each evaluated from start to end."""
    players = int(np.log2(games.shape[1]))
    rng = np.random.default_rng(seed)
    orders = rng.random((samples // players, players)).argsort(axis=1)
    codes = np.cumsum(1 << orders, axis=1)
    gains = np.diff(
        games[:, codes].numpy(),
        axis=2,
        prepend=games[:, :1, None].numpy() * np.ones((1, len(orders), 1)),
    )
    found = np.zeros((len(games), players))
    for image, gain in enumerate(gains):
        np.add.at(found[image], orders.ravel(), gain.ravel() / len(orders))
    return torch.from_numpy(found)


@pytest.mark.parametrize("gram", GRAMS)
def test_a_quarter_of_the_evaluations_of_walked_orders_is_enough(gram):
    games = torch.cat([table(network_game(12, seed), 12) for seed in range(4)])
    truth = brute_force(games)
    ours = [shapley(games, 400, sampled_gram=gram, seed=seed).values for seed in range(20)]
    theirs = [orders_walked(games, 1600, seed) for seed in range(20)]
    errors = [
        torch.stack([((v - truth) ** 2).sum() for v in side]).mean() for side in (ours, theirs)
    ]
    assert errors[0] < errors[1]


def test_the_part_of_the_design_beyond_the_surrogate_counts(monkeypatch):
    """A surrogate that sees 40 of 200 pairs: residuals of the others are those of its predictions."""
    monkeypatch.setattr(surrogates, "_MOST", 40)
    games = torch.cat([table(network_game(10, seed), 10) for seed in range(3)])
    assert 0.6 < z_squared(games, 402, True, 40) < 1.7
    full = shapley(games, 1024)
    assert full.values.numpy() == pytest.approx(brute_force(games).numpy())


def test_shapley_values_of_the_kernel_equal_the_definition():
    players = 6
    signs = torch.from_numpy(2.0 * members(players) - 1)
    for code in (1, 5, 7, 21):
        game = surrogates._kernel(signs @ signs[code] / players)[None]
        game[0, [0, -1]] = 0
        size = int((signs[code] > 0).sum())
        inside = (signs[code] > 0).long()
        found = surrogates._shapley_of_kernel(players)[size, inside]
        assert found.numpy() == pytest.approx(brute_force(game)[0].numpy(), abs=1e-12)
