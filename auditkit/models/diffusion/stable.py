"""Stable Diffusion 1.x and 2.x: one text encoder, CLIP's or a BERT in its place."""

from collections.abc import Mapping
from typing import Any

from auditkit.models.diffusion.folder import STABLE
from auditkit.models.diffusion.latent import LatentTextToImage
from auditkit.models.diffusion.parts import Conditioning, Tokens


class StableTextToImage(LatentTextToImage):
    """Rombach et al., arXiv:2112.10752; with a clinical BERT as in Jabbour et al., arXiv:2407.14509.

    Whether the U-Net predicts noise or velocity (2.x) is said by the scheduler's configuration.
    """

    NAME = STABLE

    def condition(self, tokens: Tokens) -> Conditioning:
        """The encoder's last hidden states, (N, L, C)."""
        encoder: Any = self.text_encoders[0]
        masked = getattr(encoder.config, "use_attention_mask", False)
        mask = tokens["mask0"].to(self.device) if masked else None
        return Conditioning(encoder(tokens["ids0"].to(self.device), attention_mask=mask)[0])

    def _index(self) -> Mapping[str, Any]:
        absent = ("safety_checker", "feature_extractor", "image_encoder")
        return {**{slot: [None, None] for slot in absent}, "requires_safety_checker": False}
