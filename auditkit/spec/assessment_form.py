"""The empty form of a clinical assessment: every question as a comment, nothing that is valid as it is."""

import textwrap
from collections.abc import Iterator
from typing import get_args

from auditkit.errors import AuditError
from auditkit.spec.assessment import MAX_YEARS, SUFFIX, Form
from auditkit.spec.assessment_questions import GUIDELINES, Conclusion
from auditkit.spec.audit import identifier

_WIDTH = 100


def assessment_form(name: str, task: str) -> str:
    """A form as YAML text, which no reader accepts before it is filled in.

    Raises:
        AuditError: the name or the task cannot stand in a file name.
    """
    for given in (name, task):
        try:
            identifier(given)
        except ValueError as error:
            raise AuditError(f"auditkit new clinical-assessment: {error}") from None
    return "\n".join([*_head(name, task), *_assessor()]) + "\n"


def _head(name: str, task: str) -> Iterator[str]:
    yield from _comment(
        "Is an explanation understandable (G1) and clinically relevant (G2)? Clinical XAI Guidelines, "
        "Jin et al., arXiv:2202.10553, sections 2.1 and 8.1. It is the form of the explanation that is "
        "assessed, not what it says of one image: show sketches, a prototype or the real thing to the "
        "people who would use it. Fill in every line that is empty, then run: "
        f"auditkit validate {name}{SUFFIX}"
    )
    yield f"assessment: {name}"
    yield "title:  # one line for people"
    yield f"task: {task}"
    yield "explanation:"
    yield from _comment(f"One of: {', '.join(get_args(Form))}.", 2)
    yield "  form:"
    yield "  description:  # one sentence: what assessors were shown, and how"
    yield "  methods:  # heatmap methods that were shown, such as [gradcam, lime]; [] if none"
    yield from _comment(
        "If the record counts for some models only: models: [NAME, ...], as their cards are named."
    )
    yield "date:  # the day on which the assessment was concluded, YYYY-MM-DD"
    yield f"expires:  # the last day on which it counts, at most {MAX_YEARS} years after the first answers"


def _assessor() -> Iterator[str]:
    yield from _comment("One block per person: copy it from its first line ('- role') to the end.")
    yield "assessors:"
    yield "  - role:  # such as neurosurgeon"
    yield "    organisation:"
    yield "    date:  # of the answers, YYYY-MM-DD"
    yield from _comment(
        "If they are to be known: name: ..., experience: (years in that role), independent: true or "
        "false (declared to be independent of the manufacturer).",
        4,
    )
    for key, (guideline, kind) in GUIDELINES.items():
        yield f"    {key}:"
        yield from _questions(guideline, kind)


def _questions(guideline: str, kind: type[Conclusion]) -> Iterator[str]:
    yield from _comment(
        f"{guideline}: answers are yes, partly or no; all but yes need a reason.", 6
    )
    for name, question in kind.questions():
        yield from _comment(question, 6)
        yield f"      {name}:"
        yield "        answer:"
        yield "        reason:"
    yield from _comment(f"{(kind.__doc__ or '').strip()} Is this met: yes, partly or no?", 6)
    yield "      met:"
    yield "      conclusion:  # in the assessor's own words"


def _comment(text: str, indent: int = 0) -> Iterator[str]:
    lead = f"{' ' * indent}# "
    yield from textwrap.wrap(
        text, _WIDTH, initial_indent=lead, subsequent_indent=lead, break_on_hyphens=False
    )
