"""Planted pairs of two models, with artifact scores and tables of vetoes."""

import csv
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np

from auditkit.data.dataset import Record
from auditkit.errors import Unavailable
from auditkit.evidence.counterfactuals.kinds import Counterfactuals
from auditkit.spec.counterfactual_card import CounterfactualCard
from auditkit.spec.ratings_card import RatingsCard

from .planted import DATA, MODEL, Planted

LOW, HIGH = 0.05, 0.95


def generator(model="planted", **settings):
    return CounterfactualCard.model_validate(
        {
            "counterfactual": f"of-{model}",
            "task": "t",
            "model": model,
            "model_sha256": "0" * 64,
            "data": "training",
            "size": 16,
            "network": {},
            "weights": {"file": "x.safetensors", "sha256": "0" * 64},
            **settings,
        }
    )


@dataclass
class Pairs(Planted):
    """Evidence whose pairs have these scores; a pair of a score that is no number is not finite."""

    name: str = "planted"
    benign: list = field(default_factory=list)
    malignant: list = field(default_factory=list)
    artifact: list = field(default_factory=list)
    tables: dict = field(default_factory=dict)
    others: dict = field(default_factory=dict)
    beyond: int = 0

    @property
    def data(self):
        """All records; the evidence is of the first of them."""
        more = [Record(f"i{self.n + i}", "", 0, "p") for i in range(self.beyond)]
        return SimpleNamespace(card=DATA, records=[*self.records, *more])

    @property
    def card(self):
        return MODEL.model_copy(update={"model": self.name})

    def peer(self, name):
        return self.others[name]

    def ratings(self, name):
        return self.tables[name]


def pairs(benign, malignant, artifact=None, **settings):
    n = len(benign)
    labels, score = np.arange(n) % 2, np.linspace(0.1, 0.9, n)
    artifact = [1.0] * n if artifact is None else artifact
    given = {"benign": benign, "malignant": malignant, "artifact": artifact}
    return Pairs(labels, score, **given, **settings)


def install(monkeypatch, missing=()):
    """Fakes of what evidence offers, and the kinds of generators that were asked for."""
    asked = []

    def card_of(evidence, wanted):
        asked.append((evidence.name, wanted))
        if evidence.name in missing:
            raise Unavailable(f"no generator for '{evidence.name}'")
        return generator(evidence.name)

    fakes = {
        "card_of": card_of,
        "counterfactuals": _counterfactuals,
        "counterfactual_artifacts": lambda evidence, _card: _twice(evidence.artifact),
    }
    for place in ("screened", "counterfactual_screening"):
        for name, fake in fakes.items():
            monkeypatch.setattr(f"auditkit.checks.{place}.{name}", fake)
    return asked


def _counterfactuals(evidence, _card):
    score = np.stack([evidence.benign, evidence.malignant], axis=1).astype(float)
    finite = np.isfinite(score).all(axis=1)
    nothing = np.zeros(len(score))
    score[~finite] = 0.0
    change = np.zeros_like(score)
    return Counterfactuals(evidence.score, score, change, nothing, nothing, nothing, finite)


def _twice(scores):
    """The larger of the two in the first column or in the second, in turn."""
    larger = np.array(scores, float)
    first = np.arange(larger.size) % 2 == 0
    return np.stack([np.where(first, larger, 0.5), np.where(first, 0.5, larger)], axis=1)


def table(folder, name, rows, **changes):
    """A ratings card: 0 is a veto, 1 is none."""
    with (folder / f"{name}.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("image", "rater", "method", "rating"), *rows])
    given = {
        "ratings": name,
        "task": "t",
        "data": "d",
        "model": "planted",
        "file": f"{name}.csv",
        "scale": {"low": 0, "high": 1, "step": 1},
        **changes,
    }
    card = RatingsCard.model_validate(given)
    return card.model_copy(update={"path": folder / f"{name}.ratings.yaml"})


def said(image, rater, rating):
    return (image, rater, "counterfactual", rating)
