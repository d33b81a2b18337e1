"""Stages in batches that fit into memory: chosen in fast mode, halved where memory runs out."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from auditkit.errors import AuditError
from auditkit.evidence.kinds import Settings
from auditkit.evidence.stage import Compute
from auditkit.evidence.store import Arrays
from auditkit.models.memory import give_back, ran_out

if TYPE_CHECKING:
    from auditkit.models.model import Model

# Of the memory that is free on a GPU: explainers hold more than one pass, and others may come.
_SHARE = 0.5
_MOST_ROWS = 1024


class Sized:
    """A stage's function that is made again with half the inputs per pass when memory runs out.

    In fast mode alone: in the usual mode the number of inputs per pass is a part of what arrays are
    called by, since their last digits may depend on it.
    """

    def __init__(self, make: Callable[[Settings], Compute], settings: Settings, what: str) -> None:
        """Make the function.

        Args:
            make: makes it for settings.
            settings: as asked for.
            what: whose memory ran out, for people.
        """
        self._make, self._settings, self._what = make, settings, what
        self._compute: Compute | None = make(settings)

    def __call__(self, indices: Sequence[int]) -> Arrays:
        """The arrays of these images.

        Raises:
            AuditError: memory ran out in the usual mode, or with one input per pass.
        """
        while True:
            try:
                if self._compute is None:
                    self._compute = self._make(self._settings)
                return self._compute(indices)
            except Exception as error:
                if not ran_out(error):
                    raise
            # Outside the handler, whose error holds the frames and so the tensors of what failed.
            self._compute = None
            give_back()
            self._halve()

    def _halve(self) -> None:
        rows = self._settings.batch
        if rows == 1:
            raise AuditError(
                f"{self._what}: memory ran out with one input per pass; use a machine or GPU with more, or "
                "fewer workers on this one"
            )
        if not self._settings.fast:
            raise AuditError(
                f"{self._what}: memory ran out with {rows} inputs per pass; run with --audit-batch-size "
                f"{rows // 2} (another batch size is other evidence, so none is chosen for you), or with "
                "--audit-fast"
            )
        self._settings = replace(self._settings, batch_size=rows // 2)


def fitting(settings: Settings, model: "Callable[[], Model]") -> Settings:
    """Settings with as many inputs per pass as memory allows: in fast mode, on CUDA, where none is given.

    Elsewhere they stay: on a CPU larger batches are no faster (docs/throughput.md).
    """
    if not settings.fast or settings.batch_size is not None or settings.device in {"cpu", "mps"}:
        return settings
    import torch

    if not torch.cuda.is_available():
        return settings
    own = model()
    free = torch.cuda.mem_get_info(own.device)[0]
    return replace(settings, batch_size=rows_that_fit(own, int(_SHARE * free)))


def rows_that_fit(model: "Model", memory: int) -> int:
    """Inputs whose pass, forwards and backwards, fits into memory: a power of two from 1 to 1024.

    Args:
        model: is measured on its device with passes of one and of four inputs.
        memory: bytes.
    """
    _pass(model, 1)  # what is made once, such as cuDNN's handles, is no input's
    least, more = _pass(model, 1), _pass(model, 4)
    each = max(1, (more - least) // 3)
    rows = 1
    while rows < _MOST_ROWS and least + (2 * rows - 1) * each <= memory:
        rows *= 2
    return rows


def _pass(model: "Model", rows: int) -> int:
    """Bytes that a pass of so many inputs holds at its highest."""
    import torch

    from auditkit.evidence.heatmaps.subject import subject_of
    from auditkit.evidence.peak_memory import peak_memory

    subject, device = subject_of(model), model.device
    with peak_memory(device) as peak:
        inputs = torch.full((rows, *subject.shape), 0.5, device=device)
        inputs.requires_grad_(model.card.gradients)
        width = subject.table_width
        table = torch.zeros(rows, width, device=device) if width else None
        answer = subject.answer(inputs, torch.zeros(rows, dtype=torch.int64, device=device), table)
        if answer.requires_grad:
            torch.autograd.grad(answer.sum(), inputs)
    return peak.bytes
