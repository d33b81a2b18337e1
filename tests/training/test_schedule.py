import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from auditkit.spec.training import ConceptTraining
from auditkit.training.learner import Learner
from auditkit.training.schedule import draws, order, rate

RECIPE = ConceptTraining(
    train="concepts", name="a", data="d", start="s", steps=10, batch=8, learning_rate=1.0
)


def test_the_rate_rises_linearly_and_falls_as_a_cosine():
    recipe = RECIPE.model_copy(update={"warmup": 2, "decay": "cosine"})
    rates = [rate(recipe, step) for step in range(10)]
    assert rates[:3] == pytest.approx([1 / 3, 2 / 3, 1.0])
    assert rates[6] == pytest.approx(0.5)
    assert rates[9] == pytest.approx((1 + math.cos(math.pi * 7 / 8)) / 2)


def test_a_constant_rate_stays():
    assert {rate(RECIPE, step) for step in range(10)} == {1.0}


@settings(max_examples=40, deadline=None)
@given(count=st.integers(1, 9), start=st.integers(0, 30), wanted=st.integers(1, 30))
def test_every_epoch_shows_every_image_once_wherever_it_is_resumed(count, start, wanted):
    whole = order(5, count, 0, 70)
    for epoch in range(70 // count):
        assert sorted(whole[epoch * count : (epoch + 1) * count]) == list(range(count))
    assert np.array_equal(order(5, count, start, wanted), whole[start : start + wanted])


def test_epochs_and_seeds_have_orders_of_their_own():
    assert not np.array_equal(order(5, 50, 0, 50), order(5, 50, 50, 50))
    assert not np.array_equal(order(5, 50, 0, 50), order(6, 50, 0, 50))


def test_draws_are_a_function_of_seed_and_step():
    first, again = draws(RECIPE, 3, (2, 4, 4), 1000), draws(RECIPE, 3, (2, 4, 4), 1000)
    assert all(
        torch.equal(a, b) for a, b in zip(vars(first).values(), vars(again).values(), strict=True)
    )
    other = draws(RECIPE, 4, (2, 4, 4), 1000)
    seeded = draws(RECIPE.model_copy(update={"seed": 1}), 3, (2, 4, 4), 1000)
    assert not torch.equal(first.noise, other.noise)
    assert not torch.equal(first.noise, seeded.noise)
    assert not torch.equal(first.noise, first.posterior)


def test_stratified_timesteps_fall_one_into_each_stratum():
    recipe = RECIPE.model_copy(update={"stratified_timesteps": True})
    for step in range(20):
        timesteps = draws(recipe, step, (1, 1, 1), 1000).timesteps
        assert (timesteps // 125).tolist() == list(range(8))


def test_timesteps_are_uniform_over_all_and_null_captions_have_their_share():
    recipe = RECIPE.model_copy(update={"batch": 20000, "null_captions": 0.1})
    drawn = draws(recipe, 0, (1, 1, 1), 10)
    counts = torch.bincount(drawn.timesteps, minlength=10)
    # 20 000 draws: five standard deviations of a count are 212, of the share .0106.
    assert len(counts) == 10
    assert (counts - 2000).abs().max() < 212
    assert abs(float(drawn.null.float().mean()) - 0.1) < 0.0106


def test_dropout_follows_from_the_step_and_leaves_the_global_state_alone():
    learner = SimpleNamespace(
        _networks={}, _parts=SimpleNamespace(device=torch.device("cpu")), _recipe=RECIPE
    )
    before = torch.random.get_rng_state()
    drawn = []
    for step in (3, 4, 3):
        with Learner._training(learner, step):
            drawn.append(torch.rand(5))
    assert torch.equal(drawn[0], drawn[2])
    assert not torch.equal(drawn[0], drawn[1])
    assert torch.equal(torch.random.get_rng_state(), before)
