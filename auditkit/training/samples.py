"""Sample pictures during training: real beside generated, with a table of captions."""

import csv
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from auditkit.evidence.identity import seed_of
from auditkit.models.diffusion.parts import TextToImage
from auditkit.spec.training import ConceptTraining
from auditkit.training.captioned import Captioned

_PAIRS_PER_ROW = 4
_GAP = 4


def draw_samples(
    folder: Path, step: int, parts: TextToImage, recipe: ConceptTraining, data: Captioned
) -> None:
    """Write ``step-XXXXXX.png``: pairs of a real and a generated picture, in the data set's order.

    The noise of a picture is the same at every step, so that sheets can be compared.
    """
    from auditkit.models.diffusion.sampling import generate

    count = min(recipe.samples, len(data))
    if not count:
        return
    captions = list(data.captions[:count])
    seeds = [seed_of("sample", recipe.seed, index) for index in range(count)]
    with torch.no_grad():
        drawn, _ = generate(
            parts, captions, seeds, steps=recipe.sample_steps, guidance=float(recipe.guidance)
        )
    real = data.images.rows(np.arange(count))
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(_sheet(real, drawn.numpy())).save(folder / f"step-{step:06d}.png")
    _write_captions(folder / "samples.csv", data, captions, seeds)


def _sheet(real: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Pairs in rows, white between them; uint8 (height, width, 3)."""
    pairs = [np.concatenate(pair, axis=1) for pair in zip(real, drawn, strict=True)]
    framed = [np.pad(p, ((0, _GAP), (0, _GAP), (0, 0)), constant_values=255) for p in pairs]
    columns = min(_PAIRS_PER_ROW, len(framed))
    empty = np.full_like(framed[0], 255)
    framed += [empty] * (-len(framed) % columns)
    rows = [
        np.concatenate(framed[start : start + columns], axis=1)
        for start in range(0, len(framed), columns)
    ]
    return np.concatenate(rows, axis=0)


def _write_captions(path: Path, data: Captioned, captions: list[str], seeds: list[int]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["pair", "id", "caption", "seed"])
        for index, (text, seed) in enumerate(zip(captions, seeds, strict=True)):
            table.writerow([index, data.dataset.records[index].id, text, seed])
