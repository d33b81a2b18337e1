"""Stored results judged under another policy."""

from auditkit.gating.gate import Stored, gate
from auditkit.gating.profiles import changes_of, check_names, profile_result
from auditkit.gating.result import GateResult, Transition

__all__ = [
    "GateResult",
    "Stored",
    "Transition",
    "changes_of",
    "check_names",
    "gate",
    "profile_result",
]
