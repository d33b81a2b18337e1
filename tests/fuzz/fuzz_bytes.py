"""Damage to bytes of any format, as for model files (benchmarks/fuzz_models.py)."""

import sys
from pathlib import Path
from random import Random

import numpy as np

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
from fuzz_models import mutations


def damage(content: bytes, random: Random) -> bytes:
    """Bits flipped, parts cut, zeroed, doubled, swapped, inserted, numbers made absurd."""
    return mutations(content, random.randrange(2**32))


def generator(random: Random) -> np.random.Generator:
    """NumPy's randomness from Python's."""
    return np.random.default_rng(random.randrange(2**32))
