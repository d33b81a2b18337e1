"""The stopping rule: how large errors are when it stops, that it stops, and what it asks for."""

import pytest
import torch
from coalition_games import brute_force, callback, network_game, shapley, table

from auditkit.evidence.heatmaps.perturbation.budget import estimate, rounds
from auditkit.evidence.heatmaps.perturbation.coalitions import paired_design
from auditkit.evidence.heatmaps.perturbation.shapley import shapley_estimator, shapley_rates


@pytest.mark.parametrize("error", [0.2, 0.1])
def test_errors_are_about_as_large_as_was_asked_for(error):
    games = torch.cat([table(network_game(11, seed), 11) for seed in range(4)])
    truth = brute_force(games)
    found = [shapley(games, 1800, seed=seed, error=error) for seed in range(15)]
    actual = torch.stack([(f.values - truth).norm(dim=1) / truth.norm(dim=1) for f in found])
    assert actual.square().mean().sqrt() < 1.15 * error
    coalitions = torch.stack([f.coalitions for f in found])
    assert coalitions.double().mean() < 1200


def test_each_image_stops_by_itself_whoever_is_beside_it():
    easy = table(lambda z: z.sum(axis=1) + 0.01 * z.prod(axis=1), 10)
    hard = table(network_game(10), 10)
    both = shapley(torch.cat([easy, hard]), 1000, error=0.05)
    assert both.coalitions[0] < both.coalitions[1]
    for place, game in enumerate((easy, hard)):
        alone = shapley(game, 1000, error=0.05)
        assert alone.coalitions[0] == both.coalitions[place]
        assert torch.equal(alone.values[0], both.values[place])
        assert torch.equal(alone.standard_error[0], both.standard_error[place])


def test_what_was_asked_once_is_not_asked_again():
    values = callback(table(network_game(10), 10))
    design = paired_design(10, 450, shapley_rates(10), 0)
    found = estimate(values, [0], design, lambda k: shapley_estimator(design, k, True), 1e-9)
    asked = [code for _, codes in values.asked for code in codes]
    assert len(asked) == len(set(asked)) == found.coalitions[0] == 902
    assert len(values.asked) > 4


def test_the_last_round_equals_asking_for_everything_at_once():
    game = table(network_game(10), 10)
    slow, once = shapley(game, 900, error=1e-9), shapley(game, 900)
    assert torch.equal(slow.values, once.values)


def test_rounds_grow_to_the_budget():
    assert rounds(10, 100, 0.1) == [32, 49, 74, 100]
    assert rounds(10, 100, None) == [100]
    assert rounds(4, 7, 0.1) == [7]
    assert rounds(1, 0, 0.1) == [0]


@pytest.mark.parametrize("level", [0.0, 3.0])
def test_a_game_in_which_nobody_matters_stops_at_once(level):
    found = shapley(torch.full((1, 1024), level, dtype=torch.float64), 1000, error=0.01)
    assert found.coalitions.tolist() == [66]


def test_a_game_whose_values_are_all_zero_stops_by_its_spread():
    """Noise, made odd-free of a Shapley value: the error is measured against the spread instead."""
    noise = torch.randn(1, 1024, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    bits = (torch.arange(1024)[:, None] >> torch.arange(10)) & 1
    zero = noise - (bits.double() @ brute_force(noise)[0])
    assert brute_force(zero).abs().max() < 1e-12
    found = shapley(zero, 1000, error=0.9)
    assert found.coalitions[0] < 1000


def test_a_game_that_is_not_finite_stops_at_once():
    broken = table(network_game(10), 10)
    broken[0, 0] = torch.nan
    found = shapley(broken, 1000, error=0.001)
    assert found.coalitions.tolist() == [66]
    assert found.values.isnan().all()
