"""Which generator makes a model's counterfactuals."""

from typing import TYPE_CHECKING

from auditkit.errors import AuditError, Unavailable
from auditkit.models.identity import model_digest
from auditkit.spec.counterfactual_card import CounterfactualCard, Wanted

if TYPE_CHECKING:
    from auditkit.evidence.evidence import Evidence


def card_of(evidence: "Evidence", wanted: Wanted) -> CounterfactualCard:
    """The generator of that kind for the evidence's model.

    Raises:
        AuditError: several fit.
        Unavailable: there is none, or it was trained for other weights, preprocessing or another threshold.
    """
    model = evidence.card.model
    cards = wanted.of(model, evidence.peers.counterfactuals.values())
    if not cards:
        raise Unavailable(f"no {wanted.family} {_missing(wanted, model)}")
    own = (None, model_digest(evidence.card))
    fitting = [card for card in cards if card.model_sha256 in own]
    if len(fitting) > 1:
        names = " and ".join(card.counterfactual for card in fitting)
        raise AuditError(
            f"{names} are of one kind, and all fit '{model}': give each a 'seed' of its own, or keep one "
            "among the cards"
        )
    if fitting:
        return fitting[0]
    raise Unavailable(
        f"'{cards[0].counterfactual}' was trained for '{model}' as it was then: its weights, input, output "
        f"or threshold have changed; run: {wanted.command(model)}"
    )


def _missing(wanted: Wanted, model: str) -> str:
    """What is not there, and what makes it."""
    what = f"generator for '{model}' on '{wanted.trained_on}'"
    if wanted.family == "guided-diffusion":
        return f"{what}: write a card *.counterfactual.yaml with 'guidance' and 'data: {wanted.trained_on}'"
    return f"{what} has been trained; run: {wanted.command(model)}"
