"""Measured attributes of every image and of its counterfactuals for the first and the last bin."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from auditkit.data.dataset import Picture
from auditkit.errors import AuditError
from auditkit.evidence.counterfactuals.generating import generator_identity
from auditkit.evidence.counterfactuals.kinds import Measured
from auditkit.evidence.counterfactuals.pictures import Pictures, pair_arrays
from auditkit.evidence.engine import Compute
from auditkit.evidence.kinds import Floats, Settings
from auditkit.evidence.measuring import REASONS, measure
from auditkit.evidence.stages import batcher_for
from auditkit.evidence.store import Arrays
from auditkit.metrics import NotEvaluable
from auditkit.spec.counterfactual_card import CounterfactualCard
from auditkit.spec.measured import QUANTITIES
from auditkit.spec.problems import nearest

if TYPE_CHECKING:
    from auditkit.evidence.evidence import Evidence
    from auditkit.models.model import Model

_NOT_FINITE = "its counterfactual is not finite"


def measured(
    evidence: "Evidence",
    card: CounterfactualCard,
    names: Sequence[str],
    dilate: float,
    classifier: str | None = None,
    concepts: Sequence[str] = (),
) -> Measured:
    """Attributes of the pictures that people see, 8 bits.

    Args:
        evidence: of the model.
        card: of its generator.
        names: of quantities (`auditkit.spec.measured`).
        dilate: how far the lesion is grown before the background begins, as a share of the side.
        classifier: of concepts; the audit names it.
        concepts: its classes whose probability is an attribute, called ``concept[NAME]``.

    Raises:
        AuditError: the classifier has no such class, or generator or classifier cannot be read.
    """
    pairs = pair_arrays(evidence, card)
    values, reasons = _quantities(evidence, card, pairs, dilate)
    found = {name: values[:, :, list(QUANTITIES).index(name)] for name in names}
    why = {name: reasons[:, list(QUANTITIES).index(name)].tolist() for name in names}
    if classifier is not None:
        judged = _judged(evidence, card, pairs, classifier)
        columns = {name: _column(evidence.peer(classifier), name) for name in concepts}
        found |= {f"concept[{name}]": judged[:, :, at] for name, at in columns.items()}
        whole: list[bool] = pairs["finite"].all(axis=1).tolist()
        unknown = ["" if finite else _NOT_FINITE for finite in whole]
        why |= {f"concept[{name}]": unknown for name in concepts}
    for name, unknown in why.items():
        found[name] = np.where(np.array([not one for one in unknown])[:, None], found[name], np.nan)
    reference, benign, malignant = (
        {name: value[:, place] for name, value in found.items()} for place in range(3)
    )
    return Measured(reference, benign, malignant, why)


def _quantities(
    evidence: "Evidence", card: CounterfactualCard, pairs: Arrays, dilate: float
) -> "tuple[Floats, np.ndarray[Any, np.dtype[np.str_]]]":
    """All quantities (n, 3, Q), and per image and quantity why it has none (n, Q)."""
    parameters = {**generator_identity(evidence, card), "dilate": float(dilate)}
    worker = partial(_measuring, pairs=pairs)
    name = f"attributes of counterfactuals {card.counterfactual}"
    arrays = evidence.gather(name, parameters, worker, "counterfactual attributes")
    reasons = np.array([*REASONS, _NOT_FINITE])[arrays["reason"]]
    return arrays["value"], reasons


def _measuring(
    evidence: "Evidence",
    _make: "Callable[[], Model]",
    _settings: Settings,
    parameters: dict[str, Any],
    pairs: Arrays,
) -> Compute:
    def compute(indices: Sequence[int]) -> Arrays:
        rows = [_row(evidence, index, pairs, parameters["dilate"]) for index in indices]
        return {
            "value": np.stack([values for values, _ in rows]),
            "reason": np.stack([reasons for _, reasons in rows]),
        }

    return compute


def _row(
    evidence: "Evidence", index: int, pairs: Arrays, dilate: float
) -> "tuple[Floats, np.ndarray[Any, np.dtype[np.int64]]]":
    """One image's quantities (3, Q), and which reason each one has that is not known (Q,)."""
    if not pairs["finite"][index].all():
        width = len(QUANTITIES)
        return np.full((3, width), np.nan), np.full(width, len(REASONS))
    pictures = [evidence.picture(index), *pairs["picture"][index]]
    found = measure(pictures, evidence.mask(index), dilate)
    values = np.array([[_value(one[name]) for name in QUANTITIES] for one in found])
    reasons = [_reason(found, name) for name in QUANTITIES]
    return values, np.array(reasons, dtype=np.int64)


def _value(value: float | NotEvaluable) -> float:
    return float("nan") if isinstance(value, NotEvaluable) else value


def _reason(found: Sequence[Mapping[str, float | NotEvaluable]], name: str) -> int:
    said = [one[name].reason for one in found if isinstance(one[name], NotEvaluable)]  # type: ignore[union-attr]  # it is one
    return REASONS.index(said[0]) if said else 0


def _judged(
    evidence: "Evidence", card: CounterfactualCard, pairs: Arrays, classifier: str
) -> Floats:
    """Probabilities of the classifier's classes, (n, 3, K)."""
    peer = evidence.peer(classifier)
    parameters = {**generator_identity(evidence, card), "classifier": peer.model_identity}
    worker = partial(_judging, peer=peer, pairs=pairs)
    name = f"{classifier} on counterfactuals {card.counterfactual}"
    answers: Floats = evidence.gather(name, parameters, worker, "counterfactual concepts")["answer"]
    return answers


def _judging(
    evidence: "Evidence",
    _make: "Callable[[], Model]",
    settings: Settings,
    _parameters: dict[str, Any],
    peer: "Evidence",
    pairs: Arrays,
) -> Compute:
    import torch

    model = peer._own_model()  # noqa: SLF001 a part of Evidence, apart for its size
    batcher = batcher_for(settings)

    def answers(pictures: "Sequence[Picture] | Pictures") -> Floats:
        with torch.no_grad():
            found: Floats = (
                batcher.map(model.probabilities, model.prepare(list(pictures))).double().numpy()
            )
        return found

    def compute(indices: Sequence[int]) -> Arrays:
        ends = pairs["picture"][list(indices)]
        shown = ([evidence.picture(i) for i in indices], ends[:, 0], ends[:, 1])
        return {"answer": np.stack([answers(pictures) for pictures in shown], axis=1)}

    return compute


def _column(peer: "Evidence", concept: str) -> int:
    """The place of a concept among the classifier's classes."""
    classes = peer.classes or []
    if concept not in classes:
        raise AuditError(
            f"classifier '{peer.card.model}' has no class '{concept}'; {nearest(concept, classes)}"
        )
    return classes.index(concept)
