"""Where and how evidence is computed, as users ask for it: names, without importing any engine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from auditkit.errors import AuditError
from auditkit.spec.problems import nearest

DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("float32", "bfloat16", "float16")
ENGINES: Mapping[str, str] = {
    "inline": "threads of this process",
    "processes": "one process per visible GPU, or per core",
    "ray": "actors on a Ray cluster, or on this machine",
    "slurm": "job arrays of a Slurm cluster",
}
RAY_OPTIONS = ("address", "gpus", "cpus")


@dataclass(frozen=True)
class EngineChoice:
    """An engine as it was asked for.

    Attributes:
        name: one of `ENGINES`.
        workers: how many; None leaves it to the engine.
        options: of the engine: Ray's address and shares, Slurm's partition and time.
    """

    name: str = "inline"
    workers: int | None = None
    options: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(
        cls,
        name: str,
        workers: str = "",
        options: Sequence[str] = (),
        prefix: str = "--audit-",
    ) -> "EngineChoice":
        """From the texts of a command line.

        Args:
            name: of the engine; empty for the usual one.
            workers: a number, or empty or ``auto``.
            options: ``name=value``.
            prefix: of the command line's options, for messages.

        Raises:
            AuditError: a name or a value is not known.
        """
        name = name or "inline"
        if name not in ENGINES:
            raise AuditError(f"{prefix}engine {name}: {nearest(name, ENGINES)}")
        given = dict(_option(text, f"{prefix}engine-option") for text in options)
        if given and name in ("inline", "processes"):
            raise AuditError(f"{prefix}engine-option: the engine '{name}' has no options")
        if name == "ray":
            for key in given:
                if key not in RAY_OPTIONS:
                    raise AuditError(f"{prefix}engine-option {key}: {nearest(key, RAY_OPTIONS)}")
        return cls(name, positive(workers, f"{prefix}workers"), given)


def _option(text: str, option: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not (key and sign and value):
        raise AuditError(f"{option} {text}: NAME=VALUE was expected")
    return key, value


def positive(text: str, option: str) -> int | None:
    """A number from 1; None for nothing or ``auto``."""
    if text in ("", "auto"):
        return None
    if not text.isdecimal() or not text.isascii() or int(text) < 1:
        raise AuditError(f"{option} {text}: 'auto' or a number from 1 was expected")
    return int(text)
