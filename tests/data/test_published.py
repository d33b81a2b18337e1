"""Published data sets: their public layouts, the paper's part of them, and what goes wrong with them."""

from pathlib import Path

import pytest

from auditkit.data.dermatology import ddi, fitzpatrick17k, isic_2016, isic_2019
from auditkit.data.dermatology.isic_2019 import age_band
from auditkit.data.load import list_data
from auditkit.errors import AuditError
from auditkit.spec.catalogue import read_data_card

from .cards import card, entries, load, save, save_mask, write_csv

CARDS = Path(__file__).parents[2] / "fixtures" / "data"
# The counts that the paper gives, from the methods of doi 10.1038/s41551-023-01160-9.
PAPER = {"isic-2019": 20260, "fitzpatrick17k": 889, "ddi": 282}


def one_hot(label):
    return ["1.0" if name == label else "0.0" for name in isic_2019.CLASSES]


@pytest.fixture
def isic(tmp_path):
    folder = tmp_path / "isic"
    labels = {"ISIC_0": "MEL", "ISIC_1": "NV", "ISIC_2_downsampled": "BKL", "ISIC_3": "BCC"}
    write_csv(
        folder / "ISIC_2019_Training_GroundTruth.csv",
        [[name, *one_hot(label)] for name, label in labels.items()],
        ["image", *isic_2019.CLASSES],
    )
    write_csv(
        folder / "ISIC_2019_Training_Metadata.csv",
        [
            ["ISIC_0", "55.0", "anterior torso", "HAM_1", "female"],
            ["ISIC_1", "", "", "HAM_1", "male"],
            ["ISIC_2_downsampled", "85.0", "head/neck", "", ""],
        ],
        ["image", "age_approx", "anatom_site_general", "lesion_id", "sex"],
    )
    for seed, name in enumerate(labels):
        save(folder / "ISIC_2019_Training_Input" / f"{name}.jpg", seed)
    return tmp_path


def test_isic_2019_is_read_with_lesions_as_clusters(isic):
    data = load(isic, "isic-2019", folder="isic", filter="paper", expected=3)
    assert [r.id for r in data.records] == ["ISIC_0", "ISIC_1", "ISIC_2_downsampled"]
    assert [r.label for r in data.records] == [1, 0, 0]
    assert [r.patient for r in data.records] == ["HAM_1", "HAM_1", "ISIC_2_downsampled"]
    assert dict(data.records[0].groups) == {
        "sex": "female",
        "age_band": "40-59",
        "site": "anterior torso",
    }
    assert data.records[1].groups["age_band"] == "unknown"
    assert dict(data.records[0].features) == {
        "age": "55",
        "sex": "female",
        "site": "anterior torso",
    }
    assert dict(data.records[2].features) == {"age": "85", "sex": "", "site": "head/neck"}
    assert data.image(1).shape == (20, 30, 3)


def test_without_the_filter_all_classes_are_there_and_the_model_names_them(isic):
    labels = {name: i for i, name in enumerate(isic_2019.CLASSES)}
    data = load(isic, "isic-2019", labels, folder="isic", filter="none", expected=4)
    assert [r.label for r in data.records] == [0, 1, 4, 2]
    positive = load(isic, "isic-2019", folder="isic", filter="none", expected=4, positive=["BCC"])
    assert [r.label for r in positive.records] == [0, 0, 0, 1]


def test_another_count_than_the_papers_is_an_error_per_class(isic):
    with pytest.raises(AuditError) as caught:
        load(isic, "isic-2019", folder="isic", filter="paper")
    message = str(caught.value)
    assert "3 pictures were found" in message
    assert "20260 were expected by the paper" in message
    assert "BKL: 1 of 2624, DF: 0 of 239, MEL: 1 of 4522, NV: 1 of 12875" in message
    assert "write 'expected: 3' in the card" in message
    with pytest.raises(AuditError, match="25331 were expected by the published data set"):
        load(isic, "isic-2019", folder="isic", filter="none")


def test_groups_and_features_can_be_chosen_and_misspelt(isic):
    settings = {"folder": "isic", "filter": "paper", "expected": 3}
    data = load(isic, "isic-2019", **settings, columns={"groups": ["sex"], "features": ["age"]})
    assert list(data.records[0].groups) == ["sex"]
    assert list(data.records[0].features) == ["age"]
    with pytest.raises(AuditError, match="no column 'sxe'; did you mean 'sex'"):
        load(isic, "isic-2019", **settings, columns={"groups": ["sxe"]})
    with pytest.raises(
        AuditError, match=r"columns\.patient: format 'isic-2019' has its own columns"
    ):
        load(isic, "isic-2019", **settings, columns={"patient": "lesion_id"})


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (["ISIC_9", *["0.0"] * 9], "ISIC_9 has 0 classes; one was expected"),
        (["ISIC_9", "1", "1", *["0"] * 7], "ISIC_9 has 2 classes"),
        (["ISIC_9", "yes", *["0"] * 8], "must be 0 or 1"),
        (["../../etc/passwd", *one_hot("MEL")], "lies outside the folder|cannot be read"),
    ],
)
def test_rows_of_isic_2019_are_never_guessed(isic, row, message):
    table = isic / "isic" / "ISIC_2019_Training_GroundTruth.csv"
    write_csv(table, [row], ["image", *isic_2019.CLASSES])
    with pytest.raises(AuditError, match=message) as caught:
        load(isic, "isic-2019", folder="isic", filter="paper", expected=1)
    assert "GroundTruth.csv:2" in str(caught.value)


def test_a_missing_picture_is_named_where_it_was_expected(isic):
    (isic / "isic" / "ISIC_2019_Training_Input" / "ISIC_1.jpg").unlink()
    with pytest.raises(AuditError, match=r"Input.ISIC_1.jpg cannot be read: No such file"):
        load(isic, "isic-2019", folder="isic", filter="paper", expected=3)


@pytest.mark.parametrize(
    ("age", "band"),
    [("0", "0-19"), ("19", "0-19"), ("20", "20-39"), ("85", "80+"), ("", ""), ("x", "")],
)
def test_age_bands_are_twenty_years(age, band):
    assert age_band(age) == band


HASHES = [f"{i:032x}" for i in range(8)]
F17K = [
    (HASHES[0], "melanoma", "malignant melanoma", "1"),
    (HASHES[1], "halo nevus", "benign melanocyte", "-1"),
    (HASHES[2], "dermatofibroma", "benign dermal", "6"),
    (HASHES[3], "seborrheic keratosis", "benign epidermal", "3"),
    (HASHES[4], "syringoma", "benign dermal", "2"),
    (HASHES[5], "psoriasis", "inflammatory", "2"),
]


def fitzpatrick(tmp_path, column="fitzpatrick_scale", rows=F17K):
    folder = tmp_path / "f17k"
    write_csv(
        folder / "fitzpatrick17k.csv",
        [[h, skin, "9", label, nine, "benign"] for h, label, nine, skin in rows],
        ["md5hash", column, "other", "label", "nine_partition_label", "three_partition_label"],
    )
    for seed, row in enumerate(rows):
        name = f"{row[0]}_crop.jpg" if seed % 2 else f"{row[0]}.jpg"
        save(folder / "images" / name, seed)
    return tmp_path


@pytest.mark.parametrize(
    "column", ["fitzpatrick", "fitzpatrick_scale", "Fitzpatrick17k", "fitzpatrick skin type", "FST"]
)
def test_fitzpatrick17k_is_filtered_under_any_spelling_of_the_skin_type(tmp_path, column):
    folder = fitzpatrick(tmp_path, column)
    data = load(folder, "fitzpatrick17k", folder="f17k", filter="paper", expected=4)
    assert [r.id for r in data.records] == HASHES[:4]
    assert [r.label for r in data.records] == [1, 0, 0, 0]
    assert [r.groups["skin_type"] for r in data.records] == ["1", "unknown", "6", "3"]
    assert [r.patient for r in data.records] == HASHES[:4]
    assert data.image(1).shape == (20, 30, 3)


def test_an_unknown_spelling_is_named(tmp_path):
    folder = fitzpatrick(tmp_path, "skin")
    with pytest.raises(AuditError, match=r"no column 'fitzpatrick' .*the table has: md5hash, skin"):
        load(folder, "fitzpatrick17k", folder="f17k", filter="paper", expected=4)


def test_diseases_can_be_the_label(tmp_path):
    settings = {"folder": "f17k", "filter": "paper", "expected": 4, "columns": {"label": "label"}}
    folder = fitzpatrick(tmp_path)
    assert entries(folder, "fitzpatrick17k", **settings)[1].label == "halo nevus"
    data = load(folder, "fitzpatrick17k", **settings, positive=["melanoma"])
    assert [r.label for r in data.records] == [1, 0, 0, 0]


def test_the_papers_68_exclusions_are_shipped_and_applied(tmp_path):
    shipped = fitzpatrick17k.exclusions(
        card(tmp_path, "fitzpatrick17k", folder="f", filter="paper")
    )
    assert len(shipped) == 68
    row = (sorted(shipped)[0], "melanoma", "malignant melanoma", "1")
    folder = fitzpatrick(tmp_path, rows=[*F17K, row])
    settings = {"folder": "f17k", "filter": "paper"}
    assert len(load(folder, "fitzpatrick17k", **settings, expected=4).records) == 4
    (tmp_path / "mine.txt").write_text(f"# none but\n{HASHES[0]}\n")
    mine = load(folder, "fitzpatrick17k", **settings, exclusions="mine.txt", expected=4)
    assert [r.id for r in mine.records] == [*HASHES[1:4], row[0]]
    (tmp_path / "mine.txt").write_text("../x\n")
    with pytest.raises(AuditError, match=r"mine\.txt:1: '\.\./x' is not an MD5 hash"):
        load(folder, "fitzpatrick17k", **settings, exclusions="mine.txt")


def test_the_papers_counts_add_up():
    assert sum(isic_2019.PAPER_COUNTS.values()) == PAPER["isic-2019"]
    assert sum(fitzpatrick17k.PAPER_COUNTS.values()) == PAPER["fitzpatrick17k"]
    assert fitzpatrick17k.PAPER_COUNTS["malignant melanoma"] == 554
    assert PAPER["ddi"] == ddi.PAPER_COUNT
    assert len(ddi.MELANOMA) + len(ddi.LOOK_ALIKES) == 20
    assert [sum(split[2].values()) for split in isic_2016.SPLITS] == [900, 379]


DDI = [
    ("000001.png", "56", "TRUE", "melanoma-in-situ"),
    ("000002.png", "12", "TRUE", "atypical-spindle-cell-nevus-of-reed"),
    ("000003.png", "34", "FALSE", "solar-lentigo"),
    ("000004.png", "34", "TRUE", "mycosis-fungoides"),
]


def diverse(tmp_path, images=""):
    folder = tmp_path / "ddi"
    rows = [[i, i + 1, *row] for i, row in enumerate(DDI)]
    header = ["", "DDI_ID", "DDI_file", "skin_tone", "malignant", "disease"]
    write_csv(folder / "ddi_metadata.csv", rows, header)
    for seed, row in enumerate(DDI):
        save(folder / images / row[0], seed)
    return tmp_path


@pytest.mark.parametrize("images", ["", "images"])
def test_ddi_is_labelled_by_disease_not_by_malignancy(tmp_path, images):
    folder = diverse(tmp_path, images)
    data = load(folder, "ddi", folder="ddi", filter="paper", expected=3)
    assert [r.id for r in data.records] == ["000001.png", "000002.png", "000003.png"]
    assert [r.label for r in data.records] == [1, 0, 0]
    assert [r.groups["skin_tone"] for r in data.records] == ["56", "12", "34"]
    assert data.image(2).shape == (20, 30, 3)
    settings = {"folder": "ddi", "filter": "none", "expected": 4}
    malignant = load(folder, "ddi", **settings, columns={"label": "malignant"}, positive=["TRUE"])
    assert [r.label for r in malignant.records] == [1, 1, 0, 1]


def isic_2016_part(folder, part, name, rows, header=None):
    stem = f"ISBI2016_ISIC_{part}_{name}"
    write_csv(folder / f"{stem}_GroundTruth.csv", rows, header)
    masks = f"{stem}_Data" if part == "Part3B" else f"ISBI2016_ISIC_Part1_{name}_GroundTruth"
    for seed, row in enumerate(rows):
        save(folder / f"{stem}_Data" / f"{row[0]}.jpg", seed)
        save_mask(folder / masks / f"{row[0]}_Segmentation.png")


@pytest.mark.parametrize("part", ["Part3B", "Part3"])
def test_isic_2016_has_masks_and_both_splits(tmp_path, part):
    folder = tmp_path / "isic"
    isic_2016_part(folder, part, "Training", [["ISIC_0", "benign"], ["ISIC_1", "malignant"]])
    isic_2016_part(folder, part, "Test", [["ISIC_2", "1.0"], ["ISIC_3", "0.0"]])
    settings = {"folder": "isic", "expected": 4, "positive": ["malignant"]}
    data = load(tmp_path, "isic-2016", **settings)
    assert [r.label for r in data.records] == [0, 1, 1, 0]
    assert all(r.annotated for r in data.records)
    assert data.mask(2).sum() == 50
    test = load(tmp_path, "isic-2016", **settings, split="test")
    assert [r.id for r in test.records] == ["ISIC_2", "ISIC_3"]


def test_isic_2016_expects_what_its_parts_hold(tmp_path):
    folder = tmp_path / "isic"
    rows = [["ISIC_2", "1"], ["ISIC_3", "0"]]
    isic_2016_part(folder, "Part3B", "Test", rows, ["image_id", "label"])
    with pytest.raises(
        AuditError, match=r"379 were expected .*benign: 1 of 304, malignant: 1 of 75"
    ):
        load(tmp_path, "isic-2016", folder="isic", positive=["malignant"])


@pytest.mark.parametrize("rows", [[["ISIC_0", "maybe"]], [["ISIC_0"]], [["ISIC_0", "1", "2"]]])
def test_rows_of_isic_2016_are_never_guessed(tmp_path, rows):
    write_csv(tmp_path / "isic" / "ISBI2016_ISIC_Part3B_Test_GroundTruth.csv", rows)
    with pytest.raises(AuditError, match=r"Test_GroundTruth.csv:1: .* is not image,benign"):
        load(tmp_path, "isic-2016", folder="isic", positive=["malignant"])


@pytest.mark.parametrize("name", [*PAPER, "isic-2016"])
def test_shipped_cards_are_valid_without_the_data_and_say_where_to_get_it(name, monkeypatch):
    monkeypatch.delenv("AUDITKIT_DATA", raising=False)
    shipped = read_data_card(CARDS / f"{name}.data.yaml")
    assert shipped.expected is None
    if (CARDS / shipped.folder).exists():
        pytest.skip("the data set itself is here")
    with pytest.raises(AuditError, match=r"get .* from https://.*set AUDITKIT_DATA to the folder"):
        list_data(shipped)


@pytest.mark.parametrize("name", ["isic-2019", "fitzpatrick17k", "ddi", "isic-2016"])
def test_empty_folders_name_the_file_that_is_missing(tmp_path, name):
    (tmp_path / "x").mkdir()
    settings = {} if name == "isic-2016" else {"filter": "paper"}
    with pytest.raises(AuditError, match=r"\.csv"):
        list_data(card(tmp_path, name, folder="x", **settings))
