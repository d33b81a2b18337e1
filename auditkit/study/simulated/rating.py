"""A simulated rater of heatmaps: a program for tests and demonstrations, from the pixels that it is shown.

It takes what is conspicuous in the images for the finding. Its own prediction is the last class where the
finding is ragged, else the first one; its rating is how much of the heat lies on the finding; what it is told
moves it where the heatmap convinces it. Leniency and noise are its own. It says nothing about physicians.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

import numpy as np

from auditkit.evidence.identity import seed_of
from auditkit.spec.ratings_card import Scale
from auditkit.study.answers import Decision
from auditkit.study.folder import Layout
from auditkit.study.simulated.conspicuous import (
    Pixels,
    brightness,
    concentration,
    conspicuous,
    raggedness,
)

RAGGED: Final = 1.16
"""Between the round and the irregular tumours of `auditkit.data.synthetic.glioma`, of which it tells 72 %."""

_SPREAD, _NOISE, _LENIENCE = 0.1, 0.08, 0.08
# Heatmaps of the stand-in have at most a third of their heat on the finding beyond chance.
_GAIN: Final = 3.0
_CANNOT: Final = 0.02


@dataclass(frozen=True)
class Opinion:
    """What the rater says at the second step.

    Attributes:
        after: its prediction.
        rating: on the scale; None if it cannot rate.
    """

    after: Decision
    rating: float | None


@dataclass(frozen=True)
class SimulatedRater:
    """One rater of one study; the same pictures give the same answers.

    Attributes:
        name: of the expert.
        classes: that can be predicted.
        scale: of ratings.
        layout: of pictures.
    """

    name: str
    classes: tuple[str, ...]
    scale: Scale
    layout: Layout

    def before(self, image: Pixels) -> Decision:
        """Its own prediction, from the case alone."""
        generator = self._generator("before", image)
        shape = raggedness(conspicuous(image, self.layout)) + generator.normal(0, _SPREAD)
        decision = self.classes[-1 if shape > RAGGED else 0]
        sure = 50 + 150 * abs(shape - RAGGED) + generator.normal(0, 5)
        return Decision(decision=decision, confidence=_percent(sure))

    def after(self, image: Pixels, heatmap: Pixels, before: Decision, predicted: str) -> Opinion:
        """Its prediction and rating with the model's prediction and its heatmap."""
        generator = self._generator("after", image, heatmap)
        quality = concentration(brightness(heatmap, self.layout), conspicuous(image, self.layout))
        felt = _GAIN * quality + self._lenience + generator.normal(0, _NOISE)
        convinced = generator.random() < felt
        decision = predicted if convinced else before.decision
        gained = 10 if decision == predicted else -10
        after = Decision(decision=decision, confidence=_percent(before.confidence + gained))
        cannot = generator.random() < _CANNOT
        return Opinion(after, None if cannot else self._on_scale(felt))

    @property
    def _lenience(self) -> float:
        return float(self._generator("lenience").normal(0, _LENIENCE))

    def _on_scale(self, share: float) -> float:
        low, high, step = self.scale.low, self.scale.high, self.scale.step
        wanted = low + float(np.clip(share, 0, 1)) * (high - low)
        return wanted if step is None else low + step * round((wanted - low) / step)

    def _generator(self, purpose: str, *pictures: Pixels) -> np.random.Generator:
        seen = [hashlib.sha256(picture.tobytes()).hexdigest() for picture in pictures]
        return np.random.default_rng(seed_of("simulated rater", purpose, self.name, *seen))


def _percent(value: float) -> int:
    return int(np.clip(round(value), 0, 100))
