"""Grad-CAM of several modalities: one map for all of them, which a network fused late does not have."""

import pytest
import torch

from auditkit.errors import AuditError
from auditkit.evidence.heatmaps import Batch, explainer, subject_of_module
from auditkit.models.volume_cnn import VolumeCnn
from auditkit.spec.methods import parse_method


def explain(network: VolumeCnn, method: str, modalities: int = 3):
    subject = subject_of_module(network.eval(), (modalities, 8, 8, 8))
    return explainer(parse_method(method), subject, None)


@pytest.mark.parametrize("method", ["gradcam", "guided-gradcam"])
def test_a_layer_that_sees_one_branch_is_not_shown_for_all(method):
    torch.manual_seed(0)
    late = VolumeCnn(2, modalities=3, axes=3, widths=(4, 8), fusion="feature")
    made = explain(late, method)
    assert "features.2.13 (2 x 2 x 2) sees 1 of 3" in made.fitness().reason
    with pytest.raises(AuditError, match="fuses modalities behind its maps"):
        made.explain(Batch(torch.zeros(1, 3, 8, 8, 8), torch.tensor([0]), [0]), 4)


def test_a_network_fused_at_its_input_has_one_map_for_all():
    torch.manual_seed(0)
    early = VolumeCnn(2, modalities=3, axes=3, widths=(4, 8))
    made = explain(early, "gradcam")
    assert not made.fitness().reason
    maps = made.explain(Batch(torch.randn(1, 3, 8, 8, 8), torch.tensor([0]), [0]), 4).maps
    assert torch.equal(maps[:, 0], maps[:, 1])
    assert torch.equal(maps[:, 0], maps[:, 2])


def test_one_modality_is_always_seen():
    torch.manual_seed(0)
    alone = VolumeCnn(2, modalities=1, axes=3, widths=(4, 8), fusion="feature")
    assert not explain(alone, "gradcam", 1).fitness().reason
