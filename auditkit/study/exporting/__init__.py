"""What a closed study leaves: unblinded tables, their card, and the pictures that were shown."""

from auditkit.study.exporting.exporting import export

__all__ = ["export"]
