"""Telling how far evidence is, for anything longer than a few seconds."""

import sys
import time

import pytest

from auditkit.plugin.options import is_worker

_PATIENCE, _EVERY = 3.0, 20.0


class Progress:
    """Writes '18 of 32 parts, about 40 s left': on one line in a terminal, rarely elsewhere."""

    def __init__(self, config: pytest.Config) -> None:
        self._capture = config.pluginmanager.getplugin("capturemanager")
        self._quiet = is_worker(config) or config.getoption("verbose", 0) < 0
        self._last = time.monotonic()

    def __call__(self, stage: str, done: int, total: int, seconds: float) -> None:
        """Say how far a stage is."""
        now = time.monotonic()
        tty = sys.__stderr__ is not None and sys.__stderr__.isatty()
        wait = 0.5 if tty else _EVERY
        finished = done == total
        if (
            self._quiet
            or seconds < _PATIENCE
            or (now - self._last < wait and not (finished and tty))
        ):
            return
        self._last = now
        left = seconds / max(done, 1) * (total - done)
        text = f"{stage}: {done} of {total} parts, about {left:.0f} s left"
        self._write(f"\r\x1b[2K{'' if finished else text}" if tty else f"\n{text}")

    def _write(self, text: str) -> None:
        if self._capture is None:
            print(text, end="", file=sys.stderr, flush=True)
            return
        with self._capture.global_and_fixture_disabled():
            print(text, end="", file=sys.stderr, flush=True)
