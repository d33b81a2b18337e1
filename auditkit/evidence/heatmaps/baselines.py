"""What stands for 'nothing there': black, the image's mean, the image blurred, or images of the data set."""

import torch

from auditkit.errors import AuditError


def baselines(
    inputs: torch.Tensor, kind: str, background: torch.Tensor | None = None
) -> torch.Tensor:
    """All that stands for 'nothing there' in each input.

    Args:
        inputs: float (N, C, *space).
        kind: ``black``, ``mean`` or ``blur``, see `baseline`: one per input; or ``data``: the background.
        background: float (B, C, *space), images of the data set; only for ``data``.

    Returns:
        Of the inputs' type and device: (N, 1, C, *space), or (1, B, C, *space) where inputs share them.

    Raises:
        AuditError: the kind is unknown, or it is ``data`` and there is no background.
    """
    if kind != "data":
        one = torch.zeros_like(inputs[:1]) if kind == "black" else baseline(inputs, kind)
        return one[:, None]
    if background is None or len(background) == 0:
        raise AuditError("images of the data set were expected as background, there are none")
    return background.to(inputs)[None]


def baseline(inputs: torch.Tensor, kind: str) -> torch.Tensor:
    """A baseline per input.

    Args:
        inputs: float (N, C, *space).
        kind: ``black`` zeros; ``mean`` each channel's own mean over space; ``blur`` a Gaussian blur with a
            standard deviation of an eighth of the side, which leaves colours and removes structure.

    Returns:
        A tensor of the shape of ``inputs``.

    Raises:
        AuditError: the kind is unknown, or is ``data``, which is not one per input.
    """
    if kind == "black":
        return torch.zeros_like(inputs)
    if kind == "mean":
        space = tuple(range(2, inputs.dim()))
        return inputs.mean(dim=space, keepdim=True).expand_as(inputs)
    if kind == "blur":
        return _blurred(inputs)
    raise AuditError(f"unknown baseline '{kind}'; black, mean or blur was expected")


def _blurred(inputs: torch.Tensor) -> torch.Tensor:
    """Separable: one matrix per axis, so that any number of axes is blurred alike."""
    for axis in range(2, inputs.dim()):
        blur = _blur_matrix(inputs.shape[axis]).to(inputs)
        inputs = (inputs.movedim(axis, -1) @ blur.T).movedim(-1, axis)
    return inputs.contiguous()


def _blur_matrix(size: int) -> torch.Tensor:
    """float64 (size, size): Gaussian weights; the border is replicated, so that edges do not darken.

    The standard deviation is ``size`` / 8, cut at three of them.
    """
    sigma = size / 8
    radius = int(3 * sigma)
    steps = torch.arange(-radius, radius + 1)
    weights = torch.exp(-0.5 * (steps.double() / sigma) ** 2)
    source = (torch.arange(size)[:, None] + steps).clamp(0, size - 1)
    matrix = torch.zeros(size, size, dtype=torch.float64)
    return matrix.scatter_add(1, source, (weights / weights.sum()).expand(size, -1))
