"""What `auditkit plan` prints."""

import math
from collections.abc import Iterator, Sequence

from auditkit.commands.units import count, duration, size
from auditkit.planning.costs import AuditCost, PlanCost
from auditkit.planning.samples import Budgeted
from auditkit.planning.widths import Width

Row = Sequence[str]


def plan_text(plan: PlanCost, workers: int, store: str) -> Iterator[str]:
    """One row per audit and model, a total, and what it rests on."""
    rows = [_row(one, plan, workers) for one in plan.audits if one.stages or not one.problem]
    head = ("audit", "images", "forwards", "backwards", "drawn", "bytes", "1 worker")
    more = (f"{workers} workers", "in the store")
    yield from aligned([(*head, *more), *rows, _total(plan, workers)], left=(0, 8))
    for one in plan.audits:
        if one.problem:
            yield f"{one.audit} [{one.model}]: {one.problem}"
    yield ""
    yield from assumed(plan, workers, store)


def _row(one: AuditCost, plan: PlanCost, workers: int) -> Row:
    return (
        f"{one.audit} [{one.model}]{' *' if one.problem else ''}",
        count(one.images),
        *_numbers(one),
        duration(one.seconds(1, accelerated=plan.accelerated)),
        duration(one.seconds(workers, accelerated=plan.accelerated)),
        _kept(one),
    )


def _numbers(one: AuditCost | PlanCost) -> Row:
    return (*map(count, one.usage.counts), size(one.size))


def _kept(one: AuditCost) -> str:
    computed, found, shared = one.shards
    if not computed + found + shared:
        return "needs none"
    parts = [f"{found} of {computed + found + shared} shards" if computed + shared else "all"]
    parts += [f"{shared} by audits above"] if shared else []
    return ", ".join(parts)


def _total(plan: PlanCost, workers: int) -> Row:
    times = duration(plan.seconds(1)), duration(plan.seconds(workers))
    return ("total, with loading models", "", *_numbers(plan), *times, "")


def assumed(plan: PlanCost, workers: int, store: str) -> Iterator[str]:
    """What the numbers rest on."""
    spent = plan.spent
    clock = (
        "the clock's, since networks run on a device"
        if plan.accelerated
        else "processor time: what an otherwise idle machine takes with one thread per worker"
    )
    yield f"Calibrated in {duration(spent.cpu)} of processor time ({duration(spent.wall)} by the clock):"
    yield f"- Seconds are {clock}."
    yield "- Each stage was tried on a few images; seconds = a + b x images within a batch, a of padding."
    yield "- Counts include what fills batches up. A stage that several audits share is the first one's."
    if workers > 1:
        crowded = max((s.crowding for one in plan.audits for s in one.stages), default=1.0) > 1
        beside = ", times what threads hinder each other" if crowded else ""
        share = f"a stage takes its longest shard or an equal share{beside}"
        yield f"- {workers} workers: {share}; measuring one core."
    loading = ", ".join(f"{name} {duration(took)}" for name, took in plan.loading.items())
    yield f"- Models are loaded once per worker: {loading or 'none is needed'}."
    yield f"- Nothing was written to {store}. Pictures and pages of the report are not included."
    for one in plan.audits:
        if one.assumes:
            names = ", ".join(one.assumes)
            yield f"- {one.audit} assumes {names}, which pytest judges too: name these specs as well."


def budget_text(found: Budgeted, budget: str, workers: int) -> Iterator[str]:
    """What fits, or what would be needed."""
    on = f"on {workers} worker{'s' if workers > 1 else ''}"
    if not found.fits:
        yield (
            f"{budget} {on} is not enough: {duration(found.seconds)} are needed with the fewest images that "
            "min_n and one batch allow. Give it that, more workers, or leave audits out."
        )
    elif any(sample.changes for sample in found.samples):
        yield f"Within {budget} {on}: {duration(found.seconds)} with these images."
    else:
        yield f"Within {budget} {on}: {duration(found.seconds)} with all images."
    yield ""


def samples_text(found: Budgeted, widths: Sequence[tuple[str, str, Width]]) -> Iterator[str]:
    """Images per audit, and half the width of each interval."""
    head = ("audit", "images", "of", "at least")
    rows = [(one.audit, str(one.images), str(one.whole), str(one.least)) for one in found.samples]
    yield from aligned([head, *rows], left=(0,))
    yield ""
    lines = [
        (f"{audit}.{one.expectation} [{model}]", half(one.planned), half(one.whole), one.basis)
        for audit, model, one in widths
    ]
    heads = ("half width of the interval", "planned", "all", "by")
    yield from aligned([heads, *lines], left=(0, 3))
    yield ""


def half(value: float) -> str:
    """Half a width."""
    return "?" if math.isnan(value) else f"{value:.2g}"


def aligned(rows: Sequence[Row], left: Sequence[int]) -> Iterator[str]:
    """Columns under each other; ``left`` are those of words."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (
            cell.ljust(width) if at in left else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()
