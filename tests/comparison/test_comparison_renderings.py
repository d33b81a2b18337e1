"""The command and its renderings: statuses for CI, and one truth in four formats."""

import argparse
import re
from functools import partial

import html5lib
import pytest
from finished_runs import MEASURES, audit, auroc_measurement, run, scores, simple, verdict

from auditkit.commands.comparing import FORMATS, add_commands
from auditkit.comparison.compare import compare
from auditkit.comparison.result import ComparisonResult
from auditkit.errors import AuditError
from auditkit.report.comparison import RENDERINGS, to_html, to_markdown, to_terminal, view

HOSTILE = "<script>alert('x')</script> | `code` \x1b[31mred\u202e [a](http://b) **b**"


def command(*words):
    parser = argparse.ArgumentParser()
    add_commands(parser.add_subparsers())
    given = parser.parse_args(["compare", *map(str, words)])
    return given.run(given)


@pytest.fixture
def runs(tmp_path):
    old = simple(tmp_path / "old", scores())
    return old, simple(tmp_path / "new", scores(worse=0.5, seed=5), "fail")


def test_the_exit_status_says_whether_it_is_within_limits(runs, capsys):
    old, new = runs
    assert command(old, new) == 1
    printed = capsys.readouterr().out
    assert printed.endswith("outside the limits of change\n")
    assert "OUTSIDE regressions: net, performance: roc_auc is worse by" in printed
    assert command(old, old) == 0
    with pytest.raises(AuditError):
        command(old, old.parent)
    with pytest.raises(AuditError, match="cannot be read"):
        command(old, new, "--limits", old / "none.limits.yaml")


def test_limits_can_accept_it(runs, tmp_path, capsys):
    file = tmp_path / "wide.limits.yaml"
    file.write_text("limits: wide\nmeasures: [{measure: roc_auc, loss: 0.2}]\nverdicts: may-turn\n")
    assert command(*runs, "--limits", file) == 0
    assert "limits (wide): roc_auc: a loss of 0.2 is excluded" in capsys.readouterr().out


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_says_the_same(runs, tmp_path, name, capsys):
    out = tmp_path / f"comparison.{name}"
    assert command(*runs, "--format", name, "--out", out) == 1
    assert capsys.readouterr().out == f"{out}\n"
    text = out.read_text(encoding="utf-8")
    found = compare(*runs)
    assert text == RENDERINGS[name](found)
    assert "roc_auc" in text.replace("\\", "")
    if name == "json":
        assert ComparisonResult.model_validate_json(text) == found
    else:
        value = f"{found.differences[0].value:.3f}".replace("-", "−")
        assert value in text
        assert "utside the limits of change" in text
    with pytest.raises(AuditError, match="is a folder"):
        command(*runs, "--format", name, "--out", tmp_path)


def hostile(folder, word):
    same = {HOSTILE: MEASURES["roc_auc"]}
    found = audit(folder, [auroc_measurement(scores(), HOSTILE)], name=HOSTILE, measures=same)
    told = verdict(HOSTILE, word, audit=HOSTILE, reason=HOSTILE, expected=HOSTILE)
    return run(folder, [found], [told])


def test_text_from_anywhere_stays_text(tmp_path):
    result = compare(hostile(tmp_path / "old", "pass"), hostile(tmp_path / "new", "fail"))
    page = to_html(result)
    assert "<script" not in page
    document = html5lib.parse(page, namespaceHTMLElements=False)
    assert [cell.text for cell in document.iter("td") if "alert" in "".join(cell.itertext())]
    assert "<script" not in to_markdown(result)
    assert "](http" not in to_markdown(result)
    for text in (page, to_markdown(result), to_terminal(result)):
        assert not re.search("[\x1b\u202e]", text)


def test_the_page_is_valid_and_needs_nothing_else(runs):
    page = to_html(compare(*runs))
    html5lib.HTMLParser(strict=True).parse(page)
    assert "default-src 'none'" in page
    assert not re.search(r'(?:src|href)="(?!#)', page)
    assert page == to_html(compare(*runs))


def test_no_model_is_named_where_there_is_one_and_each_where_there_are_several(runs):
    one = view(compare(*runs))
    assert one.grids[0].rows[0][0] == "performance"
    result = compare(*runs)
    pairs = [result.models[0], result.models[0].model_copy(update={"new": "other"})]
    both = view(result.model_copy(update={"models": pairs}))
    assert both.grids[0].rows[0][0] == "net: performance"


def test_long_tables_are_folded_in_markdown(tmp_path):
    names = [f"measure-{i}" for i in range(30)]
    old, new = (
        run(tmp_path / word, [], list(map(partial(verdict, word=word), names)))
        for word in ("pass", "fail")
    )
    text = to_markdown(compare(old, new))
    assert "<details><summary>Verdicts that turned (30)</summary>" in text
