"""From arrays to measurements with the declared unit and bounds."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from auditkit.errors import AuditError
from auditkit.findings import At, Measurement
from auditkit.spec.declaration import CheckDeclaration, Measure, Parameters
from auditkit.stats import Estimate, Sample


@dataclass(frozen=True)
class Measuring:
    """Makes measurements of one check.

    Attributes:
        measures: what the check declared for these parameters.
        planned: number of images that were to be evaluated.
    """

    measures: Mapping[str, Measure]
    planned: int

    @classmethod
    def of(cls, check: CheckDeclaration, parameters: Parameters, planned: int) -> "Measuring":
        """For one run of a check."""
        return cls(check.measures(parameters), planned)

    def __call__(
        self,
        name: str,
        estimate: Callable[[], Estimate],
        at: At | None = None,
        skipped: Iterable[str] = (),
        planned: int | None = None,
        sample: Sample | None = None,
    ) -> Measurement:
        """A measurement; an `AuditError` while estimating becomes its reason.

        Args:
            name: a declared measure.
            estimate: computes it.
            at: the value of each dimension.
            skipped: one reason per image that could not be evaluated.
            planned: images that were to be evaluated, if not all.
            sample: what the estimate is of, image by image, where it is an average or an AUROC.
        """
        measure = self.measures[name]
        counts = dict(Counter(skipped))
        total = self.planned if planned is None else planned
        try:
            found, reason = estimate(), ""
        except AuditError as error:
            found, reason = None, str(error)
        return Measurement(
            name,
            at or {},
            found,
            measure.unit,
            measure.bounds,
            total,
            counts,
            reason,
            sample=sample if found is not None else None,
        )

    def inapplicable(self, name: str, reason: str, at: At | None = None) -> Measurement:
        """A measurement that cannot be asked of this model: its expectations are *not applicable*."""
        measure = self.measures[name]
        return Measurement(
            name,
            at or {},
            None,
            measure.unit,
            measure.bounds,
            self.planned,
            {},
            reason,
            applicable=False,
        )


def decimals(value: float) -> str:
    """Three places, which suit shares."""
    return f"{value:.3f}"


def worded(measurement: Measurement | None, text: Callable[[float], str] = decimals) -> str:
    """Estimate and interval for a table's cell."""
    if measurement is None or measurement.estimate is None:
        inapplicable = measurement is not None and not measurement.applicable
        return "not applicable" if inapplicable else "not evaluable"
    found = measurement.estimate
    return f"{text(found.value)} [{text(found.low)}, {text(found.high)}]"
