"""Images are those of diffusers' own pipelines, and each depends on its caption and seed alone."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from diffusers import (
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    LMSDiscreteScheduler,
    PNDMScheduler,
    UniPCMultistepScheduler,
)
from tiny_pipelines import clinical, scheduler, stable, vae, xl

from auditkit.errors import AuditError
from auditkit.models.diffusion.load import load_folder
from auditkit.models.diffusion.sampling import generate
from auditkit.models.diffusion.small import PixelTextToImage

CAPTIONS, SEEDS = ["red circle", "", "blue circles, red"], [7, 2**62, 3]


def of_diffusers(pipeline, **settings):
    """The pipeline's own images, float in [0, 1]."""
    generators = [torch.Generator("cpu").manual_seed(seed) for seed in SEEDS]
    return pipeline(CAPTIONS, generator=generators, output_type="np", **settings).images


def assert_same(parts, pipeline, steps=3, guidance=5.0, scheduler="own"):
    ours, finite = generate(
        parts, CAPTIONS, SEEDS, steps=steps, guidance=guidance, scheduler=scheduler
    )
    theirs = of_diffusers(pipeline, num_inference_steps=steps, guidance_scale=guidance)
    assert ours.shape == (3, *theirs.shape[1:])
    assert finite.all()
    assert np.abs(ours.numpy().astype(int) - np.round(theirs * 255)).max() <= 1
    # Random networks draw something, and not the same thing for every caption and seed.
    assert theirs.std() > 0.02
    assert np.abs(theirs[0] - theirs[2]).max() > 0.02


def read(folder, pipeline):
    return load_folder(folder, "cpu"), pipeline


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A pipeline as read here, and diffusers' own."""
    folder = tmp_path_factory.mktemp("stable") / "p"
    return read(folder, stable(folder))


@pytest.fixture
def with_scheduler(pair):
    """Gives both another scheduler for a test."""
    parts, pipeline = pair
    before = parts.scheduler

    def change(own):
        parts.scheduler = own
        pipeline.scheduler = type(own).from_config(own.config)
        return pair

    yield change
    change(before)


@pytest.mark.parametrize("guidance", [1.0, 5.0])
def test_stable_diffusion(pair, guidance):
    assert_same(*pair, guidance=guidance)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (DDPMScheduler, {}),
        (PNDMScheduler, {"skip_prk_steps": True}),
        (PNDMScheduler, {"skip_prk_steps": False}),
        (LMSDiscreteScheduler, {}),
        (EulerDiscreteScheduler, {"timestep_spacing": "linspace"}),
        (EulerAncestralDiscreteScheduler, {}),
        (DPMSolverMultistepScheduler, {}),
        (DPMSolverMultistepScheduler, {"algorithm_type": "sde-dpmsolver++"}),
        (UniPCMultistepScheduler, {}),
    ],
)
def test_every_scheduler_as_the_folders_own(with_scheduler, kind, changes):
    own = kind.from_config(scheduler().config, **changes)
    assert_same(*with_scheduler(own), steps=5 if kind is PNDMScheduler else 3)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ddpm", DDPMScheduler),
        ("euler", EulerDiscreteScheduler),
        ("dpm-solver++", DPMSolverMultistepScheduler),
        ("unipc", UniPCMultistepScheduler),
    ],
)
def test_every_other_scheduler_of_a_card(with_scheduler, pair, name, kind):
    parts, pipeline = pair
    own = parts.scheduler
    with_scheduler(kind.from_config(own.config))
    parts.scheduler = own
    assert_same(parts, pipeline, scheduler=name)


def test_a_scheduler_that_keeps_state_draws_the_same_twice(with_scheduler):
    parts, _ = with_scheduler(PNDMScheduler.from_config(scheduler().config))
    first = drawn(parts, ["red"], [1], steps=5)
    assert np.array_equal(first, drawn(parts, ["red"], [1], steps=5))


def test_velocity_prediction_of_2x(with_scheduler):
    assert_same(*with_scheduler(scheduler(prediction_type="v_prediction")))


def test_a_bert_as_text_encoder(tmp_path):
    assert_same(*read(tmp_path / "p", clinical(tmp_path / "p")))


@pytest.mark.parametrize("zeros", [True, False])
def test_stable_diffusion_xl(tmp_path, zeros, monkeypatch):
    # The empty caption as an image's own is the null caption here; diffusers encodes it.
    monkeypatch.setitem(globals(), "CAPTIONS", ["red circle", "circle", "blue circles, red"])
    autoencoder = vae(latents_mean=[0.1, 0.0, -0.2, 0.3], latents_std=[0.5, 1.0, 2.0, 1.5])
    pipeline = xl(tmp_path / "p", zeros=zeros, autoencoder=autoencoder)
    assert_same(*read(tmp_path / "p", pipeline))


def small(**options):
    return PixelTextToImage.untrained(
        ["red", "circle"], size=16, factor=2, channels=(16, 16), width=16, **options
    )


def drawn(parts, captions, seeds, **settings):
    usual = {"steps": 3, "guidance": 2.0}
    return generate(parts, captions, seeds, **{**usual, **settings})[0].numpy().astype(int)


@pytest.mark.parametrize("name", ["own", "ddpm"])
def test_an_image_does_not_depend_on_its_batch(name):
    parts = small()
    together = drawn(parts, ["red", "circle", "", "red"], [1, 2, 3, 4], scheduler=name)
    alone = drawn(parts, ["circle"], [2], scheduler=name)
    other = drawn(parts, ["red", "circle"], [9, 2], scheduler=name)
    assert np.abs(together[1] - alone[0]).max() <= 1
    assert np.abs(together[1] - other[1]).max() <= 1
    assert np.abs(together[0] - together[3]).max() > 1


def test_drawing_twice_gives_equal_bits_and_leaves_global_randomness_alone():
    parts = small()
    before = torch.get_rng_state()
    first = drawn(parts, ["red"], [5], scheduler="ddpm")
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(99)
    assert np.array_equal(first, drawn(parts, ["red"], [5], scheduler="ddpm"))


def test_images_that_are_not_finite_are_told_and_spoil_no_others():
    parts = small()
    usual = drawn(parts, ["red", "circle"], [1, 2], guidance=1.0)
    predict = parts.predict

    def broken(latents, timesteps, conditioning):
        answer = predict(latents, timesteps, conditioning)
        answer[0, 0, 0, 0] = float("nan")
        return answer

    parts.predict = broken
    images, finite = generate(parts, ["red", "circle"], [1, 2], steps=3, guidance=1.0)
    assert finite.tolist() == [False, True]
    assert images[0].max() == 0
    assert np.array_equal(images[1].numpy(), usual[1])


@pytest.mark.parametrize("make", [None, stable, xl])
def test_half_precision_draws_nearly_the_same(tmp_path, make):
    if make is not None:
        make(tmp_path / "p")
    parts = small() if make is None else load_folder(tmp_path / "p", "cpu")
    full = drawn(parts, ["red"], [1])
    parts.to(torch.device("cpu"), torch.bfloat16)
    assert next(parts.unet.parameters()).dtype == torch.bfloat16
    half = drawn(parts, ["red"], [1])
    assert 0 < np.abs(full - half).mean() < 6


def test_threads_share_a_pipeline(pair):
    parts, _ = pair
    alone = [drawn(parts, [said], [1]) for said in CAPTIONS]
    with ThreadPoolExecutor(3) as pool:
        for _ in range(3):
            together = pool.map(lambda said: drawn(parts, [said], [1]), CAPTIONS)
            assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


def test_steps_that_a_scheduler_does_not_take_are_refused(with_scheduler):
    parts, _ = with_scheduler(PNDMScheduler.from_config(scheduler().config))
    with pytest.raises(AuditError, match="PNDMScheduler cannot draw in 3 steps"):
        drawn(parts, ["red"], [1])
    with pytest.raises(AuditError, match="cannot draw in 2000 steps"):
        drawn(small(), ["red"], [1], steps=2000, scheduler="ddim")
