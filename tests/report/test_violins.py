import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from report_builders import HOSTILE, figure, series

from auditkit.report.figures import draw
from auditkit.report.grids import numbers
from auditkit.report.violins import density, halves

RIGHT, WRONG = [0.2, 0.6, 0.4, 0.8, 1.0], [0.1, 0.3, 0.2]


def violins(labels=("lime", "occlusion"), wrong=WRONG, **changes):
    lines = [series("right decisions", [0.0] * 5 + [1.0] * 5, [*RIGHT, *RIGHT])]
    lines.append(series("wrong decisions", [0.0] * len(wrong), list(wrong)))
    fields = {"kind": "violins", "labels": list(labels), "x_label": "method", "y_label": "MSFI"}
    return figure("v", "Violins", lines, **fields | changes)


def elements(found, tag):
    root = ET.fromstring(str(draw(found, "f")))
    return [element for element in root.iter() if element.tag.endswith(f"}}{tag}")]


def test_values_belong_to_their_label_and_half():
    found = halves(violins())
    assert list(found) == [(0, 0), (0, 1), (1, 0)]
    assert found[0, 1].values.tolist() == sorted(WRONG)
    assert found[0, 0].quartiles == pytest.approx((0.4, 0.6, 0.8))


def test_density_is_highest_at_the_mode_and_does_not_fall_off_at_the_end_of_the_range():
    at = np.linspace(0, 1, 101)
    middle = density(np.random.default_rng(0).normal(0.5, 0.1, 400).clip(0, 1), at)
    assert middle.max() == 1.0
    assert 0.4 < at[middle.argmax()] < 0.6
    rising = density(np.random.default_rng(0).random(4000) ** 0.25, at)
    assert rising[-1] > 0.9


def test_both_halves_are_named_and_in_colours_of_the_page():
    svg = str(draw(violins(), "f"))
    assert {"var(--ink)", "var(--line-1)", "var(--line-2)"} <= set(re.findall(r"var\([^)]+\)", svg))
    assert not re.search(r"#0[0-9]0[0-9a]0[0-9a]\b", svg)
    texts = [text.text for text in elements(violins(), "text")]
    assert {"right decisions (above)", "wrong decisions (below)", "lime", "occlusion"} <= set(texts)


def test_rows_add_height():
    many = violins([f"m{i}" for i in range(8)])
    heights = [
        float(ET.fromstring(str(draw(each, "f"))).get("height")) for each in (violins(), many)
    ]
    assert heights[1] - heights[0] == pytest.approx(6 * 62)


def test_description_says_what_is_seen():
    (description,) = [element.text for element in elements(violins(), "desc")]
    assert "lime, right decisions: 0.6 (0.4 to 0.8), 5 values" in description
    assert "lime, wrong decisions: 0.2 (0.15 to 0.25), 3 values" in description
    assert "occlusion, wrong" not in description


def test_numbers_are_one_row_per_half():
    found = numbers(violins())
    assert list(found.columns)[:4] == ["method", "group", "values", "least"]
    assert found.rows[1] == ["lime", "wrong decisions", "3", "0.1", "0.15", "0.2", "0.25", "0.3"]
    assert len(found.rows) == 3


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("wrong", [[], [0.5], [0.5, 0.5], [0.5, 0.5, 0.5], [0.0, 0.0, 1.0]])
def test_few_and_equal_values_are_drawn(wrong):
    assert len(halves(violins(wrong=wrong))) == 2 + bool(wrong)
    assert "<path" in str(draw(violins(wrong=wrong), "f"))


@pytest.mark.filterwarnings("error")
def test_nothing_evaluable_says_so():
    found = figure("v", "Violins", [], kind="violins")
    assert [text.text for text in elements(found, "text")] == ["nothing could be evaluated"]
    assert numbers(found).rows == []


def test_hostile_labels_are_text():
    assert "<script" not in str(draw(violins(labels=[HOSTILE, "b"]), "f"))


def test_same_numbers_give_the_same_bytes():
    assert draw(violins(), "a") == draw(violins(), "a")
