"""Counterfactuals as pictures: the pair of the first and the last bin, all bins, and in other company."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from auditkit.evidence.counterfactuals.generating import Generating, generator_identity
from auditkit.evidence.engine import Compute
from auditkit.evidence.kinds import Floats, Settings
from auditkit.evidence.store import Arrays
from auditkit.spec.counterfactual_card import CounterfactualCard

if TYPE_CHECKING:
    import torch

    from auditkit.evidence.evidence import Evidence
    from auditkit.models.model import Model

Pictures = npt.NDArray[np.uint8]


def pairs(evidence: "Evidence", card: CounterfactualCard) -> Pictures:
    """Counterfactuals of every image for the first and the last bin, uint8 (n, 2, S, S, 3).

    Black where the generator gave no finite one: see `Counterfactuals.finite`.
    """
    found: Pictures = pair_arrays(evidence, card)["picture"]
    return found


def pair_arrays(evidence: "Evidence", card: CounterfactualCard) -> Arrays:
    """Of `pairs` as the store keeps them: ``picture``, and ``finite`` (n, 2)."""
    return _pictures(evidence, card, range(evidence.n), (0, card.bins - 1))


def every_bin(evidence: "Evidence", card: CounterfactualCard, indices: Sequence[int]) -> Pictures:
    """Counterfactuals of some images for all bins, uint8 (len(indices), B, S, S, 3)."""
    if not indices:
        return np.zeros((0, card.bins, evidence.size, evidence.size, 3), np.uint8)
    found: Pictures = _pictures(evidence, card, indices, range(card.bins))["picture"]
    return found


def alone_and_together(
    evidence: "Evidence", card: CounterfactualCard, images: Sequence[int]
) -> Floats:
    """How much counterfactuals depend on the images that are generated beside them.

    Each image's counterfactuals for the first and the last bin are generated alone, and in one batch of
    all these images in reverse order.

    Args:
        evidence: of the model.
        card: of the generator.
        images: indices of some images, k of them.

    Returns:
        (k,) largest difference of a value in grey levels of 255, before they are rounded; 255 where a
        counterfactual is not finite.
    """
    records = [evidence.identities[i] for i in images]
    parameters = {**generator_identity(evidence, card), "images": records}
    worker = partial(_company_worker, card=card, images=images, own=evidence.scores().score)
    name = f"counterfactuals {card.counterfactual} alone and together"
    together = ["these images together"]
    arrays = evidence.gather(name, parameters, worker, "counterfactual company", together)
    found: Floats = arrays["difference"][0]
    return found


def _pictures(
    evidence: "Evidence", card: CounterfactualCard, indices: Sequence[int], bins: Sequence[int]
) -> Arrays:
    parameters = {**generator_identity(evidence, card), "wanted": list(bins)}
    own = evidence.scores().score
    worker = partial(_pictures_worker, card=card, images=indices, wanted=bins, own=own)
    digests = [evidence.identities[i] for i in indices]
    name = f"counterfactuals {card.counterfactual}"
    return evidence.gather(name, parameters, worker, "counterfactual pictures", digests)


def _pictures_worker(
    evidence: "Evidence",
    make: "Callable[[], Model]",
    settings: Settings,
    _parameters: dict[str, Any],
    card: CounterfactualCard,
    images: Sequence[int],
    wanted: Sequence[int],
    own: Floats,
) -> Compute:
    """Pictures for some bins; places are among ``images``."""
    generating = Generating(evidence, make, settings, card)

    def compute(places: Sequence[int]) -> Arrays:
        chosen = [images[place] for place in places]
        inputs = generating.images(chosen)
        found = [generating.to_bin(inputs, target, own[chosen]) for target in wanted]
        return {
            "picture": np.stack([made.permute(0, 2, 3, 1).numpy() for made, _ in found], axis=1),
            "finite": np.stack([finite for _, finite in found], axis=1),
        }

    return compute


def _company_worker(
    evidence: "Evidence",
    make: "Callable[[], Model]",
    settings: Settings,
    _parameters: dict[str, Any],
    card: CounterfactualCard,
    images: Sequence[int],
    own: Floats,
) -> Compute:
    import torch

    generating = Generating(evidence, make, settings, card)
    inputs, scores = generating.images(images), torch.from_numpy(own[list(images)])

    def made(target: int, rows: Sequence[int]) -> "torch.Tensor":
        given = torch.full((len(rows),), target, device=inputs.device)
        made = generating.generator.generate(inputs[list(rows)], given, scores[list(rows)])
        return made.detach().cpu()

    def difference(target: int) -> Floats:
        order = range(len(images))
        alone = torch.cat([made(target, [row]) for row in order])
        together = made(target, order[::-1]).flip(0)
        apart = ((alone - together).abs() * 255).nan_to_num(255.0, 255.0)
        found: Floats = apart.flatten(1).amax(1).double().numpy()
        return found

    def compute(_together: Sequence[int]) -> Arrays:
        return {"difference": np.maximum(difference(0), difference(card.bins - 1))[np.newaxis]}

    return compute
