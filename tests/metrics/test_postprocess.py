import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from pydantic import ValidationError
from scipy import ndimage
from torch.nn import functional

from auditkit.errors import AuditError
from auditkit.evidence.kinds import Heatmaps
from auditkit.metrics import NotEvaluable, postprocessed, resampled
from auditkit.spec.postprocess import PRESETS, HasRegions, Postprocess

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("grid", "space", "mode"),
    [
        ((7, 5), (16, 23), "bilinear"),
        ((3, 4, 2), (7, 8, 9), "trilinear"),
        ((1, 3), (4, 3), "bilinear"),
    ],
)
def test_bilinear_is_torch_interpolation_in_any_dimension_for_every_modality(grid, space, mode):
    maps = RNG.standard_normal((2, *grid))
    expected = functional.interpolate(
        torch.from_numpy(maps)[None], size=space, mode=mode, align_corners=False
    )[0]
    found = resampled(maps, space, "bilinear")
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-12)


@pytest.mark.parametrize(("side", "size"), [(7, 224), (5, 12), (16, 16), (12, 7)])
def test_nearest_is_the_enlargement_of_heatmaps(side, size):
    own = RNG.standard_normal((1, side, side)).astype(np.float32)
    expected = Heatmaps(own, 1).full(0, (size, size))
    np.testing.assert_array_equal(resampled(own[0].astype(float), (size, size)), expected)


def test_blur_is_that_of_scipy_and_leaves_modalities_apart():
    maps = RNG.standard_normal((3, 9, 11))
    found = postprocessed(maps, (9, 11), Postprocess(blur=1.5))
    expected = [ndimage.gaussian_filter(one, 1.5) for one in maps]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_scales_worked_by_hand():
    heat = np.zeros((1, 200))
    heat[0, :4] = [8.0, 4.0, -2.0, 1.0]
    heat[0, 10:110] = 0.0025  # 0.25 of 15.25: 99 % of the mass is 15.0975
    for scale, unit in (("maximum", 8.0), ("mass-99", 8.0)):
        found = postprocessed(heat, (1, 200), Postprocess(scale=scale))
        np.testing.assert_allclose(found, np.clip(heat / unit, -1, 1))
    heat[0, 0] = 0.01  # of 7.26, 99 % lies at or below 4
    found = postprocessed(heat, (1, 200), Postprocess(scale="mass-99"))
    np.testing.assert_allclose(found, heat / 4.0)
    found = postprocessed(np.arange(-100.0, 101.0)[None], (1, 201), PRESETS["display"])
    np.testing.assert_allclose(found[0, [0, 1, 100, 200]], [1, 1, 0, 1])
    np.testing.assert_allclose(found[0, 110], 10 / 99)


def test_a_map_of_which_99_percent_are_zero_is_scaled_by_its_maximum():
    heat = np.zeros((20, 20))
    heat[3, 3], heat[4, 4] = 2.0, -1.0
    found = postprocessed(heat, (20, 20), Postprocess(scale="percentile-99"))
    assert found[3, 3] == 1.0
    assert found[4, 4] == -0.5


@pytest.mark.parametrize("scale", ["maximum", "percentile-99", "mass-99"])
def test_a_joint_scale_keeps_ratios_between_modalities_and_single_scales_do_not(scale):
    one = RNG.random((6, 6))
    maps = np.stack([one, one / 4, 0 * one])
    joint = postprocessed(maps, (6, 6), Postprocess(scale=scale, joint=True))
    own = postprocessed(maps, (6, 6), Postprocess(scale=scale, joint=False))
    np.testing.assert_allclose(joint[1] * 4, maps[0] / maps[0].max() * joint[1].max() * 4)
    assert joint[1].max() < 0.5
    np.testing.assert_allclose(own[0], own[1])
    assert own[1].max() == 1.0
    assert not own[2].any()


def test_the_order_is_blur_then_sign_then_scale():
    heat = np.zeros((1, 21))
    heat[0, 5], heat[0, 15] = 3.0, -4.0
    stage = Postprocess(blur=2.0, signs="positive", scale="maximum")
    blurred = ndimage.gaussian_filter1d(heat, 2.0, axis=1)
    blurred = ndimage.gaussian_filter1d(blurred, 2.0, axis=0)
    positive = np.maximum(blurred, 0)
    np.testing.assert_allclose(postprocessed(heat, (1, 21), stage), positive / positive.max())


def test_the_default_stage_changes_nothing():
    heat = RNG.standard_normal((5, 5))
    np.testing.assert_array_equal(postprocessed(heat, (5, 5), PRESETS["none"]), heat)


@pytest.mark.parametrize(
    ("heat", "stage", "reason"),
    [
        ([[0.0, 0.0]], {}, "all-zero heatmap"),
        ([[2.0, 2.0]], {}, "constant heatmap"),
        ([[np.nan, 2.0]], {}, "heatmap with NaN or infinite values"),
        ([[np.inf, 2.0]], {}, "heatmap with NaN or infinite values"),
        ([[-1.0, -2.0]], {"signs": "positive"}, "heatmap without positive values"),
        ([[-1.0, 1.0]], {"signs": "absolute"}, "constant heatmap"),
    ],
)
def test_maps_that_say_nothing_are_not_evaluable(heat, stage, reason):
    with pytest.raises(NotEvaluable) as caught:
        postprocessed(heat, (1, 2), Postprocess(**stage))
    assert caught.value.reason == reason


def test_axes_that_do_not_fit_are_refused():
    with pytest.raises(AuditError, match="one more for the modalities"):
        postprocessed(np.eye(3), (3, 3, 3), Postprocess())


STAGES = st.builds(
    Postprocess,
    resample=st.sampled_from(["nearest", "bilinear"]),
    blur=st.sampled_from([0.0, 1.0]),
    signs=st.sampled_from(["signed", "positive", "absolute"]),
    scale=st.sampled_from(["maximum", "percentile-99", "mass-99"]),
    joint=st.booleans(),
)


@settings(max_examples=80, deadline=None)
@given(
    # Half of the least subnormal number is 0: no scaling can bring that back.
    npst.arrays(
        np.float64,
        npst.array_shapes(min_dims=2, max_dims=3),
        elements=st.floats(-9, 9, allow_subnormal=False),
    ),
    STAGES,
    st.floats(1e-3, 1e3),
)
def test_a_scaled_map_is_within_one_and_does_not_know_its_unit(heat, stage, unit):
    space = (5, 6)
    try:
        found = postprocessed(heat, space, stage)
        again = postprocessed(heat * unit, space, stage)
    except NotEvaluable:
        return
    assert found.shape == (*heat.shape[:-2], *space)
    assert np.isfinite(found).all()
    assert np.abs(found).max() == 1.0
    if stage.signs != "signed":
        assert found.min() >= 0
    np.testing.assert_allclose(again, found, atol=1e-6)


def test_every_parameter_is_in_the_digest_and_nothing_else_is():
    changes = {
        "resample": "bilinear",
        "blur": 1.0,
        "signs": "positive",
        "scale": "maximum",
        "joint": False,
    }
    assert set(changes) == set(Postprocess.model_fields)
    digests = {Postprocess(**{name: value}).digest for name, value in changes.items()}
    digests |= {stage.digest for stage in PRESETS.values()}
    assert len(digests) == len(changes) + len(PRESETS)
    assert all(len(digest) == 12 for digest in digests)
    assert Postprocess(blur=3).digest == Postprocess(blur=3.0).digest
    assert Postprocess().digest == PRESETS["none"].digest


def test_regions_are_declared_by_name_by_mapping_or_in_short():
    assert HasRegions().rule.share == 0.1
    assert HasRegions(top=0.3).rule.share == 0.3
    given_ = HasRegions.model_validate({"binarise": {"rule": "nonzero"}, "postprocess": "display"})
    assert given_.rule.rule == "nonzero"
    assert given_.stage == PRESETS["display"]
    assert PRESETS["display"].digest in given_.region_wording
    mapped = HasRegions.model_validate({"postprocess": {"blur": 2}})
    assert mapped.stage.blur == 2.0
    for each in (given_, mapped, HasRegions(top=0.3)):
        dumped = json.loads(each.model_dump_json())
        assert HasRegions.model_validate(dumped) == each
    with pytest.raises(ValidationError, match="give one of them"):
        HasRegions.model_validate({"binarise": {"rule": "nonzero"}, "top": 0.2})
    with pytest.raises(ValidationError, match="did you mean 'display'"):
        HasRegions.model_validate({"postprocess": "displays"})
