"""Answers to inputs of which parts are removed: in a heatmap's order, and random subsets.

Only forward passes are here; what is made of them is `auditkit.metrics.faithfulness`. Subsets follow from
image, size and repeat alone: methods that tell the same parts apart share the answers.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from auditkit.evidence.engine import Compute
from auditkit.evidence.identity import seed_of
from auditkit.evidence.kinds import Floats, Heatmaps, Settings
from auditkit.evidence.removed_units import UnitRemover
from auditkit.evidence.removing import REASONS
from auditkit.evidence.stages import MakeModel
from auditkit.evidence.store import Arrays
from auditkit.metrics.coverage import Mask
from auditkit.metrics.faithfulness import ONE_UNIT, random_subset, unit_means
from auditkit.metrics.not_evaluable import NotEvaluable
from auditkit.metrics.removal import (
    OUTSIDE,
    removal_order,
    removal_rank_map,
    removal_steps,
    removed_shares,
)
from auditkit.spec.methods import Method

if TYPE_CHECKING:
    from auditkit.evidence.evidence import Evidence

# What an image lacks, by the number that the store keeps.
_PROBLEMS = (*REASONS, ONE_UNIT)
# A change that is smaller, relative to 1 + |answer|, is rounding of float32.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Perturbing:
    """How inputs are perturbed.

    Attributes:
        fill: what stands for removed places: ``black`` (0), the ``mean`` of each channel or modality over
            what may be removed, or the input blurred (``blur``).
        steps: of insertion and deletion.
        sizes: of random subsets, as shares of the units.
        subsets: per size.
    """

    fill: str
    steps: int
    sizes: Sequence[float]
    subsets: int


@dataclass(frozen=True)
class Perturbed:
    """Answers to perturbed images under one method's heatmaps.

    Attributes:
        problem: (n,) why an image has no curves and no sums; empty if it has.
        shares: (n, steps + 1), of the voxels that are gone (deletion) or there (insertion).
        deletion: (n, steps + 1), the decided class' probability while the hottest units are removed.
        insertion: (n, steps + 1), the same while they are put into the empty image.
        sums: (n, sizes, subsets), of the heatmap over random subsets of units.
        changes: (n, sizes, subsets), of the log-odds of the decided class when the subsets are removed.
        cell: side of the units in pixels.
        superpixels: whether the units are superpixels of the method's own, not cells.
    """

    problem: Sequence[str]
    shares: Floats
    deletion: Floats
    insertion: Floats
    sums: Floats
    changes: Floats
    cell: int
    superpixels: bool


def perturbed(
    evidence: "Evidence", method: Method, how: Perturbing, units_of: Method | None = None
) -> Perturbed:
    """Answers while a method's heatmaps insert and delete, and to random subsets removed.

    Args:
        evidence: of the model.
        method: whose heatmaps.
        how: inputs are perturbed.
        units_of: another method, over whose units the heatmaps are averaged; left out: the method's own.
    """
    heat = evidence.heatmaps(method)
    grain = heat if units_of is None else evidence.heatmaps(units_of)
    decided = evidence.scores().decision
    subsets = {"sizes": list(how.sizes), "subsets": how.subsets}
    parameters = {"method": method.identity, "fill": how.fill, "steps": how.steps, **subsets}
    name = f"insertion by {method.label}"
    if units_of is not None:
        parameters["units"] = _units(units_of, grain)
        name += f" over what {units_of.label} tells apart"
    worker = partial(curves_worker, heat=heat, grain=grain, decided=decided)
    found = evidence.gather(name, parameters, worker, "insertion")
    problem = [_PROBLEMS[code] for code in found.pop("problem")]
    changes = _changes(evidence, units_of or method, grain, how)
    superpixels = grain.segments is not None
    return Perturbed(problem, **found, changes=changes, cell=grain.cell, superpixels=superpixels)


def _units(method: Method, heat: Heatmaps) -> dict[str, Any]:
    """What identifies what the heatmaps tell apart: cells, or superpixels of their own."""
    return {"cell": heat.cell} if heat.segments is None else {"method": method.identity}


def _changes(evidence: "Evidence", method: Method, heat: Heatmaps, how: Perturbing) -> Floats:
    """Answers to subsets of what the heatmaps tell apart."""
    own = _units(method, heat)
    parameters = {"fill": how.fill, "sizes": list(how.sizes), "subsets": how.subsets, **own}
    worker = partial(subsets_worker, heat=heat, decided=evidence.scores().decision)
    name = f"random subsets of {'superpixels' if 'method' in own else f'cells of {heat.cell} px'}"
    changes: Floats = evidence.gather(name, parameters, worker, "random subsets")["change"]
    return changes


def curves_worker(
    evidence: "Evidence",
    make: MakeModel,
    settings: Settings,
    parameters: dict[str, Any],
    heat: Heatmaps,
    grain: Heatmaps,
    decided: npt.NDArray[np.int64],
) -> Compute:
    """Insertion and deletion curves, and sums of heatmaps over random subsets of the units of ``grain``."""
    remover = UnitRemover(evidence, make(), settings, parameters["fill"], decided)
    sizes, subsets, steps = (parameters[name] for name in ("sizes", "subsets", "steps"))

    def one(index: int) -> Arrays:
        view = remover.view(index, grain)
        heatmap = heat.by_modality(index, evidence.space)
        ties = np.random.default_rng(
            seed_of("ties", parameters["method"], evidence.records[index].digest)
        )
        try:
            order = removal_order(heatmap, view.units, ties)
        except NotEvaluable as error:
            return _nothing(sizes, subsets, steps, ONE_UNIT if view.count == 1 else error.reason)
        counts, _ = removal_steps(order.size, steps)
        inside = int((view.units != OUTSIDE).sum())
        shares = removed_shares(removal_rank_map(view.units, order), counts, inside)
        ranks = np.argsort(order)
        removed = [ranks < count for count in counts]
        answers = remover.probabilities(view, iter(removed + [~gone for gone in removed]))
        rows = _subsets(evidence, index, order.size, sizes, subsets)
        return {
            "problem": np.zeros(1, dtype=np.int64),
            "shares": shares[None],
            "deletion": answers[None, : steps + 1],
            "insertion": answers[None, steps + 1 :],
            "sums": _sums(unit_means(heatmap, view.units), rows),
        }

    return _joined(one)


def subsets_worker(
    evidence: "Evidence",
    make: MakeModel,
    settings: Settings,
    parameters: dict[str, Any],
    heat: Heatmaps,
    decided: npt.NDArray[np.int64],
) -> Compute:
    """Changes of the answer when random subsets of units are removed; 0 where there is one only."""
    remover = UnitRemover(evidence, make(), settings, parameters["fill"], decided)
    sizes, subsets = parameters["sizes"], parameters["subsets"]

    def one(index: int) -> Arrays:
        view = remover.view(index, heat)
        if view.count < 2:
            return {"change": np.zeros((1, len(sizes), subsets))}
        rows = _subsets(evidence, index, view.count, sizes, subsets)
        nothing = np.zeros(view.count, dtype=np.bool_)
        whole, *removed = remover.log_odds(view, _chained(nothing, rows))
        change = whole - np.array(removed).reshape(1, len(sizes), subsets)
        return {"change": np.where(np.abs(change) <= _ROUNDING * (1 + abs(whole)), 0.0, change)}

    return _joined(one)


def _chained(first: Mask, rows: Iterable[Iterable[Mask]]) -> Iterator[Mask]:
    yield first
    for row in rows:
        yield from row


def _subsets(
    evidence: "Evidence", index: int, units: int, sizes: Sequence[float], subsets: int
) -> Iterator[Iterator[Mask]]:
    """Random subsets of an image's units, size by size; whose heatmaps they are tried on is no matter."""
    digest = evidence.records[index].digest
    return (_of_size(digest, units, size, subsets) for size in sizes)


def _of_size(digest: str, units: int, size: float, subsets: int) -> Iterator[Mask]:
    for repeat in range(subsets):
        seed = seed_of("subset", digest, size, repeat)
        yield random_subset(units, size, np.random.default_rng(seed))


def _sums(values: Floats, rows: Iterable[Iterable[Mask]]) -> Floats:
    return np.array([[[values[subset].sum() for subset in row] for row in rows]])


def _joined(one: Callable[[int], Arrays]) -> Compute:
    def compute(indices: Sequence[int]) -> Arrays:
        parts = [one(index) for index in indices]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    return compute


def _nothing(sizes: Sequence[float], subsets: int, steps: int, problem: str) -> Arrays:
    curve = np.zeros((1, steps + 1))
    return {
        "problem": np.array([_PROBLEMS.index(problem)]),
        "shares": curve,
        "deletion": curve,
        "insertion": curve,
        "sums": np.zeros((1, len(sizes), subsets)),
    }
