"""Raster pictures: what a card converts, and what never is."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from auditkit.data.pictures import read_picture
from auditkit.data.source import BytesSource, FileSource
from auditkit.errors import AuditError
from auditkit.spec.data_card import Pictures

from .cards import picture, refusal


def read(path, **options):
    source = FileSource(path.parent.resolve(), path.name, "t.csv:2")
    return read_picture(source, "t.csv:2", Pictures.model_validate(options))


@pytest.mark.parametrize("mode", ["L", "1"])
def test_grey_gets_three_equal_channels_if_declared(tmp_path, mode):
    grey = picture(0).convert(mode)
    grey.save(tmp_path / "a.png")
    with pytest.raises(AuditError, match=r"convert: \[grey\]"):
        read(tmp_path / "a.png")
    found = read(tmp_path / "a.png", convert=["grey"])
    assert (found == np.asarray(grey.convert("RGB"))).all()


def test_a_palette_is_looked_up_if_declared(tmp_path):
    coloured = picture(0).quantize(16)
    coloured.save(tmp_path / "a.png")
    with pytest.raises(AuditError, match=r"convert: \[palette\]"):
        read(tmp_path / "a.png", convert=["grey"])
    found = read(tmp_path / "a.png", convert=["palette"])
    assert (found == np.asarray(coloured.convert("RGB"))).all()


@pytest.mark.parametrize("mode", ["P", "L"])
def test_transparency_is_never_dropped(tmp_path, mode):
    picture(0).convert(mode).save(tmp_path / "a.png", transparency=0)
    with pytest.raises(AuditError, match="is a"):
        read(tmp_path / "a.png", convert=["grey", "palette"])


@pytest.mark.parametrize("kind", [np.uint16, np.int32, np.float32])
def test_deep_grey_needs_a_window(tmp_path, kind):
    values = np.arange(600, dtype=kind).reshape(20, 30)
    Image.fromarray(values).save(tmp_path / "a.tif")
    with pytest.raises(AuditError, match=r"-bit|floating-point"):
        read(tmp_path / "a.tif")
    with pytest.raises(AuditError, match="declare which values become black and white"):
        read(tmp_path / "a.tif", convert=["grey"])
    found = read(tmp_path / "a.tif", convert=["grey"], window=[100, 355])
    assert (found[..., 1] == np.clip(values.astype(int) - 100, 0, 255)).all()


def test_sixteen_bit_png_is_windowed(tmp_path):
    values = np.arange(600, dtype=np.uint16).reshape(20, 30) * 100
    Image.fromarray(values).save(tmp_path / "a.png")
    found = read(tmp_path / "a.png", convert=["grey"], window=[0, 51000])
    assert (found[..., 2] == np.clip(np.rint(values / 200), 0, 255)).all()


def test_values_that_are_not_finite_are_refused(tmp_path):
    Image.fromarray(np.full((4, 4), np.inf, np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(AuditError, match="not finite"):
        read(tmp_path / "a.tif", convert=["grey"], window=[0, 1])


def test_files_of_several_frames_need_one(tmp_path):
    pages = [picture(i) for i in range(3)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(AuditError, match="has 3 frames; declare which"):
        read(tmp_path / "a.tif")
    assert (read(tmp_path / "a.tif", frame=2) == np.asarray(pages[2])).all()
    with pytest.raises(AuditError, match="there is no frame 3"):
        read(tmp_path / "a.tif", frame=3)


def test_bytes_are_read_as_files_are():
    buffer = io.BytesIO()
    picture(0).save(buffer, "PNG")
    found = read_picture(BytesSource("x", buffer.getvalue), "x", Pictures())
    assert (found == np.asarray(picture(0))).all()


def test_formats_that_run_programs_are_not_opened(tmp_path):
    picture(0).save(tmp_path / "a.eps")
    (tmp_path / "a.eps").rename(tmp_path / "a.png")
    with pytest.raises(AuditError, match="is not a picture that can be read"):
        read(tmp_path / "a.png")


@pytest.mark.parametrize("side", [10_000, 60_000])
def test_decompression_bombs_are_refused(tmp_path, side):
    def chunk(kind, content):
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    content = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + content + chunk(b"IEND", b""))
    with pytest.raises(AuditError, match="is too large"):
        read(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("kind", "options"),
    [("PNG", {}), ("JPEG", {}), ("TIFF", {"compression": "tiff_lzw"}), ("WEBP", {}), ("GIF", {})],
)
def test_damaged_pictures_never_escape_as_another_error(tmp_path, kind, options):
    path, rng = tmp_path / "a.png", np.random.default_rng(0)
    picture(0).save(path, kind, **options)
    whole = path.read_bytes()
    for _ in range(60):
        content = bytearray(whole)
        for _ in range(3):
            content[int(rng.integers(0, len(whole)))] ^= int(rng.integers(1, 256))
        path.write_bytes(content[: int(rng.integers(1, len(whole) + 1))])
        refused = refusal(lambda: read(path))
        assert "a.png" in (refused or "a.png")
