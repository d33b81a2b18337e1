"""Check `randomisation`: do heatmaps depend on what the network has learned?

Adebayo et al. (arXiv:1810.03292): heatmaps of the same images and method are compared with those of a network
that knows nothing: its parameters are drawn at random, or it was trained on random labels. A heatmap that
stays alike shows the image, not the model. Similarity is Spearman's rank correlation over places.

Deviates: all layers are drawn at once, not one after the other from the top; statistics of batch norm are
those of the data in the random network; explained is the audited model's decision in both networks; of
volumes only what is not 0 is compared; intervals are over patients.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from auditkit import stats
from auditkit.checks.fitness import fitness_notes
from auditkit.checks.measuring import Measuring, worded
from auditkit.errors import AuditError
from auditkit.evidence import Evidence
from auditkit.evidence.randomised import (
    Similarity,
    random_labels,
    random_parameters,
    redrawing_problem_of,
)
from auditkit.findings import Figure, Findings, Measurement, Series, Table
from auditkit.spec.declarations.randomisation import RANDOMISATION, Randomisation
from auditkit.spec.methods import Method

_TITLES = {"random_parameters": "random parameters", "random_labels": "random labels"}


def randomisation(evidence: Evidence, parameters: Randomisation) -> Findings:
    """How alike every method's heatmaps stay when the network knows nothing."""
    planned = evidence.n + len(evidence.incomplete)
    measuring = Measuring.of(RANDOMISATION, parameters, planned)
    findings = Findings(notes=fitness_notes(evidence, parameters.methods))
    for kind in _kinds(parameters):
        for method in parameters.methods:
            name = f"{method.label}.{kind}"
            reason = _hindrance(evidence, parameters, method, kind)
            if reason:
                findings.measurements.append(measuring.inapplicable(name, reason))
                continue
            images = _Images.of(_similarity(evidence, parameters, method, kind))
            findings.measurements.append(_measured(evidence, measuring, name, images))
            findings.notes += _lost(images, name)
    findings.figures.append(_figure(findings, parameters))
    findings.tables.append(_table(findings, parameters))
    return findings


def _kinds(parameters: Randomisation) -> list[str]:
    return ["random_parameters", *(["random_labels"] if parameters.trainings else [])]


def _hindrance(evidence: Evidence, parameters: Randomisation, method: Method, kind: str) -> str:
    """Why a method cannot be asked of the model, or of the network that knows nothing."""
    own = evidence.fitness(method).reason
    if own or kind == "random_parameters":
        return own or redrawing_problem_of(evidence)
    return evidence.peer(parameters.trainings[0]).fitness(method).reason


def _similarity(
    evidence: Evidence, parameters: Randomisation, method: Method, kind: str
) -> Similarity:
    if kind == "random_parameters":
        return random_parameters(evidence, method, parameters.draws, parameters.signs)
    return random_labels(evidence, parameters.trainings[0], method, parameters.signs)


@dataclass(frozen=True)
class _Images:
    """A similarity per image, or a reason.

    Attributes:
        rho: (n,), the mean over networks that can be compared.
        reasons: (n,), why no network can be; empty if one can.
        lost: pairs of image and network that cannot, of images that have others.
    """

    rho: npt.NDArray[np.float64]
    reasons: list[str]
    lost: int

    @classmethod
    def of(cls, similarity: Similarity) -> "_Images":
        comparable = similarity.problem == ""
        counts = comparable.sum(axis=1)
        rho = (similarity.rho * comparable).sum(axis=1) / np.maximum(counts, 1)
        reasons = [
            "" if count else str(problems[0])
            for count, problems in zip(counts, similarity.problem, strict=True)
        ]
        return cls(rho, reasons, int((~comparable[counts > 0]).sum()))

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        return np.array([not reason for reason in self.reasons], dtype=np.bool_)


def _measured(evidence: Evidence, measuring: Measuring, name: str, images: _Images) -> Measurement:
    skipped = [*evidence.incomplete, *(reason for reason in images.reasons if reason)]
    return measuring(name, partial(_mean, evidence, images), skipped=skipped)


def _mean(evidence: Evidence, images: _Images) -> stats.Estimate:
    known = images.known
    if not known.any():
        raise AuditError(f"no image can be evaluated: {images.reasons[0]}")
    return stats.mean(images.rho[known], evidence.patients[known], bounds=(-1.0, 1.0))


def _lost(images: _Images, name: str) -> Iterator[str]:
    if images.lost:
        yield (
            f"{name}: {images.lost} heatmaps of random networks are constant and left out of the mean over "
            "networks of their image."
        )


def _figure(findings: Findings, parameters: Randomisation) -> Figure:
    """Similarities of all methods, one below the other."""
    labels = [method.label for method in parameters.methods]
    series = []
    for kind in _kinds(parameters):
        measured = [(place, findings[f"{label}.{kind}"]) for place, label in enumerate(labels)]
        known = [(float(place), m.estimate) for place, m in measured if m.estimate]
        places, values, lows, highs = (
            [place for place, _ in known],
            [estimate.value for _, estimate in known],
            [estimate.low for _, estimate in known],
            [estimate.high for _, estimate in known],
        )
        if known:
            dashed = kind == "random_labels"
            series.append(Series(_TITLES[kind], places, values, lows, highs, dashed))
    return Figure(
        "randomisation",
        "Similarity with heatmaps of networks that know nothing",
        "forest",
        "method",
        f"Spearman's rho of {parameters.signs} heatmaps",
        series,
        "Near 1: the heatmap does not depend on what was learned. Intervals are 95 %, over patients.",
        zero=True,
        labels=labels,
    )


def _table(findings: Findings, parameters: Randomisation) -> Table:
    rows = []
    for method in parameters.methods:
        found = [findings[f"{method.label}.{kind}"] for kind in _kinds(parameters)]
        counts = [m.estimate.n if m.estimate else 0 for m in found]
        missing = [sum(m.not_evaluable.values()) for m in found]
        rows.append(
            [method.label, *(worded(m) for m in found), str(min(counts)), str(max(missing))]
        )
    columns = ["method", *(_TITLES[kind] for kind in _kinds(parameters))]
    return Table(
        "randomisation",
        "Similarity with heatmaps of networks that know nothing",
        [*columns, "n", "not evaluable"],
        rows,
        f"Spearman's rank correlation of {parameters.signs} heatmaps, mean over images and "
        f"{parameters.draws} random networks. n is the fewest images behind a number of the row.",
    )
