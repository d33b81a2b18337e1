"""From the bytes of an ONNX file to checked records."""

from pathlib import Path
from types import MappingProxyType
from typing import Any

from auditkit.errors import AuditError
from auditkit.models.onnx.graph import MICROSOFT, Graph, Node, Port
from auditkit.models.onnx.order import ordered
from auditkit.models.onnx.tensors import Source, decode, external_path, type_name

_MOST_BYTES = (1 << 31) - 1
_MOST_RECORDS = 20_000
_LONGEST_NAME = 4096
_OPSETS = range(7, 27)
_OLDEST_IR = 3
_EXTRA = 'pip install "pytest-auditkit[onnx]"'


def read_graph(path: Path) -> Graph:
    """Read and check an ONNX file.

    Raises:
        AuditError: if the file cannot be read, is not ONNX, is damaged, or holds what a classifier
            does not need: control flow, functions, sparse tensors.
    """
    source = Source(path)
    content = _content(source)
    try:
        return _graph(parsed(content, source), source, len(content))
    except AuditError:
        raise
    # Protocol buffers, unicode and numpy each have their own errors for damaged bytes.
    except Exception as error:  # noqa: BLE001
        source.fail(f"is damaged ({type(error).__name__}); export or copy the model again")


def external_files(path: Path) -> tuple[Path, ...]:
    """Files beside the model that hold its weights: they belong to its identity.

    Raises:
        AuditError: as `read_graph`.
    """
    source = Source(path)
    read_graph(path)
    tensors = parsed(_content(source), source).graph.initializer
    places = {
        entry.value
        for tensor in tensors
        for entry in tensor.external_data
        if tensor.data_location and entry.key == "location"
    }
    return tuple(external_path(place, source, "the model") for place in sorted(places))


def parsed(content: bytes, source: Source) -> Any:
    """Give the ModelProto that the bytes are."""
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError as error:
        raise AuditError(
            f"reading ONNX models needs the onnx package; install it with {_EXTRA}"
        ) from (error)
    try:
        return onnx.ModelProto.FromString(content)
    except (DecodeError, RecursionError, ValueError) as error:
        raise AuditError(
            f"{source.path}: is not an ONNX file, or is damaged; export or copy the model again",
        ) from error


def _content(source: Source) -> bytes:
    try:
        if source.path.stat().st_size > _MOST_BYTES:
            source.fail(
                "is larger than 2 GiB; keep the weights in a file beside it (external data)"
            )
        return source.path.read_bytes()
    except OSError as error:
        raise AuditError(f"{source.path}: cannot be read: {error.strerror}") from error


def _graph(model: Any, source: Source, size: int) -> Graph:
    graph = model.graph
    _refuse_extras(model, source)
    opsets = _opsets(model, source)
    constants = {tensor.name: decode(tensor, source) for tensor in graph.initializer}
    if len(constants) != len(graph.initializer) or "" in constants:
        source.fail("has two initializers of one name; the file is damaged")
    inputs = [_port(port, source) for port in graph.input if port.name not in constants]
    nodes = [_node(index, node, opsets, source) for index, node in enumerate(graph.node)]
    outputs = [_port(port, source) for port in graph.output]
    if not nodes or not outputs or not inputs:
        source.fail("holds no network: inputs, operators and outputs are expected")
    names = {port.name for port in inputs}
    order = ordered(nodes, names | set(constants), source)
    known = names | set(constants) | {name for node in order for name in node.outputs}
    if missing := [port.name for port in outputs if port.name not in known]:
        source.fail(f"promises the output '{missing[0][:80]}', which nothing computes")
    return Graph(
        source, size, tuple(order), MappingProxyType(constants), tuple(inputs), tuple(outputs)
    )


def _refuse_extras(model: Any, source: Source) -> None:
    graph = model.graph
    if model.ir_version < _OLDEST_IR or not model.opset_import:
        source.fail("is not an ONNX model, or is older than 2018; export it again")
    for what, there in (
        ("functions", model.functions),
        ("sparse initializers", graph.sparse_initializer),
        ("training information", model.training_info),
    ):
        if there:
            source.fail(f"holds {what}, which the reader does not know; export a plain network")
    if max(len(graph.node), len(graph.initializer), len(graph.input)) > _MOST_RECORDS:
        source.fail("holds more operators than any classifier; the file is damaged")


def _opsets(model: Any, source: Source) -> dict[str, int]:
    found: dict[str, int] = {}
    for entry in model.opset_import:
        domain = "" if entry.domain == "ai.onnx" else entry.domain
        if found.setdefault(domain, entry.version) != entry.version:
            source.fail("names two opsets of one domain; the file is damaged")
    if "" in found and found[""] not in _OPSETS:
        source.fail(
            f"uses opset {found['']}; the reader knows {_OPSETS[0]} to {_OPSETS[-1]}. "
            "Export it again, for instance with opset_version=17",
        )
    return found


def _port(port: Any, source: Source) -> Port:
    if not port.name or len(port.name) > _LONGEST_NAME or not port.type.HasField("tensor_type"):
        source.fail("has an input or output that is not a tensor")
    tensor = port.type.tensor_type
    shape = None
    if tensor.HasField("shape"):
        shape = tuple(
            size.dim_value if size.HasField("dim_value") else None for size in tensor.shape.dim
        )
        if any(size is not None and not 0 < size < 1 << 31 for size in shape):
            source.fail(f"has the input or output '{port.name[:80]}' of the shape {shape}")
    return Port(port.name, type_name(tensor.elem_type), shape)


def _node(index: int, node: Any, opsets: dict[str, int], source: Source) -> Node:
    domain = "" if node.domain == "ai.onnx" else node.domain
    names = (*node.input, *node.output, node.op_type, domain)
    if not node.op_type.isidentifier() or max(map(len, names)) > _LONGEST_NAME:
        source.fail(f"names the operator {index} '{node.op_type[:40]}'; the file is damaged")
    if domain not in opsets:
        source.fail(f"uses the operator {domain[:40]}::{node.op_type[:40]} without its opset")
    attributes = {attribute.name: _attribute(attribute, source) for attribute in node.attribute}
    if len(attributes) != len(node.attribute):
        source.fail(f"names an attribute of operator {index} twice; the file is damaged")
    version = opsets[domain] if domain else _version(node, opsets[""], attributes, source)
    return Node(
        index,
        node.op_type,
        domain if domain != MICROSOFT else MICROSOFT,
        version,
        tuple(node.input),
        tuple(node.output),
        MappingProxyType(attributes),
    )


def _attribute(attribute: Any, source: Source) -> Any:
    kinds = attribute.AttributeType
    kind = attribute.type
    if attribute.ref_attr_name or kind in (kinds.GRAPH, kinds.GRAPHS):
        source.fail("uses If, Loop, Scan or another operator with a graph of its own; unroll it")
    if kind == kinds.TENSOR:
        if attribute.t.data_location:
            source.fail("keeps a constant of an operator in another file, which only weights may")
        return decode(attribute.t, source)
    if kind == kinds.STRING:
        return attribute.s.decode("ascii")
    if kind == kinds.INT:
        return int(attribute.i)
    if kind == kinds.FLOAT:
        return float(attribute.f)
    if kind in (kinds.INTS, kinds.FLOATS):
        return tuple(attribute.ints if kind == kinds.INTS else attribute.floats)
    return source.fail(f"has the attribute '{attribute.name[:40]}' of an unknown kind")


def _version(node: Any, opset: int, attributes: dict[str, Any], source: Source) -> int:
    """Check a node against the published definition of its operator; give that one's version.

    An operator that ONNX does not define passes here: all unknown ones are named together later.
    """
    import onnx

    where = f"operator {node.op_type}"
    try:
        schema: Any = onnx.defs.get_schema(node.op_type, opset, "")
    except onnx.defs.SchemaError:
        return opset
    if not schema.min_input <= len(node.input) <= schema.max_input:
        source.fail(f"gives {len(node.input)} inputs to the {where}; the file is damaged")
    if not schema.min_output <= len(node.output) <= schema.max_output:
        source.fail(f"takes {len(node.output)} outputs from the {where}; the file is damaged")
    kinds = {attribute.name: int(attribute.type) for attribute in node.attribute}
    for name in attributes:
        if name not in schema.attributes or int(schema.attributes[name].type.value) != kinds[name]:
            source.fail(
                f"gives the attribute '{name[:40]}' to the {where}, which opset {opset} does not "
                "define; the file is damaged or newer than its opset",
            )
    return int(schema.since_version)
