r"""Pictures of counterfactuals for the documentation: of images of `dermoscopy`, per model.

From the repository's root::

    python benchmarks/counterfactual_pictures.py --out docs/counterfactuals.jpg
    python benchmarks/counterfactual_pictures.py --family guided-diffusion --trained-on dermoscopy-captions \
        --models scanoma scanoma-next --out docs/counterfactuals-guided.jpg
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import auditkit
from auditkit.api import _evidence
from auditkit.evidence.counterfactuals.answers import counterfactuals
from auditkit.evidence.counterfactuals.cards import card_of
from auditkit.evidence.counterfactuals.pictures import pairs
from auditkit.spec.beside import beside
from auditkit.spec.catalogue import catalogue
from auditkit.spec.declarations.counterfactuals import HasCounterfactuals

MODELS = ("scanoma", "scanoma-next", "deepderm", "sscd", "modelderm-2018", "siim-isic")
LABEL, GAP = 20, 3


def cells(name: str, asked: HasCounterfactuals) -> np.ndarray:
    """Pictures (3, n, S, S, 3): images, benign and malignant counterfactuals, with their scores drawn in."""
    model, data = auditkit.load_model(name), auditkit.load_data("dermoscopy")
    named = beside(asked, data.card, catalogue([Path("fixtures")]))
    evidence = _evidence(model, data, asked.images, None, None, named)
    card = card_of(evidence, asked.wanted)
    found, ends = counterfactuals(evidence, card), pairs(evidence, card)
    own = np.stack([evidence.picture(index) for index in range(evidence.n)])
    scores = (found.own, found.score[:, 0], found.score[:, -1])
    shown = (own, ends[:, 0], ends[:, 1])
    return np.stack([_scored(part, score) for part, score in zip(shown, scores, strict=True)])


def _scored(pictures: np.ndarray, scores: np.ndarray) -> np.ndarray:
    made = []
    for picture, score in zip(pictures, scores, strict=True):
        image = Image.fromarray(picture)
        draw = ImageDraw.Draw(image)
        draw.rectangle((0, picture.shape[0] - 13, 27, picture.shape[0]), fill="white")
        draw.text((2, picture.shape[0] - 12), f"{score:.2f}", fill="black")
        made.append(np.asarray(image))
    return np.stack(made)


def sheet(rows: dict[str, np.ndarray]) -> Image.Image:
    """Per model three rows: benign counterfactual, image, malignant counterfactual."""
    side, count = next(iter(rows.values())).shape[2], next(iter(rows.values())).shape[1]
    height = len(rows) * (LABEL + 3 * (side + GAP))
    whole = Image.new("RGB", (count * (side + GAP), height), "white")
    draw, top = ImageDraw.Draw(whole), 0
    for name, parts in rows.items():
        draw.text((4, top + 4), f"{name}: more benign, the image, more malignant", fill="black")
        for place, part in enumerate((parts[1], parts[0], parts[2])):
            for column, picture in enumerate(part):
                at = (column * (side + GAP), top + LABEL + place * (side + GAP))
                whole.paste(Image.fromarray(picture), at)
        top += LABEL + 3 * (side + GAP)
    return whole


def main() -> None:
    """Draw the sheet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    parser.add_argument("--trained-on", default="dermoscopy-training")
    parser.add_argument("--family", default="progressive-exaggeration")
    parser.add_argument("--images", type=int, default=9)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    asked = HasCounterfactuals(
        trained_on=given.trained_on, family=given.family, images=given.images
    )
    sheet({name: cells(name, asked) for name in given.models}).save(given.out, quality=88)


if __name__ == "__main__":
    main()
