"""From evidence to targets: answers to real, generated and truly rendered images, concept by concept."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from auditkit.benchmarking.recipe import Recipe
from auditkit.benchmarking.targets import (
    Permuted,
    Redrawn,
    Target,
    median_labels,
    random_targets,
    random_weights,
)
from auditkit.checks.concepts.values import concepts_of, presence
from auditkit.data.captions import tells
from auditkit.data.dataset import Dataset, Record
from auditkit.errors import AuditError
from auditkit.evidence.concepts.kinds import ConceptAnswers, Drawing
from auditkit.evidence.evidence import Evidence
from auditkit.evidence.kinds import Floats, Integers
from auditkit.spec.data_card import DataCard
from auditkit.spec.model_card import ModelCard

if TYPE_CHECKING:
    from auditkit.benchmarking.concept_maps import Bottleneck
    from auditkit.benchmarking.networks import Pictures
    from auditkit.models.model import Model


@dataclass(frozen=True)
class Source:
    """What a benchmark is computed from.

    Attributes:
        classifier: evidence of the concept classifier.
        targets: evidence of target models with cards; empty: random targets on the classifier.
        generator: name of the generator card.
        load: the model of a card.
    """

    classifier: Evidence
    targets: Sequence[Evidence]
    generator: str
    load: Callable[[ModelCard], "Model"]


@dataclass(frozen=True)
class Explained:
    """A network with a bottleneck, and which of the targets it is the network of.

    Attributes:
        bottleneck: what heatmaps explain.
        model: prepares pictures.
        targets: places among the targets.
    """

    bottleneck: "Bottleneck"
    model: "Model"
    targets: Sequence[int]


@dataclass(frozen=True)
class Gathered:
    """Everything that a benchmark is computed from.

    Attributes:
        data: the data set.
        indices: the N pictures that could be evaluated.
        records: of these pictures.
        concepts: the D that are permuted.
        columns: their places among the classifier's K classes.
        present: (N, D) 0 or 1, which concepts each picture shows.
        real: (N, D) the classifier's predictions on real images.
        drawn: its predictions (..., D) on generated images.
        rendered: the same on images by the data set's own renderer, if it can draw them.
        targets: the target models.
        explained: their networks.
        not_evaluable: pictures left out, by reason.
        captions: distinct captions drawn.
        truncated: captions that were cut.
    """

    data: Dataset
    indices: Sequence[int]
    records: Sequence[Record]
    concepts: tuple[str, ...]
    columns: Sequence[int]
    present: Integers
    real: Floats
    drawn: Redrawn
    rendered: Redrawn | None
    targets: Sequence[Target]
    explained: Sequence[Explained]
    not_evaluable: Mapping[str, int]
    captions: int
    truncated: int

    @property
    def patients(self) -> npt.NDArray[np.str_]:
        """Patient per picture."""
        return np.array([record.patient for record in self.records])


def gather(source: Source, recipe: Recipe) -> Gathered:
    """Ask the networks and the generator for everything.

    Raises:
        AuditError: concepts do not fit, or nothing can be evaluated.
    """
    from auditkit.benchmarking.networks import Pictures, classifier_bottleneck, target_bottleneck

    evidence = source.classifier
    concepts, columns = permuted_concepts(evidence)
    # What does not fit is refused before anything is drawn.
    model = source.load(evidence.card)
    classes = evidence.classes or []
    bottleneck = classifier_bottleneck(model, len(classes))
    networks = [source.load(one.card) for one in source.targets]
    heads = [target_bottleneck(network, classes) for network in networks]
    blocks = tuple((name,) for name in concepts)
    drawing = Drawing(source.generator, blocks, seed=recipe.seed)
    asked = [one.concept_answers(drawing) for one in (evidence, *source.targets)]
    keep, reasons = _evaluable(asked)
    records = [evidence.records[i] for i in keep]
    real, drawn = evidence.probabilities(evidence.answers())[keep], kept(asked[0], keep)
    pictures = Pictures(evidence.data, keep, drawn.permuted)
    rendered = pictures.answers(bottleneck, model, real)
    present = truth(evidence.data.card, records, concepts)
    if source.targets:
        parts = zip(source.targets, networks, heads, asked[1:], strict=True)
        targets = [_carded(one, n, head, kept(a, keep), pictures) for one, n, head, a in parts]
        pairs = zip(networks, heads, strict=True)
        explained = [Explained(head[0], n, [place]) for place, (n, head) in enumerate(pairs)]
    else:
        rows = np.zeros((recipe.targets, real.shape[1]))
        rows[:, columns] = random_weights(recipe.targets, len(concepts), recipe.seed)
        labels = [median_labels(present, row[columns]) for row in rows]
        targets = random_targets(labels, rows, real, drawn, rendered)
        explained = [Explained(bottleneck, model, range(len(targets)))]
    for target in targets:
        _two_classes(target)
    return Gathered(
        evidence.data,
        keep,
        records,
        concepts,
        columns,
        present,
        real[:, columns],
        drawn.only(columns),
        None if rendered is None else rendered.only(columns),
        targets,
        explained,
        reasons,
        asked[0].captions,
        asked[0].truncated,
    )


def truth(card: DataCard, records: Sequence[Record], concepts: Sequence[str]) -> Integers:
    """Which concepts are in each image: (N, D) 0 or 1, as the checks of concepts count presence.

    Args:
        card: declares the concepts.
        records: images of which all these concepts are known.
        concepts: names.
    """
    return np.stack([presence(one, records) for one in concepts_of(card, concepts)], axis=1)


def permuted_concepts(evidence: Evidence) -> tuple[tuple[str, ...], list[int]]:
    """The concepts that captions tell and the classifier knows, and their places among its classes.

    Raises:
        AuditError: fewer than two, or the model is no concept classifier.
    """
    classes = evidence.classes
    card = evidence.card
    if classes is None or card.output.exclusive or card.scored:
        raise AuditError(
            f"'{card.model}' is no concept classifier: a card with output: {{exclusive: false, classes: "
            "[...]} and without a score was expected"
        )
    data = evidence.data.card
    declared = [concept.name for concept in data.concepts if tells(data, concept)]
    columns = [place for place, name in enumerate(classes) if name in declared]
    if len(columns) < 2:
        raise AuditError(
            f"'{card.model}' recognises {', '.join(classes)}, and captions of '{data.data}' tell "
            f"{', '.join(declared) or 'no concepts'}; two common names at least were expected"
        )
    return tuple(classes[place] for place in columns), columns


def kept(answers: ConceptAnswers, keep: Sequence[int]) -> Redrawn:
    """Answers (..., K) to the images that could be evaluated."""
    rows = list(keep)
    permuted = {
        name: Permuted(block.values, block.own[rows], block.answers[:, rows])
        for name, block in answers.blocks.items()
    }
    return Redrawn(answers.plain[:, rows], permuted)


def _evaluable(asked: Sequence[ConceptAnswers]) -> tuple[list[int], dict[str, int]]:
    """Images that nobody skipped, and the others by the first reason."""
    reasons = [next(filter(None, row), "") for row in zip(*(a.skipped for a in asked), strict=True)]
    keep = [i for i, reason in enumerate(reasons) if not reason]
    if len(keep) < 2:
        raise AuditError(
            f"{len(keep)} of {len(reasons)} images could be evaluated, two at least are needed; the "
            f"first reason: {next(filter(None, reasons), 'there are no images')}"
        )
    return keep, dict(Counter(filter(None, reasons)))


def _two_classes(target: Target) -> None:
    if target.labels.min() == target.labels.max():
        raise AuditError(
            f"{target.name}: all {target.labels.size} images have label {target.labels[0]}, and an AUROC "
            "needs both; use more images"
        )


def _carded(
    evidence: Evidence,
    model: "Model",
    head: "tuple[Bottleneck, Floats]",
    answers: Redrawn,
    pictures: "Pictures",
) -> Target:
    """A target with a card: its bottleneck and weights are in its network."""
    bottleneck, weights = head
    real = pictures.real(bottleneck, model)
    rendered = pictures.answers(bottleneck, model, real)
    return Target(
        evidence.card.model,
        evidence.labels[list(pictures.indices)],
        weights,
        real,
        real @ weights,
        answers.only([-1]).weighted(np.ones(1)),
        None if rendered is None else rendered.weighted(weights),
    )
