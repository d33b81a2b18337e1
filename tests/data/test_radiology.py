"""DICOM and NIfTI: declared windows, slices and frames, or a clear error."""

import numpy as np
import pytest

from auditkit.data.pictures import read_mask, read_picture
from auditkit.data.source import FileSource
from auditkit.errors import AuditError
from auditkit.spec.data_card import Pictures

pydicom = pytest.importorskip("pydicom")
nibabel = pytest.importorskip("nibabel")

RAMP = np.arange(1200, dtype=np.int16).reshape(30, 40)


def read(path, **options):
    source = FileSource(path.parent.resolve(), path.name, "t.csv:2")
    return read_picture(source, "t.csv:2", Pictures.model_validate(options))


def mask_of(path, shape, **options):
    source = FileSource(path.parent.resolve(), path.name, "t.csv:2")
    return read_mask(source, shape, "t.csv:2", Pictures.model_validate(options))


def dicom(path, pixels, syntax=pydicom.uid.ExplicitVRLittleEndian, **elements):
    data = pydicom.Dataset()
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = syntax
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = pydicom.uid.CTImageStorage
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = pydicom.uid.generate_uid()
    colour = pixels.ndim > 2 and pixels.shape[-1] == 3
    data.Rows, data.Columns = pixels.shape[-3:-1] if colour else pixels.shape[-2:]
    data.SamplesPerPixel = 3 if colour else 1
    data.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = pixels.dtype.itemsize * 8
    data.HighBit = data.BitsStored - 1
    data.PixelRepresentation = int(pixels.dtype.kind == "i")
    if colour:
        data.PlanarConfiguration = 0
    for name, value in elements.items():
        setattr(data, name, value)
    data.PixelData = pixels.tobytes()
    data.save_as(path, enforce_file_format=True)
    return path


def sequence(**elements):
    item = pydicom.Dataset()
    for name, value in elements.items():
        setattr(item, name, value)
    return pydicom.Sequence([item])


def grey(picture):
    assert picture.dtype == np.uint8
    assert (picture[..., 0] == picture[..., 1]).all()
    assert (picture[..., 0] == picture[..., 2]).all()
    return picture[..., 0].astype(int)


@pytest.mark.parametrize("function", [None, "LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_the_files_own_window_is_applied_as_the_standard_says(tmp_path, function):
    from pydicom.pixels.processing import apply_modality_lut, apply_windowing

    elements = {
        "WindowCenter": 100,
        "WindowWidth": 900,
        "RescaleSlope": 2,
        "RescaleIntercept": -300,
    }
    if function:
        elements["VOILUTFunction"] = function
    path = dicom(tmp_path / "a.dcm", RAMP.astype(np.uint16), **elements)
    data = pydicom.dcmread(path)
    shown = apply_windowing(apply_modality_lut(data.pixel_array, data), data).astype(float)
    # pydicom scales to the range of the modality LUT: 0..65535 at slope 2 and intercept -300.
    expected = np.rint(255 * (shown + 300) / (2 * 65535))
    assert np.abs(grey(read(path)) - expected).max() <= 1


def test_a_declared_window_wins_and_holds_after_the_modality_lut(tmp_path):
    path = dicom(
        tmp_path / "a.dcm",
        RAMP,
        WindowCenter=1,
        WindowWidth=2,
        RescaleSlope=1,
        RescaleIntercept=-100,
    )
    found = grey(read(path, window=[0, 510]))
    assert (found == np.rint(np.clip((RAMP - 100) / 2.0, 0, 255))).all()


def test_monochrome1_is_inverted(tmp_path):
    path = dicom(tmp_path / "a.dcm", RAMP, PhotometricInterpretation="MONOCHROME1")
    found = grey(read(path, window=[0, 1020]))
    assert found[0, 0] == 255
    assert found[-1, -1] == 0


def test_a_voi_lut_is_applied(tmp_path):
    table = (np.arange(256) ** 2 // 255).astype(np.uint8)
    lut = sequence(LUTDescriptor=[256, 0, 8], LUTData=table.astype("<u2").tobytes())
    lut[0]["LUTDescriptor"].VR, lut[0]["LUTData"].VR = "US", "OW"
    pixels = np.arange(256, dtype=np.uint16).reshape(16, 16)
    path = dicom(tmp_path / "a.dcm", pixels, VOILUTSequence=lut)
    assert (grey(read(path)).ravel() == table).all()


def test_eight_bits_without_a_window_are_as_stored(tmp_path):
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert (grey(read(dicom(tmp_path / "a.dcm", pixels))) == pixels).all()


def test_colour_is_as_stored(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    assert (read(dicom(tmp_path / "a.DCM", pixels)) == pixels).all()


def test_a_palette_is_looked_up(tmp_path):
    names = ("Red", "Green", "Blue")
    tables = {
        name: (np.arange(256, dtype=np.uint16) * (i + 1)) << 6 for i, name in enumerate(names)
    }
    elements = {f"{n}PaletteColorLookupTableData": t.tobytes() for n, t in tables.items()}
    elements |= {f"{n}PaletteColorLookupTableDescriptor": [256, 0, 16] for n in names}
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    path = dicom(tmp_path / "a.dcm", pixels, PhotometricInterpretation="PALETTE COLOR", **elements)
    expected = np.stack([tables[name] >> 8 for name in names], axis=1).reshape(16, 16, 3)
    assert (read(path) == expected).all()


def test_frames_are_declared_and_bring_their_own_rescaling(tmp_path):
    pixels = np.stack([RAMP, RAMP + 1])
    per_frame = pydicom.Sequence(pydicom.Dataset() for _ in range(2))
    for slope, item in enumerate(per_frame, start=1):
        item.PixelValueTransformationSequence = sequence(RescaleSlope=slope, RescaleIntercept=0)
        item.FrameVOILUTSequence = sequence(WindowCenter=512, WindowWidth=1024)
    path = dicom(
        tmp_path / "a.dcm", pixels, NumberOfFrames=2, PerFrameFunctionalGroupsSequence=per_frame
    )
    with pytest.raises(AuditError, match="has 2 frames; declare which"):
        read(path)
    with pytest.raises(AuditError, match="there is no frame 2"):
        read(path, frame=2)
    expected = np.rint(255 * np.clip((2.0 * (RAMP + 1) - 0.0) / 1023, 0, 1))
    assert np.abs(grey(read(path, frame=1)) - expected).max() <= 1


def test_compressed_pictures_are_decompressed_or_named(tmp_path):
    path = dicom(tmp_path / "a.dcm", RAMP, WindowCenter=512, WindowWidth=1024)
    plain = read(path)
    data = pydicom.dcmread(path)
    data.compress(pydicom.uid.RLELossless, generate_instance_uid=False)
    data.save_as(path)
    assert (read(path) == plain).all()
    data.file_meta.TransferSyntaxUID = pydicom.uid.JPEGLSLossless
    data.save_as(path)
    with pytest.raises(AuditError, match=r"is compressed \(JPEG-LS Lossless"):
        read(path)


def test_deflated_files_are_refused_before_they_are_inflated(tmp_path):
    path = dicom(tmp_path / "a.dcm", RAMP, pydicom.uid.DeflatedExplicitVRLittleEndian)
    with pytest.raises(AuditError, match="is deflated DICOM"):
        read(path)


@pytest.mark.parametrize(
    ("elements", "message"),
    [
        ({}, "16 bits and no window of its own; declare"),
        ({"WindowCenter": [10, 90], "WindowWidth": [20, 20]}, r"several windows \(\[0, 20\], \[80"),
        ({"WindowCenter": 10, "WindowWidth": 0}, "window of width 0"),
        ({"WindowCenter": 10, "WindowWidth": 5, "VOILUTFunction": "CUBIC"}, "unknown VOI LUT"),
        ({"PhotometricInterpretation": "ARGB"}, "is ARGB"),
        ({"Rows": 60000, "Columns": 60000}, "is too large"),
        ({"Rows": 0}, "has no pixels"),
        ({"Rows": 50}, "cannot be read as DICOM"),
    ],
)
def test_what_is_not_declared_is_refused(tmp_path, elements, message):
    with pytest.raises(AuditError, match=message) as caught:
        read(dicom(tmp_path / "a.dcm", RAMP, **elements))
    assert "t.csv:2" in str(caught.value)


def test_damaged_dicom_never_escapes_as_another_error(tmp_path):
    path = dicom(tmp_path / "a.dcm", RAMP, WindowCenter=512, WindowWidth=1024)
    whole, rng = path.read_bytes(), np.random.default_rng(1)
    damaged = [whole[:n] for n in (0, 10, 132, 140, 300, 500, len(whole) - 7)]
    for _ in range(60):
        content = bytearray(whole)
        content[int(rng.integers(128, 700))] ^= int(rng.integers(1, 256))
        damaged.append(bytes(content))
    refused = 0
    for content in damaged:
        path.write_bytes(content)
        try:
            read(path)
        except AuditError:
            refused += 1
    assert refused >= 7


def nifti(path, array, kind=nibabel.Nifti1Image, **header):
    volume = kind(array, np.diag([2.0, 3, 4, 1]))
    for name, value in header.items():
        volume.header[name] = value
    nibabel.save(volume, path)
    return path


VOLUME = np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_the_declared_plane_is_the_picture(tmp_path, suffix, kind):
    path = nifti(tmp_path / f"a{suffix}", VOLUME, kind)
    for axis in range(3):
        plane = {"axis": axis, "index": 1}
        expected = np.rint(255 * VOLUME.take(1, axis) / 255.0)
        found = grey(read(path, slice=plane, window=[0, 255]))
        assert (found == expected).all()
        turned = grey(read(path, slice={**plane, "turn": 1}, window=[0, 255]))
        assert (turned == np.rot90(expected)).all()
    middle = grey(read(path, slice={"axis": 2, "index": "middle"}, window=[0, 255]))
    assert (middle == VOLUME[:, :, 3]).all()


def test_slope_and_intercept_are_applied_before_the_window(tmp_path):
    volume = nibabel.Nifti1Image(VOLUME, np.eye(4))
    volume.header.set_slope_inter(2, -10)
    volume = nibabel.Nifti1Image(VOLUME * 2.0 - 10, np.eye(4), volume.header)
    nibabel.save(volume, tmp_path / "a.nii")
    found = grey(read(tmp_path / "a.nii", slice={"axis": 0, "index": 0}, window=[0, 51]))
    assert (found == np.rint(255 * np.clip((VOLUME[0] * 2 - 10) / 51, 0, 1))).all()


def test_percentiles_are_of_the_plane_itself(tmp_path):
    path = nifti(tmp_path / "a.nii", VOLUME)
    found = grey(read(path, slice={"axis": 0, "index": 0}, window="percentiles"))
    low, high = np.percentile(VOLUME[0], [1, 99])
    assert (found == np.rint(255 * np.clip((VOLUME[0] - low) / (high - low), 0, 1))).all()


def test_masks_are_cut_as_the_pictures(tmp_path):
    path = nifti(tmp_path / "m.nii.gz", (VOLUME > 60).astype(np.uint8))
    found = mask_of(path, (5, 6), slice={"axis": 0, "index": 2})
    assert (found == (VOLUME[2] > 60)).all()
    with pytest.raises(AuditError, match="has 6 x 5 pixels, its picture 5 x 5"):
        mask_of(path, (5, 5), slice={"axis": 0, "index": 2})


def test_volumes_in_time_need_a_frame(tmp_path):
    path = nifti(tmp_path / "a.nii", np.stack([VOLUME, VOLUME + 1], axis=3))
    options = {"slice": {"axis": 2, "index": 0}, "window": [0, 255]}
    with pytest.raises(AuditError, match="has 2 volumes; declare which"):
        read(path, **options)
    assert (grey(read(path, **options, frame=1)) == VOLUME[:, :, 0] + 1).all()


@pytest.mark.parametrize(
    ("array", "options", "message"),
    [
        (VOLUME, {"window": [0, 1]}, "declare which plane"),
        (VOLUME, {"slice": {"axis": 2, "index": 0}}, "declare which values"),
        (VOLUME, {"slice": {"axis": 2, "index": 6}, "window": [0, 1]}, "there is no 6"),
        (VOLUME[0], {"slice": {"axis": 2, "index": 0}, "window": [0, 1]}, "has 2 dimensions"),
        (VOLUME * 0, {"slice": {"axis": 2, "index": 0}, "window": "percentiles"}, "is flat"),
        (
            np.full((3, 3, 3), np.nan, np.float32),
            {"slice": {"axis": 2, "index": 0}, "window": [0, 1]},
            "not finite",
        ),
        (
            np.zeros((3, 3, 3), np.complex64),
            {"slice": {"axis": 2, "index": 0}, "window": [0, 1]},
            "grey values",
        ),
    ],
)
def test_what_no_plane_is_said_of_is_refused(tmp_path, array, options, message):
    with pytest.raises(AuditError, match=message):
        read(nifti(tmp_path / "a.nii", array), **options)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_a_header_cannot_claim_more_than_its_file_holds(tmp_path, suffix):
    import gzip

    content = bytearray(nifti(tmp_path / "a.nii", VOLUME).read_bytes())
    content[40:56] = np.array([3, 30000, 30000, 30000, 1, 1, 1, 1], np.int16).tobytes()
    path = tmp_path / f"b{suffix}"
    path.write_bytes(gzip.compress(content) if suffix.endswith("gz") else content)
    with pytest.raises(AuditError, match="cannot hold"):
        read(path, slice={"axis": 2, "index": 0}, window=[0, 1])


def test_damaged_nifti_never_escapes_as_another_error(tmp_path):
    rng, options = np.random.default_rng(2), {"slice": {"axis": 2, "index": 0}, "window": [0, 1]}
    for suffix in (".nii", ".nii.gz"):
        path = nifti(tmp_path / f"a{suffix}", VOLUME)
        whole = path.read_bytes()
        damaged = [whole[:n] for n in (0, 5, 50, len(whole) // 2)]
        for _ in range(40):
            content = bytearray(whole)
            content[int(rng.integers(0, min(360, len(whole))))] ^= int(rng.integers(1, 256))
            damaged.append(bytes(content))
        refused = 0
        for content in damaged:
            path.write_bytes(content)
            try:
                read(path, **options)
            except AuditError:
                refused += 1
        assert refused >= 3
