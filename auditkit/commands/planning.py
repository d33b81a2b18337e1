"""``auditkit plan``: what audits will cost before anything runs, and which samples fit a budget."""

import argparse
import json
import math
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditkit.commands.gathering import add_selection, selection_of, settings_of
from auditkit.commands.units import seconds_of
from auditkit.errors import AuditError
from auditkit.spec.engines import positive
from auditkit.spec.load import Audit
from auditkit.spec.model_card import ModelCard

if TYPE_CHECKING:
    from auditkit.planning.costs import AuditCost, PlanCost
    from auditkit.planning.samples import Budgeted
    from auditkit.planning.walking import Planner
    from auditkit.planning.widths import Width

Pair = tuple[Audit, ModelCard]


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register ``plan``."""
    plan = commands.add_parser(
        "plan",
        help="what audits will cost on this machine or N workers, before anything runs",
        description="Exit status 0: planned; 1: the budget is not enough; 2: bad input.",
    )
    add_selection(plan)
    plan.add_argument(
        "--workers",
        default="",
        metavar="N",
        help="processes; default: as pytest does here, one per GPU or a thread per core",
    )
    plan.add_argument(
        "--budget", default="", metavar="TIME", help="such as 2h or 45min: choose sample sizes"
    )
    plan.add_argument(
        "--baseline", type=Path, metavar="RUN", help="folder of an earlier run, for interval widths"
    )
    plan.add_argument(
        "--write-profile",
        type=Path,
        metavar="FILE",
        help="the budget's samples as NAME.profile.yaml, for pytest --audit-profile FILE",
    )
    plan.add_argument("--json", action="store_true", help="everything, stage by stage, as JSON")
    plan.set_defaults(run=run)


@dataclass(frozen=True)
class _Asked:
    """The budget that was asked for.

    Attributes:
        seconds: 0 for none.
        workers: on which the plan would run.
    """

    seconds: float
    workers: int


def run(given: argparse.Namespace) -> int:
    """Plan; 1 if the budget is not enough."""
    seconds = seconds_of(given.budget, "--budget") if given.budget else 0.0
    count = positive(given.workers, "--workers")
    _check(given)
    chosen, settings = selection_of(given), settings_of(given)

    from auditkit.comparison.runs import FinishedRun
    from auditkit.evidence.engine import threads
    from auditkit.evidence.store import Store
    from auditkit.planning.walking import Planner

    earlier = FinishedRun.read(given.baseline) if given.baseline else None
    store = Store(given.store if "://" in given.store else Path(given.store).resolve())
    # What is not asked for is what pytest does here: threads of its own process. Other workers are processes.
    planner = Planner(store, settings, told=_told, sharing=1 if count else threads())
    asked = _Asked(seconds, count or _workers(planner))
    pairs = list(chosen.pairs())
    whole = planner.plan(pairs)
    found = _budgeted(planner, pairs, whole, asked) if seconds else None
    widths = _widths(pairs, whole, found, earlier) if found is not None else []
    _clear()
    if given.json:
        print(json.dumps(_as_json(whole, found, widths, asked), indent=1, allow_nan=False))
    else:
        _print(given, whole, found, widths, asked)
    if found is not None and found.fits and given.write_profile is not None:
        _write(given, found)
    return 0 if found is None or found.fits else 1


def _check(given: argparse.Namespace) -> None:
    """Options that belong together, before anything is computed."""
    if given.write_profile is None and given.baseline is None:
        return
    if not given.budget:
        named = "--write-profile" if given.write_profile is not None else "--baseline"
        raise AuditError(f"{named} belongs to --budget: give it too")
    if given.write_profile is not None:
        from auditkit.planning.written import profile_name

        profile_name(given.write_profile)
        if given.profile:
            raise AuditError(
                "--write-profile: a run has one profile; leave --profile out, or add the samples to it"
            )


def _workers(planner: "Planner") -> int:
    """One per GPU, or per core."""
    from auditkit.evidence.engine import threads

    return 1 if planner.engine.accelerated else threads()


def _budgeted(
    planner: "Planner", pairs: list[Pair], whole: "PlanCost", asked: _Asked
) -> "Budgeted":
    from auditkit.planning.samples import Choosing, choosing, within

    choices: dict[str, Choosing] = {}
    costs = {(one.audit, one.model): one for one in whole.audits}
    for audit, card in pairs:
        if not costs[audit.id, card.model].images or audit.id in choices:
            continue
        patients = planner.evidence(audit, card).patients.tolist()
        choice = choosing(audit, patients, planner.settings.batch)
        if choice is not None:
            choices[audit.id] = choice
    return within(asked.seconds, asked.workers, pairs, choices, whole, planner.plan)


def _widths(
    pairs: list[Pair], whole: "PlanCost", found: "Budgeted", earlier: Any
) -> "list[tuple[str, str, Width]]":
    from auditkit.planning.walking import findings_of
    from auditkit.planning.widths import width

    samples = {one.audit: (one.images, one.whole) for one in found.samples}
    known = findings_of(whole)
    return [
        (
            audit.id,
            card.model,
            width(one, audit, card, samples[audit.id], known.get((audit.id, card.model)), earlier),
        )
        for audit, card in pairs
        if audit.id in samples
        for one in audit.spec.expect
        if one.in_ is None
    ]


def _print(
    given: argparse.Namespace,
    whole: "PlanCost",
    found: "Budgeted | None",
    widths: "list[tuple[str, str, Width]]",
    asked: _Asked,
) -> None:
    from auditkit.commands import planning_text as text

    lines = list(text.plan_text(whole, asked.workers, given.store))
    if found is not None:
        lines += ["", *text.budget_text(found, given.budget, asked.workers)]
        lines += text.samples_text(found, widths)
    print("\n".join(lines))


def _write(given: argparse.Namespace, found: "Budgeted") -> None:
    from auditkit.planning.written import write_profile

    write_profile(given.write_profile, found.samples, given.budget)
    said = f"written: {given.write_profile}; run: pytest ... --audit-profile {given.write_profile}"
    print(said, file=sys.stderr if given.json else sys.stdout)


def _as_json(
    whole: "PlanCost",
    found: "Budgeted | None",
    widths: "list[tuple[str, str, Width]]",
    asked: _Asked,
) -> dict[str, Any]:
    document = {
        "workers": asked.workers,
        "seconds": {"one_worker": whole.seconds(1), "workers": whole.seconds(asked.workers)},
        "calibration": asdict(whole.spent),
        "loading": whole.loading,
        "bytes": whole.size,
        "total": asdict(whole.usage),
        "audits": [_audit(one, whole, asked.workers) for one in whole.audits],
    }
    if found is None:
        return document
    budget = {
        "seconds": found.budget,
        "fits": found.fits,
        "planned_seconds": found.seconds,
        "samples": [asdict(one) for one in found.samples],
        "half_widths": [
            {"audit": audit, "model": model, **_plain(asdict(one))} for audit, model, one in widths
        ],
    }
    return {**document, "budget": budget}


def _audit(one: "AuditCost", whole: "PlanCost", workers: int) -> dict[str, Any]:
    times = [one.seconds(count, accelerated=whole.accelerated) for count in (1, workers)]
    computed, found, shared = one.shards
    return {
        "audit": one.audit,
        "model": one.model,
        "problem": one.problem,
        "images": one.images,
        "patients": one.patients,
        "bytes": one.size,
        "usage": asdict(one.usage),
        "seconds": dict(zip(("one_worker", "workers"), times, strict=True)),
        "measurement": one.measurement,
        "shards": {"to_compute": computed, "in_store": found, "by_audits_above": shared},
        "assumes": list(one.assumes),
        "stages": [asdict(stage) for stage in one.stages],
    }


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Without NaN, which is no JSON."""
    return {
        name: None if isinstance(value, float) and math.isnan(value) else value
        for name, value in values.items()
    }


def _told(text: str) -> None:
    """One line in a terminal, none elsewhere."""
    if sys.stderr.isatty():
        print(f"\r\x1b[2Kcalibrating {text}", end="", file=sys.stderr, flush=True)


def _clear() -> None:
    if sys.stderr.isatty():
        print("\r\x1b[2K", end="", file=sys.stderr, flush=True)
