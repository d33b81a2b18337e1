"""Archives of torch.export (.pt2), read without PyTorch's reader, which unpickles."""

import json
from pathlib import Path
from typing import Any

from torch import Tensor

from auditkit.errors import AuditError
from auditkit.models.archive import read_archive
from auditkit.models.programs.exported_graph import Signature, compile_exported, read_signature
from auditkit.models.programs.exported_tensors import read_tensors
from auditkit.models.programs.interpreter import Program
from auditkit.models.programs.operators import Refused

_WHAT = "torch.export"
_MALFORMED = (
    KeyError,
    TypeError,
    ValueError,
    IndexError,
    AttributeError,
    RuntimeError,
    OverflowError,
)


def load_exported(path: Path) -> Program:
    """The classifier of a ``torch.export.save`` archive, on the CPU.

    ``torch.export.load`` unpickles sample inputs and constants and evaluates symbolic sizes as Python;
    none of the three is needed to run the program. Here the graph (JSON) and the weights (plain bytes)
    are read, and each operator is looked up in a list of numeric ones.

    Args:
        path: written by ``torch.export.save``; one or two tensors in, (N, K) out. A program exported
            for one batch size runs in batches of that size, the last filled up with its own last row.

    Returns:
        A module whose operators are submodules named after the graph's nodes, so that forward hooks
        see their maps.

    Raises:
        AuditError: the file is damaged, was not exported after ``model.eval()``, or has operators
            that are not numeric: custom or higher-order ones, tensor subclasses, pickled weights.
    """
    members = _members(path)
    try:
        model = json.loads(members["models/model.json"])
        program = model["graph_module"]
        signature = read_signature(program["signature"])
        tensors = _tensors(members, signature)
        block, operations, batch, shapes = compile_exported(program["graph"], signature)
    except Refused as error:
        raise AuditError(
            f"{path}: the exported program {error}; export the model again after model.eval() with "
            "plain operators, or as ONNX"
        ) from error
    except (*_MALFORMED, RecursionError, MemoryError) as error:
        raise AuditError(
            f"{path} is no whole archive of torch.export.save ({type(error).__name__}: {error}); "
            "save the program again with PyTorch 2.9 or newer"
        ) from error
    return Program(block, operations, tensors, batch, str(path), shapes)


def _members(path: Path) -> dict[str, bytes]:
    members = read_archive(path, _WHAT)
    if "serialized_exported_program.json" in members:
        raise AuditError(
            f"{path} was written by an older torch.export.save, whose weights are a pickle; load it "
            "where you trust it and save it again with PyTorch 2.9 or newer"
        )
    if len({name.split("/")[0] for name in members}) != 1:
        raise AuditError(
            f"{path} is no archive of torch.export.save; its members have no common folder"
        )
    members = {name.partition("/")[2]: content for name, content in members.items()}
    if "models/model.json" not in members:
        raise AuditError(
            f"{path} holds no model of torch.export.save (models/model.json); packages of AOTInductor "
            "hold compiled code and are not read"
        )
    if members.get("byteorder", b"little") != b"little":
        raise AuditError(
            f"{path} was written on a big-endian machine; export it on a little-endian one"
        )
    return members


def _tensors(members: dict[str, bytes], signature: Signature) -> dict[str, Tensor]:
    """Tensors by the names of the graph's inputs."""
    weights = read_tensors(members, "weights", set(signature.weights.values()))
    constants = read_tensors(members, "constants", set(signature.constants.values()))
    found = {
        name: weights[source] for name, source in signature.weights.items() if source in weights
    }
    found |= {
        name: constants[source]
        for name, source in signature.constants.items()
        if source in constants
    }
    missing: list[Any] = sorted((signature.weights | signature.constants).keys() - found.keys())
    if missing:
        raise Refused(f"has no values for {len(missing)} of its tensors (first: {missing[0]})")
    return found
