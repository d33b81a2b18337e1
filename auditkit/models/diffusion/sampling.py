"""Drawing images: each from noise of its own, so that an image depends on its caption and seed alone."""

import inspect
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from auditkit.errors import AuditError
from auditkit.models.diffusion.components import library
from auditkit.models.diffusion.parts import Conditioning, TextToImage
from auditkit.models.watching import drawing
from auditkit.spec.generator_card import Scheduler

_CLASSES: Mapping[Scheduler, tuple[str, Mapping[str, Any]]] = {
    "ddim": ("DDIMScheduler", {}),
    "ddpm": ("DDPMScheduler", {}),
    "dpm-solver++": ("DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver++"}),
    "euler": ("EulerDiscreteScheduler", {}),
    "unipc": ("UniPCMultistepScheduler", {}),
}
# Transformers' tokenizers cannot be asked by two threads at once.
_encoding = threading.Lock()


@torch.no_grad()
def generate(
    parts: TextToImage,
    captions: Sequence[str],
    seeds: Sequence[int],
    *,
    steps: int,
    guidance: float,
    scheduler: Scheduler = "own",
) -> tuple[torch.Tensor, torch.Tensor]:
    """Images of captions.

    Classifier-free guidance (Ho and Salimans, arXiv:2207.12598): the prediction is u + g (c - u), c with
    the caption and u with the null caption ''; a scale of 1 asks with the caption alone. The scheduler
    computes in float32. All noise of an image is drawn on the CPU from its own seed.

    Args:
        parts: the pipeline.
        captions: N captions.
        seeds: N seeds, 0 to 2^63 - 1.
        steps: of the scheduler.
        guidance: the scale g, at least 1.
        scheduler: `own` is the pipeline's.

    Returns:
        images, uint8 (N, H, W, 3), and which of them are finite, bool (N,), on the CPU; where one is not,
        the image is black.

    Raises:
        AuditError: the scheduler cannot take so many steps.
    """
    drawing(len(captions))
    device = parts.device
    runs = _prepared(parts.scheduler, scheduler, steps, device)
    generators = [torch.Generator("cpu").manual_seed(seed) for seed in seeds]
    noise = [torch.randn(parts.latent_shape, generator=generator) for generator in generators]
    latents = torch.stack(noise).to(device) * runs.init_noise_sigma
    conditioning = _conditioning(parts, captions, guided=guidance > 1)
    accepted = inspect.signature(runs.step).parameters
    more = {"generator": generators} if "generator" in accepted else {}
    with _explained(type(runs).__name__, steps):
        for timestep in runs.timesteps:
            given = runs.scale_model_input(latents, timestep)
            guess = _guess(parts, given, timestep, conditioning, guidance)
            latents = runs.step(guess, timestep, latents, **more, return_dict=False)[0]
    return _pictures(latents, parts.decode(latents))


def truncated(parts: TextToImage, captions: Sequence[str]) -> list[bool]:
    """Which captions are longer than the tokenizer takes; may be asked by several threads."""
    with _encoding:
        return parts.truncated(captions)


def _prepared(own: Any, name: Scheduler, steps: int, device: torch.device) -> Any:
    """A scheduler of this call's own: they keep state between steps."""
    kind, changes = (type(own).__name__, {}) if name == "own" else _CLASSES[name]
    with _explained(kind, steps):
        # The own class may be none of diffusers' exports; its config is complete either way.
        made = type(own) if name == "own" else getattr(library("diffusers"), kind)
        runs = made.from_config(own.config, **changes)
        runs.set_timesteps(steps, device=device)
        if not len(runs.timesteps):
            raise ValueError("it takes no step at all")
    return runs


@contextmanager
def _explained(kind: str, steps: int) -> Iterator[None]:
    """Name what diffusers' own code stumbles over: settings of a folder are tried by drawing alone."""
    try:
        yield
    except torch.OutOfMemoryError:  # the batch is halved
        raise
    except (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError,
            ValueError) as error:  # fmt: skip
        raise AuditError(
            f"scheduler: {kind} cannot draw in {steps} steps ({error!s:.300}); choose other steps or "
            "another scheduler in the generator's card, or mend the pipeline's scheduler_config.json"
        ) from error


def _conditioning(parts: TextToImage, captions: Sequence[str], *, guided: bool) -> Conditioning:
    """Of the captions; in front of them, if there is guidance, as many times the null caption."""
    with _encoding:
        said = parts.condition(parts.tokens(captions))
        if not guided:
            return said
        null = parts.condition(parts.tokens([""]))
    count = len(captions)

    def join(nothing: torch.Tensor, something: torch.Tensor) -> torch.Tensor:
        return torch.cat([nothing.expand(count, *nothing.shape[1:]), something])

    return Conditioning(join(null.states, said.states), _joined(null.extra, said.extra, join))


def _joined(
    first: Mapping[str, Any],
    second: Mapping[str, Any],
    join: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
) -> dict[str, Any]:
    """Tensors of two nested mappings joined."""
    return {
        name: _joined(value, second[name], join)
        if isinstance(value, Mapping)
        else join(value, second[name])
        for name, value in first.items()
    }


def _guess(
    parts: TextToImage,
    latents: torch.Tensor,
    timestep: torch.Tensor,
    conditioning: Conditioning,
    guidance: float,
) -> torch.Tensor:
    if guidance <= 1:
        return parts.predict(latents, timestep.expand(len(latents)), conditioning)
    twice = torch.cat([latents, latents])
    without, with_caption = parts.predict(twice, timestep.expand(len(twice)), conditioning).chunk(2)
    return without + guidance * (with_caption - without)


def _pictures(latents: torch.Tensor, decoded: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    finite = torch.isfinite(latents).flatten(1).all(1) & torch.isfinite(decoded).flatten(1).all(1)
    shown = torch.where(finite[:, None, None, None], decoded.float(), -1.0)
    pixels = ((shown / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
    return pixels.permute(0, 2, 3, 1).contiguous().cpu(), finite.cpu()
