"""The heatmap methods that specs can name; computed in `auditkit.evidence.heatmaps`."""

from auditkit.spec.methods.base import (
    Baseline,
    HasBaseline,
    HasSuperpixels,
    Method,
    Sampled,
    Superpixels,
)
from auditkit.spec.methods.controls import Control, EdgeMap, GaussianMap, RandomMap
from auditkit.spec.methods.gradients import (
    Deconvolution,
    DeepLift,
    ExpectedGradients,
    GradCAM,
    Gradient,
    GradientShap,
    GuidedBackprop,
    GuidedGradCAM,
    InputXGradient,
    IntegratedGradients,
    SmoothGrad,
)
from auditkit.spec.methods.parse import METHODS, HasMethods, parse_method
from auditkit.spec.methods.perturbations import (
    FeatureAblation,
    FeaturePermutation,
    KernelShap,
    Lime,
    Occlusion,
    ShapleySampling,
    SufficientSubsets,
)

__all__ = [
    "METHODS",
    "Baseline",
    "Control",
    "Deconvolution",
    "DeepLift",
    "EdgeMap",
    "ExpectedGradients",
    "FeatureAblation",
    "FeaturePermutation",
    "GaussianMap",
    "GradCAM",
    "Gradient",
    "GradientShap",
    "GuidedBackprop",
    "GuidedGradCAM",
    "HasBaseline",
    "HasMethods",
    "HasSuperpixels",
    "InputXGradient",
    "IntegratedGradients",
    "KernelShap",
    "Lime",
    "Method",
    "Occlusion",
    "RandomMap",
    "Sampled",
    "ShapleySampling",
    "SmoothGrad",
    "SufficientSubsets",
    "Superpixels",
    "parse_method",
]
