"""COCO instances: labels of pictures from annotations, regions from boxes, polygons and run lengths."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditkit.data.formats import polygon, run_length
from auditkit.errors import AuditError

from .cards import load, save

# As pycocotools writes this mask.
COMPRESSED = {"size": [6, 8], "counts": "5172L00000005"}


def reference():
    mask = np.zeros((6, 8), bool)
    mask[1:4, 2:7] = True
    mask[5, 0] = True
    return mask


def instances(**changes):
    found = {
        "images": [
            {"id": 1, "file_name": "a.png", "width": 30, "height": 20, "patient": "p1", "age": 40},
            {"id": 2, "file_name": "b.png", "width": 30, "height": 20, "patient": "p1"},
            {"id": 3, "file_name": "c.png", "patient": "p2"},
        ],
        "categories": [{"id": 7, "name": "melanoma"}, {"id": 9, "name": "nevus"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 7, "bbox": [2, 3, 10, 5]},
            {"id": 2, "image_id": 1, "category_id": 9, "bbox": [20, 3, 2, 2]},
            {
                "id": 3,
                "image_id": 2,
                "category_id": 9,
                "bbox": [0, 0, 30, 20],
                "segmentation": [[1, 1, 5, 1, 5, 5, 1, 5]],
                "iscrowd": 0,
            },
        ],
    }
    return {**found, **changes}


@pytest.fixture
def read(tmp_path):
    for seed, name in enumerate("abc"):
        save(tmp_path / "images" / f"{name}.png", seed)

    def reader(content=None, labels=None, **card):
        text = content if isinstance(content, str) else json.dumps(content or instances())
        (tmp_path / "coco.json").write_text(text)
        card = {"file": "coco.json", "folder": "images", "positive": ["melanoma"], **card}
        return load(tmp_path, "coco", labels, **card)

    return reader


def test_a_picture_is_positive_if_any_annotation_is(read):
    columns = {"patient": "patient", "groups": ["age"], "features": ["age"]}
    data = read(columns=columns)
    assert [r.label for r in data.records] == [1, 0, 0]
    assert [r.patient for r in data.records] == ["p1", "p1", "p2"]
    assert [r.groups["age"] for r in data.records] == ["40", "unknown", "unknown"]
    assert [r.features["age"] for r in data.records] == ["40", "", ""]
    assert [r.annotated for r in data.records] == [True, True, False]


def test_the_region_is_of_the_deciding_category_only(read):
    data = read()
    expected = np.zeros((20, 30), bool)
    expected[3:8, 2:12] = True
    assert (data.mask(0) == expected).all()
    assert data.mask(1).sum() == 16
    assert data.mask(2) is None


def test_without_positive_a_picture_must_have_one_category(read):
    with pytest.raises(AuditError, match="image 1 has annotations of several categories"):
        read(positive=None, labels={"melanoma": 0, "nevus": 1})
    one = instances()
    one["images"], one["annotations"] = one["images"][:2], one["annotations"][1:]
    data = read(one, positive=None, labels={"melanoma": 0, "nevus": 1})
    assert [r.label for r in data.records] == [1, 1]


def test_run_lengths_are_read_as_pycocotools_writes_them():
    runs = run_length.decompress(COMPRESSED["counts"])
    assert (run_length.fill(runs, (6, 8)) == reference()).all()


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.data())
def test_uncompressed_run_lengths_give_back_the_mask(height, width, data):
    cells = data.draw(st.lists(st.booleans(), min_size=height * width, max_size=height * width))
    mask = np.array(cells).reshape(height, width)
    runs, current, count = [], False, 0
    for cell in mask.T.ravel():
        if cell != current:
            runs.append(count)
            current, count = cell, 0
        count += 1
    assert (run_length.fill([*runs, count], (height, width)) == mask).all()


def test_a_polygon_holds_the_pixels_whose_centres_are_inside():
    from skimage.measure import grid_points_in_poly

    rng = np.random.default_rng(3)
    for _ in range(20):
        angles = np.sort(rng.random(7) * 2 * np.pi)
        radius = rng.uniform(8, 19, 7)
        points = np.stack([20 + radius * np.cos(angles), 20 + radius * np.sin(angles)], axis=1)
        expected = grid_points_in_poly((40, 40), points[:, ::-1] - 0.5)
        assert (polygon.fill(points.ravel().tolist(), (40, 40)) == expected).all()


def test_polygons_that_touch_the_edges_are_accepted():
    assert polygon.fill([0, 0, 4, 0, 4, 3, 0, 3], (3, 4)).all()
    assert polygon.fill([-0.6, -0.6, 4.5, -0.6, 4.5, 3.5, -0.6, 3.5], (3, 4)).all()


def annotated(**annotation):
    return instances(annotations=[{"id": 1, "image_id": 1, "category_id": 7, **annotation}])


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (
            {"segmentation": {"counts": [10**12], "size": [20, 30]}},
            "run lengths over 10{12} pixels",
        ),
        ({"segmentation": {"counts": [1], "size": [10**6, 10**6]}}, "run lengths of a"),
        ({"segmentation": {"counts": [-5, 605], "size": [20, 30]}}, "run lengths over"),
        ({"segmentation": {"counts": "oooooooooooooo", "size": [20, 30]}}, "not a run-length"),
        ({"segmentation": {"counts": "\x01", "size": [20, 30]}}, "not a run-length string"),
        ({"segmentation": {"counts": "P", "size": [20, 30]}}, "ends early"),
        ({"segmentation": [[1, 1, 2, 2]]}, "fewer than three corners"),
        ({"segmentation": [[0, 0, 500, 0, 500, 20]]}, "leaves the picture of 30 x 20"),
        ({"segmentation": [[0, 0, float("nan"), 0, 5, 20]]}, "leaves the picture"),
        ({"bbox": [0, 0, 31.5, 5]}, "not within 30 x 20"),
        ({"bbox": [0, 0, float("nan"), 5]}, "not within 30 x 20"),
        ({"bbox": [5, 5, 0, 5]}, "not within"),
        ({}, "neither a box nor a segmentation"),
    ],
)
def test_regions_that_do_not_fit_are_refused(read, annotation, message):
    with pytest.raises(AuditError, match=message) as caught:
        read(annotated(**annotation)).mask(0)
    assert "image 1" in str(caught.value)


def test_annotations_must_be_of_the_picture_as_it_is(read):
    content = annotated(bbox=[0, 0, 5, 5])
    content["images"][0]["width"] = 60
    with pytest.raises(AuditError, match="has 60 x 20 pixels by the file, its picture 30 x 20"):
        read(content).mask(0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("not json", "cannot be read as COCO JSON"),
        ("[" * 200_000, "cannot be read as COCO JSON"),
        ("[]", "COCO instances .* were expected"),
        ("{}", "images: Field required"),
        (instances(images=[]), "images: List should have at least 1"),
        (
            instances(annotations=[{"image_id": 5, "category_id": 7}]),
            "names image 5 and category 7",
        ),
        (
            instances(annotations=[{"image_id": 1, "category_id": 5}]),
            "names image 1 and category 5",
        ),
        (instances(annotations=[{"image_id": 1, "category_id": 7, "bbox": [1]}]), "bbox"),
        (instances(images=[{"id": 1, "file_name": "a.png"}] * 2), "two images have the same id"),
        (instances(categories=[{"id": 7, "name": "x"}] * 2), "two categories have the same"),
    ],
)
def test_damaged_files_are_named(read, content, message):
    with pytest.raises(AuditError, match=message) as caught:
        read(content)
    assert "coco.json" in str(caught.value)


def test_paths_in_the_file_never_leave_the_folder(read):
    content = instances()
    content["images"][0]["file_name"] = "../../secret.png"
    with pytest.raises(AuditError, match="lies outside the folder"):
        read(content)


def test_unknown_keys_of_images_are_named_with_the_nearest(read):
    with pytest.raises(AuditError, match="no column 'patiant'; did you mean 'patient'"):
        read(columns={"patient": "patiant"})
