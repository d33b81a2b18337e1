"""Images that the generator was trained on, held against those that it was not."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from auditkit.checks.counterfactual.measured import NOT_FINITE, Measured
from auditkit.errors import AuditError
from auditkit.evidence import Evidence
from auditkit.evidence.counterfactuals.answers import counterfactuals
from auditkit.evidence.counterfactuals.kinds import Counterfactuals
from auditkit.evidence.fewer import first_images
from auditkit.findings import Measurement
from auditkit.models.counterfactuals.trained_on import trained_images, was_trained_on
from auditkit.stats import Estimate
from auditkit.stats.two_groups import group_difference

Rows = npt.NDArray[np.bool_]

UNTRAINED = "a generator by guided diffusion is not trained on images of its own"


def seen_in_training(measured: Measured) -> tuple[Rows, str]:
    """Which audited images the generator was trained on, (n,), and why that is not known, if it is not."""
    nothing = np.zeros(measured.evidence.n, dtype=np.bool_)
    try:
        keys = trained_images(measured.card)
    except AuditError as error:
        return nothing, str(error)
    return was_trained_on([record.digest for record in measured.evidence.records], keys), ""


def training_gap(measured: Measured) -> Measurement:
    """Consistency on images trained on minus that on others, of the audit's data and the training data."""
    if measured.card.weights is None:
        return measured.measuring.inapplicable("training_gap", UNTRAINED)
    own, unknown = seen_in_training(measured)
    if unknown:
        return measured.measuring("training_gap", lambda: _refused(unknown))
    name, count = measured.card.data, measured.parameters.training_images
    training = first_images(measured.evidence.sibling(name), count)
    digests = [record.digest for record in training.records]
    audited = {record.digest for record in measured.evidence.records}
    arms = [
        _Arm(measured.evidence, measured.found, own, np.ones(own.size, dtype=np.bool_)),
        _Arm(
            training,
            counterfactuals(training, measured.card),
            was_trained_on(digests, trained_images(measured.card)),
            np.array([digest not in audited for digest in digests]),
        ),
    ]
    trained, finite, opposite, patients = (
        np.concatenate(parts)
        for parts in zip(*(arm.columns(measured.threshold) for arm in arms), strict=True)
    )

    def gap() -> Estimate:
        return group_difference(trained[finite], opposite[finite], patients[finite])

    lost = [NOT_FINITE] * int((~finite).sum())
    found = measured.measuring("training_gap", gap, skipped=lost, planned=finite.size)
    if not lost:
        return found
    # Either mean moves by its own share of what is missing; the range of the difference is 2.
    shares = [float((~finite[trained == side]).mean()) for side in (True, False)]
    return replace(found, affected=min(1.0, sum(shares) / 2))


def _refused(reason: str) -> Estimate:
    raise AuditError(reason)


@dataclass(frozen=True)
class _Arm:
    """Images of one data set.

    Attributes:
        evidence: of the audited model on them.
        found: their counterfactuals.
        trained: (n,) whether the generator was trained on each.
        counted: (n,) whether it counts; not twice, if it is in both data sets.
    """

    evidence: Evidence
    found: Counterfactuals
    trained: Rows
    counted: Rows

    def columns(self, threshold: float) -> tuple[Rows, Rows, Rows, npt.NDArray[np.str_]]:
        """Trained on, finite, consistent, and patients; equal ids in two data sets are two patients."""
        name = self.evidence.data.card.data
        patients = np.char.add(f"{name}: ", self.evidence.patients)
        rows = self.counted
        consistent = self.found.opposite(threshold)
        return self.trained[rows], self.found.finite[rows], consistent[rows], patients[rows]
