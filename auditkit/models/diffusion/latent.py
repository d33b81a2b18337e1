"""What Stable Diffusion's families have in common: an autoencoder's latents, Transformers' text encoders."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self, cast

import torch
from torch import nn

from auditkit.errors import AuditError
from auditkit.models.diffusion.components import quiet
from auditkit.models.diffusion.folder import MOST_PIXELS
from auditkit.models.diffusion.parts import Conditioning, Tokens


class LatentTextToImage:
    """A `TextToImage` of a U-Net on the latents of an autoencoder (Rombach et al., arXiv:2112.10752).

    The autoencoder always computes in float32: in half precision that of Stable Diffusion XL overflows.

    Args:
        unet: UNet2DConditionModel.
        vae: AutoencoderKL.
        texts: text encoders, each with its tokenizer.
        scheduler: of diffusers.
        size: side of the images in pixels; None is as trained.

    Raises:
        AuditError: the parts do not fit one another.
    """

    NAME: ClassVar[str]
    ADDED: ClassVar[str | None] = None

    def __init__(
        self,
        unet: nn.Module,
        vae: nn.Module,
        texts: Sequence[tuple[nn.Module, Any]],
        scheduler: Any,
        size: int | None = None,
    ) -> None:
        self.unet, self.vae, self.scheduler = unet, vae, scheduler
        self.text_encoders: Sequence[nn.Module] = [encoder for encoder, _ in texts]
        self.tokenizers = [tokenizer for _, tokenizer in texts]
        self._lengths = [_length(encoder, tokenizer) for encoder, tokenizer in texts]
        self._read = cast("Any", vae)
        # One image at a time: the largest activations are the decoder's, and each image's arithmetic
        # does not depend on its neighbours.
        self._read.enable_slicing()
        vae.requires_grad_(requires_grad=False)
        self._refuse_misfit()
        factor = 2 ** (len(self._read.config.block_out_channels) - 1)
        self.size = self._size(size, factor)
        self.latent_shape = (
            int(self._unet.in_channels),
            self.size[0] // factor,
            self.size[1] // factor,
        )

    @property
    def device(self) -> torch.device:
        """Where it runs."""
        return next(self.unet.parameters()).device

    def to(self, device: torch.device, precision: torch.dtype = torch.float32) -> Self:
        """Move it; ``precision`` is of U-Net and text encoders."""
        with quiet():
            for module in (self.unet, *self.text_encoders):
                module.to(device=device, dtype=precision)
            self.vae.to(device=device, dtype=torch.float32)
        return self

    def tokens(self, captions: Sequence[str]) -> Tokens:
        """Token ids (N, L) and masks of each encoder, and which captions are the null caption."""
        found = {"null": torch.tensor([caption == "" for caption in captions])}
        for place, (tokenizer, length) in enumerate(
            zip(self.tokenizers, self._lengths, strict=True)
        ):
            given = tokenizer(
                list(captions), padding="max_length", max_length=length, truncation=True,
                return_tensors="pt",
            )  # fmt: skip
            found[f"ids{place}"], found[f"mask{place}"] = given.input_ids, given.attention_mask
        return found

    def truncated(self, captions: Sequence[str]) -> list[bool]:
        """Which captions are longer than one of the tokenizers takes."""
        cut = [False] * len(captions)
        for tokenizer, length in zip(self.tokenizers, self._lengths, strict=True):
            whole = tokenizer(list(captions), truncation=False, verbose=False).input_ids
            cut = [was or len(ids) > length for was, ids in zip(cut, whole, strict=True)]
        return cut

    def condition(self, tokens: Tokens) -> Conditioning:
        """What the U-Net is told."""
        raise NotImplementedError

    def predict(
        self, latents: torch.Tensor, timesteps: torch.Tensor, conditioning: Conditioning
    ) -> torch.Tensor:
        """The U-Net's prediction, in the latents' precision."""
        precision = next(self.unet.parameters()).dtype
        answer: torch.Tensor = self.unet(
            latents.to(precision),
            timesteps,
            conditioning.states.to(precision),
            **conditioning.extra,
        ).sample
        return answer.to(latents.dtype)

    def encode(self, images: torch.Tensor, noise: torch.Tensor | None = None) -> torch.Tensor:
        """Latents of images (N, 3, H, W) in [-1, 1]: the posterior's mean, or a sample of it."""
        with torch.no_grad():
            posterior = self._read.encode(images.float()).latent_dist
        drawn: torch.Tensor = posterior.mean
        if noise is not None:
            drawn = drawn + posterior.std * noise
        scale, shift = self._scaling(drawn)
        return (drawn - shift) * scale

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Images (N, 3, H, W), about [-1, 1], of latents."""
        scale, shift = self._scaling(latents)
        images: torch.Tensor = self._read.decode((latents / scale + shift).float()).sample
        return images

    def save(self, folder: Path) -> None:
        """Write the layout of diffusers: safetensors, JSON, no code."""
        folder.mkdir(parents=True, exist_ok=True)
        for slot, part in self._parts().items():
            part.save_pretrained(folder / slot)
        index = {
            "_class_name": self.NAME,
            **{slot: [_library(part), type(part).__name__] for slot, part in self._parts().items()},
            **self._index(),
        }
        text = json.dumps(index, indent=2, sort_keys=True) + "\n"
        (folder / "model_index.json").write_text(text, encoding="utf-8")

    def _parts(self) -> dict[str, Any]:
        parts: dict[str, Any] = {"unet": self.unet, "vae": self.vae, "scheduler": self.scheduler}
        for place, (encoder, tokenizer) in enumerate(
            zip(self.text_encoders, self.tokenizers, strict=True)
        ):
            ending = f"_{place + 1}" if place else ""
            parts |= {f"text_encoder{ending}": encoder, f"tokenizer{ending}": tokenizer}
        return parts

    def _index(self) -> Mapping[str, Any]:
        """What else model_index.json says."""
        raise NotImplementedError

    @property
    def _unet(self) -> Any:
        unet: Any = self.unet
        return unet.config

    def _size(self, size: int | None, factor: int) -> tuple[int, int]:
        if size is not None:
            if size % factor:
                raise AuditError(
                    f"size: {size} is no multiple of {factor}, which the autoencoder needs"
                )
            return size, size
        trained = self._unet.sample_size
        sides = trained if isinstance(trained, list | tuple) else (trained, trained)
        whole = len(sides) == 2 and all(type(side) is int for side in sides)
        if not whole or not all(1 <= side * factor <= MOST_PIXELS for side in sides):
            raise AuditError(
                f"the U-Net's sample_size is {trained!s:.50}; a whole number was expected with which "
                f"images have at most {MOST_PIXELS} pixels a side: say 'size' in the generator's card"
            )
        return sides[0] * factor, sides[1] * factor

    def _scaling(self, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(scale, shift) by channel: latents of the U-Net are (those of the autoencoder - shift) * scale."""
        config = self._read.config
        scale = like.new_tensor(config.scaling_factor)
        mean, deviation = config.get("latents_mean"), config.get("latents_std")
        if mean is not None and deviation is not None:
            return (scale / like.new_tensor(deviation)).view(1, -1, 1, 1), like.new_tensor(
                mean
            ).view(1, -1, 1, 1)
        return scale, like.new_tensor(config.get("shift_factor") or 0.0)

    def _refuse_misfit(self) -> None:
        unet, vae = self._unet, self._read.config
        width = sum(_config(encoder).hidden_size for encoder in self.text_encoders)
        self._expect(
            "cross_attention_dim", unet.cross_attention_dim, width, "the text encoder's hidden_size"
        )
        self._expect(
            "in_channels",
            unet.in_channels,
            vae.latent_channels,
            "the autoencoder's latent_channels",
        )
        self._expect(
            "out_channels",
            unet.out_channels,
            vae.latent_channels,
            "the autoencoder's latent_channels",
        )
        self._refuse_scaling()
        for encoder, tokenizer in zip(self.text_encoders, self.tokenizers, strict=True):
            tokens = max([len(tokenizer), *(id_ + 1 for id_ in tokenizer.get_vocab().values())])
            if tokens > _config(encoder).vocab_size:
                raise AuditError(
                    f"the tokenizer has {tokens} tokens, the text encoder's vocab_size is "
                    f"{_config(encoder).vocab_size}; give those that belong together"
                )
        for name in (
            "time_cond_proj_dim",
            "encoder_hid_dim",
            "class_embed_type",
            "num_class_embeds",
        ):
            if unet.get(name) is not None:
                raise AuditError(
                    f"the U-Net has '{name}' (distilled guidance, classes or images as conditions), which "
                    f"a {self.NAME} is not given here; use one without it"
                )
        self._expect(
            "addition_embed_type", unet.addition_embed_type, self.ADDED, "that of its kind"
        )

    def _refuse_scaling(self) -> None:
        """Numbers of the autoencoder's config that no weight is held against."""
        config = self._read.config
        channels = config.latent_channels
        for name, length in (("scaling_factor", None), ("shift_factor", None),
                             ("latents_mean", channels), ("latents_std", channels)):  # fmt: skip
            given = config.get(name)
            if given is None and name != "scaling_factor":
                continue
            numbers = [given] if length is None else given
            listed = isinstance(numbers, list | tuple) and len(numbers) == (length or 1)
            if not listed or not all(map(_is_finite, numbers)) or (
                name in ("scaling_factor", "latents_std") and 0 in numbers
            ):  # fmt: skip
                raise AuditError(
                    f"the autoencoder's {name} is {given!s:.100}; "
                    f"{length or 1} finite number(s) were expected: fetch its config.json again"
                )

    def _expect(self, name: str, found: Any, wanted: Any, whose: str) -> None:
        if found != wanted:
            raise AuditError(
                f"the U-Net's {name} is {found}, {whose} is {wanted}; give components that belong together"
            )


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _config(module: nn.Module) -> Any:
    read: Any = module
    return read.config


def _length(encoder: nn.Module, tokenizer: Any) -> int:
    """Tokens of a caption: a tokenizer's own limit is absurdly high where nobody set one.

    Raises:
        AuditError: captions cannot be brought to that length.
    """
    length = min(int(tokenizer.model_max_length), int(_config(encoder).max_position_embeddings))
    try:
        tokenizer([""], padding="max_length", max_length=length, truncation=True)
    except Exception as error:  # without a token to pad with, or with a damaged one
        raise AuditError(
            f"the tokenizer cannot fill a caption up to {length} tokens ({error!s:.300}); fetch its "
            "folder again"
        ) from error
    return length


def _library(part: Any) -> str:
    return type(part).__module__.partition(".")[0]
