"""Environment variables that change what audits do."""

import os
from collections.abc import Iterator
from pathlib import Path

from auditkit.doctor.finding import Finding
from auditkit.doctor.machine import cores
from auditkit.spec.problems import nearest

_KNOWN = {
    "AUDITKIT_DATA": "where data sets are looked for",
    "AUDITKIT_WEIGHTS": "where devices' own files are kept",
    "AUDITKIT_NO_MODEL_ALIAS": "leaves --model to another plug-in; use --audit-model",
    "AUDITKIT_KEY_PASSPHRASE": "passphrase of signing keys",
    "AUDITKIT_LONG": "runs auditkit's long proofs",
    "AUDITKIT_AXE": "of auditkit's own tests",
}
_FOLDERS = ("AUDITKIT_DATA", "AUDITKIT_WEIGHTS")
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
_SECRET = "AUDITKIT_KEY_PASSPHRASE"  # noqa: S105  the name of the variable


def variables() -> Iterator[Finding]:
    """Findings about the environment."""
    for name in _THREADS:
        if name in os.environ:
            yield _threads(name, os.environ[name])
    asked = os.environ.get("CUDA_VISIBLE_DEVICES")
    if asked is not None:
        said = asked or "(empty): no GPU is used"
        yield Finding("note" if not asked else "ok", "CUDA_VISIBLE_DEVICES", said)
    for name in sorted(name for name in os.environ if name.startswith("AUDITKIT_")):
        yield _own(name, os.environ[name])


def _threads(name: str, text: str) -> Finding:
    if not text.isdecimal() or int(text) < 1:
        return Finding("wrong", name, text, f"unset {name}, or set it to a number of threads")
    if int(text) > cores():
        mend = f"set it to {max(1, int(cores()))} at most: more threads than cores are slower"
        return Finding("note", name, f"{text}, for {cores():g} cores", mend)
    return Finding("ok", name, text)


def _own(name: str, text: str) -> Finding:
    if name not in _KNOWN:
        return Finding("note", name, "is no variable of auditkit", nearest(name, _KNOWN))
    if name in _FOLDERS and not Path(text).is_dir():
        return Finding("wrong", name, f"{text} is no folder", f"correct {name}, or unset it")
    return Finding("ok", name, _KNOWN[name] if name == _SECRET else f"{text}: {_KNOWN[name]}")
