"""Volumes as a model's input: one grid, antialiased, each case scaled by itself, 0 staying 0."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch.nn import functional
from volume_world import Bright, cubes_card, cubes_evidence

from auditkit.errors import AuditError
from auditkit.evidence.heatmaps import subject_of
from auditkit.models.model import Model
from auditkit.models.volumes import mask_to_grid, scaled, volumes_to_grid
from auditkit.spec.volume import VolumeInput


def spec(size, **given) -> VolumeInput:
    return VolumeInput.model_validate({"modalities": ["a"], "size": list(size), **given})


def random(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize(
    ("before", "after"), [((12, 16), (6, 8)), ((5, 7), (10, 9)), ((8, 8), (8, 8))]
)
def test_a_plane_is_resampled_as_pictures_are(before, after):
    plane = random(*before)
    ours = volumes_to_grid([plane], spec(after))[0]
    theirs = functional.interpolate(
        torch.from_numpy(plane)[None, None],
        size=after,
        mode="bilinear",
        align_corners=False,
        antialias=True,
    )[0, 0]
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_a_volume_that_grows_is_linear_between_centres():
    volume = random(4, 5, 6)
    ours = volumes_to_grid([volume], spec((8, 10, 12)))[0]
    places = [(np.arange(2 * n) + 0.5) / 2 - 0.5 for n in volume.shape]
    grid = np.stack(np.meshgrid(*places, indexing="ij"))
    theirs = ndimage.map_coordinates(volume, grid, order=1, mode="nearest")
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_nearest_takes_values_that_are_there():
    labels = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    found = volumes_to_grid([labels], spec((4, 3, 2), resample="nearest"))[0]
    np.testing.assert_array_equal(found, labels[[0, 0, 1, 1]][:, :, [1, 3]])


def test_a_crop_is_centred_and_masks_follow_their_volume():
    volume = np.zeros((10, 8, 6), np.float32)
    volume[3:7, 2:6, 1:5] = 1
    given = spec((4, 4, 4), crop=[4, 4, 4])
    assert volumes_to_grid([volume], given)[0].all()
    assert mask_to_grid(volume > 0, given).all()
    assert not mask_to_grid(volume == 0, given).any()


def test_a_crop_larger_than_the_volume_keeps_all_of_it():
    assert volumes_to_grid([np.ones((3, 3), np.float32)], spec((3, 3), crop=[9, 9])).all()


def test_foreground_scaling_is_a_z_score_of_what_is_not_zero():
    volume = random(2, 1, 6, 6)
    volume[:, :, :2] = 0
    found = scaled(torch.from_numpy(volume), spec((6, 6), scale="foreground")).numpy()
    for one, was in zip(found, volume, strict=True):
        inside = was != 0
        values = was[inside].astype(np.float64)
        np.testing.assert_allclose(one[inside], (values - values.mean()) / values.std(), atol=1e-5)
        assert (one[~inside] == 0).all()


@pytest.mark.parametrize("scale", ["none", "maximum", "unit", "bytes", "foreground"])
def test_nothing_stays_nothing_and_one_value_is_no_division_by_zero(scale):
    given = spec((4, 4), scale=scale)
    assert (scaled(torch.zeros(1, 1, 4, 4), given) == 0).all()
    assert torch.isfinite(scaled(torch.full((1, 1, 4, 4), 7.0), given)).all()


def test_unit_and_bytes_map_the_range():
    volume = torch.tensor([[[[2.0, 4.0], [6.0, 10.0]]]])
    assert scaled(volume, spec((2, 2), scale="unit")).flatten().tolist() == [0, 0.25, 0.5, 1]
    assert scaled(volume, spec((2, 2), scale="bytes")).flatten().tolist() == [0, 63.75, 127.5, 255]


def test_scaling_of_a_case_does_not_depend_on_its_batch():
    volumes = torch.from_numpy(random(3, 2, 4, 4))
    given = VolumeInput(modalities=["a", "b"], size=[4, 4], scale="foreground")
    together = scaled(volumes, given)
    alone = torch.cat([scaled(one[None], given) for one in volumes])
    torch.testing.assert_close(together, alone, rtol=0, atol=0)


def test_another_number_of_axes_is_said():
    with pytest.raises(AuditError, match=r"shape \(4, 4\); 3 axes were expected"):
        volumes_to_grid([np.ones((4, 4), np.float32)], spec((4, 4, 4)))


def test_a_modality_that_the_data_lack_is_named(tmp_path):
    evidence = cubes_evidence(tmp_path)
    evidence.card = cubes_card(tmp_path, modalities=["t1c", "flare"])
    with pytest.raises(AuditError, match=r"modality 'flare'.*flair"):
        evidence.source(0)


def test_modalities_come_in_the_order_of_the_model(tmp_path):
    evidence = cubes_evidence(tmp_path)
    there = evidence.volume(1)
    evidence.card = cubes_card(tmp_path, modalities=["flair", "t1c"])
    np.testing.assert_array_equal(evidence.volume(1), there[::-1])


class Separate(torch.nn.Module):
    """Two arguments, one per modality."""

    def forward(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        total = first.flatten(1).mean(dim=1) - second.flatten(1).mean(dim=1)
        return torch.stack([torch.zeros_like(total), total], dim=1)


def test_a_network_may_take_each_modality_as_an_argument(tmp_path):
    card = cubes_card(tmp_path, given_as="separate")
    model = Model(card, [Separate().eval()], torch.device("cpu"))
    inputs = torch.from_numpy(random(2, 2, 8, 8, 8))
    odds = model.log_odds(inputs, torch.tensor([1, 1]))
    mean = inputs.flatten(2).mean(dim=2)
    torch.testing.assert_close(odds, mean[:, 0] - mean[:, 1])


def test_mean_and_std_are_part_of_the_model(tmp_path):
    card = cubes_card(tmp_path, mean=[1.0, 2.0], std=[2.0, 4.0])
    model = Model(card, [Bright().eval()], torch.device("cpu"))
    inputs = torch.from_numpy(random(2, 2, 8, 8, 8))
    expected = (inputs - torch.tensor([1.0, 2.0]).view(1, 2, 1, 1, 1)) / torch.tensor(
        [2.0, 4.0]
    ).view(1, 2, 1, 1, 1)
    torch.testing.assert_close(model.normalise(inputs), expected)
    torch.testing.assert_close(
        model.standardised().probabilities(expected), model.probabilities(inputs)
    )


def test_each_modality_has_a_map_of_its_own(tmp_path):
    evidence = cubes_evidence(tmp_path)
    assert subject_of(evidence.own_model()).modalities == ((0,), (1,))
    assert evidence.modalities == ("t1c", "flair")
    assert evidence.space == (8, 8, 8)
