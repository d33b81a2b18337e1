"""What a reader must know before reading what experts answered."""

from collections.abc import Iterator, Sequence

from auditkit.checks.expert_study.offered import unnoted_notes
from auditkit.checks.expert_study.screening import screening_notes
from auditkit.checks.expert_study.studied import StudiedModel, Study
from auditkit.data.answer_arrays import ModelAnswers
from auditkit.spec.answers_card import AnswersCard

PREDOMINANCE = (
    "That one direction predominates is the rule of DeGrave et al. (more than twice the score of the "
    "other), not significance: the tables say which directions the data leave open."
)
FREQUENCY = (
    "How often an attribute is noted depends on how often it occurs in these images and how easily it is "
    "seen, not on its weight in the model alone."
)


def warnings(card: AnswersCard) -> Iterator[str]:
    """What makes the answers something else than what physicians saw in the device's counterfactuals."""
    simulated = [one.expert for one in card.experts if one.simulated]
    names = ", ".join(simulated)
    if len(simulated) == len(card.experts):
        yield f"Simulated: every expert is a program ({names}); nobody looked at the pictures."
    elif simulated:
        yield f"Simulated: {len(simulated)} of {len(card.experts)} experts are programs ({names})."
    if card.stand_in:
        yield f"Stand-in: {card.stand_in}"


def notes(study: Study, models: Sequence[StudiedModel]) -> Iterator[str]:
    """Who answered what, and what does not count.

    Args:
        study: all of it.
        models: those that are reported.
    """
    answers, card = study.answers, study.answers.card
    yield f'{_people(card)} answered by {card.closed}: "{card.question}"'
    for one in models:
        yield _pairs(one.answers)
    repeats = sum(one.showing == "repeat" for one in answers.choices)
    practice = sum(one.status == "practice" for one in answers.pairs)
    yield (
        f"Repeats ({repeats} answers) count for agreement within an expert alone, but for pairs that an "
        f"expert was unable to assess then, which are filtered; practice ({practice} pairs of all models) "
        "counts for nothing."
    )
    ungrouped = sum(not one.attribute and one.showing == "first" for one in answers.noted)
    if ungrouped:
        yield (
            f"{ungrouped} of the notes were grouped into no attribute; answers that hold one are in no score "
            "of an attribute, and could have noted any of them."
        )
    yield from unnoted_notes(answers)
    yield from screening_notes(answers, [one.name for one in models])
    yield from (PREDOMINANCE, FREQUENCY)
    yield from _size(study, models)
    if not all(one.patient for one in answers.pairs):
        yield "Where no patient is known, each image counts as a patient of its own."


def _people(card: AnswersCard) -> str:
    named = [
        f"{one.expert} ({', '.join(filter(None, (one.background, 'simulated' if one.simulated else '')))})"
        if one.background or one.simulated
        else one.expert
        for one in card.experts
    ]
    count = len(named)
    return f"{count} expert{'s' if count != 1 else ''}, {', '.join(named)},"


def _pairs(one: ModelAnswers) -> str:
    units = len(set(one.units.tolist()))
    missing = int(one.missing.sum())
    lost = f"; {missing} answers to the others are missing" if missing else ""
    return (
        f"{one.model}: {len(one.pairs)} pairs of {units} patients were shown; "
        f"{int(one.filtered.sum())} of them are filtered, because an expert was unable to assess them{lost}."
    )


def _size(study: Study, models: Sequence[StudiedModel]) -> Iterator[str]:
    """How much the number of patients leaves open."""
    found = [
        one.of(name, side).estimate
        for one in models
        for name in study.answers.attributes
        for side in ("benign", "malignant")
    ]
    widths = [each.high - each.low for each in found if each]
    if widths:
        yield (
            f"Number of patients: scores of one side are known to ±{max(widths) / 2:.2f} at worst; half of "
            "that takes four times as many patients, and more experts do not replace them."
        )
