"""The JSON graph of a torch.export archive, translated into steps."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from auditkit.models.programs.exported_tensors import DTYPES
from auditkit.models.programs.interpreter import Block, OnDevice, Shape, Step, Value
from auditkit.models.programs.operators import Refused, aten, functional, makes_view, python

Json = Mapping[str, Any]
_MEMORY_FORMATS = {
    1: torch.contiguous_format,
    2: torch.channels_last,
    3: torch.channels_last_3d,
    4: torch.preserve_format,
}
_PLAIN = frozenset(
    {"as_int", "as_ints", "as_float", "as_floats", "as_string", "as_bool", "as_bools"}
)
_NAMED = frozenset({"as_sym_int", "as_sym_float", "as_sym_bool"})
_NAMED_LISTS = frozenset({"as_sym_ints", "as_sym_floats", "as_sym_bools"})


@dataclass
class Signature:
    """What the graph's inputs and outputs are.

    Attributes:
        weights: parameters and buffers: name in the graph, name in the model.
        constants: further tensors that the file holds: the same.
        users: what the caller gives.
        outputs: what the caller gets.
    """

    weights: dict[str, str] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    users: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)


def read_signature(signature: Json) -> Signature:
    """The signature of a program.

    Raises:
        Refused: it takes or gives more than tensors, or changes its own weights.
    """
    found = Signature()
    for spec in signature["input_specs"]:
        ((kind, content),) = spec.items()
        if kind == "parameter":
            found.weights[content["arg"]["name"]] = content["parameter_name"]
        elif kind == "buffer":
            place = found.weights if content["persistent"] else found.constants
            place[content["arg"]["name"]] = content["buffer_name"]
        elif kind == "tensor_constant":
            found.constants[content["arg"]["name"]] = content["tensor_constant_name"]
        elif kind == "user_input" and "as_tensor" in content["arg"]:
            found.users.append(content["arg"]["as_tensor"]["name"])
        elif kind != "constant_input":
            raise Refused(f"takes an input that is no tensor ({kind})")
    for spec in signature["output_specs"]:
        ((kind, content),) = spec.items()
        if kind != "user_output" or "as_tensor" not in content["arg"]:
            raise Refused(f"changes or gives something other than one tensor ({kind})")
        found.outputs.append(content["arg"]["as_tensor"]["name"])
    if not 1 <= len(found.users) <= 2 or len(found.outputs) != 1:
        raise Refused(
            f"takes {len(found.users)} tensors and gives {len(found.outputs)}; one or two in, one out"
        )
    return found


def compile_exported(
    graph: Json, signature: Signature
) -> tuple[Block, dict[str, Callable[..., Any]], int | None, list[Shape]]:
    """Steps, operators, the fixed batch size (None for any) and the inputs' other sizes of a graph.

    Raises:
        Refused: by what the graph holds.
    """
    compiler = _Compiler()
    for node in graph["nodes"]:
        compiler.node(node)
    result = compiler.current(signature.outputs[0])
    block = Block(tuple(signature.users), compiler.steps, (Value(result),))
    return block, compiler.operations, _batch(graph, signature), _shapes(graph, signature)


def _shapes(graph: Json, signature: Signature) -> list[Shape]:
    """Of each input without its batch: None where any size will do."""
    sizes = [graph["tensor_values"][name]["sizes"][1:] for name in signature.users]
    return [tuple(int(one["as_int"]) if "as_int" in one else None for one in own) for own in sizes]


def _batch(graph: Json, signature: Signature) -> int | None:
    sizes = [graph["tensor_values"][name]["sizes"] for name in signature.users]
    if any(not size for size in sizes):
        raise Refused("takes a single number where tensors with one row per picture are expected")
    fixed = {int(size[0]["as_int"]) for size in sizes if "as_int" in size[0]}
    if len(fixed) > 1 or min(fixed, default=1) < 1:
        raise Refused("takes inputs of different batch sizes")
    return fixed.pop() if fixed else None


class _Compiler:
    """Translates nodes in their order."""

    def __init__(self) -> None:
        self.steps: list[Any] = []
        self.operations: dict[str, Callable[..., Any]] = {}
        self._renamed: dict[str, str] = {}
        self._views: set[str] = set()

    def current(self, name: str) -> str:
        """Where the value of that name lies after operators that changed it in place."""
        seen = 0
        while name in self._renamed and seen <= len(self._renamed):
            name, seen = self._renamed[name], seen + 1
        return name

    def node(self, node: Json) -> None:
        """Add the step of one node."""
        target = node["target"]
        results = self._results(node)
        arguments, keywords = self._arguments(node)
        function = python(target)
        if function is not None:
            self.steps.append(Step(function, arguments, keywords, results))
            return
        space, name, overload = _operator(target)
        if space != "aten":
            raise Refused(f"uses {target}, which is no numeric operator of PyTorch")
        name = self._out_of_place(name, overload, arguments, results)
        function = aten(name, overload)
        if not any("as_tensor" in output or "as_tensors" in output for output in node["outputs"]):
            self.steps.append(Step(function, arguments, keywords, results))
            return
        place = f"{_identifier(node.get('name') or results[0])}_{len(self.operations)}"
        self.operations[place] = function
        self.steps.append(Step(place, arguments, keywords, results))

    def _out_of_place(
        self, name: str, overload: str, arguments: tuple[Any, ...], results: tuple[str, ...]
    ) -> str:
        """Replace an in-place operator, so that what hooks have seen is not changed afterwards.

        Where views of the tensor exist the operator stays, so that they see the change.
        """
        own = arguments[0].name if arguments and isinstance(arguments[0], Value) else None
        if own is None:
            return name
        if makes_view(name, overload):
            self._views |= {own, *results}
        if functional(name, overload) and own not in self._views and len(results) == 1:
            self._renamed[own] = results[0]
            return name.rstrip("_")
        return name

    def _results(self, node: Json) -> tuple[str, ...]:
        names: list[str] = []
        for output in node["outputs"]:
            ((kind, content),) = output.items()
            if kind == "as_tensor":
                names.append(content["name"])
            elif kind == "as_tensors":
                names.extend(entry["name"] for entry in content)
            elif kind in _NAMED and "as_name" in content:
                names.append(content["as_name"])
            elif kind != "as_none":
                raise Refused(f"has a step that gives something other than tensors ({kind})")
        return tuple(names)

    def _arguments(self, node: Json) -> tuple[tuple[Any, ...], dict[str, Any]]:
        arguments: list[Any] = []
        keywords: dict[str, Any] = {}
        for entry in node["inputs"]:
            value = self._argument(entry["arg"])
            if entry.get("kind", 1) == 2:
                keywords[str(entry["name"])] = value
            else:
                arguments.append(value)
        return tuple(arguments), keywords

    def _argument(self, argument: Json) -> Any:
        ((kind, content),) = argument.items()
        if kind in ("as_float", "as_floats"):
            # Infinity and NaN are no JSON: they are written as texts.
            return [float(one) for one in content] if kind == "as_floats" else float(content)
        if kind in _PLAIN or kind == "as_none":
            return None if kind == "as_none" else content
        readers: dict[str, Callable[[Any], Any]] = {
            "as_tensor": self._tensor,
            "as_tensors": lambda entries: [self._tensor(entry) for entry in entries],
            "as_optional_tensor": self._argument,
            "as_optional_tensors": lambda entries: [self._argument(entry) for entry in entries],
        }
        readers |= dict.fromkeys(_NAMED, self._named)
        readers |= dict.fromkeys(_NAMED_LISTS, lambda entries: [self._named(e) for e in entries])
        return readers[kind](content) if kind in readers else _setting(kind, content)

    def _tensor(self, content: Json) -> Value:
        return Value(self.current(content["name"]))

    def _named(self, content: Json) -> Any:
        ((kind, value),) = content.items()
        return Value(str(value)) if kind == "as_name" else value


def _setting(kind: str, content: Any) -> Any:
    if kind == "as_scalar_type" and content in DTYPES:
        return DTYPES[content]
    if kind == "as_device":
        return OnDevice()
    if kind == "as_layout" and content == 7:
        return torch.strided
    if kind == "as_memory_format" and content in _MEMORY_FORMATS:
        return _MEMORY_FORMATS[content]
    raise Refused(f"has an argument of a kind that is not read ({kind})")


def _operator(target: str) -> tuple[str, str, str]:
    parts = target.removeprefix("torch.ops.").split(".")
    if not target.startswith("torch.ops.") or len(parts) != 3:
        raise Refused(f"uses {target}, which is no numeric operator of PyTorch")
    return parts[0], parts[1], parts[2]


def _identifier(name: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in str(name))
