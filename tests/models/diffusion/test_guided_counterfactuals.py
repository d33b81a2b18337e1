"""Guided diffusion: the score goes where it is wanted, and nothing else matters."""

import counterfactual_world as world
import numpy as np
import pytest
import torch
from tiny_pipelines import stable
from torch import nn

from auditkit.data.load import load_data
from auditkit.errors import AuditError
from auditkit.evidence.batches import Batcher
from auditkit.models.counterfactuals.guided import GuidedDiffusion, _expanded, _smooth
from auditkit.models.diffusion.load import load_folder
from auditkit.models.diffusion.parts import Conditioning
from auditkit.models.diffusion.small import PixelTextToImage
from auditkit.models.model import Model
from auditkit.spec.counterfactual_card import Guidance

BINS = 10


def pixels(**changes):
    return PixelTextToImage.untrained(
        ["word"], size=8, factor=2, channels=(16, 32), heads=2, width=16, **changes
    )


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    return world.redness_card(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def images():
    data = load_data(world.lesions(6))
    rows = [torch.from_numpy(data.image(i)).permute(2, 0, 1) for i in range(6)]
    return torch.stack(rows).float() / 255


def guided(card, parts, network=None, **settings):
    given = {"generator": "tiny", "steps": 3, "start": 0.2, "scale": 1.0, "distance": 0.1}
    model = Model(card, [(network or world.Redness()).eval()], torch.device("cpu"))
    return GuidedDiffusion(model, parts, Guidance(**{**given, **settings}), BINS), model


def made(found, images, target):
    return found.generate(
        images, torch.full((len(images),), target), torch.full((len(images),), 0.5)
    )


def scores(model, images):
    with torch.no_grad():
        return model.probabilities(images)[:, 1].numpy()


def test_scores_rise_with_the_bin(card, images):
    found, model = guided(card, pixels())
    every = np.stack([scores(model, made(found, images, c)) for c in range(BINS)], axis=1)
    assert (np.diff(every, axis=1) > 0).all()
    assert (every[:, 0] < 0.5).all()
    assert (every[:, -1] >= 0.5).all()


def test_a_whole_step_takes_a_linear_model_to_the_centre(card, images):
    found, model = guided(card, pixels(), world.Redness(slope=10.0), distance=0.0)
    for target in (3, 6):
        assert scores(model, made(found, images, target)) == pytest.approx(
            (target + 0.5) / BINS, abs=1e-3
        )


def test_pipelines_with_an_autoencoder_are_guided_too(card, images, tmp_path):
    stable(tmp_path / "p")
    found, model = guided(card, load_folder(tmp_path / "p", "cpu"))
    low, high = (scores(model, made(found, images[:2], target)) for target in (0, 9))
    assert (low + 0.2 < high).all(), (low, high)


def test_what_an_autoencoder_loses_is_no_change(card, images, tmp_path):
    stable(tmp_path / "p")
    found, _ = guided(card, load_folder(tmp_path / "p", "cpu"), start=1e-3, steps=1, scale=1e-9)
    lost = found._parts.decode(found._parts.encode(images[:2] * 2 - 1)) / 2 + 0.5 - images[:2]
    assert lost.abs().mean() > 0.1
    assert (made(found, images[:2], 9) - images[:2]).abs().mean() < 0.01


def test_next_to_no_noise_and_no_guidance_give_the_image_back(card, images):
    found, _ = guided(card, pixels(), scale=1e-9, start=1e-3, steps=1)
    assert (made(found, images, 9) - images).abs().max() < 2e-3
    # It is guidance that changes it, then.
    found, _ = guided(card, pixels(), start=1e-3, steps=1)
    assert (made(found, images, 9) - images).abs().mean() > 0.01


def test_every_kind_of_prediction_is_read_as_clean_latents_and_noise(card, images):
    parts = pixels()
    own = parts.encode(nn.functional.interpolate(images, (8, 8), mode="bilinear", antialias=True))
    levels = parts.scheduler.alphas_cumprod.double()

    def predict(latents, timesteps, _conditioning):
        level = levels[timesteps].view(-1, 1, 1, 1)
        noise = (latents - level.sqrt() * own) / (1 - level).sqrt()
        kind = parts.scheduler.config.prediction_type
        answers = {"epsilon": noise, "sample": own.double()}
        return answers.get(kind, level.sqrt() * noise - (1 - level).sqrt() * own).to(latents)

    parts.predict = predict
    for kind in ("epsilon", "sample", "v_prediction"):
        parts.scheduler.register_to_config(prediction_type=kind)
        found, _ = guided(card, parts, start=0.9)
        clean, noise = found._denoised(own * 0.5 + 0.2, 400, None)
        level = float(levels[400])
        assert torch.allclose(clean, own, atol=1e-4)
        again = level**0.5 * clean + (1 - level) ** 0.5 * noise
        assert torch.allclose(again, own * 0.5 + 0.2, atol=1e-4)


def test_what_changes_does_not_alternate_between_pixels():
    ramp = torch.arange(6.0).expand(1, 3, 6, 6)
    checkers = (torch.arange(6)[:, None] + torch.arange(6)) % 2 * 2.0 - 1
    inside = (..., slice(1, -1), slice(1, -1))
    assert torch.allclose(_smooth(ramp + checkers)[inside], ramp[inside], atol=1e-6)


def test_detail_stays_that_the_pipeline_cannot_draw(card, images):
    checkers = torch.zeros(16, 16)
    checkers[::2, ::2], checkers[1::2, 1::2] = 0.05, 0.05
    found, _ = guided(card, pixels())
    change = made(found, images * 0.5 + 0.2 + checkers, 9) - (images * 0.5 + 0.2 + checkers)
    flat = made(found, images * 0.5 + 0.2 + 0.025, 9) - (images * 0.5 + 0.2 + 0.025)
    assert (change - flat).abs().max() < 1e-3


def test_company_changes_no_bit_of_a_padded_batch(card, images):
    found, _ = guided(card, pixels())
    targets = torch.tensor([0, 9, 4, 9, 0, 2])
    batcher = Batcher(4)

    def one(given, wanted):
        return found.generate(given, wanted, torch.full((len(given),), 0.5))

    together = batcher.map(one, images, targets)
    for order in ([5, 4, 3, 2, 1, 0], [3], [1, 5]):
        assert torch.equal(batcher.map(one, images[order], targets[order]), together[order])
    alone = torch.cat([one(images[i : i + 1], targets[i : i + 1]) for i in range(6)])
    assert torch.allclose(alone, together, atol=1e-5)


def test_scores_are_asked_by_itself(card, images):
    found, _ = guided(card, pixels())
    targets = torch.full((6,), 9)
    assert torch.equal(
        found.generate(images, targets, torch.zeros(6)),
        found.generate(images, targets, torch.ones(6)),
    )


class SpoiltGradient(torch.autograd.Function):
    """The identity, whose gradient is NaN for the third image."""

    @staticmethod
    def forward(_context, x):
        return x.clone()

    @staticmethod
    def backward(_context, gradient):
        return third(gradient)


def third(values):
    """With NaN for the third image."""
    values = values.clone()
    values[2] = torch.nan
    return values


class Faulty(world.Redness):
    def __init__(self, fault):
        super().__init__()
        self.fault = fault

    def forward(self, x):
        if self.fault == "gradient":
            return super().forward(SpoiltGradient.apply(x))
        return third(super().forward(x))


@pytest.mark.parametrize("fault", ["gradient", "answer"])
def test_what_the_model_cannot_guide_is_nan_and_no_other_image(card, images, fault):
    found, _ = guided(card, pixels(), Faulty(fault))
    usual, _ = guided(card, pixels())
    result, wanted = made(found, images, 9), made(usual, images, 9)
    assert torch.isnan(result[2]).all()
    rest = [0, 1, 3, 4, 5]
    assert torch.equal(result[rest], wanted[rest])


def test_where_the_model_is_flat_nothing_explodes(card, images):
    flat, _ = guided(card, pixels(), world.Redness(slope=0.0), distance=0.0)
    without, _ = guided(card, pixels(), scale=1e-9, distance=0.0)
    assert torch.allclose(made(flat, images, 9), made(without, images, 9), atol=1e-5)
    nearly, _ = guided(card, pixels(), world.Redness(slope=1e-4), steps=1)
    result = made(nearly, images, 9)
    assert torch.isfinite(result).all()
    assert (result - images).abs().mean() < 0.2


def test_a_schedule_without_noise_levels_is_refused(card):
    parts = pixels()
    parts.scheduler = object()
    with pytest.raises(AuditError, match="alphas_cumprod"):
        guided(card, parts)


def test_conditions_are_repeated_however_deep(card):
    null = Conditioning(torch.ones(1, 2, 3), {"added": {"ids": torch.arange(4).view(1, 4)}})
    found = _expanded(null, 3)
    assert found.states.shape == (3, 2, 3)
    assert found.extra["added"]["ids"].tolist() == [[0, 1, 2, 3]] * 3
