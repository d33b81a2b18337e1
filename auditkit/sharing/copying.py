"""A redacted copy of a run's folder: built beside its place, looked at, and only then put there."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from auditkit.errors import AuditError
from auditkit.results import (
    EvidenceList,
    Redaction,
    Results,
    SampleFile,
    read_results,
    to_json,
    write_whole,
)
from auditkit.results.evidence_list import ListedEvidence
from auditkit.results.folder import (
    EVIDENCE_LIST,
    JUNIT,
    REQUIREMENTS,
    RESULTS,
)
from auditkit.results.samples import StoredSamples, samples_name
from auditkit.sharing.junit import renamed_junit
from auditkit.sharing.leaks import Leak, leaks, picture_leaks
from auditkit.sharing.pseudonyms import keyed_digest
from auditkit.sharing.renaming import Renaming, ids_in
from auditkit.sharing.withholding import pictures_in, withheld_in, without_pictures

What = Literal["images", "ids"]


@dataclass(frozen=True)
class Copy:
    """What became of a run's folder.

    Attributes:
        redaction: what was withheld, and how much.
        left_out: files and folders of the original that are not in the copy.
        sources: of these, specs and cards that hold an id or a path.
    """

    redaction: Redaction
    left_out: tuple[str, ...]
    sources: tuple[str, ...]


def read_run(folder: Path) -> Results:
    """A run's results.

    Raises:
        AuditError: there are none that can be read.
    """
    try:
        return read_results(folder / RESULTS)
    except OSError as error:
        raise AuditError(
            f"{folder / RESULTS} cannot be read: {error.strerror}; a run's folder was expected"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise AuditError(
            f"{folder / RESULTS} is not a results file of this version: {place}: {first['msg']}"
        ) from error


def copy_run(
    folder: Path,
    out: Path,
    what: Collection[What],
    renaming: Renaming | None,
    key: bytes,
    finish: Callable[[Results, Path], object],
) -> Copy:
    """Write the redacted copy, or nothing.

    Args:
        folder: the run's.
        out: the copy's, which must not exist.
        what: what is withheld.
        renaming: knows the ids; None where ids stay.
        key: of pseudonyms.
        finish: renders and seals the copy, given its results and folder.

    Raises:
        AuditError: a file cannot be read or written, or something that was to be withheld is left.
    """
    if out.exists():
        raise AuditError(f"{out} exists, and is not overwritten; choose another --out")
    out.parent.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix=".half-", dir=out.parent))
    try:
        copy = _Copying(folder, place, frozenset(what), renaming, key).run(finish)
        place.chmod(0o755)
        place.rename(out)
    except OSError as error:
        raise AuditError(f"{out} cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return copy


class _Copying:
    """One copy in the making."""

    def __init__(
        self,
        folder: Path,
        place: Path,
        what: frozenset[What],
        renaming: Renaming | None,
        key: bytes,
    ) -> None:
        self.folder, self.place, self.what = folder, place, what
        self.renaming, self.key = renaming, key
        self.original = read_run(folder)
        self.sources_out: list[str] = []

    def run(self, finish: Callable[[Results, Path], object]) -> Copy:
        results = self.renaming.results(self.original) if self.renaming else self.original
        results = self._without_pictures(results)
        results = self._sources(results)
        results = self._samples(results)
        results = self._texts(results)
        redaction = self._redaction(results)
        results = results.model_copy(update={"redaction": redaction})
        write_whole(self.place / RESULTS, to_json(results).encode())
        finish(results, self.place)
        self._refuse_leaks(results)
        return Copy(redaction, tuple(self._left_out()), tuple(self.sources_out))

    def _without_pictures(self, results: Results) -> Results:
        if "images" in self.what:
            return Results.model_validate(without_pictures(results.model_dump(mode="json")))
        for file in sorted(pictures_in(results.model_dump(mode="json"))):
            # What is gone from the original is gone from the copy; the report says so.
            if (self.folder / file).is_file():
                write_whole(self.place / file, self._read(file))
        return results

    def _sources(self, results: Results) -> Results:
        """Specs and cards byte for byte; one that holds an id or a path is withheld, and keeps its digest."""
        kept = []
        for old, new in zip(self.original.sources, results.sources, strict=True):
            content = self._read(old.kept) if old.kept else b""
            text = content.decode("utf-8", "replace")
            shown = self.renaming is None or (
                self.renaming.text(text) == text and old.kept == new.kept
            )
            if shown and old.kept:
                write_whole(self.place / old.kept, content)
            elif old.kept:
                self.sources_out.append(new.file)
            kept.append(new.model_copy(update={"kept": old.kept if shown else ""}))
        return results.model_copy(update={"sources": kept})

    def _samples(self, results: Results) -> Results:
        audits = []
        for audit in results.audits:
            if audit.samples is None:
                audits.append(audit)
                continue
            content = self._read(audit.samples.file)
            if self.renaming:
                content = self._unrecognisable(content, audit.samples.file)
            file, digest = samples_name(content)
            write_whole(self.place / file, content)
            samples = SampleFile(file=file, sha256=digest)
            audits.append(audit.model_copy(update={"samples": samples}))
        return results.model_copy(update={"audits": audits})

    def _unrecognisable(self, content: bytes, file: str) -> bytes:
        """Samples whose images stand there by keyed digests: a plain one is a picture's fingerprint."""
        try:
            stored = StoredSamples.model_validate_json(content)
        except ValidationError as error:
            raise AuditError(f"{self.folder / file} is not a file of samples") from error
        assert self.renaming is not None
        images = [keyed_digest(self.key, image) for image in stored.images]
        found = stored.model_copy(update={"images": images}).model_dump(mode="json")
        text = json.dumps(found, sort_keys=True, allow_nan=False, separators=(",", ":"))
        return f"{text}\n".encode()

    def _texts(self, results: Results) -> Results:
        """Further files, and their digests where results.json states them."""
        if (self.folder / JUNIT).exists():
            content = self._read(JUNIT)
            write_whole(
                self.place / JUNIT,
                renamed_junit(content, self.renaming) if self.renaming else content,
            )
        environment, evidence = results.environment, results.evidence
        if (self.folder / REQUIREMENTS).exists():
            digest = self._plain(REQUIREMENTS)
            environment = environment.model_copy(update={"requirements_sha256": digest})
        if evidence is not None and (self.folder / EVIDENCE_LIST).exists():
            evidence = self._evidence(evidence)
        return results.model_copy(update={"environment": environment, "evidence": evidence})

    def _plain(self, name: str) -> str:
        content = self._read(name)
        if self.renaming:
            content = self.renaming.text(content.decode("utf-8", "replace")).encode()
        write_whole(self.place / name, content)
        return hashlib.sha256(content).hexdigest()

    def _evidence(self, stated: EvidenceList) -> EvidenceList:
        content = self._read(EVIDENCE_LIST)
        if self.renaming:
            listed = ListedEvidence.model_validate_json(content)
            store = self.renaming.text(listed.store)
            if store.startswith("../"):
                # Where the store lies beside the run says where both lie; it does not travel.
                store = f"[path {self.renaming.vocabulary.path(store)}]"
            if store != listed.store:
                found = listed.model_copy(update={"store": store}).model_dump(mode="json")
                content = f"{json.dumps(found, sort_keys=True, indent=1)}\n".encode()
        write_whole(self.place / EVIDENCE_LIST, content)
        return stated.model_copy(update={"sha256": hashlib.sha256(content).hexdigest()})

    def _redaction(self, results: Results) -> Redaction:
        before = self.original.redaction
        withheld = {*self.what, *(before.withheld if before else ())}
        replaced = len(self.renaming.vocabulary.replaced) if self.renaming else 0
        content = results.model_dump(mode="json", include={"audits"})
        return Redaction(
            withheld=sorted(withheld),
            original_sha256=hashlib.sha256(self._read(RESULTS)).hexdigest(),
            images=len(withheld_in(content)),
            ids=max(replaced, before.ids if before else 0),
        )

    def _refuse_leaks(self, results: Results) -> None:
        found: list[Leak] = []
        if "images" in self.what:
            found += picture_leaks(self.place)
        if self.renaming:
            vocabulary = self.renaming.vocabulary
            found += leaks(self.place, vocabulary, {*self.renaming.paths, *homes()})
            left = {text for texts in ids_in(results).values() for text in texts}
            found += [Leak(RESULTS, text) for text in sorted(left) if text in vocabulary]
        if found:
            more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
            raise AuditError(
                f"nothing was shared: '{found[0].what:.200}' would be left in {found[0].file}{more}; take it "
                "out of specs, cards and names, or redact that file by hand"
            )

    def _left_out(self) -> list[str]:
        there = sorted(path.name for path in self.folder.iterdir())
        copied = {path.name for path in self.place.iterdir()}
        return [name for name in there if name not in copied]

    def _read(self, name: str) -> bytes:
        path = (self.folder / name).resolve()
        if not path.is_relative_to(self.folder.resolve()):
            raise AuditError(f"{self.folder / RESULTS} names {name}, which lies outside the folder")
        try:
            return path.read_bytes()
        except OSError as error:
            raise AuditError(f"{path} cannot be read: {error.strerror}") from error


def homes() -> list[str]:
    """The home of whoever shares; where that is the root of everything, nothing."""
    home = str(Path.home())
    return [home] if len(Path(home).parts) > 1 else []
