"""Every heatmap method on a GPU against the CPU: equal maps, bounded memory, throughput printed.

Run on a machine with CUDA: pytest -m gpu -s
"""

import time

import pytest
import torch
from torch import nn

from auditkit.evidence.heatmaps import Batch, Subject, explainer, subject_of_module
from auditkit.spec.methods import METHODS, parse_method

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]

DEVICE = "cuda"
SIDE, IMAGES, ROWS = 64, 6, 8
# Largest difference from the CPU in float32, as a share of the largest value: other summation orders,
# multiplied by up to the depth of the network. bfloat16 has 8 bits of mantissa, of answers that some methods
# subtract.
TOLERANCE = {"float32": 2e-3, "bfloat16": 0.25}
# A forward and backward pass of one row of the network below keeps about 8 MB; see the test of the bound.
PARAMETERS = {
    "occlusion": {"window": 0.25, "stride": 0.125},
    "shapley-sampling": {"superpixels": 4, "samples": 300},
    "kernel-shap": {"superpixels": 4, "samples": 300},
    "lime": {"superpixels": 4, "samples": 300},
    "feature-ablation": {"superpixels": 4},
    "feature-permutation": {"superpixels": 4},
    "sufficient-subsets": {"superpixels": 3, "baseline": "black", "threshold": 0.7},
    "smoothgrad": {"samples": 12},
    "gradient-shap": {"samples": 12, "background": 4},
    "expected-gradients": {"samples": 12, "background": 4},
}


@pytest.fixture(autouse=True)
def _full_float32(monkeypatch):
    """As in an audit: TF32, the default of convolutions, has 10 bits of mantissa."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


def _network(device):
    """Without biases and with large weights, so that answers are mostly about the picture."""
    torch.manual_seed(0)
    layers = []
    for before, after in ((3, 16), (16, 32), (32, 32)):
        layers += [nn.Conv2d(before, after, 3, 2, 1, bias=False), nn.ReLU()]
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 3, bias=False)]
    network = nn.Sequential(*layers).eval().requires_grad_(False)
    for weights in network.parameters():
        weights.mul_(3)
    return network.to(device)


def _subject(device, precision) -> Subject:
    network = _network(device)
    if precision == "float32":
        return subject_of_module(network, (3, SIDE, SIDE), [(0, 1, 2)])

    class Cast(nn.Module):
        def __init__(self):
            super().__init__()
            self.network = network

        def forward(self, x):
            with torch.autocast(device, torch.bfloat16):
                return self.network(x)

    return subject_of_module(Cast(), (3, SIDE, SIDE), [(0, 1, 2)])


def _given():
    generator = torch.Generator().manual_seed(3)
    coarse = torch.rand(IMAGES + 16, 3, 8, 8, generator=generator)
    images = nn.functional.interpolate(coarse, size=SIDE, mode="bilinear")
    return images[:IMAGES], images[IMAGES:], torch.arange(IMAGES) % 3


def _explained(name, device, precision, rows=ROWS):
    method = parse_method({"method": name, **PARAMETERS.get(name, {})})
    inputs, background, target = _given()
    others = background[: method.background_images].to(device) if method.background_images else None
    explain = explainer(method, _subject(device, precision), others)
    assert not explain.fitness().reason
    batch = Batch(inputs.to(device), target.to(device), list(range(IMAGES)))
    return explain.explain(batch, rows).maps


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", METHODS)
def test_maps_on_the_gpu_are_those_of_the_cpu(name, precision):
    expected = _explained(name, "cpu", "float32")
    started = time.perf_counter()
    found = _explained(name, DEVICE, precision)
    seconds = time.perf_counter() - started
    print(f"{name} {precision}: {IMAGES / seconds:.1f} heatmaps/s, first run included")  # noqa: T201 asked for
    assert found.device.type == "cpu"
    assert torch.isfinite(found).all()
    assert expected.any()
    difference = (found - expected).abs()
    limit = TOLERANCE[precision] * expected.abs().max()
    if name == "sufficient-subsets" or precision == "bfloat16":
        # Rounding decides near ties and at kinks: a few values may differ by more.
        assert (difference > limit).float().mean() < 0.1
    else:
        assert difference.max() <= limit


@pytest.mark.parametrize("name", METHODS)
def test_memory_on_the_gpu_is_bounded_by_the_rows(name):
    if DEVICE != "cuda":
        pytest.skip("CUDA counts its memory")
    peaks = []
    for rows in (2, 16):
        _explained(name, DEVICE, "float32", rows)
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        _explained(name, DEVICE, "float32", rows)
        torch.cuda.synchronize()
        peaks.append(torch.cuda.max_memory_allocated() - before)
    print(f"{name}: {peaks[0] / 2**20:.1f} MiB at 2 rows, {peaks[1] / 2**20:.1f} MiB at 16")  # noqa: T201 asked for
    # One row of this network, forward and backward, with the masked input beside it: under 2 MiB; the
    # images, maps and baselines of the batch: under 32 MiB; cuDNN's workspace: under 64 MiB.
    assert peaks[0] < (2 * 2 + 96) * 2**20
    assert peaks[1] < (16 * 2 + 96) * 2**20
