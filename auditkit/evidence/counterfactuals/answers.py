"""What the model answers to counterfactuals, and how far they are from the image."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from auditkit.evidence.counterfactuals.generating import Generating, generator_identity
from auditkit.evidence.counterfactuals.kinds import Counterfactuals
from auditkit.evidence.counterfactuals.pictures import pair_arrays
from auditkit.evidence.engine import Compute
from auditkit.evidence.kinds import Floats, Settings
from auditkit.evidence.store import Arrays
from auditkit.spec.counterfactual_card import CounterfactualCard

if TYPE_CHECKING:
    import torch

    from auditkit.evidence.evidence import Evidence
    from auditkit.models.model import Model


def counterfactuals(evidence: "Evidence", card: CounterfactualCard) -> Counterfactuals:
    """The counterfactuals of every image, measured. Every generated picture has 8 bits, cycles' too.

    Raises:
        AuditError: the generator cannot be read, or the model's answers to its pictures are not finite.
    """
    own = evidence.scores().score
    worker = partial(_answers_worker, card=card, own=own, ends=pair_arrays(evidence, card))
    name = f"answers to counterfactuals {card.counterfactual}"
    identity = generator_identity(evidence, card)
    arrays = evidence.gather(name, identity, worker, "counterfactual answers")
    return Counterfactuals(own=own, **arrays)


def _answers_worker(
    evidence: "Evidence",
    make: "Callable[[], Model]",
    settings: Settings,
    _parameters: dict[str, Any],
    card: CounterfactualCard,
    own: Floats,
    ends: Arrays,
) -> Compute:
    import torch

    from auditkit.models.counterfactuals.contract import bin_of

    generating = Generating(evidence, make, settings, card)
    bins = bin_of(torch.from_numpy(own), card.bins)

    def compute(indices: Sequence[int]) -> Arrays:
        # The first and the last bin are there already: their pictures are what people see.
        kept = torch.from_numpy(ends["picture"][list(indices)]).permute(1, 0, 4, 2, 3)
        shard = _Shard(generating, indices, kept, ends["finite"][list(indices)], own)
        return shard.arrays(bins[list(indices)])

    return compute


class _Shard:
    """Some images with the counterfactuals of the first and the last bin."""

    def __init__(
        self,
        generating: Generating,
        indices: Sequence[int],
        ends: "torch.Tensor",
        finite: "np.ndarray[Any, np.dtype[np.bool_]]",
        own: Floats,
    ) -> None:
        self.generating, self.indices, self.ends = generating, indices, ends
        self.images, self.own = generating.images(indices), own[list(indices)]
        self.finite = finite.all(axis=1)
        self.scores: list[Floats] = []
        self.changes: list[Floats] = []

    def arrays(self, bins: "torch.Tensor") -> Arrays:
        """Of `Counterfactuals`, for images whose own scores lie in ``bins``."""
        first, last = self.ends
        self._ask(first)
        for target in range(1, self.generating.card.bins - 1):
            self._ask(self._made(target))
        self._ask(last)
        change = np.stack(self.changes, axis=1)
        reached = (self.scores[0], self.scores[-1])
        back = [
            self._away(self._back(end, bins, scores))
            for end, scores in zip((first, last), reached, strict=True)
        ]
        found = {
            "score": np.stack(self.scores, axis=1),
            "change": change,
            "span": _difference(first.float() / 255, last.float() / 255),
            "reconstruction": change[np.arange(len(change)), bins.numpy()],
            "cycle": np.mean(back, axis=0),
        }
        for values in found.values():
            values[~self.finite] = 0.0
        return {**found, "finite": self.finite}

    def _ask(self, pictures: "torch.Tensor") -> None:
        self.scores.append(self.generating.scores(pictures, self.indices))
        self.changes.append(self._away(pictures))

    def _made(self, target: int) -> "torch.Tensor":
        made, finite = self.generating.to_bin(self.images, target, self.own)
        self.finite &= finite
        return made

    def _back(
        self, pictures: "torch.Tensor", bins: "torch.Tensor", scores: Floats
    ) -> "torch.Tensor":
        """Counterfactuals of counterfactuals, for the bins from which they came."""
        made, finite = self.generating.made(self.generating.seen(pictures), bins, scores)
        self.finite &= finite
        return made

    def _away(self, pictures: "torch.Tensor") -> Floats:
        return _difference(pictures.float() / 255, self.images.cpu())


def _difference(first: "torch.Tensor", second: "torch.Tensor") -> Floats:
    """Mean absolute difference of each image, (N,)."""
    found: Floats = (first - second).abs().double().flatten(1).mean(1).numpy()
    return found
