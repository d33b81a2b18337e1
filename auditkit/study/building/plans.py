"""A plan held against the cards that it names."""

from auditkit.errors import AuditError
from auditkit.spec.catalogue import Catalogue
from auditkit.spec.data_card import DataCard
from auditkit.spec.model_card import ModelCard
from auditkit.spec.study import StudyPlan


def check_plan(plan: StudyPlan, catalogue: Catalogue) -> list[str]:
    """Hold models and data to being there, and about the plan's task.

    A table of pairs holds all that is shown, so that cards of its models and data are optional.

    Returns:
        What the cards say that they are substitutes for, each once.

    Raises:
        AuditError: there is no such card, it has another task, or another name than the plan gives it.
    """
    cards: list[DataCard | ModelCard] = []
    tabled = plan.kind == "pairs"
    if not tabled or plan.data in catalogue.data_sets():
        data = catalogue.data(plan.data)
        _check(plan, "data set", plan.data, data.data, data.task)
        cards.append(data)
    for name in plan.models:
        if tabled and name not in catalogue.models():
            continue
        model = catalogue.unsettled_model(name) if tabled else catalogue.model(name)
        _check(plan, "model", name, model.model, model.task)
        cards.append(model)
    return list(dict.fromkeys(card.stand_in for card in cards if card.stand_in))


def _check(plan: StudyPlan, kind: str, given: str, name: str, task: str) -> None:
    if name != given:
        raise AuditError(f"{plan.path}: {kind} '{given}': give its name, '{name}'")
    if task != plan.task:
        raise AuditError(
            f"{plan.path}: {kind} '{name}' is about {task}, the study about {plan.task}; they must have the "
            "same task"
        )
