"""Check `clinical-assessment`: have clinicians found the explanation understandable and relevant?

Guidelines G1 and G2 of Jin et al. (arXiv:2202.10553, sections 2.1 and 8.1) are assessed by people, about
the form of an explanation. The check reads their record; it computes nothing from images. Without a
record, after its last day, or for a model that it is not about, the verdict is *not run*.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from functools import partial

import numpy as np

from auditkit import stats
from auditkit.checks.concepts.exact import counted
from auditkit.checks.measuring import Measuring
from auditkit.errors import Unavailable
from auditkit.evidence import Evidence
from auditkit.findings import Findings, Table
from auditkit.spec.assessment import AssessmentCard, Assessor
from auditkit.spec.assessment_questions import GUIDELINES, Conclusion
from auditkit.spec.declarations.clinical_assessment import CLINICAL_ASSESSMENT, ClinicalAssessment

_MEASURES = {"understandable": "understandability", "relevant": "relevance"}


def today() -> date:
    """The day on which it is asked whether a record still counts."""
    return datetime.now(tz=UTC).date()


def clinical_assessment(evidence: Evidence, parameters: ClinicalAssessment) -> Findings:
    """Shares of assessors who conclude that G1 and G2 are met, and what they answered.

    Raises:
        Unavailable: there is no record, it does not count on this day, or it is about other models.
    """
    card = evidence.assessment(parameters.assessment)
    _counts(card, evidence.card.model)
    number = len(card.assessors)
    measuring = Measuring.of(CLINICAL_ASSESSMENT, parameters, number)
    findings = Findings()
    for measure, key in _MEASURES.items():
        met = np.array([_conclusion(one, key).met == "yes" for one in card.assessors])
        findings.measurements.append(measuring(measure, partial(stats.proportion, met)))
    people = measuring("assessors", lambda: counted(number, number, number, number))
    findings.measurements.append(people)
    findings.tables += [_assessors(card), _answers(card), _reasons(card)]
    findings.notes += _notes(card)
    return findings


def _counts(card: AssessmentCard, model: str) -> None:
    """Whether a record counts on this day and for this model.

    Raises:
        Unavailable: it does not, and why.
    """
    renew = f"auditkit new clinical-assessment {card.assessment} --task {card.task} --out FILE"
    name, now = f"assessment '{card.assessment}'", today()
    if now > card.expires:
        raise Unavailable(f"{name} expired on {card.expires}; for a new form run: {renew}")
    if now < card.date:
        raise Unavailable(f"{name} is dated {card.date}, which is not yet; mend its 'date'")
    if card.models and model not in card.models:
        about = ", ".join(card.models)
        raise Unavailable(
            f"{name} is about {about}, not about '{model}'; assess its explanations: {renew}"
        )


def _conclusion(assessor: Assessor, key: str) -> Conclusion:
    found: Conclusion = getattr(assessor, key)
    return found


def _assessors(card: AssessmentCard) -> Table:
    rows = [
        [
            str(number),
            one.role,
            one.organisation,
            one.name or "not named",
            one.date.isoformat(),
            "not stated" if one.experience is None else f"{one.experience:g} years",
            {None: "not stated", True: "yes", False: "no"}[one.independent],
        ]
        for number, one in enumerate(card.assessors, start=1)
    ]
    columns = ["", "role", "organisation", "name", "answered on", "experience", "independent"]
    caption = "Independent: declared to be so of the manufacturer."
    return Table("assessors", "Who assessed the explanation", columns, rows, caption)


def _answers(card: AssessmentCard) -> Table:
    rows = []
    for key, (guideline, kind) in GUIDELINES.items():
        given = [_conclusion(one, key) for one in card.assessors]
        for name, question in kind.questions():
            words = [dict(one.answers())[name].answer for one in given]
            rows.append([guideline, question, *words])
        rows.append([guideline, f"Conclusion: is {guideline} met?", *(one.met for one in given)])
    columns = ["guideline", "question", *_numbers(card.assessors)]
    caption = "One column per assessor. Only the conclusion 'yes' counts; 'partly' counts as no."
    return Table("answers", "What they answered", columns, rows, caption)


def _numbers(assessors: Sequence[Assessor]) -> list[str]:
    return [str(number) for number in range(1, len(assessors) + 1)]


def _reasons(card: AssessmentCard) -> Table:
    columns = ["guideline", "question", "assessor", "answer", "in their words"]
    return Table("reasons", "Why they answered so", columns, list(_in_words(card)))


def _in_words(card: AssessmentCard) -> Iterator[list[str]]:
    for key, (guideline, kind) in GUIDELINES.items():
        numbered = [(str(i), _conclusion(one, key)) for i, one in enumerate(card.assessors, 1)]
        for name, question in kind.questions():
            for number, given in numbered:
                answer = dict(given.answers())[name]
                if answer.reason.strip():
                    yield [guideline, question, number, answer.answer, answer.reason.strip()]
        for number, given in numbered:
            if given.conclusion.strip():
                yield [guideline, "Conclusion", number, given.met, given.conclusion.strip()]


def _notes(card: AssessmentCard) -> Iterator[str]:
    if card.stand_in:
        yield f"A fictitious example, not an assessment by anybody: {card.stand_in}"
    shown = card.explanation
    methods = f" Methods shown: {', '.join(shown.methods)}." if shown.methods else ""
    yield f"Form of explanation: {shown.form}. {shown.description.strip()}{methods}"
    about = (
        f"only for {', '.join(card.models)}" if card.models else f"for every model of {card.task}"
    )
    yield f"Concluded on {card.date}; counts {about}, until {card.expires}, and not after."
    for key, (guideline, _) in GUIDELINES.items():
        words = Counter(_conclusion(one, key).met for one in card.assessors)
        said = ", ".join(f"{word} {words[word]}" for word in ("yes", "partly", "no"))
        yield f"{guideline} {key}: {said}, of {len(card.assessors)} assessors."
    independent = Counter(one.independent for one in card.assessors)
    if not independent[True]:
        yield "No assessor declares to be independent of the manufacturer."
