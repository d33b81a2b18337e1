"""Models that are not read from a file: made by Python code, or asked over HTTP or a pipe."""

from typing import TYPE_CHECKING

from auditkit.errors import AuditError
from auditkit.spec.model_card import ModelCard

if TYPE_CHECKING:
    from torch import nn


def asked_network(card: ModelCard) -> "nn.Module":
    """The network behind a card's `python` or `black_box`.

    Raises:
        AuditError: code would be run that the card does not allow, or it does not give a model.
    """
    if card.python is not None:
        from auditkit.models.python_source import made_by

        return made_by(card)
    assert card.black_box is not None
    if card.format == "http":
        from auditkit.models.black_box import HttpDevice

        return HttpDevice(card)
    if not card.black_box.allow_code:
        raise AuditError(
            f"{card.path}: the card names a command to run ({card.black_box.command}); if you trust "
            "it, set black_box.allow_code: true"
        )
    from auditkit.models.black_box import CommandDevice

    return CommandDevice(card)
