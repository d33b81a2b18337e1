"""Cases of tables, pictures and volumes: small data sets of which one file is damaged."""

import csv
import gzip
import hashlib
import io
import json
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import yaml
from fuzz_bytes import damage
from fuzz_cases import FIXTURES, kind, traps
from fuzz_pictures import BOMBS, damaged_picture, dicom, raster, volumes
from fuzz_tables import CELLS, VALUES, csv_of, damaged_csv, damaged_json

Made = tuple[str, str, list[str]]

COLUMNS = {
    "image": "image",
    "label": "label",
    "id": "id",
    "patient": "patient",
    "box": "box",
    "groups": ["site"],
    "features": ["age"],
    "split": "split",
}
HEADER = ["image", "label", "id", "patient", "box", "site", "age", "split"]


def _asked(random: Random, card: Path) -> tuple[str, list[str]]:
    """`auditkit data check`, or everything that an audit reads."""
    if random.random() < 0.5:
        return "cli", ["data", "check", str(card)]
    return "load", [str(card)]


def _write_card(folder: Path, /, **keys: Any) -> Path:
    card = folder / "d.data.yaml"
    card.write_text(yaml.safe_dump({"data": "d", "task": "t", **keys}, sort_keys=False))
    return card


def _rows(count: int = 4) -> list[list[str]]:
    labels, boxes = ["nevus", "melanoma"], ["0,0,10,10", ""]
    return [
        [f"{i}.png", labels[i % 2], f"i{i}", f"p{i // 2}", boxes[i % 2], "arm", str(40 + i), "test"]
        for i in range(count)
    ]


def _pictures(folder: Path, count: int = 4) -> None:
    for index in range(count):
        (folder / f"{index}.png").write_bytes(raster()["rgb.png"])


@kind("table")
def _table(random: Random, folder: Path) -> Made:
    """A CSV table of pictures."""
    _pictures(folder)
    traps(folder)
    (folder / "t.csv").write_bytes(damaged_csv(csv_of([HEADER, *_rows()]), random))
    card = _write_card(folder, format="table", file="t.csv", columns=COLUMNS, positive=["melanoma"])
    return "t.csv", *_asked(random, card)


@kind("Parquet table")
def _parquet(random: Random, folder: Path) -> Made:
    """The same as Parquet, of which values or bytes are damaged."""
    _pictures(folder)
    traps(folder)
    columns: dict[str, list[Any]] = {
        name: [row[place] for row in _rows()] for place, name in enumerate(HEADER)
    }
    if random.random() < 0.5:
        columns[random.choice(HEADER)][random.randrange(4)] = str(random.choice(VALUES))
    content = _parquet_bytes(columns)
    if random.random() < 0.6:
        content = damage(content, random)
    (folder / "t.parquet").write_bytes(content)
    card = _write_card(
        folder, format="table", file="t.parquet", columns=COLUMNS, positive=["melanoma"]
    )
    return "t.parquet", *_asked(random, card)


def _parquet_bytes(columns: dict[str, list[Any]]) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    plain = {
        name: [value.encode("utf-8", "replace").decode() for value in values]
        for name, values in columns.items()
    }
    file = io.BytesIO()
    parquet.write_table(pa.table(plain), file)
    return file.getvalue()


def _instances() -> dict[str, Any]:
    images = [
        {"id": i, "file_name": f"{i}.png", "width": 24, "height": 20, "patient": f"p{i}", "age": 40}
        for i in range(4)
    ]
    parts: list[dict[str, Any]] = [
        {"bbox": [2, 3, 10, 5]},
        {"bbox": [2, 3, 10, 5], "segmentation": [[2, 3, 12, 3, 12, 8, 2, 8]]},
        {"segmentation": {"size": [20, 24], "counts": [100, 50, 330]}},
        {"segmentation": {"size": [20, 24], "counts": "T3l;"}},
    ]
    annotations = [
        {"id": i, "image_id": i, "category_id": 7 + i % 2, **part} for i, part in enumerate(parts)
    ]
    names = [{"id": 7, "name": "melanoma"}, {"id": 8, "name": "nevus"}]
    return {"images": images, "annotations": annotations, "categories": names}


@kind("COCO")
def _coco(random: Random, folder: Path) -> Made:
    """COCO instances."""
    _pictures(folder)
    traps(folder)
    content = json.dumps(_instances()).encode()
    (folder / "c.json").write_bytes(damaged_json(content, random))
    columns = {"patient": "patient", "features": ["age"]}
    card = _write_card(folder, format="coco", file="c.json", columns=columns, positive=["melanoma"])
    return "c.json", *_asked(random, card)


@cache
def _hugging_face_files() -> dict[str, bytes]:
    """A data set as `save_to_disk` writes it, and as a Parquet shard."""
    import pyarrow as pa

    cell = {"bytes": raster()["rgb.png"], "path": None}
    table = pa.table(
        {"image": [cell] * 4, "dx": [0, 1, 0, 1], "patient": ["p", "p", "q", "q"]},
        schema=pa.schema(
            {
                "image": pa.struct({"bytes": pa.binary(), "path": pa.string()}),
                "dx": pa.int64(),
                "patient": pa.string(),
            }
        ),
    )
    stream, shard = io.BytesIO(), io.BytesIO()
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    pa.parquet.write_table(table, shard)
    return {
        "data.arrow": stream.getvalue(),
        "state.json": json.dumps({"_data_files": [{"filename": "data.arrow"}]}).encode(),
        "train.parquet": shard.getvalue(),
    }


@kind("Hugging Face")
def _hugging_face(random: Random, folder: Path) -> Made:
    """A local Hugging Face data set."""
    import pyarrow.parquet  # noqa: F401 pa.parquet

    root = folder / "hf"
    root.mkdir()
    traps(root)
    files = dict(_hugging_face_files())
    if random.random() < 0.5:
        del files["state.json"]
    victim = random.choice(sorted(files))
    for name, content in files.items():
        change: Callable[[bytes, Random], bytes] = damaged_json if name.endswith("json") else damage
        (root / name).write_bytes(change(content, random) if name == victim else content)
    columns = {"label": "dx", "patient": "patient"}
    card = _write_card(folder, format="hugging-face", folder="hf", columns=columns, positive=["1"])
    return victim, *_asked(random, card)


@kind("picture")
def _picture(random: Random, folder: Path) -> Made:
    """A table with one damaged picture or mask, under options that would accept it."""
    samples = {**raster(), **dicom(), **{n: s for n, s in volumes().items() if "npy" not in n}}
    name, content = damaged_picture(samples, random)
    return _one_picture(random, folder, name, content)


def _one_picture(random: Random, folder: Path, name: str, content: bytes) -> Made:
    (folder / name).write_bytes(content)
    whole = "whole.png"
    (folder / whole).write_bytes(raster()["rgb.png"])
    rows = [["image", "label", "mask"], [name, "a", ""], [whole, "b", name]]
    if random.random() < 0.3:
        rows[1][2] = name
    (folder / "t.csv").write_bytes(csv_of(rows if random.random() < 0.5 else rows[:2]))
    options: dict[str, Any] = {
        "convert": ["grey", "palette"],
        "slice": {"axis": 2, "index": "middle"},
    }
    if random.random() < 0.8:
        options["window"] = random.choice([[0, 1000], "percentiles"])
    if random.random() < 0.5:
        options["frame"] = random.choice([0, 1, 1000])
    columns = {"image": "image", "label": "label", "mask": "mask"}
    card = _write_card(
        folder, format="table", file="t.csv", columns=columns, pictures=options, positive=["a"]
    )
    return name, *_asked(random, card)


@kind("bomb")
def _bomb(random: Random, folder: Path) -> Made:
    """A file that claims more than it holds, or holds more than it shows."""
    name = random.choice(sorted(BOMBS))
    file = f"x{Path(name).name[Path(name).name.index('.') :]}" if random.random() < 0.1 else name
    content = BOMBS[name]()
    if name.endswith((".npy", ".nii", ".nii.gz")) and (random.random() < 0.6 or "npy" in name):
        return _one_volume(random, folder, file, content)
    return _one_picture(random, folder, file, content)


@kind("volume")
def _volume(random: Random, folder: Path) -> Made:
    """A table of cases with one damaged volume or mask."""
    return _one_volume(random, folder, *damaged_picture(volumes(), random))


def _one_volume(random: Random, folder: Path, name: str, content: bytes) -> Made:
    (folder / "whole.npy").write_bytes(volumes()["a.npy"])
    (folder / name).write_bytes(content)
    header = ["id", "label", "t1", "t2", "mask", "box", "points"]
    mask, box, points = random.choice(
        [("", "", ""), ("whole.npy", "", ""), (name, "", ""), ("", "b", "")]
    )
    if box:
        box, points = random.choice(["0,0,0,2,2,2", random.choice(CELLS)]), ""
    elif not mask:
        points = random.choice(["1,1,1", "1,1,1;2,2,2", random.choice(CELLS)])
    rows = [
        header,
        ["a", "0", name, "whole.npy", mask, box, points],
        ["b", "1", "whole.npy", "", "", "", ""],
    ]
    (folder / "t.csv").write_bytes(csv_of(rows))
    columns = {"id": "id", "label": "label", "mask": "mask", "box": "box", "landmarks": "points"}
    kept = {"modalities": {"t1": "t1", "t2": "t2"}}
    card = _write_card(
        folder, format="volumes", file="t.csv", columns=columns, volumes=kept, positive=["1"]
    )
    return name, *_asked(random, card)


@kind("ratings table")
def _ratings(random: Random, folder: Path) -> Made:
    """The shipped table of ratings."""
    source = FIXTURES / "ratings" / "glioma.ratings.yaml"
    shutil.copy(source, folder)
    lines = (source.parent / "glioma.csv").read_bytes().splitlines(keepends=True)[:20]
    (folder / "glioma.csv").write_bytes(damaged_csv(b"".join(lines), random))
    return "glioma.csv", "ratings", [str(folder / source.name)]


@kind("answers table")
def _answers(random: Random, folder: Path) -> Made:
    """One of the three tables of the shipped study; the card says that it is the right one."""
    source = FIXTURES / "answers" / "stand-ins" / "stand-ins.answers.yaml"
    card = yaml.safe_load(source.read_text())
    shown = None
    for name in ("pairs", "choices", "noted"):
        rows = list(csv.reader((source.parent / f"{name}.csv").read_text().splitlines()))
        if shown is None:
            # A few pairs of each model.
            kept = [row for row in rows[1:] if row[4] == "shown"][::12]
            shown = {row[0] for row in kept}
        at = rows[0].index("pair")
        content = csv_of([rows[0], *(row for row in rows[1:] if row[at] in shown)])
        (folder / f"{name}.csv").write_bytes(content)
    victim = random.choice(["pairs", "choices", "noted"])
    table = folder / f"{victim}.csv"
    table.write_bytes(damaged_csv(table.read_bytes(), random))
    for name in ("pairs", "choices", "noted"):
        content = (folder / f"{name}.csv").read_bytes()
        card[name]["sha256"] = hashlib.sha256(content).hexdigest()
    (folder / source.name).write_text(yaml.safe_dump(card, sort_keys=False))
    return table.name, "answers", [str(folder / source.name)]


@kind("pairs of a study")
def _pairs(random: Random, folder: Path) -> Made:
    """A study's table of pairs, or one of its pictures."""
    plan = {
        "study": "tiny",
        "title": "A tiny study",
        "task": "melanoma",
        "kind": "pairs",
        "data": "drawn",
        "models": ["one"],
        "pairs": {"file": "pairs.csv"},
        "experts": [{"expert": "ada"}],
    }
    (folder / "tiny.study.yaml").write_text(yaml.safe_dump(plan))
    _pictures(folder)
    traps(folder)
    victim = "pairs.csv"
    rows = [
        ["model", "image", "benign", "malignant"],
        ["one", "a", "0.png", "1.png"],
        ["one", "b", "2.png", "3.png"],
    ]
    if random.random() < 0.5:
        victim, content = damaged_picture(raster(), random)
        (folder / victim).write_bytes(content)
        rows[1][2] = victim
        (folder / "pairs.csv").write_bytes(csv_of(rows))
    else:
        (folder / victim).write_bytes(damaged_csv(csv_of(rows), random))
    return victim, "pairs", [str(folder / "tiny.study.yaml")]


@kind("gzipped tables")
def _gzipped(random: Random, folder: Path) -> Made:
    """The tables of MIMIC-CXR."""
    root, samples = folder / "mimic", _mimic()
    victim = random.choice([name for name in samples if name.endswith(".gz")])
    for name, content in samples.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(_damaged_gzip(content, random) if name == victim else content)
    columns = {"groups": ["age", "sex", "bmi", "view"]}
    card = _write_card(folder, format="mimic-cxr", folder="mimic", columns=columns)
    return victim, *_asked(random, card)


def _damaged_gzip(content: bytes, random: Random) -> bytes:
    plain = gzip.decompress(content)
    where = random.randrange(5)
    if where == 0:
        return damage(content, random)
    if where == 1:
        return random.choice(
            [
                b"",
                plain,
                content * 2,
                content + b"x",
                content + gzip.compress(bytes(1 << 20), mtime=0) * 200,
            ]
        )
    return gzip.compress(damaged_csv(plain, random), mtime=0)


@cache
def _mimic() -> dict[str, bytes]:
    """Two pictures in the public layout."""
    from auditkit.data.radiology.mimic_cxr import CHEXPERT, FINDINGS, METADATA, SPLIT

    patients, studies, days = (
        ["10000032", "11000011"],
        ["50000001", "50000002"],
        ["21800506", "21850101"],
    )
    tables: dict[str, list[list[str]]] = {
        METADATA: [["dicom_id", "subject_id", "study_id", "ViewPosition", "StudyDate"]],
        SPLIT: [["dicom_id", "study_id", "subject_id", "split"]],
        CHEXPERT: [["subject_id", "study_id", *FINDINGS]],
        "hosp/patients.csv.gz": [["subject_id", "gender", "anchor_age", "anchor_year"]],
        "hosp/omr.csv.gz": [["subject_id", "chartdate", "seq_num", "result_name", "result_value"]],
    }
    files = {}
    for index, (patient, study, day) in enumerate(zip(patients, studies, days, strict=True)):
        tables[METADATA].append([f"d{index}", patient, study, "PA", day])
        tables[SPLIT].append([f"d{index}", study, patient, "test"])
        tables[CHEXPERT].append([patient, study, *[f"{index}.0"] * len(FINDINGS)])
        tables["hosp/patients.csv.gz"].append([patient, "FM"[index], "60", "2180"])
        tables["hosp/omr.csv.gz"].append([patient, "2180-05-01", "1", "BMI (kg/m2)", "29.5"])
        picture = f"files/p{patient[:2]}/p{patient}/s{study}/d{index}.jpg"
        files[picture] = raster()["rgb.jpg"]
    return {
        **files,
        **{name: gzip.compress(csv_of(rows), mtime=0) for name, rows in tables.items()},
    }
