"""Tables of the check `alignment`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from auditkit.checks.aligned import NOT_EVALUABLE, Aligned
from auditkit.checks.alignment.measured import PARTS, measure_name
from auditkit.checks.coverages import SCORES, Bools
from auditkit.checks.measuring import worded
from auditkit.checks.performance.groups import Part
from auditkit.evidence import Evidence
from auditkit.findings import Findings, Table
from auditkit.metrics.cases import RIGHT, WRONG
from auditkit.metrics.quadrants import HIGH, LOW, UNDECIDED
from auditkit.spec.declarations.alignment import Alignment

_INTERVALS = "Shares with 95 % intervals over patients (Clopper-Pearson at the effective number)."
_PAIRS = (
    "human aligned / confuser",
    "sufficient / insufficient subset",
    "context dependant / context confusion",
    "sufficient context / distractor",
)


@dataclass(frozen=True)
class Tables:
    """Writes the tables.

    Attributes:
        parameters: of the check.
        findings: whose measurements are shown.
        parts: all images, then the groups.
        aligned: by the label of each method that can be asked of the model.
    """

    parameters: Alignment
    findings: Findings
    parts: Sequence[Part]
    aligned: Mapping[str, Aligned]

    def __call__(self) -> Iterator[Table]:
        """Coverage, quadrants and cases over all images, then by group."""
        for suffix, title, parts in (
            ("", "by method", self.parts[:1]),
            ("_by_group", "by group", self.parts[1:]),
        ):
            if parts:
                yield self._coverage(f"coverage{suffix}", f"Coverage {title}", parts)
                yield self._quadrants(f"quadrants{suffix}", f"Decisions and reasons {title}", parts)
                yield self._cases(f"cases{suffix}", f"Cases of Shared Interest {title}", parts)

    def _coverage(self, name: str, title: str, parts: Sequence[Part]) -> Table:
        rows = []
        for method in self.parameters.methods:
            for part in parts:
                found = [self.findings.find(f"{method.label}.{each}", part.at) for each in PARTS]
                missing = sum(found[0].not_evaluable.values()) if found[0] else 0
                count = found[0].estimate.n if found[0] and found[0].estimate else 0
                rows.append(
                    [method.label, *_of(part), *map(worded, found), str(count), str(missing)]
                )
        columns = ["method", *_images(parts), *(part.replace("_", " ") for part in PARTS)]
        caption = (
            f"Means over images with 95 % intervals over patients. {self.parameters.region_wording}"
        )
        return Table(name, title, [*columns, "n", NOT_EVALUABLE], rows, caption)

    def _quadrants(self, name: str, title: str, parts: Sequence[Part]) -> Table:
        rows = []
        for lead, right, rows_of, aligned in self._rows(parts):
            bands = aligned.bands[rows_of]
            kind = "right" if right else "wrong"
            cells = [
                self._cell(aligned, f"{kind} for {reasons} reasons", bands == band, lead)
                for reasons, band in (("right", HIGH), ("wrong", LOW))
            ]
            rest = [str(np.count_nonzero(bands == each)) for each in (UNDECIDED, NOT_EVALUABLE)]
            rows.append([aligned.method.label, *_of(lead), kind, str(bands.size), *cells, *rest])
        cuts = self.parameters.cuts
        columns = ["method", *_images(parts), "decisions", "n", "for the right reasons"]
        columns += ["for the wrong reasons", UNDECIDED, NOT_EVALUABLE]
        caption = (
            f"Right reasons: explanation coverage of at least {cuts.high:g}; wrong reasons: at most "
            f"{cuts.low:g}; undecided between. {_INTERVALS}"
        )
        return Table(name, title, columns, rows, caption)

    def _cases(self, name: str, title: str, parts: Sequence[Part]) -> Table:
        rows = []
        for lead, right, rows_of, aligned in self._rows(parts):
            cases = aligned.cases[rows_of]
            kind = "right" if right else "wrong"
            cells = [
                self._cell(aligned, case, cases == case, lead)
                for case in (RIGHT if right else WRONG)
            ]
            rest = [str(np.count_nonzero(cases == each)) for each in (UNDECIDED, NOT_EVALUABLE)]
            rows.append([aligned.method.label, *_of(lead), kind, str(cases.size), *cells, *rest])
        columns = ["method", *_images(parts), "decisions", "n", *_PAIRS, UNDECIDED, NOT_EVALUABLE]
        return Table(name, title, columns, rows, f"{self._precedence()} {_INTERVALS}")

    def _rows(self, parts: Sequence[Part]) -> Iterator[tuple[Part, bool, Bools, Aligned]]:
        for aligned in self.aligned.values():
            for part in parts:
                for right in (True, False):
                    yield part, right, part.rows & (aligned.right == right), aligned

    def _cell(self, aligned: Aligned, case: str, hits: Bools, part: Part) -> str:
        """Count and share: '12: 0.240 [0.131, 0.382]'."""
        found = self.findings.find(f"{aligned.method.label}.{measure_name(case)}", part.at)
        share = f": {worded(found)}" if found and found.estimate else ""
        return f"{np.count_nonzero(hits)}{share}"

    def _precedence(self) -> str:
        cuts = self.parameters.cuts
        return (
            f"The first that holds, from the left: IoU of at least {cuts.iou:g}; explanation coverage of at "
            f"least {cuts.high:g}; ground-truth coverage of at least {cuts.high:g}; explanation coverage of "
            f"at most {cuts.low:g}."
        )


def _of(part: Part) -> list[str]:
    return [part.title] if part.at else []


def _images(parts: Sequence[Part]) -> list[str]:
    return ["images"] if parts[0].at else []


def ranked(evidence: Evidence, aligned: Sequence[Aligned], count: int) -> Table:
    """The images at both ends of every score, right and wrong decisions apart."""
    ids = [record.id for record in evidence.records]
    rows = []
    for one in aligned:
        for score in SCORES:
            values = one.coverages.values[score]
            for right in (True, False):
                own = np.flatnonzero(one.coverages.evaluable & (one.right == right))
                ordered = own[np.argsort(values[own], kind="stable")].tolist()
                ends = [
                    ", ".join(f"{ids[index]} {values[index]:.2f}" for index in end)
                    for end in (ordered[::-1][:count], ordered[:count])
                ]
                kind = "right" if right else "wrong"
                rows.append([one.method.label, score.replace("_", " "), kind, *ends])
    columns = ["method", "score", "decisions", "highest", "lowest"]
    caption = f"At most {count} images at each end, with their scores."
    return Table("ranked", "Images at both ends of each score", columns, rows, caption)
