"""Synthetic dermoscopy as a data set: drawn from seeds when asked for, nothing stored."""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence

from auditkit.data.dataset import Mask, Picture, Record
from auditkit.data.synthetic.dermoscopy import Case, render, sample_case
from auditkit.spec.data_card import DataCard

# Raised when a change of the generator changes pixels or labels.
VERSION = 1
# Terciles of the generator's skin tone.
_LIGHT, _DARK = 0.14, 0.45
_KEPT = 64


class SyntheticDermoscopyData:
    """Pictures of `auditkit.data.synthetic.dermoscopy` under the data-set interface."""

    def __init__(self, card: DataCard) -> None:
        assert card.with_ is not None
        self.card = card
        self._with = card.with_
        self._cases = [
            sample_case(
                self._with.seed,
                index,
                images_per_patient=self._with.images_per_patient,
                tint_follows_label=self._with.tint_follows_label,
            )
            for index in range(self._with.n)
        ]
        self.records: Sequence[Record] = [self._record(case) for case in self._cases]
        self._recent: OrderedDict[int, tuple[Picture, Mask]] = OrderedDict()

    def case(self, index: int) -> Case:
        """The generator's own description of a picture, for ground truth."""
        return self._cases[index]

    def image(self, index: int) -> Picture:
        """The picture, sRGB uint8 (size, size, 3)."""
        return self._rendered(index)[0]

    def mask(self, index: int) -> Mask:
        """The lesion, bool (size, size)."""
        return self._rendered(index)[1]

    def _rendered(self, index: int) -> tuple[Picture, Mask]:
        found = self._recent.get(index)
        if found is None:
            found = render(self._cases[index], self._with.size)
            self._recent[index] = found
            if len(self._recent) > _KEPT:
                self._recent.popitem(last=False)
        return found

    def _record(self, case: Case) -> Record:
        identity = repr((VERSION, self._with.size, case.seed, case.index, dict(case.attributes)))
        return Record(
            id=f"synthetic-{case.seed}-{case.index:05d}",
            digest=hashlib.sha256(identity.encode()).hexdigest(),
            label=case.label,
            patient=case.patient,
            groups={"skin_tone": _tone(case.attributes["skin_tone"])},
            annotated=True,
        )


def _tone(value: float) -> str:
    if value < _LIGHT:
        return "light"
    return "dark" if value >= _DARK else "medium"
