"""Which GPUs a process may use, without asking CUDA where there is none."""

import os
from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path

VISIBLE = "CUDA_VISIBLE_DEVICES"
# The kernel's own file about the driver.
_DRIVER = Path("/proc/driver/nvidia/version")


def visible_gpus(device: str, environment: Mapping[str, str] | None = None) -> list[str]:
    """Names of GPUs as CUDA_VISIBLE_DEVICES has them: numbers or UUIDs; none on a CPU.

    Args:
        device: as it was asked for: auto, cpu, cuda or mps.
        environment: to look in; this process' if left out.
    """
    if device not in ("auto", "cuda"):
        return []
    given = (os.environ if environment is None else environment).get(VISIBLE)
    if given is not None:
        return listed(given)
    if not _DRIVER.exists():
        return []
    import torch

    return [str(number) for number in range(torch.cuda.device_count())]


def listed(setting: str) -> list[str]:
    """The GPUs of a setting of CUDA_VISIBLE_DEVICES: CUDA takes those before the first that is none."""
    names = (name.strip() for name in setting.split(","))
    return list(takewhile(lambda name: name and not name.startswith("-"), names))
