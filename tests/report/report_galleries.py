"""Galleries for the tests, and a run that has one."""

from io import BytesIO
from pathlib import Path

import numpy as np
import report_samples
from PIL import Image

from auditkit.findings import Gallery, GalleryItem
from auditkit.plugin.pictures import gallery_result
from auditkit.results import Results

SCORES = ("IoU", "explanation_coverage")
FACETS = ("label", "prediction", "decision", "case", "skin_tone")
OUTLINE = "M250 250L750 250L750 700L500 800L250 700Z"
COUNT = 64


def png(pixels: np.ndarray) -> bytes:
    """Pixels as PNG."""
    buffer = BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def square(seed: int, side: int) -> bytes:
    """A blot on skin, as noisy as a photograph."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    edge = 0.45 + 0.1 * np.sin(3 * np.arctan2(y, x) + rng.uniform(0, 6))
    blot = (np.hypot(x, y) < edge)[..., None]
    pixels = np.where(blot, [110.0, 66, 50], [224.0, 180, 160]) + rng.normal(0, 6, (side, side, 3))
    return png(np.clip(pixels, 0, 255))


def heat(seed: int, side: int) -> bytes:
    """A heatmap whose every cell differs from its neighbours: the hardest to compress."""
    return png(np.random.default_rng(seed).integers(0, 256, (side, side, 4)))


def item(i: int, side: int = 16, cells: int = 4) -> GalleryItem:
    """One image; equal scores, lost scores and an image without a heatmap are among them."""
    rng = np.random.default_rng(i)
    label, right = ("benign", "melanoma")[rng.integers(2)], bool(rng.random() < 0.7)
    other = {"benign": "melanoma", "melanoma": "benign"}[label]
    lost = i % 16 == 5
    return GalleryItem(
        image_id=f"ISIC_{rng.integers(1000):04}-{i}",
        picture=square(i, side),
        heatmap=b"" if lost else heat(i, cells),
        outline=OUTLINE,
        scores={
            "IoU": None if lost else round(float(rng.random()), 1),
            "explanation_coverage": None if lost else float(rng.normal()),
        },
        facets={
            "label": label,
            "prediction": label if right else other,
            "decision": "right" if right else "wrong",
            "case": ("confuser", "context dependent", "undecided")[rng.integers(3)],
            "skin_tone": ("light", "medium", "dark")[rng.integers(3)],
        },
        note="The heatmap is constant." if lost else "",
    )


def gallery(items: list[GalleryItem], **changes: object) -> Gallery:
    """A gallery of these items."""
    fields = {
        "name": "images",
        "title": "Every image by how well heatmap and lesion agree",
        "scores": SCORES,
        "facets": FACETS,
        "caption": "Line: the annotation.",
    }
    return Gallery(items=items, **(fields | changes))


def run_with(found: list[Gallery], folder: Path) -> Results:
    """A small run whose only audit has these galleries; their pictures are in the folder."""
    results = report_samples.passing()
    kept = [gallery_result(each, folder) for each in found]
    audit = results.audits[0].model_copy(update={"galleries": kept, "figures": [], "tables": []})
    return results.model_copy(update={"audits": [audit]})
