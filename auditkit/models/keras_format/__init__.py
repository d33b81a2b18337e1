"""Keras 3 archives (.keras): a PyTorch module through Keras' own torch backend, and Keras as its runtime."""

from auditkit.models.keras_format.network import KerasNetwork, load_keras
from auditkit.models.keras_format.runtime import KerasRuntime, available_backends

__all__ = ["KerasNetwork", "KerasRuntime", "available_backends", "load_keras"]
