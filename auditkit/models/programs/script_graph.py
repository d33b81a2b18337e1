"""TorchScript's graph, translated into steps."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from auditkit.models.programs import script_values
from auditkit.models.programs.interpreter import Block, Branch, Loop, OnDevice, Step, Value
from auditkit.models.programs.operators import Refused, aten

Operations = dict[str, Callable[..., Any]]
_CONSTANT = {"i": "i", "f": "f", "s": "s", "is": "is", "fs": "fs", "ss": "ss", "ival": "ival"}


def compile_graph(graph: Any, module: Any) -> tuple[Block, Operations, dict[str, Tensor]]:
    """Steps, operators and tensors of a program's inlined graph.

    Raises:
        Refused: it has operators that may not run, or not one or two inputs and one output.
    """
    compiler = _Compiler()
    own, *inputs = graph.inputs()
    compiler.known[own.debugName()] = module._c  # noqa: SLF001 the object that the graph reads
    declared = module.forward.schema.arguments[1:]
    names: list[str] = []
    for value, argument in zip(inputs, declared, strict=True):
        if argument.has_default_value():
            compiler.known[value.debugName()] = argument.default_value
        else:
            names.append(value.debugName())
    outputs = list(graph.outputs())
    if not 1 <= len(names) <= 2 or len(outputs) != 1:
        raise Refused(
            f"takes {len(names)} inputs and gives {len(outputs)} outputs; one or two in, one out"
        )
    block = Block(parameters=tuple(names))
    compiler.nodes(graph, block)
    block.results = (compiler.value(outputs[0]),)
    return block, compiler.operations, compiler.tensors


class _Compiler:
    """Translates nodes; what the file's constants decide is decided here.

    Attributes:
        known: values that no input can change, by name.
        operations: the operators, by the names of their submodules.
        tensors: parameters and constants, by name.
    """

    def __init__(self) -> None:
        self.known: dict[str, Any] = {}
        self.operations: Operations = {}
        self.tensors: dict[str, Tensor] = {}

    def value(self, value: Any) -> Any:
        """A node's argument: a constant, or a reference to what a step gives."""
        name = value.debugName()
        if name not in self.known:
            return Value(name)
        found = self.known[name]
        if isinstance(found, Tensor):
            self.tensors.setdefault(name, found)
            return Value(name)
        if isinstance(found, torch.device):
            return OnDevice()
        return found

    def nodes(self, owner: Any, block: Block) -> None:
        """Translate the nodes of a graph or of an inner block."""
        for node in owner.nodes():
            kind = node.kind()
            if kind == "prim::Constant":
                self._constant(node)
            elif kind == "prim::GetAttr":
                self._attribute(node)
            elif kind == "prim::If":
                self._branch(node, block)
            elif kind == "prim::Loop":
                self._loop(node, block)
            else:
                self._operator(node, block)

    def _constant(self, node: Any) -> None:
        output = node.output()
        attributes = node.attributeNames()
        if not attributes:
            self.known[output.debugName()] = None
            return
        self.known[output.debugName()] = _plain(output.toIValue)

    def _attribute(self, node: Any) -> None:
        owner: Any = self.known.get(node.input().debugName())
        if not hasattr(owner, "getattr"):
            raise Refused(f"reads the attribute '{node.s('name')}' of an object that it computes")
        self.known[node.output().debugName()] = _plain(owner.getattr, node.s("name"))

    def _branch(self, node: Any, block: Block) -> None:
        condition = self.value(node.input())
        results = [output.debugName() for output in node.outputs()]
        blocks = list(node.blocks())
        if not isinstance(condition, Value):
            chosen = blocks[0 if condition else 1]
            self.nodes(chosen, block)
            for result, output in zip(results, chosen.outputs(), strict=True):
                self._rename(result, self.value(output), block)
            return
        yes, no = (self._inner(inner) for inner in blocks)
        block.steps.append(Branch(condition, yes, no, tuple(results)))

    def _rename(self, result: str, value: Any, block: Block) -> None:
        if isinstance(value, (Value, OnDevice, list)):
            block.steps.append(Step(script_values.same, (value,), {}, (result,)))
        else:
            self.known[result] = value

    def _loop(self, node: Any, block: Block) -> None:
        trips, condition, *carried = (self.value(value) for value in node.inputs())
        (inner,) = node.blocks()
        results = tuple(output.debugName() for output in node.outputs())
        block.steps.append(Loop(trips, condition, tuple(carried), self._inner(inner), results))

    def _inner(self, inner: Any) -> Block:
        block = Block(parameters=tuple(value.debugName() for value in inner.inputs()))
        self.nodes(inner, block)
        block.results = tuple(self.value(output) for output in inner.outputs())
        return block

    def _operator(self, node: Any, block: Block) -> None:
        kind: str = node.kind()
        arguments = tuple(self.value(value) for value in node.inputs())
        results = tuple(output.debugName() for output in node.outputs())
        keywords: dict[str, Any] = {}
        function = script_values.function(node)
        if function is None:
            function = self._numeric(node)
            arguments, keywords = _split(node, arguments)
        given = (*arguments, *keywords.values())
        fixed = not any(isinstance(a, (Value, OnDevice, list)) for a in given)
        if fixed and len(results) == 1 and script_values.foldable(kind):
            self.known[results[0]] = function(*arguments, **keywords)
            return
        tensors = any("Tensor" in str(output.type()) for output in node.outputs())
        if not tensors or not kind.startswith("aten::"):
            block.steps.append(Step(function, arguments, keywords, results))
            return
        name = f"{kind.partition('::')[2].strip('_')}_{len(self.operations)}"
        self.operations[name] = function
        block.steps.append(Step(name, arguments, keywords, results))

    def _numeric(self, node: Any) -> Callable[..., Any]:
        space, _, name = node.kind().partition("::")
        if space != "aten":
            raise Refused(
                f"uses the operator {node.kind()}, which is no numeric operator of PyTorch"
            )
        schema = node.schema().partition("(")[0].partition("::")[2]
        return aten(name, schema.partition(".")[2])


def _plain(read: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return read(*arguments)
    except RuntimeError as error:  # PyTorch gives no value of a class that Python does not know
        raise Refused(
            "has values of a class of its own, such as an enumeration: trace the model"
        ) from error


def _split(node: Any, arguments: tuple[Any, ...]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Positional arguments, and those that an operator takes by keyword only."""
    declared = torch._C.parse_schema(node.schema()).arguments  # noqa: SLF001 as in `operators`
    pairs = list(zip(declared, arguments, strict=True))
    by_place = tuple(value for argument, value in pairs if not argument.kwarg_only)
    return by_place, {argument.name: value for argument, value in pairs if argument.kwarg_only}
