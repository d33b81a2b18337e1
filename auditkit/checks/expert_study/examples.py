"""Pairs that are shown: for each of the top attributes one in which the most experts noted it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from auditkit.checks.expert_study.studied import StudiedModel, Study
from auditkit.checks.pictures import png
from auditkit.data.answer_arrays import ModelAnswers
from auditkit.data.answer_rows import Pair
from auditkit.data.dataset import Picture
from auditkit.data.pictures.raster import read_raster
from auditkit.data.source import FileSource
from auditkit.findings import Example
from auditkit.metrics.attribute_scores import benign_side, malignant_side
from auditkit.spec.data_card import Pictures

MOST: int = 5


def examples(study: Study, one: StudiedModel, top: int) -> Iterator[Example]:
    """For each of a model's top attributes a pair, each pair once: benign left, malignant right.

    Raises:
        AuditError: a picture is missing, damaged, or outside the card's folder of pictures.
    """
    card = study.answers.card
    if not card.pictures:
        return
    folder = (card.path.parent / card.pictures).resolve()
    used: set[str] = set()
    for name in one.top(study.answers.attributes, min(top, MOST)):
        place, direction = study.answers.attributes.index(name), one.direction(name)
        for pair, noticed in _candidates(one.answers, place, direction):
            if pair.pair not in used:
                used.add(pair.pair)
                where = (
                    "it differs" if direction == "neither" else f"more in the {direction} picture"
                )
                experts = f"noted by {noticed} of {len(study.answers.experts)} experts"
                yield Example(pair.image, f"{name}: {where}, {experts}", _panels(folder, pair))
                break


def _candidates(answers: ModelAnswers, place: int, direction: str) -> Iterator[tuple[Pair, int]]:
    """Pairs with pictures, and how many experts noted the attribute: the most first, then in order."""
    noted = answers.noted[:, :, place] & answers.counted[:, :, None]
    sides = {"benign": benign_side, "malignant": malignant_side}
    seen = sides[direction](noted) if direction in sides else noted.any(axis=-1)
    counts = seen.sum(axis=0)
    for index in np.argsort(-counts, kind="stable").tolist():
        pair = answers.pairs[index]
        if counts[index] and all(pair.pictures):
            yield pair, int(counts[index])


def _panels(folder: Path, pair: Pair) -> list[tuple[str, bytes]]:
    """Benign left, malignant right, with their scores where they are known."""
    malignant = ("first", "second").index(pair.malignant)
    files = pair.pictures[1 - malignant], pair.pictures[malignant]
    captions = [
        side if np.isnan(score) else f"{side}: {score:.2f}"
        for side, score in zip(("benign", "malignant"), pair.scores, strict=True)
    ]
    return [
        (caption, png(_read(folder, file, pair)))
        for caption, file in zip(captions, files, strict=True)
    ]


def _read(folder: Path, file: str, pair: Pair) -> Picture:
    return read_raster(FileSource(folder, file, pair.where), pair.where, Pictures())
