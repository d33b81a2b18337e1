"""The calibration curve, the table, the notes and the examples of a generator's quality."""

from collections.abc import Iterator, Sequence

import numpy as np

from auditkit.checks.concepts.drawn import spread
from auditkit.checks.counterfactual.measured import TESTED, Measured
from auditkit.checks.counterfactual.panels import pair_panels, shared_gain
from auditkit.checks.counterfactual.trained import seen_in_training
from auditkit.checks.measuring import worded
from auditkit.errors import AuditError
from auditkit.evidence.counterfactuals.pictures import pairs
from auditkit.findings import Example, Figure, Findings, Series, Table
from auditkit.spec.counterfactual_card import CounterfactualCard

SHOWN = 4
_WORDS = {
    "consistency": "pairs on both sides of the threshold",
    "flip_rate": "decisions flipped",
    "bin_error": "distance of the score from the one asked for",
    "reconstruction_error": "image and reconstruction",
    "cycle_error": "image and its way there and back",
    "mean_change": "last and first bin",
    "batch_dependence": "in other company (grey levels of 255)",
    "kernel_distance": "kernel inception distance",
    "kernel_distance_margin": "colour shift minus counterfactuals",
    "training_gap": "consistency on images trained on minus others",
}


def calibration(measured: Measured) -> Figure | None:
    """Mean score of counterfactuals over the score that was asked for; none if it cannot be estimated."""
    try:
        means = measured.bin_means()
    except AuditError:
        return None
    series = Series(
        "counterfactuals",
        measured.found.centres.tolist(),
        [one.value for one in means],
        [one.low for one in means],
        [one.high for one in means],
    )
    return Figure(
        "calibration",
        "Scores asked for and scores had",
        "lines",
        "score asked for (centre of the bin)",
        "mean score of the counterfactuals",
        [series],
        "On the diagonal, counterfactuals have the score that was asked for. The band is the 95 % interval "
        "of each mean over patients.",
        diagonal=True,
    )


def quality(findings: Findings, measured: Measured) -> Table:
    """All that was measured."""
    rows = []
    for one in findings.measurements:
        skipped = str(sum(one.not_evaluable.values()))
        number = str(one.estimate.n) if one.estimate else "0"
        cell = worded(one, _figures)
        rows.append([one.name, _WORDS[one.name], cell, one.unit, number, skipped])
    caption = (
        f"Estimates with 95 % intervals over patients; batch_dependence is the largest of at most {TESTED} "
        "images tested, and has no sampling error."
    )
    if measured.parameters.features:
        caption += (
            f" Kernel inception distances are of the features of {measured.parameters.features}: compare "
            "them with distances of the same network's features only."
        )
    columns = ["measure", "of", "estimate", "unit", "n", "not evaluable"]
    return Table("quality", "Quality of the generator", columns, rows, caption)


def _figures(value: float) -> str:
    return f"{value:.3g}"


def notes(measured: Measured) -> Iterator[str]:
    """Which generator was judged, and on which images."""
    yield generator_note(measured.card)
    if measured.card.weights is None:
        return
    seen, unknown = seen_in_training(measured)
    if unknown:
        yield f"Whether audited images were trained on is not known: {unknown}."
    elif seen.any():
        yield (
            f"The generator was trained on {int(seen.sum())} of the {seen.size} audited images. They count "
            "as the others do; on images that it has not seen it may do worse."
        )


def generator_note(card: CounterfactualCard) -> str:
    """The generator in one sentence."""
    said = f"Generator '{card.counterfactual}' ({card.family}, seed {card.seed}), {card.bins} bins"
    if card.network is not None:
        own = card.network
        said += (
            f", trained on '{card.data}' with the {card.discriminator} discriminator: network "
            f"{own.kind}, width {own.width}, cells of {own.grid} px, {own.downsamplings} downsamplings, "
            f"{own.blocks} blocks; images of {card.size} px"
        )
    if card.guidance is not None:
        said += f", guided from '{card.guidance.generator}'"
    return f"{said}. {card.stand_in}".strip() if card.stand_in else f"{said}."


def examples(measured: Measured) -> Sequence[Example]:
    """Pairs of images evenly spaced over the data, so that nobody chose them."""
    evidence, found = measured.evidence, measured.found
    chosen = spread(found.finite, SHOWN)
    if not chosen:
        return []
    drawn = pairs(evidence, measured.card)[chosen]
    gain = shared_gain((benign, malignant) for benign, malignant in drawn)
    classes = evidence.classes or ["no", "yes"]
    shown = []
    for index, (benign, malignant) in zip(chosen, drawn, strict=True):
        scores = found.own[index], found.score[index, 0], found.score[index, -1]
        panels = pair_panels(
            evidence.picture(index),
            benign,
            malignant,
            [float(score) for score in scores],
            (f"more {classes[0]}", f"more {classes[1]}"),
            gain,
        )
        opposite = np.array_equal(np.array(scores[1:]) >= measured.threshold, [False, True])
        title = (
            "on both sides of the threshold" if opposite else "not on both sides of the threshold"
        )
        shown.append(Example(evidence.records[index].id, title, panels, columns=len(panels)))
    return shown
