"""A stage whose shards cost nothing to compute, so that what is left is the engine and the store."""

from collections.abc import Sequence

import numpy as np

from auditkit.evidence.stage import Compute, Stage
from auditkit.evidence.store import Arrays


def stage(shards: int) -> Stage:
    """So many shards of one image each."""
    identity = {"stage": "fake", "parameters": {}, "model": "0" * 64, "precision": "float32"}
    return Stage("fake shards", identity, [f"{number:08d}" for number in range(shards)], 1)


def worker() -> Compute:
    """The function that computes them."""
    return _compute


def _compute(indices: Sequence[int]) -> Arrays:
    return {"score": np.asarray(indices, dtype=np.float64)}
