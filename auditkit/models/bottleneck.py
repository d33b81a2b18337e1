"""Concept-bottleneck models: a decision made from predicted concepts alone."""

import torch
from torch import nn


class ConceptBottleneck(nn.Module):
    """Concept probabilities of a backbone, and a linear head on them: logits w^T c + b.

    Koh et al. 2020 (arXiv:2007.04612); the target models of DEPICT (arXiv:2407.14509, sections 4.1 and 4.2),
    whose importance of concept j is known: w_j, standardised |w_j| sd(c_j), or the drop of performance
    when c_j is permuted between images.

    Args:
        backbone: from images to logits of K concepts.
        concepts: K.
        outputs: logits of the head.

    Attributes:
        backbone: the concept classifier.
        head: `torch.nn.Linear` from K to the outputs.
    """

    def __init__(self, backbone: nn.Module, concepts: int, outputs: int = 1) -> None:
        super().__init__()
        if min(concepts, outputs) < 1:
            raise ValueError("concepts and outputs: positive numbers were expected")
        self.backbone = backbone
        self.head = nn.Linear(concepts, outputs)

    def bottleneck(self, x: torch.Tensor) -> torch.Tensor:
        """Concept probabilities (N, K), in [0, 1]: what the head sees of images."""
        probabilities: torch.Tensor = self.backbone(x).sigmoid()
        return probabilities

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, outputs) of images (N, C, H, W)."""
        logits: torch.Tensor = self.head(self.bottleneck(x))
        return logits
