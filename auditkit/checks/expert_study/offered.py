"""Attributes that nobody noted: because nothing differs, or because nobody had their name."""

from collections import Counter
from collections.abc import Iterator

from auditkit.data.answers import Answers

NEVER_OFFERED = "nobody used or was offered this name"


def unnoted(answers: Answers) -> list[str]:
    """Attributes that were noted in no model of the study, in the card's order."""
    noted = {one.attribute for one in answers.noted}
    return [name for name in answers.attributes if name not in noted]


def never_offered(answers: Answers) -> frozenset[str]:
    """Those that no expert could have noted.

    A name is offered in stage 2; in stage 1 experts write words of their own, and who saw the same may have
    called it otherwise.
    """
    if any(one.stage == "stage-2" for one in answers.choices):
        return frozenset()
    return frozenset(unnoted(answers))


def unnoted_notes(answers: Answers) -> Iterator[str]:
    """A note for each category with attributes that nobody noted: what was noted there instead."""
    by_category: dict[str, list[str]] = {}
    for name in unnoted(answers):
        by_category.setdefault(name.partition("/")[0], []).append(name)
    offered = not never_offered(answers)
    for category, names in by_category.items():
        counts = Counter(
            one.attribute or f"{one.text} (not grouped)"
            for one in answers.noted
            if (one.attribute.partition("/")[0] or one.category) == category
        )
        used = ", ".join(f"{name} ({count})" for name, count in counts.most_common())
        told = f"of {category} they noted {used}" if used else f"of {category} they noted nothing"
        end = "" if offered else "; nobody was offered the name, so that there is no estimate"
        yield f"Noted by nobody in any model: {', '.join(names)}; {told}{end}."
