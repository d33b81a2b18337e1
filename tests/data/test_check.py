"""Checking a data set: everything that is wrong with it, not only the first thing."""

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from auditkit.data import load_data
from auditkit.data.check import check_data
from auditkit.data.similar import perceptual_hashes, similar_groups, thumbnail
from auditkit.errors import AuditError
from auditkit.spec.data_card import DataCard

from .cards import card, picture, save, save_mask, write_csv

HEADER = ["image", "label", "patient", "mask", "split", "age"]
COLUMNS = {
    "patient": "patient",
    "mask": "mask",
    "split": "split",
    "groups": ["split"],
    "features": ["age"],
}


def check(folder, rows, **settings):
    write_csv(folder / "t.csv", rows, HEADER)
    given = {"file": "t.csv", "columns": COLUMNS, "positive": ["melanoma"], **settings}
    return check_data(card(folder, "table", **given), workers=1)


@pytest.fixture
def folder(tmp_path):
    for seed in range(6):
        picture(seed, (60, 80)).save(tmp_path / f"{seed}.png")
    return tmp_path


def test_a_clean_data_set_has_no_problems_and_is_counted(folder):
    save_mask(folder / "m.png", size=(60, 80))
    rows = [
        ["0.png", "melanoma", "p1", "m.png", "train", "40"],
        ["1.png", "nevus", "p1", "", "train", ""],
        ["2.png", "nevus", "p2", "", "test", "50"],
    ]
    found = check(folder, rows)
    assert found.problems == 0
    assert found.classes == {"nevus": 2, "melanoma": 1}
    assert found.splits == {"train": 2, "test": 1}
    assert found.patients == {1: 1, 2: 1}
    assert found.sizes == {"80 x 60": 3}
    assert found.missing == {"split": 0, "age": 1}
    assert found.annotated == 1
    text = found.render_text()
    assert "no problems" in text
    assert "missing values: age: 1" in text


CONCEPTS = [
    {"name": "old", "column": "age", "above": 60, "mentions": ["year old"]},
    {"name": "melanoma", "column": "label", "values": ["nevus", "melanoma"]},
    {"name": "first", "column": "patient", "values": ["p1", "p2"], "phrases": {"p1": "", "p2": ""}},
]


def test_concepts_are_counted_and_free_text_that_tells_them_is_listed(folder):
    rows = [
        ["0.png", "melanoma", "p1", "A 72-year-old. First of two.", "", "72"],
        ["1.png", "nevus", "p1", "No melanomas. Not old.", "", ""],
        ["2.png", "nevus", "p2", "", "", "50"],
    ]
    captions, columns = {"text": "mask"}, {"patient": "patient"}
    found = check(folder, rows, columns=columns, concepts=CONCEPTS, captions=captions)
    assert found.concepts == {
        "old": {"1": 1, "unknown": 1, "0": 1},
        "melanoma": {"nevus": 2, "melanoma": 1},
        "first": {"p1": 2, "p2": 1},
    }
    # Captions do not tell which patient it is: nothing is permuted that the text could tell.
    assert [(one.id, one.concept, one.sentence) for one in found.mentions] == [
        ("0.png", "old", "A 72-year-old."),
        ("1.png", "melanoma", "No melanomas."),
        ("1.png", "old", "Not old."),
    ]
    assert found.problems == 3
    text = found.render_text()
    assert "free text that tells a concept of the caption: 3" in text
    assert "  0.png: old: A 72-year-old." in text
    assert "concept old: 1: 1, unknown: 1, 0: 1; told by the free text of 2 pictures" in text
    assert "concept first: p1: 2, p2: 1\n" in text


def test_all_concepts_with_other_values_are_listed(folder):
    rows = [[f"{i}.png", "nevus", "p1", "", "", age] for i, age in enumerate(["x", "40", "y"])]
    found = check(folder, rows, concepts=CONCEPTS, positive=["nevus"])
    assert len(found.row_problems) == found.problems == 2
    assert "t.csv:2: concept 'old' (column 'age') is 'x'; a number" in found.row_problems[0]
    assert "t.csv:4" in found.row_problems[1]


def test_all_files_that_cannot_be_read_are_listed(folder):
    (folder / "bad.png").write_bytes((folder / "0.png").read_bytes()[:100])
    Image.new("L", (3, 3)).save(folder / "grey.png")
    save_mask(folder / "m.png", size=(5, 5), box=(0, 0, 2, 2))
    rows = [
        ["none.png", "melanoma", "p1", "", "", ""],
        ["bad.png", "melanoma", "p1", "", "", ""],
        ["grey.png", "melanoma", "p1", "", "", ""],
        ["../x.png", "melanoma", "p1", "", "", ""],
        ["0.png", "melanoma", "p1", "m.png", "", ""],
        ["1.png", "melanoma", "p1", "", "", ""],
    ]
    found = check(folder, rows)
    assert len(found.file_problems) == found.problems == 5
    reasons = "does not exist", "truncated", "a grey picture", "outside the folder", "mask"
    for problem, reason in zip(found.file_problems, reasons, strict=True):
        assert reason in problem
    assert "files missing or unreadable: 5" in found.render_text()


def test_all_rows_that_cannot_be_understood_are_listed(folder):
    rows = [
        ["0.png", "melanoma", "p1", "", "", ""],
        ["1.png", "", "p1", "", "", ""],
        ["2.png", "nevus", "", "", "", ""],
        ["3.png", "nevuss", "p3", "", "", ""],
        ["0.png", "melanoma", "p1", "", "", ""],
    ]
    found = check(folder, rows, negative=["nevus"], expected=9)
    assert len(found.row_problems) == 4
    assert len(found.card_problems) == 1
    for problem, line in zip(found.row_problems, (3, 4, 5, 6), strict=True):
        assert f"t.csv:{line}" in problem


def test_equal_files_across_patients_labels_and_splits_are_found(folder):
    (folder / "copy.png").write_bytes((folder / "0.png").read_bytes())
    rows = [
        ["0.png", "melanoma", "p1", "", "train", ""],
        ["copy.png", "nevus", "p2", "", "test", ""],
        ["1.png", "nevus", "p3", "", "test", ""],
    ]
    found = check(folder, rows)
    assert [copies.ids for copies in found.exact] == [("0.png", "copy.png")]
    for listed in (found.label_conflicts, found.leaks, found.shared_pictures):
        assert [copies.ids for copies in listed] == [("0.png", "copy.png")]
    assert found.problems == 3


def test_copies_of_one_patient_are_told_but_are_no_problem(folder):
    (folder / "copy.png").write_bytes((folder / "0.png").read_bytes())
    rows = [[name, "melanoma", "p1", "", "", ""] for name in ("0.png", "copy.png")]
    found = check(folder, rows)
    assert len(found.exact) == 1
    assert found.problems == 0


def test_patients_in_several_splits_are_leakage(folder):
    rows = [
        ["0.png", "melanoma", "p1", "", "train", ""],
        ["1.png", "nevus", "p1", "", "test", ""],
    ]
    # The card audits one split only; leakage is looked for over both.
    found = check(folder, rows, split="test")
    assert found.split_patients == ("p1",)
    assert found.problems == 1


def copies_of(image):
    recompressed = image.resize((image.width // 2, image.height // 2))
    yield "half", recompressed
    yield "bright", ImageEnhance.Brightness(image).enhance(0.8)
    yield (
        "warm",
        Image.fromarray(np.clip(np.asarray(image) * [1.1, 1, 0.9], 0, 255).astype("uint8")),
    )
    yield "mirrored", image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    yield "turned", image.transpose(Image.Transpose.ROTATE_90)


def test_near_duplicates_are_found_and_different_lesions_are_not():
    settings = {"data": "d", "task": "t", "format": "synthetic-dermoscopy"}
    drawn = load_data(
        DataCard.model_validate({**settings, "with": {"n": 30, "seed": 4, "size": 96}})
    )
    images = [Image.fromarray(drawn.image(i)) for i in range(30)]
    copied = [copy for _, copy in copies_of(images[7])]
    small = [thumbnail(np.asarray(image)) for image in [*images, *copied]]
    assert similar_groups(small) == [[7, 30, 31, 32, 33, 34]]
    assert similar_groups(small[::-1]) == [[0, 1, 2, 3, 4, 27]]


def test_jpeg_copies_across_patients_are_found(folder):
    save(folder / "a.jpg", 9, format="JPEG", quality=95)
    save(folder / "b.jpg", 9, format="JPEG", quality=40)
    rows = [
        ["a.jpg", "melanoma", "p1", "", "", ""],
        ["b.jpg", "melanoma", "p2", "", "", ""],
        ["1.png", "nevus", "p3", "", "", ""],
    ]
    found = check(folder, rows)
    assert found.exact == ()
    assert [copies.patients for copies in found.shared_pictures] == [("p1", "p2")]


def test_flat_pictures_are_not_called_copies():
    flat = [np.full((32, 32), level, np.uint8) for level in (0, 5, 200)]
    assert similar_groups(flat) == []
    assert similar_groups([]) == []


def test_hashes_are_of_the_lowest_cosine_coefficients():
    from scipy.fft import dctn

    small = np.random.default_rng(0).integers(0, 256, (3, 32, 32), dtype=np.uint8)
    for image, bits in zip(small, perceptual_hashes(small), strict=True):
        low = dctn(image.astype(float))[:8, :8].ravel()
        assert (bits == (low > np.median(low[1:]))).all()


def test_synthetic_data_has_no_files_to_check(tmp_path):
    made = card(tmp_path, "synthetic-dermoscopy", **{"with": {"n": 2, "seed": 1}})
    with pytest.raises(AuditError, match="no files to check"):
        check_data(made)


def test_labels_of_many_classes_are_held_to_the_model_if_there_is_one(folder):
    rows = [["0.png", "cat", "p1", "", "", ""], ["1.png", "dog", "p2", "", "", ""]]
    write_csv(folder / "t.csv", rows, HEADER)
    made = card(folder, "table", file="t.csv", columns=COLUMNS)
    assert check_data(made, workers=1).problems == 0
    assert "unknown label 'dog'" in check_data(made, {"cat": 0}, workers=1).row_problems[0]
