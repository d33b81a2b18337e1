"""Synthetic volumes under the data-set interface: drawn from seeds when asked for, nothing stored."""

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import ClassVar, Never

from auditkit.data.dataset import Incomplete, Mask, Record, Volume
from auditkit.errors import AuditError
from auditkit.spec.data_card import DataCard

Case = tuple[Mapping[str, Volume], Mapping[str, Mask]]
_KEPT = 8


class DrawnVolumes(ABC):
    """What data sets of drawn volumes share: records first, each case when asked for."""

    modalities: ClassVar[Sequence[str]]
    incomplete: Sequence[Incomplete] = ()
    records: Sequence[Record]

    def __init__(self, card: DataCard) -> None:
        assert card.with_ is not None
        self.card, self.given = card, card.with_
        self._recent: OrderedDict[int, Case] = OrderedDict()

    @abstractmethod
    def drawn(self, index: int) -> Case:
        """Volumes and regions of a case."""

    def volume(self, index: int) -> Mapping[str, Volume]:
        """The values of each modality, float32 (*space)."""
        return self._case(index)[0]

    def regions(self, index: int) -> Mapping[str, Mask]:
        """Where the finding is, per modality, bool (*space)."""
        return self._case(index)[1]

    def image(self, _index: int) -> Never:
        """Refuses.

        Raises:
            AuditError: these are volumes.
        """
        raise AuditError(
            f"'{self.card.data}' has volumes and no pictures; a model of volumes reads it"
        )

    def mask(self, index: int) -> Never:
        """Refuses, as `image` does.

        Raises:
            AuditError: these are volumes.
        """
        self.image(index)

    def _case(self, index: int) -> Case:
        found = self._recent.get(index)
        if found is None:
            found = self._recent[index] = self.drawn(index)
            if len(self._recent) > _KEPT:
                self._recent.popitem(last=False)
        return found
