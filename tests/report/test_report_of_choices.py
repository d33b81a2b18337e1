"""Reports show a measure that is a name, its candidates, and verdicts on it."""

import report_samples
from report_builders import measurement, verdict

from auditkit.report.html import render
from auditkit.report.markdown import summary
from auditkit.results import ChoiceResult


def with_a_name(folder):
    results = report_samples.blocked(folder)
    for audit in results.audits:
        audit.figures, audit.examples, audit.galleries = [], [], []
    choice = ChoiceResult(
        value="ruler <b>", candidates=["ruler <b>", "hair"], p_values={"ruler <b>": 1, "hair": 0.2}
    )
    named = measurement("top_concept", None, n=100, clusters=80, choice=choice, reason="")
    results.audits[0].measurements.append(named)
    model = results.verdicts[0].model
    judged = verdict(
        results.verdicts[0].audit,
        "top_concept",
        "inconclusive",
        None,
        n=100,
        expected="in [hair]",
        model=model,
        reason="ruler <b> (not excluded: hair), n = 100; expected in [hair]",
    )
    results.verdicts.append(judged)
    return results


def test_the_name_and_its_candidates_are_shown(folder):
    page = render(with_a_name(folder), folder)
    assert 'ruler &lt;b&gt;<span class="under">not excluded: hair</span>' in page
    assert "ruler &lt;b&gt; (not excluded: hair), n = 100; expected in [hair]" in page
    assert "ruler <b>" not in page


def test_the_summary_of_a_job_has_the_reason_and_the_images(folder):
    (row,) = [line for line in summary(with_a_name(folder)).splitlines() if "top\\_concept" in line]
    assert "in \\[hair\\]" in row
    assert "not excluded: hair" in row
    assert "| 100 |" in row
