"""The seed of a study, and what is drawn from it."""

import hashlib
import re
import secrets

import numpy as np

from auditkit.errors import AuditError

BITS = 128
_SEED = re.compile(rf"[0-9a-f]{{{BITS // 4},128}}")


def checked_seed(given: str | None) -> str:
    """The given seed, or a new one of 128 bits.

    Raises:
        AuditError: it could be guessed: whoever guesses it knows the sides of pairs.
    """
    if given is None:
        return secrets.token_hex(BITS // 8)
    if not _SEED.fullmatch(given):
        raise AuditError(
            f"seed: {BITS // 4} to 128 of the digits 0-9 and a-f were expected, as in key.json of an earlier "
            "study; leave it out to have one drawn"
        )
    return given


def order_seed(seed: str) -> str:
    """What the server draws order and displayed sides from: a digest, from which no seed can be told."""
    return _digest(seed, "order").hex()


def generator(seed: str, purpose: str) -> np.random.Generator:
    """A generator for one purpose; those of several purposes are independent."""
    return np.random.default_rng(int.from_bytes(_digest(seed, purpose), "big"))


def _digest(seed: str, purpose: str) -> bytes:
    return hashlib.sha256(f"auditkit study {purpose}\n{seed}".encode()).digest()
