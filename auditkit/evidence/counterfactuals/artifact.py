"""What a model answers with and without an artifact, and what counterfactuals leave of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from auditkit.data.artifact import VERSION, WithArtifact, artifact_mask, carries, with_artifact
from auditkit.data.dataset import Mask, Picture
from auditkit.errors import AuditError
from auditkit.evidence.counterfactuals.generating import generator_identity
from auditkit.evidence.counterfactuals.pictures import pairs
from auditkit.evidence.engine import Compute
from auditkit.evidence.kinds import Floats, Settings
from auditkit.evidence.stages import batcher_for, scored, table_of
from auditkit.evidence.store import Arrays
from auditkit.models.geometry import mask_to_input
from auditkit.spec.counterfactual_card import CounterfactualCard

if TYPE_CHECKING:
    from auditkit.evidence.evidence import Evidence
    from auditkit.models.model import Model


@dataclass(frozen=True)
class ArtifactAnswers:
    """Each image with the artifact and without it, whichever the data set has.

    Redness is the mean of R - (G + B) / 2 over the artifact's place in the model's input, in [-1, 1].

    Attributes:
        carried: (n,) whether the data set's own image has the artifact.
        score_with: (n,) the model's score with it.
        score_without: (n,) the model's score without it.
        redness_with: (n,) with it.
        redness_without: (n,) without it.
    """

    carried: npt.NDArray[np.bool_]
    score_with: Floats
    score_without: Floats
    redness_with: Floats
    redness_without: Floats


def artifact_answers(evidence: "Evidence") -> ArtifactAnswers:
    """Answers to every image with the artifact and without it.

    Raises:
        AuditError: the data card draws no artifact.
    """
    _data(evidence)
    parameters = {"artifact": VERSION}
    arrays = evidence.gather("artifact", parameters, _answers_worker, "artifact answers")
    carried = np.array([carries(record) for record in evidence.records])
    return ArtifactAnswers(carried, **arrays)


def counterfactual_redness(evidence: "Evidence", card: CounterfactualCard) -> Floats:
    """Redness of the artifact's place in counterfactuals for the first and the last bin, (n, 2)."""
    _data(evidence)
    parameters = {"artifact": VERSION, **generator_identity(evidence, card)}
    worker = partial(_redness_worker, pictures=pairs(evidence, card))
    name = f"artifact in counterfactuals {card.counterfactual}"
    found: Floats = evidence.gather(name, parameters, worker, "artifact redness")["redness"]
    return found


def _data(evidence: "Evidence") -> WithArtifact:
    if not isinstance(evidence.data, WithArtifact):
        raise AuditError(
            f"data set '{evidence.data.card.data}' draws no artifact; give its card a key "
            "'artifact: {draw: red-dot, on: positive}'"
        )
    return evidence.data


def _answers_worker(
    evidence: "Evidence",
    make: "Callable[[], Model]",
    settings: Settings,
    _parameters: dict[str, Any],
) -> Compute:
    import torch

    model, data = make(), _data(evidence)
    batcher = batcher_for(settings)

    def answers(pictures: Sequence[Picture], indices: Sequence[int], name: str) -> Arrays:
        inputs = model.prepare(pictures)
        with torch.no_grad():
            found = batcher.map(model.probabilities, inputs, table_of(evidence, model, indices))
        masks = [_mask(evidence, *picture.shape[:2]) for picture in pictures]
        # Of 8 bits, as counterfactuals are, so that what is left alone is so exactly.
        seen = (inputs * 255).round().permute(0, 2, 3, 1).cpu().numpy().astype(np.uint8)
        return {
            f"score_{name}": scored(evidence, model, found, indices)["score"],
            f"redness_{name}": _redness(seen, masks),
        }

    def compute(indices: Sequence[int]) -> Arrays:
        plain = [data.plain.image(index) for index in indices]
        drawn = [with_artifact(picture) for picture in plain]
        return {**answers(drawn, indices, "with"), **answers(plain, indices, "without")}

    return compute


def _redness_worker(
    evidence: "Evidence",
    _make: "Callable[[], Model]",
    _settings: Settings,
    _parameters: dict[str, Any],
    pictures: npt.NDArray[np.uint8],
) -> Compute:
    data = _data(evidence)

    def compute(indices: Sequence[int]) -> Arrays:
        masks = [_mask(evidence, *data.plain.image(index).shape[:2]) for index in indices]
        chosen = pictures[list(indices)]
        return {"redness": np.stack([_redness(chosen[:, end], masks) for end in (0, 1)], axis=1)}

    return compute


def _mask(evidence: "Evidence", height: int, width: int) -> Mask:
    """The artifact's place in the model's input.

    Raises:
        AuditError: nothing of it is there.
    """
    mask = mask_to_input(artifact_mask(height, width), evidence.card.input)
    if not mask.any():
        raise AuditError(
            f"of the artifact, nothing is left in the input of '{evidence.card.model}' "
            f"({evidence.size} px); use a model with a larger input"
        )
    return mask


def _redness(pictures: npt.NDArray[np.uint8], masks: Sequence[Mask]) -> Floats:
    """Mean redness of each picture (n, h, w, 3) within its mask."""
    red, others = pictures[..., 0] / 255, pictures[..., 1:].mean(axis=-1) / 255
    return np.array([(r - o)[mask].mean() for r, o, mask in zip(red, others, masks, strict=True)])
