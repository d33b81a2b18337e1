"""How much of every heatmap lies on the annotation, modality by modality."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from auditkit.evidence.engine import Compute
from auditkit.evidence.heatmap_stages import background_of
from auditkit.evidence.kinds import Floats, Heatmaps, Settings
from auditkit.evidence.stages import MakeModel
from auditkit.evidence.store import Arrays
from auditkit.metrics.not_evaluable import NotEvaluable
from auditkit.metrics.plausibility import (
    Mask,
    dilated,
    feature_portion,
    modality_portions,
    widened_as_published,
)
from auditkit.metrics.postprocess import postprocessed
from auditkit.spec.declarations.plausibility import HasPlausibility
from auditkit.spec.methods import Method
from auditkit.spec.postprocess import Postprocess

if TYPE_CHECKING:
    from auditkit.evidence.evidence import Evidence

NO_ANNOTATION: Final = "no annotation"
_REASON = 96  # most bytes of a reason


@dataclass(frozen=True)
class Portions:
    """The heatmaps of one method against the annotations.

    Attributes:
        fp: (n,) feature portion over all modalities; NaN where there is a reason.
        by_modality: (n, M) feature portion of each modality, 0 where it has no positive heat.
        silent: (n, M) whether a modality has no positive heat.
        reasons: (n,) why an image could not be evaluated; empty where it could.
    """

    fp: Floats
    by_modality: Floats
    silent: npt.NDArray[np.bool_]
    reasons: tuple[str, ...]

    @property
    def evaluable(self) -> npt.NDArray[np.bool_]:
        """(n,)."""
        return np.array([not reason for reason in self.reasons], dtype=np.bool_)


def heat_portions(evidence: "Evidence", method: Method, how: HasPlausibility) -> Portions:
    """FP of every image's heatmap, and that of each modality as MSFI weights it.

    Args:
        evidence: of one model.
        method: whose heatmaps.
        how: post-processing, dilation, and whether the published code is followed.

    Raises:
        AuditError: the method cannot be asked of the model.
    """
    background = background_of(evidence, method.background_images)
    parameters = {
        "method": method.identity,
        "background": [evidence.data.records[index].digest for index in background],
        "postprocess": how.stage.model_dump(),
        "dilate": how.dilate,
        "compat": how.compat,
    }
    worker = partial(portions_worker, heat=evidence.heatmaps(method))
    name = f"feature portions {method.label}"
    arrays = evidence.gather(name, parameters, worker, "feature portions")
    return Portions(
        arrays["fp"],
        arrays["by_modality"],
        arrays["silent"],
        tuple(row.tobytes().rstrip(b"\0").decode() for row in arrays["reason"]),
    )


def portions_worker(
    evidence: "Evidence",
    _make: MakeModel,
    _settings: Settings,
    parameters: dict[str, Any],
    heat: Heatmaps,
) -> Compute:
    """Portions of images; a reason as bytes, filled up with zeros."""
    stage = Postprocess.model_validate(parameters["postprocess"])

    def compute(indices: Sequence[int]) -> Arrays:
        shape = len(indices), len(evidence.modalities)
        found: Arrays = {
            "fp": np.full(shape[0], np.nan),
            "by_modality": np.full(shape, np.nan),
            "silent": np.zeros(shape, dtype=np.bool_),
            "reason": np.zeros((shape[0], _REASON), dtype=np.uint8),
        }
        for row, index in enumerate(indices):
            try:
                values = _image(evidence, index, heat, stage, parameters)
            except NotEvaluable as why:
                text = why.reason.encode()[:_REASON]
                found["reason"][row, : len(text)] = np.frombuffer(text, dtype=np.uint8)
                continue
            found["fp"][row], found["by_modality"][row], found["silent"][row] = values
        return found

    return compute


def _image(
    evidence: "Evidence",
    index: int,
    heat: Heatmaps,
    stage: Postprocess,
    parameters: dict[str, Any],
) -> tuple[float, Floats, Mask]:
    region = evidence.region(index)
    if region is None:
        raise NotEvaluable(NO_ANNOTATION)
    values = postprocessed(heat.maps[index], evidence.space, stage).reshape(region.shape)
    annotation = dilated(region, parameters["dilate"])
    published = parameters["compat"] == "glioma-2022"
    wider = widened_as_published(annotation) if published else annotation
    return feature_portion(values, annotation), *modality_portions(values, wider)
