"""Perturbation heatmaps with some workers: seconds once every worker has its model.

    python benchmarks/scale_heatmaps.py --workers 2 --images 128

Run by scale.py in a fresh process per measurement, over an empty store. Workers are first given shards of
smaller stages, until each of them has finished one, so that imports and loading are not in the seconds;
they are told apart.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Generator, Sequence
from pathlib import Path

from cluster_simulation import of_store
from scale_data import ROOT
from scale_runs import tell

from auditkit.evidence.engine import Engine
from auditkit.evidence.evidence import Evidence
from auditkit.evidence.execution.choose import executor_of
from auditkit.evidence.execution.contract import Done, Executor, Job
from auditkit.evidence.kinds import Settings
from auditkit.evidence.store import Store
from auditkit.evidence.workroom import Workroom
from auditkit.spec.catalogue import catalogue
from auditkit.spec.engines import EngineChoice
from auditkit.spec.methods import METHODS, Method

# Few passes each, so that all of it takes seconds; shards cost what theirs cost, by the number of passes.
MEASURED: dict[str, dict[str, object]] = {
    "occlusion": {},
    "kernel-shap": {"superpixels": 4, "samples": 80},
    "lime": {"superpixels": 4, "samples": 80},
}
_MOST_WARMING = 20


class Watched:
    """An executor, and which of its workers have finished a shard."""

    def __init__(self, inner: Executor) -> None:
        self.inner, self.seen = inner, set()
        self.cancel, self.describe, self.close = inner.cancel, inner.describe, inner.close

    def run(self, job: Job, shards: Sequence[int]) -> Generator[Done]:
        """As the executor does."""
        for done in self.inner.run(job, shards):
            self.seen.add(done.worker)
            yield done


def main() -> None:
    given = _parser().parse_args()
    folder = Path(tempfile.mkdtemp(dir=given.scratch))
    try:
        measure(given, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measure(given: argparse.Namespace, folder: Path) -> None:
    store, settings = Store(folder), Settings(device="cpu")
    executor = Watched(executor_of(EngineChoice(given.engine, given.workers), store, settings, 1))
    engine = Engine(store, 1, executor=executor, listing=False)
    cards = catalogue([ROOT / "fixtures"])
    evidence = Workroom(engine, settings).evidence(
        cards.model(given.model), cards.data("dermoscopy"), given.images
    )
    began = time.monotonic()
    warm_up(evidence, executor, given.workers)
    start = time.monotonic() - began
    computed, overhead = engine.counts.seconds, engine.counts.overhead
    methods = {name: measured(evidence, name) for name in given.methods}
    engine.close()
    tell(
        start=start,
        methods=methods,
        seconds=sum(methods.values()),
        computed=engine.counts.seconds - computed,
        overhead=engine.counts.overhead - overhead,
        each=of_store(folder, "heatmaps"),
    )


def warm_up(evidence: Evidence, executor: Watched, workers: int) -> None:
    """Shards that cost little, until every worker has finished one with the model."""
    evidence.scores()
    for turn in range(_MOST_WARMING):
        evidence.shifted_scores("cieluv", [(1.0 + turn, 0.0)])
        if len(executor.seen) >= workers:
            break
    # What is found of the method is found once, by whoever looks: it is no shard of images.
    for name in MEASURED:
        evidence.fitness(method_of(name))


def measured(evidence: Evidence, name: str) -> float:
    """Seconds of one method's heatmaps."""
    began = time.monotonic()
    evidence.heatmaps(method_of(name))
    return time.monotonic() - began


def method_of(name: str) -> Method:
    """A method with few passes."""
    return METHODS[name].model_validate({"method": name, **MEASURED[name]})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--images", type=int, default=128)
    parser.add_argument("--engine", default="processes")
    parser.add_argument("--model", default="scanoma")
    parser.add_argument("--methods", nargs="+", default=list(MEASURED), choices=MEASURED)
    parser.add_argument("--scratch", help="folder for the store; default: the system's")
    return parser


if __name__ == "__main__":
    main()
