"""A program of PyTorch operators as a module whose every operator is a submodule."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

import torch
from torch import Tensor, nn

from auditkit.errors import AuditError
from auditkit.models.programs.operators import Refused, mutates

_MOST_TRIPS = 10_000
_FAILURES = (
    RuntimeError,
    ValueError,
    TypeError,
    IndexError,
    KeyError,
    ArithmeticError,
    LookupError,
)


@dataclass(frozen=True)
class Value:
    """What a step before has given, or a tensor of the file, by name."""

    name: str


# Sizes without the batch; None where any will do.
Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class OnDevice:
    """Stands for the device on which the network runs, whatever the file says."""


@dataclass(frozen=True)
class Step:
    """One operator: a submodule's name or, for sizes and lists, a function."""

    run: str | Callable[..., Any]
    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any]
    results: tuple[str, ...]


@dataclass
class Block:
    """Steps in their order, with names to give in and values to give back."""

    parameters: tuple[str, ...] = ()
    steps: "list[Step | Branch | Loop]" = field(default_factory=list)
    results: tuple[Any, ...] = ()
    # Names that no later step needs, so that the memory of a batch is given back early.
    spent: list[tuple[str, ...]] = field(default_factory=list)


@dataclass(frozen=True)
class Branch:
    """One of two blocks."""

    condition: Any
    yes: Block
    no: Block
    results: tuple[str, ...]


@dataclass(frozen=True)
class Loop:
    """A block repeated at most `trips` times while its first result holds."""

    trips: Any
    condition: Any
    carried: tuple[Any, ...]
    body: Block
    results: tuple[str, ...]


class Operation(nn.Module):
    """One operator; forward hooks see what it gives."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *arguments: Any, **keywords: Any) -> Any:
        """Run it."""
        return self.function(*arguments, **keywords)


def _fits(given: tuple[int, ...], shape: Shape) -> bool:
    """Whether an input has the sizes that a program was exported for."""
    return len(given) == len(shape) and all(
        wanted in (None, size) for size, wanted in zip(given, shape, strict=True)
    )


def _worded(shape: Shape) -> str:
    return f"(N, {', '.join('any' if size is None else str(size) for size in shape)})"


class Program(nn.Module):
    """A classifier read from a file; see `load_torchscript` and `load_exported`.

    Args:
        block: the steps; its parameters are the inputs, one or two, its result the answer.
        operations: the operators by the names that steps give them.
        tensors: parameters and constants of the file.
        batch: the only batch size that the file was made for; None for any. Other batches are run
            in parts of this size, the last filled up with its own last row. Without one, a batch that
            the program refuses is run row by row.
        source: the file, for messages.
        shapes: sizes of each input without its batch, None where any will do; left out if the file does
            not say.

    Raises:
        AuditError: when called, if an operator refuses its arguments, or the answer is not (N, K).
    """

    def __init__(
        self,
        block: Block,
        operations: Mapping[str, Callable[..., Any]],
        tensors: Mapping[str, Tensor],
        batch: int | None,
        source: str,
        shapes: Sequence[Shape] = (),
    ) -> None:
        super().__init__()
        self.block, self.batch, self.source, self.shapes = block, batch, source, shapes
        for name, function in operations.items():
            self.add_module(name, Operation(function))
        # Inputs are the caller's, and weights the next batch's.
        self._in_place = any(mutates(function) for function in operations.values())
        self._places = {name: f"held{place}" for place, name in enumerate(tensors)}
        for name, tensor in tensors.items():
            self.register_buffer(self._places[name], tensor.detach())
        _note_spent(block, set())
        self.eval()

    def forward(self, x: Tensor, table: Tensor | None = None) -> Tensor:
        """Answer, (N, K)."""
        given = [x] if table is None else [x, table]
        expected = len(self.block.parameters)
        if len(given) != expected:
            self._fail(f"takes {expected} inputs and was given {len(given)}")
        for values, shape in zip(given, self.shapes, strict=False):
            if not _fits(tuple(values.shape[1:]), shape):
                self._fail(
                    f"takes inputs of {_worded(shape)} and was given {_worded(tuple(values.shape[1:]))}; do "
                    "the sizes and modalities of the model card agree with what was exported?"
                )
        if self.batch is not None and len(x) != self.batch:
            return self._in_parts(given, self.batch)
        try:
            return self._rows(given, len(x))
        except AuditError:
            # A trace may hold the one picture that it was made with in its shapes.
            if len(x) < 2 or len(x) == self.batch:
                raise
            return self._in_parts(given, 1)

    def _in_parts(self, given: Sequence[Tensor], size: int) -> Tensor:
        parts = []
        for start in range(0, len(given[0]), size):
            rows = [values[start : start + size] for values in given]
            kept = len(rows[0])
            filled = [torch.cat([r, r[-1:].expand(size - kept, *r.shape[1:])]) for r in rows]
            parts.append(self._rows(filled, size)[:kept])
        return torch.cat(parts)

    def _rows(self, given: Sequence[Tensor], count: int) -> Tensor:
        answer = self._run(given)
        if not isinstance(answer, Tensor) or not answer.dim() or len(answer) != count:
            self._fail("gives no tensor with one row per picture")
        return answer.float().flatten(1)

    def _run(self, given: Sequence[Tensor]) -> Any:
        values: dict[str, Any] = {name: getattr(self, at) for name, at in self._places.items()}
        if self._in_place:
            given = [value.clone() for value in given]
            values = {name: value.clone() for name, value in values.items()}
        try:
            results = self._block(self.block, given, values, given[0].device)
        except Refused as error:
            self._fail(str(error), error)
        except _FAILURES as error:
            self._fail(f"cannot be run ({_first_line(error)})", error)
        return results[0]

    def _block(
        self, block: Block, given: Sequence[Any], values: dict[str, Any], device: torch.device
    ) -> list[Any]:
        values.update(zip(block.parameters, given, strict=True))
        for step, spent in zip(block.steps, block.spent, strict=True):
            if isinstance(step, Branch):
                chosen = step.yes if _fill(step.condition, values, device) else step.no
                answer: Any = self._block(chosen, (), values, device)
            elif isinstance(step, Loop):
                answer = self._loop(step, values, device)
            else:
                answer = self._step(step, values, device)
            values.update(zip(step.results, answer, strict=True))
            for name in spent:
                values.pop(name, None)
        return [_fill(result, values, device) for result in block.results]

    def _step(self, step: Step, values: dict[str, Any], device: torch.device) -> Sequence[Any]:
        function = getattr(self, step.run) if isinstance(step.run, str) else step.run
        arguments = [_fill(argument, values, device) for argument in step.arguments]
        keywords = {name: _fill(value, values, device) for name, value in step.keywords.items()}
        answer = function(*arguments, **keywords)
        if len(step.results) == 1:
            return (answer,)
        return answer if step.results else ()

    def _loop(self, step: Loop, values: dict[str, Any], device: torch.device) -> Sequence[Any]:
        carried = [_fill(value, values, device) for value in step.carried]
        going = _fill(step.condition, values, device)
        trips, trip = _fill(step.trips, values, device), 0
        while going and trip < trips:
            if trip >= _MOST_TRIPS:
                raise Refused(f"repeats a loop more than {_MOST_TRIPS} times")
            going, *carried = self._block(step.body, (trip, *carried), values, device)
            trip += 1
        return carried

    def _fail(self, what: str, error: Exception | None = None) -> NoReturn:
        raise AuditError(f"{self.source}: the program {what}") from error


def _fill(argument: Any, values: Mapping[str, Any], device: torch.device) -> Any:
    if isinstance(argument, Value):
        return values[argument.name]
    if isinstance(argument, OnDevice):
        return device
    if isinstance(argument, list):
        return [_fill(entry, values, device) for entry in argument]
    return argument


def _names(argument: Any) -> set[str]:
    if isinstance(argument, Value):
        return {argument.name}
    if isinstance(argument, (list, tuple)):
        return set().union(*map(_names, argument)) if argument else set()
    return set()


def _needs(step: "Step | Branch | Loop") -> set[str]:
    if isinstance(step, Branch):
        return _names(step.condition) | _block_needs(step.yes) | _block_needs(step.no)
    if isinstance(step, Loop):
        return _names([step.trips, step.condition, *step.carried]) | _block_needs(step.body)
    return _names([*step.arguments, *step.keywords.values()])


def _block_needs(block: Block) -> set[str]:
    return _names(block.results).union(*map(_needs, block.steps))


def _note_spent(block: Block, outer: set[str]) -> None:
    """Let each step name what it is the last to need, of what its own block has made."""
    needed = _names(block.results) | outer
    made = set(block.parameters).union(*(step.results for step in block.steps))
    spent: list[tuple[str, ...]] = []
    for step in reversed(block.steps):
        for inner in _inner(step):
            _note_spent(inner, set())
        used = (_needs(step) | set(step.results)) & made
        spent.append(tuple(used - needed))
        needed |= used
    block.spent = spent[::-1]


def _inner(step: "Step | Branch | Loop") -> tuple[Block, ...]:
    if isinstance(step, Branch):
        return step.yes, step.no
    return (step.body,) if isinstance(step, Loop) else ()


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
