"""Tables of pairs: what they may say, and what is said to who wrote them otherwise."""

import io
import os

import numpy as np
import pytest
import study_pairs_world as world
from PIL import Image

from auditkit.errors import AuditError
from auditkit.study.building.table import table_material


@pytest.fixture
def folder(tmp_path):
    world.pairs(tmp_path, references=2, patient="p")
    return tmp_path


def material(folder, **changes):
    return table_material(world.plan(folder, **changes))


def rows(folder, *given, columns=("model", "image", "benign", "malignant")):
    world.write_rows(folder, given, columns)
    return material(folder)


def row(image="i0", model="one", benign="one/benign-0.png", malignant="one/malignant-0.png"):
    return model, image, benign, malignant


def refused(folder, message, *given, **settings):
    with pytest.raises(AuditError, match=message) as error:
        rows(folder, *given, **settings)
    return str(error.value)


def test_every_image_has_its_pairs_in_the_plans_order_of_models(folder):
    found = material(folder, models=("two", "one"))
    seen = [[(pair.model, pair.image, pair.patient) for pair in of] for of in found.references]
    assert seen == [
        [("two", "i0", "p0"), ("one", "i0", "p0")],
        [("two", "i1", "p0"), ("one", "i1", "p0")],
    ]
    assert found.models == {"two": None, "one": None}
    assert found.left_out == {}
    for of in found.references:
        for pair in of:
            benign, malignant = pair.pictures()
            assert np.ptp(benign[..., 2]) < 20 < np.ptp(malignant[..., 2]), "noise is malignant"


def test_images_without_a_pair_of_every_model_are_counted_by_the_first_that_lacks(folder):
    both = [row(), row(model="two")]
    found = rows(folder, *both, row("i1"), row("i2"), row("i3", "two"))
    assert [of[0].image for of in found.references] == ["i0"]
    assert found.left_out == {"one: no pair": 1, "two: no pair": 2}


def test_patients_are_optional(folder):
    assert rows(folder, row(), row(model="two")).references[0][0].patient == ""


def test_pictures_outside_the_tables_folder_are_refused(folder):
    outside = folder.parent / "elsewhere.png"
    world.save(outside, np.zeros((4, 4, 3), np.uint8), "one", "benign")
    (folder / "link.png").symlink_to(outside)
    for path in ("../elsewhere.png", str(outside), "one/../../elsewhere.png", "link.png"):
        said = refused(folder, "lies outside the folder", row(benign=path))
        assert "pairs.csv:2" in said


def test_what_is_wrong_with_a_table_is_told_with_its_line(folder):
    good = row()
    assert "pairs.csv:3" in refused(folder, "model 'tow' is none .* 'two'", good, row(model="tow"))
    again = refused(folder, "'one' has a pair of image 'i0' on line 2 already", good, row())
    assert "pairs.csv:3" in again
    assert "pairs.csv:2" in refused(folder, "cell of column 'image' is empty", row(image=" "))
    same = refused(folder, "is both pictures", row(malignant="one/../one/benign-0.png"))
    assert "pairs.csv:2" in same
    columns = ("model", "image", "benign", "malignant", "patient")
    two = [(*row(), "p0"), (*row(model="two"), "p1")]
    patients = refused(folder, "of patient 'p1' here and of 'p0' on line 2", *two, columns=columns)
    assert "pairs.csv:3" in patients
    refused(folder, "cell of column 'patient' is empty", (*row(), ""), columns=columns)
    refused(folder, "another number of cells", (*row(), "more"))


def test_columns_are_those_that_are_known(folder):
    wrong = ("model", "image", "benign", "malign")
    refused(folder, "unknown column 'malign'.*'malignant'", row(), columns=wrong)
    missing = ("model", "image", "benign")
    refused(folder, "there is no column 'malignant'", row()[:3], columns=missing)
    twice = ("model", "image", "benign", "benign")
    refused(folder, "two columns have the name 'benign'", row(), columns=twice)


def test_missing_and_empty_tables_are_told(folder):
    (folder / "pairs.csv").unlink()
    with pytest.raises(AuditError, match=r"pairs\.csv cannot be read"):
        material(folder)
    refused(folder, "has no rows")


def opened(folder, file, content):
    (folder / file).write_bytes(content)
    found = rows(folder, row(benign=file), row(model="two"))
    return found.references[0][0].pictures


def png(pixels=None, mode=None, **options):
    image = Image.fromarray(np.zeros((24, 24, 3), np.uint8) if pixels is None else pixels)
    file = io.BytesIO()
    (image.convert(mode) if mode else image).save(file, "PNG", **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("x.png", png()[:-30], "cannot be decoded"),
        ("x.png", png()[:50], "cannot be decoded"),
        ("x.png", b"no picture", "is not a picture"),
        ("x.png", b"", "is empty"),
        ("x.jpg", b"\xff\xd8\xff\xe0" + b"\0" * 50, "is not a picture|cannot be decoded"),
        ("x.png", png(mode="RGBA"), "transparency"),
        ("x.png", png(np.zeros((24, 24), np.uint16)), "16-bit|32-bit|more than 8 bits"),
        ("x.txt", png(), "is none of .png"),
        ("x.dcm", png(), "is none of .png"),
        ("x.png", png(np.zeros((24, 25, 3), np.uint8)), "25 x 24 pixels, .* 24 x 24; both"),
    ],
)
def test_files_that_cannot_be_shown_are_told_with_file_and_line(folder, file, content, message):
    pictures = opened(folder, file, content)
    with pytest.raises(AuditError, match=message) as error:
        pictures()
    assert "pairs.csv:2" in str(error.value)
    assert file in str(error.value)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_decompression_bombs_are_refused_before_they_are_decoded(folder):
    # 100 million pixels in a file of 100 kB: zeros, as a palette picture of one bit.
    image = Image.new("1", (10_000, 10_000))
    file = io.BytesIO()
    image.save(file, "PNG")
    pictures = opened(folder, "x.png", file.getvalue())
    with pytest.raises(AuditError, match=r"pairs\.csv:2.*x\.png.*too large"):
        pictures()


def test_a_missing_file_is_told(folder):
    found = rows(folder, row(benign="one/none.png"), row(model="two"))
    with pytest.raises(AuditError, match=r"pairs\.csv:2.*none\.png does not exist"):
        found.references[0][0].pictures()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_as_their_exif_data_say(folder, orientation):
    """Where the camera's first line and column are shown, by the EXIF standard (2.3, 4.6.4)."""
    camera = np.zeros((16, 24, 3), np.uint8)
    camera[:8, :8] = 255  # marks the first line's first column
    told = Image.Exif()
    told[0x0112] = orientation
    for name in ("turned.jpg", "other.jpg"):
        world.save(folder / name, camera, "one", "benign", told)
    found = rows(folder, row(benign="turned.jpg", malignant="other.jpg"), row(model="two"))
    shown, _ = found.references[0][0].pictures()
    lines, columns = {
        1: ("top", "left"),
        2: ("top", "right"),
        3: ("bottom", "right"),
        4: ("bottom", "left"),
        5: ("left", "top"),
        6: ("right", "top"),
        7: ("right", "bottom"),
        8: ("left", "bottom"),
    }[orientation]
    corner = {lines, columns}
    assert shown.shape[:2] == ((16, 24) if orientation < 5 else (24, 16))
    height, width = shown.shape[:2]
    row_, column = (4 if "top" in corner else height - 5), (4 if "left" in corner else width - 5)
    assert shown[row_, column].min() > 200
    # Which of the two axes is which: the camera's longer axis are its columns.
    assert (columns in {"left", "right"}) == (width == 24)


def test_pipes_and_devices_are_refused_instead_of_waited_for(folder):
    os.mkfifo(folder / "pipe.png")
    world.write_rows(folder, [row(benign="pipe.png"), row(model="two")])
    with pytest.raises(AuditError, match=r"pairs\.csv:2: .*pipe\.png is a pipe or a device"):
        material(folder)
    for table in ("pipe.png", "/dev/zero"):
        with pytest.raises(AuditError, match=r"tiny\.study\.yaml: .* is a pipe or a device"):
            material(folder, pairs={"file": table})
