"""What an estimate is computed from, image by image: the ground on which two releases are compared."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from auditkit.errors import AuditError

Statistic = Literal["mean", "auroc"]


@dataclass(frozen=True)
class Sample:
    """One number per image, which image and which patient it is of, and what is made of the numbers.

    Attributes:
        statistic: ``mean`` of the values (a share, if they are 0 and 1), or ``auroc`` of values by labels.
        images: (n,) digest of each image's content: equal images are paired, whatever their order and ids.
        patients: (n,) patient of each image: the clusters.
        values: (n,) float64, finite.
        labels: (n,) 0 or 1, of ``auroc``; of ``mean`` the label that each value was held against, if it was
            held against one. An image whose label changed is no pair.
    """

    statistic: Statistic
    images: Sequence[str]
    patients: Sequence[str]
    values: npt.NDArray[np.float64]
    labels: npt.NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        lengths = {len(self.images), len(self.patients), len(self.values)}
        lengths |= {len(self.labels)} if self.labels is not None else set()
        if len(lengths) > 1:
            raise AuditError(f"a sample has one value per image; got parts of lengths {lengths}")
        if self.labels is None and self.statistic == "auroc":
            raise AuditError("the statistic auroc needs labels")
        if not np.isfinite(self.values).all():
            raise AuditError("a sample's values are finite; count other images as not evaluable")
