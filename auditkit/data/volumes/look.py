"""What opening every file of a case shows, for `auditkit data check`."""

from collections.abc import Iterator
from dataclasses import dataclass

from auditkit.data.volumes.case import Case
from auditkit.data.volumes.read import read_volume
from auditkit.errors import AuditError


@dataclass(frozen=True)
class CaseLook:
    """What is wrong with a case's files, and what they are.

    Attributes:
        problems: one per file that is missing, damaged or empty, or region that does not fit.
        digests: SHA-256 per file that could be read.
        sizes: voxels along the axes; with the modality's name where they differ.
        no_region: whether the case is annotated but no voxel is in the region.
    """

    problems: tuple[str, ...]
    digests: tuple[bytes, ...]
    sizes: tuple[str, ...]
    no_region: bool


def look_at(case: Case) -> CaseLook:
    """Open every modality that is there, and draw the region."""
    problems: list[str] = []
    sizes: dict[str, str] = {}
    digests: dict[bytes, str] = {}
    for name, source in case.there.items():
        what = f"{case.what(name)} {source.name}"
        try:
            values = read_volume(source, what)
            digest = source.digest()
        except AuditError as error:
            problems.append(str(error))
            continue
        sizes[name] = " x ".join(map(str, values.shape))
        if values.min() == values.max():
            problems.append(
                f"{what} has the value {values.flat[0]:g} only: if the modality was not taken, remove "
                "the file and leave its cell empty"
            )
        if digest in digests:
            problems.append(f"{what} is the same file as {digests[digest]}")
        digests.setdefault(digest, name)
    no_region = False
    if not problems:
        problems, no_region = _region(case)
    return CaseLook(tuple(problems), tuple(digests), tuple(_named(sizes)), no_region)


def _region(case: Case) -> tuple[list[str], bool]:
    try:
        case.check_files()
        regions = case.draw()
    except AuditError as error:
        return [str(error)], False
    return [], regions is not None and not any(mask.any() for mask in regions.values())


def _named(sizes: dict[str, str]) -> Iterator[str]:
    if len(set(sizes.values())) < 2:
        yield from set(sizes.values())
    else:
        yield from (f"{name} {size}" for name, size in sizes.items())
