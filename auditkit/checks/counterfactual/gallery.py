"""Failure cases with all their counterfactuals: what would have changed the model's mind."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditkit.checks.counterfactual.failures import choose
from auditkit.checks.counterfactual.panels import difference, shared_gain, times
from auditkit.checks.pictures import png
from auditkit.data.dataset import Picture
from auditkit.evidence import Evidence
from auditkit.evidence.counterfactuals.kinds import Counterfactuals
from auditkit.evidence.counterfactuals.pictures import every_bin
from auditkit.findings import CounterfactualCase, CounterfactualCases, CounterfactualFrame
from auditkit.spec.counterfactual_card import CounterfactualCard
from auditkit.spec.declarations.counterfactual import Counterfactual

PICTURE_SIDE, DIFFERENCE_SIDE = 192, 128


def failure_gallery(
    evidence: Evidence, card: CounterfactualCard, found: Counterfactuals, parameters: Counterfactual
) -> CounterfactualCases:
    """The failures with their counterfactuals for every bin, then right decisions if there is room.

    Args:
        evidence: of the audited model.
        card: of the generator.
        found: the model's answers to the counterfactuals of all images.
        parameters: ``gallery`` is the largest number of cases.
    """
    threshold = evidence.card.threshold
    assert threshold is not None, (
        "a check that needs a score is asked of models with a threshold only"
    )
    chosen = choose(found, evidence.labels, threshold, parameters.gallery)
    pictures = [evidence.picture(index) for index in chosen.cases]
    drawn = every_bin(evidence, card, list(chosen.cases))
    gain = shared_gain(
        (picture, frame)
        for picture, frames in zip(pictures, drawn, strict=True)
        for frame in frames
    )
    drawer = _Drawer(evidence, found, threshold, gain)
    cases = [
        drawer.case(index, case, picture, frames)
        for (index, case), picture, frames in zip(
            chosen.cases.items(), pictures, drawn, strict=True
        )
    ]
    title = "Failure cases, and what would have changed the model's mind"
    return CounterfactualCases(
        "failure-cases", title, cases, chosen.caption(threshold), _legend(gain)
    )


def _legend(gain: int) -> str:
    return (
        f"Difference: counterfactual minus image, {times(gain)}, on mid-grey: what is lighter, darker or "
        "pinker than mid-grey became so, mid-grey did not change. The scale is the same for all cases."
    )


@dataclass(frozen=True)
class _Drawer:
    """Makes one case after another."""

    evidence: Evidence
    found: Counterfactuals
    threshold: float
    gain: int

    def case(
        self, index: int, case: str, picture: Picture, frames: npt.NDArray[np.uint8]
    ) -> CounterfactualCase:
        """An image with its counterfactuals (B, S, S, 3)."""
        record, own = self.evidence.records[index], float(self.found.own[index])
        facets = {"label": self._name(record.label), "decision": self._decision(own), "case": case}
        return CounterfactualCase(
            record.id,
            _reduced(picture, PICTURE_SIDE),
            own,
            facets,
            list(self._frames(index, picture, frames)),
        )

    def _frames(
        self, index: int, picture: Picture, frames: npt.NDArray[np.uint8]
    ) -> Iterator[CounterfactualFrame]:
        answers = zip(self.found.centres, self.found.score[index], frames, strict=True)
        for asked, got, frame in answers:
            yield CounterfactualFrame(
                float(asked),
                float(got),
                self._decision(float(got)),
                _reduced(frame, PICTURE_SIDE),
                _reduced(difference(picture, frame, self.gain), DIFFERENCE_SIDE),
            )

    def _decision(self, score: float) -> str:
        return self._name(int(score >= self.threshold))

    def _name(self, index: int) -> str:
        names = self.evidence.classes
        return names[index] if names else str(index)


def _reduced(picture: Picture, side: int) -> bytes:
    """PNG of at most ``side`` pixels a side."""
    from PIL import Image

    image = Image.fromarray(picture)
    image.thumbnail((side, side), Image.Resampling.BOX)
    return png(np.asarray(image))
