"""From what was typed after `auditkit train counterfactual` to a recipe. No torch."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from auditkit.errors import AuditError
from auditkit.spec.catalogue import Catalogue, catalogue
from auditkit.spec.data_card import VOLUMES
from auditkit.spec.problems import nearest
from auditkit.spec.training_counterfactual import (
    RECIPES,
    CounterfactualTraining,
    read_counterfactual_training,
)

_COMMAND = "auditkit train counterfactual"


def asked_recipe(
    recipe: str, given: Mapping[str, Any], cards: Sequence[Path]
) -> CounterfactualTraining:
    """The recipe that was asked for.

    Args:
        recipe: name of a recipe, or path of a ``*.training.yaml``.
        given: keys that were typed as options; they replace the file's.
        cards: folders with cards.

    Raises:
        AuditError: the recipe is not known or not valid, or model or data are missing.
    """
    typed = {key: value for key, value in given.items() if value is not None}
    for key in ("model", "data"):
        if key in typed and _is_path(typed[key]):
            # A recipe's paths are relative to it; what is typed, to where one is.
            typed[key] = str(Path(typed[key]).resolve())
    if recipe in RECIPES:
        _refuse_missing(typed, catalogue(cards))
        return _validated({"train": "counterfactual", "recipe": recipe, **typed})
    if not _is_path(recipe):
        raise AuditError(
            f"unknown recipe '{recipe}'; {nearest(recipe, RECIPES)} (or the path of a *.training.yaml)"
        )
    read = read_counterfactual_training(Path(recipe))
    if not typed:
        return read
    said = read.model_dump(exclude_unset=True, exclude={"path", "digest"})
    return _validated({**said, **typed}).model_copy(
        update={"path": read.path, "digest": read.digest}
    )


def _refuse_missing(typed: Mapping[str, Any], known: Catalogue) -> None:
    if "model" not in typed:
        raise AuditError(
            f"{_COMMAND} needs --model MODEL, whose mind the generator is to change, and --data DATA, images "
            "of the model's task to train on (or a recipe that says both)"
        )
    if "data" in typed:
        return
    task = known.model(typed["model"]).task
    names = [
        name
        for name, card in sorted(known.data_sets().items())
        if card.task == task and card.format not in VOLUMES
    ]
    found = f"of {task} there are: {', '.join(names)}" if names else f"there are none of {task}"
    raise AuditError(
        f"{_COMMAND} needs --data DATA: images to train on, others than those that are audited on; {found}"
    )


def _validated(said: Mapping[str, Any]) -> CounterfactualTraining:
    try:
        return CounterfactualTraining.model_validate(said)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        message = str(first.get("ctx", {}).get("error", first["msg"]))
        raise AuditError(f"{_COMMAND}: {f'{place}: ' if place else ''}{message}") from error


def _is_path(name: str) -> bool:
    return "/" in name or name.endswith((".yaml", ".yml"))
