"""What stands for 'nothing there': black, the image's mean colour, or the image blurred."""

import torch
from torch.nn import functional

from auditkit.errors import AuditError


def baseline(inputs: torch.Tensor, kind: str) -> torch.Tensor:
    """A baseline per image.

    Args:
        inputs: float (N, 3, S, S) in [0, 1].
        kind: ``black`` zeros; ``mean`` each image's mean colour; ``blur`` a Gaussian blur with a standard
            deviation of an eighth of the side, which leaves colours and removes structure.

    Returns:
        A tensor of the shape of ``inputs``.
    """
    if kind == "black":
        return torch.zeros_like(inputs)
    if kind == "mean":
        return inputs.mean(dim=(2, 3), keepdim=True).expand_as(inputs)
    if kind == "blur":
        return _blur(inputs, inputs.shape[-1] / 8)
    raise AuditError(f"unknown baseline '{kind}'; black, mean or blur was expected")


def _blur(inputs: torch.Tensor, sigma: float) -> torch.Tensor:
    """Separable Gaussian; the border is replicated, so that edges do not darken."""
    radius = int(3 * sigma)
    steps = torch.arange(-radius, radius + 1, device=inputs.device, dtype=inputs.dtype)
    kernel = torch.exp(-0.5 * (steps / sigma) ** 2)
    kernel = (kernel / kernel.sum()).repeat(3, 1)
    padded = functional.pad(inputs, (radius, radius, radius, radius), mode="replicate")
    across = functional.conv2d(padded, kernel[:, None, None, :], groups=3)
    return functional.conv2d(across, kernel[:, None, :, None], groups=3)
