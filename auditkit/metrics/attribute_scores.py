"""Scores of the attributes that experts noted in pairs of counterfactuals, as DeGrave et al. count them."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from numpy.typing import ArrayLike

from auditkit.errors import AuditError

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Side = Literal["benign", "malignant", "neither"]

DIRECTIONS: Final = (
    *("benign only", "benign > malignant", "different", "benign < malignant", "malignant only"),
)
"""The last axis of s: how an attribute differs, once it is known which picture is which."""

SIDES: Final[tuple[Side, ...]] = ("benign", "malignant", "neither")
FACTOR: Final = 2
"""How many times as often an attribute must be noted on one side for that side to predominate."""

_BENIGN, _MALIGNANT = slice(0, 2), slice(3, 5)


@dataclass(frozen=True)
class AttributeScores:
    """What experts noted in the pairs of one model. A attributes.

    Attributes:
        directions: (A, 5) the paper's score of each of `DIRECTIONS`.
        benign: (A,) share of pairs and experts with more of it in the benign picture.
        malignant: (A,) the same for the malignant picture.
        noted: (A,) share with any direction, "different" among them.
        displayed: (A,) the size that Fig. 2c displays.
        predominant: (A,) where it predominates.
        entries: number of (pair, expert) that were assessed.
    """

    directions: Floats
    benign: Floats
    malignant: Floats
    noted: Floats
    displayed: Floats
    predominant: tuple[Side, ...]
    entries: int


def assessed_pairs(answered: ArrayLike, unable: ArrayLike) -> Bools:
    """Which pairs count for which expert.

    A pair that any expert was unable to assess is left out for all of them, as in the paper. A pair that
    an expert has not answered counts for the others (in the paper every pair was answered).

    Args:
        answered: (E, I) whether an expert answered a pair.
        unable: (E, I) whether they were unable to assess it.

    Returns:
        bool (E, I).

    Raises:
        AuditError: shapes differ.

    Example:
        >>> assessed_pairs([[1, 1, 0], [1, 1, 1]], [[0, 1, 0], [0, 0, 0]]).tolist()
        [[True, False, False], [True, False, True]]
    """
    there, not_able = _flags("answered", answered, 2), _flags("unable", unable, 2)
    if there.shape != not_able.shape:
        raise AuditError(
            f"answered {there.shape} and unable {not_able.shape}: one shape (experts, pairs) was expected"
        )
    found: Bools = there & ~not_able & ~not_able.any(axis=0)
    return found


def attribute_scores(s: ArrayLike, assessed: ArrayLike) -> AttributeScores:
    r"""Scores, predominant directions and displayed sizes of one model's attributes.

    With s_{e,i,a,d} = 1 where expert e noted that attribute a differs in direction d in pair i, and
    sums over the N pairs and experts that were assessed (DeGrave et al., Nat. Biomed. Eng. 2023,
    doi:10.1038/s41551-023-01160-9, Methods "Expert evaluation of counterfactuals"):

        score_{a,d} = sum_{i,e} s_{e,i,a,d} / N
        benign_a    = share of (i, e) noted "benign only" or "benign > malignant"; likewise malignant_a
        direction   = benign if benign_a > 2 malignant_a, malignant if malignant_a > 2 benign_a, else neither
        displayed   = the score of that side, or the mean of both if neither (Fig. 2c)

    What the paper leaves open: a side counts once per pair and expert, also where an expert noted the
    same attribute twice; a factor of exactly 2, and 0 against 0, are neither; a score above 0 against 0
    predominates. Pairs without an answer shrink N.

    Args:
        s: bool (E, I, A, 5), in the order of `DIRECTIONS`; only the first showing of each pair.
        assessed: bool (E, I), as `assessed_pairs` gives it; entries of s elsewhere are not looked at.

    Returns:
        All in [0, 1].

    Raises:
        AuditError: shapes that do not fit, values other than true and false, or nothing assessed.

    Example:
        >>> s = np.zeros((1, 3, 1, 5), dtype=bool)  # one expert, three pairs, one attribute
        >>> s[0, 0, 0, 0] = s[0, 1, 0, 1] = s[0, 2, 0, 4] = True
        >>> found = attribute_scores(s, np.ones((1, 3), dtype=bool))
        >>> found.predominant, found.displayed.tolist()  # 2 against 1 is not more than twice
        (('neither',), [0.5])
    """
    noted, counted = checked(s, assessed)
    entries = int(counted.sum())
    within = noted & counted[:, :, None, None]
    # Whole numbers are compared, so that rounding never decides on a factor of exactly 2.
    benign, malignant = (
        side.sum(axis=(0, 1)).astype(np.float64)
        for side in (benign_side(within), malignant_side(within))
    )
    return AttributeScores(
        directions=within.sum(axis=(0, 1)) / entries,
        benign=benign / entries,
        malignant=malignant / entries,
        noted=within.any(axis=3).sum(axis=(0, 1)) / entries,
        displayed=displayed_size(benign, malignant) / entries,
        predominant=tuple(predominant(*counts) for counts in zip(benign, malignant, strict=True)),
        entries=entries,
    )


def benign_side(s: Bools) -> Bools:
    """(..., 5) to (...): more of it in the benign picture, noted in either way."""
    found: Bools = np.asarray(s[..., _BENIGN].any(axis=-1))
    return found


def malignant_side(s: Bools) -> Bools:
    """(..., 5) to (...): more of it in the malignant picture, noted in either way."""
    found: Bools = np.asarray(s[..., _MALIGNANT].any(axis=-1))
    return found


def displayed_size(benign: Floats, malignant: Floats) -> Floats:
    """Counts or scores of both sides to the displayed size, element by element.

    Example:
        >>> displayed_size(np.array([5.0, 4.0, 0.0]), np.array([2.0, 2.0, 1.0])).tolist()
        [5.0, 3.0, 1.0]
    """
    larger: Floats = np.maximum(benign, malignant)
    return np.where(
        larger > FACTOR * np.minimum(benign, malignant), larger, (benign + malignant) / 2
    )


def predominant(benign: float, malignant: float) -> Side:
    """Where an attribute predominates, by counts or scores of its two sides."""
    if benign > FACTOR * malignant:
        return "benign"
    return "malignant" if malignant > FACTOR * benign else "neither"


def checked(s: ArrayLike, assessed: ArrayLike) -> tuple[Bools, Bools]:
    """Both as booleans: s (E, I, A, 5) and assessed (E, I).

    Raises:
        AuditError: shapes that do not fit, values other than true and false, or nothing assessed.
    """
    noted, counted = _flags("s", s, 4), _flags("assessed", assessed, 2)
    if noted.shape[:2] != counted.shape or noted.shape[3] != len(DIRECTIONS):
        raise AuditError(
            f"s {noted.shape} and assessed {counted.shape}: (experts, pairs, attributes, 5) and (experts, "
            "pairs) were expected"
        )
    if not counted.any():
        raise AuditError("no pair was assessed: the scores have no pairs to be shares of")
    return noted, counted


def _flags(name: str, values: ArrayLike, dimensions: int) -> Bools:
    table = np.asarray(values)
    if table.ndim != dimensions or not np.isin(table, (0, 1)).all():
        raise AuditError(
            f"{name} has shape {table.shape} and type {table.dtype}; true or false in {dimensions} "
            "dimensions was expected"
        )
    found: Bools = table.astype(np.bool_)
    return found
