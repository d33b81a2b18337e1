"""What one method's heatmaps say of the modalities, held against their importance."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from auditkit import stats
from auditkit.checks.measuring import Measuring
from auditkit.checks.modality_importance.importance import Importance
from auditkit.errors import AuditError
from auditkit.evidence import Evidence
from auditkit.evidence.kinds import Floats
from auditkit.findings import Measurement
from auditkit.metrics import NotEvaluable
from auditkit.metrics.modalities import AGNOSTIC, modality_shapley, modality_shares
from auditkit.metrics.modality_importance import pair_orders, per_patient
from auditkit.spec.methods import Method
from auditkit.stats.differences import resampled
from auditkit.stats.inputs import cluster_images
from auditkit.stats.resampling import REPLICATES, from_replicates

Rows = npt.NDArray[np.bool_]
_TIED = "all modalities have the same importance, so that there is no ranking to agree with"
# A difference of two shares is in [-1, 1], and so is one of two importances, which are averages over the
# same subsets with the one or the other: what is missing may take either from one end to the other.
_ROOM = 2.0


@dataclass(frozen=True)
class Heat:
    """Modality sums of a method's heatmaps, as shares of each case's total.

    Attributes:
        label: of the method.
        importance: of the modalities.
        resolved: probability that their ranking must have.
        shares: (n, M), NaN where there is a reason.
        reasons: (n,) why a case has no shares; "" if it has.
    """

    label: str
    importance: Importance
    resolved: float
    shares: Floats
    reasons: Sequence[str]

    @classmethod
    def of(
        cls, evidence: Evidence, method: Method, importance: Importance, resolved: float
    ) -> "Heat":
        """Reads the heatmaps of all cases."""
        heatmaps = evidence.heatmaps(method)
        shares = np.full((evidence.n, len(evidence.modalities)), np.nan)
        reasons = [""] * evidence.n
        for index in range(evidence.n):
            try:
                # One map for all modalities stands for each of them.
                shares[index] = modality_shares(
                    np.broadcast_to(
                        heatmaps.by_modality(index, evidence.space),
                        (len(evidence.modalities), *evidence.space),
                    )
                )
            except NotEvaluable as why:
                reasons[index] = why.reason
        return cls(method.label, importance, resolved, shares, reasons)

    @property
    def there(self) -> Rows:
        """(n,) cases with shares."""
        return np.array([not reason for reason in self.reasons])

    @cached_property
    def telling(self) -> Rows:
        """(n,) cases whose shares are not all equal."""
        own = np.nan_to_num(self.shares)
        differs: Rows = own.min(axis=1) < own.max(axis=1)
        return self.there & differs

    @property
    def means(self) -> Floats:
        """(M,) shares averaged over the cases that have them; NaN if there is none."""
        found: Floats = (
            self.shares[self.there].mean(axis=0)
            if self.there.any()
            else np.full(self.shares.shape[1], np.nan)
        )
        return found

    def measured(self, measuring: Measuring) -> Iterator[Measurement]:
        """Both correlations."""
        incomplete = list(self.importance.evidence.incomplete)
        without = [reason for reason in self.reasons if reason]
        agnostic = [AGNOSTIC] * int((self.there & ~self.telling).sum())
        skipped = [*incomplete, *without, *agnostic]
        one = measuring(f"{self.label}.mi_correlation", self.correlation, skipped=skipped)
        yield one if self._settled else replace(one, affected=1.0)
        name = f"{self.label}.mean_mi_correlation"
        one = measuring(name, self.mean_correlation, skipped=[*incomplete, *without])
        # Its interval holds whatever the missing maps are.
        yield replace(one, affected=0.0)

    @property
    def _settled(self) -> bool:
        """Whether the ranking is resolved whatever the cases are that lack a modality."""
        found = self.importance.found
        return found is None or found.settled_probability >= self.resolved

    def correlation(self) -> stats.Estimate:
        """Mean over cases of tau-b between importance and shares; both vary with the patients drawn.

        Raises:
            AuditError: the ranking is not resolved, or no two patients can be evaluated.
        """
        self._require(self.telling)
        patients = self.importance.evidence.patients
        everyone = cluster_images(patients, len(patients))
        (value, drawn), *_ = resampled([self._mean_tau], everyone, seed=0, replicates=REPLICATES)
        groups = cluster_images(patients[self.telling], int(self.telling.sum()))
        return from_replicates(value, drawn, groups, bounds=(-1.0, 1.0))

    def mean_correlation(self) -> stats.Estimate:
        """tau-b between importance and the shares averaged over cases.

        Raises:
            AuditError: the ranking is not resolved, or the mean map is equal in all modalities.
        """
        self._require(self.there)
        if not self.telling.any():
            raise AuditError(AGNOSTIC)
        importance = self.importance
        evidence, known = importance.evidence, importance.known
        patients = evidence.patients[self.there]
        groups = cluster_images(patients, len(patients))
        rows = per_patient(self.shares[self.there], groups)
        planned = evidence.n + len(evidence.incomplete)
        lost = importance.unseen, 1 - len(patients) / planned
        unseen = _ROOM * lost[0], _ROOM * lost[1]
        found = stats.rank_agreement(
            known.per_patient, rows, known.patients, np.unique(patients), unseen=unseen
        )
        return replace(found, n=len(patients), clusters=groups.count)

    def _require(self, rows: Rows) -> None:
        known = self.importance.known
        if known.ranking_probability < self.resolved:
            share = math.floor(1000 * known.ranking_probability) / 1000
            raise AuditError(
                f"the ranking of modalities is not resolved (probability {share:g}, {self.resolved:g} "
                "expected)"
            )
        if not pair_orders(known.values).any():
            raise AuditError(_TIED)
        patients = set(self.importance.evidence.patients[rows].tolist())
        if len(patients) < 2:
            raise AuditError(f"{len(patients)} patients can be evaluated; two at least are needed")

    def _mean_tau(self, weights: Floats) -> Floats:
        """(B,), NaN where a resample ties all modalities or has no case that can be evaluated."""
        columns = self.importance.answered.columns
        values = np.stack([column.statistic()(weights) for column in columns], axis=1)
        phi, own = pair_orders(modality_shapley(values)), pair_orders(self.shares[self.telling])
        with np.errstate(invalid="ignore"):
            untied = np.sqrt(np.outer((phi**2).sum(axis=1), (own**2).sum(axis=1)))
            taus = np.clip(phi @ own.T / untied, -1.0, 1.0)
            counts = weights[:, self.telling]
            found: Floats = (counts * taus).sum(axis=1) / counts.sum(axis=1)
        return found
