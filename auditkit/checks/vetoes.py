"""Which pairs of counterfactuals experts rejected, from tables of ratings."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from auditkit.data.ratings import Rating, read_ratings
from auditkit.errors import AuditError, Unavailable
from auditkit.evidence import Evidence
from auditkit.spec.problems import nearest
from auditkit.spec.ratings_card import RatingsCard

METHOD = "counterfactual"
"""What the table's column `method` says of a pair of counterfactuals."""


@dataclass(frozen=True)
class Verdicts:
    """What experts said of one image's pair.

    Attributes:
        raters: who rated it.
        vetoed_by: who rejected it.
    """

    raters: tuple[str, ...]
    vetoed_by: tuple[str, ...]


def verdicts_on(evidence: Evidence, tables: Sequence[str]) -> list[Verdicts]:
    """What experts said of the pairs of the evidence's model, one per image.

    Raises:
        Unavailable: none of the tables is about the model, or one that is about it is about other data.
        AuditError: a table is not what its card says, rates no counterfactuals, or names an image that
            the data set does not have.
    """
    ratings = list(_ratings(evidence, tables))
    return [_verdicts(ratings, record.id) for record in evidence.records]


def _ratings(evidence: Evidence, tables: Sequence[str]) -> Iterator[tuple[Rating, bool]]:
    """Ratings of the model's pairs, and whether each is a veto."""
    cards = [evidence.ratings(name) for name in tables]
    own = [card for card in cards if card.model == evidence.card.model]
    if not own:
        raise Unavailable(
            f"none of the tables of vetoes ({', '.join(tables)}) is about '{evidence.card.model}'; have its "
            "counterfactuals rated, or drop 'vetoes'"
        )
    for card in own:
        for rating in _of_counterfactuals(evidence, card):
            yield rating, rating.value == card.scale.low


def _of_counterfactuals(evidence: Evidence, card: RatingsCard) -> list[Rating]:
    data = evidence.data.card.data
    if card.data != data:
        raise Unavailable(
            f"vetoes '{card.ratings}' are about data '{card.data}', the audit about '{data}'; name a table "
            "about that"
        )
    rows = [row for row in read_ratings(card) if row.method == METHOD]
    if all(np.isnan(row.value) for row in rows):
        raise AuditError(
            f"{card.path.parent / card.file}: nobody rated counterfactuals; their rows have "
            f"'{METHOD}' in the column '{card.columns.method}'"
        )
    known = {record.id for record in evidence.data.records}
    for row in rows:
        if row.image not in known:
            raise AuditError(
                f"{row.where}: there is no image '{row.image:.100}' in '{data}'; "
                f"{nearest(row.image, known)[:200]}"
            )
    return [row for row in rows if not np.isnan(row.value)]


def _verdicts(ratings: Sequence[tuple[Rating, bool]], image: str) -> Verdicts:
    of_image = [(rating.rater, veto) for rating, veto in ratings if rating.image == image]
    return Verdicts(
        tuple(sorted({rater for rater, _ in of_image})),
        tuple(sorted({rater for rater, veto in of_image if veto})),
    )
