"""One explainer per method: inputs and targets in, heatmaps at the method's own granularity out."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from auditkit.errors import AuditError
from auditkit.evidence.heatmaps.baselines import baseline
from auditkit.spec.methods import GradCAM, Gradient, IntegratedGradients, Method, Occlusion

if TYPE_CHECKING:
    from auditkit.evidence.batches import Batcher
    from auditkit.models.model import Model


class Explainer(ABC):
    """A heatmap method bound to a model.

    Attributes:
        cell: side in input pixels of one value of the map.
    """

    cell: int = 1

    def __init__(self, model: "Model") -> None:
        self.model = model

    def maps(self, inputs: torch.Tensor, target: torch.Tensor, batcher: "Batcher") -> torch.Tensor:
        """Heatmaps (N, h, w) of the log-odds of ``target``, on the CPU."""
        indices = torch.arange(len(inputs), device=inputs.device)

        def explain(batch: torch.Tensor) -> torch.Tensor:
            return self.explain(inputs[batch].clone(), target[batch])

        return batcher.map(explain, indices)

    @abstractmethod
    def explain(self, inputs: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Heatmaps (N, h, w) of one batch."""


class _Gradient(Explainer):
    """Signed gradient, summed over colour channels."""

    def explain(self, inputs: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        from captum.attr import Saliency

        method = Saliency(self.model.log_odds)
        found: torch.Tensor = method.attribute(
            inputs.requires_grad_(), abs=False, additional_forward_args=(target,)
        )
        return found.sum(dim=1)


class _IntegratedGradients(Explainer):
    """Integrated Gradients, summed over colour channels."""

    def __init__(self, model: "Model", method: IntegratedGradients) -> None:
        super().__init__(model)
        self.method = method

    def explain(self, inputs: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        from captum.attr import IntegratedGradients as Captum

        found: torch.Tensor = Captum(self.model.log_odds).attribute(
            inputs,
            baselines=baseline(inputs, self.method.baseline),
            n_steps=self.method.steps,
            method="gausslegendre",
            internal_batch_size=len(inputs),
            additional_forward_args=(target,),
        )
        return found.sum(dim=1)


class _GradCAM(Explainer):
    """Grad-CAM with its ReLU (equation 2 of the paper), at the layer's own resolution."""

    def __init__(self, model: "Model", method: GradCAM) -> None:
        super().__init__(model)
        self.layer, side = spatial_layer(model, method.layer)
        self.cell = -(-model.card.input.size // side)

    def explain(self, inputs: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        from captum.attr import LayerGradCam

        found: torch.Tensor = LayerGradCam(self.model.log_odds, self.layer).attribute(
            inputs.requires_grad_(),
            relu_attributions=True,
            additional_forward_args=(target,),
        )
        return found[:, 0]


class _Occlusion(Explainer):
    """Drop of the log-odds when a window is covered, averaged per stride cell."""

    def __init__(self, model: "Model", method: Occlusion) -> None:
        super().__init__(model)
        size = model.card.input.size
        self.method = method
        self.window = max(1, round(method.window * size))
        self.cell = max(1, round(method.stride * size))

    def explain(self, inputs: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        from captum.attr import Occlusion as Captum

        with torch.no_grad():
            found: torch.Tensor = Captum(self.model.log_odds).attribute(
                inputs,
                sliding_window_shapes=(inputs.shape[1], self.window, self.window),
                strides=(inputs.shape[1], self.cell, self.cell),
                baselines=baseline(inputs, self.method.baseline),
                additional_forward_args=(target,),
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
    size = model.card.input.size
    try:
        with torch.no_grad():
            model.raw(torch.full((1, 3, size, size), 0.5, device=model.device))
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
