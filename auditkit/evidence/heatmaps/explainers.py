"""One explainer per method: inputs and targets in, heatmaps at the method's own granularity out."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from auditkit.errors import AuditError
from auditkit.evidence.heatmaps.baselines import baseline
from auditkit.models.views import see, undo
from auditkit.spec.methods import GradCAM, Gradient, IntegratedGradients, Method, Occlusion

if TYPE_CHECKING:
    from auditkit.evidence.batches import Batcher
    from auditkit.models.model import Model


Table = torch.Tensor | None


class Explainer(ABC):
    """A heatmap method bound to a model.

    Attributes:
        cell: side in input pixels of one value of the map.
    """

    cell: int = 1

    def __init__(self, model: "Model") -> None:
        self.model = model

    def maps(
        self,
        inputs: torch.Tensor,
        target: torch.Tensor,
        batcher: "Batcher",
        table: Table = None,
    ) -> torch.Tensor:
        """Heatmaps (N, h, w) of the log-odds of decisions ``target``, on the CPU."""
        indices = torch.arange(len(inputs), device=inputs.device)

        def explain(batch: torch.Tensor) -> torch.Tensor:
            rows = None if table is None else table[batch]
            return self.explain(inputs[batch].clone(), target[batch], rows)

        return batcher.map(explain, indices)

    @abstractmethod
    def explain(self, inputs: torch.Tensor, target: torch.Tensor, table: Table) -> torch.Tensor:
        """Heatmaps (N, h, w) of one batch."""


def _arguments(target: torch.Tensor, table: Table) -> tuple[torch.Tensor, ...]:
    return (target,) if table is None else (target, table)


class _Gradient(Explainer):
    """Signed gradient, summed over colour channels."""

    def explain(self, inputs: torch.Tensor, target: torch.Tensor, table: Table) -> torch.Tensor:
        from captum.attr import Saliency

        method = Saliency(self.model.log_odds)
        found: torch.Tensor = method.attribute(
            inputs.requires_grad_(),
            abs=False,
            additional_forward_args=_arguments(target, table),
        )
        return found.sum(dim=1)


class _IntegratedGradients(Explainer):
    """Integrated Gradients, summed over colour channels."""

    def __init__(self, model: "Model", method: IntegratedGradients) -> None:
        super().__init__(model)
        self.method = method

    def explain(self, inputs: torch.Tensor, target: torch.Tensor, table: Table) -> torch.Tensor:
        from captum.attr import IntegratedGradients as Captum

        found: torch.Tensor = Captum(self.model.log_odds).attribute(
            inputs,
            baselines=baseline(inputs, self.method.baseline),
            n_steps=self.method.steps,
            method="gausslegendre",
            internal_batch_size=len(inputs),
            additional_forward_args=_arguments(target, table),
        )
        return found.sum(dim=1)


class _GradCAM(Explainer):
    """Grad-CAM with its ReLU (equation 2 of the paper), at the layer's own resolution.

    Of an ensemble or of test-time views, each network's map of each view is turned back and the maps
    are summed (DeGrave et al., doi:10.1038/s41551-023-01160-9, supplement), at the finest resolution.
    """

    def __init__(self, model: "Model", method: GradCAM) -> None:
        super().__init__(model)
        self.parts = [
            (part, view, *spatial_layer(part, method.layer)) for part, view in model.parts()
        ]
        self.side = max(side for *_, side in self.parts)
        self.cell = -(-model.card.input.size // self.side)

    def explain(self, inputs: torch.Tensor, target: torch.Tensor, table: Table) -> torch.Tensor:
        total: torch.Tensor | None = None
        for part, view, layer, _ in self.parts:
            seen = see(inputs.detach(), view)
            found = undo(class_activation(part, layer, seen, target, table), view)
            if found.shape[-1] != self.side:
                found = functional.interpolate(
                    found[:, None], size=(self.side, self.side), mode="nearest-exact"
                )[:, 0]
            total = found if total is None else total + found
        assert total is not None
        return total


def class_activation(
    model: "Model", layer: nn.Module, inputs: torch.Tensor, target: torch.Tensor, table: Table
) -> torch.Tensor:
    """Grad-CAM of one network: ReLU(sum_k alpha_k A^k), alpha_k the mean gradient of channel k.

    Selvaraju et al., arXiv:1610.02391, equations 1 and 2, of the log-odds of decisions ``target``.
    """
    kept: list[torch.Tensor] = []

    def keep(_module: nn.Module, _inputs: object, output: torch.Tensor) -> torch.Tensor:
        kept.append(output)
        # A later operation in place would otherwise overwrite what was kept.
        return output.clone()

    handle = layer.register_forward_hook(keep)
    try:
        with torch.enable_grad():
            answer = model.log_odds(inputs.requires_grad_(), target, table)
            (gradient,) = torch.autograd.grad(answer.sum(), kept[-1], allow_unused=True)
    finally:
        handle.remove()
    if gradient is None:
        raise AuditError(
            f"Grad-CAM: the answer of '{model.card.model}' does not depend on the layer it was to be drawn "
            "for; name another one (layer: NAME)"
        )
    activation = kept[-1].detach()
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    return functional.relu((weights * activation).sum(dim=1))


class _Occlusion(Explainer):
    """Drop of the log-odds when a window is covered, averaged per stride cell."""

    def __init__(self, model: "Model", method: Occlusion) -> None:
        super().__init__(model)
        size = model.card.input.size
        self.method = method
        self.window = max(1, round(method.window * size))
        self.cell = max(1, round(method.stride * size))

    def explain(self, inputs: torch.Tensor, target: torch.Tensor, table: Table) -> torch.Tensor:
        from captum.attr import Occlusion as Captum

        with torch.no_grad():
            found: torch.Tensor = Captum(self.model.log_odds).attribute(
                inputs,
                sliding_window_shapes=(inputs.shape[1], self.window, self.window),
                strides=(inputs.shape[1], self.cell, self.cell),
                baselines=baseline(inputs, self.method.baseline),
                additional_forward_args=_arguments(target, table),
            )
        return _per_cell(found.mean(dim=1), self.cell)


def _per_cell(maps: torch.Tensor, cell: int) -> torch.Tensor:
    """Mean per cell; cells at the border may be smaller."""
    return functional.avg_pool2d(maps[:, None], cell, ceil_mode=True, count_include_pad=False)[:, 0]


def spatial_layer(model: "Model", name: str) -> tuple[nn.Module, int]:
    """The layer for Grad-CAM and the side of its map: by name, or the last before global pooling.

    Raises:
        AuditError: there is no such layer, or no layer with a spatial map.
    """
    sides: dict[str, int] = {}
    modules = dict(model.network.named_modules())
    handles = [
        module.register_forward_hook(_note_side(sides, key))
        for key, module in modules.items()
        if not list(module.children())
    ]
    size, width = model.card.input.size, sum(feature.width for feature in model.card.table)
    table = torch.zeros(1, width, device=model.device) if width else None
    try:
        with torch.no_grad():
            model.raw(torch.full((1, 3, size, size), 0.5, device=model.device), table)
    finally:
        for handle in handles:
            handle.remove()
    if name == "auto":
        if not sides:
            raise AuditError(
                f"Grad-CAM: model '{model.card.model}' has no layer with a spatial map"
            )
        name = list(sides)[-1]
    if name not in sides:
        some = ", ".join(list(sides)[-5:])
        raise AuditError(
            f"Grad-CAM: no spatial layer '{name}' in '{model.card.model}'; last: {some}"
        )
    return modules[name], sides[name]


def _note_side(sides: dict[str, int], key: str):  # type: ignore[no-untyped-def]  # noqa: ANN202 a hook
    def hook(_module: nn.Module, _inputs: object, output: object) -> None:
        if isinstance(output, torch.Tensor) and output.dim() == 4 and min(output.shape[2:]) > 1:
            sides.pop(key, None)
            sides[key] = int(output.shape[-1])

    return hook


def explainer(method: Method, model: "Model") -> Explainer:
    """The explainer of a method for a model."""
    if isinstance(method, Gradient):
        return _Gradient(model)
    if isinstance(method, IntegratedGradients):
        return _IntegratedGradients(model, method)
    if isinstance(method, GradCAM):
        return _GradCAM(model, method)
    if isinstance(method, Occlusion):
        return _Occlusion(model, method)
    raise AuditError(f"heatmap method '{method.method}' has no explainer")
