"""``auditkit gather``: compute evidence anywhere, and judge nothing; pytest finds it afterwards."""

import argparse
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from auditkit.errors import AuditError, Unavailable
from auditkit.spec.card_folders import card_folders
from auditkit.spec.catalogue import catalogue
from auditkit.spec.engines import DEVICES, ENGINES, PRECISIONS, EngineChoice, positive
from auditkit.spec.load import Audit
from auditkit.spec.model_card import ModelCard
from auditkit.spec.profile import Profile, find_profile
from auditkit.spec.selection import Selection, selected

if TYPE_CHECKING:
    from auditkit.evidence.engine import Engine
    from auditkit.evidence.kinds import Settings
    from auditkit.evidence.workroom import Workroom

STORE = ".auditkit/store"


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register ``gather``."""
    gather = commands.add_parser(
        "gather",
        help="compute the evidence of audits on this machine or a cluster, without judging",
    )
    add_selection(gather)
    gather.add_argument("--engine", default="", metavar="|".join(ENGINES), help="default: inline")
    gather.add_argument("--workers", default="", metavar="N", help="default: one per GPU or core")
    gather.add_argument(
        "--engine-option", action="append", default=[], metavar="NAME=VALUE", help="repeatable"
    )
    gather.set_defaults(run=run)


def add_selection(parser: argparse.ArgumentParser) -> None:
    """The options that say which audits, of which models, computed how."""
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="spec or folder")
    parser.add_argument("--model", action="append", default=[], metavar="NAME", help="repeatable")
    parser.add_argument("--data", default="", metavar="NAME", help="replaces data of its task")
    parser.add_argument("--profile", default="", metavar="NAME|FILE", help="of samples and limits")
    parser.add_argument("--cards", action="append", type=Path, metavar="DIR", help="repeatable")
    parser.add_argument("--store", default=STORE, metavar="PLACE", help=f"default: {STORE}")
    parser.add_argument("--device", default="auto", choices=DEVICES)
    parser.add_argument("--precision", default="float32", choices=PRECISIONS)
    parser.add_argument("--batch-size", default="", metavar="N", help="inputs per forward pass")
    parser.add_argument("--shard", default="", metavar="N", help="images per shard")
    parser.add_argument("--fast", action="store_true", help="the last digits may differ")


def selection_of(given: argparse.Namespace) -> Selection:
    """What was asked for.

    Raises:
        AuditError: something is not there or not known.
    """
    for folder in given.cards or []:
        if not folder.is_dir():
            raise AuditError(f"--cards {folder} is not a folder")
    for path in given.paths:
        if not path.exists():
            raise AuditError(f"{path} does not exist; a spec or a folder of specs was expected")
    cards = catalogue(given.cards or card_folders())
    profile = _profile(given)
    return selected(given.paths, cards, given.model, data=given.data, profile=profile)


def _profile(given: argparse.Namespace) -> Profile | None:
    return find_profile(given.profile, given.paths, Path.cwd()) if given.profile else None


def settings_of(given: argparse.Namespace) -> "Settings":
    """How evidence is computed."""
    from auditkit.evidence.kinds import Settings

    return Settings.asked(
        given.device,
        given.precision,
        positive(given.batch_size, "--batch-size"),
        shard=positive(given.shard, "--shard"),
        fast=given.fast,
    )


@dataclass(frozen=True)
class _Gathered:
    audit: Audit
    card: ModelCard
    computed: int = 0
    found: int = 0
    seconds: float = 0.0
    problem: str = ""

    def __str__(self) -> str:
        name = f"{self.audit.id} [{self.card.model}]"
        if self.problem:
            return f"{name}: {self.problem}"
        shards = f"{self.computed} shards computed, {self.found} found"
        return f"{name}: {shards}, {self.seconds:.1f} s"


def run(given: argparse.Namespace) -> int:
    """Gather all evidence; 1 if some could not be had."""
    choice = EngineChoice.parse(given.engine, given.workers, given.engine_option, "--")
    chosen, settings = selection_of(given), settings_of(given)
    engine = _engine(given, settings, choice)
    every: list[_Gathered] = []
    try:
        for one in _gathered(chosen, engine, settings):
            print(one, flush=True)
            every.append(one)
    except KeyboardInterrupt:
        print("interrupted: finished shards are kept; run again to go on", file=sys.stderr)
        return 130
    finally:
        engine.close()
    return _told(given, engine, every)


def _engine(given: argparse.Namespace, settings: "Settings", choice: EngineChoice) -> "Engine":
    from auditkit.evidence.engine import Engine, threads
    from auditkit.evidence.execution.choose import executor_of
    from auditkit.evidence.store import Store

    store = Store(given.store if "://" in given.store else Path(given.store).resolve())
    count = 1 if settings.device in ("cuda", "mps") else threads()
    executor = executor_of(choice, store, settings, count)
    described = ", ".join(f"{key} {value}" for key, value in executor.describe().items())
    print(f"{described}; evidence in {given.store}", flush=True)
    return Engine(store, count, Progress(), executor=executor, listing=False)


def _gathered(chosen: Selection, engine: "Engine", settings: "Settings") -> Iterator[_Gathered]:
    from auditkit.evidence.workroom import Workroom
    from auditkit.session import hindrance

    workroom = Workroom(engine, settings)
    for audit, card in chosen.pairs():
        if audit.check.combines:
            yield _Gathered(
                audit, card, problem="combines what other audits find: nothing to gather"
            )
            continue
        hindered = hindrance(audit, card)
        if hindered is not None:
            yield _Gathered(audit, card, problem=f"{hindered.verdict.value}: {hindered.reason}")
            continue
        yield _gather_one(workroom, audit, card)


def _gather_one(workroom: "Workroom", audit: Audit, card: ModelCard) -> _Gathered:
    """Run a check and drop what it finds: it alone knows which evidence it needs."""
    from auditkit.checks import compute

    counts, started = workroom.engine.counts, time.monotonic()
    before = counts.computed, counts.found
    images = getattr(audit.parameters, "images", None)
    try:
        evidence = workroom.evidence(card, audit.data, images, audit.beside)
        compute(audit.check, evidence, audit.parameters)
    except Unavailable as error:
        return _Gathered(audit, card, problem=f"not run: {error}")
    except Exception as error:  # noqa: BLE001 the other audits' evidence is wanted all the same
        return _Gathered(audit, card, problem=f"error: {error or repr(error)}")
    computed, found = counts.computed - before[0], counts.found - before[1]
    return _Gathered(audit, card, computed, found, time.monotonic() - started)


def _told(given: argparse.Namespace, engine: "Engine", every: Sequence[_Gathered]) -> int:
    """Say what was done, and how to judge it."""
    counts = engine.counts
    failed = [one for one in every if one.problem.startswith(("error", "not run"))]
    print(f"{counts.computed} shards computed, {counts.found} found in {given.store}")
    if failed:
        print(f"{len(failed)} of {len(every)} audits could not be gathered", file=sys.stderr)
    print(f"judge with: {shlex.join(_judging(given))}")
    return 1 if failed else 0


def _judging(given: argparse.Namespace) -> list[str]:
    """The command that finds this evidence: what is part of its address must be the same."""
    words = ["pytest", *map(str, given.paths)]
    for model in given.model:
        words += ["--model", model]
    told = {
        "data": given.data,
        "profile": given.profile,
        "store": "" if given.store == STORE else given.store,
        "device": "" if given.device == "auto" else given.device,
        "precision": "" if given.precision == "float32" else given.precision,
        "batch-size": given.batch_size,
        "shard": given.shard,
    }
    for name, value in told.items():
        words += [f"--audit-{name}", value] if value else []
    return [*words, "--audit-fast"] if given.fast else words


class Progress:
    """One line in a terminal, a line now and then elsewhere."""

    def __init__(self) -> None:
        self._last = 0.0

    def __call__(self, stage: str, done: int, total: int, seconds: float) -> None:
        """Say how far a stage is, with what is left."""
        now, tty = time.monotonic(), sys.stderr.isatty()
        if now - self._last < (0.5 if tty else 20.0) or seconds < 3:
            return
        self._last = now
        left = seconds / max(done, 1) * (total - done)
        text = f"{stage}: {done} of {total} shards, about {left:.0f} s left"
        print(f"\r\x1b[2K{text}" if tty else text, end="" if tty else "\n", file=sys.stderr)
        sys.stderr.flush()
