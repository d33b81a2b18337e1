import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from report_builders import HOSTILE, figure, series, verdict

from auditkit.colour import srgb_to_luv
from auditkit.report.bars import bar, limits
from auditkit.report.figures import STRIP_RADIUS, draw, hues
from auditkit.report.grids import MOST_POINTS, grid, numbers
from auditkit.results import TableResult
from auditkit.verdict import Verdict


def circle(**changes):
    line = series("radius 5", [0.0, 90.0, 180.0, 270.0], [0.1, 0.0, -0.1, None], 0.01)
    return figure("response", "Response", [line], kind="circle", zero=True, **changes)


EMPTY = [figure("empty", "Empty", []), figure("none", "None", [], kind="forest", labels=[])]


@pytest.mark.parametrize("found", EMPTY, ids=["lines", "forest"])
@pytest.mark.filterwarnings("error")
def test_figure_of_nothing_says_so(found):
    assert "nothing could be evaluated" in str(draw(found, "f"))


@pytest.mark.parametrize("found", [EMPTY[0], circle()], ids=["empty", "circle"])
def test_figure_is_named_and_coloured_by_the_page(found):
    svg = str(draw(found, "figure-1"))
    root = ET.fromstring(svg)
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == "figure-1-title figure-1-description"
    assert "var(--ink)" in svg
    assert not re.search(r"#0[0-9]0[0-9a]0[0-9a]\b", svg)
    assert "metadata" not in svg


def test_every_id_of_a_figure_starts_with_its_name():
    root = ET.fromstring(str(draw(circle(), "figure-1")))
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert all(name.startswith("figure-1-") for name in ids)


def test_same_numbers_give_the_same_figure():
    assert draw(circle(), "a") == draw(circle(), "a")


def test_text_in_figures_is_text():
    found = figure("f", HOSTILE, [series(HOSTILE, [0.0, 1.0], [0.0, 1.0])], x_label=HOSTILE)
    svg = str(draw(found, "f"))
    assert "<script" not in svg
    texts = [element.text for element in ET.fromstring(svg).iter() if element.tag.endswith("}text")]
    assert HOSTILE.replace("\u202e", "\ufffd") in texts


def test_circle_names_its_directions():
    svg = str(draw(circle(), "f"))
    assert all(word in svg for word in ("pink", "yellow", "teal", "blue", "360°"))


def test_strip_shows_the_hue_of_every_angle():
    colours = np.moveaxis(hues()[:, None, :] / 255.0, -1, 0)
    _, u, v = srgb_to_luv(colours)
    angles = np.degrees(np.arctan2(v, u)).ravel() % 360
    assert np.abs(angles - np.arange(1, 360, 2)).max() < 1.5
    assert np.abs(np.hypot(u, v) - STRIP_RADIUS).max() < 1.5


def forest(**changes):
    model = series("scanoma", [0.0, 1.0, 2.0], [0.67, 0.1, None], 0.02)
    truth = series("true probability", [0.0, 1.0], [0.0, 0.2], dashed=True)
    labels = ["tint", "size", "hair"]
    return figure("f", "F", [model, truth], kind="forest", zero=True, labels=labels, **changes)


def test_a_forest_has_a_row_per_label_in_their_order():
    root = ET.fromstring(str(draw(forest(), "f")))
    text = "\n".join(element.text or "" for element in root.iter() if element.tag.endswith("}text"))
    assert "tint\nsize\nhair" in text
    assert "accuracy" in text
    assert "true probability" in text


def test_a_forest_grows_with_its_rows():
    few, many = (
        ET.fromstring(str(draw(figure("f", "F", [], kind="forest", labels=["a"] * n), "f")))
        for n in (3, 20)
    )
    assert float(many.get("height")) - float(few.get("height")) == pytest.approx(17 * 22)


def test_long_labels_are_cut_so_that_there_is_room_for_a_forest():
    name = "a name of very many words " * 6
    long = forest().model_copy(update={"labels": [name, *forest().labels[1:]]})
    svg = str(draw(long, "f"))
    assert name.strip() not in svg
    assert "a name of very many words a name of" in svg
    assert "…" in svg
    assert any(name in row for row in numbers(long).rows)


def test_numbers_of_a_forest_name_its_rows():
    rows = numbers(forest()).rows
    assert rows[0][:2] == ["scanoma", "tint"]
    assert rows[2][1:] == ["hair", "–", "–", "–"]
    assert rows[4][:2] == ["true probability", "size"]


def test_gap_stays_a_gap_in_the_numbers():
    rows = numbers(circle()).rows
    assert rows[3] == ["radius 5", "270", "–", "–", "–"]


def test_long_lines_are_thinned_with_both_ends():
    x = [float(i) for i in range(1000)]
    found = numbers(figure("f", "F", [series("s", x, list(x))]))
    assert len(found.rows) == MOST_POINTS
    assert (found.rows[0][1], found.rows[-1][1]) == ("0", "999")
    assert "results.json" in found.caption


def test_ragged_tables_lose_no_cell():
    table = TableResult(name="t", title="T", columns=["a"], rows=[["1", "2"], []], caption="")
    assert grid(table).rows == [["1", "2"], ["", ""]]


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        ("between -0.05 and 0.05", (-0.05, 0.05)),
        ("above 1e-05", (1e-5, None)),
        ("below 0.2", (None, 0.2)),
        ("as the paper says", None),
    ],
)
def test_limits_are_read_from_the_words(expected, found):
    assert limits(expected) == found


def test_bar_shows_whether_the_interval_lies_inside():
    inside = str(bar(verdict("a", "m", Verdict.PASS, (5, 4, 6), expected="between 0 and 10")))
    accepted = re.search(r'accepted" d="M([\d.]+) 0H([\d.]+)', inside)
    interval = re.search(r'interval" d="M([\d.]+) 6H([\d.]+)', inside)
    assert float(accepted[1]) < float(interval[1]) < float(interval[2]) < float(accepted[2])


def test_no_bar_without_an_interval_or_a_limit():
    assert not bar(verdict("a", "m", Verdict.NOT_RUN))
    assert not bar(verdict("a", "m", Verdict.PASS, (5, 4, 6), expected=HOSTILE))
