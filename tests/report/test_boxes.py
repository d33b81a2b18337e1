import re
import xml.etree.ElementTree as ET

import pytest
from report_builders import HOSTILE, figure, series

from auditkit.report.boxes import COLUMNS, outliers, summaries
from auditkit.report.figures import draw
from auditkit.report.grids import numbers

FIVES = [[0.1, 0.2, 0.3, 0.4, 0.5], [-0.2, -0.1, 0.0, 0.1, 0.2]]


def boxes(labels=("tint", "hair"), fives=FIVES, **changes):
    places = [float(i) for i in range(len(fives))]
    lines = [series(name, places, [five[i] for five in fives]) for i, name in enumerate(COLUMNS)]
    lines.append(series("outliers", [1.0, 1.0], [-0.9, 0.8]))
    fields = {"kind": "boxes", "labels": list(labels), "x_label": "concept", "zero": True}
    return figure("b", "Boxes", lines, **fields | changes)


def elements(found, tag):
    root = ET.fromstring(str(draw(found, "f")))
    return [element for element in root.iter() if element.tag.endswith(f"}}{tag}")]


def test_five_numbers_and_outliers_belong_to_their_label():
    found = boxes()
    assert summaries(found) == {0: tuple(FIVES[0]), 1: tuple(FIVES[1])}
    assert (outliers(found, 0), outliers(found, 1)) == ([], [-0.9, 0.8])


def test_labels_stand_in_their_order_and_rows_add_height():
    texts = [text.text for text in elements(boxes(), "text")]
    assert texts.index("tint") < texts.index("hair")
    many = boxes([f"c{i}" for i in range(12)], FIVES * 6)
    heights = [float(ET.fromstring(str(draw(each, "f"))).get("height")) for each in (boxes(), many)]
    assert heights[1] - heights[0] == pytest.approx(10 * 26)


def test_a_box_is_in_the_pages_colours_and_says_what_it_shows():
    svg = str(draw(boxes(), "f"))
    assert {"var(--ink)", "var(--muted)", "var(--line-1)"} <= set(re.findall(r"var\([^)]+\)", svg))
    assert not re.search(r"#0[0-9]0[0-9a]0[0-9a]\b", svg)
    (description,) = [element.text for element in elements(boxes(), "desc")]
    assert "tint 0.3 (0.2 to 0.4); hair 0 (−0.1 to 0.1)" in description


def test_numbers_of_boxes_are_one_row_per_label():
    found = numbers(boxes())
    assert list(found.columns) == ["concept", *COLUMNS, "outliers"]
    assert found.rows[0] == ["tint", "0.1", "0.2", "0.3", "0.4", "0.5", ""]
    assert found.rows[1][-1] == "−0.9, 0.8"


def test_a_label_without_a_box_leaves_its_row_empty():
    found = boxes(labels=["tint", "hair", "ruler"])
    assert "ruler" in [text.text for text in elements(found, "text")]
    assert [row[0] for row in numbers(found).rows] == ["tint", "hair"]


@pytest.mark.filterwarnings("error")
def test_nothing_evaluable_says_so():
    found = figure("b", "Boxes", [], kind="boxes")
    assert [text.text for text in elements(found, "text")] == ["nothing could be evaluated"]
    assert numbers(found).rows == []


def test_hostile_labels_are_text():
    svg = str(draw(boxes(labels=[HOSTILE, "b"]), "f"))
    assert "<script" not in svg


def test_same_numbers_give_the_same_bytes():
    assert draw(boxes(), "a") == draw(boxes(), "a")
