"""The stages' workers: each makes a function from image indices to arrays. Called once per thread.

Torch is imported inside the functions, since a run whose evidence is all in the store needs none.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from auditkit.evidence.engine import Compute
from auditkit.evidence.evidence import Evidence, Heatmaps, Settings
from auditkit.evidence.identity import seed_of
from auditkit.evidence.store import Arrays
from auditkit.metrics.not_evaluable import NotEvaluable
from auditkit.metrics.removal import (
    grid_shape,
    random_order,
    removal_order,
    removal_steps,
    removed_mask,
)
from auditkit.spec.methods import parse_method

if TYPE_CHECKING:
    import torch

    from auditkit.evidence.batches import Batcher
    from auditkit.models.model import Model

MakeModel = Callable[[], "Model"]
# On a CPU, larger batches leave the cache and spend their time on page faults (measured on
# EfficientNet-Lite0 at 224 pixels and the stand-ins at 128).
CPU_BATCH, BATCH = 16, 64


def _batcher(settings: Settings, model: "Model") -> "Batcher":
    import torch

    from auditkit.evidence.batches import Batcher

    torch.set_num_threads(1)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    usual = CPU_BATCH if model.device.type == "cpu" else BATCH
    return Batcher(settings.batch_size or usual)


def _inputs(evidence: Evidence, model: "Model", indices: Sequence[int]) -> "torch.Tensor":
    return model.prepare([evidence.data.image(index) for index in indices])


def _answer(
    evidence: Evidence, model: "Model", probabilities: "torch.Tensor", indices: Sequence[int]
) -> Arrays:
    """Score and decision from probabilities (n, C)."""
    import torch

    if evidence.two_class:
        score = probabilities[:, model.positive]
    else:
        labels = torch.from_numpy(evidence.labels[list(indices)])
        score = probabilities[torch.arange(len(probabilities)), labels]
    return {
        "score": score.double().numpy(),
        "decision": model.decide(probabilities).numpy(),
    }


def scores_worker(
    evidence: Evidence, make: MakeModel, settings: Settings, _parameters: dict[str, Any]
) -> Compute:
    """Scores of images as they are."""
    import torch

    model = make()
    batcher = _batcher(settings, model)

    def compute(indices: Sequence[int]) -> Arrays:
        with torch.no_grad():
            answers = batcher.map(model.probabilities, _inputs(evidence, model, indices))
        return _answer(evidence, model, answers, indices)

    return compute


def shifts_worker(
    evidence: Evidence, make: MakeModel, settings: Settings, parameters: dict[str, Any]
) -> Compute:
    """Scores of recoloured images, one column per shift."""
    import torch

    from auditkit.colour import luv_to_srgb, offset, srgb_to_luv

    model = make()
    batcher = _batcher(settings, model)
    offsets = [offset(angle, radius) for radius, angle in parameters["shifts"]]

    def compute(indices: Sequence[int]) -> Arrays:
        luv = srgb_to_luv(_inputs(evidence, model, indices))
        columns = []
        for du, dv in offsets:
            moved = luv + luv.new_tensor([0.0, du, dv]).view(3, 1, 1)
            with torch.no_grad():
                answers = batcher.map(lambda x: model.probabilities(luv_to_srgb(x)), moved)
            columns.append(_answer(evidence, model, answers, indices))
        return {name: np.stack([c[name] for c in columns], axis=1) for name in columns[0]}

    return compute


def heatmaps_worker(
    evidence: Evidence, make: MakeModel, settings: Settings, parameters: dict[str, Any]
) -> Compute:
    """Heatmaps of the decided class."""
    import torch

    from auditkit.evidence.heatmaps import explainer

    model = make()
    batcher = _batcher(settings, model)
    explain = explainer(parse_method(parameters), model)

    def compute(indices: Sequence[int]) -> Arrays:
        inputs = _inputs(evidence, model, indices)
        with torch.no_grad():
            decision = model.decide(batcher.map(model.probabilities, inputs)).to(model.device)
        target = model.decided_output(decision)
        maps = explain.maps(inputs, target, batcher)
        cells = np.full(len(indices), explain.cell, dtype=np.int64)
        return {"map": maps.numpy().astype(np.float32), "cell": cells}

    return compute


def removal_worker(
    evidence: Evidence,
    make: MakeModel,
    settings: Settings,
    parameters: dict[str, Any],
    heat: Heatmaps,
) -> Compute:
    """Decisions while the hottest cells are removed."""
    model = make()
    batcher = _batcher(settings, model)
    size = evidence.size
    counts, fractions = removal_steps(_cells(size, heat.cell), parameters["steps"])

    def compute(indices: Sequence[int]) -> Arrays:
        decisions = np.full((len(indices), len(counts)), -1, dtype=np.int64)
        for row, index in enumerate(indices):
            tie_break = seed_of("ties", parameters["method"], evidence.records[index].digest)
            try:
                order = removal_order(
                    heat.full(index, size), heat.cell, np.random.default_rng(tie_break)
                )
            except NotEvaluable:
                continue
            masks = _masks([order], counts, heat.cell, size)
            decisions[row] = _remove(evidence, model, batcher, index, masks, parameters["fill"])
        return {"decision": decisions, "fraction": np.tile(fractions, (len(indices), 1))}

    return compute


def random_removal_worker(
    evidence: Evidence, make: MakeModel, settings: Settings, parameters: dict[str, Any]
) -> Compute:
    """Decisions while cells are removed in random order."""
    model = make()
    batcher = _batcher(settings, model)
    size, cell, repeats = evidence.size, parameters["cell"], parameters["repeats"]
    cells = _cells(size, cell)
    counts, _ = removal_steps(cells, parameters["steps"])

    def compute(indices: Sequence[int]) -> Arrays:
        rows = []
        for index in indices:
            digest = evidence.records[index].digest
            orders = [
                random_order(
                    cells, np.random.default_rng(seed_of("random removal", cell, digest, r))
                )
                for r in range(repeats)
            ]
            masks = _masks(orders, counts, cell, size)
            found = _remove(evidence, model, batcher, index, masks, parameters["fill"])
            rows.append(found.reshape(repeats, len(counts)))
        return {"decision": np.stack(rows)}

    return compute


def _cells(size: int, cell: int) -> int:
    rows, columns = grid_shape((size, size), cell)
    return rows * columns


def _masks(
    orders: Sequence[Any], counts: Any, cell: int, size: int
) -> Iterator[np.ndarray[Any, Any]]:
    for order in orders:
        for count in counts:
            yield removed_mask(order, int(count), cell, (size, size))


def _remove(
    evidence: Evidence,
    model: "Model",
    batcher: "Batcher",
    index: int,
    masks: Iterator[np.ndarray[Any, Any]],
    fill: str,
) -> np.ndarray[Any, Any]:
    """Decisions for one image with each mask's pixels replaced."""
    import torch

    from auditkit.evidence.heatmaps.baselines import baseline

    image = _inputs(evidence, model, [index])
    filling = baseline(image, fill)
    removed = torch.from_numpy(np.stack(list(masks))).to(model.device)

    def decided(mask: torch.Tensor) -> torch.Tensor:
        return model.decide(model.probabilities(torch.where(mask[:, None], filling, image)))

    with torch.no_grad():
        return np.asarray(batcher.map(decided, removed).numpy())


def answers_worker(
    evidence: Evidence, _make: MakeModel, settings: Settings, parameters: dict[str, Any]
) -> Compute:
    """Raw outputs in one arithmetic, for pictures rounded to bytes."""
    import torch

    from auditkit.models import load_model

    card = evidence.card.model_copy(update={"mode": parameters["mode"]})
    model = load_model(card, settings.device, settings.precision)
    batcher = _batcher(settings, model)

    def compute(indices: Sequence[int]) -> Arrays:
        inputs = (_inputs(evidence, model, indices) * 255.0).round() / 255.0
        with torch.no_grad():
            return {"output": batcher.map(model.raw, inputs).double().numpy()}

    return compute


def runtime_worker(
    evidence: Evidence, make: MakeModel, _settings: Settings, parameters: dict[str, Any]
) -> Compute:
    """Raw outputs of the TFLite runtime for the same pictures."""
    from auditkit.models.identity import weights_path
    from auditkit.models.tflite import ReferenceRuntime

    model = make()
    runtime = ReferenceRuntime(weights_path(evidence.card), parameters["kernel"])

    def compute(indices: Sequence[int]) -> Arrays:
        inputs = (_inputs(evidence, model, indices) * 255.0).round() / 255.0
        batch = model.normalise(inputs).permute(0, 2, 3, 1).contiguous().cpu().numpy()
        if model.network.quantised_input:
            batch = np.rint(batch).astype(np.uint8)
        return {"output": runtime.dequantise(runtime.run(batch)).astype(np.float64)}

    return compute
