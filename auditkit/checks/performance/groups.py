"""The parts of the images that are measured: all, groups, bands and intersections."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np
import numpy.typing as npt

from auditkit.errors import AuditError
from auditkit.evidence import Evidence
from auditkit.findings import At
from auditkit.spec.declarations.performance import JOINT, Performance

Rows = npt.NDArray[np.bool_]
Texts = npt.NDArray[np.str_]

UNKNOWN = "unknown"
_MISSING = {"", "unknown", "nan", "none", "null", "na", "n/a"}


@dataclass(frozen=True)
class Part:
    """Some of the images.

    Attributes:
        at: value of each group column; empty for all images.
        rows: bool (n,), which images.
    """

    at: At
    rows: Rows

    @property
    def column(self) -> str:
        """The columns as an expectation names them (``skin_type x sex``); empty for all images."""
        return JOINT.join(self.at)

    @property
    def title(self) -> str:
        """For people: 'skin_type × sex: light × female'."""
        return f"{' × '.join(self.at)}: {self.value}" if self.at else "all images"

    @property
    def value(self) -> str:
        """The group alone: 'light × female'."""
        return " × ".join(str(value) for value in self.at.values())


def partition(evidence: Evidence, parameters: Performance) -> list[Part]:
    """All images, then every grouping's parts.

    Intersections and bands without any image are parts as well: nobody of a group in the data is
    something to know.

    Raises:
        AuditError: a column is missing, or a banded one holds words.
    """
    parts = [Part({}, np.ones(evidence.n, dtype=bool))]
    columns: dict[str, _Column] = {}
    for grouping in parameters.groupings:
        for name in grouping:
            if name not in columns:
                columns[name] = _column(evidence, name, parameters.bands.get(name))
        parts += _parts({name: columns[name] for name in grouping})
    return parts


@dataclass(frozen=True)
class _Column:
    """A group column: its values in order, and the value of each image."""

    values: Sequence[str]
    of: Texts


def _parts(columns: dict[str, _Column]) -> list[Part]:
    combinations = product(*(column.values for column in columns.values()))
    return [
        Part(
            dict(zip(columns, values, strict=True)),
            np.logical_and.reduce(
                [column.of == v for column, v in zip(columns.values(), values, strict=True)]
            ),
        )
        for values in combinations
    ]


def _column(evidence: Evidence, name: str, edges: Sequence[float] | None) -> _Column:
    texts = column_texts(evidence, name)
    if edges is None:
        return _Column([str(value) for value in np.unique(texts)], texts)
    labels = band_labels(edges)
    numbers = np.array([column_number(name, text, "bands", "numbers") for text in texts.tolist()])
    index = np.searchsorted(np.asarray(edges), numbers, side="right")
    banded = np.array(labels)[np.where(np.isnan(numbers), 0, index)]
    banded = np.where(np.isnan(numbers), UNKNOWN, banded)
    # Every declared band is shown; what lies below the first, and the unknown, if there are any.
    values = [*labels[1:], *(rest for rest in (labels[0], UNKNOWN) if (banded == rest).any())]
    return _Column(values, banded)


def band_labels(edges: Sequence[float]) -> list[str]:
    """Names of the bands below, between and above the edges: 'below 0', '0-29', '30-49', '50+'.

    Between whole numbers a band is named by its first and last whole number (30 to under 50 is
    '30-49'), else as '0.5 to 1'.
    """
    whole = all(float(edge).is_integer() for edge in edges)
    last = 1 if whole else 0
    between = [_band(low, high - last, whole=whole) for low, high in pairwise(edges)]
    return [f"below {edges[0]:g}", *between, f"{edges[-1]:g}+"]


def _band(low: float, high: float, *, whole: bool) -> str:
    if low == high:
        return f"{low:g}"
    return f"{low:g}-{high:g}" if whole else f"{low:g} to {high:g}"


def column_texts(evidence: Evidence, name: str) -> Texts:
    """Value per image of a group column, or of a column that a model's second input may read.

    Raises:
        AuditError: the data set has no such column.
    """
    first = evidence.records[0]
    if name in first.features and name not in first.groups:
        return np.array([record.features[name] or UNKNOWN for record in evidence.records])
    return evidence.group(name)


def column_number(column: str, text: str, key: str, wanted: str) -> float:
    """A number out of a column; NaN where nothing is known.

    Raises:
        AuditError: it is none; ``key`` is the parameter that named the column, ``wanted`` what was expected.
    """
    if text.strip().lower() in _MISSING:
        return math.nan
    try:
        number = float(text)
    except ValueError:
        number = math.inf
    if not math.isfinite(number):
        raise AuditError(
            f"{key}: column '{column}' holds '{text}', which is no number; expected {wanted}, and "
            "nothing (or 'unknown') where the value is missing."
        )
    return number
