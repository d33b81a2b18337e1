"""Prescreening: which pairs of counterfactuals are looked at, and why the others are not.

DeGrave et al. (doi:10.1038/s41551-023-01160-9, Methods): a pair counts if the model is of different minds
about its two members, neither expert rejected it for artifacts, and the same holds for every model that is
compared.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit.checks.vetoes import Verdicts, verdicts_on
from auditkit.errors import AuditError
from auditkit.evidence import Evidence
from auditkit.evidence.counterfactuals.answers import counterfactuals
from auditkit.evidence.counterfactuals.artifact_scores import counterfactual_artifacts
from auditkit.evidence.counterfactuals.cards import card_of
from auditkit.evidence.counterfactuals.kinds import Counterfactuals
from auditkit.spec.counterfactual_card import CounterfactualCard, Wanted
from auditkit.spec.declarations.counterfactuals import Screen

NOT_RATED = "not rated"


@dataclass(frozen=True)
class Criterion:
    """One thing that a pair has to meet.

    Attributes:
        name: for people.
        reasons: (n,) why a pair does not; "" if it does.
    """

    name: str
    reasons: Sequence[str]


@dataclass(frozen=True)
class Screening:
    """Which of n images' pairs pass.

    Attributes:
        kept: (n,) whether a pair meets all criteria.
        reasons: (n,) the first criterion that it does not meet; "" if it is kept.
        criteria: in the order in which they are asked; that of other models comes last.
        by_model: (n,) reasons of each model by itself, the audited one first.
    """

    kept: npt.NDArray[np.bool_]
    reasons: Sequence[str]
    criteria: Sequence[Criterion]
    by_model: Mapping[str, Sequence[str]]


def screened(evidence: Evidence, card: CounterfactualCard, screen: Screen) -> Screening:
    """Which pairs of a generator pass, for the evidence's model and those with which images are shared.

    Args:
        evidence: of the audited model.
        card: of the generator; other models are asked for their own of the same kind.
        screen: what is asked of a pair. A model that it names and that is the audited one counts once.

    Raises:
        Unavailable: another model has no such generator, or experts rated no pairs of one of the models.
        AuditError: another model has no score, or a table of vetoes is not what its card says.
    """
    own = list(_criteria(evidence, card, screen))
    by_model = {evidence.card.model: _first(own)}
    kind = Wanted(card.data, card.family, card.seed, card.discriminator)
    for name in screen.models:
        if name not in by_model:
            by_model[name] = _of_peer(evidence.peer(name), kind, screen)
    others = {name: reasons for name, reasons in by_model.items() if name != evidence.card.model}
    if others:
        own.append(Criterion("every model", _elsewhere(others)))
    reasons = _first(own)
    kept = np.array([not reason for reason in reasons], dtype=np.bool_)
    return Screening(kept, reasons, own, by_model)


def _of_peer(peer: Evidence, kind: Wanted, screen: Screen) -> list[str]:
    if not peer.two_class:
        raise AuditError(
            f"screen.models: '{peer.card.model}' has no score, so that it has no counterfactuals; drop it"
        )
    return _first(list(_criteria(peer, card_of(peer, kind), screen)))


def _criteria(evidence: Evidence, card: CounterfactualCard, screen: Screen) -> Iterator[Criterion]:
    found = counterfactuals(evidence, card)
    yield Criterion("finite", _failing(~found.finite, "not finite"))
    if screen.consistent:
        opposite = opposite_of(evidence, found)
        yield Criterion("consistent", _failing(~opposite, "not consistent"))
    if screen.largest_artifact is not None:
        limit = screen.largest_artifact
        high = counterfactual_artifacts(evidence, card).max(axis=1) > limit
        yield Criterion("few artifacts", _failing(high, f"artifact score above {limit:g}"))
    if screen.vetoes:
        verdicts = verdicts_on(evidence, screen.vetoes)
        yield Criterion("not vetoed", [_rejection(one) for one in verdicts])


def opposite_of(evidence: Evidence, found: Counterfactuals) -> npt.NDArray[np.bool_]:
    """Whether each pair lies on both sides of the model's own threshold, (n,)."""
    assert evidence.card.threshold is not None, "a model with a score has a threshold"
    return found.opposite(evidence.card.threshold)


def _failing(failing: npt.NDArray[np.bool_], reason: str) -> list[str]:
    return [reason if failed else "" for failed in failing]


def _rejection(one: Verdicts) -> str:
    if one.vetoed_by:
        return f"vetoed by {', '.join(one.vetoed_by)}"
    return "" if one.raters else NOT_RATED


def _first(criteria: Sequence[Criterion]) -> list[str]:
    """(n,) the first reason; "" if there is none."""
    rows = zip(*(criterion.reasons for criterion in criteria), strict=True)
    return [next(filter(None, row), "") for row in rows]


def _elsewhere(others: Mapping[str, Sequence[str]]) -> list[str]:
    named = [
        [f"does not pass for {name}: {reason}" if reason else "" for reason in reasons]
        for name, reasons in others.items()
    ]
    return [next(filter(None, row), "") for row in zip(*named, strict=True)]
