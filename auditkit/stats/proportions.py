"""Proportions of images that come in clusters (patients)."""

from numpy.typing import ArrayLike

from auditkit.stats.estimate import Estimate
from auditkit.stats.inputs import Clusters, Floats, binary_vector, cluster_images, half_alpha
from auditkit.stats.tails import BetaTail, student


def proportion(
    successes: ArrayLike, clusters: ArrayLike | None = None, *, level: float = 0.95
) -> Estimate:
    r"""Proportion with a Clopper-Pearson interval at the effective number of images.

    Korn & Graubard 1998, Survey Methodology 24(2), 193-201: Clopper-Pearson with n* trials and
    p n* successes (both fractional), where, with n images of G patients,

        n* = n / deff * (t_{n-1} / t_{G-1})^2,   deff = max(1, var_CR1 / (p (1 - p) / n)).

    Deviates: n* never exceeds n (a negative intra-patient correlation is not believed), and
    where p is 0 or 1, so that no design effect can be seen, n* is Kish's effective number of
    patients n^2 / sum m_g^2: as if a patient's images were copies of one another.

    Args:
        successes: (n,) booleans or 0 / 1.
        clusters: (n,) patient ids; None for independent images (n* = n).
        level: two-sided confidence level.

    Returns:
        The proportion, in [0, 1].

    Raises:
        AuditError: empty, or values other than 0 and 1.

    Example:
        >>> round(proportion([False] * 60).high, 4)  # 1 - 0.025 ** (1 / 60)
        0.0596
    """
    hits = binary_vector("successes", successes)
    half, groups = half_alpha(level), cluster_images(clusters, hits.size)
    share = float(hits.mean())
    trials = _effective_trials(hits, groups, half)
    tail = BetaTail(share * trials, trials)
    low, high = tail.interval(half)
    method = "Clopper-Pearson"
    if not groups.independent:
        method += f", effective n {trials:.4g} (Korn-Graubard, {groups.count} patients)"
    return Estimate(share, low, high, level, hits.size, groups.count, method, tail)


def _effective_trials(hits: Floats, groups: Clusters, half: float) -> float:
    n, share = hits.size, float(hits.mean())
    if groups.independent:
        return float(n)
    if share in (0.0, 1.0) or groups.count < 2:
        return groups.effective_count
    sums = groups.sums(hits - share)
    variance = groups.count / (groups.count - 1) * float((sums**2).sum()) / n**2
    design_effect = max(1.0, variance / (share * (1 - share) / n))
    few_patients = (student(half, n - 1) / student(half, groups.count - 1)) ** 2
    return n / design_effect * few_patients
