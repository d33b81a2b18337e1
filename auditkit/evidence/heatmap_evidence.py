"""What a heatmap method gives for one model: whether it can be asked, its heatmaps, what they cost."""

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from auditkit.errors import AuditError
from auditkit.evidence.efficiency import CostPlan, Costs, cost_parameters, costs_worker
from auditkit.evidence.heatmap_stages import (
    background_of,
    fitness_worker,
    heatmaps_worker,
    no_gradients,
    read_fitness,
)
from auditkit.evidence.kinds import Fitness, Heatmaps
from auditkit.spec.methods import Method

if TYPE_CHECKING:
    from auditkit.evidence.evidence import Evidence


def fitness_of(evidence: "Evidence", method: Method) -> Fitness:
    """Whether a heatmap method can be asked of the model."""
    if method.needs_gradients and not evidence.card.gradients:
        return Fitness(no_gradients(evidence.card))
    images, parameters = _asked(evidence, method)
    name = f"fitness of {method.label}"
    worker = partial(fitness_worker, background=images)
    alone = ["the model alone"]
    return read_fitness(evidence.gather(name, parameters, worker, "fitness", digests=alone))


def heatmaps_of(evidence: "Evidence", method: Method) -> Heatmaps:
    """Heatmaps of the decided class.

    Raises:
        AuditError: the method cannot be asked of the model.
    """
    hindered = evidence.fitness(method).reason
    if hindered:
        model = evidence.card.model
        raise AuditError(f"{method.label} cannot be asked of '{model}': {hindered}")
    images, parameters = _asked(evidence, method)
    decided = evidence.scores().decision
    worker = partial(heatmaps_worker, background=images, decided=decided)
    name, stage = f"heatmaps {method.label}", "heatmaps"
    found = Heatmaps.read(evidence.gather(name, parameters, worker, stage))
    return replace(found, kept=evidence.stage_of(name, parameters, stage))


def costs_of(evidence: "Evidence", method: Method, plan: CostPlan) -> Costs:
    """What a method's heatmaps cost on this machine."""
    images, parameters = _asked(evidence, method)
    parameters |= cost_parameters(plan, evidence.settings, evidence.identities)
    worker = partial(costs_worker, background=images)
    together = ["all images"]
    name = f"costs of {method.label}"
    arrays = evidence.gather(name, parameters, worker, "costs", digests=together)
    return Costs.read(arrays, parameters)


def _asked(evidence: "Evidence", method: Method) -> tuple[list[int], dict[str, Any]]:
    """A method's background images, and what determines its heatmaps."""
    images = background_of(evidence, method.background_images)
    digests = [evidence.data.records[index].digest for index in images]
    return images, {"method": method.identity, "background": digests}
