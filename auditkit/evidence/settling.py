"""Where evidence that is sent to this process is made: a worker's one workroom, once it is needed."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auditkit.evidence.workroom import Workroom

_make: "list[Callable[[], Workroom]]" = []
_made: "list[Workroom]" = []


def settle(make: "Callable[[], Workroom]") -> None:
    """Make evidence that arrives from now on in what this makes, when the first arrives."""
    _make[:] = [make]
    _made.clear()


def workroom() -> "Workroom":
    """This process' workroom."""
    assert _make, "evidence was unpickled outside a worker"
    if not _made:
        _made.append(_make[0]())
    return _made[0]
