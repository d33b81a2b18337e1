"""On what a run was made: processor and accelerator, switches of libraries, versions of everything."""

import hashlib
import os
import platform
import re
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path
from typing import Any

from auditkit import __version__
from auditkit.evidence.identity import code_version
from auditkit.evidence.machine import processor
from auditkit.results import Environment
from auditkit.spec.plugins import plugins

_PACKAGES = (
    "torch",
    "torchvision",
    "timm",
    "numpy",
    "scipy",
    "pillow",
    "jinja2",
    "markupsafe",
    "matplotlib",
    "pytest",
    "pytest-xdist",
    "ai-edge-litert",
)
_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "PYTHONHASHSEED",
    "CUBLAS_WORKSPACE_CONFIG",
    "NVIDIA_TF32_OVERRIDE",
)
_DRAWN_BY = (".py", ".j2", ".css", ".js", ".yaml")
# The kernel's own file about the driver: asking nvidia-smi would start a process.
_DRIVER = Path("/proc/driver/nvidia/version")


def environment(
    device: str, precision: str, commit: str, told: Mapping[str, str] | None = None
) -> Environment:
    """This process' machine, versions and switches for results.json.

    Args:
        device: as asked for.
        precision: of float models.
        commit: of the repository that holds the specs.
        told: `libraries` of the run's other processes, which computed.
    """
    computing = {**(told or {}), **libraries()}
    accelerator = computing.pop("accelerator", "")
    switches = {name: os.environ.get(name, "not set") for name in _VARIABLES}
    return Environment(
        auditkit=__version__,
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.release()} {platform.machine()}",
        packages=_versions(),
        device=device,
        precision=precision,
        commit=commit,
        hardware="; ".join(filter(None, (_machine(), accelerator))),
        determinism=dict(sorted({**switches, **computing}.items())),
        code_sha256=code_version(),
        page_sha256=page_version(),
        requirements_sha256=hashlib.sha256(requirements().encode()).hexdigest(),
    )


@cache
def page_version() -> str:
    """Digest of the code, templates and texts that draw the report from results.json."""
    root = Path(__file__).parent / "report"
    total = hashlib.sha256()
    for file in sorted(path for path in root.rglob("*") if path.suffix in _DRAWN_BY):
        total.update(file.relative_to(root).as_posix().encode())
        total.update(file.read_bytes())
    return total.hexdigest()


def libraries() -> dict[str, str]:
    """Threads and switches of torch, and the accelerator, if this process has loaded torch; else nothing.

    Under xdist the process that writes the results computes nothing: its workers tell theirs.
    """
    torch = sys.modules.get("torch")
    if torch is None:
        return {}
    backends = torch.backends
    found = {
        "torch threads": str(torch.get_num_threads()),
        "torch deterministic algorithms": _yes(torch.are_deterministic_algorithms_enabled()),
        "TF32 in matrix products": _yes(backends.cuda.matmul.allow_tf32),
        "TF32 in cuDNN": _yes(backends.cudnn.allow_tf32),
        "cuDNN deterministic": _yes(backends.cudnn.deterministic),
        "cuDNN benchmark": _yes(backends.cudnn.benchmark),
    }
    if torch.cuda.is_available():
        found["accelerator"] = _accelerator(torch)
    return found


def requirements() -> str:
    """``name==version`` of every installed distribution, a line each, sorted."""
    found: dict[str, str] = {}
    for each in distributions():
        # Of two in the path, the first is the one that is imported.
        found.setdefault(re.sub(r"[-_.]+", "-", each.name or "").lower(), each.version)
    found.pop("", None)
    return "".join(f"{name}=={found[name]}\n" for name in sorted(found))


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found | {plugin.distribution: plugin.version for plugin in plugins()}


def _machine() -> str:
    """Processor, cores and memory in words."""
    words = [processor(), f"{os.cpu_count()} cores"]
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not POSIX
        return ", ".join(words)
    return ", ".join([*words, f"{memory / 2**30:.0f} GiB"])


def _accelerator(torch: Any) -> str:
    words = [torch.cuda.get_device_name(), _driver()]
    words.append(f"CUDA {torch.version.cuda}" if torch.version.cuda else "")
    cudnn = torch.backends.cudnn.version() if torch.backends.cudnn.is_available() else None
    words.append(f"cuDNN {cudnn}" if cudnn else "")
    return ", ".join(filter(None, words))


def _driver() -> str:
    try:
        line = _DRIVER.read_text(encoding="utf-8", errors="replace").partition("\n")[0]
    except OSError:
        return ""
    found = re.search(r"\b\d+\.\d+(\.\d+)?\b", line)
    return f"driver {found.group()}" if found else ""


def _yes(value: bool) -> str:
    return "yes" if value else "no"
