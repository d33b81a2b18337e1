import io
import re

import pytest
import report_samples
from report_hostile import BREAKING_OUT, everywhere, full

from auditkit.report.terminal import lines, render, wants_colour


def test_every_verdict_and_the_decision_are_told(results):
    text = render(results)
    for verdict in results.verdicts:
        row = rf"^{verdict.verdict.value} +{re.escape(verdict.audit)}: "
        assert re.search(row, text, re.MULTILINE)
    assert "release blocked: dermanet: light: pink.mean_change" in text
    assert "PARTIAL: 12 of 14 planned items were judged" in text
    assert "stand-ins, not the real thing: dermanet, dermoscopy" in text
    assert "4 specs" in text


def test_waivers_are_told(folder):
    text = render(full(folder))
    assert "waived until 2027-01-31 by Dr. Ada Example, head of quality (RISK-12): known" in text
    assert "waiver expired on 2027-01-31" in text


@pytest.mark.parametrize(
    ("decision", "words"),
    [("pass", "release passes: "), ("pass with waivers", "release passes with waivers: ")],
)
def test_decisions_have_words(decision, words):
    results = report_samples.passing()
    release = results.release[0].model_copy(update={"decision": decision})
    assert words in render(results.model_copy(update={"release": [release]}))


def test_colours_are_the_only_difference(results):
    coloured = render(results, coloured=True)
    assert "\x1b[32mpass" in coloured
    assert re.sub(r"\x1b\[[\d;]+m", "", coloured) == render(results)


def test_nothing_from_a_spec_steers_the_terminal(folder):
    run = full(folder)
    text = render(everywhere(run, BREAKING_OUT))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\x00" not in text
    assert text.count("\n") == render(everywhere(run, "x")).count("\n")
    assert all("\n" not in line.text for line in lines(everywhere(run, BREAKING_OUT)))


class Screen(io.StringIO):
    def isatty(self):
        return True


def test_colour_is_for_terminals_whose_users_want_it():
    assert wants_colour(Screen(), {})
    assert wants_colour(Screen(), {"NO_COLOR": ""})  # set but empty means nothing
    assert not wants_colour(Screen(), {"NO_COLOR": "1"})
    assert not wants_colour(Screen(), {"TERM": "dumb"})
    assert not wants_colour(io.StringIO(), {})
