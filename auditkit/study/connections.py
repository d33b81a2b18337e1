"""Connections that say nothing are closed, so that nobody keeps the others out by holding them."""

import asyncio
from collections import Counter
from typing import Any, ClassVar, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

PATIENCE: Final = 15.0
"""Seconds in which a connection has to send a whole header."""
MOST_PER_ADDRESS: Final = 200
"""Open connections of one address: a department behind one has fewer; the server takes 512 in all."""


class Connection(H11Protocol):
    """A connection that is given up if no request begins in time, or if its address has too many."""

    open: ClassVar[Counter[str]] = Counter()
    most: int | None = MOST_PER_ADDRESS
    patience: float = PATIENCE
    _deadline: asyncio.TimerHandle | None = None
    _address: str = ""

    def connection_made(self, transport: Any) -> None:
        """Count it, and start the clock."""
        super().connection_made(transport)
        self._address = str((transport.get_extra_info("peername") or ("",))[0])
        self.open[self._address] += 1
        if self.most is not None and self.open[self._address] > self.most:
            transport.close()
            return
        self._look()

    def data_received(self, data: bytes) -> None:
        """Stop the clock when a request has begun; start it for the next one."""
        super().data_received(data)
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._stop()
        self.open[self._address] -= 1
        if self.open[self._address] <= 0:
            del self.open[self._address]
        super().connection_lost(exc)

    def _look(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(self.patience, self._give_up)

    def _stop(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        # A request may have begun and ended meanwhile; then the usual time between two requests holds.
        if not self.transport.is_closing() and (self.cycle is None or self.cycle.response_complete):
            self.transport.close()


class FromProxy(Connection):
    """A connection from the proxy that stands before everybody: it may have as many as it likes."""

    most = None
