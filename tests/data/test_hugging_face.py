"""Local Hugging Face data sets: save_to_disk and Parquet shards, read without the library itself."""

import io
import json

import pytest

from auditkit.errors import AuditError

from .cards import load, picture, refusal

datasets = pytest.importorskip("datasets")
COLUMNS = {"label": "dx", "patient": "patient", "groups": ["site"], "features": ["age"]}


def rows(n=4):
    return {
        "image": [picture(i) for i in range(n)],
        "dx": [i % 2 for i in range(n)],
        "patient": [f"p{i // 2}" for i in range(n)],
        "site": ["arm", None] * (n // 2),
        "age": [41 + i for i in range(n)],
    }


def dataset(n=4):
    features = datasets.Features(
        {
            "image": datasets.Image(),
            "dx": datasets.ClassLabel(names=["nevus", "melanoma"]),
            "patient": datasets.Value("string"),
            "site": datasets.Value("string"),
            "age": datasets.Value("int64"),
        }
    )
    return datasets.Dataset.from_dict(rows(n), features=features)


def check(data, ids):
    assert [r.id for r in data.records] == ids
    assert [r.label for r in data.records] == [0, 1, 0, 1]
    assert [r.patient for r in data.records] == ["p0", "p0", "p1", "p1"]
    assert [r.groups["site"] for r in data.records] == ["arm", "unknown"] * 2
    assert [r.features["age"] for r in data.records] == ["41", "42", "43", "44"]
    expected = picture(2)
    assert (data.image(2) == expected).all()


def read(folder, /, **settings):
    given = {"folder": "hf", "columns": COLUMNS, "positive": ["melanoma"], **settings}
    return load(folder, "hugging-face", **given)


def test_a_data_set_on_disk_is_read(tmp_path):
    dataset().save_to_disk(tmp_path / "hf", num_shards=2)
    check(read(tmp_path), [f"row/{i}" for i in range(4)])


def test_concepts_details_and_text_are_columns_like_others(tmp_path):
    whole = dataset().add_column("hair", [True, False, None, True])
    whole.add_column("report", ["Hairy.", "", None, "x"]).save_to_disk(tmp_path / "hf")
    concepts = [
        {"name": "hair"},
        {"name": "class", "column": "dx", "values": ["nevus", "melanoma"]},
    ]
    captions = {"text": "report", "details": ["site"]}
    data = read(tmp_path, concepts=concepts, captions=captions)
    assert [r.concepts["hair"] for r in data.records] == ["1", "0", "", "1"]
    assert [r.concepts["class"] for r in data.records] == ["nevus", "melanoma"] * 2
    assert [r.text for r in data.records] == ["Hairy.", "", "", "x"]
    assert [r.details["site"] for r in data.records] == ["arm", ""] * 2
    with pytest.raises(AuditError, match="there is no column 'hairs'; did you mean 'hair'"):
        read(tmp_path, concepts=[{"name": "hairs"}])


def test_splits_on_disk_are_chosen_by_the_card(tmp_path):
    parts = datasets.DatasetDict({"train": dataset(2), "test": dataset()})
    parts.save_to_disk(tmp_path / "hf")
    assert len(read(tmp_path).records) == 6
    check(read(tmp_path, split="test"), [f"test/{i}" for i in range(4)])


def test_parquet_shards_are_read(tmp_path):
    (tmp_path / "hf" / "data").mkdir(parents=True)
    whole = dataset()
    for part in range(2):
        shard = whole.select(range(part * 2, part * 2 + 2))
        shard.to_parquet(
            tmp_path / "hf" / "data" / f"test-0000{part}-of-00002.parquet", batch_size=1
        )
    check(read(tmp_path), [f"test/{i}" for i in range(4)])


def test_plain_columns_of_bytes_are_pictures_too(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    buffer = io.BytesIO()
    picture(2).save(buffer, "PNG")
    (tmp_path / "hf").mkdir()
    table = pyarrow.table({"image": [buffer.getvalue(), b""], "label": ["melanoma", "nevus"]})
    parquet.write_table(table, tmp_path / "hf" / "train.parquet")
    data = read(tmp_path, columns={})
    assert (data.image(0) == picture(2)).all()
    with pytest.raises(AuditError, match=r"train.parquet: row 1 is empty"):
        data.image(1)


@pytest.mark.parametrize("path", ["../outside.png", "/etc/hosts", ""])
def test_paths_in_cells_never_leave_the_folder(tmp_path, path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    (tmp_path / "hf").mkdir()
    cell = {"bytes": None, "path": path}
    table = pyarrow.table({"image": [cell], "label": ["melanoma"]})
    parquet.write_table(table, tmp_path / "hf" / "train.parquet")
    with pytest.raises(AuditError, match=r"lies outside the folder|bytes or a path were expected"):
        read(tmp_path, columns={})


def test_a_state_that_names_files_elsewhere_is_refused(tmp_path):
    dataset().save_to_disk(tmp_path / "hf")
    state = tmp_path / "hf" / "state.json"
    state.write_text(json.dumps({"_data_files": [{"filename": "../x.arrow"}]}))
    with pytest.raises(AuditError, match="lies outside the folder"):
        read(tmp_path)


@pytest.mark.parametrize("state", ["", "[]", "{}", '{"_data_files": [3]}', '{"_data_files": []}'])
def test_damaged_states_are_named(tmp_path, state):
    dataset().save_to_disk(tmp_path / "hf")
    (tmp_path / "hf" / "state.json").write_text(state)
    with pytest.raises(AuditError, match=r"state\.json"):
        read(tmp_path)


@pytest.mark.parametrize("keep", [0, 10, 400, -30])
def test_damaged_shards_are_named(tmp_path, keep):
    dataset().save_to_disk(tmp_path / "hf")
    file = next((tmp_path / "hf").glob("*.arrow"))
    file.write_bytes(file.read_bytes()[:keep])
    refused = refusal(lambda: read(tmp_path).image(2))
    # Where only the mark at the end of the stream is missing, all rows are there.
    assert file.name in refused or (keep == -30 and not refused)


def test_a_missing_column_is_named(tmp_path):
    dataset().save_to_disk(tmp_path / "hf")
    with pytest.raises(AuditError, match="no column 'dxx'; did you mean 'dx'"):
        read(tmp_path, columns={"label": "dxx"})


def test_another_folder_is_refused(tmp_path):
    (tmp_path / "hf").mkdir()
    with pytest.raises(AuditError, match="written by save_to_disk"):
        read(tmp_path)
