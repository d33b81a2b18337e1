"""Stable Diffusion XL: two text encoders, and the size as a condition."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from auditkit.models.diffusion.folder import XL
from auditkit.models.diffusion.latent import LatentTextToImage
from auditkit.models.diffusion.parts import Conditioning, Tokens


class XLTextToImage(LatentTextToImage):
    """Podell et al., arXiv:2307.01952.

    Deviates: where the pipeline says ``force_zeros_for_empty_prompt``, the null caption is zeros
    wherever it occurs, so that training and guidance agree; diffusers does so in guidance alone.

    Args:
        unet: UNet2DConditionModel with text and times added.
        vae: AutoencoderKL.
        texts: CLIPTextModel and CLIPTextModelWithProjection, each with its tokenizer.
        scheduler: of diffusers.
        size: side of the images in pixels; None is as trained.
        null_is_zero: ``force_zeros_for_empty_prompt``.

    Raises:
        AuditError: the parts do not fit one another.
    """

    NAME = XL
    ADDED = "text_time"

    def __init__(
        self,
        unet: nn.Module,
        vae: nn.Module,
        texts: Sequence[tuple[nn.Module, Any]],
        scheduler: Any,
        size: int | None = None,
        *,
        null_is_zero: bool = True,
    ) -> None:
        super().__init__(unet, vae, texts, scheduler, size)
        self.null_is_zero = null_is_zero

    def condition(self, tokens: Tokens) -> Conditioning:
        """The encoders' last but one hidden states side by side, the second's projection, and sizes."""
        states, pooled = [], None
        for place, encoder in enumerate(self.text_encoders):
            ids = tokens[f"ids{place}"].to(self.device)
            answer = encoder(ids, output_hidden_states=True)
            states.append(answer.hidden_states[-2])
            pooled = answer[0]
        joined = torch.cat(states, dim=-1)
        assert pooled is not None
        if self.null_is_zero:
            said = ~tokens["null"].to(self.device)
            joined, pooled = joined * said[:, None, None], pooled * said[:, None]
        # Original size, corner of the crop, target size; bfloat16 could not tell 1000 from 1001.
        sizes = torch.tensor([[*self.size, 0, 0, *self.size]], dtype=torch.float32)
        sizes = sizes.to(self.device).expand(len(joined), -1)
        return Conditioning(
            joined, {"added_cond_kwargs": {"text_embeds": pooled, "time_ids": sizes}}
        )

    def _index(self) -> Mapping[str, Any]:
        absent = {slot: [None, None] for slot in ("image_encoder", "feature_extractor")}
        return {
            **absent,
            "force_zeros_for_empty_prompt": self.null_is_zero,
            "add_watermarker": None,
        }

    def _refuse_misfit(self) -> None:
        super()._refuse_misfit()
        read: Any = self.text_encoders[1]
        width = 6 * (self._unet.addition_time_embed_dim or 0) + read.config.projection_dim
        found = self._unet.projection_class_embeddings_input_dim
        self._expect(
            "projection_class_embeddings_input_dim", found, width,
            "six size embeddings and the second text encoder's projection_dim",
        )  # fmt: skip
