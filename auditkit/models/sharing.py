"""How threads come to a network each: by copies of its modules, or one at a time."""

import copy
import threading
from typing import Any

import torch
from torch import nn

from auditkit.errors import AuditError


def copied(network: nn.Module, where: str) -> nn.Module:
    """A copy of a network that shares its parameters and buffers, which nobody changes.

    Raises:
        AuditError: it holds what cannot be copied; ``where`` says whose network it is.
    """
    shared = {id(value): value for value in (*network.parameters(), *network.buffers())}
    try:
        return copy.deepcopy(network, shared)
    except Exception as error:
        raise AuditError(
            f"{where}: {type(network).__name__} cannot be copied, and every thread needs a copy "
            f"({type(error).__name__}: {error}); keep locks, files and sessions out of the module, or give "
            "it a __deepcopy__; one from a factory that needs no gradients is shared instead with "
            "python.gradients: false"
        ) from error


class Shared(nn.Module):
    """A network of which there is only one: all threads ask it, one at a time."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.has_logits = bool(getattr(network, "has_logits", False))
        self._alone = threading.Lock()

    def forward(self, *given: torch.Tensor) -> torch.Tensor:
        """The network's answer."""
        with self._alone:
            answer: torch.Tensor = self.network(*given)
        return answer

    def logits(self, *given: torch.Tensor) -> torch.Tensor:
        """The network's values in front of a final softmax or sigmoid, if it has them."""
        read: Any = self.network
        with self._alone:
            answer: torch.Tensor = read.logits(*given)
        return answer

    def __deepcopy__(self, _memo: dict[int, Any]) -> "Shared":
        return self
