"""Heatmaps from Python: of pictures by a model to audit, and of any tensors by any PyTorch module."""

import hashlib
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeGuard, cast

import numpy as np
import numpy.typing as npt

from auditkit.data import Dataset
from auditkit.errors import AuditError
from auditkit.evidence.features import feature_values
from auditkit.evidence.heatmap_stages import drawn, explained, heatmap_seed, no_gradients
from auditkit.evidence.kinds import Heatmaps
from auditkit.models.memory import halving
from auditkit.models.volumes import space_of, volumes_of
from auditkit.spec.methods import Method, parse_method
from auditkit.spec.model_card import ModelCard

if TYPE_CHECKING:
    import torch
    from torch import nn

    from auditkit.evidence.heatmaps import Explained, Explainer, Subject
    from auditkit.models.model import Model

Pictures = Sequence[npt.NDArray[np.uint8]]
Cases = Sequence[Any]


def heatmaps(
    model: "Model",
    images: Dataset | Pictures,
    method: str,
    *,
    batch_size: int = 16,
    background_images: Dataset | Pictures | None = None,
    **parameters: Any,
) -> npt.NDArray[np.float32]:
    """Heatmaps of the decided class at the model's input size, float (n, size, size).

    Of volumes (n, M, *space), one map per modality. Those of a data set are the ones of an audit of it.

    Args:
        model: from `load_model`.
        images: a data set, or sRGB uint8 pictures (height, width, 3) of any size; for a model of volumes
            a data set of volumes.
        method: name of the method (``auditkit list methods``).
        batch_size: images in one pass of the network.
        background_images: from which a method whose baseline is a data set draws what stands for
            'nothing there', by their content; ``images`` if left out.
        parameters: the method's parameters.

    Raises:
        AuditError: the method or a parameter is not known, or the model cannot be asked.
    """
    import torch

    from auditkit.evidence.heatmaps import explainer, subject_of

    typed = _parsed(method, parameters)
    _check_size(batch_size)
    if typed.needs_gradients and not model.card.gradients:
        raise AuditError(f"heatmaps: {no_gradients(model.card)}; use occlusion")
    pictures, features = _pictures(model, images), _features(model, images)
    if not len(pictures):
        raise AuditError("heatmaps: at least one picture was expected")
    chosen = _chosen(model, images if background_images is None else background_images, typed)
    explain = explainer(typed, subject_of(model), model.prepare(chosen) if chosen else None)
    _refuse_unfit(explain, typed)
    digests = _digests(images)
    found: list[npt.NDArray[np.float32]] = []
    for start in range(0, len(pictures), batch_size):
        part = [pictures[i] for i in range(start, min(start + batch_size, len(pictures)))]
        inputs, table = model.prepare(part), None
        if features is not None:
            rows = features[start : start + len(part)]
            table = torch.tensor(rows, dtype=torch.float32, device=model.device)
        seeds = [heatmap_seed(typed, one) for one in digests[start : start + len(part)]]
        one = partial(_of_decisions, explain, model, inputs, table, seeds)
        maps = halving(batch_size, one).maps.numpy()
        pictured = maps[:, 0] if model.card.volume is None else maps
        heat = Heatmaps(pictured.astype(np.float32), explain.cell)
        found += [heat.full(i, space_of(model.card)) for i in range(len(part))]
    return np.stack(found)


def _of_decisions(
    explain: "Explainer",
    model: "Model",
    inputs: "torch.Tensor",
    table: "torch.Tensor | None",
    seeds: Sequence[int],
    rows: int,
) -> "Explained":
    """Heatmaps of a batch's decided classes, in passes of at most so many rows."""
    import torch

    from auditkit.evidence.batches import Batcher

    with torch.no_grad():
        answers = Batcher(rows, padded=False).map(model.probabilities, inputs, table)
    return explained(explain, inputs, model.decide(answers).to(model.device), table, seeds, rows)


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
        inputs: float32 (N, C, *space), one to three spatial axes.
        target: index of the output that is explained, one for all or one per input.
        method: name of the method (``auditkit list methods``).
        modalities: the channels of each modality; each channel by itself if left out.
        background_images: float (B, C, *space), for methods that take a data set as baseline; as many
            of the first as the method asks for.
        table: float (N, F), the second input of networks that have one.
        batch_size: inputs in one pass of the network, which bounds memory.
        parameters: the method's parameters.

    Returns:
        maps (N, M, *space), one per modality, with their standard error, completeness residual and
        number of evaluations where the method has them.

    Raises:
        AuditError: the method or a parameter is not known, the inputs do not fit, or the network cannot
            be asked.
    """
    from auditkit.evidence.heatmaps import explainer, subject_of_module

    typed = _parsed(method, parameters)
    _check_size(batch_size)
    _check_inputs(network, inputs)
    width, shape = 0 if table is None else table.shape[1], tuple(inputs.shape[1:])
    subject = subject_of_module(network, shape, modalities, table_width=width)
    inputs = inputs.detach().to(subject.device)
    table = None if table is None else table.detach().to(subject.device)
    others = _background(background_images, typed, shape)
    targets = _targets(network, inputs, target, table)
    explain = explainer(typed, subject, None if others is None else others.to(subject.device))
    _refuse_unfit(explain, typed)
    seeds = [heatmap_seed(typed, _digest(one.float().cpu().numpy())) for one in inputs]
    one = partial(explained, explain, inputs, targets, table, seeds)
    return _enlarged(halving(batch_size, one), subject)


def _check_size(batch_size: int) -> None:
    if batch_size < 1:
        raise AuditError(f"heatmaps: batch_size is {batch_size}; a number from 1 was expected")


def _check_inputs(network: "nn.Module", inputs: "torch.Tensor") -> None:
    if inputs.dim() not in {3, 4, 5} or not len(inputs):
        raise AuditError(
            f"attribute: inputs of shape {tuple(inputs.shape)}; (N, C, *space) with at least one input and "
            "one to three spatial axes was expected"
        )
    if any(module.training for module in network.modules()):
        raise AuditError(
            "attribute: the network is in training mode, in which its answers can be random and depend on "
            "the batch; call network.eval() first"
        )


def _background(
    images: "torch.Tensor | None", method: Method, shape: tuple[int, ...]
) -> "torch.Tensor | None":
    """The images that a method asks for."""
    if not method.background_images:
        return None
    if images is None or tuple(images.shape[1:]) != shape:
        given = (
            "" if images is None else f", of shape {shape} each; these are {tuple(images.shape)}"
        )
        raise AuditError(
            f"attribute: {method.label} compares with other inputs; give them as 'background_images'{given}"
        )
    return images[: method.background_images].detach()


def _targets(
    network: "nn.Module",
    inputs: "torch.Tensor",
    target: "int | Sequence[int] | torch.Tensor",
    table: "torch.Tensor | None",
) -> "torch.Tensor":
    """int64 (N,), each an output that the network has."""
    import torch

    with torch.no_grad():
        one = inputs[:1].clone()
        outputs = network(one) if table is None else network(one, table[:1])
    if not isinstance(outputs, torch.Tensor) or outputs.dim() != 2:
        raise AuditError("attribute: a network whose answer is one tensor (N, K) was expected")
    targets = torch.as_tensor(target).long()
    known = bool(((targets >= 0) & (targets < outputs.shape[1])).all())
    if tuple(targets.shape) not in {(), (len(inputs),)} or not known:
        raise AuditError(
            f"attribute: target {targets.tolist()}; one number from 0 to {outputs.shape[1] - 1}, or one for "
            f"each of the {len(inputs)} inputs, was expected"
        )
    return targets.to(inputs.device).expand(len(inputs))


def _enlarged(found: "Explained", subject: "Subject") -> "Explained":
    """Maps at the input's size: each pixel has the value of the cell in which its centre lies."""
    from dataclasses import replace

    maps, errors = _grown(found.maps, subject), None
    if found.standard_error is not None:
        errors = _grown(found.standard_error, subject)
    return replace(found, maps=maps, standard_error=errors)


def _grown(maps: "torch.Tensor", subject: "Subject") -> "torch.Tensor":
    from auditkit.evidence.heatmaps.perturbation.players import cell_of_pixel

    for axis, size in enumerate(subject.space, start=2):
        maps = maps.index_select(axis, cell_of_pixel(size, maps.shape[axis]))
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


def _digests(images: Dataset | Pictures) -> list[str]:
    if _are_pictures(images):
        return [_digest(picture) for picture in images]
    return [record.digest for record in cast("Dataset", images).records]


def _chosen(model: "Model", images: Dataset | Pictures, method: Method) -> Cases:
    """The pictures that a method asks for."""
    if not method.background_images:
        return []
    pictures = _pictures(model, images)
    return [pictures[index] for index in drawn(_digests(images), method.background_images)]


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


def _pictures(model: "Model", images: Dataset | Pictures) -> Cases:
    if not _are_pictures(images):
        return _Lazy(model.card, cast("Dataset", images))
    if model.card.volume is not None:
        raise AuditError(
            f"heatmaps: '{model.card.model}' reads volumes; give a data set of volumes (for arrays of "
            "yours, see auditkit.attribute)"
        )
    return images


class _Lazy(Sequence[Any]):
    """What a model's inputs are made of, case by case of a data set."""

    def __init__(self, card: ModelCard, data: Dataset) -> None:
        self._card, self._data = card, data

    def __len__(self) -> int:
        return len(self._data.records)

    def __getitem__(self, index: Any) -> Any:
        if self._card.volume is None:
            return self._data.image(index)
        return volumes_of(self._card, self._data, index)
