"""Models: formats, preprocessing, and one interface to all of them. `load_model` imports torch."""

from typing import TYPE_CHECKING

from auditkit.spec.model_card import ModelCard

if TYPE_CHECKING:
    from auditkit.models.model import Model


def load_model(card: ModelCard, device: str = "auto", precision: str = "float32") -> "Model":
    """The model that a card describes, ready to answer.

    Raises:
        AuditError: weights are missing, are not what the card says, or do not fit the architecture.
    """
    from auditkit.models.memory import prepare_process

    prepare_process()
    from auditkit.models.model import build

    return build(card, device, precision)
