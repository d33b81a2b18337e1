"""What shards cost, from those that were measured."""

from collections.abc import Sequence
from statistics import median

from auditkit.evidence.stage import Stage
from auditkit.evidence.store import Store

# So many sidecars tell enough.
_LOOKS = 8


def seconds_per_image(store: Store, stage: Stage, missing: Sequence[int]) -> float | None:
    """Median seconds of computing an image, over some of the stage's shards that are kept; None without any.

    Args:
        store: where their sidecars are.
        stage: whose shards they are.
        missing: shards that are not there.
    """
    absent = set(missing)
    there = [number for number in range(stage.count) if number not in absent]
    measured = []
    for number in there[:: max(1, len(there) // _LOOKS)][:_LOOKS]:
        indices = stage.indices(number)
        sidecar = store.sidecar(stage.where(indices))
        seconds = sidecar.about.get("seconds") if sidecar else None
        if isinstance(seconds, int | float):
            measured.append(seconds / len(indices))
    return median(measured) if measured else None


def images(stage: Stage, shards: Sequence[int]) -> int:
    """Images of some shards together."""
    return sum(len(stage.indices(number)) for number in shards)
