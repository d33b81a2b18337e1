"""A closed heatmap rating study as the tables that people and the check `ratings` read."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from auditkit.data.cells import escaped
from auditkit.errors import AuditError
from auditkit.results import write_whole
from auditkit.spec.ratings_card import RatingColumns
from auditkit.study.answers import Decision
from auditkit.study.exporting.cards import card_text
from auditkit.study.exporting.exporting import write_trail
from auditkit.study.exporting.heatmap_rows import HeatmapRow, heatmap_rows
from auditkit.study.exporting.influence import Influence, influence
from auditkit.study.exporting.tables import Row, number, write_table, yes_no
from auditkit.study.exporting.unsealed import Unsealed, unsealed
from auditkit.study.exporting.veto_tables import SUFFIX
from auditkit.study.storing import Store
from auditkit.study.whole import refuse_existing, whole_folder

_ASKED = (
    "Each predicted first without and then with the model's prediction and its heatmap, and rated it; "
    "methods were not named."
)

DECISIONS = (
    "expert",
    "image",
    "method",
    "before",
    "before_confidence",
    "after",
    "after_confidence",
    "rating",
    "unable",
    "comment",
    "predicted",
    "showing",
    "seen_before",
    "seconds",
)
INFLUENCE = (
    "expert",
    "quantity",
    "when",
    "value",
    "low",
    "high",
    "level",
    "n",
    "patients",
    "method",
    "reason",
)


def export_heatmaps(folder: Path, store: Store, out: Path) -> Path:
    """Unblind a closed heatmap rating study and write what it found.

    ``NAME.csv`` with its card: ratings of heatmaps shown for the first time, as `auditkit.data.ratings` reads
    them; a heatmap that somebody could not rate has an empty cell. ``decisions.csv``: all that was answered,
    repeats too. ``influence.csv``: agreement with the model, accuracy and confidence before and after.
    ``trail.csv``: the audit trail. Practice is in none of them.

    Args:
        folder: of the study.
        store: of its answers.
        out: a new folder.

    Returns:
        The card, ``NAME.ratings.yaml``.

    Raises:
        AuditError: the study is not closed or nobody answered, its files are not those that it was built
            with, or ``out`` is there already or cannot be written.
    """
    refuse_existing(out)
    study = unsealed(folder, store)
    rows = heatmap_rows(study.study, study.key, study.answered)
    if not rows:
        raise AuditError(f"{folder}: nobody rated a heatmap; there is nothing to export")
    name = study.plan.study
    with whole_folder(out) as half:
        # Ids of images must be found in the data, so that what a spreadsheet would run stays as it is there.
        columns = list(RatingColumns().model_dump().values())
        write_table(half / f"{name}.csv", columns, _ratings(rows), escape=False)
        write_whole(half / f"{name}{SUFFIX}", card_text(_card(study)))
        write_table(half / "decisions.csv", DECISIONS, map(_decisions, rows), escape=False)
        labels = {one.image: one.label for one in study.key.items if one.label}
        found = influence(rows, labels)
        write_table(half / "influence.csv", INFLUENCE, map(_estimated, found), escape=False)
        write_trail(study, half / "trail.csv")
    return out / f"{name}{SUFFIX}"


def _ratings(rows: Sequence[HeatmapRow]) -> Iterator[Row]:
    """Of heatmaps shown for the first time; a repeat would count its rater twice."""
    for row in rows:
        if row.showing == "first":
            yield {
                "image": row.image,
                "rater": row.expert,
                "method": row.method,
                "rating": _rating(row),
            }


def _rating(row: HeatmapRow) -> str:
    rated = row.answer.rating is not None and not row.answer.unable
    return f"{row.answer.rating:.10g}" if rated else ""


def _decisions(row: HeatmapRow) -> Row:
    """Texts are escaped for spreadsheets; a negative rating stays a number."""
    before, after = _opinion(row.answer.before), _opinion(row.answer.after)
    return {
        "expert": row.expert,
        "image": escaped(row.image),
        "method": row.method,
        "before": before[0],
        "before_confidence": before[1],
        "after": after[0],
        "after_confidence": after[1],
        "rating": _rating(row),
        "unable": yes_no(row.answer.unable),
        "comment": escaped(row.answer.comment),
        "predicted": escaped(row.predicted),
        "showing": row.showing,
        "seen_before": str(row.seen_before),
        "seconds": number(row.seconds),
    }


def _opinion(given: Decision | None) -> tuple[str, str]:
    return (escaped(given.decision), str(given.confidence)) if given else ("", "")


def _estimated(one: Influence) -> Row:
    found = one.estimate
    told = {"expert": one.expert, "quantity": one.quantity, "when": one.when, "reason": one.reason}
    if found is None:
        return dict.fromkeys(INFLUENCE, "") | told
    numbers = {name: number(getattr(found, name)) for name in ("value", "low", "high", "level")}
    counts = {"n": str(found.n), "patients": str(found.clusters), "method": found.method}
    return told | numbers | counts


def _card(study: Unsealed) -> dict[str, Any]:
    plan = study.plan
    assert plan.heatmaps is not None, "of the kind 'heatmaps'"
    return {
        "ratings": plan.study,
        "title": plan.title,
        "task": plan.task,
        **({"stand_in": study.stand_in} if study.stand_in else {}),
        "data": plan.data,
        "model": plan.models[0],
        "file": f"{plan.study}.csv",
        "scale": plan.heatmaps.scale.model_dump(exclude_none=True),
        "description": _description(study),
    }


def _description(study: Unsealed) -> str:
    plan = study.plan
    raters = ", ".join(
        f"{one.expert} ({one.background})" if one.background else one.expert for one in plan.experts
    )
    parts = [
        f"Raters: {raters}. Closed on {study.closed:%Y-%m-%d}. {_ASKED}",
        f"Question: {plan.question}",
        f"Instruction: {plan.instruction.strip()}" if plan.instruction.strip() else "",
    ]
    return "\n".join(filter(None, parts))
