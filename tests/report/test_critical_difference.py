import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_builders import HOSTILE, figure, series

from auditkit.findings import Figure, Series
from auditkit.report.critical_difference import groups, levels, ranked
from auditkit.report.figures import draw
from auditkit.report.grids import numbers
from auditkit.results import figure_result

RANKS = st.lists(st.floats(1, 18), min_size=1, max_size=18).map(sorted)


def diagram(ranks, difference=1.0, labels=None, **changes):
    names = labels or [f"method-{place}" for place in range(len(ranks))]
    line = series("mean rank", [float(i) for i in range(len(ranks))], ranks, 0.2)
    fields = {"kind": "ranks", "labels": names, "critical_difference": difference}
    return figure("r", "Mean ranks", [line], y_label="mean rank", **fields | changes)


def elements(found, tag):
    root = ET.fromstring(str(draw(found, "f")))
    return [element for element in root.iter() if element.tag.endswith(f"}}{tag}")]


def texts(found):
    return [element.text for element in elements(found, "text")]


def test_bars_join_the_methods_of_demsars_example():
    """JMLR 7:1-30, section 3.2.2: no two of four classifiers differ at 5 %, pure C4.5 does at 10 %."""
    assert groups([1.964, 2.0, 2.893, 3.143], 1.25) == [(0, 3)]
    assert groups([1.964, 2.0, 2.893, 3.143], 1.12) == [(0, 2), (2, 3)]


@given(RANKS, st.floats(0.1, 5))
def test_two_methods_share_a_bar_exactly_if_they_do_not_differ(ranks, difference):
    bars = groups(ranks, difference)
    for i, low in enumerate(ranks):
        for j in range(i + 1, len(ranks)):
            together = any(first <= i and j <= last for first, last in bars)
            assert together == (ranks[j] - low < difference)
    assert all(a < c and b < d for (a, b), (c, d) in pairwise(bars))


@given(RANKS, st.floats(0.1, 5))
def test_bars_of_one_level_do_not_touch(ranks, difference):
    bars = [(ranks[a], ranks[b]) for a, b in groups(ranks, difference)]
    placed = list(zip(bars, levels(bars, 0.05), strict=True))
    for i, (bar, level) in enumerate(placed):
        for other, at in placed[i + 1 :]:
            assert at != level or other[0] - bar[1] > 0.05


@pytest.mark.parametrize("count", [2, 3, 10, 18])
def test_names_keep_their_distance_and_stay_inside(count):
    found = diagram(
        [1 + 0.3 * place for place in range(count)], labels=["guided-gradcam-x"] * count
    )
    root = ET.fromstring(str(draw(found, "f")))
    names = [text for text in elements(found, "text") if "guided-gradcam-x" in text.text]
    assert len(names) == count
    rows = {}
    for name in names:
        x, y = float(name.get("x")), float(name.get("y"))
        rows.setdefault("end" in name.get("style"), []).append(y)
        assert 0 <= x <= float(root.get("width"))
        assert 0 <= y <= float(root.get("height"))
    for heights in rows.values():
        assert all(abs(a - b) >= 16 for a, b in pairwise(heights))


def test_diagram_is_in_the_pages_colours_and_says_what_it_shows():
    found = diagram([1.2, 1.5, 3.1, 4.2], labels=["a", "b", "c", "d"])
    svg = str(draw(found, "f"))
    assert {"var(--ink)", "var(--muted)", "var(--line-1)"} <= set(re.findall(r"var\([^)]+\)", svg))
    assert not re.search(r"#0[0-9]0[0-9a]0[0-9a]\b", svg)
    (description,) = [element.text for element in elements(found, "desc")]
    assert "the best first: a 1.20; b 1.50; c 3.10; d 4.20" in description
    assert "Critical difference 1.00. Not different: a to b." in description


def test_best_method_is_named_first_whatever_their_order():
    assert ranked(diagram([3.0, 1.0, 2.0], labels=["a", "b", "c"])) == [
        ("b", 1.0),
        ("c", 2.0),
        ("a", 3.0),
    ]


def test_long_and_hostile_names_are_text_inside_the_figure():
    found = diagram([1.0, 2.0, 3.0], labels=[HOSTILE, "x" * 60, "y"])
    root = ET.fromstring(str(draw(found, "f")))
    assert float(root.get("width")) > 60 * 6
    assert any("<script>" in (text or "") for text in texts(found))
    assert "<script" not in str(draw(found, "f"))


def test_same_ranks_give_the_same_bytes():
    assert draw(diagram([1.0, 2.0]), "a") == draw(diagram([1.0, 2.0]), "a")


@pytest.mark.parametrize("ranks", [[1.5, 1.5], [2.0] * 3, [1.0, 2.0]])
def test_tied_methods_are_drawn(ranks):
    assert len(texts(diagram(ranks, difference=5.0))) >= 2 + len(ranks)


def test_nothing_evaluable_says_so():
    assert texts(figure("r", "R", [], kind="ranks")) == ["nothing could be evaluated"]


def test_critical_difference_is_kept_in_the_results():
    found = Figure(
        "r", "R", "ranks", "m", "rank", [Series("s", [0.0], [1.0])], labels=["a"],
        critical_difference=0.7,
    )  # fmt: skip
    assert figure_result(found).critical_difference == 0.7
    assert numbers(figure_result(found)).rows[0][:2] == ["s", "a"]
