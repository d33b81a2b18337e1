"""Counterfactuals by a diffusion model that the audited model guides: nothing is trained for them."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import torch
from torch.nn import functional

from auditkit.errors import AuditError
from auditkit.models.counterfactuals.contract import centre_of
from auditkit.models.diffusion.parts import Conditioning, TextToImage
from auditkit.models.model import Model
from auditkit.models.watching import drawing
from auditkit.spec.counterfactual_card import Guidance

# Root mean square of a step; latents have a standard deviation of about 1. Where the model is flat, a step
# to its target would be longer than any image.
_LONGEST = 0.5


class GuidedDiffusion:
    """Gradient-guided diffusion counterfactuals (Augustin et al., arXiv:2210.11841; DiME, arXiv:2203.15636).

    The image, at the pipeline's size, is brought to the share ``start`` of the noise schedule by inverting
    DDIM (Song et al., arXiv:2010.02502, Section 4.3), and denoised in ``steps`` steps with the null caption.
    In each step the predicted clean latents x0 are moved back to the image's own latents z by the share
    ``distance``, then along the gradient g of the audited model's log-odds l:

        x0 <- x0 - distance (x0 - z),    x0 <- x0 + scale (l_c - l) / |g|^2  g

    with l_c the log-odds of the wanted bin's centre: with ``scale`` 1, the step after which a linear model
    would answer with it. What changed is smoothed (binomial, 3x3), enlarged and added to the image at its
    own size, which is what the model is asked about, so that detail stays.

    Deviates: both papers add noise and backpropagate through the denoiser or a second denoised chain. Here
    the image is inverted, which needs no seed and gives the image back far more closely; the gradient goes
    through decoder, enlargement and audited model, never through the U-Net; and the step's length follows
    from the log-odds that are missing rather than from the gradient of the cross-entropy with the bin's
    centre, whose direction is the same. No step has a root mean square above 0.5.

    Attributes:
        bins: equal parts of [0, 1].
    """

    def __init__(self, model: Model, parts: TextToImage, guidance: Guidance, bins: int) -> None:
        """Let a model guide a pipeline; both are on one device.

        Raises:
            AuditError: the model cannot guide, or the pipeline's schedule is not one of noise levels.
        """
        _refuse(model)
        self.bins = bins
        self._model, self._parts, self._guidance = model, parts, guidance
        self._levels = _noise_levels(parts)
        last = guidance.start * (len(self._levels) - 1)
        times = torch.linspace(0.0, last, guidance.steps + 1, dtype=torch.float64)
        self._times: list[int] = times.round().long().tolist()
        with torch.no_grad():
            self._null = parts.condition(parts.tokens([""]))

    @torch.no_grad()
    def generate(
        self,
        images: torch.Tensor,
        targets: torch.Tensor,
        scores: torch.Tensor,  # noqa: ARG002 it asks the model itself
    ) -> torch.Tensor:
        """One counterfactual per image, a function of that image and target alone.

        Args:
            images: (N, 3, S, S) in [0, 1].
            targets: (N,) bins from 0.
            scores: not used.

        Returns:
            (N, 3, S, S) in [0, 1]; NaN throughout where a latent or the model's gradient was not finite.
        """
        drawing(len(images))
        run = _Run(self._model, self._parts, images)
        run.wanted = centre_of(targets, self.bins).logit().to(images)
        conditioning = _expanded(self._null, len(images))
        latents = run.own
        for now, then in pairwise(self._times):
            clean, noise = self._denoised(latents, now, conditioning)
            latents = self._noised(clean, noise, then)
        for now, then in pairwise(reversed(self._times)):
            clean, noise = self._denoised(latents, now, conditioning)
            clean = clean - self._guidance.distance * (clean - run.own)
            clean = run.guided(clean, self._guidance.scale)
            latents = self._noised(clean, noise, then)
        made = run.shown(clean).clamp(0, 1)
        return torch.where(_rows(run.finite, made), made, torch.nan)

    def _denoised(
        self, latents: torch.Tensor, time: int, conditioning: Conditioning
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The predicted clean latents and noise."""
        kind = self._parts.scheduler.config.prediction_type
        signal, spread = self._shares(time)
        given = torch.full((len(latents),), time, device=latents.device)
        answer = self._parts.predict(latents, given, conditioning)
        if kind == "v_prediction":
            return signal * latents - spread * answer, signal * answer + spread * latents
        if kind == "sample":
            return answer, (latents - signal * answer) / spread
        return (latents - spread * answer) / signal, answer

    def _noised(self, clean: torch.Tensor, noise: torch.Tensor, time: int) -> torch.Tensor:
        signal, spread = self._shares(time)
        return signal * clean + spread * noise

    def _shares(self, time: int) -> tuple[float, float]:
        """How much of the clean latents and of the noise there is."""
        level = float(self._levels[time])
        return level**0.5, (1 - level) ** 0.5


class _Run:
    """Some images on their way.

    Attributes:
        own: the images' latents.
        wanted: (N,) log-odds.
        finite: (N,) whether everything has been finite so far.
    """

    wanted: torch.Tensor

    def __init__(self, model: Model, parts: TextToImage, images: torch.Tensor) -> None:
        self._model, self._parts, self._images = model, parts, images
        small = functional.interpolate(images, size=parts.size, mode="bilinear", antialias=True)
        self.own = parts.encode(small * 2 - 1)
        # Not the image itself: what an autoencoder loses is no change.
        self._drawn = parts.decode(self.own)
        self.finite = torch.isfinite(self.own).flatten(1).all(1)

    def shown(self, latents: torch.Tensor) -> torch.Tensor:
        """The images with what latents changed, not clamped."""
        change = _smooth(self._parts.decode(latents) - self._drawn) / 2
        side = self._images.shape[-2:]
        return self._images + functional.interpolate(change, size=side, mode="bilinear")

    def guided(self, clean: torch.Tensor, scale: float) -> torch.Tensor:
        """Clean latents, moved towards the log-odds that are wanted."""
        # The model refuses to be asked about NaN, and one image's must not end the others.
        clean = self._kept(clean)
        answer, gradient = self._asked(clean)
        length = gradient.flatten(1).pow(2).sum(1)
        step = scale * (self.wanted - answer) / length.clamp_min(1e-12)
        root = length.div(gradient[0].numel()).sqrt() * step.abs()
        step = step * (_LONGEST / root.clamp_min(_LONGEST))
        return self._kept(clean + _rows(step, gradient) * gradient)

    def _asked(self, clean: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-odds of a positive decision, and their gradient."""
        with torch.enable_grad():
            given = clean.detach().requires_grad_()
            positive = torch.ones(len(given), dtype=torch.long, device=given.device)
            answer = self._model.log_odds(self.shown(given).clamp(0, 1), positive)
            gradient = torch.autograd.grad(answer.sum(), given)[0]
        return answer.detach(), gradient

    def _kept(self, latents: torch.Tensor) -> torch.Tensor:
        """Latents; those of images that are no longer finite are the images' own, or 0."""
        self.finite = self.finite & torch.isfinite(latents).flatten(1).all(1)
        return torch.where(_rows(self.finite, latents), latents, self.own.nan_to_num(0.0, 0.0, 0.0))


def _smooth(images: torch.Tensor) -> torch.Tensor:
    """Binomial filter of 3x3 pixels: gradients alternate between neighbours, which nothing natural does."""
    line = images.new_tensor([0.25, 0.5, 0.25])
    kernel = torch.outer(line, line).expand(images.shape[1], 1, 3, 3)
    padded = functional.pad(images, (1, 1, 1, 1), mode="replicate")
    return functional.conv2d(padded, kernel, groups=images.shape[1])


def _rows(values: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """One value (N,) per image, to be multiplied with ``like``."""
    return values.view(-1, *[1] * (like.dim() - 1))


def _refuse(model: Model) -> None:
    card = model.card
    if not card.gradients:
        raise AuditError(
            f"{card.path}: '{card.model}' has no gradients, so that it cannot guide a diffusion model"
        )
    if card.table or not card.scored:
        raise AuditError(
            f"{card.path}: '{card.model}' cannot guide a diffusion model: a model of pictures alone with a "
            "score was expected"
        )


def _noise_levels(parts: TextToImage) -> torch.Tensor:
    """The share of the clean latents' variance by timestep."""
    levels = getattr(parts.scheduler, "alphas_cumprod", None)
    if not isinstance(levels, torch.Tensor):
        raise AuditError(
            f"the pipeline's scheduler {type(parts.scheduler).__name__} has no 'alphas_cumprod': a diffusion "
            "model of discrete noise levels was expected"
        )
    return levels.detach().double().cpu()


def _expanded(null: Conditioning, count: int) -> Conditioning:
    """The null caption's conditioning once per image."""

    def every(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: every(inner) for name, inner in value.items()}
        return value.expand(count, *value.shape[1:])

    return Conditioning(every(null.states), every(null.extra))
