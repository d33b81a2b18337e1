"""The interface of text-to-image diffusion models, which generation and training rely on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import nn

Tokens = Mapping[str, torch.Tensor]
"""Integer tensors whose first axis is the caption."""


@dataclass(frozen=True)
class Conditioning:
    """What the U-Net is told.

    Attributes:
        states: (N, L, C) hidden states that it attends to.
        extra: further arguments of the U-Net; every tensor's first axis is the caption.
    """

    states: torch.Tensor
    extra: Mapping[str, Any] = field(default_factory=dict)


class TextToImage(Protocol):
    """A pipeline taken apart: captions to conditioning, images to latents, U-Net, and back.

    Attributes:
        unet: predicts what ``scheduler.config.prediction_type`` says.
        text_encoders: one or two; all that training may change besides the U-Net.
        scheduler: of diffusers; the one that the folder names.
        latent_shape: (C, h, w) of one image's latents.
        size: (height, width) of images in pixels.
    """

    unet: nn.Module
    text_encoders: Sequence[nn.Module]
    scheduler: Any
    latent_shape: tuple[int, int, int]
    size: tuple[int, int]

    @property
    def device(self) -> torch.device:
        """Where it runs."""
        ...

    def to(self, device: torch.device, precision: torch.dtype = torch.float32) -> "TextToImage":
        """Move it; ``precision`` is of U-Net and text encoders."""
        ...

    def tokens(self, captions: Sequence[str]) -> Tokens:
        """Token ids on the CPU, padded to one length whatever the captions; the null caption is ''."""
        ...

    def truncated(self, captions: Sequence[str]) -> list[bool]:
        """Which captions are longer than the tokenizer takes."""
        ...

    def condition(self, tokens: Tokens) -> Conditioning:
        """Differentiable; tokens may be on the CPU."""
        ...

    def predict(
        self, latents: torch.Tensor, timesteps: torch.Tensor, conditioning: Conditioning
    ) -> torch.Tensor:
        """The U-Net's prediction (N, C, h, w) for latents already scaled by the scheduler; timesteps (N,)."""
        ...

    def encode(self, images: torch.Tensor, noise: torch.Tensor | None = None) -> torch.Tensor:
        """Latents of images (N, 3, H, W) in [-1, 1].

        ``noise`` (N, *latent_shape) samples the posterior of a VAE; None takes its mean.
        """
        ...

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Images (N, 3, H, W), about [-1, 1], of latents."""
        ...

    def save(self, folder: Any) -> None:
        """Write it in the layout it was read from: safetensors, JSON, no code."""
        ...
