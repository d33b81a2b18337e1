"""What a user may ask of Slurm, as text: sbatch's options in submitit's names."""

import shlex
from collections.abc import Callable, Mapping
from typing import Any

from auditkit.errors import AuditError

# What only submitit's own callers can give, and what this engine decides.
_NOT_TEXT = {
    "additional_parameters",
    "nodes",
    "ntasks_per_node",
    "num_gpus",
    "stderr_to_stdout",
    "teardown",
}
# The local executor knows these alone, by other names.
_LOCAL = {"time": "timeout_min", "gpus_per_node": "gpus_per_node", "setup": "setup"}
_MINUTES = 60


def options_of(given: Mapping[str, str], cluster: str) -> dict[str, Any]:
    """Parameters for submitit.

    Args:
        given: names and values as a command line has them.
        cluster: slurm, local or debug; the latter two ignore what only Slurm knows.

    Raises:
        AuditError: a name is not known, or a value cannot be read.
    """
    known = _known()
    read: dict[str, Any] = {"time": _MINUTES, "job_name": "auditkit"}
    for name, text in given.items():
        if name not in known:
            raise AuditError(f"Slurm option {name} is not known; known: {', '.join(known)}")
        read[name] = _READ.get(name, _text)(name, text)
    if cluster == "slurm":
        return read
    return {own: read[name] for name, own in _LOCAL.items() if name in read}


def asks_for_gpus(given: Mapping[str, str]) -> bool:
    """Whether tasks run on GPUs."""
    return any("gpu" in f"{name}={text}" for name, text in given.items() if name != "partition")


def _known() -> list[str]:
    from submitit.slurm.slurm import SlurmExecutor

    return sorted(SlurmExecutor._valid_parameters() - _NOT_TEXT)  # noqa: SLF001 submitit names them nowhere else


def _whole(name: str, text: str) -> int:
    if not (text.isdecimal() and text.isascii()):
        unit = " of minutes" if name == "time" else ""
        raise AuditError(f"Slurm option {name}={text}: a whole number{unit} was expected")
    return int(text)


def _flag(name: str, text: str) -> bool:
    if text not in ("true", "false"):
        raise AuditError(f"Slurm option {name}={text}: true or false was expected")
    return text == "true"


def _text(_: str, text: str) -> str:
    if "\n" in text:  # it becomes a line of a batch file
        raise AuditError("a Slurm option cannot have more than one line")
    return text


_READ: Mapping[str, Callable[[str, str], Any]] = {
    "time": _whole,
    "cpus_per_task": _whole,
    "cpus_per_gpu": _whole,
    "exclusive": lambda _, text: True if text == "true" else text,
    "signal_delay_s": _whole,
    "array_parallelism": _whole,
    "use_srun": _flag,
    "setup": lambda name, text: [_text(name, text)],
    "srun_args": lambda _, text: shlex.split(text),
}
