"""Data sets: pictures, labels, annotations, patients; read lazily, one picture at a time."""

from auditkit.data.dataset import Dataset, Record
from auditkit.data.load import load_data

__all__ = ["Dataset", "Record", "load_data"]
