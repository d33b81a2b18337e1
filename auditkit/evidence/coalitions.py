"""Answers to every subset of a model's modalities, the others taken away.

Jin et al. (arXiv:2202.10553, section 4.3.2) set a modality to 0. "To 0" depends on where: before a case is
scaled and normalised it is what the scanner did not measure, after it the mean of the training data. So the
operator and its place are stated.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from auditkit.data.dataset import Mask, Volume
from auditkit.evidence.engine import Compute
from auditkit.evidence.identity import seed_of
from auditkit.evidence.kinds import Floats, Integers, Settings
from auditkit.evidence.stages import MakeModel, batcher_for, scored, table_of
from auditkit.evidence.store import Arrays
from auditkit.models.volumes import scaled, volume_input
from auditkit.spec.removing import Ablation

if TYPE_CHECKING:
    import torch

    from auditkit.evidence.evidence import Evidence
    from auditkit.models.model import Model

Operator = Literal["zero", "mean", "noise"]


def coalition_scores(evidence: "Evidence", ablation: Ablation) -> tuple[Floats, Integers]:
    """Score and decision (n, 2^M) with each subset of the M modalities, the others taken away.

    Subset c has modality m where bit m of c is set; the last one has all and is `Evidence.scores`.

    Raises:
        AuditError: the model reads pictures.
    """
    volume_input(evidence.card)
    parameters = {"operator": ablation.operator, "stage": ablation.stage}
    name = f"subsets of modalities, {ablation.wording}"
    found = evidence.gather(name, parameters, coalitions_worker, "coalitions")
    return found["score"], found["decision"]


def coalitions_worker(
    evidence: "Evidence", make: MakeModel, settings: Settings, parameters: dict[str, Any]
) -> Compute:
    """Answers to all subsets of modalities, one column each."""
    import torch

    model = make()
    batcher = batcher_for(settings)
    subsets = range(2 ** len(evidence.modalities))

    def compute(indices: Sequence[int]) -> Arrays:
        whole, gone, asked = _inputs(evidence, model, parameters, indices)
        table = table_of(evidence, model, indices)
        # Equal inputs get equal answers, to the last bit: rounding would rank them for an AUROC.
        alike = table is None and bool((gone == gone[:1]).all())
        columns = []
        for subset in subsets:
            keep = _kept(subset, whole)
            rows = slice(0, 1) if alike and subset == 0 else slice(None)

            def answer(
                own: "torch.Tensor",
                without: "torch.Tensor",
                features: "torch.Tensor | None",
                keep: "torch.Tensor" = keep,
            ) -> "torch.Tensor":
                return asked.probabilities(torch.where(keep, own, without), features)

            with torch.no_grad():
                found = batcher.map(answer, whole[rows], gone[rows], table)
            columns.append(scored(evidence, model, found.expand(len(indices), -1), indices))
        return {name: np.stack([c[name] for c in columns], axis=1) for name in columns[0]}

    return compute


def replaced(
    values: Volume,
    foreground: Mask,
    region: Mask | None,
    operator: Operator,
    seeds: Sequence[int],
) -> Volume:
    """All modalities of a case taken away: what stands in the place of each.

    ``zero``: 0 everywhere. ``mean``: the mean of the modality's foreground, there; ``noise``: values of the
    foreground outside the region (of all of it where nothing is annotated, or nothing is outside), drawn
    with replacement, there. What is not foreground stays as it is.

    Args:
        values: (M, *space).
        foreground: (M, *space).
        region: (M, *space), what is annotated.
        operator: which of the three.
        seeds: one for each modality.

    Returns:
        float32 (M, *space). A modality without foreground stays as it is, but for ``zero``.

    Example:
        >>> import numpy as np
        >>> replaced(np.float32([[[0, 2, 4]]]), np.array([[[0, 1, 1]]]) > 0, None, "mean", [0]).tolist()
        [[[0.0, 3.0, 3.0]]]
    """
    if operator == "zero":
        return np.zeros_like(values)
    found = values.copy()
    for m, seed in enumerate(seeds):
        own = values[m][foreground[m]]
        if own.size == 0:
            continue
        if operator == "mean":
            found[m][foreground[m]] = own.mean(dtype=np.float64)
            continue
        outside = own if region is None else values[m][foreground[m] & ~region[m]]
        drawn = np.random.default_rng(seed).integers(outside.size or own.size, size=own.size)
        found[m][foreground[m]] = (outside if outside.size else own)[drawn]
    return found


def _inputs(
    evidence: "Evidence", model: "Model", parameters: dict[str, Any], indices: Sequence[int]
) -> "tuple[torch.Tensor, torch.Tensor, Model]":
    """Cases (n, M, *space) as they are and with everything gone, and the model that takes them."""
    spec = volume_input(model.card)
    gridded = model.joined([evidence.ahead.take(index) for index in indices])
    prepared = scaled(gridded, spec)
    foreground = (prepared != 0).cpu().numpy()
    early = parameters["stage"] == "before"
    own = gridded if early else model.normalise(prepared)
    operator: Operator = parameters["operator"]
    without = [
        replaced(values, inside, evidence.region(index), operator, _seeds(evidence, index))
        for index, values, inside in zip(indices, own.cpu().numpy(), foreground, strict=True)
    ]
    gone = _like(np.stack(without), own)
    if early:
        return prepared, scaled(gone, spec), model
    return own, gone, model.standardised()


def _seeds(evidence: "Evidence", index: int) -> list[int]:
    digest = evidence.records[index].digest
    return [seed_of("ablation", name, digest) for name in evidence.modalities]


def _kept(subset: int, inputs: "torch.Tensor") -> "torch.Tensor":
    """Which modalities are in a subset, bool (1, M, 1, ...)."""
    import torch

    bits = [bool(subset >> m & 1) for m in range(inputs.shape[1])]
    return torch.tensor(bits, device=inputs.device).view(1, -1, *[1] * (inputs.dim() - 2))


def _like(values: npt.NDArray[np.float32], other: "torch.Tensor") -> "torch.Tensor":
    import torch

    return torch.from_numpy(values).to(other.device)
