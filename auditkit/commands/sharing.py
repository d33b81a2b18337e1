"""`auditkit share`: a copy of a run that may leave the house."""

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from auditkit.errors import AuditError
from auditkit.spec.card_folders import card_folders

if TYPE_CHECKING:
    from auditkit.results import Results
    from auditkit.sharing.copying import Copy
    from auditkit.sharing.renaming import Renaming
    from auditkit.spec.data_card import DataCard

_REDACTIONS = ("images", "ids")


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    share = commands.add_parser("share", help="a redacted copy of a run, sealed again")
    share.add_argument("folder", type=Path, metavar="RUN", help="a run's folder")
    share.add_argument(
        "--redact",
        action="append",
        choices=_REDACTIONS,
        required=True,
        help="images: withheld with their digests; ids: pseudonyms, and no absolute paths; repeatable",
    )
    share.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the copy")
    share.add_argument(
        "--cards",
        action="append",
        type=Path,
        metavar="DIR",
        help="folder with cards (default: as pytest's audit_cards), to know all ids of the data; repeatable",
    )
    share.add_argument(
        "--ids",
        type=Path,
        metavar="FILE",
        help="further ids and names to be replaced, one a line; needed where data are not at hand",
    )
    share.add_argument(
        "--store",
        type=Path,
        default=Path(".auditkit/store"),
        metavar="DIR",
        help="the evidence store, beside which the key of pseudonyms lies (default: .auditkit/store)",
    )
    share.set_defaults(run=_share)


def _share(given: argparse.Namespace) -> int:
    from auditkit.sharing.copying import copy_run, read_run
    from auditkit.sharing.pseudonyms import key_path, read_key

    results = read_run(given.folder)
    ids = "ids" in given.redact
    for folder in (given.folder, given.out):
        if ids and key_path(given.store).is_relative_to(folder.resolve()):
            raise AuditError(
                f"{key_path(given.store)}: the key of pseudonyms would lie in {folder}; whoever has it can "
                "try ids until one fits: name another --store"
            )
    key = read_key(given.store) if ids else b""
    renaming = _renaming(given, results, key) if ids else None
    if given.out.resolve().is_relative_to(given.folder.resolve()):
        raise AuditError(
            f"--out {given.out} lies inside {given.folder}, which is sealed; choose a folder beside it"
        )
    copy = copy_run(given.folder, given.out, given.redact, renaming, key, _finish)
    sys.stdout.writelines(f"{line}\n" for line in _told(given.out, copy))
    return 0


def _finish(results: "Results", folder: Path) -> None:
    from auditkit.attestation.statement import seal
    from auditkit.report.html import write

    write(results, folder)
    seal(results, folder)


def _renaming(given: argparse.Namespace, results: "Results", key: bytes) -> "Renaming":
    from auditkit.sharing.renaming import Renaming, ids_in
    from auditkit.sharing.vocabulary import Vocabulary

    named, further = ids_in(results), _further(given.ids) if given.ids else set()
    listed, why_not = _listed(given, results)
    data = {*named, *listed}
    known = {name: named.get(name, set()) | listed.get(name, set()) for name in data}
    vocabulary = Vocabulary(key, known | {"": further})
    if not given.ids:
        unlisted = set().union(*named.values()).difference(*listed.values())
        foreign = sorted(text for text in unlisted if text and not vocabulary.is_pseudonym(text))
        _refuse_unknown(why_not, foreign)
    return Renaming(vocabulary, paths=True)


def _refuse_unknown(why_not: Mapping[str, str], foreign: list[str]) -> None:
    """Fail where a table may quote an id that nobody here knows of.

    Raises:
        AuditError: a data set cannot be listed, or is not the one of the run.
    """
    mend = (
        "share where the run's cards and tables are (--cards), or list the ids that must not leave in a "
        "file (--ids)"
    )
    for data, reason in why_not.items():
        raise AuditError(f"not all ids of '{data}' are known: {reason}; {mend}")
    if foreign:
        raise AuditError(
            f"the run names '{foreign[0]:.100}', which is in none of its data sets as they are here, so that "
            f"not all ids of the run are known; {mend}"
        )


def _further(file: Path) -> set[str]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise AuditError(f"--ids {file} cannot be read as text: {error}") from error
    return {line.strip() for line in lines if line.strip()}


def _listed(
    given: argparse.Namespace, results: "Results"
) -> tuple[dict[str, set[str]], dict[str, str]]:
    """All ids of each data set of the run, and why some cannot be listed."""
    from auditkit.spec.catalogue import catalogue

    cards = catalogue(given.cards or card_folders())
    found: dict[str, set[str]] = {}
    why_not: dict[str, str] = {}
    for data in results.data:
        try:
            found[data.data] = set(_ids(cards.data(data.data)))
        except AuditError as error:
            why_not[data.data] = str(error)
    return found, why_not


def _ids(card: "DataCard") -> Iterator[str]:
    """Ids of pictures and patients, and names of files."""
    from auditkit.data.files import sources_of
    from auditkit.data.load import GENERATORS, list_data, load_data
    from auditkit.data.source import FileSource

    if card.format in GENERATORS:
        for record in load_data(card).records:
            yield from (record.id, record.patient)
        return
    for entry in list_data(card).entries:
        yield from (entry.id, entry.patient or "")
        yield from (source.text for source in sources_of(entry) if isinstance(source, FileSource))


def _told(out: Path, copy: "Copy") -> Iterator[str]:
    redaction = copy.redaction
    yield f"{out}  a copy of the run whose results.json has sha256 {redaction.original_sha256}"
    if "images" in redaction.withheld:
        yield f"  {redaction.images} pictures are withheld; their digests stand in the report"
    else:
        yield "  pictures are shown: nobody looked for names that are drawn into them"
    if "ids" in redaction.withheld:
        yield f"  {redaction.ids} ids are replaced by pseudonyms"
    if copy.sources:
        yield f"  withheld, as they hold an id or a path: {', '.join(copy.sources)}"
    if copy.left_out:
        yield f"  not copied: {', '.join(copy.left_out)}"
