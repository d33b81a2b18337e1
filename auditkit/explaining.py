"""Heatmaps from Python: of pictures by a model to audit, and of any tensors by any PyTorch module."""

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeGuard, cast

import numpy as np
import numpy.typing as npt

from auditkit.data import Dataset
from auditkit.errors import AuditError
from auditkit.evidence.features import feature_values
from auditkit.evidence.heatmap_stages import explained, heatmap_seed, no_gradients
from auditkit.evidence.kinds import Heatmaps
from auditkit.spec.methods import Method, parse_method

if TYPE_CHECKING:
    import torch
    from torch import nn

    from auditkit.evidence.heatmaps import Explained, Explainer, Subject
    from auditkit.models.model import Model

Pictures = Sequence[npt.NDArray[np.uint8]]


def heatmaps(
    model: "Model",
    images: Dataset | Pictures,
    method: str,
    *,
    batch_size: int = 16,
    background_images: Dataset | Pictures | None = None,
    **parameters: Any,
) -> npt.NDArray[np.float32]:
    """Heatmaps of the decided class, float (n, size, size) at the model's input size.

    Args:
        model: from `load_model`.
        images: a data set, or sRGB uint8 pictures (height, width, 3) of any size.
        method: name of the method (``auditkit list methods``).
        batch_size: images in one pass of the network.
        background_images: images that stand for 'nothing there', for methods whose baseline is a data
            set; ``images`` if left out.
        parameters: the method's parameters.

    Raises:
        AuditError: the method or a parameter is not known, or the model cannot be asked.
    """
    import torch

    from auditkit.evidence.batches import Batcher
    from auditkit.evidence.heatmaps import explainer, subject_of

    typed = _parsed(method, parameters)
    if typed.needs_gradients and not model.card.gradients:
        raise AuditError(f"heatmaps: {no_gradients(model.card)}; use occlusion")
    pictures, features = _pictures(images), _features(model, images)
    if not len(pictures):
        raise AuditError("heatmaps: at least one picture was expected")
    others = pictures if background_images is None else _pictures(background_images)
    chosen = [others[i] for i in range(min(typed.background_images, len(others)))]
    explain = explainer(typed, subject_of(model), model.prepare(chosen) if chosen else None)
    _refuse_unfit(explain, typed)
    found: list[npt.NDArray[np.float32]] = []
    for start in range(0, len(pictures), batch_size):
        part = [pictures[i] for i in range(start, min(start + batch_size, len(pictures)))]
        inputs, table = model.prepare(part), None
        if features is not None:
            table = torch.tensor(features[start : start + len(part)], device=model.device)
        with torch.no_grad():
            answers = Batcher(len(part)).map(model.probabilities, inputs, table)
        target = model.decide(answers).to(model.device)
        seeds = [heatmap_seed(typed, _digest(picture)) for picture in part]
        maps = explained(explain, inputs, target, table, seeds, batch_size).maps[:, 0].numpy()
        heat = Heatmaps(maps.astype(np.float32), explain.cell)
        found += [heat.full(i, model.card.input.size) for i in range(len(part))]
    return np.stack(found)


def attribute(
    network: "nn.Module",
    inputs: "torch.Tensor",
    target: "int | Sequence[int] | torch.Tensor",
    method: str,
    *,
    modalities: Sequence[Sequence[int]] | None = None,
    background_images: "torch.Tensor | None" = None,
    table: "torch.Tensor | None" = None,
    batch_size: int = 16,
    **parameters: Any,
) -> "Explained":
    """Heatmaps of one output of any PyTorch module, for pictures or volumes of several modalities.

    Args:
        network: a module in evaluation mode from (N, C, *space) to (N, K).
        inputs: float (N, C, *space), one to three spatial axes.
        target: index of the output that is explained, one for all or one per input.
        method: name of the method (``auditkit list methods``).
        modalities: the channels of each modality; each channel by itself if left out.
        background_images: float (B, C, *space), for methods that take a data set as baseline.
        table: float (N, F), the second input of networks that have one.
        batch_size: inputs in one pass of the network, which bounds memory.
        parameters: the method's parameters.

    Returns:
        maps (N, M, *space), one per modality, with their standard error, completeness residual and
        number of evaluations where the method has them.

    Raises:
        AuditError: the method or a parameter is not known, or the network cannot be asked.
    """
    import torch

    from auditkit.evidence.heatmaps import explainer, subject_of_module

    typed = _parsed(method, parameters)
    if typed.background_images and background_images is None:
        raise AuditError(
            f"attribute: {method} compares with other inputs; give them as 'background_images'"
        )
    width = 0 if table is None else table.shape[1]
    shape = tuple(inputs.shape[1:])
    subject = subject_of_module(network, shape, modalities, table_width=width)
    others = None
    if background_images is not None and typed.background_images:
        others = background_images[: typed.background_images]
    explain = explainer(typed, subject, others)
    _refuse_unfit(explain, typed)
    targets = torch.as_tensor(target, device=inputs.device).expand(len(inputs)).long()
    rows = [np.ascontiguousarray(one.detach().cpu().float().numpy()) for one in inputs]
    seeds = [heatmap_seed(typed, _digest(row)) for row in rows]
    return _enlarged(explained(explain, inputs, targets, table, seeds, batch_size), subject)


def _enlarged(found: "Explained", subject: "Subject") -> "Explained":
    """Maps at the input's size: each pixel has the value of the cell in which its centre lies."""
    from dataclasses import replace

    maps, errors = _grown(found.maps, subject), None
    if found.standard_error is not None:
        errors = _grown(found.standard_error, subject)
    return replace(found, maps=maps, standard_error=errors)


def _grown(maps: "torch.Tensor", subject: "Subject") -> "torch.Tensor":
    import torch

    for axis, size in enumerate(subject.space, start=2):
        side = maps.shape[axis]
        maps = maps.index_select(axis, (2 * torch.arange(size) + 1) * side // (2 * size))
    return maps


def _parsed(method: str, parameters: dict[str, Any]) -> Method:
    try:
        typed: Method = parse_method({"method": method, **parameters})
    except ValueError as error:
        raise AuditError(f"heatmaps: {error}") from error
    return typed


def _refuse_unfit(explain: "Explainer", method: Method) -> None:
    found = explain.fitness()
    if found.reason:
        raise AuditError(f"heatmaps: {method.label} is not applicable: {found.reason}")


def _digest(content: npt.NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(content).tobytes()).hexdigest()


def _features(model: "Model", images: Dataset | Pictures) -> list[list[float]] | None:
    """The second input of models that have one."""
    if not model.card.table:
        return None
    if _are_pictures(images):
        columns = ", ".join(feature.column for feature in model.card.table)
        raise AuditError(
            f"heatmaps: '{model.card.model}' also reads {columns}; give a data set with these columns"
        )
    return [feature_values(model.card, record) for record in cast("Dataset", images).records]


def _are_pictures(images: Dataset | Pictures) -> TypeGuard[Pictures]:
    return not hasattr(images, "records")


def _pictures(images: Dataset | Pictures) -> Pictures:
    return images if _are_pictures(images) else _Lazy(cast("Dataset", images))


class _Lazy(Sequence[npt.NDArray[np.uint8]]):
    """A data set's pictures as a sequence."""

    def __init__(self, data: Dataset) -> None:
        self._data = data

    def __len__(self) -> int:
        return len(self._data.records)

    def __getitem__(self, index: Any) -> Any:
        return self._data.image(index)
