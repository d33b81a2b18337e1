"""Games with known Shapley values, and their values by brute force, that the estimators are held against."""

from math import comb

import numpy as np
import torch

from auditkit.evidence.heatmaps.perturbation.budget import estimate, pairs_within
from auditkit.evidence.heatmaps.perturbation.coalitions import paired_design
from auditkit.evidence.heatmaps.perturbation.shapley import shapley_estimator, shapley_rates


def members(players):
    """All 2^P coalitions, row c has player i where bit i of c is set."""
    return (np.arange(2**players)[:, None] >> np.arange(players)) & 1


def table(game, players):
    """A game, a function of (K, P) arrays of zeros and ones, as a row of 2^P values."""
    return torch.from_numpy(np.asarray(game(members(players)), dtype=float))[None]


def callback(tables):
    """Tables (I, 2^P) as the callback of the estimators; asked coalitions are kept in `.asked`."""
    bits = 2 ** torch.arange(int(np.log2(tables.shape[1])))

    def values(images, coalitions):
        codes = (coalitions.long() * bits).sum(dim=1)
        values.asked.append((list(images), codes.tolist()))
        return tables[list(images)][:, codes]

    values.asked = []
    return values


def brute_force(tables):
    """Shapley values (I, P) by their definition over subsets."""
    players = int(np.log2(tables.shape[1]))
    codes, sizes = np.arange(2**players), members(players).sum(axis=1)
    found = torch.zeros(len(tables), players, dtype=torch.float64)
    for player in range(players):
        without = codes[(codes >> player) & 1 == 0]
        weight = [1 / (players * comb(players - 1, int(size))) for size in sizes[without]]
        gains = tables[:, without | (1 << player)] - tables[:, without]
        found[:, player] = gains @ torch.tensor(weight, dtype=torch.float64)
    return found


def shapley(tables, samples, *, sampled_gram=True, seed=0, error=None):
    """Estimates from a budget of coalitions."""
    players = int(np.log2(tables.shape[1]))
    pairs = pairs_within(players, samples)
    design = paired_design(players, pairs, shapley_rates(players), seed)
    return estimate(
        callback(tables),
        range(len(tables)),
        design,
        lambda count: shapley_estimator(design, count, sampled_gram),
        error,
    )


def network_game(players, seed=0):
    """A ReLU network of two layers and a sigmoid: interactions of every order."""
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=(players, 24)), rng.normal(size=(24, 24)) / 4
    offset, last = rng.normal(size=24), rng.normal(size=24)

    def game(present):
        hidden = np.maximum(present @ first / 2 + offset, 0)
        logit = np.maximum(hidden @ second, 0) @ last
        return 1 / (1 + np.exp(-logit))

    return game
