"""Heatmap methods, computed with captum on any model of ours."""

from auditkit.evidence.heatmaps.explainers import Explainer, explainer

__all__ = ["Explainer", "explainer"]
