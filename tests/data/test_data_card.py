"""Data cards: what a format needs, and what it would ignore, is said when the card is read."""

import re
from pathlib import Path

import pytest

from auditkit.spec.catalogue import read_data_card
from auditkit.spec.problems import SpecError


def read(tmp_path, text):
    path = tmp_path / "d.data.yaml"
    path.write_text(f"data: d\ntask: t\n{text}")
    return read_data_card(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("format: table\n", "file: the table or JSON file was expected"),
        ("format: folder\n", "folder: the folder of the data set was expected"),
        ("format: isic-2019\nfolder: x\n", "filter: 'paper' .* or 'none' was expected"),
        (
            "format: folder\nfolder: x\nfilter: paper\n",
            "filter: format 'folder' does not read this",
        ),
        ("format: table\nfile: x\nfolder: y\n", "folder: format 'table' does not read this"),
        ("format: ddi\nfolder: x\nfilter: paper\nexclusions: y\n", "exclusions: format 'ddi'"),
        ("format: folder\nfolder: x\nwith: {n: 1, seed: 1}\n", "with: format 'folder'"),
        ("format: synthetic-clinical\n", "with: the generator's parameters"),
        ("format: table\nfile: x\nsplit: test\n", "split: say which column holds it"),
        ("format: folder\nfolder: x\npictures: {window: [5, 5]}\n", "low < high was expected"),
        ("format: folder\nfolder: x\npictures: {window: [5]}\n", "low < high was expected"),
        ("format: folder\nfolder: x\npictures: {convert: [gray]}\n", "'grey' or 'palette'"),
        (
            "format: folder\nfolder: x\npictures: {slice: {axis: 3, index: 0}}\n",
            "less than or equal",
        ),
        ("format: folder\nfolder: x\npictures: {slice: {axis: 0, index: -1}}\n", "from 0"),
        ("format: folder\nfolder: x\npictures: {grey: true}\n", "unknown key 'pictures.grey'"),
    ],
)
def test_cards_that_cannot_be_meant_are_refused(tmp_path, text, message):
    with pytest.raises(SpecError, match=message):
        read(tmp_path, text)


def test_a_card_reads_no_folder(tmp_path):
    card = read(tmp_path, "format: coco\nfile: nowhere.json\nfolder: nowhere\nexpected: 5\n")
    assert card.folder == "nowhere"
    assert card.pictures.window is None


def test_the_cards_in_the_documentation_are_valid(tmp_path):
    text = (Path(__file__).parents[2] / "docs" / "data.md").read_text()
    found = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert len(found) == 3
    for content in found:
        (tmp_path / "x.data.yaml").write_text(content)
        read_data_card(tmp_path / "x.data.yaml")
