"""The table of pairs: whose each is, which side is which, and what became of it."""

from collections import Counter
from collections.abc import Iterator, Mapping

from auditkit.data.answer_rows import NOT_DRAWN, PRACTICE, REJECTED, SHOWN, Place
from auditkit.study.answers import ScreeningAnswer
from auditkit.study.exporting.tables import Row, number
from auditkit.study.exporting.unsealed import Unsealed
from auditkit.study.folder import Item, KeyItem


def pair_rows(study: Unsealed, files: Mapping[str, str]) -> Iterator[Row]:
    """A row per pair; ``files`` has the names of pictures that are exported."""
    rejected, screened = rejections(study), _screenings(study)
    for item in study.items:
        known = study.keys[item.item]
        benign, malignant = _scores(known)
        yield {
            "pair": item.item,
            "model": known.model,
            "image": known.image,
            "patient": known.patient,
            "status": _status(study, item, rejected),
            "first": files.get(item.pictures[0], ""),
            "second": files.get(item.pictures[1], ""),
            "malignant": side(malignant_place(known)),
            "benign_score": number(benign),
            "malignant_score": number(malignant),
            "screened": ""
            if item.practice or not study.study.prescreen
            else str(screened[item.item]),
            "repeats": ", ".join(study.repeated.get(item.item, ())),
        }


def is_shown(study: Unsealed, item: Item) -> bool:
    """Whether experts were asked about a pair, practice apart."""
    return item.item in study.shown and not item.practice


def rejections(study: Unsealed) -> Mapping[str, list[str]]:
    """Experts who saw an artifact in a picture, by the pair's name."""
    found: dict[str, list[str]] = {}
    for task, revision in study.answered:
        answer = revision.answer
        if isinstance(answer, ScreeningAnswer) and answer.artifact:
            names = found.setdefault(task.item, [])
            if task.person not in names:
                names.append(task.person)
    return found


def _screenings(study: Unsealed) -> Counter[str]:
    """How many experts looked for artifacts in all pictures of a pair, by its name."""
    seen: dict[tuple[str, str], set[tuple[int, ...]]] = {}
    for task, revision in study.answered:
        if isinstance(revision.answer, ScreeningAnswer):
            seen.setdefault((task.person, task.item), set()).add(task.order)
    pictures = {item.item: len(item.pictures) for item in study.items}
    return Counter(item for (_, item), places in seen.items() if len(places) == pictures[item])


def malignant_place(known: KeyItem) -> int:
    """Which picture of a pair is the malignant one."""
    assert known.malignant is not None, "of pairs, as the study's kind says"
    return known.malignant


def side(place: int) -> Place:
    """A picture's place in words."""
    return "second" if place else "first"


def _scores(known: KeyItem) -> tuple[float | None, float | None]:
    """Of the benign and of the malignant picture."""
    if not known.scores:
        return None, None
    malignant = malignant_place(known)
    return known.scores[1 - malignant], known.scores[malignant]


def _status(study: Unsealed, item: Item, rejected: Mapping[str, list[str]]) -> str:
    if item.practice:
        return PRACTICE
    if item.item in rejected:
        return REJECTED + ", ".join(rejected[item.item])
    return SHOWN if is_shown(study, item) else NOT_DRAWN
