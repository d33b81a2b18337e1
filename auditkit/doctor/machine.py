"""Cores, memory and disk as this process may use them, the clock, the temporary folder, the GPU."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from auditkit.doctor.finding import Finding
from auditkit.evidence.execution.devices import VISIBLE, visible_gpus

_GROUP = Path("/sys/fs/cgroup")
_DRIVER = Path("/proc/driver/nvidia/version")
_LITTLE_MEMORY, _LITTLE_DISK, _NO_DISK = 4 * 2**30, 5 * 2**30, 2**28
# The year in which this was written; a clock before it is wrong.
_EARLIEST = 1_767_225_600.0  # 2026-01-01
_SKEW = 60.0


def machine(store: Path) -> Iterator[Finding]:
    """Findings about the machine.

    Args:
        store: the folder of the evidence store, which may not be there yet.
    """
    yield _cores()
    yield _memory()
    yield _disk("disk of the store", store)
    yield from _temporary()
    yield from _gpu()


def cores() -> float:
    """Cores that this process may use: of its affinity and its control group."""
    allowed = float(os.cpu_count() or 1)
    if hasattr(os, "sched_getaffinity"):
        allowed = float(len(os.sched_getaffinity(0)))
    quota, _, period = _text(_GROUP / "cpu.max").partition(" ")
    if not quota:
        quota = _text(_GROUP / "cpu" / "cpu.cfs_quota_us")
        period = _text(_GROUP / "cpu" / "cpu.cfs_period_us")
    limit = _number(quota) / (_number(period) or 1.0)
    return min(allowed, limit) if limit > 0 else allowed


def _cores() -> Finding:
    usable, there = cores(), os.cpu_count() or 1
    said = f"{usable:g}" + (f" of {there} (limited)" if usable < there else "")
    return Finding("ok", "cores", said)


def _memory() -> Finding:
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if os.name == "posix" else 0
    limit = _number(_text(_GROUP / "memory.max")) or _number(
        _text(_GROUP / "memory" / "memory.limit_in_bytes")
    )
    limited = 0 < limit < there
    usable = limit if limited else there
    said = f"{usable / 2**30:.1f} GiB" + (" (limit of the control group)" if limited else "")
    if 0 < usable < _LITTLE_MEMORY:
        return Finding(
            "note",
            "memory",
            said,
            "ask for fewer workers and smaller batches: --audit-batch-size 8",
        )
    return Finding("ok", "memory", said)


def _disk(subject: str, place: Path) -> Finding:
    existing = next((p for p in (place, *place.absolute().parents) if p.exists()), Path("/"))
    free = shutil.disk_usage(existing).free
    said = f"{free / 2**30:.1f} GiB free at {place}"
    if free < _NO_DISK:
        return Finding("wrong", subject, said, "free some space: auditkit store prune --dry-run")
    if free < _LITTLE_DISK:
        return Finding("note", subject, said, "auditkit plan says what an audit needs")
    return Finding("ok", subject, said)


def _temporary() -> Iterator[Finding]:
    """The temporary folder, and in it a file whose age tells of the clock."""
    try:
        with tempfile.TemporaryFile() as file:
            file.write(b"auditkit")
            file.flush()
            age = time.time() - os.fstat(file.fileno()).st_mtime
        yield _disk("temporary folder", Path(tempfile.gettempdir()))
    except OSError as error:
        mend = "set TMPDIR to a folder that can be written"
        yield Finding("wrong", "temporary folder", str(error.strerror or error), mend)
        age = 0.0
    shown = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    if time.time() < _EARLIEST or abs(age) > _SKEW:
        yield Finding(
            "wrong", "clock", shown, "set the clock: reports, waivers and signatures are dated"
        )
    else:
        yield Finding("ok", "clock", shown)


def _gpu() -> Iterator[Finding]:
    """GPUs, tried with one small product; torch is imported only where a driver is loaded."""
    if not _DRIVER.exists():
        asked = os.environ.get(VISIBLE)
        if asked:
            mend = f"unset {VISIBLE}, or install the driver"
            yield Finding(
                "wrong", "GPU", f"{VISIBLE}={asked}, but no NVIDIA driver is loaded", mend
            )
        else:
            yield Finding("ok", "GPU", "no NVIDIA driver: networks run on the CPU")
        return
    names = visible_gpus("auto")
    if not names:
        mend = f"torch {version('torch')} sees none: install a CUDA build, or look at {VISIBLE}"
        yield Finding("note", "GPU", "a driver is loaded, but no GPU can be used", mend)
        return
    yield from (_tried(number) for number in range(len(names)))


def _tried(number: int) -> Finding:
    import torch

    try:
        device = torch.device("cuda", number)
        ones = torch.ones((64, 64), device=device)
        right = float((ones @ ones).sum()) == 64.0**3
        name = torch.cuda.get_device_name(device)
    except (RuntimeError, AssertionError) as error:
        first = str(error).partition("\n")[0]
        mend = "install a torch that fits the driver, or audit with --audit-device cpu"
        return Finding("wrong", f"GPU {number}", first, mend)
    if not right:
        return Finding("wrong", f"GPU {number}", f"{name} multiplies wrongly", "do not use it")
    return Finding("ok", f"GPU {number}", f"{name}, a product was right")


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
