"""Grad-CAM of one network or of an ensemble under test-time views, and Guided Grad-CAM."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch.nn import functional

from auditkit.errors import AuditError
from auditkit.evidence.heatmaps.explainer import Batch, Explained, Explainer, Fitness, summed
from auditkit.evidence.heatmaps.gradients.backward import rows_of
from auditkit.evidence.heatmaps.gradients.inspection import (
    inspect,
    probe_table,
    probe_target,
    probes,
)
from auditkit.evidence.heatmaps.gradients.layers import (
    Layer,
    NoLayerError,
    find_layer,
    kept,
    unseen,
)
from auditkit.evidence.heatmaps.gradients.rules import guided, relu_fitness, ruled_gradient
from auditkit.evidence.heatmaps.passes import Passes
from auditkit.evidence.heatmaps.subject import Subject, Table
from auditkit.models.views import undo
from auditkit.spec.methods import GradCAM, GuidedGradCAM
from auditkit.spec.views import View

Weighting = Literal["pooled", "elementwise"]


@dataclass(frozen=True)
class SubModel:
    """One network under one view.

    Attributes:
        layer: of the network.
        view: under which it sees the image.
        turn: which of the answers of this network it is, from 0.
    """

    layer: Layer
    view: View
    turn: int


class ClassActivation:
    """The layer of a subject for Grad-CAM, aggregated over all its networks and views.

    Args:
        subject: what is explained.
        name: of the layer, in each network; or ``auto``.
        weighting: see `GradCAMExplainer`.

    Attributes:
        sub_models: in the order in which the subject asks them.
        grid: of the map: the finest of theirs.
    """

    def __init__(self, subject: Subject, name: str, weighting: Weighting) -> None:
        self.subject, self.weighting = subject, weighting
        self.sub_models = _sub_models(subject, name)
        self.grid = max((one.layer.grid for one in self.sub_models), key=math.prod)
        self.alone = any(one.layer.alone for one in self.sub_models)

    @property
    def cell(self) -> int:
        """Side in pixels of one value of the map, rounded up."""
        pairs = zip(self.subject.space, self.grid, strict=True)
        return max(-(-whole // size) for whole, size in pairs)

    def note(self) -> str:
        """Which layer it is, for the report."""
        names = ", ".join(dict.fromkeys(str(one.layer) for one in self.sub_models))
        many = len(self.sub_models)
        return f"layer {names}" + (f", of {many} networks or views as one" if many > 1 else "")

    def maps(self, batch: Batch, rows: int) -> torch.Tensor:
        """ReLU of the sum over channels, networks and views, float32 (N, *grid) on the device."""

        def work(start: int, stop: int) -> torch.Tensor:
            cut = slice(start, stop)
            table = rows_of(batch.table, cut)
            return functional.relu(self.signed(batch.inputs[cut], batch.target[cut], table))

        passes = Passes(1 if self.alone else rows)
        return torch.cat([found for *_, found in passes.over(len(batch), work)])

    def signed(self, inputs: torch.Tensor, target: torch.Tensor, table: Table) -> torch.Tensor:
        """The sum before its ReLU, float32 (N, *grid)."""
        activations = self._activations(inputs, target, table)
        total = torch.zeros((len(inputs), *self.grid), device=inputs.device)
        for one, (activation, slope) in zip(self.sub_models, activations, strict=True):
            # A network made for larger batches has filled this one up.
            own = activation[: len(inputs)], slope[: len(inputs)]
            found = undo(_weighted(*own, self.weighting, one.layer), one.view)
            if found.shape[1:] != total.shape[1:]:
                found = functional.interpolate(found[:, None], self.grid, mode="nearest-exact")[
                    :, 0
                ]
            total += found
        return total

    def _activations(
        self, inputs: torch.Tensor, target: torch.Tensor, table: Table
    ) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """The layer's output and its gradient, of every network and view, from one pass."""
        layers = list(dict.fromkeys(one.layer for one in self.sub_models))
        with torch.enable_grad(), kept(layers) as values:
            answer = self.subject.answer(inputs.detach(), target, table)
        outputs = [values[layers.index(one.layer)][one.turn] for one in self.sub_models]
        if not answer.requires_grad:
            raise self._independent()
        slopes = torch.autograd.grad(answer.sum(), outputs, allow_unused=True)
        if any(slope is None for slope in slopes):
            raise self._independent()
        return [(o.detach().float(), s.float()) for o, s in zip(outputs, slopes, strict=True)]

    def _independent(self) -> NoLayerError:
        return NoLayerError(
            f"has an answer that does not depend on {self.note()}; name another one (layer: NAME)"
        )


def _sub_models(subject: Subject, name: str) -> list[SubModel]:
    parts: Sequence[tuple[Subject, View]] = subject.parts or [(subject, "identity")]
    layers: dict[int, Layer] = {}
    turns: Counter[Layer] = Counter()
    found = []
    for part, view in parts:
        key = id(part.network)
        layer = layers[key] if key in layers else find_layer(part, name)
        layers[key] = layer
        found.append(SubModel(layer, view, turns[layer]))
        turns[layer] += 1
    return found


def _weighted(
    activation: torch.Tensor, slope: torch.Tensor, weighting: Weighting, layer: Layer
) -> torch.Tensor:
    """Sum over channels k of weight * A_k, (N, *grid)."""
    channel = activation.dim() - 1 if layer.channels_last else 1
    if weighting == "pooled":
        places = [axis for axis in range(1, activation.dim()) if axis != channel]
        slope = slope.mean(dim=places, keepdim=True)
    return (activation * slope).sum(dim=channel)


def _check_fusion(subject: Subject, activation: ClassActivation) -> None:
    """Refuse a layer that only some modalities reach: its map would be shown for all of them.

    Raises:
        NoLayerError: modalities are fused behind the layer.
    """
    if len(subject.modalities) == 1:
        return
    parts: Sequence[tuple[Subject, View]] = subject.parts or [(subject, "identity")]
    for (part, _view), one in zip(parts, activation.sub_models, strict=True):
        missing = unseen(part, one.layer)
        if missing:
            seen = len(subject.modalities) - len(missing)
            raise NoLayerError(
                f"fuses modalities behind its maps: {one.layer} sees {seen} of {len(subject.modalities)}, so "
                "that no layer has a map of all of them"
            )


class _Activation(Explainer):
    """A method that begins with Grad-CAM."""

    def __init__(self, subject: Subject, layer: str, weighting: Weighting) -> None:
        self.subject = subject
        self.reason = inspect(subject).problem
        self.activation: ClassActivation | None = None
        if self.reason:
            return
        try:
            self.activation = ClassActivation(subject, layer, weighting)
            _check_fusion(subject, self.activation)
            probe = probes(subject)[0], probe_target(subject), probe_table(subject)
            self.activation.signed(*probe)
        except NoLayerError as error:
            self.reason = str(error)

    def fitness(self) -> Fitness:
        """Whether the method can be asked of this subject."""
        if self.activation is None or self.reason:
            return Fitness(self.reason)
        return Fitness(notes=[self.activation.note()])

    def _maps(self, batch: Batch, rows: int) -> torch.Tensor:
        if self.activation is None or self.reason:
            raise AuditError(f"Grad-CAM: '{self.subject.name}' {self.reason}")
        return self.activation.maps(batch, rows)


class GradCAMExplainer(_Activation):
    """ReLU(sum_k w_k A_k) at the layer's own resolution (Selvaraju et al., arXiv:1610.02391, equation 2).

    ``pooled``: w_k is the mean over places of df/dA_k (equation 1). ``elementwise``: each place has its own,
    ReLU(sum_k A_k df/dA_k), equation 2 of the supplement of DeGrave et al., doi:10.1038/s41551-023-01160-9,
    which is HiResCAM (arXiv:2011.08891). f is the subject's answer, of all networks and views together,
    and k runs over the channels of all of them, views undone, as in that supplement; the coarser of two
    layers is enlarged by nearest neighbours. All modalities share one map.

    Deviates: that supplement prints min for the maximum with 0, and takes f to be the probability.
    """

    def __init__(self, subject: Subject, method: GradCAM, background: torch.Tensor | None) -> None:
        del background
        super().__init__(subject, method.layer, method.gradients)
        self.cell = 1 if self.activation is None else self.activation.cell

    def explain(self, batch: Batch, rows: int) -> Explained:
        """Heatmaps of a batch, in passes of at most so many rows."""
        found = self._maps(batch, rows).cpu()[:, None]
        shape = (len(batch), len(self.subject.modalities), *found.shape[2:])
        return Explained(
            found.expand(shape).contiguous(),
            evaluations=torch.ones(len(batch), dtype=torch.int64),
        )


class GuidedGradCAMExplainer(_Activation):
    """Guided Backpropagation times Grad-CAM (Selvaraju et al., arXiv:1610.02391, section 3.2).

    Deviates: Grad-CAM is enlarged by nearest neighbours (as in captum), not bilinearly.
    """

    def __init__(
        self, subject: Subject, method: GuidedGradCAM, background: torch.Tensor | None
    ) -> None:
        del background
        super().__init__(subject, method.layer, "pooled")

    def fitness(self) -> Fitness:
        """Whether the method can be asked of this subject."""
        own = super().fitness()
        if own.reason:
            return own
        rule = relu_fitness(self.subject, "Guided Grad-CAM")
        return Fitness(rule.reason, [*own.notes, *rule.notes])

    def explain(self, batch: Batch, rows: int) -> Explained:
        """Heatmaps of a batch, in passes of at most so many rows."""
        coarse = self._maps(batch, rows)[:, None]
        place = functional.interpolate(coarse, self.subject.space, mode="nearest-exact")

        def work(start: int, stop: int) -> torch.Tensor:
            cut = slice(start, stop)
            found = ruled_gradient(
                self.subject,
                batch.inputs[cut],
                batch.target[cut],
                rows_of(batch.table, cut),
                guided,
            )
            return (summed(found, self.subject) * place[cut]).cpu()

        maps = [found for *_, found in Passes(rows).over(len(batch), work)]
        counts = torch.full((len(batch),), 2, dtype=torch.int64)
        return Explained(torch.cat(maps), evaluations=counts)
