"""Hold every format to its own runtime and write the table of docs/reproduction.md (marked long).

    python benchmarks/reproduction_table.py --images 1000 --write docs/reproduction.md

Each sample of benchmarks/model_samples.py, each file of fixtures/tflite and each stand-in is asked about
the same synthetic dermoscopy pictures, in PyTorch and in its runtime. TFLite files are compared twice: in
the arithmetic `fake` with the default kernels (XNNPACK), in `ref` with the reference kernels; and the two
kernels with each other, which is the noise floor.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from model_samples import SAMPLES  # noqa: E402 found by the line above

from auditkit.data.synthetic.dermoscopy import render, sample_case  # noqa: E402
from auditkit.errors import AuditError  # noqa: E402 the same
from auditkit.stats import proportion  # noqa: E402

Floats = npt.NDArray[np.float64]
Ask = Callable[[npt.NDArray[np.float32]], Floats]
_BATCH = 25


@dataclass(frozen=True)
class Pair:
    """Two sides that answer the same inputs."""

    file: str
    ours: str
    theirs: str
    shape: tuple[int, int, int]
    as_bytes: bool
    first: Ask
    second: Ask
    step: float


@cache
def _drawn(count: int, side: int) -> npt.NDArray[np.uint8]:
    return np.stack([render(sample_case(900, index), side)[0] for index in range(count)])


def pictures(count: int, shape: tuple[int, int, int], *, as_bytes: bool) -> npt.NDArray[np.float32]:
    """Synthetic dermoscopy (N, C, H, W) at a sample's own size; bytes, or values in [-1, 1]."""
    height, width, depth = shape
    side = max(height, width)
    batch = (
        _drawn(count, max(side, 32))[:, :height, :width].astype(np.float32).transpose(0, 3, 1, 2)
    )
    batch = batch[:, :1] if depth == 1 else batch
    return np.ascontiguousarray(batch if as_bytes else batch / 127.5 - 1)


def torch_side(network: torch.nn.Module) -> Ask:
    """A network as a function of arrays."""

    def ask(batch: npt.NDArray[np.float32]) -> Floats:
        parts = []
        with torch.no_grad():
            for start in range(0, len(batch), _BATCH):
                given = torch.from_numpy(batch[start : start + _BATCH])
                parts.append(network(given).double().numpy())
        return np.concatenate(parts)

    return ask


def tflite_pairs(path: Path) -> Iterator[Pair]:
    """A TFLite file against both kernels, and these with each other."""
    from auditkit.models.tflite import ReferenceRuntime, load_tflite

    networks: dict[str, Any] = {mode: load_tflite(path, mode=mode) for mode in ("fake", "ref")}
    default = ReferenceRuntime(path, "xnnpack")
    shape, as_bytes = networks["fake"].input_shape, networks["fake"].quantised_input
    common = (shape, as_bytes)
    step = default.output_step
    sides = {mode: torch_side(network) for mode, network in networks.items()}
    name = path.name
    yield Pair(name, "`fake`", default.name, *common, sides["fake"], default.answer, step)
    try:
        reference = ReferenceRuntime(path, "reference")
    except AuditError as error:
        print(f"{name}: {error}", flush=True)
        return
    yield Pair(name, "`ref`", reference.name, *common, sides["ref"], reference.answer, step)
    kernels = (default.answer, reference.answer)
    yield Pair(name, default.name, "its reference kernels", *common, *kernels, step)


def other_pairs(work: Path) -> Iterator[Pair]:
    """The samples of the other formats that have a runtime of their own."""
    for name, sample in SAMPLES.items():
        if sample.runtime is None or name.startswith("tflite"):
            continue
        folder = work / name
        folder.mkdir()
        sample.make(folder)
        network, given = sample.load(folder)
        if len(given) > 1:
            continue
        runtime = sample.runtime(folder)
        _, depth, height, width = given[0].shape
        yield Pair(
            name,
            "PyTorch",
            runtime.name,
            (height, width, depth),
            False,
            torch_side(network),
            runtime.answer,
            runtime.output_step,
        )


def row(pair: Pair, count: int) -> str:
    """One line of the table."""
    batch = pictures(count, pair.shape, as_bytes=pair.as_bytes)
    first, second = pair.first(batch), pair.second(batch)
    apart = np.abs(first - second).max(axis=1)
    equal = proportion(apart == 0)
    steps = f"{apart.max() / pair.step:.0f} steps" if pair.step else "-"
    same = proportion(first.argmax(axis=1) == second.argmax(axis=1))
    scores = first[:, -1], second[:, -1]
    r = np.corrcoef(*scores)[0, 1] if min(np.ptp(s) for s in scores) > 0 else float("nan")
    share = f"{100 * equal.value:.1f} % [{100 * equal.low:.1f}, {100 * equal.high:.1f}]"
    return (
        f"| {pair.file} | {pair.ours} | {pair.theirs} | {share} | {apart.max():.2g} | {steps} | "
        f"{100 * same.value:.1f} % | {'constant' if np.isnan(r) else f'{r:.6f}'} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--start", default="", help="the first TFLite file by name")
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    files = [*sorted((ROOT / "fixtures").rglob("*.tflite"))]
    with tempfile.TemporaryDirectory() as work:
        pairs = (pair for path in files if _readable(path) for pair in tflite_pairs(path))
        for source in (pairs, other_pairs(Path(work))):
            for pair in source:
                if pair.file >= given.start or "." not in pair.file:
                    rows.append(row(pair, given.images))
                    print(rows[-1], flush=True)
    if given.write:
        given.write.write_text(_page(given.images, rows), encoding="utf-8")


def _readable(path: Path) -> bool:
    """Not the samples that are there to be refused, nor those with a second input."""
    from auditkit.models.tflite import load_tflite

    try:
        network: Any = load_tflite(path)
    except AuditError as error:
        print(f"{path.name}: {error}", flush=True)
        return False
    return not network.table_size


def _page(images: int, rows: list[str]) -> str:
    lines = "\n".join(rows)
    return f"""# How near each format comes to its own runtime

Written by `python benchmarks/reproduction_table.py --images {images} --write docs/reproduction.md`,
over {images} pictures of synthetic dermoscopy at each sample's own size; bit-equal shares with exact
95 % intervals. r is Pearson's of the last output. The rows in which a runtime is compared with its own
reference kernels are the noise floor: what the device itself cannot agree on.

| file | ours | runtime | bit-equal | largest difference | in steps | same class | r |
|---|---|---|---|---|---|---|---|
{lines}
"""


if __name__ == "__main__":
    main()
