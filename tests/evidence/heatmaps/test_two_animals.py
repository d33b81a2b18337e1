"""EfficientNet-Lite0 on a photograph of a dog and a horse: heatmaps of a class show its animal.

Shares of the positive evidence inside the boxes, as measured (dog's box 0.05 of the picture, horse's 0.22):

                               malamute: dog, horse    sorrel: dog, horse
    Grad-CAM (both weightings)      .38   .00                 .00   .33
    occlusion                       .38   .11                 .00   .54
    LIME                            .27   .07                 .01   .41
    Kernel SHAP                     .39   .05                 .01   .39
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from auditkit.evidence.heatmaps.explainer import Batch
from auditkit.evidence.heatmaps.registry import explainer
from auditkit.evidence.heatmaps.subject import subject_of
from auditkit.models import load_model
from auditkit.spec.catalogue import read_model_card
from auditkit.spec.methods import parse_method

pytest.importorskip("timm")
FIXTURES = Path(__file__).parents[3] / "fixtures"
CLASSES = {"malamute": 249, "sorrel": 339}
# Drawn by looking, x0, y0, x1, y1 in pixels of the photograph.
BOXES = {"malamute": (9, 156, 131, 228), "sorrel": (300, 48, 471, 228)}
OTHER = {"malamute": "sorrel", "sorrel": "malamute"}
METHODS = {
    "gradcam": {"method": "gradcam"},
    "gradcam-elementwise": {"method": "gradcam", "gradients": "elementwise"},
    "occlusion": {"method": "occlusion", "window": 0.25, "stride": 0.25, "baseline": "blur"},
    "lime": {"method": "lime", "superpixels": 4, "samples": 66, "baseline": "blur"},
}
SLOW = {
    "kernel-shap": {"method": "kernel-shap", "superpixels": 4, "samples": 66, "baseline": "blur"},
}


@pytest.fixture(scope="module")
def model():
    card = read_model_card(FIXTURES / "models" / "efficientnet-lite0.model.yaml")
    # A centred square would cut both animals.
    whole = card.input.model_copy(update={"crop": "none"})
    return load_model(card.model_copy(update={"input": whole}))


@pytest.fixture(scope="module")
def photograph():
    return np.asarray(Image.open(FIXTURES / "two_animals" / "dog_and_horse.jpg"))


def shares(maps, photograph):
    """Per class explained and box, the share of the positive evidence inside the box."""
    height, width = photograph.shape[:2]
    found = {}
    for heat, explained in zip(maps, CLASSES, strict=True):
        full = functional.interpolate(heat[None], size=(height, width), mode="nearest-exact")
        full = full[0, 0].clamp(min=0)
        for shown, (x0, y0, x1, y1) in BOXES.items():
            found[explained, shown] = float(full[y0:y1, x0:x1].sum() / full.sum())
    return found


@pytest.mark.parametrize(
    "name", [*METHODS, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)]
)
def test_the_heatmap_of_a_class_lies_on_its_animal(name, model, photograph):
    inputs = model.prepare([photograph, photograph])
    batch = Batch(inputs, torch.tensor(list(CLASSES.values())), [0, 1])
    method = explainer(parse_method((METHODS | SLOW)[name]), subject_of(model))
    found = shares(method.explain(batch, 64).maps, photograph)
    for explained, other in OTHER.items():
        assert found[explained, explained] > 0.1
        assert found[explained, explained] > 2 * found[explained, other]
        assert found[explained, explained] > 2 * found[other, explained]


def test_boxes_lie_in_the_photograph_apart_from_each_other(photograph):
    height, width = photograph.shape[:2]
    for x0, y0, x1, y1 in BOXES.values():
        assert 0 <= x0 < x1 <= width
        assert 0 <= y0 < y1 <= height
    assert BOXES["malamute"][2] < BOXES["sorrel"][0]


def test_the_photograph_is_in_no_data_card():
    table = (FIXTURES / "photos" / "photos.csv").read_text(encoding="utf-8")
    assert "dog_and_horse" not in table
