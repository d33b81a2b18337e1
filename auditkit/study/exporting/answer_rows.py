"""The tables of answers to pairs: what was chosen, and what was noted, unblinded. Practice is left out."""

from collections.abc import Iterator
from dataclasses import dataclass

from auditkit.data.answer_rows import unblinded
from auditkit.study.answers import Noted, PairAnswer
from auditkit.study.exporting.pair_rows import malignant_place, side
from auditkit.study.exporting.tables import Row, number, yes_no
from auditkit.study.exporting.unsealed import Unsealed
from auditkit.study.kinds import Revision, Task
from auditkit.study.storing import normalised


@dataclass(frozen=True)
class Given:
    """An answer in force to a pair."""

    task: Task
    revision: Revision
    answer: PairAnswer


def given(study: Unsealed) -> list[Given]:
    """All answers to pairs that count."""
    return [
        Given(task, revision, revision.answer)
        for task, revision in study.answered
        if isinstance(revision.answer, PairAnswer) and task.showing != "practice"
    ]


def choice_rows(answers: list[Given]) -> Iterator[Row]:
    """A row per answer."""
    for one in answers:
        yield {
            **_asked(one.task),
            "stage": one.task.phase,
            "left": side(one.task.order[0]),
            "chosen": one.answer.choice or "",
            "unable": yes_no(one.answer.unable),
            "seconds": number(one.revision.seconds),
            "given_at": one.revision.at.isoformat(),
            "comment": one.answer.comment,
        }


def noted_rows(study: Unsealed, answers: list[Given]) -> Iterator[Row]:
    """A row per attribute of an answer; what was entered twice is one."""
    for one in answers:
        malignant = malignant_place(study.keys[one.task.item])
        malignant_is_a = one.task.order[0] == malignant
        # Rows are told apart as the reader of the table does, who strips cells.
        stripped = (
            noted.model_copy(update={"attribute": noted.attribute.strip()})
            for noted in one.answer.noted
        )
        for noted in dict.fromkeys(stripped):
            yield _noted_row(study, one, noted, malignant_is_a=malignant_is_a)


def _noted_row(study: Unsealed, one: Given, noted: Noted, *, malignant_is_a: bool) -> Row:
    return {
        **_asked(one.task),
        "category": noted.category,
        "text": noted.attribute,
        "attribute": study.grouped.get((noted.category, normalised(noted.attribute)), ""),
        "comparator": noted.comparator,
        "direction": unblinded(noted.comparator, malignant_is_a=malignant_is_a),
    }


def _asked(task: Task) -> dict[str, str]:
    return {"expert": task.person, "pair": task.item, "showing": task.showing}
