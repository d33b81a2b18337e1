"""What a benchmark is asked for, and the baselines' settings, which are chosen beforehand."""

from dataclasses import dataclass
from typing import Any, Final

from auditkit.errors import AuditError
from auditkit.spec.methods import GradCAM, Lime, Superpixels

GRADCAM: Final = GradCAM()
"""Grad-CAM at the last spatial layer, the field's default."""

LIME: Final = Lime(superpixels=Superpixels(kind="slic"), baseline="black", samples=1000)
"""LIME on superpixels of similar colour, covered by black, with as many samples as its authors' default.

Black, because that is what is behind a shape: a mean colour differs too little from it.
"""


@dataclass(frozen=True)
class Recipe:
    """Numbers of a benchmark.

    Attributes:
        targets: random target models; 0 where targets are given as cards.
        images: of the data set, the first ones.
        seed: of weights, noise, permutations, resamples and the choice of models that are shown.
        permutations: sampled ones for the boxplots; importances are over all of them in closed form.
        heatmaps: images that Grad-CAM and LIME are asked about; 0 leaves them out.
    """

    targets: int = 100
    images: int = 500
    seed: int = 0
    permutations: int = 25
    heatmaps: int = 100

    def __post_init__(self) -> None:
        least = {"targets": 0, "images": 4, "permutations": 1, "heatmaps": 0}
        for name, low in least.items():
            if getattr(self, name) < low:
                raise AuditError(f"{name}: {low} or more was expected, not {getattr(self, name)}")

    @property
    def stated(self) -> dict[str, Any]:
        """Everything that determines the numbers, for benchmark.json."""
        baselines = {"gradcam": GRADCAM.identity, "lime": LIME.identity} if self.heatmaps else {}
        return {
            "targets": self.targets,
            "images": self.images,
            "seed": self.seed,
            "permutations": self.permutations,
            "heatmaps": self.heatmaps,
            "baselines": baselines,
        }
