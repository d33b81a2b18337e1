"""The workers that make heatmaps, and that ask whether a method fits a model at all."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from auditkit.evidence.engine import Compute
from auditkit.evidence.identity import seed_of
from auditkit.evidence.kinds import Fitness, Settings
from auditkit.evidence.stages import MakeModel, batcher_for, inputs_of
from auditkit.evidence.store import Arrays
from auditkit.spec.formats import FORMATS
from auditkit.spec.methods import Method, parse_method
from auditkit.spec.model_card import ModelCard

if TYPE_CHECKING:
    import torch

    from auditkit.evidence.evidence import Evidence
    from auditkit.evidence.heatmaps import Explained, Explainer
    from auditkit.models.model import Model


def background_of(evidence: "Evidence", count: int) -> list[int]:
    """Which images of the data set stand for 'nothing there'."""
    return drawn([record.digest for record in evidence.data.records], count)


def drawn(digests: Sequence[str], count: int) -> list[int]:
    """Positions of so many images, or all if there are fewer, drawn by their content alone."""
    order = sorted(
        range(len(digests)), key=lambda index: (seed_of("background", digests[index]), index)
    )
    return order[:count]


def explainer_for(
    evidence: "Evidence", model: "Model", method: Method, background: Sequence[int]
) -> "Explainer":
    """The explainer of a method with the data set's images that it asks for."""
    from auditkit.evidence.heatmaps import explainer, subject_of

    images = None
    if background:
        images = model.prepare([evidence.source(index) for index in background])
    return explainer(method, subject_of(model), images)


def heatmaps_worker(
    evidence: "Evidence",
    make: MakeModel,
    settings: Settings,
    parameters: dict[str, Any],
    background: Sequence[int],
    decided: npt.NDArray[np.int64],
) -> Compute:
    """Heatmaps of the decided class; decisions (n,) are evidence already."""
    import torch

    model = make()
    batcher_for(settings)
    method = parse_method(parameters["method"])
    explain = explainer_for(evidence, model, method, background)

    def compute(indices: Sequence[int]) -> Arrays:
        parts = []
        for start in range(0, len(indices), settings.batch):
            group = indices[start : start + settings.batch]
            inputs, table = inputs_of(evidence, model, group)
            seeds = [heatmap_seed(method, evidence.records[index].digest) for index in group]
            target = torch.from_numpy(decided[group]).to(model.device)
            parts.append(
                _arrays(
                    explained(explain, inputs, target, table, seeds, settings.batch),
                    explain,
                    pictures=evidence.card.volume is None,
                )
            )
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    return compute


def heatmap_seed(method: Method, digest: str) -> int:
    """What is random about an image's heatmap."""
    return seed_of("heatmap", method.identity, digest)


def explained(
    explain: "Explainer",
    inputs: "torch.Tensor",
    target: "torch.Tensor",
    table: "torch.Tensor | None",
    seeds: Sequence[int],
    rows: int,
) -> "Explained":
    """Heatmaps of one batch."""
    from auditkit.evidence.heatmaps import Batch

    return explain.explain(Batch(inputs, target, seeds, table), rows)


def _arrays(found: "Explained", explain: "Explainer", *, pictures: bool) -> Arrays:
    """As the store keeps them: pictures have one modality, whose axis is dropped."""

    def kept(values: "torch.Tensor", kind: type[Any]) -> npt.NDArray[Any]:
        return (values[:, 0] if pictures else values).numpy().astype(kind)

    arrays: Arrays = {
        "map": kept(found.maps, np.float32),
        "cell": np.full(len(found.maps), explain.cell, dtype=np.int64),
    }
    if found.standard_error is not None:
        arrays["standard_error"] = kept(found.standard_error, np.float32)
    if found.segments is not None:
        arrays["segments"] = kept(found.segments, np.int32)
    for name in ("residual", "evaluations"):
        values = getattr(found, name)
        if values is not None:
            arrays[name] = values.double().cpu().numpy()
    return arrays


def fitness_worker(
    evidence: "Evidence",
    make: MakeModel,
    settings: Settings,
    parameters: dict[str, Any],
    background: Sequence[int],
) -> Compute:
    """Whether a method can be asked of the model, as the bytes of JSON."""

    def compute(_indices: Sequence[int]) -> Arrays:
        batcher_for(settings)
        method = parse_method(parameters["method"])
        found = explainer_for(evidence, make(), method, background).fitness()
        text = json.dumps({"reason": found.reason, "notes": list(found.notes)})
        return {"text": np.frombuffer(text.encode(), dtype=np.uint8)}

    return compute


def no_gradients(card: ModelCard) -> str:
    """Why a model has no gradients."""
    if card.format == "tflite":
        return (
            f"'{card.model}' is in mode 'ref', whose fixed-point arithmetic has no gradients; use "
            "mode 'fake' for heatmaps by gradients"
        )
    return f"'{card.model}' is a black box ({FORMATS[card.format].title}): it has no gradients"


def read_fitness(arrays: Arrays) -> Fitness:
    """The answer of `fitness_worker`."""
    found = json.loads(arrays["text"].tobytes())
    return Fitness(found["reason"], found["notes"])
