"""What a weights file tells of itself: format, architecture, input and outputs."""

import json
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from auditkit.errors import AuditError
from auditkit.scaffolding.answers import FoundModel
from auditkit.scaffolding.architectures import Shapes, fitting, without_prefix
from auditkit.spec.formats import FORMATS, FormatName
from auditkit.spec.problems import nearest
from auditkit.spec.regular import is_file

_BY_SUFFIX: dict[str, FormatName] = {
    ".tflite": "tflite",
    ".onnx": "onnx",
    ".caffemodel": "caffe",
    ".keras": "keras",
    ".pt2": "torch-export",
    ".ts": "torchscript",
}
_STATES = (".safetensors", ".pth", ".pt", ".bin")
_MOST_OF_HEADER = 100_000_000
# Last operators that give probabilities; those that only change the type of numbers come after them.
_TO_PROBABILITIES = ("softmax", "sigmoid", "logistic")
_OF_TYPE = ("quantizelinear", "dequantizelinear", "quantize", "dequantize", "cast")


def inspect_model(
    path: Path, form: str | None = None, architecture: str | None = None
) -> FoundModel:
    """Look at a weights file.

    Args:
        path: the file.
        form: the format, if the user says it.
        architecture: its name in torchvision or timm, if the user says it.

    Raises:
        AuditError: there is no such file, or it is of no kind that can be looked at.
    """
    if not is_file(path):
        raise AuditError(
            f"--model {path}: there is no such file; the model's weights were expected"
        )
    kind = _format(path, form)
    if kind == "onnx":
        return _onnx(path)
    if kind == "tflite":
        return _tflite(path)
    if kind in ("torchvision", "timm"):
        return _state(path, kind, form, architecture)
    found = FoundModel(kind)
    if FORMATS[kind].needs_definition:
        found.definition = _definition(path, kind)
    return found


def _format(path: Path, form: str | None) -> FormatName:
    if form is not None:
        if form not in FORMATS:
            raise AuditError(f"--format {form}: {nearest(form, FORMATS)}")
        return next(name for name in FORMATS if name == form)
    if path.suffix in _BY_SUFFIX:
        return _BY_SUFFIX[path.suffix]
    if path.suffix not in _STATES:
        known = ", ".join(sorted({*_BY_SUFFIX, *_STATES}))
        raise AuditError(
            f"--model {path}: a file that ends in {known} was expected; say --format, or write a card by "
            "hand (docs/models.md)"
        )
    if (path.parent / "config.json").is_file() and path.stem in ("model", "pytorch_model"):
        return "hugging-face"
    return "torchscript" if _is_script(path) else "torchvision"


def _is_script(path: Path) -> bool:
    if path.suffix == ".safetensors" or not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("constants.pkl") for name in archive.namelist())


def _definition(path: Path, kind: FormatName) -> Path:
    pattern = "*.prototxt" if kind == "caffe" else "config.json"
    found = sorted(path.parent.glob(pattern))
    if not found:
        raise AuditError(
            f"--model {path}: {FORMATS[kind].title} needs {pattern} beside it; copy it there"
        )
    return found[0]


def _state(path: Path, kind: FormatName, form: str | None, named: str | None) -> FoundModel:
    prefix, shapes = without_prefix(tensor_shapes(path))
    fits = [fit for fit in fitting(shapes, named) if form is None or fit.format == form]
    if named is not None and not fits:
        raise AuditError(
            f"--architecture {named}: the tensors of {path} are not those of that name in torchvision or "
            "timm; leave it out to see what fits, or write a card by hand (docs/models.md)"
        )
    found = FoundModel(fits[0].format if fits else kind, strip_prefix=prefix, kind="logits")
    found.architectures = [(fit.format, fit.name) for fit in fits]
    if fits:
        found.outputs = fits[0].outputs
        _published(found, fits[0].name)
    return found


def _published(found: FoundModel, name: str) -> None:
    """Input as the architecture's published weights want it: a default that wants to be confirmed."""
    found.mean, found.std, found.size = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225], 224
    if found.format == "timm":
        import timm

        settings = timm.get_pretrained_cfg(name)
        if settings is not None:
            found.mean = [round(float(value), 6) for value in settings.mean]
            found.std = [round(float(value), 6) for value in settings.std]
            found.size = int(settings.input_size[-1])


def tensor_shapes(path: Path) -> Shapes:
    """Names and shapes of all tensors; of safetensors from the header alone."""
    if path.suffix != ".safetensors":
        from auditkit.models.weights import read_state

        return {name: tuple(tensor.shape) for name, tensor in read_state(path).items()}
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(min(length, _MOST_OF_HEADER)))
        return {n: tuple(about["shape"]) for n, about in header.items() if n != "__metadata__"}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise AuditError(
            f"--model {path}: is no whole safetensors file ({error}); get it again"
        ) from error


def _onnx(path: Path) -> FoundModel:
    from auditkit.models.onnx.read import read_graph

    graph = read_graph(path)
    _one_input(path, len(graph.inputs))
    found = FoundModel("onnx")
    image = next((p for p in graph.inputs if p.shape is not None and len(p.shape) == 4), None)
    if image is not None and image.shape is not None:
        _shape(found, image.shape[1:])
        found.bytes = image.kind in ("UINT8", "INT8")
    last = graph.outputs[0].shape
    found.outputs = last[-1] if last else None
    found.kind = _kind(node.operator for node in graph.nodes)
    return found


def _tflite(path: Path) -> FoundModel:
    from auditkit.models.tflite.schema import read_graph

    graph = read_graph(path)
    _one_input(path, 1 if graph.table is None else 2)
    found = FoundModel("tflite")
    image = graph.tensors[graph.input]
    _shape(found, image.shape[1:])
    found.bytes = "int8" in image.dtype.lower()
    found.outputs = graph.tensors[graph.output].shape[-1]
    found.kind = _kind(operator.name for operator in graph.operators)
    return found


def _kind(operators: Iterable[str]) -> Literal["probabilities", "logits"]:
    """What the last operator gives."""
    names = [name.lower() for name in operators if name.lower() not in _OF_TYPE]
    return "probabilities" if names and names[-1] in _TO_PROBABILITIES else "logits"


def _one_input(path: Path, count: int) -> None:
    if count > 1:
        raise AuditError(
            f"--model {path}: has {count} inputs; a network of pictures alone was expected: write a card "
            "with `table` by hand (docs/models.md, a second input)"
        )


def _shape(found: FoundModel, shape: tuple[int | None, ...]) -> None:
    """Size and channels of a picture whose channels come first or last."""
    channels, sides = (shape[0], shape[1:]) if shape[0] in (1, 3) else (shape[2], shape[:2])
    found.grey, found.size = channels == 1, sides[0]
