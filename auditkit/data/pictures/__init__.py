"""Picture files: 8-bit RGB out of what a card declares, or a clear error."""

from auditkit.data.pictures.read import SUFFIXES, read_mask, read_picture

__all__ = ["SUFFIXES", "read_mask", "read_picture"]
