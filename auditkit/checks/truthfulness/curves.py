"""The removal curves of one method and fill, and their comparison with those of a control."""

from dataclasses import dataclass
from functools import cached_property

from auditkit.checks.truthfulness.performance import Judge, Kept
from auditkit.errors import AuditError
from auditkit.evidence import Evidence
from auditkit.evidence.removal import RemovalPlan, Removed
from auditkit.findings import Figure, Series
from auditkit.spec.declarations.truthfulness import Truthfulness
from auditkit.spec.methods import Method
from auditkit.stats import Estimate
from auditkit.stats.tails import Bounds

_ACCURACY = "accuracy"


class Curve:
    """Answers while what a method's heatmaps show is removed, by heatmap and at random.

    Attributes:
        skipped: one reason for each image without an order.
    """

    def __init__(
        self, evidence: Evidence, method: Method, fill: str, parameters: Truthfulness
    ) -> None:
        self.evidence, self.method, self.fill, self.parameters = evidence, method, fill, parameters
        plan = RemovalPlan(
            fill,
            parameters.steps,
            parameters.repeats,
            parameters.support,
            published=parameters.compat is not None,
        )
        self.by_heat = evidence.removal(method, plan)
        self.at_random = evidence.random_removal(method, plan)
        self.judge = Judge(evidence, parameters.performance, self.by_heat.evaluable)
        self.skipped = [reason for reason in self.by_heat.reasons.tolist() if reason]

    def delta(self) -> Estimate:
        """AUPC(H_b) - AUPC(H)."""
        return self.judge.difference(self.at_random, self.by_heat)

    def area(self) -> Estimate:
        """AUPC(H)."""
        return self.judge.area(self.by_heat)

    def against(self, control: "Curve") -> "Pair":
        """The same images under a control."""
        return Pair(self, control)

    def figure(self) -> Figure:
        """Both curves with bands over patients."""
        performance = self.parameters.performance
        try:
            series = [
                self._series(self.method.label, self.by_heat, dashed=False),
                self._series("removed at random", self.at_random, dashed=True),
            ]
        except AuditError:  # the measurements say why
            series = []
        return Figure(
            f"{self.method.label}_{self.fill}".replace("-", "_"),
            f"Removal by {self.method.label}, filled with {self.fill}",
            "lines",
            self._axis,
            performance if performance == _ACCURACY else "AUROC",
            series,
            "A truthful heatmap falls faster than random removal. Bands are 95 % intervals over patients.",
        )

    @property
    def _axis(self) -> str:
        if self.parameters.compat:
            return "nominal fraction of the heatmap above 0"
        volumes = self.evidence.card.volume is not None
        support = self.parameters.support or ("foreground" if volumes else "image")
        return f"fraction of the {support} removed"

    def _series(self, name: str, found: Removed, *, dashed: bool) -> Series:
        steps = self.judge.steps(found)
        return Series(
            name,
            self.judge.fractions(found).tolist(),
            [estimate.value for estimate in steps],
            [estimate.low for estimate in steps],
            [estimate.high for estimate in steps],
            dashed,
        )


@dataclass(frozen=True)
class Pair:
    """A method and a control, on the images of which both have an order."""

    method: Curve
    control: Curve

    @property
    def fill(self) -> str:
        """Of both."""
        return self.method.fill

    @cached_property
    def skipped(self) -> list[str]:
        """One reason for each image of which one of the two has no order."""
        named = zip(self.method.by_heat.reasons, self.control.by_heat.reasons, strict=True)
        label = self.control.method.label
        found = [own or (f"{label}: {other}" if other else "") for own, other in named]
        return [reason for reason in found if reason]

    @property
    def kept(self) -> Kept:
        """(n,) images of which both have an order."""
        return self.method.by_heat.evaluable & self.control.by_heat.evaluable

    @property
    def bounds(self) -> Bounds:
        """Two ΔAUPC differ by up to 2; where they have one random baseline it cancels, by up to 1."""
        return (-1.0, 1.0) if self._same_baseline else (-2.0, 2.0)

    @property
    def _same_baseline(self) -> bool:
        return self.method.at_random.baseline == self.control.at_random.baseline

    def difference(self) -> Estimate:
        """ΔAUPC of the method minus ΔAUPC of the control; above 0 the method finds more.

        Each against random orders of its own units: removing many small ones is an attack of its own.
        """
        judge = Judge(self.method.evidence, self.method.parameters.performance, self.kept)
        if self._same_baseline:
            return judge.difference(self.control.by_heat.as_repeats(), self.method.by_heat)
        return judge.difference_over(self.method, self.control, self.bounds)
