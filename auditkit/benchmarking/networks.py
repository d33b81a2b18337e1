"""What only the networks themselves can say: bottlenecks, weights of heads, answers to redrawn pictures."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch

from auditkit.benchmarking.concept_maps import ROWS, Bottleneck
from auditkit.benchmarking.targets import Permuted, Redrawn
from auditkit.data.dataset import Dataset, Mask, Picture
from auditkit.errors import AuditError
from auditkit.evidence.batches import Batcher
from auditkit.evidence.kinds import Floats
from auditkit.models.bottleneck import ConceptBottleneck
from auditkit.models.geometry import mask_to_input
from auditkit.models.memory import halving
from auditkit.spec.model_card import Input

if TYPE_CHECKING:
    from auditkit.models.model import Model


@runtime_checkable
class Renderer(Protocol):
    """A data set that can draw a picture with concepts set to other values."""

    def with_concepts(self, index: int, changed: Mapping[str, str]) -> Picture:
        """The picture with concepts set to other values, everything else held."""
        ...


@runtime_checkable
class Segmented(Protocol):
    """A data set that knows where its concepts are."""

    def concept_mask(self, index: int, name: str) -> Mask | None:
        """The pixels of a concept; None if the picture does not show it."""
        ...


def classifier_bottleneck(model: "Model", concepts: int) -> Bottleneck:
    """The predictions of a concept classifier.

    Raises:
        AuditError: it is an ensemble, of whose layers none alone stands for it.
    """
    _single(model)
    return _bottleneck(model, model.probabilities, concepts)


def target_bottleneck(model: "Model", concepts: Sequence[str]) -> tuple[Bottleneck, Floats]:
    """The bottleneck of a target model and the weights (K,) of its head.

    Raises:
        AuditError: the model has no bottleneck of these concepts, or is an ensemble.
    """
    _single(model)
    network = model.network
    if not isinstance(network, ConceptBottleneck):
        raise AuditError(
            f"target '{model.card.model}' has no concept bottleneck, so that nothing is known of what it "
            "relies on; a card with format concept-bottleneck was expected"
        )
    weights = network.head.weight.detach().double().cpu().numpy()
    if weights.shape != (1, len(concepts)):
        raise AuditError(
            f"target '{model.card.model}': its head is {weights.shape[0]} x {weights.shape[1]}; one output "
            f"on the concept classifier's {len(concepts)} concepts, in its order, was expected"
        )

    def predict(inputs: torch.Tensor) -> torch.Tensor:
        return network.bottleneck(model.normalise(inputs))

    return _bottleneck(model, predict, len(concepts)), weights[0]


def _single(model: "Model") -> None:
    if len(model.members) * len(model.views) > 1:
        raise AuditError(
            f"'{model.card.model}' averages several networks or views; a benchmark needs a model of one"
        )


def _bottleneck(
    model: "Model", predict: Callable[[torch.Tensor], torch.Tensor], concepts: int
) -> Bottleneck:
    size = model.card.input.size
    return Bottleneck(
        model.card.model, predict, model.network, (3, size, size), concepts, model.device
    )


def predictions(bottleneck: Bottleneck, inputs: torch.Tensor) -> Floats:
    """Concept predictions (N, K) of inputs."""
    with torch.no_grad():
        found = halving(ROWS, lambda rows: Batcher(rows).map(bottleneck.predict, inputs))
    return found.double().numpy()


@dataclass(frozen=True)
class Pictures:
    """The pictures that targets are asked about.

    Attributes:
        data: the data set.
        indices: its N pictures.
        permuted: the values that each concept takes, and which of them each of the N pictures has.
    """

    data: Dataset
    indices: Sequence[int]
    permuted: Mapping[str, Permuted]

    def real(self, bottleneck: Bottleneck, model: "Model") -> Floats:
        """Concept predictions (N, K) on the pictures as they are."""
        return _predicted(bottleneck, model, (self.data.image(i) for i in self.indices))

    def answers(self, bottleneck: Bottleneck, model: "Model", real: Floats) -> Redrawn | None:
        """Predictions (1, N, [V,] K) on pictures that the data set draws itself; None if it cannot.

        Args:
            bottleneck: predicts concepts.
            model: prepares pictures.
            real: (N, K) its predictions on the pictures as they are.
        """
        if not isinstance(self.data, Renderer):
            return None
        permuted = {}
        for name, known in self.permuted.items():
            answers = np.repeat(real[:, None], len(known.values), axis=1)
            for place, (value,) in enumerate(known.values):
                others = np.flatnonzero(known.own != place)
                drawn = (self._drawn(i, name, value) for i in others.tolist())
                answers[others, place] = _predicted(bottleneck, model, drawn)
            permuted[name] = Permuted(known.values, known.own, answers[None])
        return Redrawn(real[None], permuted)

    def _drawn(self, row: int, name: str, value: str) -> Picture:
        assert isinstance(self.data, Renderer)
        return self.data.with_concepts(self.indices[row], {name: value})


def _predicted(bottleneck: Bottleneck, model: "Model", pictures: Iterable[Picture]) -> Floats:
    """Predictions (n, K), no more pictures in memory than one pass takes."""
    parts, left = [np.empty((0, bottleneck.concepts))], iter(pictures)
    while group := list(islice(left, ROWS)):
        parts.append(predictions(bottleneck, model.prepare(group)))
    return np.concatenate(parts)


def concept_masks(
    data: Dataset, indices: Sequence[int], concepts: Sequence[str], spec: Input
) -> npt.NDArray[np.bool_] | None:
    """Where each concept is on the model's square, (n, D, size, size); None if the data do not know.

    Empty where a picture does not show it.
    """
    if not isinstance(data, Segmented):
        return None
    masks = np.zeros((len(indices), len(concepts), spec.size, spec.size), dtype=bool)
    for row, index in enumerate(indices):
        for column, name in enumerate(concepts):
            mask = data.concept_mask(index, name)
            if mask is not None:
                masks[row, column] = mask_to_input(mask, spec)
    return masks
