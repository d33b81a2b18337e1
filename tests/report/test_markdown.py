import re
from html.parser import HTMLParser

import pytest
import report_samples
from report_builders import verdict
from report_hostile import BREAKING_OUT, everywhere, full

from auditkit.report.markdown import COMMENT, JOB_SUMMARY, summary
from auditkit.report.marking import cell, folded
from auditkit.verdict import Verdict


@pytest.fixture(scope="module")
def run(folder):
    return full(folder)


def tables(text):
    """Rows of every table, as counts of columns."""
    found, rows = [], []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            rows.append(len(re.findall(r"(?<!\\)\|", line)) - 1)
        elif rows:
            found.append(rows)
            rows = []
    return found


def test_every_row_has_the_columns_of_its_head(run):
    for each in (run, everywhere(run, BREAKING_OUT)):
        found = tables(summary(each))
        assert len(found) >= 3
        assert all(len(set(rows)) == 1 for rows in found)
        assert len(found[0]) == len(run.verdicts) + 2


def test_text_is_never_markup(results):
    text = summary(results)
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "\\*b\\*" in text
    assert "\u202e" not in text


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, [name for name, _ in attrs if name != "style"]))


def test_a_reader_of_markdown_finds_the_same_elements_whatever_texts_say(run):
    reader = pytest.importorskip("markdown_it", reason='pip install "markdown-it-py"')
    page = reader.MarkdownIt("commonmark", {"html": True}).enable("table")
    hostile = Tags(page.render(summary(everywhere(run, BREAKING_OUT)))).found
    assert hostile == Tags(page.render(summary(everywhere(run, "x")))).found
    assert {tag for tag, _ in hostile} <= {
        *("h1", "h2", "h3", "p", "blockquote", "ul", "li", "strong", "details", "summary"),
        *("table", "thead", "tbody", "tr", "th", "td"),
    }
    assert all(not names for _, names in hostile)


@pytest.mark.parametrize(
    "text", ["@someone", "see #12", "https://evil.example/x", "www.evil.example"]
)
def test_nobody_is_called_and_nothing_is_linked(text):
    for marked in (cell(text), folded(text, "")):
        assert "<!-- -->" in marked
        assert not re.search(r"@\w|#\d|://|www\.", marked)


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


def test_waivers_baseline_profile_and_registration_are_told(run):
    text = summary(run).replace("\\", "")
    assert "| dermanet: light | teal.mean_change, radius 5 | ❌ fail | Dr. Ada Example" in text
    assert "2027-01-31 (in force) | RISK-12 |" in text
    assert "2027-01-31 (expired)" in text
    assert "| 0.83 | 0.818 | 0.818 [0.791, 0.845] | 990 (3 only there, 10 only here) |" in text
    assert "Profile nightly: Fewer images" in text
    assert "1 of 2 specs are unchanged" in text
    assert "b.audit.yaml: changed since the record" in text
    assert "No record was made" in summary(report_samples.passing())


def many(count):
    results = report_samples.passing()
    reason = "an exception with a long text " * 8
    words = [Verdict.PASS] * (count - 2) + [Verdict.ERROR, Verdict.FAIL]
    found = [
        verdict(f"audit-{i}", "m", word, reason=f"{i}: {reason}") for i, word in enumerate(words)
    ]
    return results.model_copy(update={"verdicts": found})


def test_long_tables_are_folded():
    text = summary(many(60))
    assert "<details><summary>60 expectations</summary>\n\n| Audit |" in text
    assert text.count("| audit-") == 60


@pytest.mark.parametrize("most", [COMMENT, 5_000, 1_000])
def test_what_is_too_long_is_cut_and_says_so(most):
    text = summary(many(700), most=most)
    assert len(text.encode("utf-8")) <= most
    assert "Shortened to the length that is allowed here" in text
    if most == COMMENT:
        assert "💥 error" in text
        assert "❌ fail" in text
        assert re.search(r"[\d,]+ further rows are left out", text)


def test_a_usual_run_is_not_cut(run):
    assert "Shortened" not in summary(run, most=COMMENT)
    assert summary(run, most=COMMENT) == summary(run, most=JOB_SUMMARY)
