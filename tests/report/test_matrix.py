import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_builders import HOSTILE, figure, series

from auditkit.findings import Figure, Series
from auditkit.report.figures import draw
from auditkit.report.grids import numbers
from auditkit.report.matrix import NARROWEST, OPAQUE, ROW, cells
from auditkit.results import figure_result

VALUES = [[48.2, -0.4], [2.0, None], [0.0, 50.0]]


def matrix(labels=("tint", "hair", "ruler"), names=("tint", "hair"), values=VALUES, **changes):
    places = [float(i) for i in range(len(labels))]
    lines = [series(name, places, [row[j] for row in values], 1.0) for j, name in enumerate(names)]
    fields = {"kind": "matrix", "labels": list(labels), "x_label": "permuted, judged"}
    fields |= {"y_label": "drop in units of 0.01", "reach": 50.0}
    return figure("m", "Matrix", lines, **fields | changes)


def elements(found, tag):
    root = ET.fromstring(str(draw(found, "f")))
    return [element for element in root.iter() if element.tag.endswith(f"}}{tag}")]


def texts(found):
    return [text.text for text in elements(found, "text")]


def test_every_cell_has_its_number():
    assert cells(matrix()) == VALUES
    found = texts(matrix())
    assert {"48.2", "−0.4", "2.0", "0.0", "50.0", "–"} <= set(found)
    assert {"tint", "hair", "ruler", "permuted, judged", "drop in units of 0.01"} <= set(found)


def test_colour_follows_sign_and_size():
    patches = [path.get("style") for path in elements(matrix(), "path")]
    spots = [style for style in patches if style and "opacity" in style and "fill: var" in style]
    by_hue = {}
    for style in spots:
        hue = re.search(r"fill: (var\([^)]+\))", style)[1]
        by_hue.setdefault(hue, []).append(float(re.search(r"opacity: ([\d.]+)", style)[1]))
    assert sorted(by_hue["var(--line-2)"]) == pytest.approx(
        [OPAQUE * 2 / 50, OPAQUE * 48.2 / 50, OPAQUE]
    )
    # What is 0 has no colour.
    assert by_hue["var(--line-1)"] == pytest.approx([OPAQUE * 0.4 / 50])


def test_small_numbers_have_two_decimals():
    found = matrix(values=[[0.123, 0.4], [0.5, None], [0.0, 1.0]], reach=1.0)
    assert {"0.12", "0.40", "1.00"} <= set(texts(found))


def test_without_a_declared_reach_the_largest_number_is_full():
    found = matrix(values=[[4.0, -8.0], [0.0, None], [0.0, 0.0]], reach=None)
    styles = [path.get("style") or "" for path in elements(found, "path")]
    assert any("var(--line-1)" in style and f"opacity: {OPAQUE:g}" in style for style in styles)
    zeros = matrix(values=[[0.0, 0.0], [0.0, None], [0.0, 0.0]], reach=None)
    assert texts(zeros).count("0.00") == 5


def test_matrix_says_what_it_shows():
    (description,) = [element.text for element in elements(matrix(), "desc")]
    assert "tint: tint 48.2, hair −0.4; hair: tint 2.0, hair –; ruler" in description
    assert "drop in units of 0.01" in description
    assert not re.search(r"#0[0-9]0[0-9a]0[0-9a]\b", str(draw(matrix(), "f")))


def test_numbers_of_a_matrix_are_the_matrix_with_intervals():
    found = numbers(matrix())
    assert list(found.columns) == ["permuted, judged", "tint", "hair"]
    assert found.rows[0] == ["tint", "48.2 [47.2, 49.2]", "−0.4 [−1.4, 0.6]"]
    assert found.rows[1] == ["hair", "2.0 [1.0, 3.0]", "–"]


@settings(max_examples=5, deadline=None)
@given(st.integers(1, 10), st.integers(1, 16), st.integers(1, 30))
def test_everything_lies_inside_the_drawing(rows, columns, letters):
    names = [f"{'x' * letters}{j}" for j in range(columns)]
    labels = [f"{'y' * letters}{i}" for i in range(rows)]
    found = matrix(labels, names, [[-12.3] * columns for _ in range(rows)])
    root = ET.fromstring(str(draw(found, "f")))
    width, height = float(root.get("width")), float(root.get("height"))
    assert width >= NARROWEST * columns
    assert height >= ROW * rows
    shown = elements(found, "text")
    assert sum(text.text == "−12.3" for text in shown) == rows * columns
    for text in shown:
        places = re.findall(r"translate\(([\d.-]+) ([\d.-]+)\)", text.get("transform") or "")
        x, y = map(float, places[0]) if places else (float(text.get("x")), float(text.get("y")))
        assert 0 <= x <= width
        assert 0 <= y <= height


@pytest.mark.filterwarnings("error")
def test_nothing_evaluable_says_so():
    found = figure("m", "Matrix", [], kind="matrix")
    assert texts(found) == ["nothing could be evaluated"]
    assert numbers(found).rows == []


def test_hostile_names_are_text():
    svg = str(draw(matrix(labels=[HOSTILE, "b", "c"], names=[HOSTILE, "d"]), "f"))
    assert "<script" not in svg


def test_same_numbers_give_the_same_bytes():
    assert draw(matrix(), "a") == draw(matrix(), "a")


def test_reach_is_kept_in_the_results():
    found = Figure("m", "M", "matrix", "x", "y", [Series("s", [0.0], [1.0])], reach=50.0)
    assert figure_result(found).reach == 50.0
