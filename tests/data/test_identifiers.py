"""What may identify a patient, in headers, names and columns; what only looks like it is not claimed."""

import gzip
import struct
import zlib
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from auditkit.data import load_data
from auditkit.data.check import check_data
from auditkit.data.identifiers import entry_identifiers, identifiers
from auditkit.data.identifiers.columns import header
from auditkit.data.identifiers.national import is_ahv_number, is_kvnr, is_nhs_number, is_nir
from auditkit.data.identifiers.texts import collection, personal, single
from auditkit.data.load import GENERATORS, list_data
from auditkit.sharing.findings import DECLARED
from auditkit.spec.catalogue import catalogue

from .cards import card, picture, write_csv

HEADER = ["image", "label", "patient"]
COLUMNS = {"patient": "patient"}


def found(folder, rows, columns=HEADER, kind="table", **settings):
    """Findings of a table, as {(where, what): count}."""
    write_csv(folder / "t.csv", rows, columns)
    given = {"file": "t.csv", "columns": COLUMNS, **settings}
    if kind == "volumes":
        given["columns"] = {}
    made = card(folder, kind, **given)
    return {
        (one.where, one.what): one.count for one in entry_identifiers(made, list_data(made).entries)
    }


def dicom(path, **elements):
    pydicom = pytest.importorskip("pydicom")
    data = pydicom.Dataset()
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = pydicom.uid.CTImageStorage
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = pydicom.uid.generate_uid()
    for name, value in elements.items():
        setattr(data, name, value)
    # Pixels that nothing could decode: they must not be touched.
    data.Rows = data.Columns = 60_000
    data.PixelData = b"\0\0"
    data["PixelData"].VR = "OW"
    return data, path


def saved(made):
    data, path = made
    data.save_as(path, enforce_file_format=True)
    return path


def test_dicom_headers_are_read_and_pixels_are_not(tmp_path):
    data, path = dicom(
        tmp_path / "a.dcm",
        PatientName="Huber^Anna",
        PatientBirthDate="19700131",
        PatientID="",
        OperatorsName="REMOVED",
        StudyDate="20200101",
        BurnedInAnnotation="YES",
    )
    item = type(data)()
    item.AccessionNumber = "A17"
    data.RequestAttributesSequence = [item]
    block = data.private_block(0x0009, "ACME", create=True)
    block.add_new(1, "LO", "Huber")
    saved((data, path))
    assert found(tmp_path, [["a.dcm", "0", "p1"]]) == {
        ("DICOM header", "PatientName (patient)"): 1,
        ("DICOM header", "PatientBirthDate (patient)"): 1,
        ("DICOM header", "StudyDate (date or time)"): 1,
        ("DICOM header", "SOPInstanceUID (link to an archive)"): 1,
        ("DICOM header", "AccessionNumber (patient)"): 1,
        ("DICOM header", "private elements"): 1,
        ("DICOM header", "BurnedInAnnotation is YES: text in the pixels"): 1,
    }


@pytest.mark.parametrize("method", ["", "basic profile"])
def test_files_that_say_how_they_were_de_identified_stand_apart(tmp_path, method):
    said = {"DeidentificationMethod": method} if method else {}
    path = tmp_path / "a.dcm"
    saved(
        dicom(path, PatientID="X1", PatientIdentityRemoved="YES", BurnedInAnnotation="YES", **said)
    )
    where = {where for where, _ in found(tmp_path, [["a.dcm", "0", "p1"]])}
    # What is drawn into pixels is not undone by a header.
    assert where == ({DECLARED, "DICOM header"} if method else {"DICOM header"})


def test_a_damaged_header_is_no_finding_here(tmp_path):
    (tmp_path / "a.dcm").write_bytes(b"no DICOM")
    (tmp_path / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n\xff\xff\xff\xfftEXt")
    (tmp_path / "c.jpg").write_bytes(b"")
    rows = [[name, "0", "p"] for name in ("a.dcm", "b.png", "c.jpg", "none.tif")]
    assert found(tmp_path, rows) == {}


def test_exif_of_photographs(tmp_path):
    exif = Image.Exif()
    exif[0x013B] = "Anna Huber"
    exif[0x010E] = "call +41 44 123 45 67"
    exif[0x0131] = "some camera 1.0"
    inside = exif.get_ifd(0x8769)
    inside[0x9003] = "2020:01:02 03:04:05"
    inside[0xA431] = "12345"
    exif.get_ifd(0x8825)[2] = (47.0, 22.0, 1.0)
    picture(0).save(tmp_path / "a.jpg", exif=exif)
    picture(1).save(tmp_path / "b.jpg")
    assert found(tmp_path, [["a.jpg", "0", "p1"], ["b.jpg", "0", "p2"]]) == {
        ("EXIF", "Artist"): 1,
        ("EXIF", "BodySerialNumber"): 1,
        ("EXIF", "DateTimeOriginal"): 1,
        ("EXIF", "GPS position"): 1,
        ("EXIF", "ImageDescription: telephone number"): 1,
    }


def test_exif_that_names_only_the_camera_is_no_finding(tmp_path):
    exif = Image.Exif()
    exif[0x010E], exif[0x0110], exif[0x0132] = (
        "OLYMPUS DIGITAL CAMERA",
        "E-M5",
        "0000:00:00 00:00:00",
    )
    picture(0).save(tmp_path / "a.jpg", exif=exif)
    assert found(tmp_path, [["a.jpg", "0", "p1"]]) == {}


def test_texts_of_png_before_and_behind_the_pixels(tmp_path):
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Author", "Anna Huber")
    texts.add_text("Software", "drawer 2.0")
    texts.add_itxt("Comment", "born 31.01.1970", zip=True)
    texts.add_text("Note", "anna.huber@example.org", zip=True)
    picture(0).save(tmp_path / "a.png", pnginfo=texts)
    content = (tmp_path / "a.png").read_bytes()
    late = b"tEXtLate\0" + b"756.9217.0769.85"
    chunk = struct.pack(">I", len(late) - 4) + late + struct.pack(">I", zlib.crc32(late))
    (tmp_path / "a.png").write_bytes(content[:-12] + chunk + content[-12:])
    assert found(tmp_path, [["a.png", "0", "p1"]]) == {
        ("PNG text", "Author"): 1,
        ("PNG text", "Comment: full date"): 1,
        ("PNG text", "Note: e-mail address"): 1,
        ("PNG text", "Late: Swiss AHV number (check digit)"): 1,
    }


def test_xmp_packets(tmp_path):
    packet = b"<x:xmpmeta><rdf:Description aux:SerialNumber='7'><dc:creator>A</dc:creator></rdf:Description>"
    picture(0).save(tmp_path / "a.jpg", xmp=packet)
    assert set(found(tmp_path, [["a.jpg", "0", "p1"]])) == {
        ("XMP", "aux:SerialNumber"),
        ("XMP", "dc:creator"),
    }


@pytest.mark.parametrize("zipped", [False, True])
def test_text_fields_of_nifti_headers(tmp_path, zipped):
    nibabel = pytest.importorskip("nibabel")
    values = np.arange(8, dtype=np.int16).reshape(2, 2, 2)
    names = ["named", "timed", "plain"]
    for name, text in zip(names, [b"Huber_Anna", b"TE=3;Time=101500.5", b"FSL5.0"], strict=True):
        volume = nibabel.Nifti1Image(values, np.eye(4))
        volume.header["descrip"] = text
        volume.header["db_name"] = b"p17" if name == "named" else b""
        nibabel.save(volume, tmp_path / f"{name}.nii")
        if zipped:
            raw = (tmp_path / f"{name}.nii").read_bytes()
            (tmp_path / f"{name}.nii.gz").write_bytes(gzip.compress(raw))
    suffix = ".nii.gz" if zipped else ".nii"
    rows = [[f"{name}{suffix}", "0"] for name in names]
    kept = {"modalities": {"t1": "image"}}
    assert found(tmp_path, rows, ["image", "label"], kind="volumes", volumes=kept) == {
        ("NIfTI header", "descrip: name of a person"): 1,
        ("NIfTI header", "descrip: time of acquisition"): 1,
        ("NIfTI header", "db_name: text"): 1,
    }


# Ids of published data sets, and other names that hold nobody's name or number.
NEAR_MISSES = [
    *(
        "ISIC_0024306",
        "0001",
        "MRNet/train/axial/0001",
        "BraTS-GLI-00000-000",
        "BraTS20_Training_001",
    ),
    *("files/p10/p10000032/s50414267/02aa804e-bde0afdd-112c0b34-7bc16630-4e384014", "PAT_8_15_820"),
    *("00000001_000", "9ff2b1d3-8c6f-4c0a-9a4e-51a8c1d3a201", "123456789012", "n01440764_10026"),
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    *(
        "Enlarged_Cardiomediastinum",
        "Lung_Opacity",
        "German_Shepherd",
        "No_Finding",
        "San_Francisco",
    ),
    *(
        "synthetic-2026-00142",
        "glioma-00017",
        "train/12",
        "1.2.840.10008.5.1.4.1.1.2",
        "0.93",
        "v1.2.3",
    ),
    *("2.5 +8.61 [+8.09, +9.13]", "666-12-3456", "123-00-4567", "943 476 5918", "756.9217.0769.84"),
    *("2020-13-01", "31.02.1999", "a@b", "Rose_Bengal", "Left_Arm", "Blue_White_Veil", "DSC_0001"),
]


@pytest.mark.parametrize("text", NEAR_MISSES)
def test_what_only_looks_like_an_identifier_is_not_claimed(text):
    assert list(single(text)) == []
    assert not personal(text)
    many = Counter(f"{text}{end}" for end in ("", "_a", "_b", "_c"))
    assert collection(many, names=True) == {}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("anna.huber@example.org", "e-mail address"),
        ("+41 44 123 45 67", "telephone number"),
        ("(212) 555-0123", "telephone number"),
        ("scan_1970-01-31_a", "full date"),
        ("31.01.1970", "full date"),
        ("Huber^Anna", "name in DICOM's form"),
        ("219-09-9999", "US social security number (shape)"),
        ("943 476 5919", "NHS number (check digit)"),
        ("7569217076985", "Swiss AHV number (check digit)"),
        ("1 85 05 78 006 084 91", "French NIR (key)"),
    ],
)
def test_what_is_claimed_of_a_single_text(text, what):
    assert list(single(text)) == [what]


@pytest.mark.parametrize("text", ["Huber_Anna", "Müller, Hans", "scan_Meier-Peter_2", "HUBER_ANNA"])
def test_a_common_given_name_beside_a_capitalised_word_is_a_name(text):
    assert personal(text)


def test_numbers_that_pass_by_chance_are_claimed_only_where_they_are_the_rule():
    nhs = ["9434765919", "4010232137", "5990128088"]
    assert all(map(is_nhs_number, nhs))
    assert collection(Counter(nhs), names=False) == {"NHS number (check digit)": 3}
    assert collection(Counter({nhs[0]: 5}), names=False) == {}
    # Consecutive numbers: one in eleven has the check digit.
    numbers = Counter(str(4_010_232_000 + i) for i in range(500))
    assert sum(map(is_nhs_number, numbers)) > 30
    assert collection(numbers, names=False) == {}
    dates = Counter(f"IMG_201907{day:02d}_a" for day in range(1, 20))
    assert collection(dates, names=False) == {"full date": 19}
    assert collection(Counter(str(20_190_000 + i) for i in range(2000)), names=False) == {}


@given(st.integers(0, 10**9 - 1), st.integers(1, 9), st.integers(0, 8))
def test_one_check_digit_fits_and_no_single_wrong_digit_does(number, change, place):
    nine = f"{number:09d}"
    wrong = f"{nine[:place]}{(int(nine[place]) + change) % 10}{nine[place + 1 :]}"
    for holds, front in ((is_ahv_number, "756"), (is_nhs_number, "")):
        right = [digit for digit in range(10) if holds(f"{front}{nine}{digit}")]
        # Of the modulus 11, one number in eleven has none.
        assert len(right) == 1 or (holds is is_nhs_number and not right)
        assert not any(holds(f"{front}{wrong}{digit}") for digit in right)
    assert sum(is_kvnr(f"K{nine[:8]}{digit}") for digit in range(10)) == 1


def test_the_key_of_a_nir_is_what_insee_says():
    for number in (1_850_578_006_084, 2_550_897_411_123):
        key = 97 - number % 97
        assert is_nir(f"{number}{key:02d}")
        assert not is_nir(f"{number}{(key + 1) % 97:02d}")
    corsica = 2_780_619_033_012
    key = 97 - corsica % 97
    assert is_nir(f"278062A033012{key:02d}")


@pytest.mark.parametrize(
    ("name", "what"),
    [
        *(
            (name, "name of a person")
            for name in ("Surname", "patient_first_name", "Prénom", "Nachname")
        ),
        *(
            (name, "date of birth")
            for name in ("DOB", "Birth-Date", "date_of_birth", "Fecha de nacimiento")
        ),
        *(
            (name, "record or insurance number")
            for name in ("MRN", "ssn", "AHV-Nr", "codice fiscale")
        ),
        *((name, "address") for name in ("Strasse", "home_address", "Indirizzo")),
        *((name, "telephone number") for name in ("phone", "Telefon", "mobile_phone")),
        *((name, "postal code") for name in ("ZIP", "PLZ", "code_postal")),
        *((name, "e-mail address") for name in ("E-Mail", "patient_email")),
        *(
            (name, "")
            for name in ("image_name", "file_name", "label_name", "class", "sex", "age", "site")
        ),
        *(
            (name, "")
            for name in ("birth_weight", "telangiectasia", "mass", "nominal", "patient", "zip_file")
        ),
    ],
)
def test_columns_by_their_header(name, what):
    assert header(name) == what


def test_columns_of_a_table_by_header_and_by_values(tmp_path):
    picture(0).save(tmp_path / "a.png")
    picture(1).save(tmp_path / "b.png")
    columns = [*HEADER, "Nachname", "name", "remark", "note", "plz"]
    rows = [
        ["a.png", "0", "p1", "Huber", "Anna Huber", "x", "seen 1970-01-31", ""],
        ["b.png", "1", "p2", "", "Li, Wei", "y", "", ""],
    ]
    assert found(tmp_path, rows, columns) == {
        ("column 'Nachname'", "name of a person (by its header)"): 1,
        ("column 'name'", "name of a person (by its header)"): 2,
        ("column 'note'", "full date"): 1,
    }


def test_names_of_files_ids_and_patients(tmp_path):
    (tmp_path / "Huber_Anna").mkdir()
    picture(0).save(tmp_path / "Huber_Anna" / "a.png")
    assert found(tmp_path, [["Huber_Anna/a.png", "0", "219-09-9999"]]) == {
        ("file name", "name of a person (a common given name beside a capitalised word)"): 1,
        ("patient id", "US social security number (shape)"): 1,
    }


def test_every_layout_gives_its_files(tmp_path):
    """A loaded data set, the artifact drawn into it, and the listing find the same."""
    exif = Image.Exif()
    exif[0x013B] = "Anna"
    for place in ("benign/a.jpg", "malignant/b.jpg"):
        (tmp_path / "d" / place).parent.mkdir(parents=True)
        picture(0).save(tmp_path / "d" / place, exif=exif)
    plain = card(tmp_path, "folder", folder="d", positive=["malignant"])
    marked = card(
        tmp_path,
        "folder",
        folder="d",
        positive=["malignant"],
        artifact={"draw": "red-dot", "on": "all"},
    )
    for one in (plain, marked):
        assert [(f.where, f.count) for f in identifiers(load_data(one))] == [("EXIF", 2)]


def test_equal_files_are_looked_at_once(tmp_path, monkeypatch):
    from auditkit.data.identifiers import search

    for name in ("a.jpg", "b.jpg", "c.jpg"):
        picture(42).save(tmp_path / name, comment=b"31.01.1970")
    opened = []
    plain = search.in_raster
    monkeypatch.setattr(search, "in_raster", lambda file: opened.append(1) or plain(file))
    rows = [[f"{name}.jpg", "0", name] for name in "abc"]
    assert found(tmp_path, rows) == {("comment", "JPEG: full date"): 3}
    assert len(opened) == 1


def test_data_check_lists_findings_as_problems_until_the_card_clears_them(tmp_path):
    exif = Image.Exif()
    exif[0x013B] = "Anna"
    picture(0, (60, 80)).save(tmp_path / "a.jpg", exif=exif)
    write_csv(tmp_path / "t.csv", [["a.jpg", "1", "p1"]], HEADER)
    given = {"file": "t.csv", "columns": COLUMNS}
    open_ = check_data(card(tmp_path, "table", **given), workers=1)
    assert open_.problems == 1
    assert "EXIF: Artist: 1" in open_.render_text()
    assert "dossier: {deidentified: ...}" in open_.render_text()
    given["dossier"] = {"deidentified": "data office, 2026-01-02: artists are photographers"}
    cleared = check_data(card(tmp_path, "table", **given), workers=1)
    assert cleared.problems == 0
    assert "cleared (the card states: data office" in cleared.render_text()
    assert "EXIF: Artist: 1" in cleared.render_text()


def test_shipped_data_sets_raise_no_false_alarm(request):
    cards = catalogue([request.config.rootpath / "fixtures"]).data_sets()
    photos = cards["photos"]
    assert entry_identifiers(photos, list_data(photos).entries) == []
    drawn = [one for one in cards.values() if one.format in GENERATORS and one.with_.n <= 400]
    for one in drawn[:3]:
        assert identifiers(load_data(one)) == []
