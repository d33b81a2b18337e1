"""Galleries: images that people filter, rank and look at in the report."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest

import numpy as np

from auditkit.checks.aligned import NOT_EVALUABLE, Aligned
from auditkit.checks.coverages import SCORES, Annotations
from auditkit.checks.performance.groups import column_texts
from auditkit.checks.thumbnails import outline, small_heatmap, small_picture
from auditkit.evidence import Evidence
from auditkit.findings import Gallery, GalleryItem
from auditkit.metrics.quadrants import HIGH, LOW, UNDECIDED

_FACETS = ("label", "prediction", "decision", "case")


def alignment_gallery(
    evidence: Evidence,
    aligned: Sequence[Aligned],
    annotations: Annotations,
    by: Sequence[str],
    most: int,
) -> Gallery:
    """At most ``most`` images under every method, the most telling ones first."""
    chosen = telling(aligned, most)
    columns = {_column(name): column_texts(evidence, name) for name in by}
    items = _Items(evidence, aligned, annotations, chosen)
    facets = [*_FACETS, *columns, *(["method"] if len(aligned) > 1 else [])]
    left_out = evidence.n - len(chosen)
    return Gallery(
        "alignment",
        "Images, heatmaps and annotations",
        SCORES,
        facets,
        [
            item
            for index in chosen
            for item in items(index, {name: str(of[index]) for name, of in columns.items()})
        ],
        "Heatmap: magnitude, clipped at its 99th percentile; line: the annotation's edge."
        + (f" {left_out} images are left out: see `gallery`." if left_out else ""),
    )


def _column(name: str) -> str:
    """A group column's facet, which must not hide one of ours."""
    return f"{name} (group)" if name in (*_FACETS, "method") else name


class _Items:
    """Makes the items of one image after another."""

    def __init__(
        self,
        evidence: Evidence,
        aligned: Sequence[Aligned],
        annotations: Annotations,
        chosen: Sequence[int],
    ) -> None:
        self.evidence, self.aligned, self.annotations = evidence, aligned, annotations
        self.decision = evidence.scores().decision
        # Small at once: the maps of many methods together may not fit into memory.
        self.heat = [self._small(one, chosen) for one in aligned]

    def _small(self, one: Aligned, chosen: Sequence[int]) -> dict[int, bytes]:
        maps = self.evidence.heatmaps(one.method).maps
        return {index: small_heatmap(maps[index]) for index in chosen}

    def __call__(self, index: int, columns: dict[str, str]) -> Iterator[GalleryItem]:
        """The image under every method."""
        record = self.evidence.records[index]
        picture = small_picture(self.evidence.picture(index))
        truth = self.annotations[index]
        edge = "" if truth is None else outline(truth)
        for one, heat in zip(self.aligned, self.heat, strict=True):
            own = {
                "label": self._name(record.label),
                "prediction": self._name(int(self.decision[index])),
                "decision": "right" if one.right[index] else "wrong",
                "case": str(one.cases[index]),
            }
            if len(self.aligned) > 1:
                own["method"] = one.method.label
            reason = one.coverages.reasons[index]
            yield GalleryItem(
                record.id,
                picture,
                heat[index],
                edge,
                {
                    score: None if reason else float(one.coverages.values[score][index])
                    for score in SCORES
                },
                columns | own,
                reason,
            )

    def _name(self, index: int) -> str:
        names = self.evidence.classes
        return names[index] if names else str(index)


def telling(aligned: Sequence[Aligned], most: int) -> list[int]:
    """At most ``most`` images: of every method, decision and band in turn the next most extreme.

    Low explanation coverage from the lowest, high from the highest; what is undecided or could not be
    evaluated in the order of the data. A function of the scores alone.
    """
    turns = zip_longest(*(queue for one in aligned for queue in _queues(one)))
    images = dict.fromkeys(index for turn in turns for index in turn if index is not None)
    return list(images)[:most]


def _queues(one: Aligned) -> Iterator[list[int]]:
    coverage = one.coverages.values["explanation_coverage"]
    ordering = {LOW: coverage, HIGH: -coverage}
    for band in (LOW, HIGH, UNDECIDED, NOT_EVALUABLE):
        for right in (True, False):
            rows = np.flatnonzero((one.bands == band) & (one.right == right))
            if band in ordering:
                rows = rows[np.argsort(ordering[band][rows], kind="stable")]
            yield rows.tolist()
