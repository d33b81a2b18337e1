"""Clinical assessments: who concluded what; without a record that counts, not run and never passed."""

import datetime as dt
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from auditkit.checks import clinical_assessment as check
from auditkit.errors import Unavailable
from auditkit.spec.assessment import AssessmentCard
from auditkit.spec.assessment_questions import Relevance, Understandability
from auditkit.spec.catalogue import read_assessment
from auditkit.spec.declarations.clinical_assessment import ClinicalAssessment
from auditkit.verdict import worst_case

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "fixtures" / "assessments" / "glioma-heatmaps.assessment.yaml"
TODAY = dt.date(2026, 11, 22)


def conclusion(kind, met):
    answer = "yes" if met == "yes" else {"answer": met, "reason": f"it is {met} here"}
    words = {} if met == "yes" else {"conclusion": f"{met} altogether"}
    return {"met": met, **words, **{name: answer for name, _ in kind.questions()}}


def record(understandable, relevant, **changes):
    """One assessor per word."""
    people = [
        {
            "role": "neurosurgeon",
            "organisation": f"hospital {number}",
            "date": changes.get("date", "2026-06-01"),
            "understandability": conclusion(Understandability, first),
            "relevance": conclusion(Relevance, second),
            **({"experience": 12, "independent": True} if number == 0 else {}),
        }
        for number, (first, second) in enumerate(zip(understandable, relevant, strict=True))
    ]
    return AssessmentCard.model_validate(
        {
            "assessment": "mine",
            "task": "t",
            "explanation": {
                "form": "heatmap",
                "description": "Colours over an MRI.",
                "methods": ["gradcam"],
            },
            "date": "2026-06-02",
            "expires": "2027-06-01",
            "assessors": people,
            **changes,
        }
    )


@pytest.fixture
def judged(monkeypatch):
    def judged(card, today=TODAY, model="planted"):
        monkeypatch.setattr(check, "today", lambda: today)
        evidence = SimpleNamespace(
            assessment=lambda name: card, card=SimpleNamespace(model=model), incomplete=()
        )
        return check.clinical_assessment(evidence, ClinicalAssessment(assessment="mine"))

    return judged


def test_shares_count_only_yes_and_have_exact_intervals(judged):
    found = judged(record(["yes", "yes", "yes", "partly"], ["no", "partly", "yes", "partly"]))
    understandable, relevant = found["understandable"].estimate, found["relevant"].estimate
    assert (understandable.value, relevant.value) == (0.75, 0.25)
    # Clopper-Pearson limits of 3 of 4.
    assert (understandable.low, understandable.high) == pytest.approx((0.1941, 0.9937), abs=1e-4)
    assert (relevant.low, relevant.high) == pytest.approx((0.0063, 0.8059), abs=1e-4)
    assert understandable.n == understandable.clusters == 4
    assert worst_case(found["relevant"]) == (relevant.low, relevant.high)


def test_everybody_agreeing_is_not_certainty(judged):
    found = judged(record(["yes"] * 6, ["no"] * 6))
    assert found["understandable"].estimate.low == pytest.approx(0.025 ** (1 / 6))
    assert found["relevant"].estimate.high == pytest.approx(1 - 0.025 ** (1 / 6))
    alone = judged(record(["yes"], ["yes"]))["understandable"].estimate
    assert (alone.low, alone.high) == pytest.approx((0.025, 1.0))


def test_the_number_of_assessors_is_a_count(judged):
    people = judged(record(["yes"] * 3, ["no"] * 3))["assessors"].estimate
    assert (people.value, people.low, people.high) == (3, 3, 3)
    assert people.p_above(2.5) == 0
    assert people.p_below(2.5) == 1


def test_a_record_counts_to_its_last_day_and_not_longer(judged):
    card = record(["yes"], ["yes"])
    assert judged(card, dt.date(2027, 6, 1)).measurements
    with pytest.raises(Unavailable, match=r"'mine' expired on 2027-06-01; .*auditkit new"):
        judged(card, dt.date(2027, 6, 2))
    with pytest.raises(Unavailable, match="dated 2026-06-02, which is not yet"):
        judged(card, dt.date(2026, 6, 1))


def test_a_record_about_other_models_does_not_count(judged):
    card = record(["yes"], ["yes"], models=["a", "b"])
    assert judged(card, model="b").measurements
    with pytest.raises(Unavailable, match="is about a, b, not about 'planted'"):
        judged(card)


def test_tables_hold_all_answers_and_all_words(judged):
    found = judged(record(["yes", "partly"], ["no", "yes"]))
    assessors, answers, reasons = found.tables
    assert assessors.rows[0][1:] == (
        ["neurosurgeon", "hospital 0", "not named", "2026-06-01", "12 years", "yes"]
    )
    assert assessors.rows[1][5:] == ["not stated", "not stated"]
    questions = [*Understandability.questions(), *Relevance.questions()]
    assert len(answers.rows) == len(questions) + 2
    asked = [row[1] for row in answers.rows]
    assert all(question in asked for _, question in questions)
    assert answers.rows[0] == ["G1", questions[0][1], "yes", "partly"]
    assert answers.rows[-1] == ["G2", "Conclusion: is G2 met?", "no", "yes"]
    given = {tuple(row[:3]): row[3:] for row in reasons.rows}
    assert given["G1", questions[0][1], "2"] == ["partly", "it is partly here"]
    assert given["G2", "Conclusion", "1"] == ["no", "no altogether"]
    assert ("G1", questions[0][1], "1") not in given


def test_notes_say_what_was_assessed_until_when_and_by_whom(judged):
    notes = "\n".join(judged(record(["yes", "partly"], ["no", "yes"], models=["planted"])).notes)
    assert "Form of explanation: heatmap. Colours over an MRI. Methods shown: gradcam." in notes
    assert "counts only for planted, until 2027-06-01" in notes
    assert "G1 understandability: yes 1, partly 1, no 0, of 2 assessors." in notes
    assert "independent" not in notes
    assert "fictitious" not in notes


def test_the_shipped_example_says_that_it_is_fictitious_and_reproduces_the_papers_finding(judged):
    found = judged(read_assessment(SHIPPED))
    assert found.notes[0].startswith("A fictitious example, not an assessment by anybody:")
    assert found["understandable"].estimate.low > 0.5
    assert found["relevant"].estimate.high < 0.5


SPEC = """\
audit: {name}
check: clinical-assessment
data: lesions
with: {{assessment: {name}}}
expect:
  - {{measure: assessors, above: 0}}
"""


def test_in_a_run_only_a_record_that_counts_is_judged(project):
    now = dt.datetime.now(tz=dt.UTC).date()
    day = {"counting": 30, "expired": -1, "others": 30}
    for name, left in day.items():
        card = record(
            ["yes"],
            ["yes"],
            assessment=name,
            task="melanoma",
            date=str(now - dt.timedelta(60)),
            expires=str(now + dt.timedelta(left)),
            models=["random" if name == "others" else "steady"],
        )
        written = json.loads(card.model_dump_json())
        (project.path / "cards" / f"{name}.assessment.yaml").write_text(json.dumps(written))
    for path in (project.path / "audits").iterdir():
        path.unlink()
    for name in ("missing", *day):
        (project.path / "audits" / f"{name}.audit.yaml").write_text(SPEC.format(name=name))
    project.runpytest("audits", "--model", "steady")
    (folder,) = (project.path / "reports").iterdir()
    results = json.loads((folder / "results.json").read_text())
    found = {each["audit"]: each for each in results["verdicts"]}
    assert {name: each["verdict"] for name, each in found.items()} == {
        "missing": "not run",
        "expired": "not run",
        "others": "not run",
        "counting": "pass",
    }
    command = "auditkit new clinical-assessment missing --task melanoma"
    assert command in found["missing"]["reason"]
    assert f"expired on {now - dt.timedelta(1)}" in found["expired"]["reason"]
