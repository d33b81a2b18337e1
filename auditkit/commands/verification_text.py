"""A verification in words and as JSON."""

import json
from collections.abc import Iterator
from dataclasses import asdict

from auditkit.attestation.outcome import SignatureLine, Verification
from auditkit.attestation.verifying import LIMITS

_MARKS = {
    "holds": "ok",
    "trusted": "ok",
    "mismatch": "MISMATCH",
    "not checked": "not checked",
    "unknown key": "unknown key",
}
_SHOWN = 20
_STATUS = ("proven", "mismatch", "unsigned or only unknown keys")


def as_json(found: Verification) -> str:
    """For programs."""
    data = {
        "folder": str(found.folder),
        "result": _STATUS[found.status],
        "status": found.status,
        "lines": [
            {**asdict(line), "problems": [problem._asdict() for problem in line.problems]}
            for line in found.lines
        ],
        "signatures": [asdict(signature) for signature in found.signatures],
        "mismatches": list(found.mismatches),
        "limits": list(LIMITS),
    }
    # Escaped, since names of files may hold bytes that no encoding gives back.
    return json.dumps(data, sort_keys=True, indent=1)


def as_text(found: Verification) -> str:
    """For people."""
    return "\n".join(_harmless(line) for line in _lines(found))


def _lines(found: Verification) -> Iterator[str]:
    yield str(found.folder)
    for line in found.lines:
        yield f"  {_MARKS[line.state]:<12} {line.subject}: {line.says}"
        for problem in line.problems[:_SHOWN]:
            yield f"{'':15}{problem.file} {problem.what}"
        if len(line.problems) > _SHOWN:
            yield f"{'':15}and {len(line.problems) - _SHOWN} more (--format json lists all)"
        if line.state == "holds":
            yield f"{'':15}shows: {line.proves}"
    for signature in found.signatures:
        yield from _signature(signature)
    if not found.signatures:
        yield f"  {'unsigned':<12} nobody signed"
    yield ""
    yield _conclusion(found)
    yield ""
    yield from LIMITS


def _signature(found: SignatureLine) -> Iterator[str]:
    yield f"  {_MARKS[found.state]:<12} signature {found.file}"
    if found.problem:
        yield f"{'':15}{found.file} {found.problem}"
    if found.key_id:
        who = ", ".join(filter(None, (found.name, found.organisation))) or "no name stated"
        yield f"{'':15}claims: {found.role} by {who}, {found.signed_at}"
        yield f"{'':15}key {found.key_id}"
    if found.state == "trusted":
        yield f"{'':15}shows: the owner of {found.trusted} signed this folder as it is now, with these claims"
    elif found.state == "unknown key":
        yield f"{'':15}not verified: give the signer's public key with --key or --keys"


def _conclusion(found: Verification) -> str:
    unchecked = [line.subject for line in found.lines if line.state == "not checked"]
    rest = f" Not checked: {', '.join(unchecked)}." if unchecked else ""
    if found.status == 1:
        return f"MISMATCH: {len(found.mismatches)} found. Do not rely on this copy."
    trusted = sum(signature.state == "trusted" for signature in found.signatures)
    if trusted < len(found.signatures):
        rest += f" Not verified: {len(found.signatures) - trusted} by unknown keys."
    if found.status == 0:
        names = "signature" if trusted == 1 else "signatures"
        return f"PROVEN: as signed ({trusted} {names} by keys that you trust).{rest}"
    why = "only keys that are unknown here signed" if found.signatures else "nobody signed it"
    return f"UNPROVEN: all that was checked matches, but {why}.{rest}"


def _harmless(text: str) -> str:
    """Without characters that a terminal would obey: names and claims come from the folder."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
