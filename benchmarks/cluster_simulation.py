"""A million images on a hundred workers, in virtual time, through the scheduler of the engines.

    python benchmarks/cluster_simulation.py                          # with recorded seconds per shard
    python benchmarks/cluster_simulation.py --store .auditkit/store  # with those of a store of one's own
    python benchmarks/cluster_simulation.py --workers 1000 --shards 625000

What is simulated is time: workers that start, compute, die, hang, are slow or taken away, and a driver that
needs time for every shard. What is not simulated is the decision which worker does which shard next: that is
`auditkit.evidence.execution.schedule.Schedule`, as it runs in the engines. Seconds per shard are drawn from
measured ones, which the store's sidecars keep, with their long tail.

Scheduling efficiency is the sum of the seconds that the delivered shards take on an ordinary worker, over
workers x makespan: starting, waiting, slow nodes, lost and repeated work all lower it. Exit status 1: it is
below 0.9 in a scenario.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from virtual_cluster import HOUR, Cluster, Floats, Outcome, Simulation

RECORDED = Path(__file__).parent / "shard_seconds.json"
REQUIRED = 0.9

SCENARIOS: Mapping[str, Callable[[Cluster], Cluster]] = {
    "nothing goes wrong": lambda plain: plain,
    "1 % of the workers five times slower": lambda plain: replace(plain, slow=0.01),
    "one death per worker-hour": lambda plain: replace(plain, deaths=1.0),
    "one hung worker": lambda plain: replace(plain, hung=1),
    "a tenth pre-empted, back after ten minutes": lambda plain: replace(plain, taken=0.1),
    "all of these": lambda plain: replace(plain, slow=0.01, deaths=1.0, hung=1, taken=0.1),
}


def drawn(measured: Sequence[float], shards: int, seed: int = 0) -> Floats:
    """Seconds of so many shards, drawn from measured ones with replacement, (shards,)."""
    return np.random.default_rng((seed, 1)).choice(np.asarray(measured), size=shards)


def of_store(folder: Path, stage: str = "") -> list[float]:
    """Seconds of the computed shards in a store, of stages whose name contains ``stage``.

    Only whole shards count: the last one of a data set may have fewer images.
    """
    found: list[tuple[int, float]] = []
    for path in folder.rglob("*.json"):
        about = json.loads(path.read_text(encoding="utf-8"))
        if {"seconds", "images", "stage"} <= about.keys() and stage in about["stage"]:
            found.append((int(about["images"]), float(about["seconds"])))
    most = max((images for images, _ in found), default=0)
    return [seconds for images, seconds in found if images == most]


def simulated(
    measured: Mapping[str, Sequence[float]], shards: int, cluster: Cluster, seed: int = 0
) -> Iterator[tuple[str, str, bool, Outcome]]:
    """Every kind of shard in every scenario, with costs unknown and known to the scheduler."""
    for kind, seconds in measured.items():
        costs = drawn(seconds, shards, seed)
        for name, happens in SCENARIOS.items():
            for known in (False, True):
                run = Simulation(costs, happens(cluster), seed=seed, known=known).run()
                yield kind, name, known, run


HEADER = (
    "| shards | scenario | efficiency | costs known beforehand | makespan | begun again | workers lost "
    "| driver busy | simulated in |\n|---|---|---|---|---|---|---|---|---|"
)


def row(kind: str, name: str, unknown: Outcome, known: Outcome) -> str:
    """A row of the table: one scenario, with and without costs known beforehand."""
    cells = (
        kind,
        name,
        f"{unknown.efficiency:.1%}",
        f"{known.efficiency:.1%}",
        f"{unknown.makespan / HOUR:.2f} h",
        str(unknown.begun - len(unknown.delivered)),
        str(unknown.lost),
        f"{unknown.busy:.1%}",
        f"{unknown.seconds:.1f} s",
    )
    return f"| {' | '.join(cells)} |"


def report(
    measured: Mapping[str, Sequence[float]], shards: int, cluster: Cluster, seed: int = 0
) -> tuple[list[str], float]:
    """The table's lines, and the lowest efficiency."""
    lines, lowest = [HEADER], 1.0
    runs = simulated(measured, shards, cluster, seed)
    for (kind, name, _, unknown), (*_, known) in zip(runs, runs, strict=True):
        assert (unknown.delivered == 1).all(), "a shard was delivered twice, or never"
        lines.append(row(kind, name, unknown, known))
        lowest = min(lowest, unknown.efficiency, known.efficiency)
    return lines, lowest


def spread(seconds: Sequence[float]) -> str:
    """A distribution in words."""
    cuts = np.quantile(np.asarray(seconds), [0.5, 0.95, 1.0])
    middle, high, most = (f"{cut:.3g}" for cut in cuts)
    return f"{len(seconds)} measured, median {middle} s, 95 % {high} s, longest {most} s"


def words(measured: Mapping[str, Sequence[float]], shards: int, cluster: Cluster) -> str:
    """What was simulated."""
    kinds = "; ".join(f"{kind}: {spread(seconds)}" for kind, seconds in measured.items())
    return (
        f"{shards} shards of 16 images on {cluster.workers} workers. Seconds per shard: {kinds}. Starting a "
        f"worker takes {cluster.start:.1f} s, the driver's work per shard {1000 * cluster.driver:.2f} ms."
    )


def main() -> int:
    given = _parser().parse_args()
    measured = json.loads(RECORDED.read_text(encoding="utf-8"))["seconds"]
    if given.store:
        measured = {given.stage or "shards of the store": of_store(given.store, given.stage)}
    cluster = Cluster(given.workers, given.start, given.driver)
    print(f"{words(measured, given.shards, cluster)}\n")
    lines, lowest = report(measured, given.shards, cluster, given.seed)
    print("\n".join(lines))
    print(f"\nlowest efficiency {lowest:.1%}; at least {REQUIRED:.0%} was expected")
    return int(lowest < REQUIRED)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--workers", type=int, default=100)
    parser.add_argument("--shards", type=int, default=62_500, help="of 16 images: a million")
    parser.add_argument(
        "--store", type=Path, help="evidence store whose seconds per shard to draw from"
    )
    parser.add_argument("--stage", default="", help="only stages whose name contains this")
    parser.add_argument(
        "--start", type=float, default=Cluster.start, help="seconds to start a worker"
    )
    parser.add_argument(
        "--driver", type=float, default=Cluster.driver, help="its seconds per shard"
    )
    parser.add_argument("--seed", type=int, default=0)
    return parser


if __name__ == "__main__":
    sys.exit(main())
