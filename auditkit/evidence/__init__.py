"""Evidence: what is computed per image and is expensive; kept, addressed by content, resumable."""

from auditkit.evidence.evidence import Evidence
from auditkit.evidence.kinds import Heatmaps, Scores, Settings
from auditkit.evidence.peers import Peers
from auditkit.evidence.store import Store

__all__ = ["Evidence", "Heatmaps", "Peers", "Scores", "Settings", "Store"]
