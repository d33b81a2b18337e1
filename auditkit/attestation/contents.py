"""results.json held against the files that it names, by their digests."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from auditkit.attestation.digests import canonical_json
from auditkit.attestation.manifest import Problem
from auditkit.attestation.outcome import Line, line
from auditkit.attestation.statement import statement
from auditkit.errors import AuditError
from auditkit.results import PictureFile, Results, SampleFile, read_results
from auditkit.results.folder import REPORT, REQUIREMENTS, RESULTS, STATEMENT

Digests = Mapping[str, str]


def results_of(folder: Path) -> Results | None:
    """A run's results; None if the file is not there or is none."""
    if not (folder / RESULTS).is_file():
        return None
    try:
        return read_results(folder / RESULTS)
    except (OSError, ValueError, ValidationError, RecursionError):
        return None


def check_statement(folder: Path, results: Results, digests: Digests) -> Line:
    """Whether statement.json is what results.json and the files give."""
    subject = "statement"
    proves = "the verdicts in statement.json are those in results.json; not that they are right"
    if not {RESULTS, REPORT, STATEMENT} <= digests.keys():
        gone = sorted({RESULTS, REPORT, STATEMENT} - digests.keys())
        problems = tuple(Problem(file, "is missing") for file in gone)
        return line(subject, "cannot be derived again", proves, problems)
    derived = statement(results, digests)
    if (folder / STATEMENT).read_bytes() == canonical_json(derived):
        result = derived["predicate"]["result"]
        return line(subject, f"statement.json ({result}) follows from results.json", proves)
    problem = Problem(STATEMENT, "is not what results.json and the files give")
    return line(subject, "another statement follows from results.json", proves, (problem,))


def check_sources(results: Results, digests: Digests) -> Line:
    """Whether the copies of specs and cards are what was read, and the audits are of those specs."""
    kept = [source for source in results.sources if source.kept]
    problems = [
        Problem(source.kept, "is not the file that results.sources names")
        for source in kept
        if digests.get(source.kept) != source.sha256
    ]
    read = {(source.file, source.sha256) for source in results.sources}
    known = {source.file for source in results.sources}
    problems += [
        Problem(RESULTS, f"the audit '{audit.audit}' is not of the spec kept of {audit.file}")
        for audit in results.audits
        if audit.file in known and (audit.file, audit.sha256) not in read
    ]
    problems += [
        Problem(RESULTS, f"the model '{model.model}' is not of the card kept of {model.card}")
        for model in results.models
        if model.card in known and (model.card, model.card_sha256) not in read
    ]
    says = f"{len(kept)} copies of specs and cards have the digests in results.json"
    if withheld := len(results.sources) - len(kept):
        says += f"; {withheld} are withheld from this copy and were not checked"
    if not kept and not problems:
        return Line("specs and cards", "not checked", "there are no copies in this folder", "")
    proves = "these are the specs and cards that were read; not when they were written"
    return line("specs and cards", says, proves, tuple(problems))


def check_pictures(results: Results, digests: Digests) -> Line:
    """Whether pictures, numbers per image and the list of packages are those that results.json names."""
    named = {file.file: file.sha256 for file in _files(results) if file.file}
    withheld = {file.sha256 for file in _files(results) if not file.file}
    if results.environment.requirements_sha256:
        named[REQUIREMENTS] = results.environment.requirements_sha256
    problems = tuple(
        Problem(file, "is not the file that results.json names")
        for file, sha256 in sorted(named.items())
        if digests.get(file) != sha256
    )
    says = f"{len(named)} pictures and tables have the digests in results.json"
    if withheld:
        says += f"; {len(withheld)} are withheld from this copy and were not checked"
    proves = "what is shown is what the run wrote; not that it is what the model saw"
    return line("pictures and tables", says, proves, problems)


def _files(part: Any) -> Iterator[PictureFile | SampleFile]:
    """Every file with a digest, wherever it stands in the results."""
    if isinstance(part, PictureFile | SampleFile):
        yield part
    elif isinstance(part, BaseModel):
        for name in type(part).model_fields:
            yield from _files(getattr(part, name))
    elif isinstance(part, list):
        for item in part:
            yield from _files(item)


def unreadable() -> Line:
    """The line of results that are none."""
    problem = Problem(RESULTS, "is missing or is not a results file of this version")
    return line("results", "nothing that rests on results.json was checked", "", (problem,))


def sealed_before(folder: Path) -> bool:
    """Whether a folder shows any sign of having been sealed."""
    from auditkit.results.folder import MANIFEST, SIGNATURES

    return any((folder / name).exists() for name in (MANIFEST, STATEMENT, SIGNATURES))


def run_folder(folder: Path) -> Path:
    """The folder, if it is a run's.

    Raises:
        AuditError: it is not.
    """
    if not (folder / RESULTS).exists() and not sealed_before(folder):
        raise AuditError(f"{folder}: a run's folder was expected (with {RESULTS})")
    return folder
