"""Quantities that need no expert, of images and of their counterfactuals for the first and the last bin."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from auditkit.errors import AuditError
from auditkit.evidence.counterfactuals.generating import generator_identity
from auditkit.evidence.counterfactuals.kinds import Measured
from auditkit.evidence.counterfactuals.pictures import pair_arrays
from auditkit.evidence.engine import Compute
from auditkit.evidence.kinds import Floats, Settings
from auditkit.evidence.measuring import REASONS, measure
from auditkit.evidence.stages import MakeModel, batcher_for, table_of
from auditkit.evidence.store import Arrays
from auditkit.metrics import NotEvaluable
from auditkit.spec.counterfactual_card import CounterfactualCard
from auditkit.spec.measured import QUANTITIES
from auditkit.spec.problems import nearest

if TYPE_CHECKING:
    from auditkit.data.dataset import Picture
    from auditkit.evidence.evidence import Evidence

NOT_FINITE = "a counterfactual is not finite"
_REASONS = (*REASONS, NOT_FINITE)
_SIDES = 3


def measured(
    evidence: "Evidence",
    card: CounterfactualCard,
    names: Sequence[str],
    dilate: float,
    classifier: str | None,
    concepts: Sequence[str],
) -> Measured:
    """Quantities of every image and of its counterfactuals for the first and the last bin.

    Args:
        evidence: of the audited model.
        card: of the generator.
        names: of `auditkit.spec.measured.QUANTITIES`.
        dilate: how far the lesion is grown before the background begins, as a share of the side.
        classifier: model whose probabilities of ``concepts`` are quantities as well, ``concept[NAME]``.
        concepts: classes of it.

    Returns:
        All of them by name; see `auditkit.evidence.measuring.measure`.

    Raises:
        AuditError: the generator cannot be read, or a concept is no class of the classifier.
    """
    columns = _columns(evidence, classifier, concepts)
    ends = pair_arrays(evidence, card)
    every = list(QUANTITIES)
    parameters = {**generator_identity(evidence, card), "dilate": dilate}
    title = f"attributes of counterfactuals {card.counterfactual}"
    worker = partial(_attributes_worker, ends=ends)
    arrays = evidence.gather(title, parameters, worker, "counterfactual attributes")
    value = {name: arrays["value"][:, :, every.index(name)] for name in names}
    reason = {name: arrays["reason"][:, every.index(name)] for name in names}
    reasons: dict[str, Sequence[str]] = {
        name: [_REASONS[code] for code in codes] for name, codes in reason.items()
    }
    if classifier is not None and columns:
        seen = _concepts(evidence, card, evidence.peer(classifier), ends)
        unfinished = ["" if own.all() else NOT_FINITE for own in ends["finite"]]
        for concept, column in columns.items():
            name = f"concept[{concept}]"
            value[name] = seen[:, :, column]
            reasons[name] = unfinished
    reference, benign, malignant = (
        {name: own[:, side].copy() for name, own in value.items()} for side in range(_SIDES)
    )
    return Measured(reference, benign, malignant, reasons)


def unannotated(evidence: "Evidence") -> int:
    """Images without an annotation: what is measured of them is around the lesion that is found in them."""
    return sum(not record.annotated for record in evidence.records)


def _attributes_worker(
    evidence: "Evidence",
    _make: MakeModel,
    _settings: Settings,
    parameters: dict[str, Any],
    ends: Arrays,
) -> Compute:
    """Values (N, 3, quantities), NaN where there is none, and codes of reasons (N, quantities)."""
    dilate: float = parameters["dilate"]

    def one(index: int) -> tuple[Floats, list[int]]:
        finite = ends["finite"][index]
        pictures = [seen_picture(evidence, index), *ends["picture"][index][finite]]
        values = np.full((_SIDES, len(QUANTITIES)), np.nan)
        found = measure(pictures, evidence.mask(index), dilate)
        codes = [0 if finite.all() else _REASONS.index(NOT_FINITE)] * len(QUANTITIES)
        sides = np.flatnonzero(np.concatenate([[True], finite]))
        for side, own in zip(sides, found, strict=True):
            for at, name in enumerate(QUANTITIES):
                value = own[name]
                if isinstance(value, NotEvaluable):
                    codes[at] = codes[at] or _REASONS.index(value.reason)
                else:
                    values[side, at] = value
        return values, codes

    def compute(indices: Sequence[int]) -> Arrays:
        found = [one(index) for index in indices]
        return {
            "value": np.stack([values for values, _ in found]),
            "reason": np.array([codes for _, codes in found], dtype=np.int64),
        }

    return compute


def seen_picture(evidence: "Evidence", index: int) -> "Picture":
    """An image as the generator is given it, in 8 bits like its counterfactuals, uint8 (S, S, 3)."""
    spec, picture = evidence.card.input, evidence.data.image(index)
    if (
        picture.shape[:2] == (spec.size, spec.size)
        and not spec.via
        and spec.equalise != "before-resize"
    ):
        return picture  # without torch
    from auditkit.models.geometry import to_input

    square = to_input(picture, spec)
    seen: Picture = (square * 255).round().byte().permute(1, 2, 0).numpy()
    return seen


def _columns(
    evidence: "Evidence", classifier: str | None, concepts: Sequence[str]
) -> dict[str, int]:
    """The class of each concept.

    Raises:
        AuditError: a concept is no class of the classifier.
    """
    if classifier is None:
        return {}
    classes = list(evidence.peer(classifier).classes or ())
    for concept in concepts:
        if concept not in classes:
            hint = nearest(concept, classes) if classes else "its card names no classes"
            raise AuditError(f"classifier '{classifier}' has no class '{concept}'; {hint}")
    return {concept: classes.index(concept) for concept in concepts}


def _concepts(
    evidence: "Evidence", card: CounterfactualCard, classifier: "Evidence", ends: Arrays
) -> Floats:
    """Probabilities (n, 3, D) of the classifier's classes; NaN of counterfactuals that are not finite."""
    parameters = {"generator": generator_identity(evidence, card), "of": evidence.model_identity}
    pictures = partial(_sides, evidence, ends)
    title = f"concepts in counterfactuals {card.counterfactual}"
    worker = partial(_concepts_worker, pictures=pictures)
    arrays = classifier.gather(title, parameters, worker, "counterfactual concepts")
    probability: Floats = arrays["probability"]
    probability[:, 1:][~ends["finite"]] = np.nan
    return probability


def _sides(evidence: "Evidence", ends: Arrays, index: int) -> "list[Picture]":
    """An image and its two counterfactuals."""
    return [seen_picture(evidence, index), *ends["picture"][index]]


def _concepts_worker(
    classifier: "Evidence",
    make: MakeModel,
    settings: Settings,
    _parameters: dict[str, Any],
    pictures: "Callable[[int], list[Picture]]",
) -> Compute:
    import torch

    model, batcher = make(), batcher_for(settings)

    def compute(indices: Sequence[int]) -> Arrays:
        table = table_of(classifier, model, indices)
        shown = [pictures(index) for index in indices]
        found = []
        # Each side by itself: an image has the same place in its batch whatever the shards.
        for side in range(_SIDES):
            inputs = model.prepare([own[side] for own in shown])
            with torch.no_grad():
                found.append(batcher.map(model.probabilities, inputs, table))
        return {"probability": torch.stack(found, dim=1).double().numpy()}

    return compute
