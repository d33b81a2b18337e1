"""A data set of volumes in files, whatever format listed them."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence

from auditkit.data.dataset import Incomplete, Mask, Picture, Record, Volume
from auditkit.data.entry import Listing
from auditkit.data.files import check_unique, count_problem, patient_of, selected
from auditkit.data.labels import check_spelling, labelling
from auditkit.data.volumes.case import Case, are_cases
from auditkit.data.volumes.read import read_volume
from auditkit.errors import AuditError
from auditkit.spec.data_card import DataCard


class VolumeData:
    """Cases of one or several modalities, opened one at a time; what was listed is checked when this is made.

    Cases that lack a modality are no records. The card's ``split`` and ``limit`` choose among all cases, so
    that records and incomplete cases together are what was asked for.
    """

    def __init__(
        self, card: DataCard, listing: Listing, labels: Mapping[str, int] | None = None
    ) -> None:
        mismatch = count_problem(card, listing)
        if mismatch:
            raise AuditError(mismatch)
        cases = selected(card, listing)
        assert are_cases(cases)
        understood = labelling(card, listing, labels)
        labelled = [understood.index(case) for case in cases]
        check_spelling(card, listing)
        check_unique(cases)
        self.card = card
        self.modalities: Sequence[str] = tuple(cases[0].files)
        self.entries: Sequence[Case] = cases
        self._cases = [case for case in cases if not case.incomplete]
        self.incomplete: Sequence[Incomplete] = list(_incomplete(cases))
        if not self._cases:
            raise AuditError(
                f"{listing.source}: every case lacks a modality, the first: {self.incomplete[0].reason}; is "
                "'volumes.modalities' of the card as it should be?"
            )
        self.records: Sequence[Record] = [
            _record(case, label)
            for case, label in zip(cases, labelled, strict=True)
            if not case.incomplete
        ]

    def volume(self, index: int) -> Mapping[str, Volume]:
        """The values of each modality, float32 (*axes as stored), finite."""
        case = self._cases[index]
        return {
            name: read_volume(source, f"{case.what(name)} {source.name}")
            for name, source in case.there.items()
        }

    def regions(self, index: int) -> Mapping[str, Mask] | None:
        """The annotated region of each modality, on its own grid; None if there is none."""
        return self._cases[index].draw()

    def image(self, index: int) -> Picture:
        """Refuse: there are no pictures.

        Raises:
            AuditError: always.
        """
        raise AuditError(self._refusal(index))

    def mask(self, index: int) -> Mask | None:
        """Refuse: there are no pictures.

        Raises:
            AuditError: always.
        """
        raise AuditError(self._refusal(index))

    def _refusal(self, index: int) -> str:
        return (
            f"{self._cases[index].where}: '{self.card.data}' are volumes of "
            f"{', '.join(self.modalities)}; pictures were expected"
        )


def _incomplete(cases: Sequence[Case]) -> Iterator[Incomplete]:
    before = 0
    for case in cases:
        if case.incomplete:
            yield Incomplete(case.id, case.incomplete, before)
        else:
            before += 1


def _record(case: Case, label: int) -> Record:
    case.check_files()
    return Record(
        id=case.id,
        digest=_digest(case),
        label=label,
        patient=patient_of(case),
        groups={column: value or "unknown" for column, value in case.groups.items()},
        features=dict(case.features),
        annotated=bool(case.regions),
    )


def _digest(case: Case) -> str:
    total = hashlib.sha256(case.picture.digest())
    for name, region in sorted(case.regions.items()):
        total.update(b"\0region of " + name.encode() + b"\0" + region.identity())
    return total.hexdigest()
