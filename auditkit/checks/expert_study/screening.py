"""Which screens there were before experts were asked, and what of them is known."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit import stats
from auditkit.checks.measuring import Measuring
from auditkit.data.answer_rows import PRACTICE, REJECTED, Pair
from auditkit.data.answers import Answers
from auditkit.errors import AuditError
from auditkit.findings import Measurement

INCOMPLETE = "not screened by every expert"
NOT_ASKED = "the study had no pre-screening: nobody was asked for artifacts"


@dataclass(frozen=True)
class Screening:
    """What became of the reference images. N of them; those of practice alone are none.

    Attributes:
        units: (N,) patient of each, or the image where no patient is known.
        rejected: (N,) whether an expert rejected a picture of it, of any model.
        unknown: (N,) whether nobody did, but somebody did not look at all of them.
        unseen: (N,) whether not one expert looked at all pictures of one of its pairs.
        asked: whether there was a pre-screening.
    """

    units: npt.NDArray[np.str_]
    rejected: npt.NDArray[np.bool_]
    unknown: npt.NDArray[np.bool_]
    unseen: npt.NDArray[np.bool_]
    asked: bool

    @classmethod
    def of(cls, answers: Answers) -> "Screening":
        """Of all references of a study."""
        images: dict[str, list[Pair]] = {}
        for pair in answers.pairs:
            if pair.status != PRACTICE:
                images.setdefault(pair.image, []).append(pair)
        whole = len(answers.experts)
        rejected = _flags(
            any(one.status.startswith(REJECTED) for one in pairs) for pairs in images.values()
        )
        partly = _flags(any((one.screened or 0) < whole for one in of) for of in images.values())
        unseen = _flags(any(not one.screened for one in of) for of in images.values())
        return cls(
            np.array([pairs[0].unit for pairs in images.values()], dtype=np.str_),
            rejected,
            partly & ~rejected,
            unseen & ~rejected,
            any(one.screened is not None for of in images.values() for one in of),
        )

    def retained(self, measuring: Measuring) -> Measurement:
        """Share of those of which it is known that the screening kept them."""
        if not self.asked:
            return measuring.inapplicable("retained", NOT_ASKED)
        known, open_ones = ~self.unknown, int(self.unknown.sum())

        def estimate() -> stats.Estimate:
            if not known.any():
                raise AuditError("no reference image was screened by every expert")
            return stats.proportion(~self.rejected[known], self.units[known])

        # `affected` is the share of images that are unknown, which is what the verdict takes by itself.
        return measuring("retained", estimate, skipped=[INCOMPLETE] * open_ones, planned=known.size)


def _flags(values: Iterable[bool]) -> npt.NDArray[np.bool_]:
    return np.array([*values], dtype=np.bool_)


def screening_notes(answers: Answers, models: Sequence[str]) -> Iterator[str]:
    """Which screens were done before experts were asked: classifier consistency and visual quality.

    Args:
        answers: of the study.
        models: that are reported.
    """
    known = {one.model: one.sha256 for one in answers.card.models}
    generated = [name for name in models if known[name] is not None]
    tabled = [name for name in models if known[name] is None]
    if generated:
        yield (
            "Screened for classifier consistency: images were offered only where the two pictures lie on "
            "both sides of the decision threshold, for every model of the study."
        )
    if tabled:
        yield (
            f"Not screened for classifier consistency: pairs of {', '.join(tabled)} came from a table, and "
            "whether its two pictures lie on both sides of the model's threshold was not looked at."
        )
    yield _visual(Screening.of(answers), len(answers.experts))


def _visual(found: Screening, experts: int) -> str:
    if not found.asked:
        return f"Not screened for visual quality: {NOT_ASKED}."
    count, rejected = found.rejected.size, int(found.rejected.sum())
    told = (
        f"Screened for visual quality by {experts} expert{'s' if experts != 1 else ''}: of {count} reference "
        f"images {rejected} were rejected"
    )
    unknown, unseen = int(found.unknown.sum()), int(found.unseen.sum())
    if not unknown:
        return f"{told}, all others were kept by everybody."
    return (
        f"{told}; the screening is incomplete: {unknown} of the others were not looked at by every expert, "
        f"{unseen} of those by none in full, and were taken as not rejected."
    )
