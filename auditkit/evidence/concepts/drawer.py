"""Drawing images in batches of one fixed size, with a generator that all threads share."""

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from auditkit.evidence.kinds import Settings
from auditkit.evidence.stages import batcher_for
from auditkit.evidence.store import Arrays
from auditkit.models.diffusion.folder import pipeline_digest
from auditkit.spec.generator_card import GeneratorCard

if TYPE_CHECKING:
    import torch

    from auditkit.models.diffusion.parts import TextToImage

_loading = threading.Lock()
# The last one only: generators are large, and audits use one at a time.
_loaded: "dict[tuple[str, ...], TextToImage]" = {}


class Drawer:
    """Draws images of captions; one per thread.

    Attributes:
        drawn: images drawn so far; what fills a batch up is not counted.
    """

    def __init__(self, parts: "TextToImage", card: GeneratorCard, settings: Settings) -> None:
        self.parts, self.card, self.drawn = parts, card, 0
        self._batcher = batcher_for(settings)

    def draw(self, captions: Sequence[str], seeds: Sequence[int]) -> Arrays:
        """Images of captions, each with its seed's noise.

        Returns:
            ``image`` uint8 (N, H, W, 3), ``finite`` bool (N,), and ``truncated`` bool (N,): whether the
            tokenizer had to cut the caption.
        """
        import torch

        from auditkit.models.diffusion.sampling import generate, truncated

        card = self.card

        def batch(rows: "torch.Tensor") -> "torch.Tensor":
            chosen = rows.tolist()
            images, finite = generate(
                self.parts,
                [captions[row] for row in chosen],
                [seeds[row] for row in chosen],
                steps=card.steps,
                guidance=card.guidance,
                scheduler=card.scheduler,
            )
            return torch.cat([images.flatten(1), finite[:, None].to(torch.uint8)], dim=1)

        found = self._batcher.map(batch, torch.arange(len(captions))).numpy()
        self.drawn += len(captions)
        return {
            "image": found[:, :-1].reshape(len(captions), *self.parts.size, 3),
            "finite": found[:, -1].astype(bool),
            "truncated": np.array(truncated(self.parts, captions)),
        }


def drawer_of(card: GeneratorCard, settings: Settings) -> Drawer:
    """A thread's own drawer; the generator is loaded once per process.

    Raises:
        AuditError: it cannot be read.
    """
    from auditkit.models.diffusion.load import load_generator

    # Its path is in messages only; what it draws follows from the rest.
    key = (pipeline_digest(card), str(card.size), settings.device, settings.precision)
    with _loading:
        if key not in _loaded:
            parts = load_generator(card, settings.device, settings.precision)
            _loaded.clear()
            _loaded[key] = parts
        return Drawer(_loaded[key], card, settings)
