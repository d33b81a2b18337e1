"""Pictures of a study: one length, nothing but pixels."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from auditkit.study.building.pictures import canvas_of, encoded, fitted, size_of

SIZES = st.tuples(st.integers(1, 70), st.integers(1, 70))


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def chunks(content):
    """(type, content) of each, with checksums verified; by the PNG specification alone."""
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    found, place = [], 8
    while place < len(content):
        (length,) = struct.unpack(">I", content[place : place + 4])
        kind, inner = content[place + 4 : place + 8], content[place + 8 : place + 8 + length]
        (checksum,) = struct.unpack(">I", content[place + 8 + length : place + 12 + length])
        assert checksum == zlib.crc32(kind + inner)
        found.append((kind, inner))
        place += 12 + length
    return found


@settings(max_examples=60, deadline=None)
@given(SIZES, st.integers(0, 9))
def test_what_is_encoded_is_decoded_bit_by_bit_and_has_the_length_that_is_told(size, seed):
    height, width = size
    pixels = noise(height, width, seed)
    content = encoded(pixels)
    assert len(content) == size_of(width, height)
    image = Image.open(io.BytesIO(content))
    assert image.mode == "RGB"
    assert not image.info
    assert np.array_equal(np.asarray(image), pixels)


@pytest.mark.parametrize(("width", "height"), [(7281, 3), (7281, 6), (512, 300), (21845, 1)])
def test_lengths_at_the_edges_of_stored_blocks(width, height):
    """Lines of 3 W + 1 bytes fill blocks of 65535 exactly, or by one more."""
    pixels = noise(height, width)
    content = encoded(pixels)
    assert len(content) == size_of(width, height)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(content))), pixels)


def test_flat_and_noisy_pictures_differ_in_nothing_but_pixels_and_checksums():
    flat, noisy = encoded(np.zeros((30, 40, 3), np.uint8)), encoded(noise(30, 40))
    assert len(flat) == len(noisy)
    (kinds, contents), (other_kinds, others) = (
        zip(*chunks(one), strict=True) for one in (flat, noisy)
    )
    assert kinds == other_kinds == (b"IHDR", b"IDAT", b"IEND")
    assert contents[0] == others[0] == struct.pack(">IIBBBBB", 40, 30, 8, 2, 0, 0, 0)
    stream, other = contents[1], others[1]
    # Two bytes of zlib, then one block: stored, the last, its length and the complement of it.
    assert stream[:7] == other[:7] == b"\x78\x01\x01" + struct.pack("<HH", 3630, 3630 ^ 0xFFFF)
    lines = np.frombuffer(stream[7:-4], np.uint8).reshape(30, 121)
    assert (lines[:, 0] == 0).all()


def test_what_is_no_picture_is_not_encoded():
    for wrong in (
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3)),
        np.zeros((0, 4, 3), np.uint8),
    ):
        with pytest.raises(ValueError, match="uint8"):
            encoded(wrong)


def test_the_canvas_has_the_largest_sides_within_the_limit():
    assert canvas_of([(30, 20), (20, 40)]) == (30, 40)
    assert canvas_of([(2048, 1024)]) == (1024, 512)
    assert canvas_of([(4000, 10), (10, 2000)], largest=100) == (100, 50)
    assert canvas_of([(5000, 1)]) == (1024, 1)


@settings(max_examples=40, deadline=None)
@given(st.lists(SIZES, min_size=1, max_size=4), st.integers(8, 64))
def test_every_picture_fits_the_canvas_and_keeps_its_aspect(sizes, largest):
    canvas = canvas_of(sizes, largest)
    assert max(canvas) <= largest
    for width, height in sizes:
        # Black, so that all that is exactly grey is margin.
        found = fitted(np.zeros((height, width, 3), np.uint8), canvas)
        assert found.shape == (canvas[1], canvas[0], 3)
        inside = (found != 128).any(axis=2)
        rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        inner = (columns.size, rows.size)
        scale = min(canvas[0] / width, canvas[1] / height)
        assert inner == (max(1, round(width * scale)), max(1, round(height * scale)))
        assert inside[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
        for size, first, last in zip(
            canvas, (columns[0], rows[0]), (columns[-1], rows[-1]), strict=True
        ):
            assert abs(first - (size - 1 - last)) <= 1, "centred"


def test_a_picture_of_the_canvas_size_is_shown_pixel_by_pixel():
    pixels = noise(20, 30)
    assert np.array_equal(fitted(pixels, (30, 20)), pixels)


def test_small_pictures_have_no_wider_margins_than_large_ones():
    small, large = (fitted(np.zeros((side, side, 3), np.uint8), (64, 64)) for side in (16, 64))
    assert np.array_equal(small, large)
