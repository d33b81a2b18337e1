"""One driver, very many shards that cost nothing: what the driver itself needs.

    python benchmarks/scale_driver.py --shards 10000 --engine processes --workers 2

Run by scale.py in a fresh process per number of shards and engine. The stage's own list of images is made
before the measurement begins: it is the user's, not the engine's.
"""

import argparse
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
from scale_fake import stage, worker
from scale_runs import peak_memory, tell

from auditkit.evidence.engine import Engine
from auditkit.evidence.execution.choose import executor_of
from auditkit.evidence.identity import code_version
from auditkit.evidence.kinds import Settings
from auditkit.evidence.store import Store
from auditkit.spec.engines import EngineChoice


def main() -> None:
    given = _parser().parse_args()
    folder = Path(tempfile.mkdtemp(dir=given.scratch))
    try:
        measure(given, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measure(given: argparse.Namespace, folder: Path) -> None:
    store = Store(folder)
    executor = executor_of(EngineChoice(given.engine, given.workers), store, Settings(), 1)
    engine = Engine(store, 1, executor=executor, listing=given.listing)
    # Imports, code version, workers: whatever is needed once is there before memory is looked at.
    code_version()
    engine.gather(stage(given.workers * 8), worker)
    asked = stage(given.shards)
    before, began, cpu = peak_memory(), time.monotonic(), time.process_time()
    arrays = engine.gather(asked, worker)
    seconds, cpu = time.monotonic() - began, time.process_time() - cpu
    assert np.array_equal(arrays["score"], np.arange(given.shards))
    grown = peak_memory() - before
    began = time.monotonic()
    engine.gather(asked, worker)
    again = time.monotonic() - began
    engine.close()
    tell(before=before, grown=grown, seconds=seconds, cpu=cpu, again=again)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shards", type=int, default=1_000)
    parser.add_argument("--engine", default="inline")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--listing", action="store_true")
    parser.add_argument("--scratch", help="folder for the store; default: the system's")
    return parser


if __name__ == "__main__":
    main()
