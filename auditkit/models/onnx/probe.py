"""Trying a network on noise: rows of a batch must not influence each other."""

import numpy as np
import torch
from torch import Tensor

from auditkit.models.onnx.module import ONNXModule

_SEED = 20230515
_TOLERANCE = 1e-3


def check_rows(module: ONNXModule) -> None:
    """Hold the answers of a batch against those of single images.

    Raises:
        AuditError: if an image's answer changes with its neighbours, or with its place.
    """
    noise = _noise(module, 3)
    both, swapped, alone, turned = (
        _answer(module, noise, places) for places in ([0, 1], [0, 2], [0], [1, 0])
    )
    # Equal batch sizes take equal routes through PyTorch, so that only a leak makes a difference.
    leaks = not torch.allclose(both[0], swapped[0], rtol=1e-5, atol=1e-6, equal_nan=True)
    moves = not _close(module, both.flip(0), turned)
    if leaks or moves or not _close(module, both[:1], alone):
        module.fail(
            "gives an image another answer when it is in a batch: its shapes or sums mix images. "
            "Export it with a dynamic first axis",
        )


def _close(module: ONNXModule, left: Tensor, right: Tensor) -> bool:
    # Another batch size may round otherwise, and in a quantised network by whole codes.
    allowed = _TOLERANCE * (1 + right.abs()) + 4 * module.output_step
    near = (left - right).abs() <= allowed
    return bool((near | (left.isfinite() != right.isfinite()) | left.isnan() | right.isnan()).all())


def _answer(module: ONNXModule, noise: tuple[Tensor, Tensor | None], places: list[int]) -> Tensor:
    images, table = noise
    answer: Tensor = module(images[places], None if table is None else table[places])
    return answer


def _noise(module: ONNXModule, count: int) -> tuple[Tensor, Tensor | None]:
    generator = np.random.default_rng(_SEED)
    height, width, channels = module.input_shape
    pixels = generator.random((count, channels, height, width), np.float32)
    images = torch.from_numpy(pixels * (255 if module.quantised_input else 1))
    if not module.features:
        return images, None
    return images, torch.from_numpy(generator.random((count, module.features), np.float32))
