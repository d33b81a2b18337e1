"""Planted pairs: what differs in them is known, and so is what the model makes of colour."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np

from auditkit.evidence.counterfactuals.kinds import Counterfactuals, Measured
from auditkit.spec.counterfactual_card import CounterfactualCard

from .planted import Planted

SIDE, BINS = 16, 10


def card(seed=0, weights="0" * 64):
    return CounterfactualCard.model_validate(
        {
            "counterfactual": f"planted-{seed}",
            "task": "t",
            "model": "planted",
            "model_sha256": "0" * 64,
            "data": "dermoscopy-training",
            "seed": seed,
            "size": SIDE,
            "network": {},
            "weights": {"file": "x.safetensors", "sha256": weights},
        }
    )


@dataclass
class Pairs(Planted):
    """Evidence with the attributes of every training's pairs.

    `measured` is by seed (reference, benign, malignant) of each attribute; `excluded` and `unmeasured` are
    reasons by seed, the latter by attribute too.
    """

    measured: dict = field(default_factory=dict)
    excluded: dict = field(default_factory=dict)
    unmeasured: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)

    def picture(self, index):
        return np.full((SIDE, SIDE, 3), index, np.uint8)


def install(monkeypatch, cards=None):
    """Fakes of what evidence offers, in both checks."""
    cards = cards or {}
    fakes = {
        "card_of": lambda _evidence, wanted: cards.get(wanted.seed) or card(wanted.seed),
        "screened": _screened,
        "measured": _measured,
        "counterfactuals": _counterfactuals,
        "pairs": _pairs,
    }
    places = {
        "counterfactual_attributes": ("card_of", "screened", "measured"),
        "counterfactual_attributes.shown": ("counterfactuals", "pairs"),
        "counterfactual_stability": ("card_of",),
        "counterfactual_stability.trained": ("screened", "measured"),
    }
    for place, names in places.items():
        for name in names:
            monkeypatch.setattr(f"auditkit.checks.{place}.{name}", fakes[name])


def _screened(evidence, own, _screen):
    reasons = evidence.excluded.get(own.seed, [""] * evidence.n)
    return SimpleNamespace(kept=np.array([not reason for reason in reasons]), reasons=reasons)


def _measured(evidence, own, names, _dilate, _classifier, concepts):
    names = [*names, *(f"concept[{concept}]" for concept in concepts)]
    evidence.asked.append(names)
    known, reasons = evidence.measured[own.seed], evidence.unmeasured.get(own.seed, {})
    found = {}
    for name in names:
        why = np.array(reasons.get(name, [""] * evidence.n))
        sides = known.get(name, np.zeros((3, evidence.n)))
        found[name] = np.where(why == "", sides, np.nan)
    return Measured(
        {name: sides[0] for name, sides in found.items()},
        {name: sides[1] for name, sides in found.items()},
        {name: sides[2] for name, sides in found.items()},
        {name: reasons.get(name, [""] * evidence.n) for name in names},
    )


def _counterfactuals(evidence, _card):
    n = evidence.n
    score = np.tile((np.arange(BINS) + 0.5) / BINS, (n, 1))
    ones = np.ones(n)
    return Counterfactuals(
        evidence.score, score, np.zeros((n, BINS)), 0.1 * ones, 0 * ones, 0 * ones, ones > 0
    )


def _pairs(evidence, _card):
    dark = np.zeros((evidence.n, 1, SIDE, SIDE, 3), np.uint8)
    return np.concatenate([dark + np.uint8(100), dark + np.uint8(110)], axis=1)
