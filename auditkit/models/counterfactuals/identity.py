"""Which weights a counterfactual generator has: found, hashed and checked. Nothing is loaded."""

from pathlib import Path

from auditkit.errors import AuditError
from auditkit.models.diffusion.folder import file_sum
from auditkit.spec.counterfactual_card import CounterfactualCard


def counterfactual_weights(card: CounterfactualCard) -> Path:
    """Where a generator's weights lie.

    Raises:
        AuditError: the card names none, or the file does not exist.
    """
    if card.weights is None:
        raise AuditError(f"{card.path}: the family {card.family} has no weights of its own")
    path = card.path.parent / card.weights.file
    if not path.is_file():
        raise AuditError(
            f"{card.path}: weights {path} do not exist; put the file there, or correct 'weights.file'"
        )
    return path


def counterfactual_digest(card: CounterfactualCard) -> str:
    """The sha256 of a generator's weights.

    Raises:
        AuditError: the file is missing, or is not the one that was described.
    """
    path = counterfactual_weights(card)
    assert card.weights is not None
    found = file_sum(path)
    if found != card.weights.sha256:
        raise AuditError(
            f"{card.path}: weights {path} have sha256 {found}, the card says {card.weights.sha256}; "
            "restore the file, or state the new one's sha256 in the card"
        )
    return found
