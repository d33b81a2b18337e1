"""A Keras model as a PyTorch module."""

import copy
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import Tensor, nn

from auditkit.errors import AuditError
from auditkit.models.keras_format.archive import clean_members, write_clean

_ENDINGS: dict[str, Callable[[Tensor], Tensor]] = {
    "softmax": lambda logits: torch.softmax(logits, dim=-1),
    "sigmoid": torch.sigmoid,
}


class KerasNetwork(nn.Module):
    """A classifier of Keras on PyTorch; see `load_keras`.

    Keras calls its layers without PyTorch's hooks. So what each layer gives passes through a submodule
    of `maps`, as (N, C, H, W) where the layer has a map, and forward hooks see it there.

    Attributes:
        input_shape: (height, width, channels); sizes the model leaves open are 0.
        has_logits: whether the model ends in a softmax or sigmoid that `logits` leaves out.
    """

    def __init__(self, model: Any, config: dict[str, Any], source: str) -> None:
        super().__init__()
        self.model, self.source = model, source
        self._config = config
        self.maps = nn.ModuleDict()
        self._channels_first = _channels_first(model)
        self._order, shape = self._inputs()
        self.input_shape = tuple(size or 0 for size in shape)
        last = _last_layer(model)
        self.ending = _ending(last)
        self.has_logits = self.ending is not None
        if self.ending is not None:
            _leave_out_ending(last)
        self._tap_layers()
        self.eval().requires_grad_(requires_grad=False)

    def forward(self, x: Tensor, table: Tensor | None = None) -> Tensor:
        """Answer, float32 (N, K), to pictures (N, C, H, W) and a table (N, F)."""
        answer = self.logits(x, table)
        return answer if self.ending is None else _ENDINGS[self.ending](answer)

    def logits(self, x: Tensor, table: Tensor | None = None) -> Tensor:
        """Values in front of the final softmax or sigmoid, float32 (N, K)."""
        import keras

        given: dict[str, Tensor] = {"image": x if self._channels_first else x.permute(0, 2, 3, 1)}
        if table is not None:
            given["table"] = table
        if sorted(given) != sorted(self._order):
            self._fail(f"takes {' and '.join(self._order)}, and was given {' and '.join(given)}")
        try:
            with keras.device(_device_name(x.device)):
                flat = [given[kind] for kind in self._order]
                answer = self.model(self._arranged(keras, flat), training=False)
        except (RuntimeError, ValueError, TypeError, IndexError) as error:
            self._fail(
                f"cannot be run ({str(error).splitlines()[0] if str(error) else error!r})", error
            )
        if not isinstance(answer, Tensor) or len(answer) != len(x):
            self._fail("gives no tensor with one row per picture")
        return answer.float().flatten(1)

    def __deepcopy__(self, memo: dict[int, Any]) -> "KerasNetwork":
        """A copy with weights of its own."""
        import keras

        device = next((p.device for p in self.parameters()), torch.device("cpu"))
        with keras.device(_device_name(device)):
            clone = _built(keras, self._config)
            clone.set_weights(self.model.get_weights())
        copied = KerasNetwork(clone, self._config, self.source)
        memo[id(self)] = copied
        return copied

    def _arranged(self, keras: Any, flat: list[Tensor]) -> Any:
        """Inputs as the model was built with: one, a list or a dict."""
        structure = getattr(self.model, "_inputs_struct", None)
        if len(flat) == 1 and not isinstance(structure, dict):
            return flat[0]
        return keras.tree.pack_sequence_as(structure, flat)

    def _inputs(self) -> tuple[list[str], tuple[int | None, ...]]:
        """What each input is, in the model's order, and the picture's shape."""
        shapes = [tuple(value.shape) for value in self.model.inputs]
        kinds = ["image" if len(shape) == 4 else "table" for shape in shapes]
        if sorted(kinds) not in (["image"], ["image", "table"]) or any(
            len(s) not in {2, 4} for s in shapes
        ):
            self._fail(
                f"takes inputs of shapes {shapes}; pictures (N, H, W, C) and at most one table are read"
            )
        if len(self.model.outputs) != 1:
            self._fail(f"gives {len(self.model.outputs)} outputs; one is expected")
        picture = shapes[kinds.index("image")][1:]
        return kinds, (*picture[1:], picture[0]) if self._channels_first else picture

    def _tap_layers(self) -> None:
        for layer in self.model._flatten_layers(include_self=False):  # noqa: SLF001 nested models included
            if hasattr(layer, "_flatten_layers") and len(list(layer._flatten_layers())) > 1:  # noqa: SLF001 as above
                continue
            if type(layer).__name__ != "InputLayer":
                self._tap(layer)

    def _tap(self, layer: Any) -> None:
        name = f"{layer.name}_{len(self.maps)}".replace(".", "_").replace("/", "_")
        tap = self.maps[name] = nn.Identity()
        call, first = layer.call, self._channels_first

        def tapped(*arguments: Any, **keywords: Any) -> Any:
            given = call(*arguments, **keywords)
            if not isinstance(given, Tensor) or given.device.type == "meta":
                return given
            if given.dim() != 4 or first:
                return tap(given)
            return tap(given.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)

        layer.call = tapped

    def _fail(self, what: str, error: Exception | None = None) -> NoReturn:
        raise AuditError(f"{self.source}: the Keras model {what}") from error


def load_keras(path: Path) -> KerasNetwork:
    """The classifier of a ``.keras`` file, on the CPU, computed by Keras' torch backend.

    Before Keras sees the file, every class it names is looked up in a list of numeric layers, and a
    clean copy is made. The model is built without memory first, so that a config cannot ask for more
    than its weights justify.

    Args:
        path: written by Keras 3 (``model.save``); pictures (N, H, W, C), at most one table (N, F), and
            one output (N, K).

    Raises:
        AuditError: Keras is not installed or runs with another backend; the file is damaged, a legacy
            HDF5 model, or holds anything but Keras' own numeric layers in float32.
    """
    config, weights = clean_members(path)
    keras = keras_on_torch(path)
    with tempfile.TemporaryDirectory() as folder, torch.random.fork_rng(devices=[]):
        target = write_clean(config, weights, Path(folder))
        try:
            _refuse_large(keras, config, len(weights), path)
            with keras.device("cpu"):
                model = keras.saving.load_model(target, compile=False, safe_mode=True)
        except AuditError:
            raise
        except Exception as error:  # a damaged config fails anywhere in Keras' own code
            lines = str(error).splitlines() or [type(error).__name__]
            raise AuditError(
                f"{path}: Keras cannot build this model ({lines[0][:200]}); save it again with "
                "model.save('model.keras')"
            ) from error
    return KerasNetwork(model, config, str(path))


def keras_on_torch(path: Path) -> Any:
    """Keras with the torch backend.

    Raises:
        AuditError: it is not installed, or was imported with another backend.
    """
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = "torch"
    try:
        import keras
    except ImportError as error:
        raise AuditError(
            f'{path}: reading it needs Keras; install it with pip install "pytest-auditkit[keras]"'
        ) from error
    if keras.config.backend() != "torch":
        raise AuditError(
            f"{path}: Keras runs here with {keras.config.backend()}, its gradients are needed from PyTorch; "
            "set the environment variable KERAS_BACKEND=torch before Python starts"
        )
    return keras


def _refuse_large(keras: Any, config: dict[str, Any], held: int, path: Path) -> None:
    with keras.device("meta"):
        asked = _built(keras, config).count_params()
    if 4 * asked > held:
        raise AuditError(
            f"{path}: its config asks for {asked} parameters, its weights are {held} bytes"
        )


def _built(keras: Any, config: dict[str, Any]) -> Any:
    return keras.saving.deserialize_keras_object(copy.deepcopy(config), safe_mode=True)


def _channels_first(model: Any) -> bool:
    layers = model._flatten_layers()  # noqa: SLF001 nested models included
    orders = {getattr(layer, "data_format", None) for layer in layers} & {
        "channels_first",
        "channels_last",
    }
    if len(orders) > 1:
        raise AuditError(
            f"the Keras model '{model.name}' mixes channels_first and channels_last layers"
        )
    return orders == {"channels_first"}


def _last_layer(model: Any) -> Any:
    """The layer that gives the output, inside of nested models too."""
    layer = model
    while hasattr(layer, "outputs"):
        if len(layer.outputs) != 1:
            return None
        layer = layer.outputs[0]._keras_history.operation  # noqa: SLF001 nothing public names it
    return layer


def _ending(layer: Any) -> str | None:
    if layer is None or len(layer._inbound_nodes) != 1:  # noqa: SLF001 a layer used twice is no ending
        return None
    if type(layer).__name__ == "Softmax":
        return "softmax" if layer.axis in (-1, 1) else None
    name = getattr(getattr(layer, "activation", None), "__name__", "")
    return name if name in _ENDINGS and type(layer).__name__ in {"Dense", "Activation"} else None


def _leave_out_ending(layer: Any) -> None:
    if type(layer).__name__ == "Softmax":
        layer.call = lambda inputs, mask=None: inputs  # noqa: ARG005 the layer's own signature
    else:
        layer.activation = lambda values: values


def _device_name(device: torch.device) -> str:
    return "cpu" if device.type == "cpu" else f"{device.type}:{device.index or 0}"
