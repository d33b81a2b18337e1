"""What experts said of the pictures' quality, as tables of ratings that audits take as `vetoes`."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from auditkit.results import write_whole
from auditkit.spec.audit import IDENTIFIER
from auditkit.spec.ratings_card import RatingColumns
from auditkit.study.answers import ScreeningAnswer
from auditkit.study.exporting.cards import card_text
from auditkit.study.exporting.tables import write_table
from auditkit.study.exporting.unsealed import Unsealed

METHOD = "counterfactual"
SUFFIX = ".ratings.yaml"

Judged = Mapping[tuple[str, str], list[bool]]


def write_vetoes(study: Unsealed, folder: Path) -> None:
    """Write a card and a table for each model of which anything was screened.

    A pair of which an expert rejected a picture has rating 0, one of which an expert accepted both has 1, and
    one of which only one picture was seen, and accepted, has none. Models whose names no card can have (of
    pairs from a table) have no table.
    """
    judged = _judged(study)
    for model in study.plan.models:
        rows = list(_rows(study, model, judged))
        if not rows or not IDENTIFIER.fullmatch(model):
            continue
        name = f"{study.plan.study}-{model}-vetoes"
        columns = RatingColumns()
        # Ids of images must be found in the data, so that what a spreadsheet would run stays as it is there.
        table = folder / f"{name}.csv"
        write_table(table, list(columns.model_dump().values()), rows, escape=False)
        write_whole(folder / f"{name}{SUFFIX}", card_text(_card(study, model, name)))


def _judged(study: Unsealed) -> Judged:
    """Whether each picture of a pair that an expert saw was rejected, by (expert, pair)."""
    found: dict[tuple[str, str], list[bool]] = {}
    for task, revision in study.answered:
        answer = revision.answer
        if isinstance(answer, ScreeningAnswer) and answer.artifact is not None:
            found.setdefault((task.person, task.item), []).append(answer.artifact)
    return found


def _rows(study: Unsealed, model: str, judged: Judged) -> Iterator[Mapping[str, str]]:
    for item in study.items:
        known = study.keys[item.item]
        if known.model != model:
            continue
        for expert in study.study.experts:
            seen = judged.get((expert.expert, item.item))
            if seen:
                yield {
                    "image": known.image,
                    "rater": expert.expert,
                    "method": METHOD,
                    "rating": _rating(seen, len(item.pictures)),
                }


def _rating(rejected: list[bool], pictures: int) -> str:
    if any(rejected):
        return "0"
    return "1" if len(rejected) == pictures else ""


def _card(study: Unsealed, model: str, name: str) -> dict[str, Any]:
    plan = study.plan
    experts = ", ".join(one.expert for one in plan.experts)
    return {
        "ratings": name,
        "title": f"Pre-screening of the counterfactuals of {model}",
        "task": plan.task,
        **({"stand_in": study.stand_in} if study.stand_in else {}),
        "data": plan.data,
        "model": model,
        "file": f"{name}.csv",
        "scale": {"low": 0, "high": 1, "step": 1},
        "description": (
            f"Experts {experts} of study '{plan.study}' ({plan.title}), closed on {study.closed:%Y-%m-%d}, "
            "looked for artifacts in every counterfactual by itself. 0: rejected a picture of the pair, 1: "
            "rejected none."
        ),
    }
