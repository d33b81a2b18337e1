"""Heatmaps from gradients; see `auditkit.evidence.heatmaps.registry` for their names."""
