"""Answers of one model's pairs as arrays: experts by pairs, and by attributes and directions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit.data.answer_rows import Choice, Pair
from auditkit.data.answers import Answers
from auditkit.metrics.attribute_agreement import MISSING
from auditkit.metrics.attribute_scores import DIRECTIONS, assessed_pairs

Bools = npt.NDArray[np.bool_]
Choices = npt.NDArray[np.int64]

_PLACES = ("first", "second")


@dataclass(frozen=True)
class ModelAnswers:
    """Answers to the pairs of one model that were shown. E experts, I pairs, A attributes, 5 directions.

    Attributes:
        model: name.
        pairs: the I pairs.
        units: (I,) patient of each, or its image where no patient is known.
        noted: bool (E, I, A, 5), whether an expert noted an attribute in a direction of `DIRECTIONS` in
            the first showing.
        ungrouped: bool (E, I), whether an expert noted anything in the first showing that was grouped into
            no attribute.
        answered: bool (E, I), whether an expert answered the first showing.
        unable: bool (E, I), whether they were unable to assess it, the first time or again.
        repeated: bool (E, I), whether they were to be shown it again.
        displayed: int (E, I), which picture was chosen as displayed: 0 for A, 1 for B, else `MISSING`.
        malignant: int (E, I), which displayed picture is the malignant one; `MISSING` if not answered.
        first: int (E, I), which picture was chosen, wherever displayed: 0 for the first of the table, 1
            for the second, else `MISSING`.
        again: int (E, I), as ``first``, of the repeat.
    """

    model: str
    pairs: Sequence[Pair]
    units: npt.NDArray[np.str_]
    noted: Bools
    ungrouped: Bools
    answered: Bools
    unable: Bools
    repeated: Bools
    displayed: Choices
    malignant: Choices
    first: Choices
    again: Choices

    @property
    def counted(self) -> Bools:
        """(E, I), which answers count: pairs that anybody was unable to assess count for nobody."""
        return assessed_pairs(self.answered, self.unable)

    @property
    def filtered(self) -> Bools:
        """(I,), which pairs anybody was unable to assess, the first time or again."""
        return np.asarray(self.unable.any(axis=0))

    @property
    def grouped(self) -> Bools:
        """(E, I), which answers count for attributes: all that was noted in them has a name."""
        return self.counted & ~self.ungrouped

    @property
    def missing(self) -> Bools:
        """(E, I), which answers to pairs that are not filtered were not given."""
        return ~self.answered & ~self.filtered


def answers_of(answers: Answers, model: str) -> ModelAnswers:
    """The answers to one model's pairs, in the order of the table of pairs.

    Args:
        answers: of a study.
        model: name of one of its models.
    """
    pairs = [one for one in answers.pairs if one.shown and one.model == model]
    places = {one.pair: place for place, one in enumerate(pairs)}
    experts = {name: place for place, name in enumerate(answers.experts)}
    shape = (len(experts), len(pairs))
    found = ModelAnswers(
        model,
        pairs,
        np.array([one.unit for one in pairs], dtype=np.str_),
        _noted(answers, experts, places),
        np.zeros(shape, dtype=bool),
        np.zeros(shape, dtype=bool),
        np.zeros(shape, dtype=bool),
        np.array([[name in one.repeats for one in pairs] for name in experts], dtype=bool),
        *(np.full(shape, MISSING, dtype=np.int64) for _ in range(4)),
    )
    for one in answers.choices:
        if one.pair in places:
            _enter(found, one, (experts[one.expert], places[one.pair]))
    for row in answers.noted:
        if row.pair in places and not row.attribute and row.showing == "first":
            found.ungrouped[experts[row.expert], places[row.pair]] = True
    return found


def _enter(found: ModelAnswers, one: Choice, at: tuple[int, int]) -> None:
    """Put one answer where it belongs."""
    displayed = MISSING if one.unable else "AB".index(one.chosen)
    left = _PLACES.index(one.left)
    in_table = MISSING if one.unable else displayed ^ left
    found.unable[at] |= one.unable
    if one.showing == "repeat":
        found.again[at] = in_table
        return
    found.answered[at] = True
    found.displayed[at], found.first[at] = displayed, in_table
    found.malignant[at] = _PLACES.index(found.pairs[at[1]].malignant) ^ left


def _noted(answers: Answers, experts: Mapping[str, int], places: Mapping[str, int]) -> Bools:
    attributes = {name: place for place, name in enumerate(answers.attributes)}
    shape = (len(experts), len(places), len(attributes), len(DIRECTIONS))
    found = np.zeros(shape, dtype=bool)
    for one in answers.noted:
        if one.pair in places and one.attribute and one.showing == "first":
            where = experts[one.expert], places[one.pair], attributes[one.attribute]
            found[(*where, DIRECTIONS.index(one.direction))] = True
    return found
