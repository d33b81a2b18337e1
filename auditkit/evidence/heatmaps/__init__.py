"""Heatmap methods on any network, in any number of dimensions."""

from auditkit.evidence.heatmaps.explainer import Batch, Explained, Explainer
from auditkit.evidence.heatmaps.registry import explainer
from auditkit.evidence.heatmaps.subject import Subject, subject_of, subject_of_module

__all__ = [
    "Batch",
    "Explained",
    "Explainer",
    "Subject",
    "explainer",
    "subject_of",
    "subject_of_module",
]
