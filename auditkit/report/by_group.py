"""Forests of an audit's main measures by group: every group, those too small for an estimate as well."""

from collections.abc import Sequence
from typing import Final

from auditkit.report.language import Language
from auditkit.results import AuditResult, DataResult, FigureResult, MeasurementResult, SeriesResult

MOST: Final = 3
"""Measures that are drawn: more figures than that are looked at by nobody."""
_FIRST: Final = ("roc_auc", "sensitivity", "specificity", "balanced_accuracy", "accuracy")
_JOINED: Final = " × "


def forests(audit: AuditResult, data: Sequence[DataResult], t: Language) -> list[FigureResult]:
    """A figure per main measure: a row for all images, and one for every group."""
    columns = _columns(audit, data)
    # What cannot be asked of the model lacks no images.
    asked = [found for found in audit.measurements if found.applicable]
    grouped = [found for found in asked if found.at and set(found.at) <= columns]
    return [_forest(audit, name, grouped, t) for name in _main(grouped)]


def _columns(audit: AuditResult, data: Sequence[DataResult]) -> set[str]:
    """Group columns: those of the data set, and those that the audit itself cuts into bands."""
    known = {column for each in data if each.data == audit.data for column in each.groups}
    for key in ("by", "bands"):
        given = audit.parameters.get(key)
        if isinstance(given, list | dict):
            known.update(str(column) for column in given)
    return known


def _main(grouped: Sequence[MeasurementResult]) -> list[str]:
    """The measures that are drawn: discrimination first; what nobody could estimate is left out."""
    estimated = [found.name for found in grouped if found.value is not None]
    names = list(dict.fromkeys(estimated or [found.name for found in grouped]))
    known: list[str] = [name for name in _FIRST if name in names]
    return (known or names)[:MOST]


def _forest(
    audit: AuditResult, name: str, grouped: Sequence[MeasurementResult], t: Language
) -> FigureResult:
    whole = [found for found in audit.measurements if found.name == name and not found.at]
    rows = [*whole, *(found for found in grouped if found.name == name)]
    line = SeriesResult(
        name=name,
        x=[float(i) for i in range(len(rows))],
        y=[found.value for found in rows],
        low=[found.low for found in rows],
        high=[found.high for found in rows],
        dashed=False,
    )
    return FigureResult(
        name=f"by-group-{name}",
        title=t("groups.figure", measure=name),
        kind="forest",
        x_label=t("groups.group"),
        y_label=f"{name} ({rows[0].unit})" if rows[0].unit else name,
        series=[line],
        caption=t("groups.caption"),
        diagonal=False,
        zero=False,
        labels=[_label(found, t) for found in rows],
    )


def _label(found: MeasurementResult, t: Language) -> str:
    """The group with its size: 'skin_tone dark, n = 333', or why there is no estimate."""
    columns = _JOINED.join(found.at)
    values = _JOINED.join(v if isinstance(v, str) else f"{v:g}" for v in found.at.values())
    group = f"{columns}: {values}" if found.at else t("groups.all")
    if found.value is None:
        return t("groups.too-small", group=group, planned=found.planned)
    return t("groups.row", group=group, n=found.n)
