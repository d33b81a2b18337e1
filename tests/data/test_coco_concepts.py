"""COCO concepts: how many objects of a category there are and where, and labels of scenes."""

import json
from pathlib import Path

import numpy as np
import pytest

from auditkit.data import load_data
from auditkit.data.captions import caption
from auditkit.data.load import list_data
from auditkit.errors import AuditError
from auditkit.spec.catalogue import read_data_card

from .cards import load, save, write_csv

CARD = Path(__file__).parents[2] / "fixtures" / "data" / "coco-concepts.data.yaml"
PAPER = (
    *("person", "bottle", "cup", "bowl", "chair", "couch", "bed", "dining table", "tv", "laptop"),
    *("remote", "cell phone", "oven", "sink", "book"),
)
COUNT = ["0", "1", "2"]
# name of the picture: boxes of persons, boxes of couches.
OBJECTS = {
    "a.jpg": ([[2, 3, 4, 5], [10, 3, 4, 5]], [[20, 10, 5, 5]]),
    "b.jpg": ([], []),
    "c.jpg": ([[0, 0, 2, 2], [4, 0, 2, 2], [8, 0, 2, 2]], []),
}


def instances(**keys):
    """A COCO file; `keys` are further keys of the images, by file name."""
    images = [
        {"id": i, "file_name": name, "width": 30, "height": 20, **keys.get(name[0], {})}
        for i, name in enumerate(OBJECTS)
    ]
    boxes = [
        {"id": 100 * i + k, "image_id": i, "category_id": c, "bbox": box, "iscrowd": 0}
        for i, both in enumerate(OBJECTS.values())
        for c, found in zip((1, 63), both, strict=True)
        for k, box in enumerate(found)
    ]
    categories = [{"id": 1, "name": "person"}, {"id": 63, "name": "couch"}]
    return {"images": images, "annotations": boxes, "categories": categories}


@pytest.fixture
def read(tmp_path):
    for seed, name in enumerate(OBJECTS):
        save(tmp_path / "val" / name, seed)
    write_csv(
        tmp_path / "scene.csv",
        [["c.jpg", "home"], ["elsewhere.jpg", "home"], ["a.jpg", "workplace"]],
        ["file_name", "scene"],
    )

    def reader(content=None, **changes):
        (tmp_path / "coco.json").write_text(json.dumps(content or instances()))
        given = {
            "file": "coco.json",
            "folder": "val",
            "columns": {"label": "scene"},
            "positive": ["home"],
            "concepts": [{"name": "person", "values": COUNT}, {"name": "sofa", "column": "couch"}],
        }
        return load(tmp_path, "coco", **{**given, **changes})

    return reader


def test_a_concept_is_the_number_of_annotations_up_to_the_largest_value(read):
    by_category = read(columns={}, positive=["person"])
    assert [dict(r.concepts) for r in by_category.records] == [
        {"person": "2", "sofa": "1"},
        {"person": "0", "sofa": "0"},
        {"person": "2", "sofa": "0"},
    ]
    assert [r.label for r in by_category.records] == [1, 0, 1]
    assert caption(by_category.card, by_category.records[0]) == "2 person, sofa"
    assert caption(by_category.card, by_category.records[2]) == "2 person"
    presence = read(columns={}, positive=["person"], concepts=[{"name": "person"}])
    assert [r.concepts["person"] for r in presence.records] == ["1", "0", "1"]


def test_a_threshold_sees_the_full_number(read):
    many = {"name": "crowd", "column": "person", "above": 2}
    data = read(columns={}, positive=["person"], concepts=[many])
    assert [r.concepts["crowd"] for r in data.records] == ["0", "0", "1"]


def test_a_crowd_is_one_annotation(read):
    content = instances()
    mask = {"size": [20, 30], "counts": [0, 600]}
    content["annotations"].append(
        {"id": 999, "image_id": 1, "category_id": 1, "iscrowd": 1, "segmentation": mask}
    )
    data = read(content, columns={}, positive=["person"])
    assert data.records[1].concepts["person"] == "1"
    assert data.concept_mask(1, "person").all()


def test_a_concept_is_where_its_annotations_are(read):
    data = read()
    both = np.zeros((20, 30), bool)
    both[3:8, 2:6] = both[3:8, 10:14] = True
    assert [r.id for r in data.records] == ["a.jpg", "c.jpg"]
    assert (data.concept_mask(0, "person") == both).all()
    assert data.concept_mask(0, "sofa").sum() == 25
    assert data.concept_mask(1, "sofa") is None
    assert data.mask(0) is None
    assert not data.records[0].annotated


def test_masks_of_concepts_are_part_of_a_records_digest(read):
    moved = instances()
    moved["annotations"][0]["bbox"] = [3, 3, 4, 5]
    before, after = read().records, read(moved).records
    assert before[0].digest != after[0].digest
    assert before[1].digest == after[1].digest


def test_a_table_beside_the_file_labels_scenes_and_says_which_pictures_are_used(read):
    data = read()
    assert [(r.id, r.label) for r in data.records] == [("a.jpg", 0), ("c.jpg", 1)]
    assert dict(list_data(data.card).left_out) == {"not in scene.csv": 1}


def test_a_key_of_the_images_labels_scenes(read):
    keys = {"a": {"scene": "home"}, "b": {"scene": "workplace"}, "c": {"scene": "home"}}
    data = read(instances(**keys))
    assert [r.label for r in data.records] == [1, 0, 1]
    assert not list_data(data.card).left_out
    del keys["b"]
    with pytest.raises(AuditError, match="image 1: the label is empty"):
        read(instances(**keys))


@pytest.mark.parametrize(
    ("rows", "header", "message"),
    [
        ([["a.jpg", "home"], ["a.jpg", "workplace"]], None, r"scene.csv:3: 'a.jpg' has a label"),
        ([["x/a.jpg", "home"]], None, r"scene.csv: no picture of the COCO file .* as 'a.jpg'"),
        ([["a.jpg", "home"]], ["file", "scene"], "no column 'file_name'; did you mean 'file'"),
        ([], None, "scene.csv has no rows"),
        ([["a.jpg", ""]], None, "image 0: the label is empty"),
    ],
)
def test_tables_of_labels_are_never_guessed(read, tmp_path, rows, header, message):
    write_csv(tmp_path / "scene.csv", rows, header or ["file_name", "scene"])
    with pytest.raises(AuditError, match=message):
        read()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"columns": {"label": "place"}}, r"key 'place' .*place\.csv; one with the columns file_n"),
        ({"concepts": [{"name": "sofa", "column": "coach"}]}, "'coach'; did you mean 'couch'"),
        ({"concepts": [{"name": "person", "values": ["no", "yes"]}]}, "is '2'.*no, yes"),
        ({"concepts": [{"name": "person", "values": ["0", "3"]}]}, r"image 0: .* is '2'.*\(0, 3\)"),
        ({"captions": {"text": "words"}}, "no column 'words'"),
        ({"captions": {"details": ["words"]}}, "no column 'words'"),
    ],
)
def test_what_the_card_names_must_be_there(read, changes, message):
    with pytest.raises(AuditError, match=message):
        read(**changes)


def test_keys_of_the_images_are_details_and_text(read):
    keys = {"a": {"scene": "home", "light": "dim"}, "c": {"scene": "home"}, "b": {"scene": "x"}}
    data = read(instances(**keys), captions={"details": ["light"], "text": "light"})
    assert [r.details["light"] for r in data.records] == ["dim", "", ""]
    assert [r.text for r in data.records] == ["dim", "", ""]


def test_the_shipped_card_names_the_papers_concepts_and_finds_the_public_layout(
    tmp_path, monkeypatch
):
    monkeypatch.delenv("AUDITKIT_DATA", raising=False)
    shipped = read_data_card(CARD)
    assert tuple(concept.name for concept in shipped.concepts) == PAPER
    with pytest.raises(
        AuditError, match=r"does not exist, .*set AUDITKIT_DATA .*'coco/annotations"
    ):
        list_data(shipped)
    folder = tmp_path / "coco"
    content = instances()
    content["categories"] = [
        {"id": [1, *range(70, 84)][i], "name": name} for i, name in enumerate(PAPER)
    ] + [{"id": 63, "name": "bench"}]
    save(folder / "val2017" / "a.jpg")
    write_csv(
        folder / "annotations" / "scene.csv",
        [["a.jpg", "home or hotel"]],
        ["file_name", "scene"],
    )
    (folder / "annotations" / "instances_val2017.json").write_text(json.dumps(content))
    monkeypatch.setenv("AUDITKIT_DATA", str(tmp_path))
    data = load_data(shipped)
    assert data.records[0].label == 1
    assert caption(shipped, data.records[0]) == "2 person"
    assert caption(shipped, data.records[0], {"couch": "1"}) == "2 person, 1 couch"
    assert data.image(0).shape == (20, 30, 3)
