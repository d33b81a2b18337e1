"""Small text-to-image models without an autoencoder, to be trained on a CPU.

Images are rearranged into latents by pixel unshuffling (Shi et al., arXiv:1609.05158, backwards): a
factor f turns (3, H, W) into (3 f f, H / f, W / f) and back without loss. Coordinates are added to the
U-Net's input, so that a caption can name a place.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import diffusers
import torch
from torch import nn
from torch.nn import functional

from auditkit.errors import AuditError
from auditkit.models.diffusion.components import network, quiet, scheduler
from auditkit.models.diffusion.folder import MOST_PIXELS, pipeline_folder
from auditkit.models.diffusion.parts import Conditioning, Tokens
from auditkit.models.diffusion.phrases import PhraseEncoder

NAME = "PixelTextToImage"
COORDINATES = 4
_MOST_FACTOR = 64


@dataclass(frozen=True)
class Colours:
    """Mean of red, green and blue in [-1, 1], and their spread."""

    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    spread: float = 1.0


PLAIN = Colours()
# Without types: diffusers' own are incomplete.
_UNET: Any = diffusers.UNet2DConditionModel
_SCHEDULER: Any = diffusers.DPMSolverMultistepScheduler


class PixelTextToImage:
    """A `TextToImage` of a U-Net on unshuffled pixels and a `PhraseEncoder`.

    Args:
        unet: with ``3 f f + 4`` input channels, ``3 f f`` output channels, and a class embedding
            projected from the phrases' mean.
        text_encoder: its width is the U-Net's cross-attention dimension.
        scheduler: of diffusers.
        factor: f.
        colours: mean of red, green and blue in [-1, 1], and the spread by which they are divided, so that
            latents have a standard deviation of about 1: faint contrasts would drown in the noise.
    """

    def __init__(
        self,
        unet: nn.Module,
        text_encoder: PhraseEncoder,
        scheduler: Any,
        factor: int,
        colours: Colours = PLAIN,
    ) -> None:
        self.unet, self.text_encoder, self.scheduler, self.factor = (
            unet,
            text_encoder,
            scheduler,
            factor,
        )
        self.text_encoders: Sequence[nn.Module] = [text_encoder]
        read: Any = unet
        side = int(read.config.sample_size)
        self.latent_shape = (3 * factor**2, side, side)
        self.size = (side * factor, side * factor)
        self.colours = colours
        self._precision = torch.float32
        self._coordinates = _coordinates(side)

    @classmethod
    def untrained(
        cls,
        vocabulary: Sequence[str],
        *,
        size: int,
        factor: int,
        channels: Sequence[int] = (32, 64, 96),
        heads: int = 16,
        width: int = 64,
        phrases: int = 8,
        colours: Colours = PLAIN,
        seed: int = 0,
    ) -> Self:
        """A new model with random weights from a seed.

        Args:
            vocabulary: words of captions.
            size: side of images in pixels.
            factor: pixels per side of one latent pixel.
            channels: of the U-Net's levels, the first without attention.
            heads: of attention, a divisor of every number of channels.
            width: of a phrase's token.
            phrases: that a caption may have.
            colours: mean and spread of the pictures.
            seed: of the weights.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            text_encoder = PhraseEncoder(sorted(vocabulary), width=width, phrases=phrases)
            deep = len(channels) - 1
            unet = _UNET(
                sample_size=size // factor,
                in_channels=3 * factor**2 + COORDINATES,
                out_channels=3 * factor**2,
                block_out_channels=tuple(channels),
                down_block_types=("DownBlock2D", *["CrossAttnDownBlock2D"] * deep),
                up_block_types=(*["CrossAttnUpBlock2D"] * deep, "UpBlock2D"),
                layers_per_block=1,
                attention_head_dim=heads,  # diffusers takes it for the number of heads
                cross_attention_dim=width,
                norm_num_groups=16,
                class_embed_type="projection",
                projection_class_embeddings_input_dim=width,
            )
        own = _SCHEDULER(
            num_train_timesteps=1000,
            beta_schedule="squaredcos_cap_v2",
            prediction_type="v_prediction",
            timestep_spacing="trailing",
        )
        return cls(unet, text_encoder, own, factor, colours)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read from a folder that `save` wrote.

        Raises:
            AuditError: files are missing or damaged, or do not belong together.
        """
        found = pipeline_folder(folder)
        unet = network(folder / "unet", found.classes["unet"])
        encoder = PhraseEncoder.load(folder / "text_encoder")
        factor = found.index.get("factor")
        _refuse_misfit(folder, unet, encoder, factor)
        own = scheduler(folder / "scheduler", found.classes["scheduler"])
        return cls(unet, encoder, own, int(str(factor)), _colours(folder, found.index))

    def save(self, folder: Path) -> None:
        """Write safetensors and JSON, in the precision that the networks have."""
        folder.mkdir(parents=True, exist_ok=True)
        unet: Any = self.unet
        unet.save_pretrained(folder / "unet")
        self.scheduler.save_pretrained(folder / "scheduler")
        self.text_encoder.save(folder / "text_encoder")
        index = {
            "_class_name": NAME,
            "factor": self.factor,
            "colours": {"mean": list(self.colours.mean), "spread": self.colours.spread},
            "unet": ["diffusers", "UNet2DConditionModel"],
            "text_encoder": ["auditkit", "PhraseEncoder"],
            "scheduler": ["diffusers", type(self.scheduler).__name__],
        }
        text = json.dumps(index, indent=2) + "\n"
        (folder / "model_index.json").write_text(text, encoding="utf-8")

    @property
    def device(self) -> torch.device:
        """Where it runs."""
        return next(self.unet.parameters()).device

    def to(self, device: torch.device, precision: torch.dtype = torch.float32) -> Self:
        """Move it; files in half precision are computed with in ``precision``."""
        with quiet():
            self.unet.to(device=device, dtype=precision)
        self.text_encoder.to(device=device, dtype=precision)
        self._coordinates = self._coordinates.to(device)
        self._precision = precision
        return self

    def tokens(self, captions: Sequence[str]) -> Tokens:
        """Word ids (N, phrases, words)."""
        return {"ids": self.text_encoder.ids(captions)}

    def truncated(self, captions: Sequence[str]) -> list[bool]:
        """Which captions have more phrases or longer ones than there is room for."""
        return [self.text_encoder.too_long(caption) for caption in captions]

    def condition(self, tokens: Tokens) -> Conditioning:
        """One state per phrase, and their mean as the U-Net's class embedding."""
        states, pooled = self.text_encoder(tokens["ids"].to(self.device))
        return Conditioning(states, {"class_labels": pooled})

    def predict(
        self, latents: torch.Tensor, timesteps: torch.Tensor, conditioning: Conditioning
    ) -> torch.Tensor:
        """The U-Net's prediction."""
        places = self._coordinates.to(latents.dtype).expand(len(latents), -1, -1, -1)
        given = torch.cat([latents, places], dim=1)
        answer: torch.Tensor = self.unet(
            given.to(self._precision), timesteps, conditioning.states, **conditioning.extra
        ).sample
        return answer.to(latents.dtype)

    def encode(self, images: torch.Tensor, noise: torch.Tensor | None = None) -> torch.Tensor:  # noqa: ARG002 the protocol's; nothing is sampled here
        """Images (N, 3, H, W) rearranged."""
        mean = images.new_tensor(self.colours.mean).view(3, 1, 1)
        return functional.pixel_unshuffle((images - mean) / self.colours.spread, self.factor)

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Latents rearranged."""
        mean = latents.new_tensor(self.colours.mean).view(3, 1, 1)
        return functional.pixel_shuffle(latents, self.factor) * self.colours.spread + mean


def _colours(folder: Path, index: Mapping[str, Any]) -> Colours:
    """What `model_index.json` says of colours; folders without it have plain ones."""
    said = index.get("colours", {"mean": [0.0, 0.0, 0.0], "spread": 1.0})
    mean = said.get("mean") if isinstance(said, dict) else None
    numbers = [*mean, said["spread"]] if isinstance(mean, list) and "spread" in said else []
    if len(numbers) != 4 or not all(type(n) in (int, float) and abs(n) < 10 for n in numbers):
        numbers = [0.0, 0.0, 0.0, 0.0]
    red, green, blue, spread = map(float, numbers)
    if not spread > 0.0:
        raise AuditError(
            f"{folder / 'model_index.json'}: 'colours' is {said!s:.80}; a mean of three numbers and a "
            "positive spread were expected: give the file that was saved with the networks"
        )
    return Colours((red, green, blue), spread)


def _refuse_misfit(folder: Path, unet: Any, encoder: PhraseEncoder, factor: object) -> None:
    """Hold the U-Net against factor and text encoder."""
    index = folder / "model_index.json"
    if type(factor) is not int or not 1 <= factor <= _MOST_FACTOR:
        raise AuditError(
            f"{index}: 'factor' is {factor!s:.50}; a whole number from 1 to {_MOST_FACTOR} was expected: "
            "give the file that was saved with the networks"
        )
    width, read = encoder.word.embedding_dim, unet.config
    wanted = {
        "in_channels": 3 * factor**2 + COORDINATES,
        "out_channels": 3 * factor**2,
        "cross_attention_dim": width,
        "class_embed_type": "projection",
        "projection_class_embeddings_input_dim": width,
    }
    for name, value in wanted.items():
        if read[name] != value:
            raise AuditError(
                f"{folder}/unet/config.json: {name} is {read[name]!s:.50}; {value} was expected, by the "
                f"factor {factor} of model_index.json and the text encoder's width {width}: give components "
                "that belong together"
            )
    if type(read.sample_size) is not int or not 1 <= read.sample_size * factor <= MOST_PIXELS:
        raise AuditError(
            f"{folder}/unet/config.json: sample_size is {read.sample_size!s:.50}; a whole number was "
            f"expected with which images have at most {MOST_PIXELS} pixels a side: fetch the folder again"
        )


def _coordinates(side: int) -> torch.Tensor:
    """Return x and y in [-1, 1], and cosines of both, (4, side, side)."""
    line = torch.linspace(-1.0, 1.0, side)
    y, x = torch.meshgrid(line, line, indexing="ij")
    return torch.stack([x, y, torch.cos(torch.pi * x), torch.cos(torch.pi * y)])
