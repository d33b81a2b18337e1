"""What can be measured in a picture of a lesion without an expert. NumPy and SciPy, no torch.

Lengths are shares of the picture's side, so that a picture of twice the size measures the same.
"""

from auditkit.evidence.measuring.quantities import REASONS, measure

__all__ = ["REASONS", "measure"]
