"""Heatmap methods of installed plug-in packages."""

from collections.abc import Iterator, Mapping
from functools import cache

from auditkit.errors import AuditError
from auditkit.spec.methods.base import Method
from auditkit.spec.plugins import METHODS, declared


class KnownMethods(Mapping[str, type[Method]]):
    """Shipped methods and those of plug-ins, which are looked for when the first one is asked for."""

    def __init__(self, shipped: Mapping[str, type[Method]]) -> None:
        self._shipped = dict(shipped)

    def _all(self) -> Mapping[str, type[Method]]:
        added = added_methods()
        for name in added.keys() & self._shipped.keys():
            raise AuditError(
                f"a plug-in declares the heatmap method '{name}', which auditkit has; rename it there"
            )
        return {**self._shipped, **added}

    def __getitem__(self, name: str) -> type[Method]:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())


@cache
def added_methods() -> Mapping[str, type[Method]]:
    """Those of packages with entry points in ``auditkit.methods``, by name.

    An entry point names a subclass of `Method` whose ``explainer`` is ``module:name`` of what computes it.
    """
    found: dict[str, type[Method]] = {}
    for entry, kind in declared(METHODS):
        if not (isinstance(kind, type) and issubclass(kind, Method) and kind.explainer):
            raise AuditError(
                f"entry point '{entry.name}' in {METHODS} is no heatmap method ({entry.value}); a "
                "subclass of auditkit.spec.methods.Method with 'explainer' was expected; mend or "
                "remove the package"
            )
        name = str(kind.model_fields["method"].default)
        if name in found:
            raise AuditError(
                f"two packages declare the heatmap method '{name}'; uninstall one of them"
            )
        found[name] = kind
    return dict(sorted(found.items()))
