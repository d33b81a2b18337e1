"""What of a machine a time depends on."""

import os
import platform
from importlib.metadata import version
from pathlib import Path


def machine(device: str) -> dict[str, str]:
    """What of a machine a time depends on; it is part of the evidence's identity."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "cores": str(os.cpu_count()),
        "torch": version("torch"),
        "device": _device(device),
    }


def processor() -> str:
    """The processor's name, which Python itself does not know on Linux."""
    listing = Path("/proc/cpuinfo")
    if listing.is_file():
        for line in listing.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _device(name: str) -> str:
    """The device's own name; the processor is named already."""
    if name == "cpu":
        return "cpu"
    import torch

    from auditkit.models.networks import device_of

    device = device_of(name)
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
