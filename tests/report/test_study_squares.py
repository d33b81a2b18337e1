"""Squares: areas are numbers, colour and letter are the direction, and everything stands in words too."""

import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_builders import HOSTILE

from auditkit.findings import Figure, Series
from auditkit.report.figures import draw
from auditkit.report.grids import numbers
from auditkit.report.language import Language
from auditkit.report.squares import LARGEST, REFERENCE, ROW
from auditkit.results import Results, figure_result
from auditkit.results.found import FigureResult

NAN = float("nan")
HUES = {
    "malignant": "fill: var(--line-2)",
    "benign": "fill: var(--line-1)",
    "neither": "stroke: var(--muted)",
}


def squares(labels=("darker", "pinker"), columns=None, **fields):
    columns = columns or {
        "ours (audited)": ([0.64, 0.16], ["malignant", "benign"]),
        "theirs": ([0.04, 0.0], ["neither", "neither"]),
    }
    rows = [float(i) for i in range(len(labels))]
    series = [
        Series(name, rows, values, [v / 2 for v in values], [v + 0.1 for v in values], marks=marks)
        for name, (values, marks) in columns.items()
    ]
    words = (["malignant", "unknown"] * len(labels))[: len(labels)]
    series.append(Series("literature", rows, [NAN] * len(rows), dashed=True, marks=words))
    return figure_result(
        Figure(
            "s", "Squares", "squares", "attribute", "share", series, "How.", labels=labels, **fields
        )
    )


def drawn(found, tag, **language):
    root = ET.fromstring(str(draw(found, "f", **language)))
    return [element for element in root.iter() if element.tag.endswith(f"}}{tag}")]


def texts(found, **language):
    return [text.text for text in drawn(found, "text", **language)]


def sides(found):
    """Sides of the squares by the colour that they are drawn in, above the legend."""
    root = ET.fromstring(str(draw(found, "f")))
    legend = float(root.get("height")) - 60
    sizes = {mark: [] for mark in HUES}
    for path in (each for each in root.iter() if each.tag.endswith("}path")):
        corners = [
            tuple(map(float, pair)) for pair in re.findall(r"([\d.]+) ([\d.]+)", path.get("d", ""))
        ]
        style = path.get("style") or ""
        if len(corners) < 4 or max(y for _, y in corners) > legend:
            continue
        width = (
            float((re.search(r"stroke-width: ([\d.]+)", style) or [0, 0])[1])
            if "stroke:" in style
            else 0
        )
        side = max(x for x, _ in corners) - min(x for x, _ in corners) + width
        for mark, hue in HUES.items():
            if hue in style:
                sizes[mark].append(side)
    return sizes


def test_area_is_proportional_to_the_number_and_colour_is_the_direction():
    found = sides(squares())
    malignant = [side for side in found["malignant"] if side != pytest.approx(REFERENCE)]
    assert malignant == pytest.approx([LARGEST])
    assert found["benign"] == pytest.approx([LARGEST * (0.16 / 0.64) ** 0.5], rel=1e-3)
    assert found["neither"] == pytest.approx([LARGEST * (0.04 / 0.64) ** 0.5], rel=1e-3)
    assert any(side == pytest.approx(REFERENCE) for side in found["malignant"])


def test_a_declared_reach_makes_figures_comparable():
    full = sides(squares(reach=1.0))["benign"]
    assert full == pytest.approx([LARGEST * 0.16**0.5], rel=1e-3)


def test_directions_are_read_without_colours():
    found = texts(squares())
    # Two squares and the literature's word; a square for each in the legend says its letter in its text.
    assert (found.count("mal"), found.count("ben"), found.count("=")) == (2, 1, 1)
    assert found.count("0") == 1
    assert found.count("–") == 1
    assert {"mal: more in the malignant picture", "ben: more in the benign picture"} <= set(found)
    assert "=: neither predominates" in found
    assert {"0.5", "0.25", "0.1", "area of a square"} <= set(found)
    german = texts(squares(), t=Language("de"))
    assert "ben: mehr im benignen Bild" in german
    assert german.count("=") == 1


def test_it_says_what_it_shows():
    (description,) = [element.text for element in drawn(squares(), "desc")]
    assert (
        "darker: ours (audited) 0.640 malignant, theirs 0.040 neither, literature malignant"
        in description
    )
    assert (
        "pinker: ours (audited) 0.160 benign, theirs 0.000 neither, literature unknown"
        in description
    )
    assert not re.search(r"#0[0-9]0[0-9a]0[0-9a]\b", str(draw(squares(), "f")))


def test_numbers_have_intervals_and_directions():
    found = numbers(squares())
    assert list(found.columns) == ["attribute", "ours (audited)", "theirs", "literature"]
    assert found.rows[0] == [
        "darker",
        "0.640 [0.320, 0.740] malignant",
        "0.040 [0.020, 0.140] neither",
        "malignant",
    ]


@settings(max_examples=5, deadline=None)
@given(st.integers(1, 12), st.integers(1, 9), st.integers(1, 30))
def test_everything_lies_inside_the_drawing(rows, columns, letters):
    named = {
        f"{'x' * letters}{j} (audited)": ([0.3] * rows, ["benign"] * rows) for j in range(columns)
    }
    found = squares([f"{'y' * letters}{i}" for i in range(rows)], named)
    root = ET.fromstring(str(draw(found, "f")))
    width, height = float(root.get("width")), float(root.get("height"))
    assert height >= ROW * rows
    assert texts(found).count("ben") == rows * columns
    for text in drawn(found, "text"):
        places = re.findall(r"translate\(([\d.-]+) ([\d.-]+)\)", text.get("transform") or "")
        x, y = map(float, places[0]) if places else (float(text.get("x")), float(text.get("y")))
        assert 0 <= x <= width
        assert 0 <= y <= height


@pytest.mark.filterwarnings("error")
def test_nothing_evaluable_says_so():
    found = figure_result(Figure("s", "S", "squares", "x", "y", []))
    assert texts(found) == ["nothing could be evaluated"]
    assert numbers(found).rows == []


@pytest.mark.filterwarnings("error")
def test_nothing_noted_is_drawn():
    assert texts(squares(columns={"a": ([0.0, 0.0], ["neither", "neither"])})).count("0") == 2


def test_hostile_names_are_text():
    named = {HOSTILE: ([0.1, 0.2], ["benign", "neither"])}
    assert "<script" not in str(draw(squares([HOSTILE, "b"], named), "f"))


def test_same_numbers_give_the_same_bytes():
    assert draw(squares(), "a") == draw(squares(), "a")


def test_marks_are_kept_in_the_results_and_old_results_are_read():
    found = squares()
    assert found.series[0].marks == ["malignant", "benign"]
    assert FigureResult.model_validate_json(found.model_dump_json()) == found
    old = found.model_dump(mode="json")
    old["kind"] = "matrix"
    for line in old["series"]:
        del line["marks"]
    assert FigureResult.model_validate(old).series[0].marks is None
    with pytest.raises(ValueError, match="marks"):
        FigureResult.model_validate(
            found.model_dump(mode="json")
            | {"series": [found.series[0].model_dump(mode="json") | {"marks": ["<b>", "benign"]}]}
        )
    assert "squares" in str(Results.model_json_schema()["$defs"]["FigureResult"])
