"""The model's answers while parts of an image are removed: by a heatmap's order, and at random.

Only forward passes are here and in the workers; orders, steps and areas are `auditkit.metrics`. What
orders have in common is answered once per image: nothing removed is `Evidence.scores`, everything
removed is a stage of its own, and all heatmaps with the same units share one random baseline.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from auditkit.evidence.kinds import Floats, Integers, Scores
from auditkit.evidence.published_removal import published_random_worker, published_worker
from auditkit.evidence.removal_workers import everything_worker, ordered_worker, random_worker
from auditkit.evidence.removing import REASONS
from auditkit.spec.methods import HasSuperpixels, Method

if TYPE_CHECKING:
    from auditkit.evidence.evidence import Evidence


@dataclass(frozen=True)
class RemovalPlan:
    """How parts of images are removed.

    Attributes:
        fill: what replaces them: black, mean, blur or noise.
        steps: from nothing to everything.
        repeats: random orders per image.
        support: ``image``, ``foreground``, or None: everything of pictures, the foreground of volumes.
        published: whether the published code of Jin et al. is followed.
    """

    fill: str
    steps: int = 10
    repeats: int = 15
    support: str | None = None
    published: bool = False

    def stages(self, evidence: "Evidence") -> dict[str, Any]:
        """What identifies the arrays, beside the order."""
        default = "image" if evidence.card.volume is None else "foreground"
        found: dict[str, Any] = {"fill": self.fill, "steps": self.steps}
        if not self.published:
            found["support"] = self.support or default
        return found


@dataclass(frozen=True)
class Removed:
    """The model's answers at each step, under one order per image or under several.

    Attributes:
        decision: int64 (n, steps + 1), or (n, repeats, steps + 1); -1 where there is no order.
        score: float64 of the same shape, as `Scores.score`.
        fraction: float64 of the same shape, the share of the support that is really gone, from 0 to 1.
        reasons: (n,) why an image has no order; empty where it has one.
        baseline: of random orders, what tells them from those of heatmaps with other units.
    """

    decision: Integers
    score: Floats
    fraction: Floats
    reasons: npt.NDArray[np.str_]
    baseline: Mapping[str, Any] | None = None

    @property
    def evaluable(self) -> npt.NDArray[np.bool_]:
        """(n,) where there is an order."""
        return np.asarray(self.reasons == "")

    def as_repeats(self) -> "Removed":
        """One order per image, as one repeat of several."""
        decision, score = self.decision[:, np.newaxis], self.score[:, np.newaxis]
        return Removed(decision, score, self.fraction[:, np.newaxis], self.reasons)


def removed(evidence: "Evidence", method: Method, plan: RemovalPlan) -> Removed:
    """Answers while a method's hottest cells, or superpixels, are removed first."""
    parameters = {"method": method.identity, **plan.stages(evidence)}
    worker = published_worker if plan.published else ordered_worker
    arrays = evidence.gather(
        f"removal {method.label} {plan.fill}",
        parameters,
        partial(worker, heat=evidence.heatmaps(method)),
        "removal",
    )
    return _with_ends(evidence, plan, arrays)


def removed_at_random(evidence: "Evidence", method: Method, plan: RemovalPlan) -> Removed:
    """Answers while what a method's heatmaps tell apart is removed in random order.

    Methods whose heatmaps have the same cells, or the same superpixels, share this evidence; the
    published code permutes each heatmap by itself.
    """
    heat = evidence.heatmaps(method)
    parameters = {"repeats": plan.repeats, **plan.stages(evidence)}
    baseline: Mapping[str, Any]
    if plan.published:
        baseline = {"method": method.identity}
        name, worker = (
            f"permutations of {method.label}",
            partial(published_random_worker, heat=heat),
        )
    else:
        baseline = _grain(method, heat.cell, own=heat.segments is not None)
        name, worker = "random removal", partial(random_worker, heat=heat)
    parameters |= baseline
    arrays = evidence.gather(f"{name} {plan.fill}", parameters, worker, "random removal")
    return replace(_with_ends(evidence, plan, arrays), baseline=baseline)


def _grain(method: Method, cell: int, *, own: bool) -> dict[str, Any]:
    """What identifies the units that a method's heatmaps tell apart."""
    if not own:
        return {"cell": cell}
    if isinstance(method, HasSuperpixels):  # a function of these and of the image alone
        return {"superpixels": method.superpixels.model_dump()}
    return {"method": method.identity}


def _with_ends(
    evidence: "Evidence", plan: RemovalPlan, arrays: dict[str, npt.NDArray[Any]]
) -> Removed:
    """Nothing removed, and everything where it is the same for every order, have their own evidence."""
    fraction, reasons = arrays["fraction"], np.array(REASONS)[arrays["reason"]]
    decision, score = arrays["decision"], arrays["score"]
    ends = {0.0: evidence.scores()}
    if not plan.published and plan.fill != "noise":
        ends[1.0] = _everything(evidence, plan)
    every = (slice(None), *[np.newaxis] * (decision.ndim - 1))
    for share, found in ends.items():
        decision = np.where(fraction == share, found.decision[every], decision)
        score = np.where(fraction == share, found.score[every], score)
    decision[reasons != ""] = -1
    return Removed(decision, score, fraction, reasons)


def _everything(evidence: "Evidence", plan: RemovalPlan) -> Scores:
    parameters = {name: value for name, value in plan.stages(evidence).items() if name != "steps"}
    name = f"everything removed {plan.fill}"
    arrays = evidence.gather(name, parameters, everything_worker, "everything removed")
    return Scores(arrays["score"], arrays["decision"])
