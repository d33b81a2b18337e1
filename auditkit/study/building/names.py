"""Names that say nothing: drawn from the system's randomness, so that no seed gives them back."""

import secrets

BYTES = 12


def opaque_names(count: int) -> list[str]:
    """Distinct names of 24 hexadecimal digits; the same call never gives the same ones."""
    names: set[str] = set()
    while len(names) < count:
        names.add(secrets.token_hex(BYTES))
    # A set's order follows hashes that are random as well, but sorting leaves no doubt.
    return sorted(names, key=lambda _: secrets.randbits(64))
