"""Identifiers in the text fields of NIfTI headers; voxels are not read."""

import gzip
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from auditkit.data.identifiers.tally import Found
from auditkit.data.identifiers.texts import personal, single

HEADER = "NIfTI header"
_NIFTI_1, _NIFTI_2 = 348, 540
# Byte ranges of the text fields (nifti1.h, nifti2.h of the NIfTI Data Format Working Group).
_FIELDS = {
    _NIFTI_1: {"db_name": (14, 32), "descrip": (148, 228), "aux_file": (228, 252)},
    _NIFTI_2: {"descrip": (240, 320), "aux_file": (320, 344)},
}
# Codes of header extensions that can hold anything (nifti1_io.h).
_EXTENSIONS = {
    2: "DICOM attributes",
    4: "AFNI history",
    6: "comment",
    18: "patient or subject data",
}


def in_nifti(file: BinaryIO, *, zipped: bool) -> set[Found]:
    """What one file's header shows; nothing if it cannot be read, which reading its voxels reports."""
    try:
        # Read as it is unpacked: only the beginning is.
        start = (gzip.GzipFile(fileobj=file) if zipped else file).read(_NIFTI_2 + 12)
        return set(_found(start))
    except (OSError, EOFError, ValueError, zlib.error):
        return set()


def _found(start: bytes) -> Iterator[Found]:
    order = next((o for o in ("little", "big") if _size(start, o) in _FIELDS), None)
    if order is None:
        return
    size = _size(start, order)
    for name, (first, last) in _FIELDS[size].items():
        text = start[first:last].split(b"\0")[0].decode("latin-1").strip()
        kinds = [*single(text), *(["name of a person"] if personal(text) else [])]
        # The name of a data base entry is whatever the exporting program took for the patient.
        kinds += ["text"] if name == "db_name" and text and not kinds else []
        # dcm2niix writes the time of acquisition into the description.
        kinds += ["time of acquisition"] if "Time=" in text else []
        yield from ((HEADER, f"{name}: {kind}") for kind in kinds)
    extended, code = start[size : size + 1], _number(start[size + 8 : size + 12], order)
    if extended > b"\0" and code in _EXTENSIONS:
        yield HEADER, f"extension: {_EXTENSIONS[code]}"


def _size(start: bytes, order: str) -> int:
    return _number(start[:4], order)


def _number(field: bytes, order: str) -> int:
    return int.from_bytes(field, "little" if order == "little" else "big")
