"""Check `randomisation`: do heatmaps depend on what the network has learned?

Adebayo et al. (arXiv:1810.03292): heatmaps of the same images and method are compared with those of a network
that knows nothing: its parameters are drawn at random, or it was trained on random labels. A heatmap that
stays alike shows the image, not the model. Similarity is Spearman's rank correlation over places.

Deviates: all layers are drawn at once, not one after the other from the top; statistics of batch norm are
those of the data in the random network; explained is the audited model's decision in both networks; of
volumes only what is not 0 is compared; intervals are over random networks and patients, since both are
samples (a training on random labels is one network: over patients alone).
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from auditkit.checks.fitness import fitness_notes
from auditkit.checks.measuring import Measuring, decimals, worded
from auditkit.checks.similarities import Similarities
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
from auditkit.stats import Estimate

_TITLES = {"random_parameters": "random parameters", "random_labels": "random labels"}


def randomisation(evidence: Evidence, parameters: Randomisation) -> Findings:
    """How alike every method's heatmaps stay when the network knows nothing."""
    planned = evidence.n + len(evidence.incomplete)
    measuring = Measuring.of(RANDOMISATION, parameters, planned)
    findings = Findings(notes=fitness_notes(evidence, parameters.methods))
    networks: list[list[str]] = []
    for kind in _kinds(parameters):
        for method in parameters.methods:
            name = f"{method.label}.{kind}"
            reason = _hindrance(evidence, parameters, method, kind)
            if reason:
                findings.measurements.append(measuring.inapplicable(name, reason))
                continue
            found = Similarities.of(_similarity(evidence, parameters, method, kind))
            findings.measurements.append(_measured(evidence, measuring, name, found))
            findings.notes += _lost(found, name)
            if kind == "random_parameters":
                networks.append(_networks(evidence, method, found))
    findings.figures.append(_figure(findings, parameters))
    findings.tables += [_table(findings, parameters), _spread(networks, parameters)]
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


def _measured(
    evidence: Evidence, measuring: Measuring, name: str, found: Similarities
) -> Measurement:
    def estimate() -> Estimate:
        only = name.endswith(".random_labels")
        mean = found.over_patients if only else found.over_networks
        return mean(evidence.patients)

    skipped = [*evidence.incomplete, *filter(None, found.reasons)]
    measured = measuring(name, estimate, skipped=skipped)
    return replace(measured, affected=found.lost(len(evidence.incomplete)))


def _lost(found: Similarities, name: str) -> Iterator[str]:
    if found.partly:
        yield (
            f"{name}: {found.partly} heatmaps of random networks are constant and left out of the mean of "
            "their network; a pass must hold whatever their similarity is."
        )


def _networks(evidence: Evidence, method: Method, found: Similarities) -> list[str]:
    """A method's mean on every random network, and their spread."""
    means = found.by_network()
    cells = [decimals(mean) if np.isfinite(mean) else "not evaluable" for mean in means]
    try:
        deviation = found.deviation(evidence.patients)
    except AuditError:  # the measurement says why
        return [method.label, *cells, "not evaluable"]
    return [
        method.label,
        *cells,
        f"{deviation.value:.3f} [{deviation.low:.3f}, {deviation.high:.3f}]",
    ]


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
        "Near 1: the heatmap does not depend on what was learned. Intervals are 95 %: of random "
        "parameters over networks and patients, of random labels (one network) over patients.",
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
        f"Spearman's rank correlation of {parameters.signs} heatmaps, mean over images. Intervals are 95 %: "
        f"of random parameters for other networks than these {parameters.draws} and other patients, of "
        "random labels for other patients, of this one network. n is the fewest images behind a number of "
        "the row; of an image some networks may lack, which counts as not evaluable.",
    )


def _spread(rows: Sequence[Sequence[str]], parameters: Randomisation) -> Table:
    names = [f"network {number + 1}" for number in range(parameters.draws)]
    return Table(
        "random_networks",
        "Similarity on every random network",
        ["method", *names, "standard deviation"],
        rows,
        "Means over images. Where networks differ much, more draws narrow the interval; more images do not.",
    )
