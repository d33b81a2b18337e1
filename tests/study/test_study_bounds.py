"""Files of a study that were edited by hand are refused in words, before anything is done with them."""

import hashlib
import json

import pytest
import study_pairs_world as pairs_world
from study_export_world import Truth, make_world

from auditkit.errors import AuditError
from auditkit.study.exporting import export
from auditkit.study.folder import read_blinded
from auditkit.study.place import Place
from auditkit.study.serving import serve


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    found = make_world(tmp_path_factory.mktemp("bounds") / "s", prescreen=False, repeats=0)
    found.answer_all({("ada", 0): Truth()}, "stage-1")
    found.end("enough")
    return found


@pytest.fixture
def edited(world):
    """Edits of a JSON file, taken back afterwards."""
    before = {name: (world.folder / name).read_bytes() for name in ("study.json", "key.json")}

    def edit(name, *places, value):
        text = json.loads(before[name])
        inner = text
        for place in places[:-1]:
            inner = inner[place]
        inner[places[-1]] = value
        (world.folder / name).write_text(json.dumps(text))

    yield edit
    for name, content in before.items():
        (world.folder / name).write_bytes(content)


ITEM = ("items", 0)


@pytest.mark.parametrize(
    ("places", "value", "told"),
    [
        (("set_size",), 0, "set_size"),
        (("repeats",), 0.6, "repeats"),
        (("repeats",), -0.1, "repeats"),
        (("repeats",), float("nan"), "repeats"),
        (("stage_one",), -1, "stage_one"),
        (("references",), 0, "references"),
        (("experts",), [], "experts"),
        (("coordinator",), "ada", "'ada' is named twice"),
        (("items",), [], "items"),
        (("width",), 0, "width"),
        ((*ITEM, "item"), "item1", "'item1' is named twice"),
        ((*ITEM, "pictures"), ["p0x0"], "a pair has 2"),
        ((*ITEM, "pictures"), ["p0x0", "p0x1", "more"], "a pair has 2"),
        ((*ITEM, "pictures", 0), "p1x0", "'p1x0' is named twice"),
        ((*ITEM, "pictures", 0), "../key", "is no name"),
        ((*ITEM, "pictures", 0), "x" * 300, "is no name"),
        ((*ITEM, "pictures", 0), "a\0b", "is no name"),
    ],
)
def test_a_study_that_no_plan_allows_is_not_read(world, edited, places, value, told):
    edited("study.json", *places, value=value)
    with pytest.raises(AuditError, match=told) as refused:
        read_blinded(world.folder)
    assert "study.json" in str(refused.value)


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("malignant", None, "'malignant' is missing"),
        ("scores", [0.5], "two finite scores"),
        ("scores", [0.1, 0.2, 0.3], "two finite scores"),
        ("item", "item1", "not those of the study"),
    ],
)
def test_a_key_that_cannot_unblind_is_refused(world, edited, tmp_path, field, value, told):
    edited("key.json", *ITEM, field, value=value)
    with pytest.raises(AuditError, match=told):
        export(world.folder, world.store, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("instruction", "other"),
        ("prescreen", True),
        ("references", 99),
        ("set_size", 19),
        ("repeats", 0.5),
        ("stage_one", 7),
        ("stand_in", "other words"),
        ("presets", [{"attribute": "lesion/other"}]),
    ],
)
def test_a_plan_says_what_experts_were_shown(world, edited, tmp_path, field, value):
    plan = world.folder / "plan.yaml"
    before = plan.read_bytes()
    plan.write_text(json.dumps(json.loads(before) | {field: value}))
    edited("key.json", "plan_sha256", value=digest_of(plan))
    try:
        with pytest.raises(
            AuditError, match=rf"'{field}' of plan\.yaml is not that of study\.json"
        ):
            export(world.folder, world.store, tmp_path / "out")
    finally:
        plan.write_bytes(before)


def digest_of(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_pictures_that_changed_places_are_not_served(tmp_path):
    pairs_world.pairs(tmp_path, references=2)
    built, _, _ = pairs_world.built(tmp_path)
    first, second = sorted((built.folder / "pictures").iterdir())[:2]
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)
    with pytest.raises(AuditError, match="not those that the study was built with"):
        serve(built.folder, Place(port=0), say=pytest.fail)


def test_a_link_is_not_a_picture(tmp_path):
    pairs_world.pairs(tmp_path, references=2)
    built, _, _ = pairs_world.built(tmp_path)
    first = min((built.folder / "pictures").iterdir())
    first.rename(tmp_path / "elsewhere.png")
    first.symlink_to(tmp_path / "elsewhere.png")
    with pytest.raises(AuditError, match="is not a picture"):
        serve(built.folder, Place(port=0), say=pytest.fail)
