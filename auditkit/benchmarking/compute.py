"""A benchmark from beginning to end: gathered, ranked, compared, and told."""

from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import numpy as np

from auditkit import __version__
from auditkit.benchmarking import figures, tables
from auditkit.benchmarking.agreements import agreement
from auditkit.benchmarking.assumptions import (
    compared_concepts,
    compared_targets,
    effective,
    independence,
)
from auditkit.benchmarking.baselines import baselines
from auditkit.benchmarking.gathering import Gathered, Source, gather
from auditkit.benchmarking.importance import CEILING, DEPICT, Ranked, by_permutation, oracles
from auditkit.benchmarking.recipe import Recipe
from auditkit.benchmarking.result import (
    BenchmarkResult,
    ChangeResult,
    Provenance,
    TargetResult,
)
from auditkit.benchmarking.targets import Redrawn, Target
from auditkit.data.dataset import manifest_digest
from auditkit.evidence.identity import code_version
from auditkit.models.identity import weights_digest
from auditkit.results import figure_result, number, table_result

_PACKAGES: Final = (
    "diffusers",
    "numpy",
    "safetensors",
    "scikit-image",
    "scipy",
    "torch",
    "transformers",
)


def benchmark(
    source: Source, recipe: Recipe, cards: Mapping[str, str], device: str
) -> BenchmarkResult:
    """DEPICT, its assumptions, its oracles and its baselines on one set of targets.

    Args:
        source: evidence of the concept classifier, and of targets that have cards.
        recipe: what is asked for.
        cards: sha256 of each card, for the provenance.
        device: on which networks ran.

    Raises:
        AuditError: concepts, classifier, generator and targets do not fit one another.
    """
    found = gather(source, recipe)
    known, asked = oracles(found), _methods(found, recipe)
    heatmaps = baselines(found, recipe.heatmaps)
    methods = [*asked, *heatmaps.ranked]
    agreements = [agreement(oracle, method, recipe.seed) for oracle in known for method in methods]
    compared = compared_targets(found, recipe.seed)
    targets = [
        _target(found, place, one.quantities(), [*known, *methods])
        for place, one in enumerate(compared)
    ]
    concepts, changes = compared_concepts(found, recipe.seed), _changes(found, recipe.seed)
    overall = effective(compared, found, recipe.seed)
    shown = figures.every(found, known, methods, agreements, changes, recipe.seed)
    listed = [
        tables.correlations(agreements),
        tables.effective_generation(overall, targets),
        tables.concept_classifier(concepts),
    ]
    if heatmaps.layers:
        listed.insert(1, tables.gradcam_layers(known, heatmaps.layers, recipe.seed))
    return BenchmarkResult(
        title=f"DEPICT on '{found.data.card.data}' with '{source.generator}'",
        provenance=_provenance(source, cards, device),
        settings={**recipe.stated, "targets": len(targets)},
        images=len(source.classifier.records),
        evaluable=len(found.indices),
        not_evaluable=dict(found.not_evaluable),
        captions=found.captions,
        truncated=found.truncated,
        targets=targets,
        agreement=agreements,
        effective=overall,
        concepts=concepts,
        independence=changes,
        figures=[figure_result(one) for one in shown],
        tables=[table_result(one) for one in listed],
        notes=[*_notes(found, source, recipe), *heatmaps.notes],
    )


def _methods(found: Gathered, recipe: Recipe) -> list[Ranked]:
    """DEPICT with the generator and, where the data can draw it, with the true renderer."""

    def generated(target: Target) -> Redrawn:
        return target.drawn

    def rendered(target: Target) -> Redrawn:
        assert target.rendered is not None
        return target.rendered

    given = recipe.permutations, recipe.seed
    methods = [by_permutation(DEPICT, found, generated, *given)]
    if found.rendered is not None:
        methods.append(by_permutation(CEILING, found, rendered, *given))
    return methods


def _changes(found: Gathered, seed: int) -> list[ChangeResult]:
    changes = independence(found, "generated", found.drawn, seed)
    if found.rendered is not None:
        changes += independence(found, "true renderer", found.rendered, seed)
    return changes


def _target(
    found: Gathered, place: int, quantities: Mapping[str, Any], ranked: Sequence[Ranked]
) -> TargetResult:
    target = found.targets[place]
    pairs = zip(found.concepts, found.columns, strict=True)
    importance = {
        one.name: dict(zip(found.concepts, map(number, one.importance[place]), strict=True))
        for one in ranked
    }
    return TargetResult(
        name=target.name,
        weights={name: float(target.weights[column]) for name, column in pairs},
        positives=int(target.labels.sum()),
        importance=importance,
        **quantities,
    )


def _provenance(source: Source, cards: Mapping[str, str], device: str) -> Provenance:
    models = [source.classifier.card, *(one.card for one in source.targets)]
    return Provenance(
        auditkit=__version__,
        code=code_version(),
        packages=_versions(),
        device=device,
        cards=dict(cards),
        weights={card.model: weights_digest(card) for card in models},
        manifest=manifest_digest(source.classifier.data.records),
    )


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "none"
    return found


def _notes(found: Gathered, source: Source, recipe: Recipe) -> list[str]:
    importance = (
        "Importance by DEPICT is the AUROC lost, in expectation over all permutations of a concept with the "
        f"noise of each image held fixed; boxplots show {recipe.permutations} sampled permutations."
    )
    notes = [importance]
    if not source.targets:
        notes.append(
            f"Targets are {len(found.targets)} random concept-bottleneck models w'c on the concept "
            "classifier's probabilities c, w uniform in [0, 1]; their labels are whether w'c of the true "
            "concepts exceeds its median."
        )
    if found.rendered is None:
        notes.append("The data set cannot draw its pictures again, so that there is no ceiling.")
    constant = [
        name for place, name in enumerate(found.concepts) if np.ptp(found.present[:, place]) == 0
    ]
    if constant:
        notes.append(f"Every image shows, or none: {', '.join(constant)}.")
    return notes
