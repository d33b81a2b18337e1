"""The memory of a heatmap is bounded by the rows of a pass, whatever the images, samples and superpixels.

The bound that docs/methods.md states: one pass of the network, forward and where the method needs it
backward, and five copies of the pass's rows, seven of the batch's images and of the background, and a
mebibyte for designs and maps.
"""

import pytest
import torch
from torch import nn

from auditkit.evidence.heatmaps import Batch, explainer, subject_of_module
from auditkit.evidence.peak_memory import peak_memory
from auditkit.spec.methods import METHODS, parse_method

SIDE, IMAGES = 24, 2
CPU = torch.device("cpu")
PARAMETERS = {
    "occlusion": {"window": 0.25, "stride": 0.125},
    "shapley-sampling": {"superpixels": 4, "samples": 200},
    "kernel-shap": {"superpixels": 4, "samples": 200},
    "lime": {"superpixels": 4, "samples": 200},
    "feature-ablation": {"superpixels": 12},
    "feature-permutation": {"superpixels": 8, "donors": 8},
    "sufficient-subsets": {"superpixels": 4},
    "integrated-gradients": {"steps": 40},
    "smoothgrad": {"samples": 40},
    "gradient-shap": {"samples": 40, "background": 8},
    "expected-gradients": {"samples": 40, "background": 8},
}


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 24, 3, 1, 1), nn.ReLU(), nn.Conv2d(24, 24, 3, 1, 1), nn.ReLU()]
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, 2)]
    return nn.Sequential(*layers).eval().requires_grad_(False)


def _pass(network, rows, *, backward):
    """Peak of one pass of the network."""
    inputs = torch.rand(rows, 3, SIDE, SIDE)
    with peak_memory(CPU) as peak, torch.set_grad_enabled(backward):
        leaf = inputs.clone().requires_grad_(backward)
        answer = network(leaf)[:, 0].sum()
        if backward:
            torch.autograd.grad(answer, leaf)
    return peak.bytes


@pytest.mark.parametrize("rows", [4])
@pytest.mark.parametrize("name", METHODS)
def test_peak_memory_stays_under_the_stated_bound(network, name, rows):
    method = parse_method({"method": name, **PARAMETERS.get(name, {})})
    images = torch.rand(IMAGES + 8, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    background = images[IMAGES : IMAGES + method.background_images]
    subject = subject_of_module(network, (3, SIDE, SIDE), [(0, 1, 2)])
    explain = explainer(method, subject, background if method.background_images else None)
    batch = Batch(images[:IMAGES], torch.tensor([0, 1]), [1, 2])
    explain.explain(batch, rows)  # designs are made once and kept
    with peak_memory(CPU) as peak:
        explain.explain(batch, rows)
    image = 3 * SIDE * SIDE * 4
    one_pass = _pass(network, rows, backward=method.needs_gradients)
    several = 5 * rows * image + 7 * (IMAGES + method.background_images) * image
    assert peak.bytes <= one_pass + several + 2**20, f"{peak.bytes / 2**20:.2f} MiB"
