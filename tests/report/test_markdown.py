import re

import report_samples

from auditkit.report.markdown import cell, summary


def test_every_row_has_the_columns_of_its_head(results):
    rows = [line for line in summary(results).splitlines() if line.startswith("|")]
    columns = [len(re.findall(r"(?<!\\)\|", row)) for row in rows]
    assert set(columns) == {8}
    assert len(rows) == len(results.verdicts) + 2


def test_text_is_never_markup(results):
    text = summary(results)
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "\\*b\\*" in text
    assert "\u202e" not in text


def test_cells_stay_on_one_line():
    assert cell("a\n\n| b") == "a \\| b"


def test_decision_and_deviations_come_first(results):
    text = summary(results)
    assert text.index("Release blocked") < text.index("| Audit |")
    assert "**Partial run.**" in text
    assert text.index("**Partial run.**") < text.index("| Audit |")
    assert "not confirmed after Holm's correction" in text.replace("\\", "")


def test_pass_says_what_it_is_and_is_not():
    text = summary(report_samples.passing())
    assert "Meets every blocking expectation" in text
    assert "not a conformity assessment" in text


def test_long_lists_are_cut_and_counted():
    results = report_samples.passing()
    deviations = results.deviations.model_copy(update={"deselected": [f"x{i}" for i in range(40)]})
    text = summary(results.model_copy(update={"deviations": deviations}))
    assert "- x9\n> - and 30 more" in text
