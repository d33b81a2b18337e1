"""Synthetic pictures as a data set: drawn from seeds when asked for, nothing stored."""

import hashlib
import math
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from auditkit.data.captions import concept_of
from auditkit.data.dataset import Mask, Picture, Record
from auditkit.data.synthetic.cases import Case, malignancy_logit, sample_case, with_attribute
from auditkit.data.synthetic.clinical import render_clinical
from auditkit.data.synthetic.dermoscopy import render
from auditkit.data.synthetic.telling import described, told_of
from auditkit.errors import AuditError
from auditkit.spec.attributes import ATTRIBUTES
from auditkit.spec.data_card import DataCard

_RENDERERS = {"synthetic-dermoscopy": render, "synthetic-clinical": render_clinical}
# The start of every record's identity. Raised when a change of the generator changes pixels or
# labels; the formats differ, since one case is a different picture in each.
VERSIONS: dict[str, int | str] = {"synthetic-dermoscopy": 1, "synthetic-clinical": "clinical 1"}
# Terciles of the generator's skin tone.
_LIGHT, _DARK = 0.14, 0.45
_KEPT = 64
# Of 255: less does not show.
_VISIBLE = 4


class SyntheticData:
    """Pictures of a synthetic generator under the data-set interface; the format picks which."""

    def __init__(self, card: DataCard) -> None:
        assert card.with_ is not None
        self.card = card
        self._with = card.with_
        self._render = _RENDERERS[card.format]
        self._cases = [
            sample_case(
                self._with.seed,
                index,
                images_per_patient=self._with.images_per_patient,
                tint_follows_label=self._with.tint_follows_label,
                rulers_in_benign=self._with.rulers_in_benign,
                clear_concepts=self._with.clear_concepts,
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

    def intervened(self, index: int, attribute: str, value: float) -> Picture:
        """The picture as it would be with one attribute at a value and nothing else changed.

        Raises:
            AuditError: there is no such attribute, or the value is out of its range.
        """
        return self._render(with_attribute(self._cases[index], attribute, value), self._with.size)[
            0
        ]

    def concept_mask(self, index: int, name: str) -> Mask | None:
        """Where a concept is in the picture: the pixels that it changes; None if it is absent.

        A pixel is changed if one of its channels differs by more than 4 of 255 between the picture as it
        is and with the concept's attribute at 0 (or at its lowest value, where that is above 0).

        Raises:
            AuditError: there is no such concept, or no attribute holds it.
        """
        concept = concept_of(self.card, name)
        known = ATTRIBUTES.get(concept.source)
        if known is None:
            raise AuditError(
                f"{self.card.path}: concept '{name}' is not held by an attribute, so that nothing is known "
                "of its place"
            )
        if self.records[index].concepts[name] == "0":
            return None
        without = self.intervened(index, known.name, max(0.0, known.low))
        changed = np.abs(self.image(index).astype(np.int16) - without).max(axis=-1)
        return np.asarray(changed > _VISIBLE)

    def true_probability(self, index: int, attribute: str, value: float) -> float:
        """The probability of melanoma that the generator draws the label with at that value."""
        changed = with_attribute(self._cases[index], attribute, value)
        return 1.0 / (1.0 + math.exp(-malignancy_logit(changed.attributes)))

    def _rendered(self, index: int) -> tuple[Picture, Mask]:
        found = self._recent.get(index)
        if found is None:
            found = self._render(self._cases[index], self._with.size)
            self._recent[index] = found
            if len(self._recent) > _KEPT:
                self._recent.popitem(last=False)
        return found

    def _record(self, case: Case) -> Record:
        version = VERSIONS[self.card.format]
        clear = ("clear",) if self._with.clear_concepts else ()
        parts = (version, self._with.size, case.seed, case.index, dict(case.attributes), *clear)
        identity = repr(parts)
        told = told_of(self.card, described(case.attributes))
        return Record(
            id=f"synthetic-{case.seed}-{case.index:05d}",
            digest=hashlib.sha256(identity.encode()).hexdigest(),
            label=case.label,
            patient=case.patient,
            groups=self._groups(case),
            annotated=True,
            concepts=told.concepts,
            details=told.details,
            text=told.text,
        )

    def _groups(self, case: Case) -> dict[str, str]:
        found = {"skin_tone": _tone(case.attributes["skin_tone"])}
        if self._with.rulers_in_benign is not None:
            found["ruler"] = "present" if case.attributes["ruler"] > 0.0 else "absent"
        return found


def _tone(value: float) -> str:
    if value < _LIGHT:
        return "light"
    return "dark" if value >= _DARK else "medium"
