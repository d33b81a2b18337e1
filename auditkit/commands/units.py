"""Numbers as people read them: k and M, seconds to hours, bytes."""

import math
import re

from auditkit.errors import AuditError

_SECONDS = {"s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def count(number: float) -> str:
    """A number of things.

    Example:
        >>> [count(n) for n in (0, 999, 12_345, 3_000_000)]
        ['0', '999', '12.3k', '3M']
    """
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return f"{number:.0f}"


def size(number: float) -> str:
    """Bytes.

    Example:
        >>> [size(n) for n in (0, 1500, 20_000_000, 4e9)]
        ['0', '2 kB', '20 MB', '4 GB']
    """
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if number >= unit:
            return f"{_digits(number / unit)} {name}"
    return f"{number:.0f} B" if number else "0"


def duration(seconds: float) -> str:
    """A time.

    Example:
        >>> [duration(s) for s in (0.02, 5, 90, 600, 8000, 500_000)]
        ['0 s', '5 s', '1.5 min', '10 min', '2.2 h', '139 h']
    """
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 9.5 or seconds < 0.05 else f"{seconds:.2g} s"
    if seconds < 3600:
        return f"{_digits(seconds / 60)} min"
    return f"{_digits(seconds / 3600)} h"


def seconds_of(text: str, option: str) -> float:
    """Seconds of a duration that a user wrote: 90s, 45min, 2h, 1h30min.

    Raises:
        AuditError: it is none.

    Example:
        >>> seconds_of("1h30min", "--budget")
        5400.0
    """
    parts = re.findall(r"([0-9]+(?:\.[0-9]+)?)(min|[smhd])", text)
    total = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if "".join(map("".join, parts)) != text or not 0 < total < math.inf:
        raise AuditError(f"{option} {text}: a duration such as 90s, 45min or 2h was expected")
    return total


def _digits(number: float) -> str:
    return f"{number:.0f}" if number >= 9.95 else f"{number:.2g}"
