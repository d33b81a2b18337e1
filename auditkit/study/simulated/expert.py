"""A simulated expert: from the pixels of A and B to an answer in words, with noise and its own leniency."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

import numpy as np

from auditkit.evidence.identity import seed_of
from auditkit.study.answers import Comparator
from auditkit.study.simulated.seeing import Pixels, Values, measured, sharpness
from auditkit.study.simulated.vocabulary import ARTIFACT_FROM, SUSPICIOUS, VOCABULARY, Word

Presets = Mapping[str, Sequence[str]]

# Shares and spreads below are assumptions about people, not estimates.
_LENIENCY: Final = 0.2
_NOISE: Final = 0.3
_DOUBT: Final = 1.0
_UNABLE: Final = 0.01
_UNDIRECTED: Final = 0.03
_OWN_WORDS: Final = 0.02
_SHARPNESS_NOISE: Final = 0.02
_MOST: Final = 5
"""Differences that are written down at most, the clearest first: a set of twenty takes half an hour."""


@dataclass(frozen=True)
class Row:
    """One attribute that differs, as a form has it."""

    category: str
    attribute: str
    comparator: Comparator


@dataclass(frozen=True)
class Judgement:
    """An answer to a pair.

    Attributes:
        choice: which picture is chosen; None if it cannot be assessed.
        rows: what differs.
    """

    choice: Literal["A", "B"] | None
    rows: Sequence[Row] = ()


class Judge(Protocol):
    """Anything that answers from pixels."""

    def rejects(self, picture: Pixels) -> bool:
        """Whether there is an artifact in a picture."""

    def compares(self, a: Pixels, b: Pixels, presets: Presets) -> Judgement:
        """Which picture looks malignant, and what differs.

        Args:
            a: displayed as A.
            b: displayed as B.
            presets: names that can be selected, by category; empty in stage 1.
        """


class SimulatedExpert:
    """Judges from measured differences. The same name and the same pixels give the same answer.

    Each difference, divided by its threshold, gets normal noise (standard deviation 0.3) and is noted if it
    exceeds the expert's leniency, which is log-normal around 1. The choice is by darkness, colours and
    irregularity (`SUSPICIOUS`) with noise of one threshold. One pair in a hundred cannot be assessed.
    """

    def __init__(self, name: str) -> None:
        """An expert of that name, whose leniency follows from it."""
        self.name = name
        generator = np.random.default_rng(seed_of("simulated expert", name))
        self.leniency = math.exp(_LENIENCY * generator.standard_normal())

    def rejects(self, picture: Pixels) -> bool:
        """As `Judge`: by fine noise far beyond that of any photograph."""
        found = sharpness(picture)
        noise = _SHARPNESS_NOISE * self._generator("screening", picture).standard_normal()
        return found is not None and found + noise > ARTIFACT_FROM

    def compares(self, a: Pixels, b: Pixels, presets: Presets) -> Judgement:
        """As `Judge`."""
        generator = self._generator("pair", a, b)
        if generator.random() < _UNABLE:
            return Judgement(None)
        in_a, in_b = measured(a, b)
        suspicion = _suspicion(in_a, in_b) + _DOUBT * generator.standard_normal()
        return Judgement("A" if suspicion > 0 else "B", self._rows(in_a, in_b, presets, generator))

    def _rows(
        self, in_a: Values, in_b: Values, presets: Presets, generator: np.random.Generator
    ) -> list[Row]:
        """What is seen, the clearest first."""
        noticed: list[tuple[float, Row]] = []
        for word in VOCABULARY:
            # Every word has its draws, so that what is seen of one does not depend on the others.
            noise, undirected, own_words = generator.standard_normal(), *generator.random(2)
            synonym = word.synonyms[int(generator.integers(len(word.synonyms)))]
            if word.quantity not in in_a:
                continue
            more_in_a = _strength(word, in_a, in_b) + _NOISE * noise
            if abs(more_in_a) <= self.leniency:
                continue
            known = word.name in presets.get(word.category, ()) and own_words >= _OWN_WORDS
            comparator = _comparator(word, in_a, in_b, more_in_a > 0)
            row = Row(
                word.category,
                word.name if known else synonym,
                "different" if undirected < _UNDIRECTED else comparator,
            )
            noticed.append((abs(more_in_a), row))
        clearest = sorted(noticed, key=lambda one: -one[0])
        return [row for _, row in clearest[:_MOST]]

    def _generator(self, purpose: str, *pictures: Pixels) -> np.random.Generator:
        digests = [hashlib.sha256(picture.tobytes()).hexdigest() for picture in pictures]
        return np.random.default_rng(seed_of("simulated expert", self.name, purpose, digests))


def _strength(word: Word, in_a: Values, in_b: Values) -> float:
    """How much more of it is in A, in thresholds."""
    return word.sign * (in_a[word.quantity] - in_b[word.quantity]) / word.threshold


def _comparator(word: Word, in_a: Values, in_b: Values, more_in_a: bool) -> Comparator:
    less = (in_b if more_in_a else in_a)[word.quantity]
    alone = word.absent is not None and less <= word.absent
    if more_in_a:
        return "A only" if alone else "A > B"
    return "B only" if alone else "A < B"


def _suspicion(in_a: Values, in_b: Values) -> float:
    """How much more malignant A looks than B, in thresholds."""
    thresholds = {word.quantity: word.threshold for word in VOCABULARY}
    return sum(
        weight * (in_a[name] - in_b[name]) / thresholds[name]
        for name, weight in SUSPICIOUS.items()
        if name in in_a
    )
