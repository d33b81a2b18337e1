"""Sample sheets: held-out images and what becomes of them in every bin."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from auditkit.models.counterfactuals.contract import CounterfactualGenerator
from auditkit.training.counterfactual.images import Pictures, as_input, as_pictures

_GAP = 2


@torch.no_grad()
def draw_sheet(
    file: Path,
    generator: CounterfactualGenerator,
    pictures: Pictures,
    scores: torch.Tensor,
    device: torch.device,
) -> None:
    """Write a PNG with a row per picture: itself, then its counterfactual for each bin from the first.

    Args:
        file: where to.
        generator: as it is used, averaged.
        pictures: uint8 (N, S, S, 3).
        scores: (N,) what the audited model answers to them.
        device: where images go.
    """
    if not len(pictures):
        return
    images = as_input(pictures).to(device)
    columns = [np.asarray(pictures)]
    for target in range(generator.bins):
        targets = torch.full((len(images),), target, device=device)
        columns.append(as_pictures(generator.generate(images, targets, scores.to(device))))
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(_laid_out(np.stack(columns, axis=1))).save(file)


def _laid_out(pictures: Pictures) -> Pictures:
    """Pictures (rows, columns, S, S, 3) as one, with white between them."""
    around = [(0, 0), (0, 0), (0, _GAP), (0, _GAP), (0, 0)]
    framed = np.pad(pictures, around, constant_values=255)
    return np.concatenate(np.concatenate(list(framed), axis=1), axis=1)
