"""Effective generation and independent permutation: what a ranking by DEPICT rests on.

Jabbour et al., ECCV 2024, arXiv:2407.14509, section 3.2; tables 2 and 3 and figure 12 of the supplement.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from auditkit.benchmarking.gathering import Gathered
from auditkit.benchmarking.result import ChangeResult, ConceptResult, EffectiveResult, Quantity
from auditkit.benchmarking.targets import Redrawn
from auditkit.evidence.identity import seed_of
from auditkit.evidence.kinds import Floats, Integers
from auditkit.metrics.permuted import permuted_metric, plain_metric
from auditkit.stats import Estimate
from auditkit.stats.differences import Resampled, difference, mean_auroc, resampled
from auditkit.stats.extremes import extreme, replicates_for
from auditkit.stats.inputs import Clusters, cluster_images
from auditkit.stats.resampling import REPLICATES, from_replicates
from auditkit.stats.roc import independent_pairs

_Images = Literal["generated", "true renderer"]


@dataclass(frozen=True)
class Compared:
    """AUROCs on real and on generated images, from the same draws of patients."""

    real: Resampled
    generated: Resampled
    groups: Clusters

    def quantities(self) -> dict[str, Quantity]:
        """Both, and their difference."""
        return {
            "auroc_real": _share(self.real, self.groups),
            "auroc_generated": _share(self.generated, self.groups),
            "gap": _less(self.real, self.generated, self.groups),
        }

    @property
    def gap(self) -> Estimate:
        """Real minus generated.

        Raises:
            AuditError: too many resamples lack a class.
        """
        return difference(self.real, self.generated, self.groups)


def compared_targets(found: Gathered, seed: int) -> list[Compared]:
    """Every target on real and on generated images."""
    pairs = [(target.labels, target.real, target.drawn.plain) for target in found.targets]
    return _compared(pairs, found, seed, REPLICATES)


def compared_concepts(found: Gathered, seed: int) -> list[ConceptResult]:
    """The concept classifier on real and on generated images, concept by concept.

    Concepts that every image shows, or none, have no AUROC.
    """
    known = [d for d, name in enumerate(found.concepts) if _varies(found.present[:, d])]
    pairs = [(found.present[:, d], found.real[:, d], found.drawn.plain[..., d]) for d in known]
    quantities = dict(zip(known, _compared(pairs, found, seed, REPLICATES), strict=True))
    return [
        ConceptResult(
            concept=name,
            present=int(found.present[:, d].sum()),
            **(quantities[d].quantities() if d in quantities else _nothing()),
        )
        for d, name in enumerate(found.concepts)
    ]


def effective(compared: list[Compared], found: Gathered, seed: int) -> EffectiveResult:
    """Effective generation over all targets: medians, quartiles, mean and largest gap.

    Args:
        compared: every target.
        found: the targets.
        seed: of the resamples.
    """
    groups = compared[0].groups
    real = _stacked([one.real for one in compared])
    generated = _stacked([one.generated for one in compared])
    gap = real - generated
    return EffectiveResult(
        real_median=_of_rows(np.median(real, axis=0), groups, (0.0, 1.0)),
        real_quartiles=_quartiles(real),
        generated_median=_of_rows(np.median(generated, axis=0), groups, (0.0, 1.0)),
        generated_quartiles=_quartiles(generated),
        mean_gap=_of_rows(gap.mean(axis=0), groups, (-1.0, 1.0)),
        largest_gap=Quantity.attempted(
            float(gap[:, 0].max()),
            lambda: extreme(_gaps(compared, found, seed, int(gap[:, 0].argmax())), "largest"),
        ),
    )


def _gaps(compared: list[Compared], found: Gathered, seed: int, place: int) -> list[Estimate]:
    """Of every target; the largest from enough resamples for a limit corrected for their number."""
    gaps = [one.gap for one in compared]
    enough = replicates_for(len(gaps))
    if enough > REPLICATES:
        one = found.targets[place]
        again = _compared([(one.labels, one.real, one.drawn.plain)], found, seed, enough)
        gaps[place] = again[0].gap
    return gaps


def independence(
    found: Gathered, images: _Images, answers: Redrawn, seed: int
) -> list[ChangeResult]:
    """AUROC of every concept before minus after every concept is permuted, over all permutations.

    Args:
        found: knows which concepts are shown.
        images: who drew them.
        answers: of the concept classifier, (..., D).
        seed: of the resamples.
    """
    groups = cluster_images(found.patients, len(found.indices))
    judged = [d for d in range(len(found.concepts)) if _varies(found.present[:, d])]
    labels = {d: found.present[:, d].astype(np.float64) for d in judged}
    pairs = [(name, d) for name in found.concepts for d in judged]
    statistics = [plain_metric("auroc", labels[d], answers.plain[..., d]) for d in judged]
    for name, d in pairs:
        block = answers.permuted[name]
        statistics.append(permuted_metric("auroc", labels[d], block.answers[..., d], block.own))
    drawn = resampled(statistics, groups, seed=_seed(seed), replicates=REPLICATES)
    units = {d: independent_pairs(labels[d], groups) for d in judged}
    before = {d: Resampled(*one, units[d]) for d, one in zip(judged, drawn, strict=False)}
    results = []
    for (name, d), after in zip(pairs, drawn[len(judged) :], strict=True):
        change = _less(before[d], Resampled(*after, units[d]), groups)
        judged_name = found.concepts[d]
        results.append(
            ChangeResult(images=images, permuted=name, judged=judged_name, change=change)
        )
    return results


def _compared(
    pairs: list[tuple[Integers, Floats, Floats]], found: Gathered, seed: int, replicates: int
) -> list[Compared]:
    groups = cluster_images(found.patients, len(found.indices))
    labels = [given.astype(np.float64) for given, _, _ in pairs]
    statistics = [
        mean_auroc(y, scores)
        for y, (_, *sides) in zip(labels, pairs, strict=True)
        for scores in sides
    ]
    drawn = resampled(statistics, groups, seed=_seed(seed), replicates=replicates)
    results = []
    for place, y in enumerate(labels):
        units = independent_pairs(y, groups)
        real, generated = (Resampled(*one, units) for one in drawn[2 * place : 2 * place + 2])
        results.append(Compared(real, generated, groups))
    return results


def _share(found: Resampled, groups: Clusters) -> Quantity:
    return Quantity.attempted(
        found.value,
        lambda: from_replicates(
            found.value,
            found.replicates,
            groups,
            bounds=(0.0, 1.0),
            interval="logit",
            units=found.units,
        ),
    )


def _less(first: Resampled, second: Resampled, groups: Clusters) -> Quantity:
    return Quantity.attempted(first.value - second.value, lambda: difference(first, second, groups))


def _stacked(found: list[Resampled]) -> Floats:
    """(targets, 1 + replicates), the value first."""
    return np.stack([np.concatenate([[one.value], one.replicates]) for one in found])


def _of_rows(row: Floats, groups: Clusters, bounds: tuple[float, float]) -> Quantity:
    value = float(row[0])
    return Quantity.attempted(value, lambda: from_replicates(value, row[1:], groups, bounds=bounds))


def _quartiles(found: Floats) -> list[float | None]:
    return [float(end) for end in np.quantile(found[:, 0], (0.25, 0.75))]


def _nothing() -> dict[str, Quantity]:
    reason = "every image shows it, or none"
    return {
        name: Quantity(value=None, reason=reason)
        for name in ("auroc_real", "auroc_generated", "gap")
    }


def _varies(present: Integers) -> bool:
    return bool(present.min() != present.max())


def _seed(seed: int) -> int:
    return seed_of("benchmark resamples", seed)
