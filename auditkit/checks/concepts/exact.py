"""Numbers that are counted, not estimated: they are about these images and have no sampling error."""

from auditkit.stats import Estimate
from auditkit.stats.tails import PointTail, TwoTails

COUNTED = "count, without sampling error"


def counted(value: float, high: float, n: int, clusters: int, method: str = COUNTED) -> Estimate:
    """A count over all images.

    Args:
        value: the count.
        high: what it would be if every unknown image counted.
        n: number of images.
        clusters: number of patients.
        method: what was counted.

    Returns:
        The interval runs from the count to ``high``: it says what is not known of these images, and
        nothing about others.
    """
    tail = TwoTails(PointTail(value), PointTail(high))
    return Estimate(value, value, high, 0.95, n, clusters, method, tail)
