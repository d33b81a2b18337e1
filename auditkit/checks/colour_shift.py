"""Check `colour-shift`: the score's response to shifts of chromaticity at fixed lightness.

DeGrave et al. (doi:10.1038/s41551-023-01160-9), Fig. 3c and Methods: every pixel's CIELUV (u*, v*) is
moved by the same vector, after crop and resize; the mean change of the prediction is drawn over the
angle. The angle is where the image moves: 0 degrees is +u*, pink.

Deviates: the gate stands on named directions at a small radius with decision flips beside the mean
change, since at the paper's radius 20 a sound classifier also answers to blue and brown; the circle is
reported as a curve with intervals over patients; exact black stays black.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from auditkit import stats
from auditkit.checks.cells import interval_cell
from auditkit.checks.measuring import Measuring
from auditkit.checks.pictures import png
from auditkit.checks.sampling import Sampling
from auditkit.colour import shift_luv_polar
from auditkit.evidence import Evidence, Scores
from auditkit.findings import At, Example, Figure, Findings, Series, Table
from auditkit.spec.declarations.colour_shift import COLOUR_SHIFT, DIRECTIONS, ColourShift

SHOWN = 4


def colour_shift(evidence: Evidence, parameters: ColourShift) -> Findings:
    """Mean change and decision flips per angle and radius."""
    findings = Findings()
    before = evidence.scores()
    angles = parameters.circle
    shifts = [(radius, angle) for radius in parameters.radius for angle in angles]
    after = evidence.shifted_scores(parameters.space, shifts)
    grid = _Grid(evidence, parameters, before, after)
    grid.measure(findings)
    findings.figures.append(grid.figure(findings))
    findings.tables.append(grid.table(findings))
    findings.examples += _examples(evidence, parameters, before, after)
    return findings


class _Grid:
    """Changes per image, radius and angle."""

    def __init__(
        self, evidence: Evidence, parameters: ColourShift, before: Scores, after: Scores
    ) -> None:
        shape = (evidence.n, len(parameters.radius), len(parameters.circle))
        self.parameters = parameters
        self.patients = evidence.patients
        self.towards = "the positive class" if evidence.two_class else "their own label"
        self.change = after.score.reshape(shape) - before.score[:, None, None]
        self.flip = after.decision.reshape(shape) != before.decision[:, None, None]
        self.sampling = Sampling.of(evidence)
        self.measuring = Measuring.of(COLOUR_SHIFT, parameters, evidence.n)

    def _mean(self, values: npt.NDArray[np.float64]) -> stats.Estimate:
        return stats.mean(values, self.patients, bounds=(-1.0, 1.0))

    def _share(self, values: npt.NDArray[np.bool_]) -> stats.Estimate:
        return stats.proportion(values, self.patients)

    def _add(
        self,
        findings: Findings,
        name: str,
        at: At,
        estimate: Callable[[npt.NDArray[Any]], stats.Estimate],
        values: npt.NDArray[Any],
    ) -> None:
        sample = self.sampling.mean(values)
        findings.measurements.append(
            self.measuring(name, lambda: estimate(values), at, sample=sample)
        )

    def measure(self, findings: Findings) -> None:
        """Fill in all measurements."""
        circle = self.parameters.circle
        for r, radius in enumerate(self.parameters.radius):
            at = {"radius": radius}
            for a, angle in enumerate(circle):
                around = {**at, "angle": angle}
                self._add(findings, "mean_change", around, self._mean, self.change[:, r, a])
            anywhere = self.flip[:, r].any(axis=1)
            self._add(findings, "decision_flips", at, self._share, anywhere)
            for name in self.parameters.directions:
                a = circle.index(DIRECTIONS[name])
                change, flip = self.change[:, r, a], self.flip[:, r, a]
                self._add(findings, f"{name}.mean_change", at, self._mean, change)
                self._add(findings, f"{name}.decision_flips", at, self._share, flip)

    def figure(self, findings: Findings) -> Figure:
        """The response curve around the circle, one line per radius."""
        series = []
        for radius in self.parameters.radius:
            found = {
                angle: measurement.estimate
                for angle in self.parameters.circle
                if (measurement := findings.find("mean_change", {"radius": radius, "angle": angle}))
                and measurement.estimate
            }
            series.append(
                Series(
                    f"radius {radius:g}",
                    list(found),
                    [estimate.value for estimate in found.values()],
                    [estimate.low for estimate in found.values()],
                    [estimate.high for estimate in found.values()],
                )
            )
        return Figure(
            "response",
            "Response to a colour shift",
            "circle",
            "direction in which the image moves (degrees in the u*, v* plane)",
            "mean change of the score",
            series,
            f"Above zero, images shifted in this direction look more like {self.towards}. Bands are "
            "95 % intervals over patients.",
            zero=True,
        )

    def table(self, findings: Findings) -> Table:
        """Named directions at every radius."""
        rows = []
        for name in self.parameters.directions:
            for radius in self.parameters.radius:
                cells = [
                    interval_cell(found.estimate, form)
                    for part, form in (("mean_change", "+.3f"), ("decision_flips", ".3f"))
                    if (found := findings.find(f"{name}.{part}", {"radius": radius}))
                ]
                rows.append([name, f"{radius:g}", *cells])
        return Table(
            "directions",
            "Named directions",
            ["towards", "radius", "mean change", "decisions flipped"],
            rows,
            "Estimates with 95 % intervals over patients.",
        )


def _examples(
    evidence: Evidence, parameters: ColourShift, before: Scores, after: Scores
) -> Sequence[Example]:
    """The images that the first named direction moves most, at the smallest radius."""
    name, radius = parameters.directions[0], min(parameters.radius)
    angle = DIRECTIONS[name]
    column = parameters.radius.index(radius) * len(parameters.circle)
    column += parameters.circle.index(angle)
    change = after.score[:, column] - before.score
    most = np.argsort(-np.abs(change), kind="stable")[:SHOWN]
    examples = []
    for index in most:
        picture = evidence.picture(int(index))
        inputs = np.moveaxis(picture, -1, 0)[None] / np.float32(255)
        moved = np.moveaxis(np.asarray(shift_luv_polar(inputs, angle, radius))[0], 0, -1)
        panels = [
            (f"as it is: {before.score[index]:.2f}", png(picture)),
            (
                f"{name}, radius {radius:g}: {after.score[index, column]:.2f}",
                png(np.rint(moved * 255).astype(np.uint8)),
            ),
        ]
        record = evidence.records[int(index)]
        title = f"score {change[index]:+.2f} when shifted towards {name}"
        examples.append(Example(record.id, title, panels))
    return examples
