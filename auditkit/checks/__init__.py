"""The checks: each turns evidence into findings. One file per check; declarations are in `auditkit.spec`."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from auditkit.findings import Findings
from auditkit.spec.declaration import CheckDeclaration, Parameters


def compute(check: CheckDeclaration, evidence: Any, parameters: Parameters) -> Findings:
    """Run a check's computation, which its declaration names as ``module:function``.

    Args:
        check: which.
        evidence: `Evidence`, or what other audits found, for a check that combines them.
        parameters: of the check.
    """
    module, _, name = check.compute.partition(":")
    function: Callable[[Any, Any], Findings] = getattr(import_module(module), name)
    return function(evidence, parameters)
