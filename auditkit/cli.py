"""The command ``auditkit``: validate specs, list what can be named, print schemas and forms, render reports.

Audits themselves are run by pytest. Exit status 0: fine; 1: problems found; 2: bad input.
"""

import argparse
import io
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from auditkit import __version__
from auditkit.errors import AuditError, readable
from auditkit.spec.card_folders import card_folders
from auditkit.spec.catalogue import Catalogue, catalogue, checks
from auditkit.spec.regular import is_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from auditkit.spec.counterfactual_card import CounterfactualCard
    from auditkit.spec.data_card import DataCard
    from auditkit.spec.formats import Format
    from auditkit.spec.generator_card import GeneratorCard
    from auditkit.spec.load import Audit
    from auditkit.spec.model_card import ModelCard

SCHEMAS = (
    "audit",
    "model",
    "data",
    "generator",
    "assessment",
    "ratings",
    "counterfactual",
    "profile",
    "study",
    "answers",
    "results",
)
LISTS = ("checks", "models", "data", "generators", "counterfactuals", "methods", "formats")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    given = _parser().parse_args(arguments)
    _show_any_name()
    try:
        status: int = given.run(given)
    except AuditError as error:
        print(f"auditkit: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        return 0
    except OSError as error:
        # A full disk, a folder that may not be read, a path that no system accepts.
        what = f"{error.filename}: " if error.filename else ""
        print(f"auditkit: {readable(f'{what}{error.strerror or error}')}", file=sys.stderr)
        return 2
    return status


def _show_any_name() -> None:
    """Names of files may be no text: on standard output, too, what cannot be encoded is escaped."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="auditkit",
        description="Audits of medical-image models. Run audits with: pytest audits/ --model NAME",
    )
    parser.add_argument("--version", action="version", version=f"auditkit {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    validate = commands.add_parser("validate", help="check specs, cards and recipes")
    validate.add_argument(
        "paths", nargs="+", type=Path, metavar="PATH", help="spec, card or folder"
    )
    validate.set_defaults(run=_validate)
    listing = commands.add_parser("list", help="what specs can name")
    listing.add_argument("what", choices=LISTS)
    listing.set_defaults(run=_list)
    schema = commands.add_parser("schema", help="JSON Schema of specs, cards or results.json")
    schema.add_argument("what", nargs="?", choices=SCHEMAS, default="audit")
    schema.set_defaults(run=_schema)
    weights = commands.add_parser("weights", help="a device's own files instead of its stand-in")
    weights.add_argument("action", choices=("add", "remove", "list"))
    weights.add_argument("model", nargs="?", metavar="MODEL", help="name or card of the model")
    weights.add_argument("files", nargs="*", type=Path, metavar="FILE", help="what to copy")
    weights.set_defaults(run=_weights)
    data = commands.add_parser("data", help="look through a data set before it is audited on")
    data.add_argument("action", choices=("check",))
    data.add_argument("data", metavar="CARD", help="name or path of a data card")
    data.set_defaults(run=_data)
    _add_forms(commands.add_parser("new", help="a project of audits, or an empty form for people"))
    _add_runs(commands)
    _add_computing(commands)
    for command in (validate, listing, weights, data):
        command.add_argument(
            "--cards",
            action="append",
            type=Path,
            metavar="DIR",
            help="folder with model and data cards (default: as pytest's audit_cards); repeatable",
        )
    return parser


def _add_forms(new: argparse.ArgumentParser) -> None:
    from auditkit.commands import dossier, new_project

    forms = new.add_subparsers(required=True, metavar="FORM")
    assessment = forms.add_parser("clinical-assessment", help="a recorded assessment (G1 and G2)")
    assessment.add_argument(
        "name", metavar="NAME", help="name of the record, as specs will name it"
    )
    assessment.add_argument("--task", required=True, help="which models it concerns")
    assessment.add_argument(
        "--out", type=Path, metavar="FILE", help="default: NAME.assessment.yaml in this folder"
    )
    assessment.set_defaults(run=_new)
    dossier.add_commands(forms)
    new_project.add_commands(forms)


def _add_runs(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The commands about runs; what they do is imported when they do it."""
    from auditkit.commands import (
        attesting,
        comparing,
        doctor,
        gathering,
        gating,
        planning,
        proficiency,
        recomputing,
        rendering,
        sharing,
        store,
        study,
    )

    for module in (
        gathering,
        planning,
        proficiency,
        rendering,
        gating,
        comparing,
        attesting,
        recomputing,
        sharing,
        store,
        study,
        doctor,
    ):
        module.add_commands(commands)


def _add_computing(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The commands that train and compare; what they do is imported when they do it."""
    from auditkit.benchmarking import command as benchmarking
    from auditkit.training import command as training

    training.add_arguments(
        commands.add_parser(
            "train", help="a generator of images or counterfactuals, or a classifier"
        )
    )
    benchmark = commands.add_parser(
        "depict-benchmark", help="concept permutation against oracles, Grad-CAM and LIME"
    )
    benchmarking.add_arguments(benchmark)
    benchmark.set_defaults(run=_benchmark)


def _benchmark(given: argparse.Namespace) -> int:
    """Compute benchmark.json and render it."""
    from auditkit.benchmarking import command
    from auditkit.report.benchmark import write_benchmark

    status = command.run(given)
    print(write_benchmark(given.out))
    return status


def _catalogue(given: argparse.Namespace) -> Catalogue:
    folders = given.cards or card_folders()
    for folder in given.cards or []:
        if not is_folder(folder):
            raise AuditError(f"--cards {folder} is not a folder")
    return catalogue(folders)


def _validate(given: argparse.Namespace) -> int:
    from auditkit.spec.catalogue import CARDS
    from auditkit.spec.dossier import DOSSIER_SUFFIX
    from auditkit.spec.load import SPEC_SUFFIXES, Audit, check_assumptions, find_specs
    from auditkit.spec.problems import SpecError
    from auditkit.spec.profile import PROFILE_SUFFIX
    from auditkit.spec.study import STUDY_SUFFIX
    from auditkit.spec.training import TRAINING_SUFFIX

    cards, audits = _catalogue(given), dict[Path, list[Audit]]()
    problems: list[SpecError] = []
    files = find_specs(
        given.paths,
        (*SPEC_SUFFIXES, *CARDS, TRAINING_SUFFIX, DOSSIER_SUFFIX, PROFILE_SUFFIX, STUDY_SUFFIX),
    )
    if not files:
        names = ", ".join(str(path) for path in given.paths)
        raise AuditError(f"{names}: no spec (*.audit.yaml) or card was found there")
    for path in files:
        try:
            audits.setdefault(path.parent, []).extend(_read(path, cards))
        except SpecError as error:
            problems.append(error)
    for found in audits.values() if not problems else ():
        try:
            check_assumptions(found)
        except SpecError as error:
            problems.append(error)
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        return 2
    print(f"{len(files)} valid")
    return 0


def _read(path: Path, cards: Catalogue) -> "list[Audit]":
    """Read a spec or a card; the audit, if it is one."""
    from auditkit.spec import catalogue as known
    from auditkit.spec.answers_card import ANSWERS_SUFFIX
    from auditkit.spec.counterfactual_card import COUNTERFACTUAL_SUFFIX
    from auditkit.spec.dossier import DOSSIER_SUFFIX, read_dossier
    from auditkit.spec.load import load_audit
    from auditkit.spec.profile import PROFILE_SUFFIX, read_profile
    from auditkit.spec.recipes import TRAINING_SUFFIX, read_recipe
    from auditkit.spec.study import STUDY_SUFFIX, read_plan

    readers: dict[str, Callable[[Path], object]] = {
        known.MODEL_SUFFIX: known.read_model_card,
        known.DATA_SUFFIX: known.read_data_card,
        known.GENERATOR_SUFFIX: known.read_generator_card,
        known.ASSESSMENT_SUFFIX: known.read_assessment,
        known.RATINGS_SUFFIX: known.read_ratings_card,
        ANSWERS_SUFFIX: known.read_answers_card,
        COUNTERFACTUAL_SUFFIX: known.read_counterfactual_card,
        TRAINING_SUFFIX: read_recipe,
        DOSSIER_SUFFIX: read_dossier,
        PROFILE_SUFFIX: read_profile,
        STUDY_SUFFIX: read_plan,
    }
    for suffix, read in readers.items():
        if path.name.endswith(suffix):
            read(path)
            return []
    return [load_audit(path, cards)]


def _list(given: argparse.Namespace) -> int:
    rows: list[tuple[str, str]] = []
    if given.what == "checks":
        rows = [(check.name, check.summary) for check in checks().values()]
    elif given.what == "methods":
        from auditkit.spec.methods import METHODS

        rows = [(name, (kind.__doc__ or "").strip()) for name, kind in METHODS.items()]
    elif given.what == "formats":
        from auditkit.spec.formats import FORMATS

        rows = [(name, _format_line(kind)) for name, kind in FORMATS.items()]
    elif given.what == "models":
        rows = [(name, _model_line(card)) for name, card in _catalogue(given).models().items()]
    else:
        rows = [(name, _card_line(card)) for name, card in _cards(given).items()]
    width = max((len(name) for name, _ in rows), default=0)
    for name, text in rows:
        print(f"{name:<{width}}  {text}")
    return 0


def _cards(
    given: argparse.Namespace,
) -> "Mapping[str, DataCard | GeneratorCard | CounterfactualCard]":
    cards = _catalogue(given)
    if given.what == "generators":
        return cards.generators()
    return cards.counterfactuals() if given.what == "counterfactuals" else cards.data_sets()


def _card_line(card: "DataCard | GeneratorCard | CounterfactualCard") -> str:
    return f"{card.task}: {card.title}{' (stand-in)' if card.stand_in else ''}"


def _model_line(card: "ModelCard") -> str:
    from auditkit.spec.fallback import settled

    try:
        found = settled(card)
    except AuditError as error:
        return f"{card.task}: cannot be used: {error}"
    return f"{found.task}: {found.title}{' (stand-in)' if found.stand_in else ''}"


def _weights(given: argparse.Namespace) -> int:
    from auditkit.models.user_files import add, overview, remove

    if given.action == "list":
        for name, text in overview(_catalogue(given)):
            print(f"{name}: {text}")
        return 0
    if given.model is None or (given.action == "add" and not given.files):
        raise AuditError(f"auditkit weights {given.action}: MODEL FILE... was expected")
    card = _catalogue(given).unsettled_model(given.model)
    if given.action == "remove":
        for path in remove(card):
            print(f"removed {path}")
        return 0
    for path, sha256 in add(card, given.files):
        print(f"{path}  sha256 {sha256}")
    return 0


def _data(given: argparse.Namespace) -> int:
    from auditkit.data.check import check_data
    from auditkit.data.quiet import quiet

    card = _catalogue(given).data(given.data)
    with quiet():
        found = check_data(card)
    print(found.render_text())
    return 1 if found.problems else 0


def _format_line(kind: "Format") -> str:
    parts = [kind.title, ", ".join(kind.suffixes), "" if kind.gradients else "no gradients"]
    parts.append(f"held to {kind.runtime}" if kind.runtime else "")
    parts.append(f'pip install "pytest-auditkit[{kind.extra}]"' if kind.extra else "")
    return "; ".join(filter(None, parts))


def _schema(given: argparse.Namespace) -> int:
    from auditkit.spec.schema import schema

    if given.what == "results":
        from auditkit.results import results_schema

        found = results_schema()
    else:
        found = schema(given.what)
    print(json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False))
    return 0


def _new(given: argparse.Namespace) -> int:
    """Write a form where there is none."""
    from auditkit.spec.assessment_form import assessment_form
    from auditkit.spec.catalogue import ASSESSMENT_SUFFIX

    text = assessment_form(given.name, given.task)
    file: Path = given.out or Path(f"{given.name}{ASSESSMENT_SUFFIX}")
    if not file.name.endswith(ASSESSMENT_SUFFIX):
        raise AuditError(f"--out {file}: a name that ends in {ASSESSMENT_SUFFIX} was expected")
    try:
        with file.open("x", encoding="utf-8") as form:
            form.write(text)
    except FileExistsError:
        raise AuditError(f"{file} exists, and is not overwritten; choose another --out") from None
    except OSError as error:
        raise AuditError(f"{file} cannot be written: {error.strerror}") from error
    print(f"{file} is to be filled in; then run: auditkit validate {file}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
