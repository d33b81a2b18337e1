from dataclasses import dataclass, field
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from volume_world import CUBE, cubes_evidence

from auditkit.checks.pictures import EDGE, legend
from auditkit.checks.slices import slice_example
from auditkit.data.dataset import Record
from auditkit.spec.volume import VolumeInput

SPACE = (6, 4, 8)
SPEC = VolumeInput(modalities=["t1c", "flair"], size=list(SPACE))


@dataclass
class Card:
    volume: VolumeInput = SPEC


@dataclass
class Planted:
    """Two modalities of zeros with a ramp inside, and what a test puts there."""

    space: tuple = SPACE
    masks: np.ndarray | None = None
    given_as: str = "stacked"
    modalities: tuple = ("t1c", "flair")
    records: list = field(default_factory=lambda: [Record("case0", "d", 0, "p")])

    @property
    def card(self):
        return Card(SPEC.model_copy(update={"given_as": self.given_as}))

    def volume(self, _index):
        array = np.zeros((2, *self.space), np.float32)
        ramp = np.linspace(10, 110, array[0].size, dtype=np.float32).reshape(self.space)
        array[0], array[1] = ramp, 3 * ramp
        array[:, ..., 0] = 0
        return array

    def region(self, _index):
        return self.masks

    @property
    def none(self):
        return np.zeros((2, *self.space), bool)

    def heat(self, *spots):
        """Heat in places (modality, *place) of these sizes; a little evidence against elsewhere."""
        heat = np.full((2, *self.space), -0.1)
        for place, size in spots:
            heat[place] = size
        return heat


def shown(example):
    """Panels by row and modality: caption and pixels."""
    found = [
        (caption, np.asarray(Image.open(BytesIO(content)))) for caption, content in example.panels
    ]
    columns = example.columns
    return found[:columns], found[columns : 2 * columns], found[2 * columns :]


def slices_of(row):
    return [caption.split(", ")[1].split(" (")[0] for caption, _ in row]


def marked(mask_slices, planted):
    planted.masks = planted.none
    for modality, place, size in mask_slices:
        planted.masks[modality, place, 0, :size] = True
    return planted


def test_rows_are_largest_mask_and_most_heat_with_a_column_per_modality_and_a_legend():
    planted = marked([(m, 4, 3) for m in (0, 1)] + [(m, 1, 2) for m in (0, 1)], Planted())
    example = slice_example(planted, "gradcam", 0, planted.heat(((0, 2, 1, 1), 5.0)), "why")
    assert (example.image_id, example.title, example.columns) == ("case0", "why", 2)
    masks, heats, rest = shown(example)
    assert [caption for caption, _ in masks] == [
        "t1c, slice 5 of 6 (largest mask)",
        "flair, slice 5 of 6 (largest mask)",
    ]
    assert [caption for caption, _ in heats] == [
        "t1c, slice 3 of 6 (gradcam: most heat)",
        "flair, slice 3 of 6 (gradcam: most heat)",
    ]
    assert len(rest) == 1
    assert example.panels[-1][1] == legend()


def test_most_heat_is_the_sum_of_what_is_positive_over_all_modalities():
    planted = marked([(m, 0, 1) for m in (0, 1)], Planted())
    # The largest single value lies in slice 1; slice 3 has more together; slice 5 is negative mostly.
    heat = planted.heat(((0, 1, 0, 0), 5.0), ((0, 3, 0, 0), 3.0), ((1, 3, 2, 2), 3.0))
    heat[:, 5] = -9.0
    heat[0, 5, 0, 0] = 5.5
    _, heats, _ = shown(slice_example(planted, "m", 0, heat, ""))
    assert slices_of(heats) == ["slice 4 of 6"] * 2


def test_modalities_on_grids_of_their_own_show_slices_of_their_own():
    planted = marked([(0, 4, 3), (1, 1, 3)], Planted(given_as="separate"))
    heat = planted.heat(((0, 2, 0, 0), 1.0), ((1, 5, 0, 0), 9.0))
    masks, heats, _ = shown(slice_example(planted, "m", 0, heat, ""))
    assert slices_of(masks) == ["slice 5 of 6", "slice 2 of 6"]
    assert slices_of(heats) == ["slice 3 of 6", "slice 6 of 6"]


def test_branches_that_share_one_annotation_share_the_slice():
    planted = marked([(m, 4, 3) for m in (0, 1)], Planted(given_as="separate"))
    heat = planted.heat(((0, 2, 0, 0), 1.0), ((1, 5, 0, 0), 9.0))
    _, heats, _ = shown(slice_example(planted, "m", 0, heat, ""))
    assert slices_of(heats) == ["slice 6 of 6"] * 2


def test_grey_runs_between_percentiles_of_the_foreground_of_each_modality():
    planted = Planted()
    first, second = (pixels for _, pixels in shown(_plain(planted))[0])
    inside = planted.volume(0)[0]
    low, high = np.percentile(inside[inside != 0], [1, 99])
    place = 0
    expected = np.rint(255 * np.clip((inside[place] - low) / (high - low), 0, 1))
    factor = first.shape[0] // SPACE[1]
    np.testing.assert_array_equal(first[factor // 2 :: factor, factor // 2 :: factor, 0], expected)
    # Three times the values, the same window.
    np.testing.assert_allclose(first.astype(int), second.astype(int), atol=1)


def _plain(planted):
    return slice_example(planted, "m", 0, planted.heat(((0, 0, 0, 1), 1.0)), "")


def test_small_grids_are_enlarged_voxel_by_voxel():
    (_, pixels), _ = shown(_plain(Planted()))[0]
    factor = 128 // SPACE[2]
    assert pixels.shape == (factor * SPACE[1], factor * SPACE[2], 3)
    blocks = pixels[..., 0].reshape(SPACE[1], factor, SPACE[2], factor)
    assert (blocks == blocks[:, :1, :, :1]).all()


def test_the_edge_of_the_annotation_is_drawn_in_both_rows_of_its_slice():
    planted = Planted()
    planted.masks = planted.none
    planted.masks[:, 2, 1:3, 2:5] = True
    example = slice_example(planted, "m", 0, planted.heat(((1, 2, 0, 7), 1.0)), "")
    for row in shown(example)[:2]:
        for _, pixels in row:
            edge = (pixels == EDGE).all(axis=-1)
            factor = pixels.shape[0] // SPACE[1]
            rows, columns = np.flatnonzero(edge.any(axis=1)), np.flatnonzero(edge.any(axis=0))
            assert (rows.min(), rows.max()) == (factor, 3 * factor)
            assert (columns.min(), columns.max()) == (2 * factor, 5 * factor)


def test_heat_has_one_scale_for_all_modalities():
    planted = Planted()
    heat = np.zeros((2, *SPACE))
    heat[0, 0], heat[1, 0] = 1.0, 0.25
    example = slice_example(planted, "m", 0, heat, "")
    (_, strong), (_, weak) = shown(example)[1]
    saturation = [np.ptp(pixels[..., :3].astype(int), axis=-1).mean() for pixels in (strong, weak)]
    assert saturation[0] > 3 * saturation[1] > 0


@pytest.mark.parametrize(
    ("heat", "reason"),
    [
        (np.zeros((2, *SPACE)), "all-zero heatmap"),
        (-np.arange(1.0, 2 * 192 + 1).reshape(2, *SPACE), "heatmap without positive values"),
        (np.full((2, *SPACE), np.nan), "heatmap with NaN or infinite values"),
    ],
)
def test_a_map_without_heat_says_why_and_shows_the_annotation(heat, reason):
    planted = marked([(m, 4, 3) for m in (0, 1)], Planted())
    masks, heats, _ = shown(slice_example(planted, "lime", 0, heat, ""))
    assert [caption for caption, _ in heats] == [
        f"{name}, slice 5 of 6 (lime: {reason})" for name in ("t1c", "flair")
    ]
    for (_, before), (_, after) in zip(masks, heats, strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("masks", [None, np.zeros((2, *SPACE), bool)])
def test_without_an_annotation_the_slice_with_most_heat_is_shown_as_it_is(masks):
    planted = Planted(masks=masks)
    example = slice_example(planted, "m", 0, planted.heat(((1, 3, 0, 0), 1.0)), "")
    assert [caption for caption, _ in shown(example)[0]] == [
        f"{name}, slice 4 of 6 (no mask)" for name in ("t1c", "flair")
    ]


def test_two_axes_have_one_slice_without_a_number():
    planted = Planted(space=(5, 7))
    example = slice_example(planted, "m", 0, planted.heat(((1, 3, 0), 1.0)), "")
    masks, heats, _ = shown(example)
    assert [caption for caption, _ in masks] == ["t1c (no mask)", "flair (no mask)"]
    assert [caption for caption, _ in heats] == ["t1c (m: most heat)", "flair (m: most heat)"]


def test_an_empty_or_constant_modality_is_black():
    planted = Planted()
    planted.volume = lambda _: np.stack(
        [np.zeros(SPACE, np.float32), np.full(SPACE, 7, np.float32)]
    )
    for _, pixels in shown(_plain(planted))[0]:
        assert not pixels.any()


def test_volumes_of_a_model_are_shown_where_their_cube_is(tmp_path):
    evidence = cubes_evidence(tmp_path)
    heat = np.zeros((2, 8, 8, 8))
    heat[0][CUBE] = np.arange(27.0).reshape(3, 3, 3)
    masks, heats, _ = shown(slice_example(evidence, "oracle", 1, heat, ""))
    assert slices_of(masks) == ["slice 3 of 8"] * 2
    assert slices_of(heats) == ["slice 5 of 8"] * 2
