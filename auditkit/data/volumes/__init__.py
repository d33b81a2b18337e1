"""Data sets of volumes and of several modalities, listed from files: tables, BraTS, MRNet."""

from auditkit.data.volumes.dataset import VolumeData

__all__ = ["VolumeData"]
