"""One folder per class, with or without splits."""

import pytest

from auditkit.errors import AuditError

from .cards import entries, load, save


def test_the_sub_folder_is_the_class(tmp_path):
    save(tmp_path / "set" / "nevus" / "a.png", 0)
    save(tmp_path / "set" / "melanoma" / "deep" / "b.JPG", 1, format="JPEG")
    (tmp_path / "set" / "melanoma" / "Thumbs.db").write_bytes(b"x")
    (tmp_path / "set" / ".hidden").mkdir()
    data = load(tmp_path, "folder", folder="set", positive=["melanoma"])
    assert [(r.id, r.label) for r in data.records] == [
        ("melanoma/deep/b.JPG", 1),
        ("nevus/a.png", 0),
    ]
    assert data.image(0).shape == (20, 30, 3)
    named = load(tmp_path, "folder", {"melanoma": 0, "nevus": 3}, folder="set")
    assert [r.label for r in named.records] == [0, 3]


def test_folders_named_like_splits_are_splits(tmp_path):
    for seed, name in enumerate(("train/a/1.png", "train/b/2.png", "test/a/3.png")):
        save(tmp_path / "set" / name, seed)
    found = entries(tmp_path, "folder", folder="set")
    assert [(e.split, e.label) for e in found] == [("test", "a"), ("train", "a"), ("train", "b")]
    chosen = load(tmp_path, "folder", folder="set", split="test", positive=["a"])
    assert [r.id for r in chosen.records] == ["test/a/3.png"]


def test_a_class_may_be_called_test(tmp_path):
    save(tmp_path / "set" / "test" / "1.png")
    save(tmp_path / "set" / "control" / "1.png")
    assert {e.label for e in entries(tmp_path, "folder", folder="set")} == {"test", "control"}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "there are no pictures"),
        (["a.png"], "a.png lies in none"),
        (["x/a.png", "x/b.exe"], "x/b.exe is of no kind that can be read"),
    ],
)
def test_other_layouts_are_refused(tmp_path, files, message):
    (tmp_path / "set").mkdir()
    for name in files:
        path = tmp_path / "set" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    with pytest.raises(AuditError, match=message):
        load(tmp_path, "folder", folder="set")


def test_a_missing_folder_says_where_it_was_looked_for(tmp_path, monkeypatch):
    monkeypatch.delenv("AUDITKIT_DATA", raising=False)
    with pytest.raises(AuditError, match="set AUDITKIT_DATA to the folder that holds 'set'"):
        load(tmp_path, "folder", folder="set")


def test_the_environment_variable_is_looked_at_second(tmp_path, monkeypatch):
    monkeypatch.setenv("AUDITKIT_DATA", str(tmp_path / "elsewhere"))
    with pytest.raises(AuditError, match=r"nor .*elsewhere.set \(from AUDITKIT_DATA\)"):
        load(tmp_path, "folder", folder="set")
    save(tmp_path / "elsewhere" / "set" / "there" / "a.png")
    assert load(tmp_path, "folder", {"there": 0}, folder="set").records[0].id == "there/a.png"
    save(tmp_path / "set" / "here" / "a.png")
    assert load(tmp_path, "folder", {"here": 0}, folder="set").records[0].id == "here/a.png"


def test_links_never_leave_the_folder(tmp_path):
    save(tmp_path / "outside.png")
    (tmp_path / "set" / "a").mkdir(parents=True)
    (tmp_path / "set" / "a" / "b.png").symlink_to(tmp_path / "outside.png")
    with pytest.raises(AuditError, match="lies outside the folder"):
        load(tmp_path, "folder", {"a": 0}, folder="set")
