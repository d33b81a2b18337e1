"""What heatmaps cost on this machine: time, passes through the model, memory, and the error that is left.

Jin et al. (arXiv:2202.10553), section 5.4, list seconds per heatmap. Deviates from the published code,
which reads the clock around a first call without waiting for the device: the device is waited for, calls
before are not timed, finding superpixels is part of the time, and passes, memory and error stand beside
it, since methods with different budgets cannot be compared by time alone.

Torch is imported inside the functions, since a run whose evidence is all in the store needs none.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from auditkit.evidence.engine import Compute
from auditkit.evidence.heatmap_stages import heatmap_seed
from auditkit.evidence.kinds import Floats, Settings
from auditkit.evidence.machine import machine
from auditkit.evidence.stages import MakeModel, batcher_for, inputs_of
from auditkit.evidence.store import Arrays
from auditkit.spec.methods import parse_method

if TYPE_CHECKING:
    from auditkit.evidence.evidence import Evidence
    from auditkit.evidence.heatmaps import Batch, Explained, Explainer
    from auditkit.models.model import Model


@dataclass(frozen=True)
class CostPlan:
    """How costs are measured.

    Attributes:
        batch: images explained in one call.
        repeats: timed calls per image.
        warm_up: calls before any is timed.
        threads: of one operation on a CPU.
    """

    batch: int
    repeats: int
    warm_up: int
    threads: int


@dataclass(frozen=True)
class Costs:
    """What one heatmap costs, (n,) each; the call for an image explains those after it as well.

    Attributes:
        seconds: median over repeats, divided by the images of a call.
        forwards: inputs that the model answered; a member or view of an ensemble counts as its share.
        backwards: inputs through which gradients went back.
        memory: most bytes held during a call beyond what was there before.
        error: of the image's heatmap; infinite where the heatmap is all zero; None if the method has none.
        waited: share of the time in which a processor was not to be had; 0 on a GPU.
        machine: what the times depend on, from `auditkit.evidence.machine.machine`.
    """

    seconds: Floats
    forwards: Floats
    backwards: Floats
    memory: Floats
    error: Floats | None
    waited: Floats
    machine: Mapping[str, str]

    @classmethod
    def read(cls, arrays: Arrays, parameters: Mapping[str, Any]) -> "Costs":
        """From the arrays of the stage and what it was asked."""
        return cls(
            arrays["seconds"],
            arrays["forwards"],
            arrays["backwards"],
            arrays["memory"],
            arrays.get("error"),
            arrays["waited"],
            parameters["machine"],
        )


def cost_parameters(plan: CostPlan, settings: Settings, images: Sequence[str]) -> dict[str, Any]:
    """What besides method and model determines costs.

    Args:
        plan: how they are measured.
        settings: device and rows of one pass.
        images: content of the images that are explained.
    """
    return {
        "plan": asdict(plan),
        "machine": machine(settings.device),
        "rows": settings.batch,
        "images": list(images),
    }


def costs_worker(
    evidence: "Evidence",
    make: MakeModel,
    settings: Settings,
    parameters: dict[str, Any],
    background: Sequence[int],
) -> Compute:
    """Costs of all images in one go: nothing else of this run computes in the meantime."""

    def compute(_indices: Sequence[int]) -> Arrays:
        import torch

        model, plan = make(), CostPlan(**parameters["plan"])
        work = _Work(evidence, model, settings, parameters, background)
        torch.set_num_threads(plan.threads)
        for _ in range(plan.warm_up):
            work.call(0)
        rows = [work.measured(index, plan.repeats) for index in range(evidence.n)]
        return {name: np.array([row[name] for row in rows]) for name in rows[0]}

    return compute


class _Work:
    """Calls of one explainer, each for an image and those after it, around the end."""

    def __init__(
        self,
        evidence: "Evidence",
        model: "Model",
        settings: Settings,
        parameters: dict[str, Any],
        background: Sequence[int],
    ) -> None:
        from auditkit.evidence.heatmaps import explainer, subject_of
        from auditkit.evidence.pass_count import PassCount, counted

        images = None
        if background:
            images = model.prepare([evidence.source(index) for index in background])
        self.method = parse_method(parameters["method"])
        self.count, self.rows, self.device = PassCount(), settings.batch, model.device
        self.batches = _batches(evidence, model, settings, self.method, parameters["plan"]["batch"])
        subject = counted(subject_of(model), self.count)
        self.explainer: Explainer = explainer(self.method, subject, images)

    def call(self, index: int) -> "Explained":
        """Explain an image and those after it."""
        return self.explainer.explain(self.batches[index], self.rows)

    def measured(self, index: int, repeats: int) -> dict[str, float]:
        """One image's costs: a call that is watched, and calls that are timed."""
        from auditkit.evidence.peak_memory import peak_memory

        size = len(self.batches[index])
        self.count.forwards = self.count.backwards = 0.0
        with peak_memory(self.device) as peak:
            found = self.call(index)
        row = {
            "forwards": self.count.forwards / size,
            "backwards": self.count.backwards / size,
            "memory": float(peak.bytes),
        }
        error = error_of(found)
        if error is not None:
            row["error"] = error
        del found
        timed = np.array([self._timed(index) for _ in range(repeats)])
        seconds, waited = np.median(timed, axis=0)
        return row | {"seconds": float(seconds) / size, "waited": float(waited)}

    def _timed(self, index: int) -> tuple[float, float]:
        """Seconds of a call, and the share of them in which this process had no processor."""
        self._wait()
        started, worked = time.perf_counter(), time.process_time()
        self.call(index)
        self._wait()
        seconds = time.perf_counter() - started
        busy = time.process_time() - worked
        waited = max(0.0, 1 - busy / seconds) if self.device.type == "cpu" else 0.0
        return seconds, waited

    def _wait(self) -> None:
        """Until the device has done all that it was given."""
        import torch

        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        elif self.device.type == "mps":
            torch.mps.synchronize()


def _batches(
    evidence: "Evidence", model: "Model", settings: Settings, method: Any, size: int
) -> "list[Batch]":
    """For each image, the batch that begins with it."""
    import torch

    from auditkit.evidence.heatmaps import Batch

    batcher, n = batcher_for(settings), evidence.n
    inputs, table = inputs_of(evidence, model, range(n))
    with torch.no_grad():
        answers = batcher.map(model.probabilities, inputs, table)
    target = model.decide(answers).to(model.device)
    seeds = [heatmap_seed(method, record.digest) for record in evidence.records]
    found = []
    for start in range(n):
        rows = [(start + step) % n for step in range(size)]
        second = None if table is None else table[rows]
        found.append(Batch(inputs[rows], target[rows], [seeds[row] for row in rows], second))
    return found


def error_of(found: "Explained") -> float | None:
    """The error of the first heatmap, the larger one if a method states two.

    Relative standard error sqrt(sum se^2) / sqrt(sum map^2), or the completeness residual.

    Returns:
        At least 0; infinite where nothing was there to be explained; None if the method states none.
    """
    stated = []
    if found.standard_error is not None:
        left = float(found.standard_error[0].double().square().sum().sqrt())
        size = float(found.maps[0].double().square().sum().sqrt())
        stated.append(left / size if size > 0 else math.inf)
    if found.residual is not None:
        residual = float(found.residual[0])
        stated.append(math.inf if math.isnan(residual) else residual)
    return max(stated, default=None)
