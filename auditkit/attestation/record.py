"""REGISTRATION.json: which specs were recorded before a run. Entries are only ever added, in a chain."""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from auditkit.attestation.digests import canonical_json
from auditkit.attestation.dsse import Envelope, pae
from auditkit.attestation.keys import SigningKey, TrustedKey
from auditkit.errors import AuditError

RECORD: Final = "REGISTRATION.json"
PAYLOAD_TYPE: Final = "application/vnd.auditkit.registration+json"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class RecordedFile(_Part):
    """A spec or card."""

    file: str = Field(description="Relative to the record's folder.")
    sha256: str = Field(description="Of its bytes.")


class Signature(_Part):
    """Over the entry without its signature (DSSE, without a second copy of the payload)."""

    keyid: str = Field(description="sha256 of the public key.")
    sig: str = Field(description="Base64.")


class Entry(_Part):
    """What was recorded at one time."""

    time: str = Field(description="UTC, ISO 8601, by the clock of the machine that recorded.")
    specs: list[RecordedFile] = Field(description="Sorted by file.")
    cards: list[RecordedFile] = Field(description="Cards that the specs name, sorted by file.")
    total: str = Field(description="sha256 of specs and cards as sha256sum lists them.")
    tool: str = Field(description="What recorded it, with its version.")
    commit: str = Field(description="Commit that was checked out; empty if none.")
    reason: str = Field(description="Why an earlier entry was not enough; empty in the first.")
    before: str = Field(
        description="sha256 of the entry before (canonical JSON); empty in the first."
    )
    signature: Signature | None = Field(default=None, description="If somebody signed it.")

    @property
    def signed_bytes(self) -> bytes:
        """What a signature is over."""
        return canonical_json(self.model_dump(mode="json", exclude={"signature"}))

    @property
    def digest(self) -> str:
        """By which the next entry names this one."""
        return hashlib.sha256(canonical_json(self.model_dump(mode="json"))).hexdigest()

    def signed(self, key: SigningKey) -> "Entry":
        """The entry with a signature."""
        sig = base64.b64encode(key.sign(pae(PAYLOAD_TYPE, self.signed_bytes))).decode()
        return self.model_copy(update={"signature": Signature(keyid=key.id, sig=sig)})

    def envelope(self) -> Envelope | None:
        """The signature as an envelope that other tools read."""
        if self.signature is None:
            return None
        try:
            sig = base64.b64decode(self.signature.sig, validate=True)
        except ValueError:
            sig = b""
        return Envelope(self.signed_bytes, PAYLOAD_TYPE, self.signature.keyid, sig)

    def signed_by(self, keys: Sequence[TrustedKey]) -> TrustedKey | None:
        """The trusted key that signed the entry."""
        envelope = self.envelope()
        if envelope is None:
            return None
        message = pae(envelope.payload_type, envelope.payload)
        return next((key for key in keys if key.verifies(envelope.signature, message)), None)


class Record(_Part):
    """All entries, the oldest first."""

    registration: Literal["1"] = Field(default="1", description="Version of this file's form.")
    entries: list[Entry] = Field(description="Each names the one before it.")

    def to_bytes(self) -> bytes:
        """As the file holds it."""
        return canonical_json(self.model_dump(mode="json"))


def total_of(files: Sequence[RecordedFile]) -> str:
    """sha256 of a list of files as sha256sum writes it."""
    lines = sorted({f"{file.sha256}  {file.file}\n" for file in files}, key=lambda line: line[66:])
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def read_record(path: Path) -> Record:
    """A record whose chain holds.

    Raises:
        AuditError: it cannot be read, is no record, or an entry was changed, moved or taken out.
    """
    try:
        content = path.read_bytes()
        record = Record.model_validate_json(content)
    except OSError as error:
        raise AuditError(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise AuditError(
            f"{path} is not a record of this version: {place}: {first['msg']}"
        ) from error
    for number, what in _breaks(record):
        raise AuditError(
            f"{path}, entry {number}: {what}; entries are only ever added: take the file back from where it "
            "was kept"
        )
    if record.to_bytes() != content:
        raise AuditError(
            f"{path} is not in the form in which it was written; take it back from where it was"
        )
    return record


def _breaks(record: Record) -> Iterator[tuple[int, str]]:
    """Entries, from 1, at which the record is not what was written."""
    before, time = "", ""
    for number, entry in enumerate(record.entries, 1):
        if entry.before != before:
            yield number, "the chain is broken: it does not follow from the entry before it"
        for files in (entry.specs, entry.cards):
            named = [file.file for file in files]
            if named != sorted(set(named)):
                yield number, "it names a file twice, or its files are not sorted"
        if entry.total != total_of([*entry.specs, *entry.cards]):
            yield number, "its files do not give its total"
        if entry.time < time:
            yield number, "it is older than the entry before it"
        before, time = entry.digest, entry.time
