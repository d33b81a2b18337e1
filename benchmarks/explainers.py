"""Heatmaps against captum 0.9: time to equal error, on the same networks, in one run (marked long).

    python benchmarks/explainers.py --write docs/explainers.md      # about 20 minutes on two quiet cores
    python benchmarks/explainers.py --quick

Kernel SHAP, Shapley value sampling and LIME are estimates: of each side the error at several budgets is
measured, and its time, and for each of captum's budgets the least time in which ours has no larger error.
Feature ablation and occlusion give the same numbers on both sides, and the times are compared. The page
that is written says how everything was measured.
"""

import argparse
import math
import sys
import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import torch  # noqa: E402 the path above comes first, for all of these
from explainer_games import (  # noqa: E402
    Bands,
    Setting,
    all_values,
    exact_lime,
    exact_shapley,
    photographs,
    resnet50,
    setting,
    settled,
    small_network,
    table_setting,
)
from explainer_sides import CONTESTS, Contest, Work  # noqa: E402
from torch import Tensor  # noqa: E402

SIDES = ("captum", "ours")
IMAGES = 16


@dataclass(frozen=True)
class Plan:
    """One setting and how thoroughly it is measured.

    Attributes:
        name: for people.
        regions: with the players of the sampled methods and of feature ablation.
        windows: with the spatial axes that occlusion needs; the same network.
        tables: pictures of which all 2^P coalitions are answered.
        repetitions: renumberings of the players, each with other draws, per picture.
        budgets: inputs per picture of captum and of ours, for errors; all coalitions come on top.
        timed: budgets at which time is measured on one picture and on all.
        rows: batch settings that are tried.
        rounds: of timing, both sides in turn.
        short: seconds over which a run is repeated.
        search_on_all: whether batch settings are tried on all pictures again, or those found on one kept.
    """

    name: str
    regions: Callable[[], Setting]
    windows: Callable[[], Setting]
    tables: int
    repetitions: int
    budgets: tuple[tuple[int, ...], tuple[int, ...]]
    timed: tuple[tuple[int, ...], tuple[int, ...]]
    rows: tuple[int, ...]
    rounds: int
    short: float
    search_on_all: bool


def small(side: int = 64, images: int = IMAGES, cells: int = 4) -> Setting:
    """The small network on small pictures."""
    pictures = photographs(images, side)
    return setting("small", settled(small_network(side), pictures), pictures, cells)


def large() -> Setting:
    """ResNet-50 on pictures of 224 by 224."""
    pictures = photographs(IMAGES, 224)
    return setting("ResNet-50", settled(resnet50(), pictures), pictures, 1)


def banded(whole: Setting, bands: int) -> Setting:
    """The same network and pictures, with horizontal bands as players: any number of them."""
    side = whole.images.shape[-1]
    network = Bands(whole.network.network, side)
    return setting(whole.name, network, whole.images.flatten(2), bands)


def quick_plans() -> list[Plan]:
    """So little that it only shows that everything runs."""
    tiny = small(48, 2, 3)
    cells = Plan(
        name="48 x 48, 9 cells",
        regions=lambda: tiny,
        windows=lambda: tiny,
        tables=1,
        repetitions=1,
        budgets=((32, 64), (40, 64)),
        timed=((40, 80), (40,)),
        rows=(8, 32),
        rounds=1,
        short=0.0,
        search_on_all=True,
    )
    bands = replace(
        cells,
        name="48 x 48, 5 bands",
        regions=lambda: banded(tiny, 5),
        budgets=((12, 24), (22,)),
        timed=((22,), (22,)),
        search_on_all=False,
    )
    return [cells, bands]


def plans() -> list[Plan]:
    """What is measured."""
    first, second = small(), large()
    cells = Plan(
        name="64 x 64, 16 cells, small network",
        regions=lambda: first,
        windows=lambda: first,
        tables=4,
        repetitions=4,
        budgets=(
            (64, 128, 256, 512, 1024, 2048, 4096),
            (66, 96, 128, 192, 256, 384, 512, 1024, 2048, 4096),
        ),
        timed=((66, 256, 1024), (66, 256, 1024)),
        rows=(16, 64, 256, 1024),
        rounds=3,
        short=0.2,
        search_on_all=True,
    )
    bands = replace(
        cells,
        name="224 x 224, 10 bands, ResNet-50",
        regions=lambda: banded(second, 10),
        windows=lambda: second,
        tables=2,
        repetitions=8,
        budgets=((64, 128, 256, 512, 1024), (42, 64, 96, 128, 192, 256, 384, 512)),
        timed=((48, 96), (48,)),
        rows=(4, 16, 48),
        rounds=1,
        search_on_all=False,
    )
    return [cells, bands]


@dataclass
class Timing:
    """Seconds of one side at some budgets, in their order, with the batch setting that was best."""

    rows: int
    budgets: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    outside: float = 0.0

    def at(self, budget: int) -> float:
        """Seconds of a budget: on a line between those measured, and on from the last two.

        Below the first it is the first's, in favour of captum, whose budgets are none of them below.
        """
        known = [max(self.seconds[: place + 1]) for place in range(len(self.seconds))]
        if budget <= self.budgets[0]:
            return known[0]
        if len(known) == 1:
            return known[0] * budget / self.budgets[0]
        upper = min(bisect_left(self.budgets, budget), len(known) - 1)
        run = self.budgets[upper] - self.budgets[upper - 1]
        slope = (known[upper] - known[upper - 1]) / run
        return known[upper] + slope * (budget - self.budgets[upper])


@dataclass
class Result:
    """What was found of one method in one setting.

    Attributes:
        contest: the method.
        errors: per side, by budget, the mean relative squared error.
        times: per number of pictures, per side.
        difference: largest difference of a value where both sides are exact, over the largest value.
    """

    contest: Contest
    errors: dict[str, dict[int, float]] = field(default_factory=dict)
    times: dict[int, dict[str, Timing]] = field(default_factory=dict)
    difference: float = math.nan


def run(contest: Contest, side: str) -> Work:
    """What a side does."""
    return contest.captum if side == "captum" else contest.ours


def errors(
    work: Work, games: Sequence[Tensor], exact: Sequence[Tensor], budget: int, again: int
) -> float:
    """Mean of sum |found - exact|^2 / sum |exact|^2 over games and renumberings of their players."""
    found = []
    for values, known in zip(games, exact, strict=True):
        for repetition in range(again):
            torch.manual_seed(repetition)
            renumbered, order = renumber(values, repetition)
            got, wanted = work(table_setting(renumbered), budget, 4096)[0], known[order]
            found.append(float(((got - wanted) ** 2).sum() / (wanted**2).sum()))
    return sum(found) / len(found)


def renumber(values: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """The same game with its players in another order, and the former number of each."""
    players = len(values).bit_length() - 1
    order = torch.randperm(players, generator=torch.Generator().manual_seed(seed))
    axes = (players - 1 - order.flip(0)).tolist()
    return values.view((2,) * players).permute(axes).flatten(), order


def seconds(work: Work, game: Setting, budget: int, rows: int, short: float) -> tuple[float, float]:
    """Seconds of one run, and the share of them outside the network's passes; of short ones the mean."""
    game.network.seconds = 0.0
    runs, started = 0, time.perf_counter()
    while runs == 0 or time.perf_counter() - started < short:
        work(game, budget, rows)
        runs += 1
    taken = time.perf_counter() - started
    return taken / runs, 1 - game.network.seconds / taken


def best_rows(work: Work, game: Setting, budget: int, plan: Plan) -> int:
    """The batch setting with which a budget takes least time."""
    return min(plan.rows, key=lambda rows: seconds(work, game, budget, rows, plan.short)[0])


def timings(
    contest: Contest, game: Setting, plan: Plan, before: dict[str, Timing] | None
) -> dict[str, Timing]:
    """Times of both sides, measured in turn; medians over rounds."""
    budgets = plan.timed[0 if len(game.images) == 1 else 1] if contest.sampled else (0,)
    found = {}
    for side in SIDES:
        if before is None or plan.search_on_all:
            rows = best_rows(run(contest, side), game, budgets[len(budgets) // 2], plan)
        else:
            rows = before[side].rows
        found[side] = Timing(rows)
    for budget in budgets:
        taken: dict[str, list[float]] = {side: [] for side in SIDES}
        for _ in range(plan.rounds):
            for side in SIDES:
                spent, found[side].outside = seconds(
                    run(contest, side), game, budget, found[side].rows, plan.short
                )
                taken[side].append(spent)
        for side in SIDES:
            found[side].budgets.append(budget)
            found[side].seconds.append(median(taken[side]))
    return found


def least_time(result: Result, images: int, error: float) -> float:
    """Seconds in which ours has no larger error, between budgets on a line in logarithms."""
    budgets = sorted(result.errors["ours"])
    timing, before = result.times[images]["ours"], None
    for budget in budgets:
        reached = result.errors["ours"][budget]
        if reached > error:
            before = (reached, budget)
            continue
        if before is None or reached == 0 or error == 0:
            return timing.at(budget)
        share = math.log(before[0] / error) / math.log(before[0] / reached)
        wanted = before[1] * (budget / before[1]) ** share
        return timing.at(math.ceil(wanted))
    return math.inf


def measure(plan: Plan) -> list[Result]:
    """All methods in one setting."""
    regions, windows = plan.regions(), plan.windows()
    tables = [all_values(regions, image, plan.rows[-1]) for image in range(plan.tables)]
    say(f"{plan.name}: {plan.tables} tables of 2^{regions.players} answers")
    found = []
    for contest in CONTESTS:
        result = Result(contest)
        if contest.sampled:
            solve = exact_lime if contest.name == "lime" else exact_shapley
            exact = [solve(values) for values in tables]
            complete = 2**regions.players
            for side, budgets in zip(SIDES, plan.budgets, strict=True):
                all_of_them = (complete,) if side == "ours" and complete <= 4096 else ()
                result.errors[side] = {
                    budget: errors(run(contest, side), tables, exact, budget, plan.repetitions)
                    for budget in (*budgets, *all_of_them)
                }
        game = windows if contest.name == "occlusion" else regions
        if not contest.sampled:
            theirs, mine = (run(contest, side)(game.first(1), 0, plan.rows[0]) for side in SIDES)
            result.difference = float((theirs - mine).abs().max() / theirs.abs().max())
        before = None
        for images in (1, len(game.images)):
            before = timings(contest, game.first(images), plan, before)
            result.times[images] = before
        say(f"{plan.name}: {contest.name}")
        found.append(result)
    return found


_STARTED = time.monotonic()


def say(text: str) -> None:
    """Print progress with the minutes since the start."""
    print(f"{(time.monotonic() - _STARTED) / 60:5.1f} min  {text}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="tiny settings: does it run?")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--write", type=Path, help="the page; the figure goes beside it")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    from explainer_page import draw, page

    found = {plan.name: measure(plan) for plan in (quick_plans() if given.quick else plans())}
    text = page(found, given.threads, (time.monotonic() - _STARTED) / 60)
    print(text)
    if given.write:
        draw(found, given.write.with_suffix(".svg"))
        given.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
