"""Identifiers in DICOM headers; pixels are not read."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from auditkit.data.identifiers.dicom_tags import REMOVED, TAGS
from auditkit.data.identifiers.tally import Found
from auditkit.sharing.findings import DECLARED

HEADER = "DICOM header"
# A deflated header can unpack to any size.
_DEFLATED = ("1.2.840.10008.1.2.1.99",)


def in_dicom(path: Path) -> set[Found]:
    """What one file's header shows; nothing if it cannot be read, which reading its picture reports."""
    from pydicom import dcmread
    from pydicom.filereader import read_file_meta_info

    try:
        if read_file_meta_info(path).get("TransferSyntaxUID") in _DEFLATED:
            return {(HEADER, "deflated, so not looked at")}
        return set(_found(dcmread(path, stop_before_pixels=True)))
    except Exception:  # noqa: BLE001 parsers answer damaged files with errors of every kind
        return set()


def _found(data: Any) -> Iterator[Found]:
    # What the file says of itself does not cover what is drawn into its pixels.
    if data.get("BurnedInAnnotation") == "YES":
        yield HEADER, "BurnedInAnnotation is YES: text in the pixels"
    where = DECLARED if _declared(data) else HEADER
    for element in data.iterall():
        if element.tag.is_private:
            if not element.tag.is_private_creator:
                yield where, "private elements"
        elif element.keyword in TAGS and not _removed(element.value):
            yield where, f"{element.keyword} ({TAGS[element.keyword]})"


def _declared(data: Any) -> bool:
    """Whether the file says that it was de-identified, and by which method."""
    method = data.get("DeidentificationMethod") or data.get("DeidentificationMethodCodeSequence")
    return data.get("PatientIdentityRemoved") == "YES" and bool(method)


def _removed(value: Any) -> bool:
    """Whether a value is empty or a placeholder."""
    plain = "".join(filter(str.isalnum, str(value if value is not None else ""))).casefold()
    return not plain.strip("0") or plain in REMOVED
