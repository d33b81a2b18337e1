"""Bounds on untrusted input, one by one: kinds of files, sizes, numbers of things, lengths of messages."""

import gzip
import io
import os
from pathlib import Path

import numpy as np
import pytest
import yaml

from auditkit import cli
from auditkit.data import load_data, parquet_cells, rows
from auditkit.data.check import check_data
from auditkit.data.formats import coco, shards
from auditkit.data.identifiers.nifti import in_nifti
from auditkit.data.pictures.grey import MAX_SIDE, check_size, grey_rgb, windowed
from auditkit.data.radiology.gzipped import stream
from auditkit.data.ratings import ratings_digest, read_ratings
from auditkit.data.rows import read_table
from auditkit.errors import AuditError
from auditkit.models.identity import class_names
from auditkit.spec import strict_yaml
from auditkit.spec.audit import AuditSpec
from auditkit.spec.catalogue import catalogue, read_data_card, read_model_card, read_ratings_card
from auditkit.spec.problems import Problem, SpecError
from auditkit.spec.profile import read_profile
from auditkit.spec.recipes import read_recipe
from auditkit.spec.regular import MAX_BYTES, is_file, is_folder, read_ordinary
from auditkit.spec.selection import selected
from auditkit.spec.strict_yaml import parse_yaml, read_yaml
from auditkit.spec.typed import typed

FIXTURES = Path(__file__).parents[2] / "fixtures"
NO_FILE = "is a pipe or a device"


def pipe(path):
    os.mkfifo(path)
    return path


def device(path):
    path.symlink_to("/dev/zero")
    return path


def sparse(path, size=1 << 40):
    with path.open("wb") as file:
        file.truncate(size)
    return path


def card(folder, /, **keys):
    path = folder / "d.data.yaml"
    path.write_text(yaml.safe_dump({"data": "d", "task": "t", **keys}))
    return read_data_card(path)


@pytest.mark.parametrize("make", [pipe, device])
def test_a_card_that_is_no_file_is_refused_and_not_waited_for(tmp_path, make):
    path = make(tmp_path / "x.model.yaml")
    with pytest.raises(SpecError, match=rf"x\.model\.yaml:1: {NO_FILE}"):
        read_yaml(path)
    with pytest.raises(SpecError, match=NO_FILE):
        catalogue([tmp_path]).models()


def test_a_file_without_end_is_refused_by_its_size(tmp_path):
    with pytest.raises(SpecError, match=r"x\.yaml:1: has 1099511627776 bytes; at most 1000000 are"):
        read_yaml(sparse(tmp_path / "x.yaml"))
    whole = tmp_path / "whole"
    whole.write_bytes(b"12345")
    assert read_ordinary(whole, 5) == b"12345"
    with pytest.raises(AuditError, match=r"whole has 5 bytes; at most 4 are read"):
        read_ordinary(whole, 4)


def test_a_file_with_very_many_values_is_refused_before_they_are_built():
    most = strict_yaml.MAX_NODES
    assert len(parse_yaml(f"a: [{'1,' * (most - 10)}]", Path("x")).data["a"]) == most - 10
    with pytest.raises(SpecError, match=r"x:\d+: more than 20000 keys and values are not allowed"):
        parse_yaml("- \n" * (most + 10), Path("x"))


def test_the_first_twenty_problems_are_shown_and_the_others_counted(tmp_path, capsys):
    problems = [Problem(Path("x"), line, "is wrong") for line in range(1, 31)]
    lines = str(SpecError(problems)).splitlines()
    assert lines[0] == "x:1: is wrong"
    assert lines[20:] == ["... and 10 more problems"]
    assert len(str(SpecError(problems[:20])).splitlines()) == 20
    spec = tmp_path / "x.audit.yaml"
    spec.write_text("audit: x\n" + "".join(f"unknown_{number}: 1\n" for number in range(200)))
    assert cli.main(["validate", str(spec)]) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 21
    assert said[-1] == "... and 183 more problems"


def test_the_nearest_known_key_is_looked_for_a_few_times_only(monkeypatch):
    asked = []
    monkeypatch.setattr("auditkit.spec.typed.nearest", lambda *given: asked.append(given) or "hint")
    text = "".join(f"unknown_{number}: 1\n" for number in range(500))
    with pytest.raises(SpecError) as raised:
        typed(parse_yaml(text, Path("x")), AuditSpec)
    assert len(raised.value.problems) > 500
    assert 20 <= len(asked) <= 50


def test_messages_are_short_and_hold_nothing_that_a_terminal_obeys():
    shown = str(AuditError("x" * 5_000 + "\x1b[2J\u202e\udcff\nsecond, with é"))
    first, second = shown.splitlines()
    assert len(first) < 2_000
    assert first.endswith("x\\x1b[2J\\u202e\\udcff")
    assert second == "second, with é"
    assert len(str(AuditError("\n" * 1_000)).splitlines()) == 101


def test_paths_that_no_system_accepts_end_in_a_message(tmp_path, capsys):
    long = "a" * 5_000
    assert not is_file(Path(long))
    assert not is_folder(Path(long))
    for command in (
        ["validate", long],
        ["list", "models", "--cards", long],
        ["data", "check", f"{long}/x.yaml"],
        ["study", "aggregate", f"{tmp_path}/{long}"],
    ):
        assert cli.main(command) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert "aaa" in said
    with pytest.raises(AuditError, match=r"folder .*aaa.* does not exist|aaa'$"):
        load_data(card(tmp_path, format="folder", folder=long))


def test_errors_of_the_system_end_in_a_message(monkeypatch, capsys):
    def full(_):
        raise OSError(28, "No space left on device", "/data/x")

    monkeypatch.setattr(cli, "_validate", full)
    assert cli.main(["validate", "x"]) == 2
    assert capsys.readouterr().err == "auditkit: /data/x: No space left on device\n"


@pytest.mark.parametrize("make", [pipe, device])
def test_tables_that_are_no_files_are_refused(tmp_path, make):
    (tmp_path / "glioma.ratings.yaml").write_bytes(
        (FIXTURES / "ratings" / "glioma.ratings.yaml").read_bytes()
    )
    make(tmp_path / "glioma.csv")
    found = read_ratings_card(tmp_path / "glioma.ratings.yaml")
    for read in (read_ratings, ratings_digest):
        with pytest.raises(AuditError, match=rf"glioma\.csv {NO_FILE}"):
            read(found)
    make(tmp_path / "t.parquet")
    with pytest.raises(AuditError, match=rf"t\.parquet {NO_FILE}"):
        read_table(tmp_path / "t.parquet")
    make(tmp_path / "t.csv.gz")
    with pytest.raises(AuditError, match=rf"t\.csv\.gz {NO_FILE}"):
        list(stream(tmp_path / "t.csv.gz", ("a",)))


def test_a_table_that_is_too_large_by_its_size_is_not_read(tmp_path):
    with pytest.raises(AuditError, match=rf"t\.csv has {1 << 40} bytes; at most {MAX_BYTES} are"):
        read_table(sparse(tmp_path / "t.csv"))


def test_pictures_that_are_no_files_or_without_end_are_refused_before_they_are_hashed(tmp_path):
    pipe(tmp_path / "pipe.nii")
    pipe(tmp_path / "pipe.dcm")
    sparse(tmp_path / "sparse.png")
    names = ["pipe.nii", "pipe.dcm", "sparse.png"]
    (tmp_path / "t.csv").write_text("image,label\n" + "".join(f"{name},a\n" for name in names))
    options = {"window": "percentiles", "slice": {"axis": 2, "index": 0}}
    found = check_data(
        card(tmp_path, format="table", file="t.csv", positive=["a"], pictures=options)
    )
    assert len(found.file_problems) == 3
    assert NO_FILE in found.file_problems[0]
    assert NO_FILE in found.file_problems[1]
    assert f"at most {MAX_BYTES} are read" in found.file_problems[2]


def test_a_table_holds_so_many_columns_and_cells(tmp_path, monkeypatch):
    table = tmp_path / "t.csv"
    table.write_text("a,b,c\n" + "1,2,3\n" * 10)
    monkeypatch.setattr(rows, "MAX_CELLS", 30)
    assert len(read_table(table)) == 10
    monkeypatch.setattr(rows, "MAX_CELLS", 29)
    with pytest.raises(AuditError, match=r"t\.csv:11: more than 29 cells; leave out columns"):
        read_table(table)
    monkeypatch.setattr(rows, "MAX_COLUMNS", 2)
    with pytest.raises(AuditError, match=r"t\.csv:1: 3 columns; at most 2 are read"):
        read_table(table)


def test_a_line_without_end_is_not_held_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(rows, "_LONGEST", 1_000)
    table = tmp_path / "t.csv"
    table.write_text("a,b\n" + " " * 1_001)
    with pytest.raises(AuditError, match="a line has more than 1000 letters"):
        read_table(table)


def test_columns_are_told_apart_as_they_are_read_without_spaces(tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("image, label,label \nx.png,a,b\n")
    with pytest.raises(AuditError, match="two columns have the name 'label'"):
        read_table(table)


def test_rows_of_parquet_that_take_no_space_in_the_file_are_counted_first(tmp_path, monkeypatch):
    pa = pytest.importorskip("pyarrow", reason="the extra `parquet`")
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra `parquet`")
    table = tmp_path / "t.parquet"
    parquet.write_table(pa.table({"label": ["same"] * 100_000}), table)
    assert table.stat().st_size < 3_000
    monkeypatch.setattr(parquet_cells, "MAX_VALUES", 99_999)
    with pytest.raises(
        AuditError, match=r"t\.parquet has 100000 cells of \d+ bytes; at most 99999"
    ):
        read_table(table)
    monkeypatch.setattr(shards, "_MAX_ROWS", 99_999)
    with pytest.raises(AuditError, match=r"t\.parquet has 100000 rows; at most 99999 are read"):
        shards.open_shard(table)


def test_a_value_of_parquet_that_every_row_repeats_is_not_unpacked_for_each(tmp_path):
    pa = pytest.importorskip("pyarrow", reason="the extra `parquet`")
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra `parquet`")
    table = tmp_path / "t.parquet"
    long = pa.DictionaryArray.from_arrays(pa.array([0] * 50_000, pa.int32()), ["x" * 200_000])
    parquet.write_table(pa.table({"label": long}), table)
    with pytest.raises(AuditError, match=r"t\.parquet: a cell of column 'label' has 200000 bytes"):
        read_table(table)


def test_columns_of_parquet_have_names_of_their_own(tmp_path):
    pa = pytest.importorskip("pyarrow", reason="the extra `parquet`")
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra `parquet`")
    table = tmp_path / "t.parquet"
    parquet.write_table(pa.table([["a"], ["b"]], names=["label", "label"]), table)
    with pytest.raises(AuditError, match=r"t\.parquet: two columns have the name 'label'"):
        read_table(table)


def test_a_gzipped_table_that_unpacks_to_far_more_than_text_does_is_refused(tmp_path):
    table = tmp_path / "t.csv.gz"
    table.write_bytes(gzip.compress(b"a,b\n" + b"\n" * (8 << 20)))
    with pytest.raises(AuditError, match=r"t\.csv\.gz: .* unpacks to more than \d+ letters"):
        list(stream(table, ("a",)))


def test_class_names_come_from_an_ordinary_file(tmp_path):
    (tmp_path / "m.model.yaml").write_text(
        "model: m\ntask: t\nformat: timm\narchitecture: test_resnet\nweights: {file: w}\n"
        "input: {size: 64}\noutput: {kind: logits, classes_file: /dev/zero}\n"
    )
    with pytest.raises(AuditError, match=rf"m\.model\.yaml: class names /dev/zero .*{NO_FILE}"):
        class_names(read_model_card(tmp_path / "m.model.yaml"))


def test_coco_files_are_read_up_to_a_size(tmp_path, monkeypatch):
    found = card(tmp_path, format="coco", file="c.json", positive=["a"])
    (tmp_path / "c.json").write_text("{}     ")
    monkeypatch.setattr(coco, "MAX_BYTES", 6)
    with pytest.raises(AuditError, match=r"c\.json has 7 bytes; at most 6 are read"):
        load_data(found)


def test_pictures_of_a_hugging_face_data_set_are_ordinary_files(tmp_path):
    pa = pytest.importorskip("pyarrow", reason="the extra `parquet`")
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra `parquet`")
    root = tmp_path / "hf"
    root.mkdir()
    pipe(root / "pipe.png")
    parquet.write_table(pa.table({"image": ["pipe.png"], "label": ["a"]}), root / "train.parquet")
    found = card(tmp_path, format="hugging-face", folder="hf", positive=["a"])
    with pytest.raises(AuditError, match=NO_FILE):
        load_data(found)
    pipe(root / "state.json")
    pipe(root / "x.arrow")
    (root / "state.json").unlink()
    (root / "state.json").write_text('{"_data_files": [{"filename": "x.arrow"}]}')
    with pytest.raises(AuditError, match=rf"x\.arrow {NO_FILE}"):
        load_data(found)


def test_a_damaged_gzip_stream_shows_no_identifiers_and_does_not_escape():
    whole = gzip.compress(np.random.default_rng(0).bytes(2_000), mtime=0)
    damaged = whole[:12] + bytes(byte ^ 255 for byte in whole[12:40]) + whole[40:]
    assert in_nifti(io.BytesIO(damaged), zipped=True) == set()


def test_what_a_recipe_trains_may_be_anything_but_a_surprise(tmp_path):
    path = tmp_path / "x.training.yaml"
    path.write_text("train: {a: 1}\n")
    with pytest.raises(SpecError, match=r"x\.training\.yaml:1: train: one of .* got \{'a': 1\}"):
        read_recipe(path)


def test_a_synthetic_data_set_has_a_largest_size(tmp_path):
    with pytest.raises(SpecError, match=r"with\.n: .* less than or equal to 1000000"):
        card(tmp_path, format="synthetic-shapes", **{"with": {"n": 10**29, "seed": 0}})


def test_a_side_longer_than_any_format_has_is_a_damaged_header():
    check_size(MAX_SIDE, 1000, "x")
    with pytest.raises(AuditError, match=r"x is too large: 20 x 65536 pixels, .* 65535 on a side"):
        check_size(MAX_SIDE + 1, 20, "x")


def test_grey_values_take_the_memory_of_one_copy():
    """Of a picture of the largest size that is read, each copy as float64 has 700 MB."""
    import tracemalloc

    values = np.arange(1_000_000, dtype=np.uint16).reshape(1000, 1000)
    tracemalloc.start()
    shares = windowed(values, [100.0, 60_000.0], "x")
    picture = grey_rgb(shares)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    expected = np.clip((values.astype(float) - 100.0) / (60_000.0 - 100.0), 0.0, 1.0)
    assert (shares == expected).all()
    assert (picture[..., 1] == np.rint(expected * 255)).all()
    assert peak < 1.6 * shares.nbytes


def test_a_profile_that_leaves_everything_out_is_named_as_the_reason():
    root = Path(__file__).parents[2]
    profile = read_profile(root / "audits" / "quick.profile.yaml")
    spec = root / "audits" / "dermoscopy" / "heatmaps.audit.yaml"
    with pytest.raises(
        AuditError, match=r"no audit there is about .* left out by the profile \(.+\)"
    ):
        selected([spec], catalogue([FIXTURES]), ["scanoma"], profile=profile)
