"""Heatmap methods that need gradients."""

from typing import Literal

from pydantic import Field

from auditkit.spec.audit import Number
from auditkit.spec.methods.base import Baseline, HasBaseline, Method


class Gradient(Method):
    """Gradient of the explained output with respect to the input (Simonyan et al., arXiv:1312.6034)."""

    method: Literal["gradient"] = "gradient"


class InputXGradient(Method):
    """Input times gradient (Shrikumar et al., arXiv:1605.01713)."""

    method: Literal["input-x-gradient"] = "input-x-gradient"


class GuidedBackprop(Method):
    """Gradient in which every ReLU passes only positive signals (Springenberg et al., arXiv:1412.6806)."""

    method: Literal["guided-backprop"] = "guided-backprop"


class Deconvolution(Method):
    """Gradient in which every ReLU rectifies the signal coming back (Zeiler and Fergus, arXiv:1311.2901)."""

    method: Literal["deconvolution"] = "deconvolution"


class GradCAM(Method):
    """Grad-CAM at the last spatial layer (Selvaraju et al., arXiv:1610.02391)."""

    method: Literal["gradcam"] = "gradcam"
    layer: str = Field("auto", description="Module name; auto: last layer before global pooling.")
    gradients: Literal["pooled", "elementwise"] = Field(
        "pooled",
        description="Weights of channels: their gradient averaged over the layer (Grad-CAM), or each place's "
        "own (HiResCAM, arXiv:2011.08891).",
    )


class GuidedGradCAM(Method):
    """Guided Backprop times Grad-CAM (Selvaraju et al., arXiv:1610.02391, section 3.2)."""

    method: Literal["guided-gradcam"] = "guided-gradcam"
    layer: str = Field("auto", description="Module name; auto: last layer before global pooling.")


class DeepLift(HasBaseline):
    """DeepLIFT, rescale rule (Shrikumar et al., arXiv:1704.02685)."""

    method: Literal["deeplift"] = "deeplift"
    baseline: Baseline = Field(
        "black", description="What the network's activations are compared with."
    )


class IntegratedGradients(HasBaseline):
    """Integrated Gradients along a straight path from a baseline (Sundararajan et al., arXiv:1703.01365)."""

    method: Literal["integrated-gradients"] = "integrated-gradients"
    steps: int = Field(32, ge=2, le=1000, description="Points of the Gauss-Legendre rule.")
    baseline: Baseline = Field("black", description="Where the path starts.")


class GradientShap(HasBaseline):
    """Expected Gradients with noise on the input (Lundberg and Lee, arXiv:1705.07874; Erion et al.)."""

    method: Literal["gradient-shap"] = "gradient-shap"
    samples: int = Field(50, ge=1, le=100_000, description="Points on paths from noisy inputs.")
    noise: Number = Field(
        0.09, ge=0, le=1, description="Standard deviation, as a share of the range."
    )
    baseline: Baseline = Field("data", description="Where the paths start.")


class SmoothGrad(Method):
    """Mean gradient over noisy copies of the image (Smilkov et al., arXiv:1706.03825)."""

    method: Literal["smoothgrad"] = "smoothgrad"
    samples: int = Field(50, ge=1, le=100_000, description="Noisy copies.")
    noise: Number = Field(
        0.15, gt=0, le=1, description="Standard deviation, as a share of the range."
    )


class ExpectedGradients(HasBaseline):
    """Expected Gradients over images of the data set (Erion et al., doi:10.1038/s42256-021-00343-w)."""

    method: Literal["expected-gradients"] = "expected-gradients"
    samples: int = Field(
        128, ge=2, le=1_000_000, description="Points on paths; the most with `error`."
    )
    error: Number | None = Field(
        None,
        gt=0,
        lt=1,
        description="Go on until the completeness residual is this share of the change to be explained.",
    )
    baseline: Baseline = Field("data", description="Where the paths start.")
    background: int = Field(64, ge=1, le=10_000, description="Images of the data set.")
