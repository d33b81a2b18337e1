"""Generating counterfactuals of a data set's images, in batches of one fixed size."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from auditkit.evidence.kinds import Floats, Settings
from auditkit.evidence.stages import batcher_for, inputs_of, table_of
from auditkit.models.counterfactuals.identity import counterfactual_digest
from auditkit.models.diffusion.folder import pipeline_digest
from auditkit.spec.counterfactual_card import CounterfactualCard
from auditkit.spec.generator_card import GeneratorCard

if TYPE_CHECKING:
    import torch

    from auditkit.evidence.evidence import Evidence
    from auditkit.models.model import Model


def pipeline_of(evidence: "Evidence", card: CounterfactualCard) -> GeneratorCard | None:
    """The text-to-image pipeline that guided diffusion needs."""
    return None if card.guidance is None else evidence.generator(card.guidance.generator)


def generator_identity(evidence: "Evidence", card: CounterfactualCard) -> dict[str, Any]:
    """What determines a counterfactual beside the model and the image.

    Raises:
        AuditError: the generator's files are missing or not what its card states.
    """
    shared = {"family": card.family, "bins": card.bins}
    pipeline = pipeline_of(evidence, card)
    if pipeline is None:
        assert card.network is not None
        network = card.network.model_dump()
        return {**shared, "weights": counterfactual_digest(card), "network": network}
    assert card.guidance is not None
    settings = card.guidance.model_dump(exclude={"generator"})
    drawn = {"pipeline": pipeline_digest(pipeline), "size": pipeline.size}
    return {**shared, **drawn, "guidance": settings}


class Generating:
    """A thread's own generator and the model whose mind it changes."""

    def __init__(
        self,
        evidence: "Evidence",
        make: "Callable[[], Model]",
        settings: Settings,
        card: CounterfactualCard,
    ) -> None:
        from auditkit.models.counterfactuals.load import load_generator

        self.evidence, self.card, self.model = evidence, card, make()
        self.generator = load_generator(card, self.model, pipeline_of(evidence, card))
        self._batcher = batcher_for(settings)

    def images(self, indices: Sequence[int]) -> "torch.Tensor":
        """The model's inputs (N, 3, S, S) in [0, 1]."""
        return inputs_of(self.evidence, self.model, indices)[0]

    def made(
        self, images: "torch.Tensor", targets: "torch.Tensor", scores: Floats
    ) -> "tuple[torch.Tensor, npt.NDArray[np.bool_]]":
        """Counterfactuals of images, to which the model answers with ``scores`` (N,), for bins (N,).

        Returns:
            uint8 (N, 3, S, S) on the CPU, black where one is not finite; and which are finite, (N,).
        """
        import torch

        own = torch.from_numpy(scores).to(images.device)
        found = self._batcher.map(self.generator.generate, images, targets.to(images.device), own)
        finite = torch.isfinite(found).flatten(1).all(1)
        shown = torch.where(finite[:, None, None, None], found, 0.0)
        return (shown.clamp(0, 1) * 255).round().to(torch.uint8), finite.numpy()

    def to_bin(
        self, images: "torch.Tensor", target: int, scores: Floats
    ) -> "tuple[torch.Tensor, npt.NDArray[np.bool_]]":
        """As `made`, all for one bin."""
        import torch

        return self.made(images, torch.full((len(images),), target), scores)

    def scores(self, pictures: "torch.Tensor", indices: Sequence[int]) -> Floats:
        """The model's scores (N,) of pictures, uint8 (N, 3, S, S), made of these images."""
        import torch

        table = table_of(self.evidence, self.model, indices)
        with torch.no_grad():
            answers = self._batcher.map(self.model.probabilities, self.seen(pictures), table)
        scores: Floats = answers[:, 1].double().numpy()
        return scores

    def seen(self, pictures: "torch.Tensor") -> "torch.Tensor":
        """Pictures of 8 bits as the model is given them."""
        return pictures.to(self.model.device).float() / 255
