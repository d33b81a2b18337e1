"""Heatmaps from Python: of pictures and of any tensors."""

import numpy as np
import pytest
import torch
from torch import nn

import auditkit


class Volume(nn.Module):
    """Two modalities of 8 x 8 x 8: the answer is twice the first one's corner minus the second's mean."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()), requires_grad=False)

    def forward(self, x):
        corner = x[:, 0, :4, :4, :4].mean((1, 2, 3))
        answer = self.scale * (2 * corner - x[:, 1].mean((1, 2, 3)))
        return torch.stack([-answer, answer], dim=1)


@pytest.fixture
def volumes():
    return torch.rand(3, 2, 8, 8, 8, generator=torch.Generator().manual_seed(5)) + 0.5


PERTURBING = [
    ("feature-ablation", {}),
    ("shapley-sampling", {"samples": 200}),
    ("kernel-shap", {"samples": 200}),
]


@pytest.mark.parametrize(("method", "parameters"), PERTURBING)
def test_each_modality_of_a_volume_has_its_own_map(volumes, method, parameters):
    superpixels = {"side": 2, "shared": False}
    found = auditkit.attribute(
        Volume(), volumes, 1, method, superpixels=superpixels, baseline="black", **parameters
    )
    assert found.maps.shape == (3, 2, 8, 8, 8)
    corner = volumes[:, 0, :4, :4, :4].mean((1, 2, 3))
    # The function is linear: every method gives a cell what it contributes.
    assert torch.allclose(found.maps[:, 0, 0, 0, 0], 2 * corner, atol=1e-4)
    assert found.maps[:, 0, 4:].abs().max() < 1e-4
    low = volumes[:, 1, :4, :4, :4].sum((1, 2, 3)) / 512
    assert torch.allclose(found.maps[:, 1, 0, 0, 0], -low, atol=1e-4)


@pytest.mark.parametrize("method", ["gradient", "input-x-gradient", "integrated-gradients"])
def test_gradient_methods_of_a_linear_volume(volumes, method):
    found = auditkit.attribute(Volume(), volumes, [1, 1, 0], method).maps
    factor = {"gradient": torch.ones_like(volumes)}.get(method, volumes)
    assert torch.allclose(found[0, 0, :4, :4, :4], 2 / 64 * factor[0, 0, :4, :4, :4], atol=1e-6)
    assert torch.allclose(found[2, 1], factor[2, 1] / 512, atol=1e-6)


def test_what_is_random_follows_from_the_input_alone(volumes):
    net = nn.Sequential(nn.Conv3d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 216, 2)).eval()
    for method in ("smoothgrad", "gradient-shap"):
        given = (
            {"samples": 6, "background_images": volumes[:2]} if method == "gradient-shap" else {}
        )
        every = auditkit.attribute(net, volumes, 1, method, **given).maps
        alone = auditkit.attribute(net, volumes[2:], 1, method, batch_size=2, **given).maps
        assert torch.allclose(every[2:], alone, atol=1e-5)


def test_errors_say_what_to_do(volumes):
    with pytest.raises(auditkit.AuditError, match="unknown heatmap method 'gradcan'"):
        auditkit.attribute(Volume(), volumes, 1, "gradcan")
    with pytest.raises(auditkit.AuditError, match="give them as 'background_images'"):
        auditkit.attribute(Volume(), volumes, 1, "expected-gradients")
    with pytest.raises(auditkit.AuditError, match="exactly one modality"):
        auditkit.attribute(Volume(), volumes, 1, "gradient", modalities=[[0]])
    with pytest.raises(auditkit.AuditError, match="gradcam is not applicable"):
        auditkit.attribute(Volume(), volumes, 1, "gradcam")


def test_a_picture_alone_and_among_others_has_the_same_map():
    class Small(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Conv2d(3, 4, 3, stride=2)
            self.head = nn.Linear(4, 2)

        def forward(self, x):
            return self.head(self.body(x).relu().mean((2, 3)))

    torch.manual_seed(1)
    model = auditkit.wrap_model(
        Small().eval(), name="small", task="any", size=16, version="1", kind="logits",
        classes=["no", "yes"], score="yes", threshold=0.5,
    )  # fmt: skip
    generator = np.random.default_rng(2)
    pictures = [generator.integers(0, 256, (20, 20, 3), dtype=np.uint8) for _ in range(5)]
    for method in ("kernel-shap", "smoothgrad", "gradcam"):
        given = {} if method != "kernel-shap" else {"superpixels": 4, "samples": 80}
        every = auditkit.heatmaps(model, pictures, method, **given)
        alone = auditkit.heatmaps(model, pictures[3:4], method, batch_size=2, **given)
        assert every.shape == (5, 16, 16)
        assert np.allclose(every[3], alone[0], atol=1e-4 * np.abs(every[3]).max())
