"""What a study asks of its experts, in numbers."""

from collections import Counter
from dataclasses import dataclass

from auditkit.study.assigning import FEWEST, pairs, ratings, references, rounded
from auditkit.study.building.building import Built
from auditkit.study.building.pictures import size_of
from auditkit.study.folder import Blinded

MINUTES, OF = 30, 20
"""The experts of DeGrave et al. took half an hour for a set of twenty pairs."""


@dataclass(frozen=True)
class Workload:
    """What is there, and what every expert is asked at most.

    Attributes:
        references: reference images that are offered.
        items: pairs (or heatmaps) of these.
        practice: further ones, to practise on.
        pictures: all picture files.
        screened: pictures that every expert screens for artifacts.
        first: items that every expert is shown for the first time, if enough pass the screening.
        repeats: of these, shown again.
        unhidden: repeats that the plan asks for and nobody is shown, as they would be recognised.
        sets: sittings, without practice.
        hours: of every expert, without screening.
    """

    references: int
    items: int
    practice: int
    pictures: int
    screened: int
    first: int
    repeats: int
    unhidden: int
    sets: int
    hours: float


def workload(study: Blinded) -> Workload:
    """Count what a study asks. What is rejected by screening makes it less."""
    counted = [item for item in study.items if not item.practice]
    screens = study.prescreen and study.kind != "heatmaps"
    # Experts differ in order and not in number.
    expert = study.experts[0].expert
    if study.kind == "heatmaps":
        asked = ratings(study, expert)
    else:
        asked = pairs(study, expert, references(study, ()))
    showings = Counter(one.showing for one in asked)
    return Workload(
        references=len({item.reference for item in counted}),
        items=len(counted),
        practice=showings["practice"],
        pictures=sum(len(item.pictures) for item in study.items),
        screened=sum(len(item.pictures) for item in counted) if screens else 0,
        first=showings["first"],
        repeats=showings["repeat"],
        unhidden=rounded(study.repeats * showings["first"]) - showings["repeat"],
        sets=len({(one.phase, one.sitting) for one in asked if one.sitting}),
        hours=len(asked) * MINUTES / OF / 60,
    )


def summary(built: Built) -> str:
    """The same as lines for the terminal, with what was left out."""
    load, study = workload(built.study), built.study
    what = "heatmaps" if study.kind == "heatmaps" else "pairs"
    size = load.pictures * size_of(study.width, study.height) / 1e6
    lines = [
        f"{load.references} reference images with {load.items} {what}, and {load.practice} for practice",
        f"{load.pictures} pictures of {study.width} x {study.height} pixels ({size:.1f} MB)",
    ]
    if load.screened:
        lines.append(f"every expert screens {load.screened} pictures for artifacts")
    lines.append(
        f"every expert is shown at most {load.first} {what}, {load.repeats} of them twice: {load.sets} "
        f"sets of at most {study.set_size}, about {load.hours:.1f} hours at {MINUTES} minutes for {OF}"
    )
    if load.unhidden:
        lines.append(
            f"{load.unhidden} of {load.repeats + load.unhidden} planned repeats are not shown: in a stage of "
            f"fewer than {FEWEST} {what}, or in sets of 1, they would be recognised"
        )
    lines += [f"left out: {count} ({reason})" for reason, count in built.left_out.items()]
    return "\n".join(lines)
