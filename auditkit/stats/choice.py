"""Which of several quantities is the smallest, with those that cannot be excluded."""

from collections.abc import Mapping
from dataclasses import dataclass

from auditkit.errors import AuditError
from auditkit.stats.differences import Resampled, difference
from auditkit.stats.inputs import Clusters, half_alpha


@dataclass(frozen=True)
class Choice:
    """One of several names, and which others the data leave possible.

    Attributes:
        value: the name that the data favour.
        candidates: the names that are not excluded, ``value`` first. They hold also if the images that
            could not be evaluated were known.
        p_values: of every name, the p-value of H0: it is the right one; small means evidence against it.
            The candidates are those above (1 - level) / 2.
        n: number of images.
        clusters: number of patients.
        method: how names are excluded, in words.
    """

    value: str
    candidates: tuple[str, ...]
    p_values: Mapping[str, float]
    n: int
    clusters: int
    method: str

    def __post_init__(self) -> None:
        known = set(self.p_values)
        if self.value not in self.candidates or not known.issuperset(self.candidates):
            raise AuditError(
                f"The choice '{self.value}' of {sorted(known)} has the candidates "
                f"{list(self.candidates)}; expected itself and others among them."
            )


def smallest(
    quantities: Mapping[str, Resampled],
    groups: Clusters,
    *,
    unseen: float = 0.0,
    level: float = 0.95,
) -> Choice:
    r"""The smallest of several quantities, and every one that may be the smallest.

    Quantity d is excluded where another one is smaller: with p_{kd} the one-sided p-value of
    H0: theta_d - theta_k <= t from paired resamples,

        p_d = min(1, (D - 1) min_k p_{kd}),

    which is Bonferroni over the other D - 1, whichever of them leads. The true smallest one is excluded
    with probability (1 - level) / 2 at most, as one end of an interval errs (multiple comparisons with
    the best: Hsu 1984, doi:10.1214/aos/1176346732).

    Args:
        quantities: in [0, 1], by name, in joint resamples.
        groups: patients of all images.
        unseen: share of what is averaged that could not be evaluated. t = unseen / (1 - unseen) is the
            most that it can turn a difference by, so that a name stays excluded whatever it is.
        level: two-sided confidence level.

    Returns:
        The choice; ties go to the first name.

    Raises:
        AuditError: no quantity, or more than 1 % of the resamples are undefined.
    """
    if not quantities:
        raise AuditError("nothing to choose from; at least one quantity was expected.")
    names = list(quantities)
    beyond = unseen / (1 - unseen) if unseen < 1 else 1.0
    p_values = {name: _p_value(name, quantities, groups, beyond) for name in names}
    leader = min(names, key=lambda name: quantities[name].value)
    p_values[leader] = 1.0
    others = (name for name in names if name != leader and p_values[name] > half_alpha(level))
    method = (
        f"paired cluster bootstrap of differences ({groups.count} patients), Bonferroni over "
        f"{len(names) - 1}"
    )
    n = groups.index.size
    return Choice(leader, (leader, *others), p_values, n, groups.count, method)


def _p_value(
    name: str, quantities: Mapping[str, Resampled], groups: Clusters, beyond: float
) -> float:
    """Of H0: no other quantity is smaller."""
    own = quantities[name]
    found = [
        difference(own, other, groups).p_above(beyond)
        for key, other in quantities.items()
        if key != name
    ]
    return min(1.0, len(found) * min(found)) if found else 1.0
