"""ONNX classifiers: a differentiable PyTorch module, and onnxruntime to hold it to.

Torch is imported with `load_onnx`, not with the package: who a model is can be told without.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from auditkit.models.onnx.read import external_files

if TYPE_CHECKING:
    from auditkit.models.onnx.load import load_onnx
    from auditkit.models.onnx.module import ONNXModule
    from auditkit.models.onnx.runtime import OnnxRuntime

__all__ = ["ONNXModule", "OnnxRuntime", "external_files", "load_onnx"]

_WHERE = {"ONNXModule": "module", "OnnxRuntime": "runtime", "load_onnx": "load"}


def __getattr__(name: str) -> Any:
    """Import what computes when it is first used (PEP 562)."""
    if name in _WHERE:
        return getattr(import_module(f"auditkit.models.onnx.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'auditkit.models.onnx' has no attribute '{name}'")
