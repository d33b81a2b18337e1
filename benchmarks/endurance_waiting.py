"""Gathers stages that only wait: STORE ENGINE WORKERS SHARDS SECONDS."""

import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from auditkit.evidence.engine import Engine
from auditkit.evidence.execution.choose import executor_of
from auditkit.evidence.kinds import Settings
from auditkit.evidence.stage import Compute, Stage
from auditkit.evidence.store import Arrays, Store
from auditkit.spec.engines import EngineChoice


def waiting(name: str, seconds: float) -> Compute:
    """Arrays that are a function of the stage and the image."""
    salt = sum(name.encode())

    def compute(indices: Sequence[int]) -> Arrays:
        time.sleep(seconds)
        return {"value": np.array([[salt, index, index**2] for index in indices])}

    return compute


def main() -> None:
    """Two stages, one after the other."""
    place, engine, workers, shards, seconds = sys.argv[1:]
    store = Store(Path(place).resolve())
    choice = EngineChoice.parse(engine, workers)
    executor = executor_of(choice, store, Settings(device="cpu", batch_size=1), int(workers))
    gathering = Engine(store, int(workers), executor=executor, listing=False)
    digests = [f"image {index}" for index in range(int(shards))]
    try:
        for name in ("first", "second"):
            make = partial(_module().waiting, name, float(seconds))
            gathering.gather(Stage(name, {"stage": name}, digests, 1), make)
    finally:
        gathering.close()


def _module() -> object:
    """This file as workers import it, which are not this script."""
    import endurance_waiting

    return endurance_waiting


if __name__ == "__main__":
    main()
