"""VolumeCnn: early and late fusion in two and three dimensions."""

import pytest
import torch
from torch import nn

from auditkit.models.volume_cnn import VolumeCnn


def network(fusion="input", axes=3, **given):
    torch.manual_seed(0)
    built = VolumeCnn(2, modalities=3, axes=axes, widths=(4, 6), hidden=8, fusion=fusion, **given)
    return built.eval()


def cases(axes=3, n=2):
    return torch.randn(n, 3, *(9, 8, 7)[:axes], generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("fusion", ["input", "feature"])
@pytest.mark.parametrize("axes", [2, 3])
def test_it_answers_one_row_of_logits_per_case(fusion, axes):
    answers = network(fusion, axes)(cases(axes, n=5))
    assert answers.shape == (5, 2)
    assert answers.isfinite().all()


@pytest.mark.parametrize("fusion", ["input", "feature"])
def test_cases_do_not_see_each_other(fusion):
    built, given = network(fusion), cases(n=4)
    with torch.no_grad():
        one_by_one = torch.cat([built(given[i : i + 1]) for i in range(4)])
        assert torch.allclose(built(given), one_by_one, atol=1e-5)


def test_branches_of_late_fusion_see_their_own_modality_alone():
    built, given = network("feature"), cases().requires_grad_()
    assert len(built.features) == 3
    seen = []
    hooks = [
        blocks.register_forward_hook(lambda _m, _given, found: seen.append(found))
        for blocks in built.features
    ]
    built(given)
    for own, found in enumerate(seen):
        (gradient,) = torch.autograd.grad(found.sum(), given, retain_graph=True)
        reached = [bool((gradient[:, m] != 0).any()) for m in range(3)]
        assert reached == [m == own for m in range(3)]
    for hook in hooks:
        hook.remove()


def test_modalities_meet_in_the_first_convolution_of_early_fusion():
    built, given = network("input"), cases().requires_grad_()
    assert len(built.features) == 1
    first = next(m for m in built.modules() if isinstance(m, nn.Conv3d))
    assert first.in_channels == 3
    (gradient,) = torch.autograd.grad(built(given)[:, 1].sum(), given)
    assert all((gradient[:, m] != 0).any() for m in range(3))


def test_modalities_of_late_fusion_meet_in_the_hidden_layer():
    """Nothing of one modality changes what the other branches hand on, but all change the answer."""
    built, given = network("feature"), cases()
    with torch.no_grad():
        joined = [
            blocks(part) for blocks, part in zip(built.features, given.split(1, 1), strict=True)
        ]
        pooled = torch.cat([part.flatten(2).mean(2) for part in joined], dim=1)
        assert torch.allclose(built.classify(pooled), built(given), atol=1e-6)
        for own in range(3):
            other = given.clone()
            other[:, own] += 1
            assert not torch.allclose(built(other), built(given))


def test_pooling_keeps_what_does_not_divide():
    assert network(axes=3)(torch.zeros(1, 3, 5, 3, 1)).shape == (1, 2)


@pytest.mark.parametrize(
    "wrong",
    [
        {"axes": 1},
        {"axes": 4},
        {"fusion": "late"},
        {"widths": ()},
        {"hidden": 0},
        {"modalities": 0},
    ],
)
def test_what_cannot_be_built_is_refused(wrong):
    given = {"modalities": 2, "axes": 2, **wrong}
    with pytest.raises(ValueError, match="expected"):
        VolumeCnn(2, **given)
