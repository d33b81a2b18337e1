"""Small pictures of every kind that is read, and files that claim to be much larger than they are."""

import gzip
import io
import struct
import zlib
from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any

import numpy as np
from fuzz_bytes import damage
from PIL import Image

Samples = dict[str, bytes]
_SIZE = (20, 24)


def _noise(kind: Any = np.uint8, channels: int = 3) -> np.ndarray:
    shape = (*_SIZE, channels) if channels > 1 else _SIZE
    return np.random.default_rng(7).integers(0, 256, shape).astype(kind)


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _turned() -> dict[str, Any]:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "x" * 300
    return {"exif": exif}


@cache
def raster() -> Samples:
    """Raster pictures, by file name."""
    colour, grey = Image.fromarray(_noise()), Image.fromarray(_noise(channels=1))
    deep = Image.fromarray(_noise(channels=1).astype(np.uint16) * 257)
    real = Image.fromarray(_noise(np.float32, 1))
    two = {"save_all": True, "append_images": [colour.rotate(180)]}
    return {
        "rgb.png": _saved(colour, "PNG"),
        "grey.png": _saved(grey, "PNG"),
        "bits.png": _saved(grey.convert("1"), "PNG"),
        "deep.png": _saved(deep, "PNG"),
        "palette.png": _saved(colour.quantize(), "PNG"),
        "clear.png": _saved(colour.convert("RGBA"), "PNG"),
        "frames.png": _saved(colour, "PNG", **two),
        "rgb.jpg": _saved(colour, "JPEG", **_turned()),
        "progressive.jpg": _saved(colour, "JPEG", progressive=True),
        "cmyk.jpg": _saved(colour.convert("CMYK"), "JPEG"),
        "rgb.tif": _saved(colour, "TIFF", **_turned()),
        "lzw.tif": _saved(colour, "TIFF", compression="tiff_lzw"),
        "deflate.tif": _saved(colour, "TIFF", compression="tiff_adobe_deflate"),
        "jpeg.tif": _saved(colour, "TIFF", compression="jpeg"),
        "pages.tif": _saved(colour, "TIFF", **two),
        "float.tif": _saved(real, "TIFF"),
        "deep.tif": _saved(deep, "TIFF"),
        "rgb.webp": _saved(colour, "WEBP"),
        "frames.webp": _saved(colour, "WEBP", **two),
        "frames.gif": _saved(colour, "GIF", **two),
        "rgb.bmp": _saved(colour, "BMP"),
        "rgb.jp2": _saved(colour, "JPEG2000"),
        "rgb.ppm": _saved(colour, "PPM"),
    }


@cache
def dicom() -> Samples:
    """DICOM pictures."""
    return {
        "grey.dcm": _dicom(_noise(np.uint16, 1) * 16),
        "rgb.dcm": _dicom(_noise()),
        "frames.dcm": _dicom(np.stack([_noise(np.uint16, 1)] * 3), NumberOfFrames=3),
        "window.dcm": _dicom(
            _noise(np.uint16, 1), WindowCenter=128, WindowWidth=256, RescaleSlope=2
        ),
        "rle.dcm": _dicom(_noise(), compress=True),
    }


def _dicom(pixels: np.ndarray, *, compress: bool = False, **elements: Any) -> bytes:
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, RLELossless, generate_uid

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["fuzz"])
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    bits, colour = pixels.dtype.itemsize * 8, pixels.shape[-1] == 3
    data.Rows, data.Columns = _SIZE
    data.SamplesPerPixel = 3 if colour else 1
    data.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    if colour:
        data.PlanarConfiguration = 0
    data.BitsAllocated = data.BitsStored = bits
    data.HighBit, data.PixelRepresentation = bits - 1, 0
    data.PatientName, data.SOPClassUID = "Doe^Jane", meta.MediaStorageSOPClassUID
    data.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    data.PixelData = pixels.tobytes()
    for name, value in elements.items():
        setattr(data, name, value)
    if compress:
        data.compress(RLELossless)
    file = io.BytesIO()
    data.save_as(file, enforce_file_format=True)
    return file.getvalue()


@cache
def volumes() -> Samples:
    """Volumes, of NIfTI and NumPy."""
    values = np.arange(4 * 5 * 6, dtype=np.float32).reshape(4, 5, 6)
    npy = io.BytesIO()
    np.save(npy, values)
    return {
        "a.nii": _nifti(values),
        "a.nii.gz": gzip.compress(_nifti(values), mtime=0),
        "short.nii": _nifti(values.astype(np.int16)),
        "four.nii": _nifti(values[..., None].repeat(2, 3)),
        "two.nii": _nifti(values, second=True),
        "a.npy": npy.getvalue(),
    }


def _nifti(values: np.ndarray, *, second: bool = False) -> bytes:
    import nibabel

    kind = nibabel.Nifti2Image if second else nibabel.Nifti1Image
    return bytes(kind(values, np.eye(4)).to_bytes())


def _chunk(kind: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def png(
    width: int, height: int, content: bytes, *, bits: int = 8, colour: int = 2, extra: bytes = b""
) -> bytes:
    """A PNG whose header and content need not agree."""
    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    parts = [_chunk(b"IHDR", head), extra, _chunk(b"IDAT", content), _chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@cache
def _nothing(size: int) -> bytes:
    """Zeros under deflate, a thousandth of their size."""
    packer, block = zlib.compressobj(9), bytes(1 << 20)
    parts = [packer.compress(block) for _ in range(size >> 20)]
    return b"".join([*parts, packer.flush()])


def _header(sample: bytes, **fields: Any) -> bytes:
    """A NIfTI-1 header with other fields, before the sample's voxels."""
    import nibabel

    header = nibabel.Nifti1Header.from_fileobj(io.BytesIO(sample), check=False)
    for name, value in fields.items():
        header.structarr[name] = value
    return header.binaryblock + sample[348:]


def _pages(count: int) -> bytes:
    """A TIFF of empty pages, each of which points to the next; the last to the first."""
    parts = [struct.pack("<2sHI", b"II", 42, 8)]
    for page in range(count):
        following = 8 + 18 * ((page + 1) % count)
        parts.append(struct.pack("<HHHII", 1, 256, 3, 1, 24) + struct.pack("<I", following))
    return b"".join(parts)


def _tiff(**tags: int) -> bytes:
    """A TIFF of one strip with any tags."""
    entries = b"".join(
        struct.pack("<HHII", int(tag[1:]), 4, 1, value)
        for tag, value in sorted(tags.items(), key=lambda t: int(t[0][1:]))
    )
    return struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + bytes(4 + 64)


def _large_dicom(**elements: Any) -> bytes:
    return _dicom(_noise(np.uint16, 1), **elements)


BOMBS: dict[str, Callable[[], bytes]] = {
    "50000.png": lambda: png(50_000, 50_000, _nothing(1 << 20)),
    "2**31.png": lambda: png(2**31 - 1, 2**31 - 1, b""),
    "9000.png": lambda: png(9_000, 9_000, _nothing(9_000 * 27_001)),
    "deep-9000.png": lambda: png(9_000, 9_000, _nothing(9_000 * 18_001), bits=16, colour=0),
    "zero.png": lambda: png(0, 0, b""),
    "thin.png": lambda: png(89_000_000, 1, _nothing(1 << 20), bits=1, colour=0),
    "text.png": lambda: png(1, 1, b"", extra=_chunk(b"zTXt", b"Comment\0\0" + _nothing(200 << 20))),
    "profile.png": lambda: png(1, 1, b"", extra=_chunk(b"iCCP", b"x\0\0" + _nothing(200 << 20))),
    "texts.png": lambda: png(1, 1, b"", extra=_chunk(b"tEXt", b"Comment\0" + b"x" * 60_000) * 300),
    "65535.gif": lambda: (
        b"GIF89a" + struct.pack("<HH", 65535, 65535) + bytes(3) + b"," + bytes(200)
    ),
    "65535.jpg": lambda: raster()["rgb.jpg"].replace(
        struct.pack(">HH", 20, 24), struct.pack(">HH", 65500, 65500)
    ),
    "50000.bmp": lambda: (
        b"BM" + struct.pack("<IIIIiiHHIIIIII", 100, 0, 54, 40, 50_000, 50_000, 1, 24, *[0] * 6)
    ),
    "negative.bmp": lambda: (
        b"BM" + struct.pack("<IIIIiiHHIIIIII", 100, 0, 54, 40, -5, -5, 1, 24, *[0] * 6)
    ),
    "50000.ppm": lambda: b"P6 50000 50000 255\n" + bytes(100),
    "9000.ppm": lambda: b"P3 9000 9000 255\n" + b"1 " * 1_000_000,
    "digits.ppm": lambda: b"P6 " + b"9" * 5_000_000 + b" 1 255\n",
    "16383.webp": lambda: (
        b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8X" + struct.pack("<II", 10, 2) + b"\xff" * 6
    ),
    "pages.tif": lambda: _pages(100_000),
    "loop.tif": lambda: _pages(1),
    "strips.tif": lambda: _tiff(
        t256=9000, t257=9000, t258=8, t259=1, t262=1, t273=8, t277=1, t278=1, t279=8
    ),
    "samples.tif": lambda: _tiff(
        t256=9000, t257=9000, t258=64, t259=1, t262=1, t273=8, t277=9999, t339=3
    ),
    "lzw.tif": lambda: _tiff(
        t256=9000, t257=9000, t258=8, t259=5, t262=1, t273=8, t277=1, t278=9000, t279=64
    ),
    "bomb.jp2": lambda: raster()["rgb.jp2"].replace(
        struct.pack(">II", 20, 24), struct.pack(">II", 9000, 9000), 1
    ),
    "empty.png": lambda: b"",
    "rows.dcm": lambda: _large_dicom(Rows=65535, Columns=65535),
    "grid.dcm": lambda: _large_dicom(Rows=9000, Columns=9000),
    "frames.dcm": lambda: _large_dicom(NumberOfFrames=2**31 - 1),
    "bits.dcm": lambda: _large_dicom(BitsAllocated=65535, BitsStored=0),
    "none.dcm": lambda: _large_dicom(Rows=0, Columns=0),
    "window.dcm": lambda: _large_dicom(WindowCenter=[1] * 1000, WindowWidth=[1] * 999),
    "dims.nii": lambda: _header(volumes()["a.nii"], dim=[3, 32767, 32767, 32767, 1, 1, 1, 1]),
    "negative.nii": lambda: _header(volumes()["a.nii"], dim=[3, -1, 5, 6, 1, 1, 1, 1]),
    "seven.nii": lambda: _header(volumes()["a.nii"], dim=[7, 4, 5, 6, 1, 1, 1, 1]),
    "offset.nii": lambda: _header(volumes()["a.nii"], vox_offset=1e30),
    "scale.nii": lambda: _header(volumes()["a.nii"], scl_slope=np.inf, scl_inter=np.nan),
    "complex.nii": lambda: _header(volumes()["a.nii"], datatype=32, bitpix=64),
    "bomb.nii.gz": lambda: (
        gzip.compress(
            _header(
                volumes()["a.nii"], dim=[3, 1000, 1000, 1000, 1, 1, 1, 1], datatype=2, bitpix=8
            ),
            mtime=0,
        )
        + gzip.compress(bytes(1 << 20), mtime=0) * 900
    ),
    "zeros.nii.gz": lambda: gzip.compress(bytes(1 << 20), mtime=0) * 500,
    "after.nii.gz": lambda: volumes()["a.nii.gz"] + gzip.compress(bytes(1 << 20), mtime=0) * 500,
    "dims.npy": lambda: _npy(
        "{'descr': '<f4', 'fortran_order': False, 'shape': (100000, 100000, 100000)}"
    ),
    "negative.npy": lambda: _npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 5, 6)}"),
    "objects.npy": lambda: (
        _npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}") + b"cos\nsystem\n."
    ),
    "code.npy": lambda: _npy("__import__('os').system('touch canary')"),
    "deep.npy": lambda: _npy("(" * 3000 + ")" * 3000),
    "long.npy": lambda: _npy(
        "{'descr': '<f4', 'fortran_order': False, 'shape': (" + "1," * 30_000 + ")}"
    ),
    "empty.npy": lambda: b"",
}


def _npy(header: str) -> bytes:
    text = header.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", min(len(text), 65535)) + text + bytes(480)


def damaged_picture(samples: Samples, random: Random) -> tuple[str, bytes]:
    """A file name and a damaged, renamed, or whole picture."""
    name = random.choice(sorted(samples))
    content = samples[name]
    kind = random.random()
    if kind < 0.05:
        return name, content
    if kind < 0.12:
        # Another kind's content under this name.
        return name, samples[random.choice(sorted(samples))]
    return name, damage(content, random)
