"""Heatmap methods that only need scores."""

from typing import Literal

from pydantic import Field, model_validator

from auditkit.spec.audit import Number
from auditkit.spec.methods.base import HasBaseline, HasSuperpixels, Method, Sampled, Superpixels


class Occlusion(HasBaseline):
    """Change of the output when a square window is covered (Zeiler and Fergus, arXiv:1311.2901)."""

    method: Literal["occlusion"] = "occlusion"
    window: Number = Field(0.125, gt=0, le=1, description="Side, as a fraction of the input side.")
    stride: Number = Field(0.125, gt=0, le=1, description="Step, as a fraction of the input side.")

    @model_validator(mode="after")
    def _no_gaps(self) -> "Occlusion":
        if self.stride > self.window:
            raise ValueError("stride must not exceed window, else pixels are never covered")
        return self

    @property
    def needs_gradients(self) -> bool:
        """Scores are enough."""
        return False


class FeatureAblation(HasSuperpixels):
    """Change of the output when one superpixel is covered."""

    method: Literal["feature-ablation"] = "feature-ablation"


class FeaturePermutation(Method):
    """Change of the output when a superpixel comes from another image (Fisher et al., arXiv:1801.01489)."""

    method: Literal["feature-permutation"] = "feature-permutation"
    superpixels: Superpixels = Field(
        default_factory=Superpixels,
        description="The regions that are exchanged; a number N is a grid of N by N.",
    )
    donors: int = Field(8, ge=1, le=1000, description="Images that regions are taken from.")

    @property
    def needs_gradients(self) -> bool:
        """Scores are enough."""
        return False

    @property
    def background_images(self) -> int:
        """The donors."""
        return self.donors


class ShapleySampling(Sampled):
    """Shapley values of superpixels from random orders (Castro et al., doi:10.1016/j.cor.2008.04.004)."""

    method: Literal["shapley-sampling"] = "shapley-sampling"


class KernelShap(Sampled):
    """Shapley values of superpixels by weighted least squares (Lundberg and Lee, arXiv:1705.07874)."""

    method: Literal["kernel-shap"] = "kernel-shap"


class Lime(Sampled):
    """Coefficients of a local linear model over superpixels (Ribeiro et al., arXiv:1602.04938)."""

    method: Literal["lime"] = "lime"
    width: Number = Field(
        0.25, gt=0, description="Of the exponential kernel on the cosine distance."
    )
    ridge: Number = Field(
        0.0, ge=0, description="Penalty on squared coefficients, as a share of the total weight."
    )


class SufficientSubsets(HasSuperpixels):
    """Smallest sets of superpixels that suffice for the decision (Carter et al., arXiv:1810.03805)."""

    method: Literal["sufficient-subsets"] = "sufficient-subsets"
    threshold: Number | None = Field(
        None,
        gt=0,
        lt=1,
        description="Probability of the decision that a set must reach; left out: the model's threshold.",
    )
    subsets: int = Field(1, ge=1, le=20, description="Disjoint sets that are looked for.")
