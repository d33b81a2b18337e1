"""Checkpoints of a training run: written whole, then renamed; the newest whole one is resumed from.

`step-000500/` holds weights, averaged weights and the optimiser's moments as safetensors, and state.json.
"""

import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from auditkit.errors import AuditError

KEPT = 2
_NAME = re.compile(r"step-\d{6,}")
_STATE = "state.json"
Tensors = Mapping[str, torch.Tensor]


def write(out: Path, step: int, groups: Mapping[str, Tensors], state: Mapping[str, Any]) -> Path:
    """Write a checkpoint and remove all but the last two.

    Args:
        out: the run's folder.
        step: steps done.
        groups: tensors by file.
        state: plain data.

    Raises:
        AuditError: a tensor is not finite (nothing is written), or the disk is full.
    """
    for group, tensors in groups.items():
        _all_finite(group, tensors, step)
    final = out / f"step-{step:06d}"
    half = out / f".half-{final.name}"
    try:
        for left in out.glob(".half-step-*"):
            shutil.rmtree(left, ignore_errors=True)
        half.mkdir(parents=True)
        for group, tensors in groups.items():
            whole = {name: value.detach().contiguous() for name, value in tensors.items()}
            save_file(whole, half / f"{group}.safetensors")
        text = json.dumps({**state, "step": step}, indent=1, allow_nan=False)
        (half / _STATE).write_text(text, encoding="utf-8")
        _flushed(half)
        shutil.rmtree(final, ignore_errors=True)
        half.rename(final)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(half, ignore_errors=True)
        raise AuditError(
            f"checkpoint {final} cannot be written: {error}; free some space, then run the same "
            "command again to continue from the last checkpoint"
        ) from error
    for old in _all(out)[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    return final


def newest(out: Path) -> Path | None:
    """The newest checkpoint whose files can all be read; None if there is none."""
    for folder in reversed(_all(out)):
        if _whole(folder):
            return folder
    return None


def read_state(folder: Path) -> dict[str, Any]:
    """The plain data of a checkpoint."""
    state: dict[str, Any] = json.loads((folder / _STATE).read_text(encoding="utf-8"))
    return state


def read_tensors(folder: Path, group: str) -> dict[str, torch.Tensor]:
    """The tensors of one file of a checkpoint, on the CPU."""
    tensors: dict[str, torch.Tensor] = load_file(folder / f"{group}.safetensors")
    return tensors


def _all(out: Path) -> list[Path]:
    folders = [path for path in out.glob("step-*") if _NAME.fullmatch(path.name)]
    return sorted(folders, key=lambda path: int(path.name.removeprefix("step-")))


def _whole(folder: Path) -> bool:
    from safetensors import safe_open

    try:
        files = read_state(folder)["files"]
        for file in files:
            with safe_open(folder / f"{file}.safetensors", framework="pt") as opened:
                opened.keys()
    except (OSError, ValueError, KeyError, TypeError, SafetensorError):
        return False
    return True


def _all_finite(group: str, tensors: Tensors, step: int) -> None:
    for name, value in tensors.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise AuditError(
                f"after step {step}, {group} of {name} are not finite, and were not saved; lower "
                "learning_rate or clip, or use precision: float32, and continue from the last checkpoint"
            )


def _flushed(folder: Path) -> None:
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
