"""auditkit: audits of medical-image models as tests.

The same audits from Python, without a spec::

    import auditkit

    model = auditkit.load_model("fixtures/models/scanoma.model.yaml")
    data = auditkit.load_data("fixtures/data/dermoscopy.data.yaml")
    findings = auditkit.run("colour-shift", model, data, radius=5, images=100)
    findings.find("pink.mean_change", {"radius": 5})

Every quantity of the papers is a plain function in `auditkit.metrics`. Nothing heavy is imported until
it is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from auditkit.errors import AuditError

if TYPE_CHECKING:
    from auditkit import metrics
    from auditkit.api import load_data, load_model, run, wrap_model
    from auditkit.explaining import attribute, heatmaps
    from auditkit.findings import Findings

__version__ = "0.1.0"
__all__ = [
    "AuditError",
    "Findings",
    "__version__",
    "attribute",
    "heatmaps",
    "load_data",
    "load_model",
    "metrics",
    "run",
    "wrap_model",
]

_WHERE = {
    "Findings": "auditkit.findings",
    "attribute": "auditkit.explaining",
    "heatmaps": "auditkit.explaining",
    "load_data": "auditkit.api",
    "load_model": "auditkit.api",
    "run": "auditkit.api",
    "wrap_model": "auditkit.api",
}


def __getattr__(name: str) -> Any:
    """Import the public parts when they are first used (PEP 562)."""
    if name == "metrics":
        return import_module("auditkit.metrics")
    if name in _WHERE:
        return getattr(import_module(_WHERE[name]), name)
    raise AttributeError(f"module 'auditkit' has no attribute '{name}'")


def __dir__() -> list[str]:
    """Public names, for completion."""
    return sorted(__all__)
