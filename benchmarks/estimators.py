"""Error at equal evaluations of Kernel SHAP, Shapley value sampling and LIME, ours and the usual ones.

Games of 16 players (4 x 4 cells of a picture) and of 10 (2 x 5), whose values for all coalitions are
tabulated, so that the exact answers are known: the probability that a convolutional network with random
weights gives its decision when cells are covered by the picture's mean. The other side is written here in
numpy: i.i.d. coalitions from the Shapley kernel (captum's KernelShap), random orders walked from start to end
(captum's ShapleyValueSampling), also with each order's reverse, and LIME's uniform coalitions.

    python benchmarks/estimators.py > table.md

Prints sum |found - exact|^2 / sum |exact|^2, the mean over games and seeds, and how many times fewer
evaluations ours need for the error that the usual one has with so many.
"""

from collections.abc import Callable, Sequence
from math import comb

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view

from auditkit.evidence.heatmaps.perturbation.budget import Estimator, estimate, pairs_within
from auditkit.evidence.heatmaps.perturbation.coalitions import PairDesign, paired_design
from auditkit.evidence.heatmaps.perturbation.regression import (
    lime_estimator,
    lime_rates,
    log_proximity,
)
from auditkit.evidence.heatmaps.perturbation.shapley import shapley_estimator, shapley_rates

Games = np.ndarray  # (games, 2^P)
Found = np.ndarray  # (games, P)
Method = Callable[[Games, int, int], Found]  # of games, evaluations and a seed
WIDTH = 0.25
SEEDS = 20


def members(players: int) -> np.ndarray:
    """All 2^P coalitions; row c has player i where bit i of c is set."""
    return (np.arange(2**players)[:, None] >> np.arange(players)) & 1


def codes_of(present: np.ndarray) -> np.ndarray:
    return np.asarray((present * 2 ** np.arange(present.shape[1])).sum(axis=1).astype(int))


def network_games(grid: tuple[int, int], games: int, seed: int) -> Games:
    """Probabilities of a random network with max-pooling, for pictures with a bright and a dark blob."""
    rng = np.random.default_rng(seed)
    height, width = (side * 4 for side in grid)
    rows, columns = np.mgrid[:height, :width]
    kept = members(grid[0] * grid[1]).reshape(-1, *grid).astype(np.float32)
    found = []
    for _ in range(games):
        centre = rng.uniform(0.2, 0.8, size=(2, 2)) * (height, width)
        blobs = [np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 12) for y, x in centre]
        picture = blobs[0] - blobs[1] + 0.2 * rng.normal(size=(height, width))
        layers = [rng.normal(size=(8, 1, 3, 3)), rng.normal(size=(12, 8, 3, 3)) / 6]
        last = rng.normal(size=(12 * height * width // 16, 1))
        logit = np.concatenate(
            [
                forward(picture, part, layers, last)
                for part in np.array_split(kept, max(1, len(kept) // 2048))
            ]
        )
        scaled = 2 * (logit - logit.mean()) / logit.std()
        found.append(1 / (1 + np.exp(-scaled * np.sign(scaled[-1]))))
    return np.array(found)


def forward(
    picture: np.ndarray, kept: np.ndarray, layers: Sequence[np.ndarray], last: np.ndarray
) -> np.ndarray:
    mask = kept.repeat(4, axis=1).repeat(4, axis=2)
    values = (mask * picture + (1 - mask) * picture.mean())[:, None].astype(np.float32)
    for weight in layers:
        padded = np.pad(values, ((0, 0), (0, 0), (1, 1), (1, 1)))
        windows = sliding_window_view(padded, (3, 3), axis=(2, 3))
        values = np.maximum(
            np.tensordot(windows, weight.astype(np.float32), ([1, 4, 5], [1, 2, 3])), 0
        )
        values = pooled(values)
    return np.asarray((values.reshape(len(values), -1) @ last)[:, 0].astype(float))


def pooled(values: np.ndarray) -> np.ndarray:
    """(K, h, w, channels) to (K, channels, h / 2, w / 2), the largest of each 2 x 2."""
    count, height, width, channels = values.shape
    tiles = values.reshape(count, height // 2, 2, width // 2, 2, channels)
    return np.asarray(tiles.max(axis=(2, 4)).transpose(0, 3, 1, 2))


def exact_shapley(games: Games) -> Found:
    players = int(np.log2(games.shape[1]))
    present, codes = members(players), np.arange(games.shape[1])
    weight = np.array([1 / (players * comb(players - 1, size)) for size in range(players)])
    found = np.empty((len(games), players))
    for player in range(players):
        without = codes[present[:, player] == 0]
        gains = games[:, without | (1 << player)] - games[:, without]
        found[:, player] = gains @ weight[present[without].sum(axis=1)]
    return found


def kernel_shap_iid(games: Games, evaluations: int, seed: int) -> Found:
    """Sizes with p(s) in proportion to 1 / (s (P - s)), then uniform; least squares with its constraint."""
    rng, players = np.random.default_rng(seed), int(np.log2(games.shape[1]))
    sizes = np.arange(1, players)
    chance = 1 / (sizes * (players - sizes))
    size = rng.choice(sizes, evaluations, p=chance / chance.sum())
    order = rng.random((evaluations, players)).argsort(axis=1).argsort(axis=1)
    present = order < size[:, None]
    change = games[:, -1:] - games[:, :1]
    centred = present - size[:, None] / players
    answers = games[:, codes_of(present)] - games[:, :1] - change * size / players
    gram = centred.T @ centred + 1 / players
    return np.asarray(
        change / players + np.linalg.lstsq(gram, (answers @ centred).T, rcond=None)[0].T
    )


def orders_walked(games: Games, evaluations: int, seed: int, *, reverse: bool = False) -> Found:
    rng, players = np.random.default_rng(seed), int(np.log2(games.shape[1]))
    walks = max(1, evaluations // (players - 1))
    orders = rng.random(((walks + 1) // 2 if reverse else walks, players)).argsort(axis=1)
    if reverse:
        orders = np.concatenate([orders, orders[:, ::-1]])
    passed = np.pad(np.cumsum(1 << orders, axis=1), ((0, 0), (1, 0)))
    found = np.zeros((len(games), players))
    for game, total in zip(games, found, strict=True):
        np.add.at(total, orders.ravel(), np.diff(game[passed], axis=1).ravel() / len(orders))
    return found


def orders_and_reverses(games: Games, evaluations: int, seed: int) -> Found:
    return orders_walked(games, evaluations, seed, reverse=True)


def lime_weights(present: np.ndarray) -> np.ndarray:
    players = present.shape[1]
    kernel = np.exp([log_proximity(size, players, WIDTH) for size in range(players + 1)])
    return np.asarray(kernel[present.sum(axis=1).astype(int)])


def least_squares(present: np.ndarray, answers: np.ndarray) -> Found:
    rows = np.column_stack([np.ones(len(present)), present])
    weighted = rows * lime_weights(present)[:, None]
    return np.asarray(
        np.linalg.lstsq(weighted.T @ rows, (answers @ weighted).T, rcond=None)[0].T[:, 1:]
    )


def exact_lime(games: Games) -> Found:
    return least_squares(members(int(np.log2(games.shape[1]))), games)


def lime_uniform(games: Games, evaluations: int, seed: int) -> Found:
    players = int(np.log2(games.shape[1]))
    present = np.random.default_rng(seed).integers(0, 2, size=(evaluations, players))
    return least_squares(present, games[:, codes_of(present)])


def ours(
    rates: Callable[[int], tuple[float, ...]], kind: Callable[[PairDesign, int], Estimator]
) -> Method:
    def found(games: Games, evaluations: int, seed: int) -> Found:
        players, table = int(np.log2(games.shape[1])), torch.from_numpy(games)

        def values(images: Sequence[int], coalitions: torch.Tensor) -> torch.Tensor:
            return table[list(images)][:, codes_of(coalitions.numpy())]

        pairs = pairs_within(players, evaluations)
        design = paired_design(players, pairs, rates(players), seed)
        done = estimate(values, range(len(games)), design, lambda k: kind(design, k), None)
        return done.values.numpy()

    return found


def ours_kernel_shap(design: PairDesign, pairs: int) -> Estimator:
    return shapley_estimator(design, pairs, sampled_gram=True)


def ours_sampling(design: PairDesign, pairs: int) -> Estimator:
    return shapley_estimator(design, pairs, sampled_gram=False)


def ours_lime(design: PairDesign, pairs: int) -> Estimator:
    return lime_estimator(design, pairs, WIDTH, 0.0)


def errors(method: Method, games: Games, exact: Found, budgets: Sequence[int]) -> list[float]:
    found = []
    for budget in budgets:
        runs = [method(games, budget, seed) for seed in range(SEEDS)]
        relative = [((run - exact) ** 2).sum(axis=1) / (exact**2).sum(axis=1) for run in runs]
        found.append(float(np.mean(relative)))
    return found


def fewer(usual: list[float], mine: list[float], budgets: Sequence[int]) -> list[str]:
    """Evaluations of the usual over those of ours at its error, between budgets by log-log interpolation."""
    logs = np.log(budgets)
    shown = []
    for budget, error in zip(budgets, usual, strict=True):
        if error > mine[0]:
            shown.append(f"> {budget / budgets[0]:.1f}")
            continue
        need = np.interp(-np.log(error), -np.log(np.maximum(mine, 1e-12)), logs)
        shown.append(f"{budget / np.exp(need):.1f}")
    return shown


SECTIONS: list[tuple[str, Callable[[Games], Found], list[tuple[str, Method]]]] = [
    (
        "Kernel SHAP",
        exact_shapley,
        [
            ("i.i.d. coalitions (captum)", kernel_shap_iid),
            ("ours", ours(shapley_rates, ours_kernel_shap)),
        ],
    ),
    (
        "Shapley value sampling",
        exact_shapley,
        [
            ("orders walked (captum)", orders_walked),
            ("orders and their reverses walked", orders_and_reverses),
            ("ours", ours(shapley_rates, ours_sampling)),
        ],
    ),
    (
        "LIME",
        exact_lime,
        [
            ("uniform coalitions (captum)", lime_uniform),
            ("ours", ours(lambda players: lime_rates(players, WIDTH), ours_lime)),
        ],
    ),
]


def main() -> None:
    torch.set_num_threads(1)
    for grid, budgets in (((4, 4), (100, 300, 600, 1200, 2400)), ((2, 5), (60, 120, 240, 480))):
        games = network_games(grid, games=6, seed=0)
        print(f"### {grid[0] * grid[1]} players\n")
        print("| relative squared error | " + " | ".join(f"{n}" for n in budgets) + " |")
        print("|---|" + "---|" * len(budgets))
        for name, exact, methods in SECTIONS:
            table = [errors(method, games, exact(games), budgets) for _, method in methods]
            for (label, _), row in zip(methods, table, strict=True):
                print(f"| {name}, {label} | " + " | ".join(f"{e:.4f}" for e in row) + " |")
            times = fewer(table[0], table[-1], budgets)
            print(f"| {name}, times fewer evaluations | " + " | ".join(times) + " |")
        print()


if __name__ == "__main__":
    main()
