"""Identifiers beside the pixels of photographs: EXIF, XMP, IPTC, PNG text, comments. No pixel is decoded."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Final

from PIL import Image, ImageFile
from PIL.IptcImagePlugin import getiptcinfo

from auditkit.data.identifiers.png import png_texts
from auditkit.data.identifiers.tally import Found
from auditkit.data.identifiers.texts import personal, single
from auditkit.data.pictures.raster import FORMATS

# Tags of EXIF 2.32 (CIPA DC-008) whose value, if there is one, is an identifier.
_EXIF: Final[Mapping[int, str]] = {
    0x0132: "DateTime",
    0x013B: "Artist",
    0x013C: "HostComputer",
    0x9003: "DateTimeOriginal",
    0x9004: "DateTimeDigitized",
    0x927C: "MakerNote (may hold serial numbers)",
    0x9C9D: "XPAuthor",
    0xA420: "ImageUniqueID",
    0xA430: "CameraOwnerName",
    0xA431: "BodySerialNumber",
    0xA435: "LensSerialNumber",
}
# Free text: "OLYMPUS DIGITAL CAMERA" identifies nobody, so that texts are held against the detectors.
_EXIF_TEXT: Final[Mapping[int, str]] = {
    0x010D: "DocumentName",
    0x010E: "ImageDescription",
    0x8298: "Copyright",
    0x9286: "UserComment",
    0x9C9B: "XPTitle",
    0x9C9C: "XPComment",
    0x9C9E: "XPKeywords",
    0x9C9F: "XPSubject",
}
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
# Latitude and longitude, destination included.
_POSITION: Final = (2, 4, 20, 22)
# Properties of XMP (ISO 16684) and of its schemas for EXIF and cameras.
_XMP: Final = re.compile(
    rb"\b(dc:creator|photoshop:DateCreated|photoshop:City|exif:GPSLatitude|exif:GPSLongitude|"
    rb"exif:DateTimeOriginal|aux:SerialNumber|aux:OwnerName|exifEX:BodySerialNumber|"
    rb"exifEX:CameraOwnerName|xmp:CreateDate|Iptc4xmpExt:PersonInImage)\b\s*[=>]"
)
# IPTC-IIM datasets of the application record.
_IPTC: Final[Mapping[tuple[int, int], str]] = {
    (2, 5): "object name",
    (2, 25): "keywords",
    (2, 55): "date created",
    (2, 80): "by-line",
    (2, 90): "city",
    (2, 120): "caption",
}
# Keywords of PNG texts that say who or when (PNG specification, ImageMagick).
_PNG: Final = ("author", "creation time", "date:create", "date:timestamp", "exif:datetime", "tIME")


def in_raster(file: BinaryIO) -> set[Found]:
    """What one file shows; nothing if it cannot be opened, which reading its picture reports."""
    try:
        found = set(_in_png(file))
        file.seek(0)
        # Opening reads headers; nothing here asks for pixels.
        with Image.open(file, formats=FORMATS) as image:
            found |= {*_in_exif(image), *_in_xmp(image), *_in_iptc(image), *_in_comment(image)}
    except Exception:  # noqa: BLE001 parsers answer damaged files with errors of every kind
        return set()
    return found


def _in_exif(image: Image.Image) -> Iterator[Found]:
    exif: Any = image.getexif()
    tags = {**exif, **exif.get_ifd(_EXIF_IFD)}
    yield from (("EXIF", name) for tag, name in _EXIF.items() if _text(tags.get(tag)))
    for tag, name in _EXIF_TEXT.items():
        yield from _free("EXIF", name, _text(tags.get(tag)))
    position = exif.get_ifd(_GPS_IFD)
    if any(position.get(tag) for tag in _POSITION):
        yield "EXIF", "GPS position"


def _in_xmp(image: Image.Image) -> Iterator[Found]:
    packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    content = packet.encode() if isinstance(packet, str) else bytes(packet)
    yield from (("XMP", name.decode()) for name in set(_XMP.findall(content)))


def _in_iptc(image: Image.Image) -> Iterator[Found]:
    if not isinstance(image, ImageFile.ImageFile) or image.format not in ("JPEG", "TIFF"):
        return
    found = getiptcinfo(image) or {}
    yield from (("IPTC", name) for key, name in _IPTC.items() if found.get(key))


def _in_png(file: BinaryIO) -> Iterator[Found]:
    for keyword, text in png_texts(file):
        if keyword.lower().startswith(tuple(name.lower() for name in _PNG)) and text.strip():
            yield "PNG text", keyword[:40]
        elif not keyword.startswith("XML:"):
            yield from _free("PNG text", keyword[:40], text)


def _in_comment(image: Image.Image) -> Iterator[Found]:
    yield from _free("comment", str(image.format), _text(image.info.get("comment")))


def _free(where: str, name: str, text: str) -> Iterator[Found]:
    yield from ((where, f"{name}: {kind}") for kind in single(text))
    if personal(text):
        yield where, f"{name}: name of a person"


def _text(value: Any) -> str:
    """A value as text, without what cameras fill unused fields with."""
    if isinstance(value, bytes):
        # Windows' own tags are UTF-16.
        value = value.decode("utf-16-le" if value[1:2] == b"\0" else "latin-1", "replace")
    text = "" if value is None else str(value).strip("\0 \t")
    return text if text.strip("0:- ") else ""
