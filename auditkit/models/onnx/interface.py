"""Which input is the picture, which the table, and which output holds the answer."""

from dataclasses import dataclass

from auditkit.models.onnx.graph import Graph, Port

_REAL = ("FLOAT", "DOUBLE", "FLOAT16", "BFLOAT16")
_ANSWERS = (*_REAL, "UINT8", "INT8", "UINT16", "INT16")
_BYTES = ("UINT8", "INT8")
_CHANNELS = (1, 3)
_LARGEST_SIDE = 1 << 15


@dataclass(frozen=True)
class Interface:
    """What a classifier is given and what it gives.

    Attributes:
        image: the name of the picture's input.
        shape: (height, width, channels).
        channels_last: whether the file wants (N, H, W, C).
        bytes: whether the file wants 8-bit numbers; callers give 0 to 255, int8 is that less 128.
        kind: element type of the picture's input.
        table: the name of the second input; None if there is none.
        features: number of its columns.
        table_kind: its element type.
        output: the name of the answer.
        fixed_batch: whether the file says that one picture comes at a time.
    """

    image: str
    shape: tuple[int, int, int]
    channels_last: bool
    kind: str
    table: str | None
    features: int
    table_kind: str
    output: str
    fixed_batch: bool

    @property
    def bytes(self) -> bool:
        """Whether the file wants whole numbers from 0 to 255."""
        return self.kind in _BYTES

    @property
    def byte_offset(self) -> int:
        """What is taken from a byte for the file's input."""
        return 128 if self.kind == "INT8" else 0


def interface(graph: Graph, size: tuple[int, int] | None, output: str | None) -> Interface:
    """Read a graph's inputs and outputs.

    Raises:
        AuditError: if they are not those of an image classifier, or cannot be told apart.
    """
    images = [port for port in graph.inputs if port.shape is not None and len(port.shape) == 4]
    others = [port for port in graph.inputs if port not in images]
    if len(images) != 1 or len(others) > 1:
        graph.fail(
            f"has the inputs {_listed(graph.inputs)}; expected one image of four axes and at most "
            "one table of two",
        )
    image = images[0]
    last, shape = _layout(graph, image, size)
    if image.kind not in (*_REAL, *_BYTES):
        graph.fail(f"takes an image of {image.kind}; the reader knows float32, uint8 and int8")
    table = others[0] if others else None
    assert image.shape is not None
    batch = image.shape[0]
    if batch not in (None, 1):
        graph.fail(
            f"takes exactly {batch} images at a time; export it for one image, or with a dynamic "
            "first axis",
        )
    return Interface(
        image.name,
        shape,
        last,
        image.kind,
        None if table is None else table.name,
        0 if table is None else _features(graph, table),
        "FLOAT" if table is None else table.kind,
        _output(graph, output).name,
        batch == 1,
    )


def _layout(
    graph: Graph, image: Port, size: tuple[int, int] | None
) -> tuple[bool, tuple[int, int, int]]:
    assert image.shape is not None
    _, first, middle, last = image.shape
    if first not in _CHANNELS and last not in _CHANNELS:
        graph.fail(
            f"takes an image of shape {_shown(image)}; expected 1 or 3 channels, second (N, C, H, W) "
            "or last (N, H, W, C)",
        )
    channels_last = first not in _CHANNELS
    sides = (first, middle) if channels_last else (middle, last)
    channels = last if channels_last else first
    height, width = size if size is not None else (None, None)
    sides = (sides[0] or height, sides[1] or width)
    if sides[0] is None or sides[1] is None:
        graph.fail(
            f"leaves the size of its image open, {_shown(image)}; export it with a fixed height and "
            "width, or say the size",
        )
    if size is not None and sides != tuple(size):
        graph.fail(f"takes images of {sides[0]} by {sides[1]}, not {size[0]} by {size[1]}")
    if max(sides[0], sides[1]) > _LARGEST_SIDE:
        graph.fail(f"takes images of {sides[0]} by {sides[1]} pixels; the file is damaged")
    assert channels is not None
    return channels_last, (sides[0], sides[1], channels)


def _features(graph: Graph, table: Port) -> int:
    shape = table.shape
    if shape is None or len(shape) != 2 or table.kind not in (*_REAL, "INT64", "INT32"):
        graph.fail(f"has a second input {_shown(table)}; expected a table of numbers (N, F)")
    rows, columns = shape
    if rows not in (None, 1) or columns is None or columns > _LARGEST_SIDE:
        graph.fail(f"has a table {_shown(table)}; expected (N, F) with a fixed number of columns F")
    return columns


def _output(graph: Graph, wanted: str | None) -> Port:
    if wanted is not None:
        named = [port for port in graph.outputs if port.name == wanted]
        if not named:
            graph.fail(f"has no output '{wanted}'; it has {_listed(graph.outputs)}")
        return named[0]
    fitting = [
        port
        for port in graph.outputs
        if port.kind in _ANSWERS and port.shape is not None and len(port.shape) == 2
    ]
    found = fitting if len(graph.outputs) > 1 else list(graph.outputs)
    if len(found) != 1:
        graph.fail(f"has the outputs {_listed(graph.outputs)}; say which (N, K) one is the answer")
    if found[0].kind not in _ANSWERS:
        graph.fail(f"answers with {_shown(found[0])}; expected numbers for each class (N, K)")
    return found[0]


def _shown(port: Port) -> str:
    sizes = "any" if port.shape is None else ", ".join(str(size or "?") for size in port.shape)
    return f"'{port.name[:40]}' {port.kind} ({sizes})"


def _listed(ports: tuple[Port, ...]) -> str:
    return ", ".join(_shown(port) for port in ports[:8])
