"""What `benchmarks/throughput.py` measures; each function is one table."""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from auditkit.evidence import Evidence, Settings, Store  # noqa: E402 the path above comes first
from auditkit.evidence.ahead import Ahead  # noqa: E402
from auditkit.evidence.engine import Engine  # noqa: E402
from auditkit.evidence.removal import RemovalPlan  # noqa: E402
from auditkit.evidence.workroom import Workroom  # noqa: E402
from auditkit.spec.catalogue import Catalogue, catalogue  # noqa: E402
from auditkit.spec.methods import Method, parse_method  # noqa: E402

Row = Sequence[str]
MODELS = (("scanoma", "dermoscopy"), ("efficientnet-lite0", "photos"))


def cards() -> Catalogue:
    """The fixtures."""
    return catalogue([ROOT / "fixtures"])


def evidence(model: str, data: str, images: int, settings: Settings, store: Path) -> Evidence:
    """Evidence of a fixture in a store, one thread."""
    room = Workroom(Engine(Store(store), 1), settings)
    return room.evidence(cards().model(model), cards().data(data), images)


def methods() -> list[Method]:
    """One of each kind."""
    given: list[Any] = [
        "gradient",
        "gradcam",
        {"method": "integrated-gradients", "steps": 16, "baseline": "mean"},
        {"method": "occlusion", "window": 0.25, "stride": 0.25, "baseline": "mean"},
    ]
    return [parse_method(one) for one in given]


def stages(found: Evidence) -> Iterator[tuple[str, Callable[[], object]]]:
    """Shipped stages, in an order in which each finds what it rests on."""
    yield "scores", found.scores
    yield (
        "4 colour shifts",
        lambda: found.shifted_scores("cieluv", [(20.0, 90.0 * k) for k in range(4)]),
    )
    for method in methods():
        yield f"fitness of {method.label}", partial(found.fitness, method)
        yield f"heatmaps {method.label}", partial(found.heatmaps, method)
    cam = methods()[1]
    yield "removal, 10 steps", partial(found.removal, cam, RemovalPlan("mean", 10))
    yield "random removal, 2 x 10", partial(found.random_removal, cam, RemovalPlan("mean", 10, 2))


def stage_times(images: int) -> None:
    """Print processor time, page faults and a digest per stage: runs in a process of its own."""
    import hashlib

    for model, data in MODELS:
        with tempfile.TemporaryDirectory() as folder:
            found = evidence(model, data, images, Settings(device="cpu"), Path(folder))
            n = found.n
            found.own_model()
            for name, ask in stages(found):
                before = resource.getrusage(resource.RUSAGE_SELF)
                answer = ask()
                after = resource.getrusage(resource.RUSAGE_SELF)
                spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
                faults = after.ru_minflt - before.ru_minflt
                values = getattr(answer, "score", getattr(answer, "maps", None))
                digest = "" if values is None else hashlib.sha256(values.tobytes()).hexdigest()
                print(f"{model}|{name}|{spent / n}|{faults / n}|{digest}", flush=True)


def huge_pages(images: int) -> list[Row]:
    """Processor time and page faults per image, without and with pages of 2 MiB, and whether bits agree."""
    own = {key: value for key, value in os.environ.items() if key != "THP_MEM_ALLOC_ENABLE"}
    runs = []
    for value in ("0", "1"):
        script = f"import throughput_parts as p; p.stage_times({images})"
        environment = {**own, "THP_MEM_ALLOC_ENABLE": value, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=ROOT / "benchmarks",
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        runs.append([line.split("|") for line in done.stdout.splitlines()])
    rows: list[Row] = [("model", "stage", "ms", "ms, 2 MiB", "ratio", "faults", "2 MiB", "bits")]
    for (model, stage, plain, many, first), (_, _, huge, few, second) in zip(*runs, strict=True):
        if stage.startswith("fitness"):
            continue
        without, with_pages = 1000 * float(plain), 1000 * float(huge)
        same = "equal" if first == second else "DIFFER"
        ratio = f"{without / with_pages:.2f}"
        faults = f"{float(many):.0f}", f"{float(few):.0f}"
        rows.append((model, stage, f"{without:.1f}", f"{with_pages:.1f}", ratio, *faults, same))
    return rows


def timed(work: Callable[[], object], rounds: int = 3) -> float:
    """Median processor seconds of this thread, after one call."""
    work()
    found = []
    for _ in range(rounds):
        began = time.thread_time()
        work()
        found.append(time.thread_time() - began)
    return median(found)


def passes(model: Any, rows: int) -> tuple[Callable[[], object], Callable[[], object]]:
    """A forward pass, and a forward and backward pass, of so many inputs."""
    import torch

    side = model.card.input.size
    inputs = torch.rand(rows, 3, side, side)
    target = torch.zeros(rows, dtype=torch.int64)

    def forward() -> object:
        with torch.no_grad():
            return model.probabilities(inputs)

    def both() -> object:
        leaf = inputs.detach().requires_grad_()
        return torch.autograd.grad(model.log_odds(leaf, target).sum(), leaf)

    return forward, both


def _loaded(name: str, precision: str = "float32") -> Any:
    from auditkit.models import load_model

    return load_model(cards().model(name), "cpu", precision)


def batch_sizes(sizes: Sequence[int]) -> list[Row]:
    """Processor milliseconds per input by inputs per pass."""
    import torch

    torch.set_num_threads(1)
    rows: list[Row] = [("model", "pass", *(str(size) for size in sizes))]
    for name, _ in MODELS:
        model = _loaded(name)
        for kind, label in enumerate(("forward", "forward and backward")):
            spent = [1000 * timed(passes(model, size)[kind]) / size for size in sizes]
            rows.append((name, label, *(f"{one:.2f}" for one in spent)))
    return rows


def overlap(images: int = 48, pause: float = 0.01) -> list[Row]:
    """A slow reader, and a model that only waits, as a GPU lets its CPU: seconds."""
    import torch

    def make(_index: int) -> torch.Tensor:
        time.sleep(pause)
        return torch.zeros(1)

    rows: list[Row] = [("threads that read ahead", "seconds", "of one after the other")]
    alone = 2 * images * pause
    for threads in (1, 2, 4):
        ahead = Ahead(make, lambda threads=threads: threads)  # type: ignore[misc]
        ahead.announce("stage", range(images))
        began = time.monotonic()
        for index in range(images):
            ahead.take(index)
            time.sleep(pause)
        spent = time.monotonic() - began
        rows.append((str(threads), f"{spent:.2f}", f"{spent / alone:.2f}"))
    return rows


def compilation() -> list[Row]:
    """Seconds to compile with torch.compile, processor time per input before and after, and when it pays."""
    import torch

    rows: list[Row] = [("model", "ms", "ms, compiled", "compilation, s", "pays after inputs")]
    torch.set_num_threads(1)
    for name, _ in MODELS:
        model = _loaded(name)
        plain = timed(passes(model, 16)[0]) / 16
        own = model.copy()
        own.members[0] = torch.compile(own.members[0], dynamic=False)
        began = time.monotonic()
        try:
            passes(own, 16)[0]()
        except Exception as error:  # noqa: BLE001 whatever the compiler stumbles over is the result
            rows.append((name, f"{1000 * plain:.2f}", type(error).__name__, "", "never"))
            continue
        first = time.monotonic() - began
        fast = timed(passes(own, 16)[0]) / 16
        pays = f"{first / (plain - fast):.0f}" if fast < plain else "never"
        rows.append((name, f"{1000 * plain:.2f}", f"{1000 * fast:.2f}", f"{first:.1f}", pays))
    return rows


@contextmanager
def counted_forwards() -> Iterator[Counter[str]]:
    """Inputs that a model answers to, by the stage that asks."""
    from auditkit.models.model import Model

    count: Counter[str] = Counter()
    stage = [""]
    answer, gather = Model._answer, Engine.gather  # noqa: SLF001 there is no public hook

    def counting(self: Model, network: Any, given: Any, table: Any) -> Any:
        count[stage[0]] += len(given)
        return answer(self, network, given, table)

    def naming(self: Engine, asked: Any, worker: Any) -> Any:
        before, stage[0] = stage[0], asked.name.partition(": ")[2]
        try:
            return gather(self, asked, worker)
        finally:
            stage[0] = before

    Model._answer, Engine.gather = counting, naming  # type: ignore[method-assign] # noqa: SLF001
    try:
        yield count
    finally:
        Model._answer, Engine.gather = answer, gather  # type: ignore[method-assign] # noqa: SLF001


def forwards(images: int) -> list[Row]:
    """Inputs per image that each stage sends through the model."""
    rows: list[Row] = [("stage", "inputs per image")]
    with tempfile.TemporaryDirectory() as folder:
        found = evidence("scanoma", "dermoscopy", images, Settings(device="cpu"), Path(folder))
        with counted_forwards() as count:
            for _name, ask in stages(found):
                ask()
    rows += [(name, f"{inputs / images:.2f}") for name, inputs in count.items()]
    return rows
