"""A stage's worker, asked for less: in smaller batches, or of fewer images than its stage is of."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from auditkit.evidence.evidence import Evidence
from auditkit.evidence.kinds import Settings
from auditkit.evidence.portable import Portable
from auditkit.evidence.stage import Compute

Worker = Callable[[], Compute]


def evidence_of(worker: Worker) -> Evidence | None:
    """The evidence that a worker computes for; None where it is of no model."""
    return next((part for part in _parts(worker) if isinstance(part, Evidence)), None)


def in_batches(worker: Worker, rows: int) -> Worker:
    """The same worker with batches of so many rows; itself, where it has no settings to change."""
    if isinstance(worker, Portable):
        settings = replace(worker.evidence.settings, batch_size=rows, batches=1)
        return partial(_computing, worker, settings)
    if isinstance(worker, partial):
        given = [_smaller(part, rows) for part in worker.args]
        named = {name: _smaller(part, rows) for name, part in worker.keywords.items()}
        return partial(worker.func, *given, **named)
    return worker


def _computing(worker: Portable, settings: Settings) -> Compute:
    evidence = worker.evidence
    return worker.worker(evidence, evidence.own_model, settings, worker.parameters)


def _smaller(part: Any, rows: int) -> Any:
    return replace(part, batch_size=rows, batches=1) if isinstance(part, Settings) else part


def _parts(worker: Worker) -> Iterator[Any]:
    if isinstance(worker, Portable):
        yield worker.evidence
    elif isinstance(worker, partial):
        yield from worker.args
        yield from worker.keywords.values()
