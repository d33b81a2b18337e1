"""``auditkit proficiency``: how often audits catch planted faults, and how often they cry wolf."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from auditkit.commands.gathering import Progress, add_selection, selection_of, settings_of
from auditkit.errors import AuditError
from auditkit.spec.catalogue import catalogue
from auditkit.spec.engines import positive
from auditkit.spec.load import Audit
from auditkit.spec.model_card import ModelCard
from auditkit.spec.problems import nearest

if TYPE_CHECKING:
    from auditkit.evidence.workroom import Workroom
    from auditkit.proficiency.study import Design, Studied


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register ``proficiency``."""
    parser = commands.add_parser(
        "proficiency",
        help="how often audits catch planted faults, and how often they cry wolf",
        description="Plants faults of known strength in a model's own answers, audits samples of "
        "patients, and counts. Exit status 0: done; 2: bad input.",
    )
    add_selection(parser)
    parser.add_argument(
        "--population",
        action="append",
        default=[],
        metavar="DATA=NAME",
        help="draw samples of data set DATA from data set NAME; default: from itself; repeatable",
    )
    parser.add_argument(
        "--images",
        default="",
        metavar="N[,N...]",
        help="in a sample; default: what each audit looks at",
    )
    parser.add_argument(
        "--models", default="200", metavar="N", help="composed models per fault and strength"
    )
    parser.add_argument(
        "--clean", default="400", metavar="N", help="composed models without a fault"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the first model and sample"
    )
    parser.add_argument("--fault", action="append", default=[], metavar="NAME", help="repeatable")
    parser.add_argument("--workers", default="", metavar="N", help="default: one per core")
    parser.add_argument("--out", type=Path, metavar="FILE", help="everything, as JSON")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Study audits of one model."""
    sizes = [positive(part, "--images") for part in given.images.split(",")]
    design = _design(given)
    chosen, settings = selection_of(given), settings_of(given)
    pairs = list(chosen.pairs())
    if len({card.model for _, card in pairs}) != 1:
        named = ", ".join(sorted({card.model for _, card in pairs})) or "none"
        raise AuditError(
            f"faults are planted in one model: name it with --model (planned: {named})"
        )

    from auditkit.commands.proficiency_text import text
    from auditkit.evidence.engine import Engine, threads
    from auditkit.evidence.store import Store
    from auditkit.evidence.workroom import Workroom
    from auditkit.proficiency import study

    store = Store(given.store if "://" in given.store else Path(given.store).resolve())
    room = Workroom(Engine(store, threads(), Progress(), listing=False), settings)
    studied, refused = _studied(given, pairs, room, sizes)
    found = study.run(studied, design, refused, _told)
    print("\n".join(text(found)))
    if given.out is not None:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(found.model_dump_json(indent=1) + "\n", encoding="utf-8")
        print(f"written: {given.out}")
    return 0


def _design(given: argparse.Namespace) -> "Design":
    from auditkit.evidence.engine import threads
    from auditkit.proficiency.faults import FAULTS
    from auditkit.proficiency.study import Design

    for name in given.fault:
        if name not in FAULTS:
            raise AuditError(f"--fault: unknown fault '{name}'; {nearest(name, FAULTS)}")
    if given.seed < 0:
        raise AuditError(f"--seed {given.seed}: a number from 0 was expected")
    return Design(
        models=positive(given.models, "--models") or 200,
        clean=positive(given.clean, "--clean") or 400,
        first_seed=given.seed,
        faults=tuple(FAULTS[name] for name in given.fault),
        workers=positive(given.workers, "--workers") or threads(),
    )


def _studied(
    given: argparse.Namespace,
    pairs: Sequence[tuple[Audit, ModelCard]],
    room: "Workroom",
    sizes: Sequence[int | None],
) -> "tuple[list[Studied], dict[str, str]]":
    """Each audit with its population, at each size; and those that this model cannot be asked."""
    from auditkit.proficiency.population import Population
    from auditkit.proficiency.study import Studied
    from auditkit.session import hindrance

    cards = catalogue(given.cards or [Path("fixtures")])
    named = dict(_pair(text) for text in given.population)
    for name in named:
        known_names = {audit.data.data for audit, _ in pairs}
        if name not in known_names:
            raise AuditError(
                f"--population {name}: no audit is of it; {nearest(name, known_names)}"
            )
    studied: list[Studied] = []
    refused: dict[str, str] = {}
    known: dict[str, Population] = {}
    for audit, card in pairs:
        hindered = hindrance(audit, card)
        if hindered is not None:
            refused[audit.id] = f"{hindered.verdict.value}: {hindered.reason}"
            continue
        name = audit.data.data
        data = cards.data(named[name]) if name in named else audit.data
        key = f"{data.digest} {audit.beside.digests}"
        if key not in known:
            known[key] = Population(room.evidence(card, data, None, audit.beside))
        for size in sizes:
            own = getattr(audit.parameters, "images", None) or len(
                room.dataset(audit.data, card).records
            )
            studied.append(Studied(audit, known[key], size or own))
    return studied, refused


def _pair(text: str) -> tuple[str, str]:
    data, found, name = text.partition("=")
    if not (found and data and name):
        raise AuditError(f"--population {text}: DATA=NAME was expected, two names of data sets")
    return data, name


def _told(done: int, total: int) -> None:
    """On a terminal one line that changes; elsewhere a line at each tenth."""
    said = f"{done} of {total} composed models audited"
    if sys.stderr.isatty():
        print(f"\r{said}", end="\n" if done == total else "", file=sys.stderr, flush=True)
    elif done * 10 // total > (done - 1) * 10 // total:
        print(said, file=sys.stderr, flush=True)
