"""What a format of volumes lists: cases with a file per modality, before any file is opened."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, TypeGuard

from auditkit.data.dataset import Mask
from auditkit.data.entry import Entry
from auditkit.data.source import FileSource
from auditkit.data.volumes.read import check_suffix, read_grid
from auditkit.data.volumes.regions import VolumeRegion
from auditkit.errors import AuditError


@dataclass(frozen=True)
class CaseFiles:
    """All files of a case as one source: they have a digest, but are no one picture.

    Attributes:
        name: of the case, for messages.
        files: by modality, those that are there.
    """

    name: str
    files: Mapping[str, FileSource]

    def open(self) -> BinaryIO:
        """Refuse: a case is several files.

        Raises:
            AuditError: always.
        """
        raise AuditError(f"{self.name} is a case of volumes; a picture was expected")

    def digest(self) -> bytes:
        """SHA-256 over the modalities' names and files."""
        total = hashlib.sha256()
        for name, source in sorted(self.files.items()):
            total.update(name.encode() + b"\0" + source.digest())
        return total.digest()


@dataclass(frozen=True)
class Case(Entry):
    """One case; ``picture`` are all its files, and ``region`` is not used.

    Attributes:
        files: by modality; None where it is missing.
        regions: where the annotation of each modality is; empty if the case is not annotated.
    """

    files: Mapping[str, FileSource | None] = field(default_factory=dict)
    regions: Mapping[str, VolumeRegion] = field(default_factory=dict)

    @property
    def there(self) -> Mapping[str, FileSource]:
        """The files of the modalities that are not missing."""
        return {name: source for name, source in self.files.items() if source is not None}

    @property
    def incomplete(self) -> str:
        """Why the case cannot be audited: "modality t2 is missing"; "" if it can."""
        missing = [name for name, source in self.files.items() if source is None]
        if not missing:
            return ""
        return (
            f"modality {missing[0]} is missing"
            if len(missing) == 1
            else f"modalities {', '.join(missing)} are missing"
        )

    def what(self, modality: str) -> str:
        """Names a modality of the case in messages."""
        return f"{self.where}: case '{self.id:.200}': {modality}"

    def check_files(self) -> None:
        """Look, without opening them, at whether all files are there and all or no modality annotated.

        Raises:
            AuditError: naming the first that is not.
        """
        for name, source in self.there.items():
            what = f"{self.what(name)} ({source.name})"
            check_suffix(source, what)
            if not source.path.is_file():
                raise AuditError(
                    f"{what} does not exist; correct the path, or leave the cell empty if the modality was "
                    "not taken"
                )
        bare = [name for name in self.files if name not in self.regions]
        if self.regions and bare:
            raise AuditError(
                f"{self.what(bare[0])} has no region, but {next(iter(self.regions))} has one; annotate each "
                "modality or none (where nothing is to be seen: an empty mask, or a box without corners)"
            )

    def draw(self) -> Mapping[str, Mask] | None:
        """The region of each modality on its own grid; None if there is none.

        Raises:
            AuditError: a region does not fit its modality, or a file is not as it should be.
        """
        drawn: dict[tuple[VolumeRegion, tuple[int, ...]], Mask] = {}
        found: dict[str, Mask] = {}
        for name, source in self.there.items():
            if name not in self.regions:
                continue
            region, what = self.regions[name], self.what(name)
            grid = read_grid(source, f"{what} {source.name}")
            region.check(grid, what)
            # One mask for all modalities is read once.
            if (region, grid.shape) not in drawn:
                drawn[region, grid.shape] = region.draw(grid.shape, what)
            found[name] = drawn[region, grid.shape]
        return found or None


def are_cases(entries: Sequence[Entry]) -> TypeGuard[Sequence[Case]]:
    """Whether entries are cases of volumes."""
    return all(isinstance(entry, Case) for entry in entries)
