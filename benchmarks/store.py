"""What the evidence store costs per shard: microseconds of a miss, a lease, a write and a hit, by size.

    python benchmarks/store.py --folder /tmp --shards 200

The second line of each is what `compute_shard` adds to the computation of one shard (lease, look, write), and
the seconds of computing from which that is at most 5 %. Medians: a disk that others use, too, waits for them.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from auditkit.evidence.identity import address, code_version
from auditkit.evidence.store import Store

SIZES = (1_000, 100_000, 4_000_000)
ABOUT = {"stage": "benchmark", "identity": {"stage": "benchmark"}, "images": 32, "seconds": 1.0}


def median(of: Callable[[str], object], addresses: list[str]) -> float:
    """Microseconds of one call."""
    times = []
    for one in addresses:
        began = time.perf_counter()
        of(one)
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1e6


def lease(store: Store) -> Callable[[str], None]:
    """Take a lease and let it go."""

    def of(where: str) -> None:
        with store.lease(where) as held:
            assert held

    return of


def measured(store: Store, size: int, shards: int) -> Iterator[tuple[str, float]]:
    """Each operation with its microseconds, on shards of so many bytes."""
    arrays = {"x": np.random.default_rng(size).random(size // 8)}
    addresses = [address({"size": size, "at": at}) for at in range(shards)]
    yield "miss", median(store.read, addresses)
    yield "lease", median(lease(store), addresses)
    yield "write", median(lambda where: store.write(where, arrays, ABOUT), addresses)
    yield "hit", median(store.read, addresses)
    yield "kept", median(store.kept, addresses)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=None, help="on the disk to measure")
    parser.add_argument("--shards", type=int, default=200)
    given = parser.parse_args()
    code_version()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        store = Store(Path(folder))
        print(
            f"{'bytes':>9} {'miss':>8} {'lease':>8} {'write':>8} {'hit':>8} {'kept':>8}  us, median"
        )
        for size in SIZES:
            found = dict(measured(store, size, given.shards))
            print(f"{size:>9} " + " ".join(f"{value:>8.0f}" for value in found.values()))
            added = (found["miss"] + found["lease"] + found["write"]) / 1e6
            print(f"{'':>9} a shard costs {added * 1e3:.1f} ms: 5 % of {added * 20:.2f} s")


if __name__ == "__main__":
    main()
