"""Ratings laid out as raters by heatmaps, held to the audit's data, model and methods."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit.data.ratings import Rating, read_ratings
from auditkit.errors import AuditError, Unavailable
from auditkit.evidence import Evidence
from auditkit.spec.declarations.ratings import Ratings
from auditkit.spec.problems import nearest
from auditkit.spec.ratings_card import RatingsCard

Floats = npt.NDArray[np.float64]

NO_RECORD = "the rated case lacks a modality"
NOT_RATED = "no rating"
_LACKING = -1


@dataclass(frozen=True)
class Rated:
    """Ratings of heatmaps; a unit is the heatmap of one method for one image.

    Attributes:
        raters: who rated any of them.
        values: (raters, units), NaN where there is no rating.
        images: (units,) index of the image.
        methods: (units,) label of the method.
        unknown: heatmaps of cases that are no records, because they lack a modality.
        others: ratings that the audit does not ask about, counted by why.
    """

    raters: tuple[str, ...]
    values: Floats
    images: npt.NDArray[np.int64]
    methods: tuple[str, ...]
    unknown: int
    others: Counter[str]

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """(units,) number of raters who rated each."""
        found: npt.NDArray[np.int64] = (~np.isnan(self.values)).sum(axis=0)
        return found

    @property
    def planned(self) -> int:
        """Heatmaps that the table names."""
        return len(self.methods) + self.unknown

    @property
    def means(self) -> Floats:
        """(units,) mean over raters; NaN where nobody rated."""
        summed = np.nansum(self.values, axis=0)
        found: Floats = np.where(self.counts > 0, summed / np.maximum(self.counts, 1), np.nan)
        return found


def rated(evidence: Evidence, parameters: Ratings, card: RatingsCard) -> Rated:
    """The ratings that an audit asks about.

    Raises:
        Unavailable: the table is about other data or another model.
        AuditError: it cannot be read, names an image that the data set does not have, or has no rating
            of a method.
    """
    for kind, about, own in (
        ("data", card.data, evidence.data.card.data),
        ("heatmaps of", card.model, evidence.card.model),
    ):
        if about != own:
            raise Unavailable(
                f"ratings '{card.ratings}' are about {kind} '{about}', the audit about '{own}'; name a "
                "table about that"
            )
    rows = read_ratings(card)
    known = _places(evidence, rows)
    labels = [method.label for method in parameters.methods]
    _check_methods(card, rows, labels)
    others = Counter(_others(rows, labels, evidence.n, known))
    asked = [row for row in rows if row.method in labels]
    unknown = len({(row.image, row.method) for row in asked if known[row.image] == _LACKING})
    within = [row for row in asked if 0 <= known[row.image] < evidence.n]
    return _laid_out(within, known, labels, unknown, others)


def _places(evidence: Evidence, rows: Sequence[Rating]) -> dict[str, int]:
    """Index of every record by its id; that of nothing for cases that lack a modality.

    Raises:
        AuditError: a row names neither.
    """
    known = {record.id: index for index, record in enumerate(evidence.data.records)}
    # Those beyond the images of this evidence lie beyond its last record.
    known |= {one.id: evidence.n for one in getattr(evidence.data, "incomplete", ())}
    known |= dict.fromkeys(evidence.incomplete_ids, _LACKING)
    for row in rows:
        if row.image not in known:
            raise AuditError(
                f"{row.where}: there is no image '{row.image:.100}' in '{evidence.data.card.data}'; "
                f"{nearest(row.image, known)[:200]}"
            )
    return known


def _check_methods(card: RatingsCard, rows: Sequence[Rating], labels: Sequence[str]) -> None:
    there = {row.method for row in rows if not np.isnan(row.value)}
    for label in labels:
        if label not in there:
            raise AuditError(
                f"{card.path.parent / card.file}: nobody rated heatmaps of '{label}'; "
                f"{nearest(label, there)}"
            )


def _others(
    rows: Sequence[Rating], labels: Sequence[str], images: int, known: dict[str, int]
) -> Iterator[str]:
    for row in rows:
        if row.method not in labels:
            yield f"of '{row.method}', which the audit does not name"
        elif known[row.image] >= images:
            yield "of images beyond the first that the audit asks for"


def _laid_out(
    rows: Sequence[Rating],
    known: dict[str, int],
    labels: Sequence[str],
    unknown: int,
    others: Counter[str],
) -> Rated:
    units = sorted({(known[row.image], labels.index(row.method)) for row in rows})
    raters = sorted({row.rater for row in rows if not np.isnan(row.value)})
    if not raters:
        raise AuditError("none of the images that the audit asks for was rated")
    places = {unit: place for place, unit in enumerate(units)}
    values = np.full((len(raters), len(units)), np.nan)
    for row in rows:
        if not np.isnan(row.value):
            place = places[known[row.image], labels.index(row.method)]
            values[raters.index(row.rater), place] = row.value
    return Rated(
        tuple(raters),
        values,
        np.array([image for image, _ in units], dtype=np.int64),
        tuple(labels[method] for _, method in units),
        unknown,
        others,
    )
