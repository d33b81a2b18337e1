"""The most memory that a piece of work holds at once, beyond what was there before."""

import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


@dataclass
class Peak:
    """What was measured.

    Attributes:
        bytes: at the highest point.
    """

    bytes: int = 0


@contextmanager
def peak_memory(device: torch.device) -> Iterator[Peak]:
    """Measure the work inside.

    On CUDA, what the allocator gave out at its highest, workspaces of kernels included. Elsewhere, the
    bytes of all tensors that were made inside and were alive at once: buffers inside a kernel and arrays
    of other libraries are not seen.

    Args:
        device: where the work runs.

    Yields:
        filled in when the work is done.
    """
    found = Peak()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        yield found
        torch.cuda.synchronize(device)
        found.bytes = torch.cuda.max_memory_allocated(device) - before
        return
    with LiveTensors() as live:
        yield found
    found.bytes = live.peak


class LiveTensors(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch's class has no types
    """Adds up the storages that operations make, each until nothing refers to it any more.

    Autograd's saved tensors count while the graph lives; views and results in place share their storage
    and count once; storages that were there before do not count.

    Attributes:
        live: bytes now.
        peak: most bytes so far.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # the same
        self.live = self.peak = 0
        self._known: dict[int, weakref.ref[torch.UntypedStorage]] = {}

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run an operation and take up what is new among its results."""
        given = kwargs or {}
        for storage in _storages((args, given)):
            self._take_up(storage, 0)
        result = func(*args, **given)
        for storage in _storages(result):
            self._take_up(storage, storage.nbytes())
        return result

    def _take_up(self, storage: torch.UntypedStorage, size: int) -> None:
        """Count a storage, unless it is known; operands that are not known were there before."""
        key = id(storage)
        if key in self._known:
            return
        # A tensor keeps its storage's Python object, so that the object's end is the storage's end.
        self._known[key] = weakref.ref(storage, partial(self._let_go, key, size))
        self.live += size
        self.peak = max(self.peak, self.live)

    def _let_go(self, key: int, size: int, _gone: object) -> None:
        self.live -= size
        del self._known[key]


def _storages(values: Any) -> Iterator[torch.UntypedStorage]:
    for value in tree_leaves(values):
        if isinstance(value, torch.Tensor) and value.layout == torch.strided:
            yield value.untyped_storage()
