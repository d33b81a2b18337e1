"""Windows of DICOM pictures: which grey values become black and white."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from auditkit.data.pictures.grey import windowed
from auditkit.errors import AuditError
from auditkit.spec.data_card import Pictures

_MODALITY = ("RescaleSlope", "RescaleIntercept", "ModalityLUTSequence")
_WINDOW = ("WindowCenter", "WindowWidth", "VOILUTFunction", "VOILUTSequence")
_MACROS = ("PixelValueTransformationSequence", "FrameVOILUTSequence")


def shown(
    pixels: npt.NDArray[Any], data: Any, frame: int, options: Pictures, what: str
) -> npt.NDArray[np.float64]:
    """Stored values as shares of white, in [0, 1].

    Modality LUT, then the card's window, else the file's VOI LUT, else its window centre and width (DICOM
    PS3.3 C.11.1 and C.11.2); pictures of at most 8 bits without any of them are shown as stored.

    Raises:
        AuditError: there is no window, or there are several and the card says not which.
    """
    from pydicom.pixels.processing import apply_modality_lut, apply_voi

    rules = _rules(data, frame)
    values = np.asarray(apply_modality_lut(pixels, rules))
    if options.window is not None:
        return windowed(values, options.window, what)
    if rules.get("VOILUTSequence"):
        bits = int(rules.VOILUTSequence[0].LUTDescriptor[2])
        return windowed(apply_voi(values, rules), [0, 2**bits - 1], what)
    if "WindowCenter" in rules and "WindowWidth" in rules:
        return _own_window(values, rules, what)
    bits = int(data.get("BitsStored", 16))
    if (
        bits <= 8
        and data.get("PixelRepresentation") == 0
        and not any(k in rules for k in _MODALITY)
    ):
        return windowed(values, [0, 2**bits - 1], what)
    raise AuditError(
        f"{what} has {bits} bits and no window of its own; declare which values become black and white "
        "(pictures: {window: [low, high]}) or 'window: percentiles'"
    )


def _own_window(values: npt.NDArray[Any], rules: Any, what: str) -> npt.NDArray[np.float64]:
    """The file's window: linear, linear exact or sigmoid (DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3)."""
    pairs = set(zip(_numbers(rules.WindowCenter), _numbers(rules.WindowWidth), strict=True))
    function = str(rules.get("VOILUTFunction") or "LINEAR")
    if len(pairs) != 1:
        listed = ", ".join(f"[{c - w / 2:g}, {c + w / 2:g}]" for c, w in sorted(pairs))
        raise AuditError(
            f"{what} has several windows ({listed}); declare one (pictures: {{window: [low, high]}})"
        )
    centre, width = pairs.pop()
    if not np.isfinite([centre, width]).all() or width <= 0 or (function == "LINEAR" and width < 1):
        raise AuditError(f"{what} has a window of width {width:g}; declare one in the card")
    if function == "SIGMOID":
        steep = np.clip(-4.0 * (values - centre) / width, -700.0, 700.0)
        return np.asarray(1.0 / (1.0 + np.exp(steep)))
    if function == "LINEAR_EXACT":
        return windowed(values, [centre - width / 2, centre + width / 2], what)
    if function != "LINEAR":
        raise AuditError(f"{what} has the unknown VOI LUT function '{function}'; declare a window")
    if width == 1:
        return np.asarray(values > centre - 0.5, dtype=np.float64)
    low = centre - 0.5 - (width - 1) / 2
    return windowed(values, [low, low + width - 1], what)


def _numbers(value: Any) -> list[float]:
    return [float(value)] if not hasattr(value, "__iter__") else [float(item) for item in value]


def _rules(data: Any, frame: int) -> Any:
    """The elements that decide about grey values: of the picture, of all frames, of this frame."""
    from pydicom import Dataset

    rules = Dataset()
    rules.file_meta = data.file_meta  # lookup tables are read in its byte order
    for part in (data, *_functional_groups(data, frame)):
        for keyword in (*_MODALITY, *_WINDOW):
            if keyword in part:
                setattr(rules, keyword, getattr(part, keyword))
    for keyword in (
        "BitsStored",
        "BitsAllocated",
        "PixelRepresentation",
        "PhotometricInterpretation",
    ):
        if keyword in data:
            setattr(rules, keyword, getattr(data, keyword))
    return rules


def _functional_groups(data: Any, frame: int) -> Iterator[Any]:
    shared = data.get("SharedFunctionalGroupsSequence") or []
    per_frame = data.get("PerFrameFunctionalGroupsSequence") or []
    for group in [*shared[:1], *per_frame[frame : frame + 1]]:
        for macro in _MACROS:
            yield from (group.get(macro) or [])[:1]
