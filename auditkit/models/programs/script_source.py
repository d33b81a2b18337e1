"""TorchScript's source text and object tree, examined before PyTorch reads them."""

import ast
import io
import math
import pickle
import pickletools
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from auditkit.models.programs.operators import Refused, forbidden

_DEEPEST = 200
# Hooks that PyTorch runs while it loads; threads and remote calls.
_FORBIDDEN_METHODS = frozenset({"__setstate__", "__getstate__", "__init__", "__del__"})
_FORBIDDEN_CALLS = frozenset({"fork", "rpc_async", "rpc_sync", "rpc_remote", "awaitable", "open"})
_PRIM = frozenset(
    [
        "NumToTensor",
        "RaiseException",
        "unchecked_cast",
        "unchecked_unwrap_optional",
        "dtype",
        "device",
        "layout",
        "min",
        "max",
        "data",
        "is_cuda",
        "TupleIndex",
        "Uninitialized",
        "index",
        "tolist",
        "abs",
        "type",
        "Print",
        "EnumName",
        "EnumValue",
        "requires_grad",
        "is_quantized",
        "is_sparse",
        "IfThenElse",
    ]
)
_OPCODES = frozenset(
    [
        "PROTO",
        "EMPTY_LIST",
        "EMPTY_DICT",
        "EMPTY_TUPLE",
        "MARK",
        "TUPLE",
        "TUPLE1",
        "TUPLE2",
        "TUPLE3",
        "LIST",
        "DICT",
        "APPEND",
        "APPENDS",
        "SETITEM",
        "SETITEMS",
        "NEWTRUE",
        "NEWFALSE",
        "NONE",
        "BININT",
        "BININT1",
        "BININT2",
        "LONG1",
        "BINFLOAT",
        "BINUNICODE",
        "GLOBAL",
        "REDUCE",
        "BUILD",
        "NEWOBJ",
        "BINPERSID",
        "BINPUT",
        "LONG_BINPUT",
        "BINGET",
        "LONG_BINGET",
        "STOP",
        "BINSTRING",
        "SHORT_BINSTRING",
        "SHORT_BINUNICODE",
    ]
)
_ITEM_BYTES = {
    "DoubleStorage": 8, "FloatStorage": 4, "HalfStorage": 2, "BFloat16Storage": 2, "LongStorage": 8,
    "IntStorage": 4, "ShortStorage": 2, "CharStorage": 1, "ByteStorage": 1, "BoolStorage": 1,
    "ComplexFloatStorage": 8, "ComplexDoubleStorage": 16,
}  # fmt: skip
_HARMLESS = frozenset(
    {
        ("collections", "OrderedDict"),
        ("torch", "device"),
        ("torch", "Size"),
        ("torch._utils", "_rebuild_parameter"),
        ("torch.jit._pickle", "build_intlist"),
        ("torch.jit._pickle", "build_doublelist"),
        ("torch.jit._pickle", "build_boollist"),
        ("torch.jit._pickle", "build_tensorlist"),
        ("torch.jit._pickle", "restore_type_tag"),
    }
)


def examine_source(text: bytes) -> None:
    """Let nothing through that runs while it is loaded, or names an operator that may not run.

    TorchScript is written in a part of Python's grammar: Python's own parser reads it, runs nothing,
    and bounds its nesting, which PyTorch's parser does not.

    Raises:
        Refused: by what was found.
    """
    try:
        tree = ast.parse(text.decode("utf-8"))
        _examine(tree, 0)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Refused("holds source text that cannot be read") from error


def _examine(node: ast.AST, depth: int) -> None:
    if depth > _DEEPEST:
        raise Refused("holds source text that is nested too deeply")
    if isinstance(node, ast.FunctionDef) and node.name in _FORBIDDEN_METHODS:
        raise Refused(
            f"has a method {node.name}, which runs while it is loaded (quantised TorchScript)"
        )
    if isinstance(node, (ast.Import, ast.ImportFrom, ast.AsyncFunctionDef, ast.With, ast.Lambda)):
        raise Refused(f"holds a statement that is not allowed ({type(node).__name__})")
    if isinstance(node, ast.Name) and node.id in _FORBIDDEN_CALLS:
        raise Refused(f"calls {node.id}")
    if isinstance(node, ast.Attribute):
        _examine_name(_dotted(node))
    for child in ast.iter_child_nodes(node):
        _examine(child, depth + 1)


def _dotted(node: ast.Attribute) -> list[str]:
    parts: list[str] = []
    inner: ast.expr = node
    while isinstance(inner, ast.Attribute):
        parts.append(inner.attr)
        inner = inner.value
    return [*([inner.id] if isinstance(inner, ast.Name) else []), *parts[::-1]]


def _examine_name(parts: list[str]) -> None:
    if "classes" in parts[:3] and "torch" in parts[:2]:
        raise Refused(
            "uses a class of PyTorch's own (" + ".".join(parts) + "), such as quantised layers"
        )
    if parts[0] == "torch" and len(parts) > 1 and forbidden(parts[1]):
        raise Refused(
            f"uses the operator aten::{parts[1]}, which is not allowed in a model from a file"
        )
    if parts[0] == "ops" and len(parts) > 2:
        if parts[1] == "aten" and not forbidden(parts[2]):
            return
        if parts[1] != "prim" or parts[2] not in _PRIM:
            raise Refused(
                f"uses the operator {parts[1]}::{parts[2]}, which is no numeric operator of PyTorch"
            )


def examine_pickle(data: bytes, storages: Mapping[str, bytes]) -> None:
    """Rehearse the object tree with inert objects, so that PyTorch's reader meets no surprise.

    PyTorch reads it with an own machine that runs no Python but trusts its input; a crafted file can
    crash it. Here every name is looked up in a short list and every tensor held against the bytes
    that are there.

    Args:
        data: the pickle.
        storages: bytes of tensors by their key.

    Raises:
        Refused: by what was found.
    """
    try:
        _examine_operations(data)
        _Rehearsal(data, storages).load()
    except Refused:
        raise
    except Exception as error:  # the unpickler raises whatever a damaged stack leads to
        raise Refused("holds a pickle that cannot be read") from error


def _examine_operations(data: bytes) -> None:
    for place, (opcode, argument, _at) in enumerate(pickletools.genops(data)):
        if opcode.name not in _OPCODES:
            raise Refused(f"holds the pickle operation {opcode.name}")
        if "BINPUT" in opcode.name and isinstance(argument, int) and argument > place:
            raise Refused("holds a pickle whose memory is out of order")


class _Inert:
    """Stands for any object of the file."""

    def __new__(cls, *_arguments: Any) -> Self:
        return super().__new__(cls)

    def __init__(self, *_arguments: Any) -> None:
        pass

    def __setstate__(self, _state: Any) -> None:
        pass

    def __setitem__(self, _key: Any, _value: Any) -> None:
        pass


class _Rehearsal(pickle._Unpickler):  # noqa: SLF001 the one in C cannot be given TorchScript's enums
    dispatch: ClassVar[Any] = dict(pickle._Unpickler.dispatch)  # noqa: SLF001 the base class reads it so
    stack: list[Any]

    def __init__(self, data: bytes, storages: Mapping[str, bytes]) -> None:
        super().__init__(io.BytesIO(data))
        self._storages = storages
        self._shapes: dict[str, tuple[int, int]] = {}

    def load_reduce(self) -> None:
        """Enums are written as a call with a value that is no tuple."""
        arguments = self.stack.pop()
        function = self.stack[-1]
        if function is not _Inert and function is not _rebuild:
            raise Refused("calls something that is no part of a model")
        self.stack[-1] = function(*arguments) if isinstance(arguments, tuple) else _Inert()

    dispatch[pickle.REDUCE[0]] = load_reduce

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in _ITEM_BYTES:
            return _ITEM_BYTES[name]
        if (module, name) in {
            ("torch._utils", "_rebuild_tensor_v2"),
            ("torch._utils", "_rebuild_tensor"),
        }:
            return _rebuild
        own = module.split(".", maxsplit=1)[0] == "__torch__" and not module.startswith(
            "__torch__.torch.classes"
        )
        if own or (module, name) in _HARMLESS:
            return _Inert
        raise Refused(f"names {module}.{name}, which is no part of a model")

    def persistent_load(self, pid: Any) -> Any:
        kind, item, key, _location, count = pid
        if kind != "storage" or not isinstance(item, int) or not isinstance(count, int):
            raise Refused("refers to an object outside of the file")
        if count < 0 or len(self._storages.get(str(key), b"")) < count * item:
            raise Refused(f"has a tensor of {count} numbers, for which the file has too few bytes")
        # PyTorch keeps the first storage of a key, whatever is said of it later.
        if self._shapes.setdefault(str(key), (item, count)) != (item, count):
            raise Refused("describes the same bytes in two ways")
        return _Storage(count)


class _Storage(int):
    """Number of items of a storage."""


def _rebuild(storage: Any, offset: int, size: Any, stride: Any, *_more: Any) -> _Inert:
    """Refuse a tensor that reaches out of its storage."""
    if not isinstance(storage, _Storage) or len(size) != len(stride):
        raise Refused("has a tensor without a place")
    if min((offset, *size, *stride), default=0) < 0:
        raise Refused("has a tensor of negative size")
    if (
        math.prod(size)
        and offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True)) >= storage
    ):
        raise Refused("has a tensor that reaches out of its bytes")
    return _Inert()
