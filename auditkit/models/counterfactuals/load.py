"""From a card to a counterfactual generator for one model."""

from auditkit.errors import AuditError
from auditkit.models.counterfactuals.contract import CounterfactualGenerator
from auditkit.models.counterfactuals.exaggeration import Exaggeration
from auditkit.models.counterfactuals.guided import GuidedDiffusion
from auditkit.models.diffusion.load import load_generator as load_pipeline
from auditkit.models.model import Model
from auditkit.spec.counterfactual_card import CounterfactualCard
from auditkit.spec.generator_card import GeneratorCard


def load_generator(
    card: CounterfactualCard, model: Model, pipeline: GeneratorCard | None
) -> CounterfactualGenerator:
    """The generator that a card describes, on the model's device.

    Args:
        card: of the generator.
        model: whose mind it changes; guided diffusion asks it for gradients.
        pipeline: the text-to-image model that the card's guidance names; None for other families.

    Raises:
        AuditError: files are missing or not what the cards state, or the model cannot guide.
    """
    if card.guidance is None:
        return Exaggeration.from_card(card, model.device)
    if pipeline is None:
        raise AuditError(
            f"{card.path}: the generator '{card.guidance.generator}' was not given; name it in the audit"
        )
    parts = load_pipeline(pipeline, model.device.type, model.precision)
    return GuidedDiffusion(model, parts, card.guidance, card.bins)
