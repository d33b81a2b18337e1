"""How far experts agree on attributes, and Krippendorff's alpha of codes with its interval."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
from numpy.typing import ArrayLike

from auditkit.errors import AuditError
from auditkit.metrics.attribute_scores import benign_side, malignant_side
from auditkit.metrics.chance_corrected import Agreement, wider
from auditkit.metrics.rater_statistics import NOT_PAIRED, Alpha
from auditkit.stats import Estimate, proportion
from auditkit.stats.gaps import replicate_groups
from auditkit.stats.inputs import at_least_two_clusters, cluster_images

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Patients = npt.NDArray[np.generic]

MISSING = -1
"""In place of a choice or a code where there is none."""

NOT_NOTED, BENIGN, MALIGNANT, OTHER = range(4)
"""What an expert says of an attribute in one pair; other is "different", or both sides."""


@dataclass(frozen=True)
class AttributeAgreement:
    """How far experts agree on attributes.

    Attributes:
        attributes: for each attribute Krippendorff's alpha, or the reason why there is none.
        mean: of the alphas that there are, or the reason why there is none.
    """

    attributes: tuple[Estimate | str, ...]
    mean: Estimate | str


def attribute_codes(s: ArrayLike, assessed: ArrayLike) -> Integers:
    """What each expert says of each attribute in each pair, for agreement on attributes.

    Args:
        s: bool (E, I, A, 5), as for `attribute_scores`.
        assessed: bool (E, I).

    Returns:
        (E, I, A): `NOT_NOTED`, `BENIGN` or `MALIGNANT` (more of it on that side alone), `OTHER`, and
        `MISSING` where the expert did not assess the pair.

    Example:
        >>> s = np.zeros((1, 3, 1, 5), dtype=bool)
        >>> s[0, 0, 0, 1] = s[0, 1, 0, 2] = True  # benign > malignant; different
        >>> attribute_codes(s, [[1, 1, 0]]).reshape(-1).tolist()
        [1, 3, -1]
    """
    noted, counted = np.asarray(s, dtype=np.bool_), np.asarray(assessed, dtype=np.bool_)
    benign, malignant = benign_side(noted), malignant_side(noted)
    codes = np.select(
        [~noted.any(axis=3), benign & ~malignant, malignant & ~benign],
        [NOT_NOTED, BENIGN, MALIGNANT],
        OTHER,
    )
    found: Integers = np.where(counted[:, :, None], codes, MISSING).astype(np.int64)
    return found


def attribute_agreement(
    codes: ArrayLike, patients: ArrayLike | None = None, seed: int = 0, *, level: float = 0.95
) -> AttributeAgreement:
    """Krippendorff's nominal alpha between experts, attribute by attribute, and its mean.

    The categories are those of `attribute_codes`. An attribute that nobody noted has no alpha and is not in
    the mean. The intervals are as that of `choice_alpha`, that of the mean with the mean of 1 / D_e, and with
    the attributes that have an alpha in a resample. They are wide where an attribute was noted in few
    pairs, since these alone tell of agreement; there they err on the safe side (they covered 99 to 100 %).

    Args:
        codes: int (E, I, A), as `attribute_codes` gives them.
        patients: (I,) patient of each pair; None if every pair is another patient.
        seed: of the resamples.
        level: two-sided confidence level.

    Returns:
        Alphas in [-1, 1].

    Raises:
        AuditError: another shape, or no pair that two experts assessed.
    """
    table, owners = laid_out("codes", codes, 3, patients)
    single: list[Estimate | str] = []
    for a in range(table.shape[2]):
        try:
            single.append(alpha_of(table[:, :, a], owners, seed, level))
        except AuditError as error:
            single.append(str(error))
    noted = [a for a, one in enumerate(single) if not isinstance(one, str)]
    mean = (
        _mean_alpha(table[:, :, noted], owners, seed, level)
        if noted
        else "no attribute has an alpha"
    )
    return AttributeAgreement(tuple(single), mean)


def equal_attributes(
    codes: ArrayLike, again: ArrayLike, patients: ArrayLike | None = None, *, level: float = 0.95
) -> Estimate:
    """Share of equal attributes when a pair is shown again (Jaccard).

    Of all attributes noted in either showing, over all experts and repeated pairs, the share noted in both
    with the same code; pairs in which nothing was noted say nothing. Each attribute of each pair counts as
    much as any other.

    Args:
        codes: int (E, I, A), as `attribute_codes` gives them of the first showing.
        again: int (E, I, A), of the repeat; `MISSING` where the pair was not repeated.
        patients: (I,) patient of each pair; None if every pair is another patient.
        level: two-sided confidence level.

    Returns:
        In [0, 1], a clustered proportion.

    Raises:
        AuditError: shapes that do not fit, no pair was shown twice, or nothing was noted in any of them.

    Example:
        >>> equal_attributes([[[1, 0, 2]]], [[[1, 1, 3]]]).value  # one of three
        0.3333333333333333
    """
    one, owners = laid_out("codes", codes, 3, patients)
    other, _ = laid_out("again", again, 3, patients)
    if one.shape != other.shape:
        raise AuditError(f"codes {one.shape} and again {other.shape}: one shape was expected")
    twice = (one != MISSING) & (other != MISSING)
    named = twice & ((one != NOT_NOTED) | (other != NOT_NOTED))
    if not named.any():
        raise AuditError("no attribute was noted in a pair that was shown twice")
    whose = np.broadcast_to(owners[None, :, None], one.shape)
    return proportion((one == other)[named], whose[named], level=level)


def alpha_of(codes: Integers, patients: Patients, seed: int, level: float) -> Estimate:
    """Krippendorff's nominal alpha of codes (E, I), `MISSING` where there is none.

    Raises:
        AuditError: no unit with two codes, all codes equal, or one patient only.
    """
    return _Coded(codes, patients).estimate(seed, level)


class _Coded:
    """Codes of several raters, as alpha and the agreement of all pairs of raters want them."""

    def __init__(self, codes: Integers, patients: Patients) -> None:
        there = codes != MISSING
        used = np.asarray(there.sum(axis=0) >= 2)
        if not used.any():
            raise AuditError(NOT_PAIRED)
        self.codes, there, self.patients = codes[:, used], there[:, used], patients[used]
        values = np.unique(self.codes[there])
        counts = (self.codes[:, :, None] == values).sum(axis=0).astype(np.float64)
        self.alpha = Alpha(counts, values.astype(np.float64), "nominal")
        self.groups = cluster_images(self.patients, self.patients.size)
        at_least_two_clusters(self.groups, "Krippendorff's alpha")
        self.value = float(self.alpha(np.ones((1, self.patients.size)))[0])
        margins = counts.sum(axis=0)
        total = margins.sum()
        self.slope = float(total * (total - 1) / (total**2 - (margins**2).sum()))

    def estimate(self, seed: int, level: float) -> Estimate:
        agreed, owners = self.agreed
        agreement = Agreement(proportion(agreed, owners, level=level), self.value, self.slope)
        return wider(self.value, self.replicates(seed), agreement, self.groups, level)

    def replicates(self, seed: int) -> Floats:
        """Alpha in resamples of patients, (B,); NaN where all codes are equal."""
        everyone = np.arange(self.patients.size)
        found: Floats = replicate_groups([[self.alpha]], [everyone], self.groups, seed=seed)[
            0, :, 0
        ]
        return found

    @property
    def agreed(self) -> tuple[Bools, Patients]:
        """Whether two raters agree, for all pairs of raters and all units that both coded, and whose."""
        agreed, owners = [], []
        for i, j in combinations(range(len(self.codes)), 2):
            both = (self.codes[i] != MISSING) & (self.codes[j] != MISSING)
            agreed.append((self.codes[i] == self.codes[j])[both])
            owners.append(self.patients[both])
        return np.concatenate(agreed), np.concatenate(owners)


def _mean_alpha(codes: Integers, patients: Patients, seed: int, level: float) -> Estimate:
    """The mean over attributes of alphas that there are."""
    every = [_Coded(codes[:, :, a], patients) for a in range(codes.shape[2])]
    groups, value = every[0].groups, float(np.mean([one.value for one in every]))
    # The same seed draws the same patients for each.
    drawn = np.stack([one.replicates(seed) for one in every])
    there = np.isfinite(drawn)
    defined = np.where(there.any(axis=0), there.sum(axis=0), np.nan)
    means = np.where(there, drawn, 0.0).sum(axis=0) / defined
    agreed, owners = (
        np.concatenate(part) for part in zip(*(one.agreed for one in every), strict=True)
    )
    slope = float(np.mean([one.slope for one in every]))
    agreement = Agreement(proportion(agreed, owners, level=level), value, slope)
    return wider(value, means, agreement, groups, level)


def laid_out(
    name: str, codes: ArrayLike, dimensions: int, patients: ArrayLike | None
) -> tuple[Integers, Patients]:
    """Codes (E, I, ...) as whole numbers, and the patient of each pair.

    Raises:
        AuditError: another shape, other values, or not one patient for each pair.
    """
    table = np.asarray(codes)
    if table.ndim != dimensions or table.size == 0 or table.dtype.kind not in "iub":
        raise AuditError(
            f"{name} has shape {table.shape} and type {table.dtype}; whole numbers in {dimensions} "
            "dimensions (experts, pairs, ...) were expected"
        )
    pairs = table.shape[1]
    owners: Patients = np.arange(pairs) if patients is None else np.asarray(patients)
    if owners.shape != (pairs,):
        raise AuditError(
            f"patients has shape {owners.shape}; one for each of {pairs} pairs was expected"
        )
    return table.astype(np.int64), owners
