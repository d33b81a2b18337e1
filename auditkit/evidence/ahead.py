"""Images made ready before they are asked for: decoding and preprocessing while others are computed."""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from auditkit.evidence.evidence import Evidence

Make = Callable[[int], "torch.Tensor"]

# Bounds of what one `Ahead` holds: images, and bytes of the largest that it has seen.
_MOST, _BYTES = 64, 256 << 20
_MOST_COMING = 4096


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """The process' threads for this, shared by all evidence."""
    return ThreadPoolExecutor(threads, thread_name_prefix="auditkit-ahead")


if hasattr(os, "register_at_fork"):  # a child has none of its parent's threads
    os.register_at_fork(after_in_child=_pool.cache_clear)


@dataclass
class Ahead:
    """Makes images ready in threads of its own, in the order in which they will be asked for.

    What is announced is a hint: nothing is made before a first image is taken, so that stages that take
    none cost nothing, and an image that nobody announced, or that is taken again, is made there and then.
    An error of an image is raised where that image is taken.

    Attributes:
        make: an image by its index; called in any thread.
        threads: how many of the process make images ready; asked when a first image is taken.
        most: images that are ready or being made at any time.
    """

    make: Make
    threads: Callable[[], int]
    most: int = _MOST
    _stage: object = None
    _coming: dict[int, None] = field(default_factory=dict)
    _ready: "dict[int, Future[torch.Tensor]]" = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def announce(self, stage: object, indices: Sequence[int], *, now: bool = False) -> None:
        """A stage will take these images: after those that it announced before, or before them.

        Args:
            stage: whichever object stands for it; what another one announced is forgotten.
            indices: of images, in order.
            now: whether they are the next.
        """
        with self._lock:
            if stage is not self._stage:
                self._stage = stage
                self._coming.clear()
                self._drop(len(self._ready))
            new = dict.fromkeys(i for i in indices if i not in self._ready)
            self._coming = {**new, **self._coming} if now else {**self._coming, **new}
            for index in list(self._coming)[_MOST_COMING:]:  # of a stage that takes none
                del self._coming[index]

    def take(self, index: int) -> "torch.Tensor":
        """An image; meanwhile the next ones are made ready.

        Raises:
            Exception: whatever making it raised.
        """
        with self._lock:
            found = self._ready.pop(index, None)
            if found is None:
                self._make_room(index)
            self._fill()
        # Rather than wait for its turn, it is made here.
        own = found is None or found.cancel()
        image = self.make(index) if found is None or own else found.result()
        self._bound(image)
        return image

    def _make_room(self, index: int) -> None:
        """An image was not ready: if others are in its place, the oldest goes; nobody may want it now."""
        self._coming.pop(index, None)
        self._drop(max(0, len(self._ready) + 1 - self.most))

    def _drop(self, count: int) -> None:
        for index in list(self._ready)[:count]:
            self._ready.pop(index).cancel()

    def _fill(self) -> None:
        while self._coming and len(self._ready) < self.most:
            index = next(iter(self._coming))
            del self._coming[index]
            self._ready[index] = _pool(self.threads()).submit(self.make, index)

    def _bound(self, image: "torch.Tensor") -> None:
        size = image.element_size() * image.nelement()
        self.most = max(1, min(self.most, _BYTES // max(1, size)))


def inputs_ahead(evidence: "Evidence") -> Ahead:
    """The images of evidence as inputs of its model on the CPU, made ready before they are asked for."""

    def make(index: int) -> "torch.Tensor":
        from auditkit.models.model import ready

        return ready(evidence.card, evidence.source(index))

    return Ahead(make, lambda: threads_ahead(evidence.settings.device))


@cache
def threads_ahead(device: str) -> int:
    """Threads of this process that make images ready for a model on a device.

    A GPU waits for whatever a CPU does. On a CPU one thread reads files while another computes.
    """
    from auditkit.evidence.engine import threads
    from auditkit.models.networks import device_of

    return 1 if device_of(device).type == "cpu" else max(1, min(8, threads() - 1))
