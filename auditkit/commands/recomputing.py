"""`auditkit reproduce`: a second look at a run, on another machine or the same."""

import argparse
import json
import sys
from pathlib import Path

from auditkit.spec.engines import DEVICES


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `reproduce`."""
    command = commands.add_parser(
        "reproduce", help="compute a run's evidence again, judge it again, and compare"
    )
    command.add_argument("folder", type=Path, metavar="RUN", help="a run's folder")
    command.add_argument(
        "--sample", default="2%", metavar="2%|N|all", help="shards to compute again (default: 2%%)"
    )
    command.add_argument(
        "--seed", type=int, metavar="N", help="draw the same sample again (default: a new one)"
    )
    command.add_argument(
        "--store", type=Path, metavar="DIR", help="the run's evidence (default: where it says)"
    )
    command.add_argument(
        "--root",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="folder in which specs and cards lie as they did (default: this one)",
    )
    command.add_argument(
        "--cards",
        action="append",
        type=Path,
        default=[],
        metavar="DIR",
        help="folder with cards (default: those of the recorded cards); repeatable",
    )
    command.add_argument(
        "--device", choices=DEVICES, help="where networks run (default: as recorded)"
    )
    command.add_argument("--out", type=Path, metavar="FILE", help="write all of it as JSON")
    command.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Print what could be confirmed; 0: all, 1: something differs or is open, 2: nothing."""
    from auditkit.recomputing.reproduce import Asked, reproduce
    from auditkit.recomputing.words import words
    from auditkit.results import write_whole

    asked = Asked(
        place=given.folder,
        root=given.root,
        sample=given.sample,
        seed=given.seed,
        store=given.store,
        cards=given.cards,
        device=given.device,
        progress=_progress,
    )
    look = reproduce(asked)
    print(words(look))
    if given.out is not None:
        data = {**look.model_dump(mode="json"), "status": look.status}
        text = json.dumps(data, sort_keys=True, indent=1, ensure_ascii=False)
        write_whole(given.out, f"{text}\n".encode())
    return look.status


def _progress(stage: str, done: int, total: int, seconds: float) -> None:
    if sys.stderr.isatty():
        end = "\r" if done < total else "\n"
        line = f"\x1b[2K{stage}: {done} of {total} parts, {seconds:.0f} s"
        print(line, end=end, file=sys.stderr, flush=True)
