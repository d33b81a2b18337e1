"""TFLite classifiers: a differentiable PyTorch module, and the original runtime to hold it to."""

from auditkit.models.tflite.module import TFLiteModule, load_tflite
from auditkit.models.tflite.reference import ReferenceRuntime

__all__ = ["ReferenceRuntime", "TFLiteModule", "load_tflite"]
