"""Pictures of volumes: per modality, slices through the largest mask and through the most heat.

After Fig. 2 of Jin et al. (arXiv:2202.10553), where each column is a modality.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from auditkit import metrics
from auditkit.checks.pictures import legend, outlined, overlaid, png
from auditkit.data.dataset import Mask, Picture, Volume
from auditkit.evidence import Evidence
from auditkit.findings import Example
from auditkit.metrics import NotEvaluable
from auditkit.spec.postprocess import Postprocess

Floats = npt.NDArray[np.float64]
Heat = npt.NDArray[np.floating[Any]]

SIDE: Final = 128
"""Pixels to which the longer side of a slice is about enlarged."""

_WINDOW: Final = (1, 99)
_FLAT: Final = 3
"""Axes of modalities of two spatial axes."""

_SHOWN: Final = Postprocess(signs="positive", scale="percentile-99")


def slice_example(
    evidence: Evidence, method_label: str, index: int, heat: Heat, title: str
) -> Example:
    """One case as rows of pictures with a column per modality; the annotation's edge is cyan.

    First the slice with the largest annotation, then that with the most heat (the sum over all
    modalities of what is positive), the heat drawn over it; slices lie along the first axis. Modalities
    on one grid show the same slice, others each its own. A case of two axes is its only slice.

    Args:
        evidence: of the model and its data.
        method_label: the heatmap method's name.
        index: of the case.
        heat: (M, *space), positive where evidence for the decided class is.
        title: why the case is shown.

    Returns:
        Panels in rows of M, then the colour bar.
    """
    region = evidence.region(index)
    case = _Case(evidence.modalities, evidence.volume(index), region, _one_grid(evidence, region))
    panels = [*case.annotated(heat), *case.heated(method_label, heat)]
    panels.append(("positive heat, one scale for all modalities", legend()))
    return Example(evidence.records[index].id, title, panels, columns=len(evidence.modalities))


def _one_grid(evidence: Evidence, region: Mask | None) -> bool:
    """Whether a place in one modality is that place in all: channels are, views of a knee are not."""
    given = evidence.card.volume
    if given is None or given.given_as == "stacked":
        return True
    return region is not None and bool(region.any() and (region == region[:1]).all())


@dataclass(frozen=True)
class _Case:
    """One case on the model's grid, arrays (M, *space)."""

    modalities: tuple[str, ...]
    volume: Volume
    region: Mask | None
    one_grid: bool

    def annotated(self, heat: Heat) -> Iterator[tuple[str, bytes]]:
        """Each modality where the annotation is largest; without any, where the heat is."""
        marked = self.region is not None and self.region.any()
        what = "largest mask" if marked else "no mask"
        for modality, place in enumerate(self._places(self.region if marked else _positive(heat))):
            picture = self._grey(modality, place)
            yield self._caption(modality, place, what), self._png(picture, modality, place)

    def heated(self, method: str, heat: Heat) -> Iterator[tuple[str, bytes]]:
        """Each modality where the heat is most, under it; without any, where the annotation is."""
        strength, why_not = self._strength(heat)
        what = f"{method}: {why_not or 'most heat'}"
        for modality, place in enumerate(self._places(self.region if why_not else _positive(heat))):
            shown = _enlarged(_slices(strength)[modality, place])
            picture = overlaid(self._grey(modality, place), shown)
            yield self._caption(modality, place, what), self._png(picture, modality, place)

    def _places(self, amount: Heat | Mask | None) -> list[int]:
        """The slice per modality with the largest sum; of equal ones the first."""
        if amount is None:
            return [0] * len(self.modalities)
        sums = _slices(amount).sum(axis=(2, 3), dtype=np.float64)
        joint = np.broadcast_to(sums.sum(axis=0), sums.shape) if self.one_grid else sums
        places: list[int] = joint.argmax(axis=1).tolist()
        return places

    def _strength(self, heat: Heat) -> tuple[Floats, str]:
        """What is drawn, in [0, 1], and why there is nothing to be drawn."""
        try:
            return metrics.postprocessed(heat, self.volume.shape[1:], _SHOWN), ""
        except NotEvaluable as reason:
            return np.zeros(self.volume.shape), str(reason)

    def _grey(self, modality: int, place: int) -> Picture:
        """A slice between two percentiles of what is not 0 in its modality."""
        values = self.volume[modality]
        inside = values[values != 0]
        low, high = np.percentile(inside, _WINDOW) if inside.size else (0.0, 0.0)
        window = np.clip((_slices(self.volume)[modality, place] - low) / ((high - low) or 1), 0, 1)
        grey = np.rint(255 * window).astype(np.uint8)
        return _enlarged(np.repeat(grey[..., None], 3, axis=-1))

    def _png(self, picture: Picture, modality: int, place: int) -> bytes:
        if self.region is None:
            return png(picture)
        return png(outlined(picture, _enlarged(_slices(self.region)[modality, place])))

    def _caption(self, modality: int, place: int, what: str) -> str:
        name, count = self.modalities[modality], _slices(self.volume).shape[1]
        return f"{name}, slice {place + 1} of {count} ({what})" if count > 1 else f"{name} ({what})"


def _positive(heat: Heat) -> Heat:
    return np.maximum(np.nan_to_num(heat, nan=0.0, posinf=0.0, neginf=0.0), 0.0)


def _slices(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(M, slices, height, width); a case of two axes has one slice."""
    return array[:, None] if array.ndim == _FLAT else array


def _enlarged(flat: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Each voxel as a square of pixels, so that small grids are seen as they are."""
    factor = max(1, round(SIDE / max(flat.shape[:2])))
    return flat.repeat(factor, axis=0).repeat(factor, axis=1)
