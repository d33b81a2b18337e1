"""What a network's last linear layer is given: its features of a picture."""

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from auditkit.errors import AuditError
from auditkit.models.model import Model, Table
from auditkit.models.views import see

_ATEN = torch.ops.aten
# Which argument of a matrix product is the input, (N, d).
_INPUT = {_ATEN.addmm.default: 1, _ATEN.mm.default: 0, _ATEN.linear.default: 0}


def last_features(model: Model, inputs: torch.Tensor, table: Table = None) -> torch.Tensor:
    """The input of the last linear layer of a model's first member under its first view.

    Matrix products are seen as the operators that they become, so that it does not matter whether a module,
    a function, a compiled program or a runtime's operator makes them.

    Args:
        model: that takes pictures.
        inputs: (N, 3, S, S) in [0, 1].
        table: (N, F), the second input of models that have one.

    Returns:
        float32 (N, d).

    Raises:
        AuditError: the network has no linear layer, or the last one is not given one vector per picture.
    """
    first, view = model.parts()[0]
    with _LastProduct() as seen:
        first.raw(see(inputs, view), table)
    name = model.card.model
    if seen.given is None:
        raise AuditError(
            f"features: '{name}' has no linear layer whose input could be taken; name a model that ends in "
            "one (most networks of timm and torchvision do)"
        )
    if seen.given.ndim != 2 or len(seen.given) != len(inputs):
        raise AuditError(
            f"features: the last linear layer of '{name}' is given {tuple(seen.given.shape)} for "
            f"{len(inputs)} pictures; one vector for each was expected"
        )
    features: torch.Tensor = seen.given.float()
    return features


class _LastProduct(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch's class has no types
    """Keeps the input of the last matrix product."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # as above
        self.given: torch.Tensor | None = None

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run an operator as it is."""
        place = _INPUT.get(func)
        if place is not None:
            # What follows may overwrite it.
            self.given = args[place].detach().clone()
        return func(*args, **(kwargs or {}))
