"""Tables of pictures: every bad picture, mask, box and label has one clear message."""

import numpy as np
import pytest
from PIL import Image

from auditkit.data import load_data
from auditkit.data.captions import caption
from auditkit.data.dataset import manifest_digest
from auditkit.errors import AuditError
from auditkit.spec.data_card import DataCard

HEADER = "image,label,patient,mask,box,site\n"


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        Image.fromarray(rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)).save(
            tmp_path / f"{name}.png"
        )
    mask = np.zeros((20, 30), np.uint8)
    mask[5:10, 5:15] = 255
    Image.fromarray(mask).save(tmp_path / "a_mask.png")
    return tmp_path


def load(folder, rows, labels=None, **card):
    (folder / "table.csv").write_text(HEADER + rows)
    settings = {
        "data": "d",
        "task": "melanoma",
        "format": "table",
        "file": "table.csv",
        "positive": ["melanoma"],
        "columns": {"patient": "patient", "mask": "mask", "box": "box", "groups": ["site"]},
        **card,
    }
    parsed = DataCard.model_validate(settings).model_copy(update={"path": folder / "d.data.yaml"})
    return load_data(parsed, labels)


def test_records_hold_label_patient_and_groups(folder):
    data = load(folder, 'a.png,melanoma,p1,a_mask.png,,x\nb.png,nevus,p1,,"1,2,11,12",\n')
    assert [r.label for r in data.records] == [1, 0]
    assert [r.patient for r in data.records] == ["p1", "p1"]
    assert [r.groups["site"] for r in data.records] == ["x", "unknown"]
    assert data.image(0).shape == (20, 30, 3)
    assert data.mask(0).sum() == 50
    assert data.mask(1).sum() == 100
    assert data.records[1].annotated


CAPTIONED = "image,label,age,view,hair,report\n"
CONCEPTS = [
    {"name": "old", "column": "age", "above": 60},
    {"name": "hair", "values": ["0", "1", "2"]},
]


def captioned(folder, rows, **card):
    (folder / "table.csv").write_text(CAPTIONED + rows)
    given = {"concepts": CONCEPTS, "captions": {"details": ["view"], "text": "report"}, **card}
    settings = {"data": "d", "task": "t", "format": "table", "file": "table.csv", **given}
    parsed = DataCard.model_validate({**settings, "positive": ["melanoma"]})
    return load_data(parsed.model_copy(update={"path": folder / "d.data.yaml"}))


def test_records_hold_concepts_details_and_free_text(folder):
    data = captioned(folder, 'a.png,melanoma,61,AP,2,"No age, given"\nb.png,nevus,,PA,,\n')
    first, second = data.records
    assert first.concepts == {"old": "1", "hair": "2"}
    assert (first.details, first.text) == ({"view": "AP"}, "No age, given")
    assert second.concepts == {"old": "", "hair": ""}
    assert (second.details, second.text) == ({"view": "PA"}, "")
    assert caption(data.card, first) == "old, 2 hair, No age, given"
    assert not hasattr(data, "concept_mask")


@pytest.mark.parametrize(
    ("card", "column"),
    [
        ({"concepts": [{"name": "hairs"}]}, "'hairs'; did you mean 'hair'"),
        ({"captions": {"details": ["views"]}}, "'views'; did you mean 'view'"),
        ({"captions": {"text": "reports"}}, "'reports'; did you mean 'report'"),
    ],
)
def test_columns_of_captions_must_be_there(folder, card, column):
    with pytest.raises(AuditError, match=f"table.csv:1: there is no column {column}"):
        captioned(folder, "a.png,melanoma,61,AP,2,x\n", **card)


def test_a_concept_with_another_value_is_refused_with_its_line(folder):
    rows = "a.png,melanoma,61,AP,2,x\nb.png,nevus,50,AP,3,x\n"
    with pytest.raises(AuditError, match=r"table.csv:3: concept 'hair' .*is '3'; .*0, 1, 2"):
        captioned(folder, rows)
    with pytest.raises(AuditError, match=r"table.csv:2: concept 'old' .*'old'; a number was"):
        captioned(folder, "a.png,melanoma,old,AP,2,x\n")


def test_the_manifest_changes_with_a_pixel_a_label_or_a_mask(folder):
    rows = "a.png,melanoma,p1,a_mask.png,,x\nb.png,melanoma,p2,,,x\n"
    before = manifest_digest(load(folder, rows).records)
    assert manifest_digest(load(folder, rows).records) == before
    assert manifest_digest(load(folder, rows.replace("melanoma", "nevus", 1)).records) != before
    Image.new("L", (30, 20), 255).save(folder / "a_mask.png")
    assert manifest_digest(load(folder, rows).records) != before


def save(folder, kind):
    path = folder / "bad.png"
    rgb = Image.open(folder / "a.png")
    if kind == "truncated":
        path.write_bytes((folder / "a.png").read_bytes()[:200])
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("not a picture")
    elif kind == "16-bit":
        Image.fromarray(np.zeros((4, 4), np.uint16)).save(path)
    elif kind == "CMYK":
        rgb.convert("CMYK").save(path, format="TIFF")
    elif kind == "palette":
        rgb.convert("P").save(path)
    elif kind == "grey":
        rgb.convert("L").save(path)
    elif kind == "RGBA":
        rgb.convert("RGBA").save(path)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("truncated", "may be truncated"),
        ("empty", "is empty"),
        ("text", "is not a picture"),
        ("16-bit", "16-bit|32-bit"),
        ("CMYK", "CMYK picture"),
        ("palette", "a palette picture"),
        ("grey", "a grey picture"),
        ("RGBA", "with transparency"),
    ],
)
def test_a_bad_picture_is_named_with_its_row_and_what_to_do(folder, kind, message):
    save(folder, kind)
    data = load(folder, "a.png,melanoma,p1,,,x\nbad.png,nevus,p2,,,x\n")
    with pytest.raises(AuditError, match=message) as caught:
        data.image(1)
    assert "table.csv:3" in str(caught.value)
    assert "bad.png" in str(caught.value)


def test_a_picture_without_pixels_is_refused(folder, monkeypatch):
    data = load(folder, "a.png,melanoma,p1,,,x\n")
    zero = Image.new("RGB", (0, 5))
    monkeypatch.setattr(zero, "load", lambda: None)
    monkeypatch.setattr(Image, "open", lambda _, formats: zero)
    with pytest.raises(AuditError, match="has no pixels"):
        data.image(0)


def test_a_missing_picture_is_found_when_the_table_is_read(folder):
    with pytest.raises(AuditError, match=r"table.csv:2: .*none.png cannot be read: No such file"):
        load(folder, "none.png,melanoma,p1,,,x\n")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a.png,melanoma,p1,b.png,,x", None),
        ('a.png,melanoma,p1,,"0,0,31,5",x', "not x0,y0,x1,y1 within 30 x 20"),
        ('a.png,melanoma,p1,,"5,5,5,9",x', "not x0,y0,x1,y1"),
        ('a.png,melanoma,p1,,"a,b,c,d",x', "not x0,y0,x1,y1"),
    ],
)
def test_masks_and_boxes_must_fit_their_picture(folder, row, message):
    data = load(folder, row + "\n")
    if message is None:
        Image.new("L", (10, 10), 255).save(folder / "b.png")
        with pytest.raises(AuditError, match=r"mask .* has 10 x 10 pixels"):
            data.mask(0)
        return
    with pytest.raises(AuditError, match=message):
        data.mask(0)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("", "has no rows"),
        ("a.png,melanoma\n", "another number of cells"),
        ("a.png,melanoma,p1,,,x\na.png,melanoma,p1,,,x\n", "is already on line 2"),
        ("../a.png,melanoma,p1,,,x\n", "lies outside the folder"),
    ],
)
def test_bad_tables_are_named(folder, rows, message):
    with pytest.raises(AuditError, match=message):
        load(folder, rows)


def test_a_missing_column_is_named_with_the_nearest(folder):
    with pytest.raises(AuditError, match="no column 'sight'; did you mean 'site'"):
        load(folder, "a.png,melanoma,p1,,,x\n", columns={"groups": ["sight"]})


def test_labels_are_names_or_indices_of_the_models_classes(folder):
    rows = "a.png,cat,p1,,,x\nb.png,1,p1,,,x\n"
    labels = {"cat": 0, "dog": 1}
    data = load(folder, rows, labels, positive=None)
    assert [r.label for r in data.records] == [0, 1]
    with pytest.raises(AuditError, match="unknown label 'cot'; did you mean 'cat'"):
        load(folder, rows.replace("cat", "cot"), labels, positive=None)
    with pytest.raises(AuditError, match="unknown label '1'"):
        load(folder, rows, {"cat": 0}, positive=None)
    with pytest.raises(AuditError, match="unknown label '9999999999"):
        load(folder, "b.png,9999999999999999999999,p1,,,x\n", None, positive=None)


def test_several_names_may_mean_the_same_class(folder):
    rows = "a.png,tabby,p1,,,x\nb.png,siamese,p1,,,x\n"
    data = load(folder, rows, {"tabby": 1, "siamese": 1, "dog": 0}, positive=None)
    assert [r.label for r in data.records] == [1, 1]


def test_features_are_texts_as_in_the_table_and_empty_if_missing(folder):
    columns = {"features": ["site", "patient"]}
    data = load(folder, "a.png,melanoma,p1,,,7.50\nb.png,nevus,p2,,,\n", columns=columns)
    assert [r.features for r in data.records] == [
        {"site": "7.50", "patient": "p1"},
        {"site": "", "patient": "p2"},
    ]
    assert [r.patient for r in data.records] == ["a.png", "b.png"]
    with pytest.raises(AuditError, match="no column 'sitee'; did you mean 'site'"):
        load(folder, "a.png,melanoma,p1,,,7\n", columns={"features": ["sitee"]})


def test_features_are_part_of_the_manifest(folder):
    columns = {"features": ["site"]}
    one = load(folder, "a.png,melanoma,p1,,,7\n", columns=columns)
    other = load(folder, "a.png,melanoma,p1,,,8\n", columns=columns)
    assert manifest_digest(one.records) != manifest_digest(other.records)


def test_a_split_is_chosen_and_a_wrong_one_named(folder):
    columns = {"split": "site"}
    rows = "a.png,melanoma,p1,,,train\nb.png,nevus,p2,,,test\n"
    assert [r.id for r in load(folder, rows, columns=columns, split="test").records] == ["b.png"]
    with pytest.raises(AuditError, match=r"no picture .* has the split 'tst'; did you mean 'test'"):
        load(folder, rows, columns=columns, split="tst")


def test_an_unexpected_number_of_pictures_is_an_error_per_class(folder):
    rows = "a.png,melanoma,p1,,,x\nb.png,nevus,p2,,,x\n"
    assert len(load(folder, rows, expected=2).records) == 2
    with pytest.raises(
        AuditError, match=r"2 pictures were found .* 3 were .*melanoma: 1, nevus: 1"
    ):
        load(folder, rows, expected=3)


def test_a_changed_declaration_is_another_picture(folder):
    Image.fromarray(np.full((20, 30), 9, np.uint16)).save(folder / "b.png")
    row = "b.png,melanoma,p1,,,x\n"
    pictures = {"convert": ["grey"], "window": [0, 18]}
    one = load(folder, row, pictures=pictures)
    other = load(folder, row, pictures={**pictures, "window": [0, 180]})
    assert one.records[0].digest != other.records[0].digest
    assert (one.image(0) == 128).all()
    assert (other.image(0) == 13).all()


@pytest.mark.parametrize("path", ["../a.png", "/etc/hosts", "a/../../b.png", "x\0y", "l.png"])
def test_paths_never_leave_the_folder(folder, path):
    (folder / "l.png").symlink_to("/etc/hosts")
    with pytest.raises(
        AuditError, match=r"lies outside the folder|is not a path|line contains NUL"
    ):
        load(folder, f"{path},melanoma,p1,,,x\n").image(0)


def test_a_changed_file_gets_a_new_digest_although_digests_are_kept(folder):
    import os

    row = "a.png,melanoma,p1,,,x\n"
    os.utime(folder / "a.png", (1, 1))
    before = load(folder, row).records[0].digest
    assert load(folder, row).records[0].digest == before
    content = (folder / "a.png").read_bytes()
    (folder / "a.png").write_bytes(content[:-1] + b"\0")
    assert load(folder, row).records[0].digest != before


@pytest.mark.parametrize("mode", ["RGBA", "LA", "CMYK", "P", "RGB"])
def test_masks_that_could_be_misread_are_refused(folder, mode):
    kind = "TIFF" if mode == "CMYK" else "PNG"
    Image.new(mode, (30, 20)).save(folder / "m.png", kind)
    data = load(folder, "a.png,melanoma,p1,m.png,,x\n")
    with pytest.raises(AuditError, match="a lossless grey or bilevel picture was expected"):
        data.mask(0)


@pytest.mark.parametrize(
    ("rows", "card", "message"),
    [
        ("a.png,,p1,,,x\n", {}, r"table.csv:2: the label is empty"),
        ("a.png,melanomma,p1,,,x\n", {}, "has the label 'melanoma'; did you mean 'melanomma'"),
        (
            "a.png,melanoma,p1,,,x\nb.png,nevuss,p1,,,x\n",
            {"negative": ["nevus"]},
            "unknown label 'nevuss'; did you mean 'nevus'",
        ),
        ("a.png,melanoma,,,,x\n", {}, r"table.csv:2: the patient is empty"),
        ("a.png,7,p1,,,x\n", {"positive": None}, "unknown label '7'"),
    ],
)
def test_labels_and_patients_are_never_guessed(folder, rows, card, message):
    with pytest.raises(AuditError, match=message):
        load(folder, rows, {"0": 0, "1": 1}, **card)


def test_sixteen_bit_colour_is_refused(folder):
    # One white 16-bit RGB pixel, written by hand: Pillow itself writes 8 bits only.
    import struct
    import zlib

    def chunk(kind, content):
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0)
    pixels = zlib.compress(b"\x00" + b"\xff" * 6)
    content = chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    (folder / "deep.png").write_bytes(b"\x89PNG\r\n\x1a\n" + content)
    data = load(folder, "deep.png,melanoma,p1,,,x\n")
    with pytest.raises(AuditError, match="16-bit"):
        data.image(0)


def test_parquet_is_read_as_csv(folder):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    table = pyarrow.table({"image": ["a.png", "b.png"], "label": ["melanoma", "nevus"]})
    parquet.write_table(table, folder / "t.parquet")
    data = load(folder, "", file="t.parquet", columns={})
    assert [r.label for r in data.records] == [1, 0]
    (folder / "t.parquet").write_bytes(b"PAR1 nonsense")
    with pytest.raises(AuditError, match="cannot be read as a Parquet table"):
        load(folder, "", file="t.parquet", columns={})
