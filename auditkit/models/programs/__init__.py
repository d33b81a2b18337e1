"""Programs in PyTorch's own formats: TorchScript and torch.export."""

from auditkit.models.programs.exported import load_exported
from auditkit.models.programs.interpreter import Program
from auditkit.models.programs.torchscript import load_torchscript

__all__ = ["Program", "load_exported", "load_torchscript"]
