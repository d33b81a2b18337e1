"""`auditkit share`: nothing that was to be kept out is left, nothing that was counted vanishes."""

import argparse
import html
import json
import re

import pytest
from shared_world import (
    ESCAPED,
    HOME,
    IDS,
    NUMBER,
    PATIENTS,
    QUOTED,
    SHOWN,
    content_of,
    data_set,
    digest_of,
    make_run,
    parsed,
    sha,
)

from auditkit.attestation.verifying import verify
from auditkit.commands.page_again import check_page
from auditkit.commands.sharing import add_commands
from auditkit.errors import AuditError
from auditkit.results import read_results, to_json
from auditkit.sharing.pseudonyms import pseudonym, read_key


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clinic")
    make_run(folder / "run", data_set(folder))
    return folder


def share(world, out, *arguments, cards="cards"):
    parser = argparse.ArgumentParser()
    add_commands(parser.add_subparsers())
    store, cards = str(world / ".auditkit" / "store"), str(world / cards)
    given = ["share", str(world / "run"), "--out", str(out), "--store", store, "--cards", cards]
    parsed = parser.parse_args([*given, *arguments])
    return parsed.run(parsed)


@pytest.fixture(scope="module")
def both(world, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "copy"
    share(world, out, "--redact", "ids", "--redact", "images")
    return out


def named(world, text):
    return pseudonym(read_key(world / ".auditkit" / "store"), "clinic", text)


def test_no_byte_of_the_copy_holds_an_id_or_a_path(world, both):
    content = content_of(both).decode("utf-8", "replace")
    plain = (
        html.unescape(content.replace("<wbr>", "")).replace("\\u0026", "&").replace("\\u0027", "'")
    )
    for text in (*IDS[:3], *PATIENTS[:3], HOME, "dr.huber", "my audits", "ward-7-pc", str(world)):
        assert text not in content
        assert text not in plain
    for image in IDS:
        assert digest_of(image) not in content


def test_every_id_has_its_pseudonym_where_it_stood(world, both):
    results = read_results(both / "results.json")
    audit, names = results.audits[0], {text: named(world, text) for text in (*IDS, *PATIENTS)}
    assert audit.examples[0].image_id == names[SHOWN]
    assert audit.examples[0].title == f"worst: {names[SHOWN]}"
    assert audit.examples[0].panels[0].caption == f"image of {names[SHOWN]}: 0.31"
    item = audit.galleries[0].items[0]
    assert (item.image_id, item.facets["patient"]) == (names[ESCAPED], names[PATIENTS[2]])
    assert item.outline == "M 0 0 L 7 7 Z"
    assert audit.counterfactuals[0].cases[0].image_id == names[NUMBER]
    row = audit.tables[0].rows[0]
    assert row == [names[NUMBER], "7", f"{names[QUOTED]} 0.93, {names[SHOWN]} 0.77"]
    assert audit.parameters == {"seed": 7}
    assert set(results.data[0].groups["patient"]) == {names[text] for text in PATIENTS}
    assert results.data[0].groups["sex"] == {"f": 4}
    # A plain number is an id only where the text says so.
    told = f"patient {names['3']} has image {names['7']}; 7 images and 3 patients in all"
    assert audit.notes == [told]
    assert f"picture of '{names[ESCAPED]}' cannot be read (7 of 20)" in results.verdicts[0].reason
    assert results.verdicts[0].node == f"audits/counts.audit.yaml::accuracy[steady-{names[SHOWN]}]"
    assert results.release[0].why == f"of {names[SHOWN]}."
    assert names[QUOTED] in (both / "junit.xml").read_text()


def test_command_lines_keep_their_options_and_lose_their_paths(both):
    command = parsed(both)["run"]["command"]
    assert command[0] == "pytest"
    assert command[3] == "-q"
    assert re.fullmatch(r"\[path [0-9a-f]{10}\]", command[1])
    assert re.fullmatch(r"--audit-store=\[path [0-9a-f]{10}\]", command[2])


def test_nothing_vanishes(world, both):
    before, after = parsed(world / "run"), parsed(both)
    shas = {file.stem for file in (world / "run" / "images").iterdir()}
    assert len(shas) == 6
    assert shas <= set(re.findall(r"[0-9a-f]{64}", json.dumps(after)))
    assert after["redaction"] == {
        "withheld": ["ids", "images"],
        "original_sha256": sha((world / "run" / "results.json").read_bytes()),
        "images": 6,
        "ids": 8,
    }
    for key in ("verdicts", "audits", "data", "models", "sources"):
        assert len(before[key]) == len(after[key])
    assert [one["sha256"] for one in before["sources"]] == [
        one["sha256"] for one in after["sources"]
    ]
    assert {path.name for path in both.iterdir()} == {
        *("results.json", "report.html", "junit.xml", "requirements.txt", "evidence.json"),
        *("statement.json", "MANIFEST.sha256", "samples", "sources"),
    }


def test_a_card_with_a_path_is_withheld_and_a_spec_without_is_not(world, both):
    spec, card = read_results(both / "results.json").sources
    assert (both / spec.kept).read_bytes() == (world / "run" / spec.kept).read_bytes()
    assert card.kept == ""
    assert len(list((both / "sources").iterdir())) == 1


def test_images_are_paired_by_keyed_digests(world, both):
    file = read_results(both / "results.json").audits[0].samples
    stored = json.loads((both / file.file).read_bytes())
    assert sha((both / file.file).read_bytes()) == file.sha256
    assert len(set(stored["images"])) == 4
    assert stored["patients"] == [0, 1, 2, 3]
    assert stored["samples"][0]["values"] == [1, 0, 1, 1]


def test_the_copy_verifies_but_for_what_it_withholds(both):
    found = verify(both, page=check_page)
    lines = {line.subject: line for line in found.lines}
    assert not lines["files"].problems
    assert not lines["statement"].problems
    assert not lines["page"].problems
    assert not lines["pictures and tables"].problems
    assert "6 are withheld" in lines["pictures and tables"].says


def test_images_alone_leaves_ids_and_ids_alone_leaves_images(world, tmp_path):
    share(world, tmp_path / "images", "--redact", "images")
    assert not (tmp_path / "images" / "images").exists()
    assert SHOWN in (tmp_path / "images" / "results.json").read_text()
    assert "UklGR" not in (tmp_path / "images" / "report.html").read_text()
    share(world, tmp_path / "ids", "--redact", "ids")
    assert len(list((tmp_path / "ids" / "images").iterdir())) == 6
    assert "UklGR" in (tmp_path / "ids" / "report.html").read_text()
    assert parsed(tmp_path / "ids")["redaction"]["images"] == 0


def test_two_copies_are_equal_and_a_copy_of_a_copy_keeps_its_pseudonyms(world, both, tmp_path):
    share(world, tmp_path / "again", "--redact", "images", "--redact", "ids")
    assert content_of(tmp_path / "again") == content_of(both)
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "run").symlink_to(both)
    for name in ("cards", "clinic.csv", ".auditkit"):
        (tmp_path / "w" / name).symlink_to(world / name)
    share(tmp_path / "w", tmp_path / "third", "--redact", "ids")
    second, third = parsed(both), parsed(tmp_path / "third")
    assert third["redaction"]["withheld"] == ["ids", "images"]
    assert second["audits"][0]["examples"] == third["audits"][0]["examples"]


def test_what_is_left_stops_the_copy(world, tmp_path, monkeypatch):
    from auditkit.sharing import copying

    def careless(content, renaming):
        return content

    monkeypatch.setattr(copying, "renamed_junit", careless)
    with pytest.raises(AuditError, match=r"nothing was shared: .* would be left in junit\.xml"):
        share(world, tmp_path / "copy", "--redact", "ids")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("left", ["images/a.png", "report.html"])
def test_a_picture_that_is_left_stops_the_copy(world, tmp_path, monkeypatch, left):
    from auditkit.commands import sharing

    plain = sharing._finish

    def careless(results, folder):
        plain(results, folder)
        (folder / left).parent.mkdir(exist_ok=True)
        (folder / left).write_text(f"data:image/webp;base64,UklGR{'A' * 80}")

    monkeypatch.setattr(sharing, "_finish", careless)
    with pytest.raises(AuditError, match="picture' would be left"):
        share(world, tmp_path / "copy", "--redact", "images")
    assert list(tmp_path.iterdir()) == []


def test_ids_need_the_data_or_a_list(world, tmp_path):
    """A table may quote an id that stands nowhere else: only the data set knows it for one."""
    empty = tmp_path / "none"
    empty.mkdir()
    with pytest.raises(AuditError, match="not all ids of 'clinic' are known"):
        share(world, tmp_path / "copy", "--redact", "ids", cards=empty)
    listed = tmp_path / "ids.txt"
    listed.write_text(f"{QUOTED}\n\nO'Neil & Söhne_2\n")
    (world / "clinic.csv").rename(world / "away.csv")
    try:
        with pytest.raises(AuditError, match=r"clinic\.csv"):
            share(world, tmp_path / "copy", "--redact", "ids")
        share(world, tmp_path / "copy", "--redact", "ids", "--ids", str(listed))
    finally:
        (world / "away.csv").rename(world / "clinic.csv")
    assert QUOTED.encode() not in content_of(tmp_path / "copy")


def test_another_data_set_under_the_same_name_is_noticed(world, tmp_path):
    other = tmp_path / "other"
    data_set(other)
    text = (other / "clinic.csv").read_text().replace(SHOWN, "Somebody_Else_1")
    (other / "clinic.csv").write_text(text)
    (other / "run").symlink_to(world / "run")
    with pytest.raises(AuditError, match=f"the run names '{SHOWN}', which is in none"):
        share(other, tmp_path / "copy", "--redact", "ids")


def test_the_key_never_lies_in_a_folder_that_is_shared(world, tmp_path):
    for store in (world / "run" / "store", tmp_path / "copy" / "deep" / "store"):
        with pytest.raises(AuditError, match="key of pseudonyms would lie in"):
            share(world, tmp_path / "copy", "--redact", "ids", "--store", str(store))
    assert not list((world / "run").rglob("*.key"))


def test_a_folder_that_exists_is_not_overwritten(world, tmp_path):
    (tmp_path / "copy").mkdir()
    with pytest.raises(AuditError, match="is not overwritten"):
        share(world, tmp_path / "copy", "--redact", "images")


def test_files_outside_the_run_are_not_read(world, tmp_path):
    folder = tmp_path / "w"
    results = make_run(folder / "run", data_set(folder))
    (tmp_path / "secret").write_text("secret")
    results.sources[0].kept = "../../secret"
    (folder / "run" / "results.json").write_text(to_json(results))
    with pytest.raises(AuditError, match="lies outside the folder"):
        share(folder, tmp_path / "copy", "--redact", "images")


def test_a_store_that_is_named_by_where_it_lies_beside_the_run_is_not_named(tmp_path):
    make_run(tmp_path / "run", data_set(tmp_path))
    listing = tmp_path / "run" / "evidence.json"
    listed = json.loads(listing.read_text()) | {"store": "../../../home/dr.huber/store"}
    listing.write_text(json.dumps(listed))
    share(tmp_path, tmp_path / "copy", "--redact", "ids")
    for file in (tmp_path / "copy").rglob("*"):
        assert file.is_dir() or b"dr.huber" not in file.read_bytes(), file


def test_a_path_beside_the_letter_of_an_option_is_replaced(tmp_path):
    make_run(tmp_path / "run", data_set(tmp_path))
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    results["run"]["command"] += ["-c/home/dr.huber/pytest.ini", "error:/home/dr.huber/a"]
    (tmp_path / "run" / "results.json").write_text(json.dumps(results))
    share(tmp_path, tmp_path / "copy", "--redact", "ids")
    assert b"dr.huber" not in (tmp_path / "copy" / "results.json").read_bytes()
