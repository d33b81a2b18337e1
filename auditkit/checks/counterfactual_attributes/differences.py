"""One measured attribute over the pairs that count, and what it differs by within them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from auditkit import stats
from auditkit.errors import AuditError
from auditkit.evidence.counterfactuals.kinds import Measured
from auditkit.evidence.kinds import Floats
from auditkit.spec.declarations.counterfactual_attributes import MOST_STANDARDISED
from auditkit.spec.measured import Quantity
from auditkit.stats.few_carriers import for_few_carriers
from auditkit.stats.inputs import cluster_images
from auditkit.stats.standardised import standardised_mean

Flags = npt.NDArray[np.bool_]

_ROUNDING = 1e-12  # of the larger value: pictures that are equal there can differ by so much


@dataclass(frozen=True)
class Attribute:
    """An attribute of n images and of their counterfactuals.

    Attributes:
        quantity: what is measured.
        reference: (n,) of the images as they are; NaN where it cannot be measured.
        benign: (n,) of the counterfactuals for the first bin.
        malignant: (n,) of those for the last bin.
        excluded: (n,) why a pair did not pass the prescreening; "" if it did.
        unmeasured: (n,) why it cannot be measured in one of the three; "" if it can.
        patients: (n,).
    """

    quantity: Quantity
    reference: Floats
    benign: Floats
    malignant: Floats
    excluded: Sequence[str]
    unmeasured: Sequence[str]
    patients: npt.NDArray[np.str_]

    @classmethod
    def of(
        cls,
        measured: Measured,
        quantity: Quantity,
        excluded: Sequence[str],
        patients: npt.NDArray[np.str_],
    ) -> "Attribute":
        """One of those that were measured."""
        name = quantity.name
        return cls(
            quantity,
            measured.reference[name],
            measured.benign[name],
            measured.malignant[name],
            excluded,
            measured.reasons[name],
            patients,
        )

    @cached_property
    def reasons(self) -> list[str]:
        """(n,) why a pair is not in the numbers; "" if it is."""
        return [no or why for no, why in zip(self.excluded, self.unmeasured, strict=True)]

    @cached_property
    def used(self) -> Flags:
        """(n,) pairs that are in the numbers."""
        return np.array([not reason for reason in self.reasons])

    @property
    def unknown(self) -> float:
        """Share of the pairs that passed the prescreening whose difference is not known."""
        passed = [not reason for reason in self.excluded]
        lost = sum(bool(why) for why, own in zip(self.unmeasured, passed, strict=True) if own)
        return lost / max(sum(passed), 1)

    @property
    def bounds(self) -> tuple[float, float]:
        """Of a difference."""
        low, high = self.quantity.bounds
        return low - high, high - low

    def changes(self) -> Floats:
        """Malignant minus benign of the pairs in the numbers.

        Raises:
            AuditError: there is none.
        """
        used = self.used
        if not used.any():
            counted = Counter(self.reasons).most_common()
            raise AuditError(
                f"no pair can be used: {', '.join(f'{reason} ({n})' for reason, n in counted)}"
            )
        found: Floats = self.malignant[used] - self.benign[used]
        return found

    def difference(self) -> stats.Estimate:
        """Mean of malignant minus benign."""
        return clustered_mean(self.changes(), self.patients[self.used], self.bounds)

    def standardised(self) -> stats.Estimate:
        """The same in standard deviations between the images as they are."""
        changes, used = self.changes(), self.used
        return standardised_mean(
            changes,
            self.reference[used],
            self.patients[used],
            bounds=self.bounds,
            most=MOST_STANDARDISED,
        )

    def higher(self) -> stats.Estimate:
        """Share of pairs whose malignant member has more; ties are halves."""
        changes, used = self.changes(), self.used
        scale = np.maximum(np.abs(self.benign[used]), np.abs(self.malignant[used]))
        apart = np.where(np.abs(changes) > _ROUNDING * scale, np.sign(changes), 0.0)
        return clustered_mean((apart + 1) / 2, self.patients[used], (0.0, 1.0))


def clustered_mean(
    values: Floats, patients: npt.NDArray[np.str_], bounds: tuple[float, float]
) -> stats.Estimate:
    """Mean over images with an interval over patients, wider where few of them differ in anything."""
    found = stats.mean(values, patients, bounds=bounds)
    groups = cluster_images(patients, values.size)
    return for_few_carriers(found, (values - values.mean()) / values.size, groups, bounds)
