"""TorchScript archives (torch.jit.save), rewritten from what was examined and run operator by operator."""

import io
import warnings
from pathlib import Path
from typing import Any

import torch

from auditkit.errors import AuditError
from auditkit.models.archive import read_archive
from auditkit.models.programs.interpreter import Program
from auditkit.models.programs.operators import Refused
from auditkit.models.programs.script_graph import compile_graph
from auditkit.models.programs.script_source import examine_pickle, examine_source

_WHAT = "TorchScript"
_PREFIXES = ("data/", "constants/")


def load_torchscript(path: Path) -> Program:
    """The classifier of a TorchScript file, on the CPU, in evaluation mode.

    TorchScript is a program: PyTorch's own advice is to run none from an unknown source. Here its
    text and objects are examined first, PyTorch's reader is given a fresh archive of what was
    examined, and the program is not run by PyTorch's interpreter but operator by operator from a list
    of numeric ones. Branches that the file's constants decide are decided once.

    Args:
        path: written by ``torch.jit.save``; one or two tensors in, (N, K) out.

    Returns:
        A module whose operators are submodules (``conv2d_3``), so that forward hooks see their maps.

    Raises:
        AuditError: the file is damaged, holds custom or quantised classes, code that runs while it is
            loaded, or operators that are not numeric.
    """
    members = _members(path)
    try:
        _examine(members)
        graph, module = _graph(members)
        block, operations, tensors = compile_graph(graph, module)
    except Refused as error:
        raise AuditError(
            f"{path}: the TorchScript file {error}; export the model with torch.export or as ONNX, or "
            "save its state dict alone"
        ) from error
    except (RuntimeError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        lines = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
        raise AuditError(
            f"{path} cannot be read as TorchScript ({lines[0].strip()}); save it again with torch.jit.save"
        ) from error
    except (RecursionError, MemoryError) as error:
        raise AuditError(f"{path} is nested too deeply or too large for TorchScript") from error
    return Program(block, operations, tensors, None, str(path))


def _members(path: Path) -> dict[str, bytes]:
    """What the archive holds, without the folder that all names begin with."""
    members = read_archive(path, _WHAT)
    roots = {name.split("/")[0] for name in members}
    if len(roots) != 1 or any("/" not in name for name in members):
        raise AuditError(f"{path} is no TorchScript archive; save the model with torch.jit.save")
    members = {name.partition("/")[2]: content for name, content in members.items()}
    if "data.pkl" not in members or not any(name.startswith("code/") for name in members):
        raise AuditError(
            f"{path} is no TorchScript archive (it holds no program); a file of torch.save needs "
            "'format: torchvision' or 'timm' with its architecture"
        )
    return {name: content for name, content in members.items() if _needed(name)}


def _needed(name: str) -> bool:
    if name in {"data.pkl", "constants.pkl", "version", ".data/version", "byteorder"}:
        return True
    return name.startswith(_PREFIXES) or (name.startswith("code/") and name.endswith(".py"))


def _examine(members: dict[str, bytes]) -> None:
    for name, content in members.items():
        if name.startswith("code/"):
            examine_source(content)
    if members.get("byteorder", b"little") != b"little":
        raise Refused("was written on a big-endian machine")
    for part in ("data", "constants"):
        if f"{part}.pkl" in members:
            own = {n.partition("/")[2]: c for n, c in members.items() if n.startswith(f"{part}/")}
            examine_pickle(members[f"{part}.pkl"], own)


def _graph(members: dict[str, bytes]) -> tuple[Any, Any]:
    buffer = io.BytesIO()
    writer = torch._C.PyTorchFileWriter(buffer)  # noqa: SLF001 nothing public writes such an archive
    version = members.pop("version", members.pop(".data/version", b"3"))
    members.pop(".data/version", None)
    if not version.strip().isdigit() or not 1 <= int(version) <= 20:
        raise Refused("states no known version")
    writer.set_min_version(int(version))
    for name, content in members.items():
        writer.write_record(name, content, len(content))
    writer.write_end_of_file()
    buffer.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch calls TorchScript deprecated at every load
        module = torch.jit.load(buffer, map_location="cpu").eval()  # type: ignore[no-untyped-call]
        graph = module.inlined_graph
    torch._C._jit_pass_remove_mutation(graph)  # noqa: SLF001 nothing public undoes in-place operators
    return graph, module
