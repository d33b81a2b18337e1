"""Python, what auditkit requires, what torchvision requires of torch, and the extras."""

import platform
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, metadata, requires, version

from packaging.requirements import Requirement

from auditkit.doctor.finding import Finding
from auditkit.spec.formats import FORMATS

_NAME, _OLDEST = "pytest-auditkit", (3, 11)
# What extras are for, beside formats of models.
_PURPOSES = {
    "superpixels": "superpixels of LIME and its like",
    "parquet": "tables in Parquet",
    "radiology": "DICOM and NIfTI",
    "concepts": "check depict, diffusion models",
    "sign": "auditkit sign, verify",
    "pdf": "report as PDF",
    "study": "auditkit study",
    "postgresql": "studies in PostgreSQL",
    "remote": "stores on S3 and the like",
    "ray": "engine ray",
    "slurm": "engine slurm",
}


def packages(needed: Iterable[str] = ()) -> Iterator[Finding]:
    """Findings about what is installed.

    Args:
        needed: extras that cards in sight cannot do without.
    """
    found = platform.python_version()
    if sys.version_info < _OLDEST:
        yield Finding("wrong", "Python", found, "install Python 3.11 or newer")
    else:
        yield Finding("ok", "Python", found)
    try:
        lines = [Requirement(line) for line in requires(_NAME) or ()]
    except PackageNotFoundError:
        yield Finding("wrong", "auditkit", "is not installed", f'pip install "{_NAME}"')
        return
    own = [line for line in lines if "extra" not in str(line.marker)]
    yield from _required(f"auditkit {version(_NAME)}", own)
    yield from _pair()
    yield from _extras(lines, frozenset(needed))


def _required(subject: str, lines: Iterable[Requirement]) -> Iterator[Finding]:
    lines = list(lines)
    problems = [problem for line in lines if (problem := _problem(line))]
    for line, what in problems:
        yield Finding("wrong", subject, what, f'pip install "{line}"')
    if not problems:
        yield Finding("ok", subject, f"all {len(lines)} packages that it requires")


def _problem(line: Requirement) -> tuple[str, str] | None:
    """What is not as required; None if all is well, or if the line is not for this machine."""
    if line.marker is not None and not line.marker.evaluate({"extra": ""}):
        return None
    wanted = f"{line.name}{line.specifier}"
    try:
        found = version(line.name)
    except PackageNotFoundError:
        return wanted, f"{line.name} is not installed"
    if line.specifier.contains(found, prereleases=True):
        return None
    return wanted, f"{line.name} is {found}, {line.specifier} is required"


def _pair() -> Iterator[Finding]:
    """Whether torchvision was built for this torch: if not, it fails when it is imported."""
    try:
        torch, vision = version("torch"), version("torchvision")
        lines = [Requirement(line) for line in requires("torchvision") or ()]
    except PackageNotFoundError:
        return
    said = f"torch {torch}, torchvision {vision}"
    wrong = [line for line in lines if line.name == "torch" and _problem(line)]
    if wrong:
        yield Finding(
            "wrong", "torch", f"{said} needs {wrong[0]}", "pip install -U torch torchvision"
        )
    elif _build(torch) != _build(vision):
        mend = "install both from the same index: pip install -U torch torchvision"
        yield Finding("wrong", "torch", f"{said} are of two builds", mend)
    else:
        yield Finding("ok", "torch", said)


def _build(text: str) -> str:
    """What stands behind the plus: cpu, cu126; empty for the default build."""
    return text.partition("+")[2]


def _extras(lines: Iterable[Requirement], needed: frozenset[str]) -> Iterator[Finding]:
    """Those that cards need, each; the others in two lines: what is there, and what is not."""
    lines, there, not_there = list(lines), list[str](), list[str]()
    for extra, purpose in purposes().items():
        absent = [line.name for line in _own(lines, extra) if not _installed(line)]
        if not absent:
            there.append(extra)
        elif extra in needed:
            what = f"{', '.join(absent)} not installed; for {purpose}"
            yield Finding("missing", f"extra {extra}", what, f'pip install "{_NAME}[{extra}]"')
        else:
            not_there.append(f"{extra} ({purpose})")
    if there:
        yield Finding("ok", "extras", f"installed: {', '.join(there)}")
    if not_there:
        mend = f'where you want one: pip install "{_NAME}[NAME]"'
        yield Finding("note", "other extras", f"no card here needs {', '.join(not_there)}", mend)


def _own(lines: Iterable[Requirement], extra: str) -> list[Requirement]:
    """What an extra requires of other packages."""
    marked = [line for line in lines if line.marker and "extra" in str(line.marker)]
    return [
        n for n in marked if n.name != _NAME and n.marker and n.marker.evaluate({"extra": extra})
    ]


def _installed(line: Requirement) -> bool:
    try:
        return line.specifier.contains(version(line.name), prereleases=True)
    except PackageNotFoundError:
        return False


def purposes() -> dict[str, str]:
    """What each extra is for."""
    formats: dict[str, list[str]] = {}
    for name, kind in FORMATS.items():
        if kind.extra:
            formats.setdefault(kind.extra, []).append(name)
    told = {extra: f"format {', '.join(names)}" for extra, names in formats.items()}
    known = metadata(_NAME).get_all("Provides-Extra") or ()
    return {extra: text for extra, text in (told | _PURPOSES).items() if extra in known}
