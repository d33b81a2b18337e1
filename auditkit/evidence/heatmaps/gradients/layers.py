"""The layer of Grad-CAM: by name, or the last spatial one before global pooling."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import torch
from torch import nn

from auditkit.errors import AuditError
from auditkit.evidence.heatmaps.gradients.inspection import probe_table, probe_target, probes
from auditkit.evidence.heatmaps.subject import Subject
from auditkit.spec.problems import nearest

# What pools the last layer, and may enlarge it.
_POOLING = (
    nn.AdaptiveAvgPool1d,
    nn.AdaptiveAvgPool2d,
    nn.AdaptiveAvgPool3d,
    nn.AvgPool1d,
    nn.AvgPool2d,
    nn.AvgPool3d,
)


class NoLayerError(AuditError):
    """A network without a layer that Grad-CAM could be drawn for."""


@dataclass(frozen=True)
class Layer:
    """A layer with a map.

    Attributes:
        name: of the module in its network.
        module: whose output is taken.
        grid: sizes of its spatial axes.
        channels_last: whether its output is (N, *grid, K), not (N, K, *grid).
        calls: how often it is called when the network answers once.
        call: which of these calls is meant, from 0: the last one that gives a map.
        alone: whether the network answers a batch in parts, so that images must come one at a time.
    """

    name: str
    module: nn.Module
    grid: tuple[int, ...]
    channels_last: bool
    calls: int
    call: int
    alone: bool

    def __str__(self) -> str:
        return f"{self.name} ({' x '.join(map(str, self.grid))})"


@dataclass(frozen=True)
class _Output:
    """What a module gave on a probe.

    ``version`` counts changes in place: a module's output may be changed before the next one gives it.
    """

    name: str
    call: int
    is_leaf: bool
    pools: bool
    value: torch.Tensor
    version: int
    grid: tuple[int, ...]
    channels_last: bool

    def is_same(self, other: "_Output") -> bool:
        """Whether it is the very same tensor, unchanged."""
        return self.value is other.value and self.version == other.version


def find_layer(subject: Subject, name: str) -> Layer:
    """The layer of one network.

    Args:
        subject: without parts.
        name: of a module, or ``auto``.

    Raises:
        NoLayerError: ``auto``, and the network has no spatial layer at its end.
        AuditError: no module of this name gives a spatial map.
    """
    assert subject.network is not None
    outputs, calls = _outputs(subject)
    spatial = [one for one in outputs if one.grid]
    if name == "auto":
        chosen = _last(outputs)
    else:
        named = [one for one in spatial if one.name == name]
        if not named:
            raise _unknown(name, spatial, subject)
        chosen = named[-1]
    module, times = subject.network.get_submodule(chosen.name), calls[chosen.name]
    alone = len(chosen.value) != 1 or _rows_of_calls(subject, module, 3) != [3] * times
    return Layer(chosen.name, module, chosen.grid, chosen.channels_last, times, chosen.call, alone)


def _unknown(name: str, spatial: list[_Output], subject: Subject) -> AuditError:
    names = list(dict.fromkeys(one.name for one in spatial))
    return AuditError(
        f"Grad-CAM: no spatial layer '{name}' in '{subject.name}'; {nearest(name, names)}; the last: "
        f"{', '.join(names[-5:]) or 'none'}"
    )


def _last(outputs: list[_Output]) -> _Output:
    """The module whose output goes into global pooling: a leaf, if it is a leaf's."""
    outputs = [one for one in outputs if not one.pools]
    if not any(one.grid for one in outputs):
        raise NoLayerError(
            "has no layer with a spatial map, which Grad-CAM needs; name one (layer: NAME)"
        )
    last = outputs[-1]
    if not last.grid:
        shape = tuple(last.value.shape[1:])
        raise NoLayerError(
            f"works on tokens at its end ('{last.name}' gives {shape[0]} tokens of {shape[1]} numbers), "
            "which have no places on the image for Grad-CAM; name a spatial layer (layer: NAME)"
        )
    same = [one for one in outputs if one.grid and one.is_same(last)]
    leaves = [one for one in same if one.is_leaf]
    return leaves[-1] if leaves else same[0]


def _outputs(subject: Subject) -> tuple[list[_Output], Counter[str]]:
    """What all modules gave on a probe, maps and tokens only, as they ended; and all their calls."""
    network = subject.network
    assert network is not None
    found: list[_Output] = []
    calls: Counter[str] = Counter()

    def note(name: str, module: nn.Module, value: object) -> None:
        calls[name] += 1
        if isinstance(value, torch.Tensor) and value.is_floating_point():
            grid, last = _grid(module, value, subject.space)
            if grid or _is_tokens(value, found):
                leaf = next(module.children(), None) is None
                pools, version = isinstance(module, _POOLING), value._version  # noqa: SLF001 its documented name
                call = calls[name] - 1
                found.append(_Output(name, call, leaf, pools, value, version, grid, last))

    handles = [
        module.register_forward_hook(
            lambda module, _given, value, name=name: note(name, module, value)
        )
        for name, module in network.named_modules()
        if name
    ]
    try:
        with torch.no_grad():
            subject.answer(probes(subject)[0], probe_target(subject), probe_table(subject))
    finally:
        for handle in handles:
            handle.remove()
    return found, calls


def _grid(
    module: nn.Module, value: torch.Tensor, space: tuple[int, ...]
) -> tuple[tuple[int, ...], bool]:
    """The spatial axes of an output, and whether channels come after them; empty if it has none."""
    if value.dim() != len(space) + 2:
        return (), False
    last = _acts_on_last_axis(module, value)
    grid = tuple(value.shape[1:-1] if last else value.shape[2:])
    if min(grid) < 2 or any(size > whole for size, whole in zip(grid, space, strict=True)):
        return (), False
    shares = [whole / size for size, whole in zip(grid, space, strict=True)]
    # Axes of a picture shrink alike; a volume's slices may stay while their rows and columns shrink.
    if len(space) == 2 and max(shares) > 4 * min(shares):
        return (), False
    return grid, last


def _acts_on_last_axis(module: nn.Module, value: torch.Tensor) -> bool:
    """Whether an output is (N, *grid, K): layers of these kinds take features from the last axis."""
    width = 0
    if isinstance(module, nn.Linear):
        width = module.out_features
    elif isinstance(module, nn.LayerNorm) and len(module.normalized_shape) == 1:
        width = int(module.normalized_shape[0])
    return bool(width) and value.shape[-1] == width != value.shape[1]


def _is_tokens(value: torch.Tensor, before: list[_Output]) -> bool:
    """Whether an output is (N, tokens, features), and not a map seen as a list of its places."""
    if value.dim() != 3 or min(value.shape[1:]) < 2:
        return False
    maps = [one.value for one in before if one.grid]
    return not maps or value.untyped_storage().data_ptr() != maps[-1].untyped_storage().data_ptr()


def unseen(subject: Subject, layer: Layer) -> list[int]:
    """The modalities on which a layer's output does not depend: those that are fused in behind it."""
    first, second = probes(subject)
    outputs = []
    for channels in [(), *subject.modalities]:
        given = first.clone()
        given[:, list(channels)] = second[:, list(channels)]
        with torch.no_grad(), kept([layer]) as values:
            subject.answer(given, probe_target(subject), probe_table(subject))
        outputs.append(values[0][0])
    whole, *changed = outputs
    return [index for index, one in enumerate(changed) if torch.equal(one, whole)]


def _rows_of_calls(subject: Subject, module: nn.Module, rows: int) -> list[int]:
    """The number of rows in each call of a module when the network answers so many."""
    table, target = probe_table(subject), probe_target(subject)
    found: list[int] = []
    handle = module.register_forward_hook(lambda _module, _given, value: found.append(len(value)))
    try:
        with torch.no_grad():
            subject.answer(
                probes(subject)[0].expand(rows, *[-1] * len(subject.shape)),
                target.expand(rows),
                None if table is None else table.expand(rows, -1),
            )
    finally:
        handle.remove()
    return found


@contextmanager
def kept(layers: list[Layer]) -> Iterator[list[list[torch.Tensor]]]:
    """The outputs of each layer, answer by answer of its network, while the context lasts.

    They are where the graph begins, so that nothing is kept for a gradient of what comes before. Other
    calls of the same module run as they are.
    """
    values: list[list[torch.Tensor]] = [[] for _ in layers]

    def keep(layer: Layer, own: list[torch.Tensor]) -> Any:
        calls = count()

        def hook(_module: nn.Module, _given: object, value: torch.Tensor) -> torch.Tensor | None:
            if next(calls) % layer.calls != layer.call:
                return None
            leaf = value.detach().requires_grad_()
            own.append(leaf)
            # An operation in place that follows would otherwise overwrite what was kept.
            return leaf.clone()

        return hook

    pairs = zip(layers, values, strict=True)
    handles = [layer.module.register_forward_hook(keep(layer, own)) for layer, own in pairs]
    try:
        yield values
    finally:
        for handle in handles:
            handle.remove()
