"""Evidence: what is computed per image and is expensive; kept, addressed by content, resumable.

Nothing heavy is imported until it is used: worker processes start with what their work needs.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from auditkit.evidence.evidence import Evidence
    from auditkit.evidence.kinds import Heatmaps, Scores, Settings
    from auditkit.evidence.peers import Peers
    from auditkit.evidence.store import Store

__all__ = ["Evidence", "Heatmaps", "Peers", "Scores", "Settings", "Store"]

_WHERE = {
    "Evidence": "auditkit.evidence.evidence",
    "Heatmaps": "auditkit.evidence.kinds",
    "Peers": "auditkit.evidence.peers",
    "Scores": "auditkit.evidence.kinds",
    "Settings": "auditkit.evidence.kinds",
    "Store": "auditkit.evidence.store",
}


def __getattr__(name: str) -> Any:
    """Import the public parts when they are first used (PEP 562)."""
    if name in _WHERE:
        return getattr(import_module(_WHERE[name]), name)
    raise AttributeError(f"module 'auditkit.evidence' has no attribute '{name}'")
