"""Which explainer computes which method; imported only when it is asked for."""

from importlib import import_module
from typing import Any

import torch

from auditkit.evidence.heatmaps.explainer import Explainer
from auditkit.evidence.heatmaps.subject import Subject
from auditkit.spec.methods import Method

_HOME = "auditkit.evidence.heatmaps"
EXPLAINERS = {
    "gradient": "gradients.plain:GradientExplainer",
    "input-x-gradient": "gradients.plain:InputXGradientExplainer",
    "smoothgrad": "gradients.plain:SmoothGradExplainer",
    "guided-backprop": "gradients.rules:GuidedBackpropExplainer",
    "deconvolution": "gradients.rules:DeconvolutionExplainer",
    "deeplift": "gradients.deeplift:DeepLiftExplainer",
    "integrated-gradients": "gradients.paths:IntegratedGradientsExplainer",
    "gradient-shap": "gradients.paths:GradientShapExplainer",
    "expected-gradients": "gradients.paths:ExpectedGradientsExplainer",
    "gradcam": "gradients.cam:GradCAMExplainer",
    "guided-gradcam": "gradients.cam:GuidedGradCAMExplainer",
    "occlusion": "perturbation.ablation:OcclusionExplainer",
    "feature-ablation": "perturbation.ablation:FeatureAblationExplainer",
    "feature-permutation": "perturbation.ablation:FeaturePermutationExplainer",
    "shapley-sampling": "perturbation.permutations:ShapleySamplingExplainer",
    "kernel-shap": "perturbation.kernel_shap:KernelShapExplainer",
    "lime": "perturbation.lime:LimeExplainer",
    "sufficient-subsets": "perturbation.subsets:SufficientSubsetsExplainer",
    "random-map": "controls:RandomMapExplainer",
    "edge-map": "controls:EdgeMapExplainer",
    "gaussian-map": "controls:GaussianMapExplainer",
}


def _place(method: Method) -> str:
    """Where its explainer is: beside this module, or where a plug-in says."""
    return method.explainer or f"{_HOME}.{EXPLAINERS[method.method]}"


def explainer(
    method: Method, subject: Subject, background: torch.Tensor | None = None
) -> Explainer:
    """The explainer of a method for a subject.

    Args:
        method: with its parameters.
        subject: what is explained.
        background: float (B, C, *space), images that stand for 'nothing there', if the method asks for any.
    """
    module, _, name = _place(method).partition(":")
    kind: Any = getattr(import_module(module), name)
    found: Explainer = kind(subject, method, background)
    return found
