"""A .keras file, checked part by part and written anew, before Keras sees it."""

import io
import json
import math
from pathlib import Path
from typing import Any

from auditkit.errors import AuditError
from auditkit.models.archive import read_archive
from auditkit.models.keras_format import allowed

_MEMBERS = {"metadata.json", "config.json", "model.weights.h5"}
_MEND = "save the model again with model.save('model.keras') from plain Keras layers"


class Forbidden(Exception):  # noqa: N818 it never leaves the package, which gives it a file's name
    """Something that a Keras file may not hold."""


def clean_members(path: Path) -> tuple[dict[str, Any], bytes]:
    """The model's config, without training settings, and its weights (HDF5).

    Raises:
        AuditError: the file is damaged, is an older format, or holds anything but Keras' own numeric
            layers and their weights.
    """
    if path.suffix in {".h5", ".hdf5"}:
        raise AuditError(
            f"{path} is a legacy HDF5 model, which Keras 3 reads without its safe mode; load it where you "
            "trust it and save it with model.save('model.keras')"
        )
    members = read_archive(path, "Keras")
    if set(members) != _MEMBERS:
        odd = ", ".join(sorted(set(members) ^ _MEMBERS))
        raise AuditError(
            f"{path}: a .keras file holds {sorted(_MEMBERS)} and nothing else (differs: {odd}); {_MEND}"
        )
    try:
        config = json.loads(members["config.json"])
        cleaned = _clean(config)
        _check_weights(members["model.weights.h5"])
    except Forbidden as error:
        raise AuditError(f"{path}: the Keras file {error}; {_MEND}") from error
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
        OSError,
        RuntimeError,
    ) as error:
        raise AuditError(
            f"{path} is no whole Keras file ({type(error).__name__}: {error}); {_MEND}"
        ) from error
    return cleaned, members["model.weights.h5"]


def write_clean(config: dict[str, Any], weights: bytes, folder: Path) -> Path:
    """A .keras file of what was checked, in a folder of ours."""
    import zipfile

    target = folder / "model.keras"
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.0.0", "date_saved": ""}))
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", weights)
    return target


def _clean(value: Any) -> Any:
    """The config with every class checked, for any batch size, in float32, never compiled."""
    if isinstance(value, list):
        return [_clean(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    if "class_name" in value:
        _check_class(value)
    kept = {name: _clean(inner) for name, inner in value.items() if name != "compile_config"}
    if value.get("class_name") == "InputLayer":
        _free_batch(kept["config"])
    if value.get("class_name") == "DTypePolicy" and value["config"].get("name") != "float32":
        raise Forbidden(
            f"computes in {value['config'].get('name')}; only float32 is compared with the device"
        )
    if value.get("quantization_config") or "quantization_mode" in value:
        raise Forbidden("has quantised layers, which are not differentiable")
    return kept


def _check_class(value: dict[str, Any]) -> None:
    name, module = value["class_name"], value.get("module")
    registered = value.get("registered_name")
    if registered is not None and registered != name and value["class_name"] != "function":
        raise Forbidden(f"names a class of somebody's own, '{registered}'")
    if name in allowed.LITERALS and module is None:
        return
    if name in allowed.MODELS and module in allowed.MODEL_MODULES:
        return
    if name == "DTypePolicy" and module in {"keras", "keras.dtype_policies"}:
        return
    if name == "function":
        if module in allowed.FUNCTION_MODULES and value.get("config") in allowed.ACTIVATIONS:
            return
        raise Forbidden(
            f"names the function {module}.{value.get('config')}, which is no activation of Keras"
        )
    if name not in allowed.CLASSES.get(str(module), ()):
        raise Forbidden(
            f"names {module}.{name}, which is none of the numeric classes of Keras that are read"
        )


def _free_batch(config: dict[str, Any]) -> None:
    shape = config.get("batch_shape") or config.get("batch_input_shape")
    if not isinstance(shape, list) or not shape:
        raise Forbidden("has an input without a shape")
    if not all(size is None or (isinstance(size, int) and 0 < size < 2**15) for size in shape):
        raise Forbidden(f"has an input of shape {shape}")
    config["batch_shape"] = [None, *shape[1:]]
    config.pop("batch_input_shape", None)
    config["dtype"] = "float32"


def _check_weights(content: bytes) -> None:
    """Refuse HDF5 that leads to other files, or that would grow beyond its own bytes."""
    try:
        import h5py
    except ImportError as error:
        raise AuditError(
            'reading Keras files needs h5py; install it with pip install "pytest-auditkit[keras]"'
        ) from error
    with h5py.File(io.BytesIO(content), "r") as file:
        total = _group_bytes(file, h5py, 0)
    if total > len(content):
        raise Forbidden(f"has weights that claim {total} bytes, of which it holds {len(content)}")


def _group_bytes(group: Any, h5py: Any, depth: int) -> int:
    if depth > 64:
        raise Forbidden("has weights nested too deeply")
    total = 0
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise Forbidden(f"has weights that link elsewhere ('{name}')")
        item = group[name]
        if isinstance(item, h5py.Group):
            total += _group_bytes(item, h5py, depth + 1)
        elif not isinstance(item, h5py.Dataset) or item.external or item.is_virtual:
            raise Forbidden(f"has weights that lie in another file ('{name}')")
        else:
            total += math.prod(item.shape or ()) * item.dtype.itemsize
    return total
