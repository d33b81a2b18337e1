"""Read a .prototxt: the layers of the test phase, in the names of today."""

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn, TypeVar

from auditkit.errors import AuditError
from auditkit.models.caffe.schema import OLD_TYPES, net_class, protobuf

Shape = tuple[int, ...]
Shapes = list[Shape | None]
Value = TypeVar("Value", bool, int, float, str)

# The definition of ResNet-152 has 150 kB.
_LONGEST_TEXT = 1 << 23
_MOST_LAYERS = 20_000
_MOST_AXES = 32
# What text in the wrong form makes protobuf's parser raise, beside its own error.
_DAMAGE = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
# Two phases; the test phase is the second word of the enumeration.
_TEST = 1


class Options:
    """The options of a layer, one message; a field that is not set has the caller's default."""

    def __init__(self, message: Any) -> None:
        self._message = message

    def has(self, name: str) -> bool:
        """Tell whether a field is set."""
        return bool(self._message.HasField(name))

    def get(self, name: str, default: Value) -> Value:
        """Give a field; an enumeration as its word."""
        if not self._message.HasField(name):
            return default
        value: Any = getattr(self._message, name)
        words = self._message.DESCRIPTOR.fields_by_name[name].enum_type
        found: Value = words.values_by_number[value].name if words else value
        return found

    def numbers(self, name: str) -> list[Any]:
        """Give a repeated field."""
        return list(getattr(self._message, name))

    def shape(self, name: str) -> list[int]:
        """Give the sizes of a field that is a shape."""
        return list(getattr(self._message, name).dim)


@dataclass(frozen=True)
class LayerRecord:
    """One layer: its name, its type in the spelling of today, the blobs it takes and gives."""

    name: str
    type: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    message: Any

    def options(self, name: str) -> Options:
        """Give the options that lie in a field such as `pooling_param`."""
        return Options(getattr(self.message, name))


@dataclass(frozen=True)
class Definition:
    """A network: the blobs that are put in, with their shapes where they are known, and the layers."""

    path: Path
    inputs: Mapping[str, Shape | None]
    layers: tuple[LayerRecord, ...]

    def fail(self, message: str) -> NoReturn:
        """Raise an AuditError that names the file."""
        raise AuditError(f"{self.path}: {message}")


def read_definition(path: Path, known: Collection[str]) -> Definition:
    """Read a definition and keep what runs in the test phase.

    Args:
        path: a .prototxt, of the format since 2015 (`layer`) or of the one before (`layers`).
        known: types of layers that can be built.

    Raises:
        AuditError: if the text is damaged, or has types that are not known; the message names all.
    """
    text = _text(path)
    net, mistake = _parsed(path, text)
    if len(net.layer) + len(net.layers) > _MOST_LAYERS:
        raise AuditError(f"{path}: has more than {_MOST_LAYERS} layers")
    records = tuple(_records(path, net))
    _refuse_unknown(path, records, known)
    if mistake:
        raise AuditError(f"{path}: is not a definition that can be read: {mistake}")
    _refuse_infinite(path, net)
    inputs = dict(_net_inputs(path, net))
    for record in records:
        if record.type in _DATA:
            inputs.update(_data_inputs(path, record))
    layers = tuple(record for record in records if record.type not in _DATA)
    return Definition(path, MappingProxyType(inputs), layers)


def _text(path: Path) -> str:
    try:
        content = path.read_bytes() if path.stat().st_size <= _LONGEST_TEXT else None
    except OSError as error:
        raise AuditError(f"{path}: cannot be read: {error.strerror}") from error
    if content is None:
        raise AuditError(f"{path}: is longer than a definition (.prototxt) can be")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise AuditError(f"{path}: is not text; expected a definition (.prototxt)") from error


def _parsed(path: Path, text: str) -> tuple[Any, str]:
    parser = protobuf("text_format")
    parse, damage = parser.Parse, (parser.Error, *_DAMAGE)
    try:
        return parse(text, net_class()()), ""
    except damage as error:
        mistake = f"{error}".splitlines()[0][:200] if f"{error}" else "too deeply nested"
    try:
        # A layer that is not known may have options that are not: it is the layer to be named.
        return parse(text, net_class()(), allow_unknown_field=True), mistake
    except damage as error:
        raise AuditError(f"{path}: is not a definition that can be read: {mistake}") from error


def _records(path: Path, net: Any) -> Iterator[LayerRecord]:
    if len(net.layer) and len(net.layers):
        raise AuditError(f"{path}: mixes `layer` and `layers`; keep one of the two formats")
    for message in net.layer or net.layers:
        old = message.DESCRIPTOR.name == "V1LayerParameter"
        if old and message.HasField("layer"):
            raise AuditError(
                f"{path}: has the format that Caffe gave up in 2014; rewrite it with Caffe's "
                "upgrade_net_proto_text",
            )
        if _runs(path, message, net.state):
            words = message.DESCRIPTOR.fields_by_name["type"].enum_type
            kind = OLD_TYPES[words.values_by_number[message.type].name] if old else message.type
            yield LayerRecord(
                message.name, kind, tuple(message.bottom), tuple(message.top), message
            )


def _runs(path: Path, layer: Any, state: Any) -> bool:
    if len(layer.include) and len(layer.exclude):
        raise AuditError(f'{path}: layer "{layer.name}" has both include and exclude rules')
    if len(layer.include):
        return any(_meets(state, rule) for rule in layer.include)
    return not any(_meets(state, rule) for rule in layer.exclude)


def _meets(state: Any, rule: Any) -> bool:
    stages = set(state.stage)
    return (
        (not rule.HasField("phase") or rule.phase == _TEST)
        and (not rule.HasField("min_level") or state.level >= rule.min_level)
        and (not rule.HasField("max_level") or state.level <= rule.max_level)
        and stages.issuperset(rule.stage)
        and stages.isdisjoint(rule.not_stage)
    )


def _refuse_unknown(path: Path, records: tuple[LayerRecord, ...], known: Collection[str]) -> None:
    kinds = {record.type for record in records} - set(known) - set(_DATA)
    if kinds:
        raise AuditError(
            f"{path}: has layers of types that cannot be read: {', '.join(sorted(kinds))[:1000]}; "
            "expected a classifier of Caffe's own layers, without detection or recurrent ones",
        )


def _refuse_infinite(path: Path, message: Any) -> None:
    for field, value in message.ListFields():
        for item in [value] if isinstance(value, int | float | str) else value_items(value):
            if isinstance(item, float) and not math.isfinite(item):
                raise AuditError(f"{path}: {field.name} is {item}, expected a finite number")
            if hasattr(item, "ListFields"):
                _refuse_infinite(path, item)


def value_items(value: Any) -> list[Any]:
    """Give the items of a repeated field, or the one message of a single one."""
    return [value] if hasattr(value, "ListFields") else list(value)


def _net_inputs(path: Path, net: Any) -> Iterator[tuple[str, Shape | None]]:
    names, dims = list(net.input), list(net.input_dim)
    shapes: Shapes = [tuple(shape.dim) for shape in net.input_shape]
    if dims:
        shapes = [tuple(dims[start : start + 4]) for start in range(0, len(dims), 4)]
    if len(shapes) not in (0, len(names)) or len(dims) % 4:
        raise AuditError(f"{path}: has {len(names)} inputs and sizes for {len(shapes)}")
    yield from zip(names, shapes or [None] * len(names), strict=True)


def _data_inputs(path: Path, layer: LayerRecord) -> Iterator[tuple[str, Shape | None]]:
    shapes = _DATA[layer.type](layer)
    if len(shapes) == 1 and layer.type in ("Input", "DummyData"):
        shapes *= len(layer.tops)
    if len(shapes) > max(len(layer.tops), 1):
        raise AuditError(f'{path}: layer "{layer.name}" has more shapes than tops')
    for place, top in enumerate(layer.tops):
        yield top, shapes[place] if place < len(shapes) else None


def _input(layer: LayerRecord) -> Shapes:
    return [tuple(shape.dim) for shape in layer.options("input_param").numbers("shape")]


def _dummy(layer: LayerRecord) -> Shapes:
    options = layer.options("dummy_data_param")
    if options.numbers("shape"):
        return [tuple(shape.dim) for shape in options.numbers("shape")]
    sizes = [options.numbers(name) for name in ("num", "channels", "height", "width")]
    return [tuple(size[0] for size in sizes)] if all(sizes) else []


def _memory(layer: LayerRecord) -> Shapes:
    options = layer.options("memory_data_param")
    channels, *sizes = (options.get(name, 0) for name in ("channels", "height", "width"))
    return [(1, channels, *sizes)]


def _data(layer: LayerRecord) -> Shapes:
    return _pictures(layer, "data_param", (0, 0), colour=True)


def _image_data(layer: LayerRecord) -> Shapes:
    options = layer.options("image_data_param")
    size = options.get("new_height", 0), options.get("new_width", 0)
    return _pictures(layer, "image_data_param", size, colour=options.get("is_color", True))


def _pictures(layer: LayerRecord, name: str, size: tuple[int, int], *, colour: bool) -> Shapes:
    # The size of what lies in a data base is not known to the definition, unless it is cropped.
    transform = layer.options("transform_param")
    crop = transform.get("crop_size", 0) or layer.options(name).get("crop_size", 0)
    height, width = (crop, crop) if crop else size
    channels = 3 if colour and not transform.get("force_gray", False) else 1
    shape: Shape | None = (1, channels, height, width) if height and width else None
    return [shape]


def _unknown_shape(_: LayerRecord) -> Shapes:
    return []


_DATA: Mapping[str, Callable[[LayerRecord], Shapes]] = MappingProxyType(
    {
        "Input": _input,
        "Data": _data,
        "ImageData": _image_data,
        "MemoryData": _memory,
        "DummyData": _dummy,
        "HDF5Data": _unknown_shape,
    },
)
