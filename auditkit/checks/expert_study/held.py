"""Answers held against an audit: its data, its model, its names."""

from auditkit.data.answers import Answers, shown_digest
from auditkit.errors import AuditError, Unavailable
from auditkit.evidence import Evidence
from auditkit.evidence.counterfactuals.cards import card_of
from auditkit.models.identity import model_digest
from auditkit.spec.answers_card import AnswersCard
from auditkit.spec.declarations.expert_study import ExpertStudy
from auditkit.spec.problems import nearest


def check_about(evidence: Evidence, card: AnswersCard) -> None:
    """Whether the answers are about the audited data and model.

    Raises:
        Unavailable: they are about others, or about the model as it was before it changed.
    """
    what, data = f"answers '{card.answers}'", evidence.data.card.data
    if card.data != data:
        raise Unavailable(
            f"{what} are about data '{card.data}', the audit about '{data}'; name a study of that"
        )
    name = evidence.card.model
    studied = {one.model: one.sha256 for one in card.models}
    if name not in studied:
        raise Unavailable(
            f"{what} are about {', '.join(studied)}, not about '{name}'; plan a study with it among "
            "'models', and run: auditkit study new"
        )
    if studied[name] not in (None, model_digest(evidence.card)):
        raise Unavailable(
            f"{what} are about '{name}' as it was then: its weights, input, output or threshold have "
            "changed; ask experts about its counterfactuals again: auditkit study new"
        )


def check_same(evidence: Evidence, answers: Answers, parameters: ExpertStudy) -> None:
    """Whether the records, and the generator if the spec names its training, are those of the study.

    What a study did not record is not compared; `comparison` says so.

    Raises:
        Unavailable: they have changed, or there is no such generator.
    """
    card, name = answers.card, evidence.card.model
    if card.data_sha256 is not None:
        images = {one.image for one in answers.pairs}
        if shown_digest(evidence.data.records, images) != card.data_sha256:
            raise Unavailable(
                f"answers '{card.answers}' are about images of '{card.data}' as they were then: pictures, "
                "labels, patients or columns of some that were shown have changed, or are gone; restore "
                "them, or ask experts again: auditkit study new"
            )
    studied = _generator(card, name)
    for wanted in parameters.counterfactuals:
        weights = card_of(evidence, wanted).weights
        if studied is not None and (weights is None or weights.sha256 != studied):
            raise Unavailable(
                f"answers '{card.answers}' are about pictures by another counterfactual generator of "
                f"'{name}' than the one that was trained on '{wanted.trained_on}' with seed "
                f"{wanted.seed}: restore that one, or ask experts about its pictures: auditkit study new"
            )


def comparison(card: AnswersCard, name: str, parameters: ExpertStudy) -> str:
    """What of model, images and generator was held against what the study recorded, for a reader.

    Args:
        card: of the answers.
        name: of the audited model.
        parameters: of the check.
    """
    known = {one.model: one.sha256 for one in card.models}[name] is not None
    generator = _generator(card, name) is not None
    asked = bool(parameters.counterfactuals)
    parts = {
        "the model": known,
        "the images": card.data_sha256 is not None,
        "the counterfactual generator": generator and asked,
    }
    same = [what for what, compared in parts.items() if compared]
    rest = [what for what, compared in parts.items() if not compared]
    told = f"Compared with what the study recorded, and the same: {', '.join(same) or 'nothing'}."
    if not rest:
        return told
    hint = " (name in 'trained_on' the data that the generator was trained on)" if generator else ""
    return f"{told} Not compared, and so perhaps another today: {', '.join(rest)}{hint}."


def _generator(card: AnswersCard, name: str) -> str | None:
    return {one.model: one.generator_sha256 for one in card.models}[name]


def check_named(answers: Answers, parameters: ExpertStudy) -> None:
    """Whether the experts know the attributes that a spec names.

    Raises:
        AuditError: naming the first that they do not, and the nearest that they do.
    """
    for name in parameters.attributes:
        if name not in answers.attributes:
            raise AuditError(
                f"attributes: there is no '{name}' in {answers.card.path}; "
                f"{nearest(name, answers.attributes)}"
            )
