"""`auditkit study`: build, serve, export and aggregate an expert study. Heavy parts are imported late."""

import argparse
import sys
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from auditkit.errors import AuditError
from auditkit.spec.card_folders import card_folders

if TYPE_CHECKING:
    from auditkit.study.place import Place
    from auditkit.study.storing import Store

_HOURS = 72.0
_PORT = 8765


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `auditkit study` with its actions."""
    actions = commands.add_parser(
        "study", help="an expert study in the browser: randomised and blinded"
    ).add_subparsers(required=True, metavar="ACTION")
    _add_new(actions)
    _add_serve(actions)
    _add_invite(actions)
    status = actions.add_parser("status", help="how far everybody is; no answers")
    _add_folder(status)
    status.set_defaults(run=_status)
    export = actions.add_parser("export", help="unblind a closed study into tables and a card")
    _add_folder(export)
    export.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder")
    export.set_defaults(run=_export)
    aggregate = actions.add_parser("aggregate", help="scores, top lists and agreement, as a page")
    aggregate.add_argument("answers", type=Path, metavar="CARD", help="a *.answers.yaml")
    aggregate.add_argument(
        "--out", type=Path, metavar="FILE", help="default: NAME.html beside the card"
    )
    aggregate.set_defaults(run=_aggregate)
    _add_simulate(actions)


def _add_new(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    new = actions.add_parser("new", help="build a study from its plan: pictures, order, key")
    new.add_argument("plan", type=Path, metavar="PLAN", help="a *.study.yaml")
    new.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder")
    new.add_argument("--seed", metavar="HEX", help="32 hexadecimal digits (default: new)")
    new.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    new.add_argument(
        "--store",
        type=Path,
        default=Path(".auditkit/store"),
        metavar="DIR",
        help="where evidence is kept (default: .auditkit/store)",
    )
    new.add_argument(
        "--cards",
        action="append",
        type=Path,
        metavar="DIR",
        help="folder with cards of models and data (default: as pytest's audit_cards); repeatable",
    )
    new.set_defaults(run=_new)


def _add_folder(command: argparse.ArgumentParser) -> None:
    command.add_argument("folder", type=Path, metavar="STUDY", help="folder of the study")
    command.add_argument(
        "--database",
        default="",
        metavar="URL",
        help="such as postgresql+pg8000://user@host/name (default: SQLite in the folder)",
    )


def _add_place(command: argparse.ArgumentParser) -> None:
    command.add_argument("--host", default="127.0.0.1", help="address (default: this machine only)")
    command.add_argument("--port", type=int, default=_PORT, help=f"default: {_PORT}; 0: any")
    command.add_argument("--certificate", type=Path, metavar="PEM", help="TLS certificate")
    command.add_argument("--key", type=Path, metavar="PEM", help="its key")
    command.add_argument(
        "--behind-proxy", default="", metavar="ADDRESS", help="address of the proxy that does TLS"
    )
    command.add_argument(
        "--name", action="append", default=[], metavar="HOST", help="by which browsers reach it"
    )
    command.add_argument(
        "--hours", type=float, default=_HOURS, help=f"how long links hold (default: {_HOURS:g})"
    )


def _add_serve(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    serve = actions.add_parser("serve", help="serve it, with a link for everybody")
    _add_folder(serve)
    _add_place(serve)
    serve.set_defaults(run=_serve)


def _add_invite(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    invite = actions.add_parser("invite", help="a new link for somebody, or none any more")
    _add_folder(invite)
    invite.add_argument("person", metavar="PERSON", help="name of an expert or the coordinator")
    invite.add_argument(
        "--revoke", action="store_true", help="end all links and sessions of theirs instead"
    )
    _add_place(invite)
    invite.set_defaults(run=_invite)


def _add_simulate(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    simulate = actions.add_parser(
        "simulate", help="programs answer for the experts whom the plan calls simulated"
    )
    _add_folder(simulate)
    simulate.set_defaults(run=_simulate)


def _new(given: argparse.Namespace) -> int:
    from auditkit.evidence import Settings, Store
    from auditkit.evidence.engine import Engine
    from auditkit.session import Session
    from auditkit.spec.catalogue import catalogue
    from auditkit.spec.study import read_plan
    from auditkit.study.building.building import build
    from auditkit.study.building.prospects import prospects
    from auditkit.study.building.summary import summary

    plan = read_plan(given.plan)
    settings = Settings(device=given.device)
    session = Session(Engine(Store(given.store), 1, _progress), settings)
    cards = catalogue(given.cards or card_folders())
    built = build(plan, cards, given.out, session=session, seed=given.seed)
    print(summary(built))
    if plan.kind != "heatmaps":
        print(f"\n{prospects(built)}")
    print(f"\nnext: auditkit study serve {given.out}")
    return 0


def _progress(stage: str, done: int, total: int, seconds: float) -> None:
    """Say how far evidence is, for anything longer than a few seconds."""
    if seconds > 3:
        left = seconds / max(done, 1) * (total - done)
        print(f"{stage}: {done} of {total} parts, about {left:.0f} s left", file=sys.stderr)


def _valid(given: argparse.Namespace) -> timedelta:
    if not 0 < given.hours <= 24 * 366:
        raise AuditError(f"--hours {given.hours:g}: expected more than 0, and a year at most")
    return timedelta(hours=given.hours)


def _place(given: argparse.Namespace) -> "Place":
    from auditkit.study.place import Place

    return Place(
        given.host, given.port, given.certificate, given.key, given.behind_proxy, tuple(given.name)
    )


def _serve(given: argparse.Namespace) -> int:
    from auditkit.study.serving import serve

    say = partial(print, flush=True)
    serve(given.folder, _place(given), database=given.database, valid=_valid(given), say=say)
    return 0


def _invite(given: argparse.Namespace) -> int:
    from auditkit.study.serving import invite

    if given.revoke:
        _store(given).revoke(given.person)
        print(f"{given.person}: all links and sessions are ended")
        return 0
    place = _place(given)
    if not given.port:
        raise AuditError("--port 0: the port at which the study is served was expected")
    address = place.address(given.port)
    print(invite(given.folder, given.person, address, database=given.database, valid=_valid(given)))
    return 0


def _store(given: argparse.Namespace) -> "Store":
    from auditkit.study.folder import read_blinded
    from auditkit.study.serving import database_of

    study = read_blinded(given.folder)
    try:
        from auditkit.study.storing import Store
    except ModuleNotFoundError as error:
        raise AuditError(
            f'{error.name} is not installed; run: pip install "pytest-auditkit[study]"'
        ) from error
    return Store(database_of(given.folder, given.database), study)


def _status(given: argparse.Namespace) -> int:
    store = _store(given)
    print(f"phase: {store.phase}")
    for one in store.progress():
        print(f"{one.person}, {one.phase}: {one.done} of {one.tasks}")
    return 0


def _export(given: argparse.Namespace) -> int:
    store = _store(given)
    from auditkit.study.exporting import export
    from auditkit.study.exporting.heatmaps import export_heatmaps
    from auditkit.study.folder import read_blinded

    heatmaps = read_blinded(given.folder).kind == "heatmaps"
    card = (export_heatmaps if heatmaps else export)(given.folder, store, given.out)
    print(f"{card} is the card of what was answered")
    if not heatmaps:
        print(f"next: auditkit study aggregate {card}")
    return 0


def _aggregate(given: argparse.Namespace) -> int:
    from auditkit.report.expert_study import read_study, study_lines, study_page
    from auditkit.results import write_whole
    from auditkit.spec.catalogue import read_answers_card

    study = read_study(read_answers_card(given.answers))
    page = given.out or given.answers.parent / f"{study.answers.card.answers}.html"
    for line in study_lines(study):
        print(line)
    write_whole(page, study_page(study).encode("utf-8"))
    print(page)
    return 0


def _simulate(given: argparse.Namespace) -> int:
    from auditkit.study.simulated.running import run_simulated

    run_simulated(given.folder, database=given.database, say=partial(print, flush=True))
    print(f"next: auditkit study export {given.folder} --out DIR")
    return 0
