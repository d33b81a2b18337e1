"""Which shards are computed again, and how likely a sample finds a forgery."""

import math
import random
import secrets
from collections.abc import Sequence

from auditkit.errors import AuditError


def sample_size(asked: str, shards: int) -> int:
    """How many of so many shards ``2%``, ``40`` or ``all`` are; at least one.

    Raises:
        AuditError: it is none of these.
    """
    if asked == "all":
        return shards
    text, percent = asked.removesuffix("%"), asked.endswith("%")
    try:
        number = float(text) if percent else int(text)
    except ValueError:
        number = 0
    if not 0 < number <= (100 if percent else math.inf):
        raise AuditError(
            f"--sample {asked}: a share like 2%, a number of shards, or all was expected"
        )
    wanted = math.ceil(shards * number / 100) if percent else int(number)
    return min(shards, max(1, wanted))


def fresh_seed() -> int:
    """From the system's entropy: who forged the record must not have known the sample."""
    return secrets.randbits(63)


def drawn(addresses: Sequence[str], size: int, seed: int) -> frozenset[str]:
    """So many of the addresses, every set of them equally likely."""
    generator = random.Random(seed)  # noqa: S311 the seed is from the system's entropy
    return frozenset(generator.sample(sorted(addresses), size))


def chance(shards: int, looked_at: int, forged: int) -> float:
    """Of finding at least one of so many forged shards: 1 - C(M - f, k) / C(M, k)."""
    if forged > shards - looked_at:
        return 1.0
    missed = 1.0
    for step in range(forged):
        missed *= (shards - looked_at - step) / (shards - step)
    return 1 - missed
