"""Files of volumes: the right values, or one clear error; nothing that is read runs."""

import gzip
import os
import pickle
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditkit.data.source import FileSource
from auditkit.data.volumes.grid import Grid
from auditkit.data.volumes.read import read_grid, read_labels, read_volume
from auditkit.errors import AuditError
from data.cards import refusal

from .layouts import SPACE, gzipped_again, nibabel, ramp, save_nifti, save_npy


def source(path):
    return FileSource(path.parent.resolve(), path.name, "t.csv:2")


def volume(path):
    return read_volume(source(path), f"t.csv:2: t1 {path.name}")


def labels(path):
    return read_labels(source(path), f"t.csv:2: mask {path.name}")


def refused(path):
    """The refusal of the whole file; its axes alone are refused or right, never another error."""
    refusal(lambda: read_grid(source(path), "t"))
    message = refusal(lambda: volume(path))
    assert message.startswith(f"t.csv:2: t1 {path.name}"), message
    return message


KINDS = ["u1", "i1", "<i2", ">i2", "<u4", "<i8", "<f2", "<f4", ">f8", "?"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("order", ["C", "F"])
def test_npy_of_any_numbers_is_as_stored(tmp_path, kind, order):
    values = np.asarray(ramp(space=(3, 4, 5)) % 100, dtype=kind, order=order)
    path = save_npy(tmp_path / "a.npy", values)
    found = volume(path)
    assert found.dtype == np.float32
    assert (found == values.astype(np.float32)).all()
    assert read_grid(source(path), "a").shape == (3, 4, 5)


def test_two_axes_are_a_volume_too(tmp_path):
    assert (volume(save_npy(tmp_path / "a.npy", ramp(space=(3, 4)))) == ramp(space=(3, 4))).all()
    assert volume(save_nifti(tmp_path / "a.nii", ramp(space=(3, 4)))).shape == (3, 4)


def test_a_npy_of_version_two_is_read(tmp_path):
    with (tmp_path / "a.npy").open("wb") as file:
        np.lib.format.write_array(file, ramp(), version=(2, 0))
    assert (volume(tmp_path / "a.npy") == ramp()).all()


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_nifti_is_as_stored_whatever_its_orientation(tmp_path, suffix, kind):
    turned = np.array([[0, 0, -2, 5], [3, 0, 0, 6], [0, -1, 0, 7], [0, 0, 0, 1]], float)
    path = save_nifti(tmp_path / f"a{suffix}", ramp(kind=np.int16), turned, kind)
    assert (volume(path) == ramp()).all()
    grid = read_grid(source(path), "a")
    assert grid.shape == SPACE
    assert (grid.affine == turned).all()


def test_slope_and_intercept_are_applied(tmp_path):
    image = nibabel.Nifti1Image(ramp(kind=np.int16), np.eye(4))
    image.header.set_slope_inter(0.5, -3)
    nibabel.save(image, tmp_path / "a.nii.gz")
    assert (volume(tmp_path / "a.nii.gz") == ramp() / 2 - 3).all()


def test_a_fourth_axis_of_one_is_dropped_and_of_two_refused(tmp_path):
    assert volume(save_nifti(tmp_path / "a.nii", ramp()[..., None])).shape == SPACE
    several = save_nifti(tmp_path / "b.nii", np.stack([ramp()] * 2, axis=-1))
    assert "has 4 axes (4 x 5 x 6 x 2)" in refused(several)


class Marker:
    """Unpickled, it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_pickled_npy_is_refused_and_never_unpickled(tmp_path):
    marker = tmp_path / "it-ran"
    values = np.empty((2, 2, 2), object)
    values[:] = Marker(marker)
    path = save_npy(tmp_path / "a.npy", values)
    assert "holds Python objects, which are never loaded" in refused(path)
    path.write_bytes(pickle.dumps(Marker(marker)))
    assert "cannot be read as a .npy file" in refused(path)
    path.rename(tmp_path / "a.nii.gz")
    assert "cannot be read as NIfTI" in refused(tmp_path / "a.nii.gz")
    assert not marker.exists()
    np.load(save_npy(tmp_path / "a.npy", values), allow_pickle=True)
    assert marker.exists(), "the marker works: a reader that unpickles would have made it"


def npy(shape, kind="<f4", content=b""):
    header = repr({"descr": kind, "fortran_order": False, "shape": shape}).encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + content


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (npy((10**6, 10**6, 10**6)), "claims 1000000 x 1000000 x 1000000 voxels; 1 to 268435456"),
        (npy((2**32, 2**32, 2**32)), "voxels; 1 to 268435456"),
        (npy((600, 600, 600)), "claims 600 x 600 x 600 voxels of float32 (864000000 bytes), but"),
        (
            npy((2, 2, 2), content=b"0" * 31),
            "(32 bytes), but holds 31 bytes; the file is truncated",
        ),
        (npy((2, 2, 2), content=b"0" * 33), "(32 bytes), but holds 33 bytes"),
        (npy((2, 0, 2)), "claims 2 x 0 x 2 voxels"),
        (npy((-2, -2, 2), content=b"0" * 32), "cannot be read as a .npy file"),
        (npy((8,), content=b"0" * 32), "has 1 axes (8); one volume with 2 or 3"),
        (npy((), content=b"0" * 4), "has 0 axes (no axes)"),
        (npy((1, 2, 2, 2), content=b"0" * 32), "has 4 axes"),
        (npy((2, 2, 1), "<c8", b"0" * 32), "holds complex64; integers, floats or booleans"),
        (npy((2, 2), "<U1", b"0" * 16), "holds <U1"),
        (npy((2, 2), "<M8[s]", b"0" * 32), "holds datetime64[s]"),
        (npy((2, 2), "|O", b"0" * 32), "Python objects"),
        (b"", "cannot be read as a .npy file"),
        (b"\x93NUMPY\x03\x00" + b"0" * 80, "is no .npy file of numbers"),
        (b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 65535, "cannot be read as a .npy file"),
        (npy("__import__('os').mkdir('x')"), "cannot be read as a .npy file"),
    ],
)
def test_damaged_npy_is_refused(tmp_path, content, message):
    (tmp_path / "a.npy").write_bytes(content)
    assert message in refused(tmp_path / "a.npy")


def test_a_zip_of_arrays_is_no_npy(tmp_path):
    np.savez(tmp_path / "a.npz", ramp())
    (tmp_path / "a.npz").rename(tmp_path / "a.npy")
    assert "cannot be read as a .npy file" in refused(tmp_path / "a.npy")


@pytest.mark.parametrize("suffix", [".npy", ".nii", ".nii.gz"])
def test_a_truncated_file_is_refused_wherever_it_ends(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    (save_npy if suffix == ".npy" else save_nifti)(path, ramp(kind=np.int16))
    whole = path.read_bytes()
    for end in [0, 1, 5, 60, 127, len(whole) // 2, len(whole) - 9, len(whole) - 1]:
        path.write_bytes(whole[:end])
        assert any(word in refused(path) for word in ("truncated", "copy it again"))
    path.write_bytes(whole)
    assert (volume(path) == ramp()).all()


@pytest.mark.parametrize("shape", [(600, 600, 600), (700, 700, 700), (32767,) * 3])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_a_nifti_header_that_claims_more_than_the_file_holds_is_refused(tmp_path, shape, suffix):
    path = save_nifti(tmp_path / "a.nii.gz", ramp(kind=np.int16))

    def claim(raw):
        raw[42:48] = struct.pack("<3h", *shape)

    gzipped_again(path, claim)
    if suffix == ".nii":
        (tmp_path / "a.nii").write_bytes(gzip.decompress(path.read_bytes()))
    assert "claims" in refused(tmp_path / f"a{suffix}")


def test_a_flipped_bit_of_a_gzipped_file_is_found_by_its_checksum(tmp_path):
    path = save_nifti(tmp_path / "a.nii", ramp(kind=np.int16))
    # Stored, not deflated: the damage is a legal stream of other voxels.
    raw = bytearray(gzip.compress(path.read_bytes(), compresslevel=0))
    raw[500] ^= 4
    (tmp_path / "a.nii.gz").write_bytes(raw)
    assert "CRC check failed" in refused(tmp_path / "a.nii.gz")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 399), st.integers(1, 255), st.sampled_from([".npy", ".nii", ".nii.gz"]))
def test_a_damaged_byte_never_escapes_as_another_error(tmp_path_factory, place, change, suffix):
    folder = tmp_path_factory.mktemp("damaged")
    path = folder / f"a{suffix}"
    (save_npy if suffix == ".npy" else save_nifti)(path, ramp(kind=np.int16))
    raw = bytearray(path.read_bytes())
    raw[place % len(raw)] ^= change
    path.write_bytes(raw)
    for action in (read_grid, read_volume, read_labels):
        refusal(lambda action=action: action(source(path), "a"))


@pytest.mark.parametrize("suffix", [".npy", ".nii.gz"])
def test_voxels_that_are_no_numbers_are_refused_and_counted(tmp_path, suffix):
    values = ramp()
    values[0, 0, 0], values[1, 2, 3] = np.nan, np.inf
    path = tmp_path / f"a{suffix}"
    (save_npy if suffix == ".npy" else save_nifti)(path, values)
    assert "has 2 voxels that are not finite" in refused(path)
    with pytest.raises(AuditError, match="not finite"):
        labels(path)


def test_values_beyond_float32_are_refused(tmp_path):
    path = save_npy(tmp_path / "a.npy", np.full(SPACE, 1e300))
    assert "120 voxels that are not finite" in refused(path)


def test_masks_are_whole_numbers(tmp_path):
    stored = np.asarray(ramp() % 5, np.float64)
    assert (labels(save_nifti(tmp_path / "a.nii", stored)) == stored).all()
    assert labels(save_npy(tmp_path / "b.npy", stored == 1)).dtype == bool
    with pytest.raises(AuditError, match="no whole numbers; a mask of labels was expected"):
        labels(save_npy(tmp_path / "c.npy", stored / 2))


def test_other_files_are_refused_by_name(tmp_path):
    (tmp_path / "a.mha").write_bytes(b"")
    assert ".npy, .nii, .nii.gz was expected" in refused(tmp_path / "a.mha")
    assert "does not exist" in refused(tmp_path / "b.npy")
    (tmp_path / "c.npy").mkdir()
    assert "cannot be read" in refused(tmp_path / "c.npy")


def test_grids_lie_alike_up_to_half_a_voxel():
    near, far, flipped = np.eye(4), np.eye(4), np.diag([-1.0, 1, 1, 1])
    near[0, 3], far[0, 3] = 0.4, 0.6
    assert Grid(SPACE, np.eye(4)).lies_as(Grid(SPACE, near))
    assert not Grid(SPACE, np.eye(4)).lies_as(Grid(SPACE, far))
    assert not Grid(SPACE, np.eye(4)).lies_as(Grid(SPACE, flipped))
    assert Grid(SPACE).lies_as(Grid(SPACE, flipped))
    # A small difference of scale adds up over the volume.
    assert not Grid((200, 2), np.eye(4)).lies_as(Grid((200, 2), np.diag([1.01, 1, 1, 1])))
