"""Data sets: pictures, labels, annotations, patients; read lazily, one picture at a time."""

from auditkit.data.check import check_data
from auditkit.data.data_check import DataCheck
from auditkit.data.dataset import Dataset, Record
from auditkit.data.load import load_data

__all__ = ["DataCheck", "Dataset", "Record", "check_data", "load_data"]
