"""A stage whose shards cost nothing to compute, so that what is left is the engine and the store."""

from collections.abc import Sequence

import numpy as np

from auditkit.evidence.stage import Compute, Stage
from auditkit.evidence.store import Arrays


def stage(shards: int) -> Stage:
    """So many shards of one image each."""
    identity = {"stage": "fake", "parameters": {}, "model": "0" * 64, "precision": "float32"}
    return Stage("fake shards", identity, Numbers(shards), 1)


class Numbers(Sequence[str]):
    """Identities of images; like those of a data set they are made again where they are sent."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> str:
        return f"{index:08d}"


def worker() -> Compute:
    """The function that computes them."""
    return _compute


def _compute(indices: Sequence[int]) -> Arrays:
    return {"score": np.asarray(indices, dtype=np.float64)}
