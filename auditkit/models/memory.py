"""Memory: whether it ran out, and work done again with fewer inputs per pass where it did."""

import os
import sys
from collections.abc import Callable, Iterator
from typing import TypeVar

Answer = TypeVar("Answer")

# What allocators say: PyTorch's of CUDA, MPS and CPUs, cuDNN, cuBLAS, and other runtimes.
_SAID = ("out of memory", "can't allocate memory", "not enough memory", "alloc_failed",
         "failed to allocate", "bad_alloc")  # fmt: skip
# Torch reads these when it first needs them. Buffers of activations come in pages of 2 MiB where the
# kernel has them (madvise): else every pass spends its time on page faults. cuBLAS adds up in one order.
_ENVIRONMENT = {"THP_MEM_ALLOC_ENABLE": "1", "CUBLAS_WORKSPACE_CONFIG": ":4096:8"}


def prepare_process() -> None:
    """Set what torch reads from the environment, unless it is set; before torch's first tensor."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def ran_out(error: BaseException) -> bool:
    """Whether memory ran out, as an error or its cause says: Python's, or any device's."""
    return any(_says(one) for one in _causes(error))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _says(error: BaseException) -> bool:
    torch = sys.modules.get("torch")
    if isinstance(error, MemoryError) or (torch and isinstance(error, torch.OutOfMemoryError)):
        return True
    said = str(error).lower()
    return isinstance(error, Exception) and any(words in said for words in _SAID)


def give_back() -> None:
    """Return what torch keeps of a GPU's memory for itself."""
    torch = sys.modules.get("torch")
    if torch and torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def halving(rows: int, work: Callable[[int], Answer]) -> Answer:
    """``work(rows)``, again from its beginning with half the rows whenever memory runs out.

    Args:
        rows: at least 1.
        work: takes the number of inputs per pass.

    Raises:
        Exception: whatever ``work`` raises; that memory ran out only with one row.
    """
    while True:
        try:
            return work(rows)
        except Exception as error:
            if rows == 1 or not ran_out(error):
                raise
        # Outside the handler, whose error holds the frames and so the tensors of what failed.
        rows //= 2
        give_back()
