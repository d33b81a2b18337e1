"""The line that tells how training goes."""

import sys
import time

_TERMINAL_SECONDS, _FILE_SECONDS = 0.5, 30.0


class Progress:
    """Loss, speed and time left on stderr: one line that changes, or one line in a while.

    Args:
        steps: of the whole run.
        images_per_step: for the speed.
        done: steps that earlier runs did.
    """

    def __init__(self, steps: int, images_per_step: int, done: int) -> None:
        self._steps, self._images, self._first = steps, images_per_step, done
        self._began = self._told = time.monotonic()
        self._terminal = sys.stderr.isatty()

    @property
    def seconds(self) -> float:
        """Since the start of this process's part of the run."""
        return time.monotonic() - self._began

    def tell(self, step: int, loss: float) -> None:
        """Say how far it is, if it is time to."""
        now = time.monotonic()
        pause = _TERMINAL_SECONDS if self._terminal else _FILE_SECONDS
        if now - self._told < pause and step < self._steps:
            return
        self._told = now
        done = step - self._first
        speed = done * self._images / max(now - self._began, 1e-9)
        left = (now - self._began) / done * (self._steps - step)
        line = (
            f"step {step}/{self._steps}  loss {loss:.4f}  {speed:.1f} images/s  {_clock(left)} left"
        )
        sys.stderr.write(f"\r{line}\x1b[K" if self._terminal else line + "\n")
        if self._terminal and step == self._steps:
            sys.stderr.write("\n")
        sys.stderr.flush()


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
