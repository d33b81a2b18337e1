"""Installed packages that add checks or heatmap methods: who they are, and what they declare."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from auditkit.errors import AuditError

CHECKS, METHODS = "auditkit.checks", "auditkit.methods"


@dataclass(frozen=True, order=True)
class Plugin:
    """A package that adds to auditkit.

    Attributes:
        distribution: name under which it is installed.
        version: its version.
        module: top-level package or module of what it declares.
    """

    distribution: str
    version: str
    module: str


def plugins() -> tuple[Plugin, ...]:
    """All installed plug-ins, in the order of their names."""
    found = (entry for group in (CHECKS, METHODS) for entry in entry_points(group=group))
    return tuple(sorted({_plugin(entry) for entry in found}))


def _plugin(entry: EntryPoint) -> Plugin:
    module = entry.module.partition(".")[0]
    if entry.dist is None:
        return Plugin(module, "unknown", module)
    return Plugin(entry.dist.name, entry.dist.version, module)


def declared(group: str) -> Iterator[tuple[EntryPoint, Any]]:
    """Each entry point of a group and what it names."""
    for entry in entry_points(group=group):
        try:
            found = entry.load()
        except (ImportError, AttributeError) as error:
            raise AuditError(
                f"entry point '{entry.name}' in {group} cannot be loaded ({entry.value}: {error}); mend or "
                "remove the package that declares it"
            ) from None
        yield entry, found
