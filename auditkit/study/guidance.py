"""What a study of planned size can tell, before anybody looks at a picture."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from auditkit.errors import AuditError
from auditkit.stats import required_n_proportion
from auditkit.stats.expected import expected_half_width, smallest_above

SCORES: Final = (0.05, 0.1, 0.3)
BOUNDS: Final = (0.0, 0.1)
KAPPAS: Final = (0.2, 0.4, 0.6)
CORRELATIONS: Final = (0.0, 0.5, 1.0)
PER_PATIENT: Final = (1, 2, 3)
TARGET, POWER = 0.4, 0.9
"""The kappa that is to be told from 0, and how surely."""

WITHIN_PATIENT = 0.3
"""Correlation that is assumed of an expert's answers to two pairs of one patient."""

_MINUTES = 1.5  # for a pair: the paper's experts needed 30 minutes for twenty
_SET = 20


@dataclass(frozen=True)
class Table:
    """One question, answered for several assumptions.

    Attributes:
        title: the question.
        header: names of the columns.
        rows: texts.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]

    def lines(self) -> list[str]:
        """As text, its columns aligned."""
        every = [self.header, *self.rows]
        widths = [max(len(row[i]) for row in every) for i in range(len(self.header))]
        shown = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in every
        ]
        return [self.title, *(f"  {line}" for line in shown)]


def guidance(
    references: int,
    experts: int,
    models: int,
    *,
    per_patient: float = 1.0,
    repeats: float = 0.1,
    level: float = 0.95,
) -> list[Table]:
    r"""What intervals a study will have, and what it would show.

    A score of n = references x experts answers has the interval of n / deff independent ones, where with E
    experts whose answers to one pair correlate by r, and m pairs of a patient that correlate by q,

        deff = 1 + (E - 1) r + E (m - 1) q.

    Kappa is that of an expert with the model, or of two experts, on two pictures in random order: by chance
    they agree in half of the pairs, kappa = 2 P_o - 1, and its interval is twice as wide as that of the
    agreement P_o of one expert's pairs. With oneself it is, as in the check `expert-study`, of the repeats of
    one model: repeats x references of them on average. Widths are those of Clopper-Pearson intervals,
    expected over samples. Those of the check, with the chance agreement that it sees, are wider where pairs
    are few: in simulations by 13 to 19 % with 10 of them, by 1 to 5 % with 60.
    Tables give r = 0, 0.5 and 1; q is 0.3.

    Args:
        references: reference images, each with one pair per model.
        experts: who look at every pair.
        models: whose pairs are mixed.
        per_patient: reference images of one patient.
        repeats: share of the pairs that are shown twice.
        level: two-sided confidence level.

    Returns:
        Tables for people.

    Raises:
        AuditError: a number out of range.

    Example:
        >>> tables = guidance(100, 2, 5)
        >>> print("\n".join(tables[0].lines()))
        Half width of the 95 % interval of a score (100 references, 2 experts)
          score  experts independent  correlated by 0.5  as one expert
          0.05   0.033                0.040              0.047
          0.1    0.044                0.054              0.063
          0.3    0.065                0.081              0.093
    """
    _check(references, experts, models, per_patient, repeats)
    size = _Size(references, experts, models, per_patient, repeats, level)
    return [size.scores(), size.smallest(), size.kappas(), size.needed(), size.work()]


def design_effect(experts: int, between_experts: float, per_patient: float = 1.0) -> float:
    """By how much answers to one patient's pairs inflate the variance of a score.

    Example:
        >>> design_effect(2, 0.5), design_effect(2, 0.5, per_patient=2)
        (1.5, 2.1)
    """
    return 1 + (experts - 1) * between_experts + experts * (per_patient - 1) * WITHIN_PATIENT


@dataclass(frozen=True)
class _Size:
    """The size of a study."""

    references: int
    experts: int
    models: int
    per_patient: float
    repeats: float
    level: float

    @property
    def answers(self) -> int:
        """To the pairs of one model."""
        return self.references * self.experts

    def scores(self) -> Table:
        def half_width(score: float, effect: float) -> float:
            return expected_half_width(score, self.answers, level=self.level, design_effect=effect)

        return Table(
            f"Half width of the {self.percent} interval of a score ({self.planned})",
            ["score", *self.columns],
            [[f"{score:g}", *self.by_correlation(half_width, score)] for score in SCORES],
        )

    def smallest(self) -> Table:
        def smallest(bound: float, effect: float) -> float:
            return smallest_above(
                bound, self.answers, power=POWER, level=self.level, design_effect=effect
            )

        return Table(
            f"Smallest score whose interval lies above a bound with a probability of {POWER:g}",
            ["bound", *self.columns],
            [[f"{bound:g}", *self.by_correlation(smallest, bound)] for bound in BOUNDS],
        )

    def kappas(self) -> Table:
        again = math.floor(self.repeats * self.references + 0.5)
        oneself = f"with oneself, of one model ({again} repeats)"
        asked = {"with one model": self.references} | ({oneself: again} if again else {})
        return Table(
            f"Half width of the {self.percent} interval of kappa, of one expert",
            ["kappa", *asked],
            [
                [f"{kappa:g}", *(f"{self.kappa_width(kappa, n):.3f}" for n in asked.values())]
                for kappa in KAPPAS
            ],
        )

    def kappa_width(self, kappa: float, pairs: int) -> float:
        """Half width; 2 P_o - 1 is twice as wide as P_o."""
        # Of a patient's other images, only the share that is repeated too counts with a repeated one.
        together = 1 + (self.per_patient - 1) * pairs / self.references
        effect = design_effect(1, 0.0, together)
        return 2 * expected_half_width(
            (1 + kappa) / 2, pairs, level=self.level, design_effect=effect
        )

    def needed(self) -> Table:
        found = [
            required_n_proportion(
                (1 + TARGET) / 2,
                0.5,
                power=POWER,
                level=self.level,
                design_effect=design_effect(1, 0.0, images),
            )
            for images in PER_PATIENT
        ]
        return Table(
            f"References with which a kappa of {TARGET:g} is above 0 with a probability of {POWER:g}",
            ["references of one patient", *map(str, PER_PATIENT)],
            [["needed", *map(str, found)]],
        )

    def work(self) -> Table:
        pairs = self.references * self.models
        shown = pairs + math.floor(self.repeats * pairs + 0.5)
        return Table(
            "Work of one expert, without practice and screening",
            ["pairs", "with repeats", f"sets of {_SET}", "hours"],
            [
                [
                    str(pairs),
                    str(shown),
                    str(math.ceil(shown / _SET)),
                    f"{shown * _MINUTES / 60:.1f}",
                ]
            ],
        )

    @property
    def percent(self) -> str:
        return f"{100 * self.level:g} %"

    @property
    def planned(self) -> str:
        each = "" if self.per_patient == 1 else f", {self.per_patient:.3g} of one patient"
        return f"{self.references} references{each}, {self.experts} experts"

    @property
    def columns(self) -> list[str]:
        """One per correlation of the experts; one expert has none."""
        if self.experts == 1:
            return ["one expert"]
        named = {0.0: "experts independent", 1.0: "as one expert"}
        return [named.get(one, f"correlated by {one:g}") for one in CORRELATIONS]

    def by_correlation(self, quantity: Callable[[float, float], float], value: float) -> list[str]:
        """The quantity at the design effect of each correlation."""
        found = []
        for correlation in CORRELATIONS[: len(self.columns)]:
            effect = design_effect(self.experts, correlation, self.per_patient)
            try:
                found.append(f"{quantity(value, effect):.3f}")
            except AuditError:
                found.append("none")
        return found


def _check(references: int, experts: int, models: int, per_patient: float, repeats: float) -> None:
    if min(references, experts, models) < 1 or not 1 <= per_patient <= references:
        raise AuditError(
            f"{references} references, {experts} experts, {models} models, {per_patient:g} references of one "
            "patient: at least one of each was expected, and no more of a patient than there are"
        )
    if not 0 <= repeats <= 1:
        raise AuditError(f"repeats is {repeats}; a share from 0 to 1 was expected")
