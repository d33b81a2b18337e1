"""How alike heatmaps stay when the network forgets: parameters drawn at random, or labels learned at random.

Adebayo et al. 2018, "Sanity Checks for Saliency Maps", arXiv:1810.03292. Explained is the decision of the
audited model throughout, whatever the other network decides.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from auditkit.errors import AuditError
from auditkit.evidence.engine import Compute
from auditkit.evidence.heatmap_stages import (
    background_of,
    drawn,
    explained,
    explainer_for,
    heatmap_seed,
)
from auditkit.evidence.identity import seed_of
from auditkit.evidence.kinds import Floats, Heatmaps, Settings
from auditkit.evidence.removed_units import counted
from auditkit.evidence.stages import MakeModel, batcher_for, inputs_of
from auditkit.evidence.store import Arrays
from auditkit.metrics.map_similarity import Signs, map_similarity
from auditkit.spec.methods import Method, parse_method

if TYPE_CHECKING:
    from auditkit.evidence.evidence import Evidence
    from auditkit.evidence.heatmaps import Explainer
    from auditkit.metrics.coverage import Mask
    from auditkit.models.model import Model

# Enough for statistics of batch norm, and few enough for one pass, whatever the batch size.
_CALIBRATION = 16
OWN = "the model's own heatmap is constant, all zero or not finite"
OTHER = "the other network's heatmap is constant, all zero or not finite"
_PROBLEMS = ("", OWN, OTHER)
_SIGNS: tuple[Signs, ...] = ("signed", "absolute")


@dataclass(frozen=True)
class Similarity:
    """Rank correlations of heatmaps with those of other networks.

    Attributes:
        rho: (n, networks), Spearman's; 0 where there is a problem.
        problem: (n, networks), why two heatmaps cannot be compared; empty if they can.
    """

    rho: Floats
    problem: npt.NDArray[np.str_]


def redrawing_problem_of(evidence: "Evidence") -> str:
    """Why the parameters of a model's network cannot be drawn again; empty if they can."""
    if evidence.card.black_box is not None:
        return f"'{evidence.card.model}' is a black box: its parameters are out of reach"
    alone = ["the model alone"]
    found = evidence.gather("parameters", {}, _problem_worker, "redrawing", digests=alone)
    text: str = json.loads(found["text"].tobytes())
    return text


def _problem_worker(
    _evidence: "Evidence", make: MakeModel, _settings: Settings, _parameters: dict[str, Any]
) -> Compute:
    def compute(_indices: Sequence[int]) -> Arrays:
        from auditkit.models.redrawn import redrawing_problem

        text = json.dumps(redrawing_problem(make()))
        return {"text": np.frombuffer(text.encode(), dtype=np.uint8)}

    return compute


def random_parameters(evidence: "Evidence", method: Method, draws: int, signs: Signs) -> Similarity:
    """Similarity with heatmaps of the same network, its parameters drawn at random.

    Args:
        evidence: of the audited model.
        method: whose heatmaps.
        draws: number of random networks, the same for all methods.
        signs: of heatmaps, or their magnitudes.
    """
    images = drawn([record.digest for record in evidence.records], _CALIBRATION)
    digests = [evidence.records[index].digest for index in images]
    found = []
    for draw in range(draws):
        parameters = {"draw": draw, "calibration": digests}
        name = f"{method.label} on random parameters"
        worker = partial(similarity_worker, calibration=images)
        found.append(_gathered(evidence, evidence, name, method, parameters, worker, signs))
    return Similarity(
        np.stack([one.rho for one in found], axis=1),
        np.stack([one.problem for one in found], axis=1),
    )


def random_labels(evidence: "Evidence", model: str, method: Method, signs: Signs) -> Similarity:
    """Similarity with heatmaps of the same architecture trained on random labels.

    Args:
        evidence: of the audited model.
        model: name of the other one.
        method: whose heatmaps.
        signs: of heatmaps, or their magnitudes.

    Raises:
        AuditError: the other model has other inputs or decisions.
    """
    other = evidence.peer(model)
    mine, theirs = (
        (each.space, each.modalities, tuple(each.classes or ())) for each in (evidence, other)
    )
    if mine != theirs:
        raise AuditError(
            f"model '{model}' has inputs and classes {theirs}; the same as of '{evidence.card.model}' were "
            f"expected: {mine}, since 'trained_on_random_labels' names the same architecture"
        )
    parameters = {"of": evidence.model_identity}
    name = f"{method.label} for decisions of {evidence.card.model}"
    found = _gathered(evidence, other, name, method, parameters, similarity_worker, signs)
    return Similarity(found.rho[:, None], found.problem[:, None])


def _gathered(
    evidence: "Evidence",
    other: "Evidence",
    name: str,
    method: Method,
    more: dict[str, Any],
    worker: Any,
    signs: Signs,
) -> Similarity:
    images = background_of(other, method.background_images)
    digests = [other.data.records[index].digest for index in images]
    parameters = {"method": method.identity, "background": digests, **more}
    given = _Given(evidence.heatmaps(method), evidence.scores().decision, images)
    arrays = other.gather(name, parameters, partial(worker, given=given), "similarity")
    problem = np.array([_PROBLEMS[code] for code in arrays[f"problem {signs}"]], dtype=np.str_)
    return Similarity(arrays[f"rho {signs}"], problem)


@dataclass(frozen=True)
class _Given:
    """The audited model's heatmaps and decisions, and images that stand for 'nothing there'."""

    heat: Heatmaps
    decided: npt.NDArray[np.int64]
    background: Sequence[int]


def similarity_worker(
    evidence: "Evidence",
    make: MakeModel,
    settings: Settings,
    parameters: dict[str, Any],
    given: _Given,
    calibration: Sequence[int] = (),
) -> Compute:
    """Rank correlations of given heatmaps with a network's own, for given decisions."""
    model = make()
    batcher_for(settings)
    if "draw" in parameters:
        model = _redrawn(evidence, model, parameters["draw"], calibration)
    method = parse_method(parameters["method"])
    explain = explainer_for(evidence, model, method, given.background)
    network = _Network(evidence, model, method, explain, settings.batch)

    def compute(indices: Sequence[int]) -> Arrays:
        rows = []
        for start in range(0, len(indices), settings.batch):
            group = list(indices[start : start + settings.batch])
            maps, support = network.heatmaps(group, given.decided)
            for row, index in enumerate(group):
                own = given.heat.by_modality(index, evidence.space)
                other = maps.by_modality(row, evidence.space)
                rows.append(_compared(own, other, support[row]))
        return {name: np.array([row[name] for row in rows]) for name in rows[0]}

    return compute


def _redrawn(
    evidence: "Evidence", model: "Model", draw: int, calibration: Sequence[int]
) -> "Model":
    from auditkit.models.redrawn import recalibrate, redrawn

    found = redrawn(model, seed_of("random parameters", draw))
    if len(calibration) > 1:
        recalibrate(found, *inputs_of(evidence, found, calibration))
    return found


@dataclass(frozen=True)
class _Network:
    """A network and a method that explains it."""

    evidence: "Evidence"
    model: "Model"
    method: Method
    explain: "Explainer"
    rows: int

    def heatmaps(
        self, group: Sequence[int], decided: npt.NDArray[np.int64]
    ) -> "tuple[Heatmaps, npt.NDArray[np.bool_]]":
        """Heatmaps of a batch for given decisions, and which places of each image count."""
        import torch

        inputs, table = inputs_of(self.evidence, self.model, group)
        target = torch.from_numpy(decided[list(group)]).to(self.model.device)
        seeds = [heatmap_seed(self.method, self.evidence.records[index].digest) for index in group]
        found = explained(self.explain, inputs, target, table, seeds, self.rows)
        support = np.stack([counted(self.evidence, image) for image in inputs])
        return Heatmaps(found.maps.numpy().astype(np.float32), self.explain.cell), support


def _compared(
    own: npt.NDArray[np.float32], other: npt.NDArray[np.float32], support: "Mask"
) -> dict[str, float]:
    found: dict[str, float] = {}
    for signs in _SIGNS:
        code, rho = 0, 0.0
        if not _ordered(own[support], signs):
            code = _PROBLEMS.index(OWN)
        elif not _ordered(other[support], signs):
            code = _PROBLEMS.index(OTHER)
        else:
            rho = map_similarity(own, other, signs, support)
        found |= {f"rho {signs}": rho, f"problem {signs}": code}
    return found


def _ordered(values: npt.NDArray[np.float32], signs: Signs) -> bool:
    if not values.size or not np.isfinite(values).all():
        return False
    sizes = np.abs(values) if signs == "absolute" else values
    return bool(sizes.min() < sizes.max())
