"""What estimates are of, image by image, so that a later release can be compared in pairs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit.evidence import Evidence
from auditkit.stats import Sample

Rows = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Sampling:
    """Makes samples of one data set's images.

    Attributes:
        images: (n,) digest of each image's content.
        patients: (n,) patient of each image.
    """

    images: Sequence[str]
    patients: Sequence[str]

    @classmethod
    def of(cls, evidence: Evidence) -> "Sampling":
        """Of the images that the evidence is about."""
        # The records' own texts: a check makes a hundred samples of the same images.
        records = evidence.records
        return cls([record.digest for record in records], [record.patient for record in records])

    def mean(
        self,
        values: npt.NDArray[np.generic],
        rows: Rows | None = None,
        labels: npt.NDArray[np.int64] | None = None,
    ) -> Sample:
        """An average over some of the images.

        Args:
            values: (n,) numbers, or yes and no for a share.
            rows: bool (n,), over which images; all of them if left out.
            labels: (n,) what the values were held against, if they were held against labels.
        """
        chosen = np.ones(len(self.images), dtype=bool) if rows is None else rows
        return Sample(
            "mean",
            *self._of(chosen),
            np.asarray(values)[chosen].astype(np.float64),
            None if labels is None else labels[chosen],
        )

    def auroc(
        self, labels: npt.NDArray[np.int64], scores: npt.NDArray[np.float64], rows: Rows
    ) -> Sample:
        """The AUROC of scores by labels, (n,) each, over some of the images."""
        return Sample("auroc", *self._of(rows), scores[rows], labels[rows])

    def _of(self, rows: Rows) -> tuple[Sequence[str], Sequence[str]]:
        """Images and patients of these rows; of all rows the same lists every time."""
        if rows.all():
            return self.images, self.patients
        places = np.flatnonzero(rows).tolist()
        return [self.images[place] for place in places], [self.patients[place] for place in places]
