"""One GPU for each xdist worker, before anything imports torch: a process that sees one uses one."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from auditkit.evidence.execution.devices import VISIBLE, listed

# Workers that a user named otherwise (--tx popen//id=...) are left as they are.
_WORKER: Final = re.compile(r"gw(\d+)")
_DEVICE_FILE: Final = re.compile(r"nvidia\d+")


def pin_gpu(worker: str, device: str) -> None:
    """Let this process see its share of the GPUs.

    Args:
        worker: xdist's name of it, such as ``gw3``.
        device: as it was asked for.
    """
    mine = pinned(worker, device, visible(os.environ.get(VISIBLE), present()))
    if mine is not None:
        os.environ[VISIBLE] = mine


def pinned(worker: str, device: str, gpus: Sequence[str]) -> str | None:
    """The GPU of a worker; None if there is nothing to choose from, or no GPU is wanted."""
    named = _WORKER.fullmatch(worker)
    if named is None or device not in ("auto", "cuda") or len(gpus) < 2:
        return None
    return gpus[int(named[1]) % len(gpus)]


def visible(setting: str | None, count: int) -> list[str]:
    """The GPUs that CUDA shows to this process, as it names them.

    Args:
        setting: of the variable CUDA_VISIBLE_DEVICES: indices or UUIDs, of which CUDA takes those before the
            first that is none; None if it is not set.
        count: GPUs of the machine.
    """
    if setting is None:
        return [str(index) for index in range(count)]
    return listed(setting)


def present(devices: Path = Path("/dev")) -> int:
    """NVIDIA GPUs that this process may open, by their device files: asking CUDA would start it."""
    try:
        return sum(bool(_DEVICE_FILE.fullmatch(path.name)) for path in devices.iterdir())
    except OSError:
        return 0
