"""A small study and ways through it."""

from collections.abc import Callable

from auditkit.spec.ratings_card import Scale
from auditkit.spec.study import Expert
from auditkit.study.answers import Decision, HeatmapAnswer, Noted, PairAnswer, ScreeningAnswer
from auditkit.study.folder import Blinded, Item
from auditkit.study.kinds import AnyAnswer, Person, Task
from auditkit.study.storing import Store


def items(references: int = 6, models: int = 2, practice: int = 2) -> tuple[Item, ...]:
    """Pairs of every model of every reference, then practice."""
    counting = [
        Item(item=f"i{r}-{m}", reference=f"r{r}", pictures=(f"p{r}-{m}-0", f"p{r}-{m}-1"))
        for r in range(references)
        for m in range(models)
    ]
    trying = [
        Item(item=f"t{n}", reference=f"u{n}", pictures=(f"q{n}-0", f"q{n}-1"), practice=True)
        for n in range(practice)
    ]
    return (*counting, *trying)


def study(**changed) -> Blinded:
    """Twelve pairs of two models, two experts."""
    said = {
        "study": "moles",
        "title": "Moles",
        "kind": "pairs",
        "question": "Which?",
        "experts": (Expert(expert="ann"), Expert(expert="bob", simulated=True)),
        "coordinator": "carl",
        "categories": ("lesion", "background"),
        "presets": ("lesion/darker",),
        "prescreen": True,
        "references": 5,
        "stage_one": 6,
        "set_size": 4,
        "repeats": 0.25,
        "order_seed": "00ff",
        "width": 8,
        "height": 8,
        "items": items(),
    }
    return Blinded.model_validate(said | changed)


def rated_study(**changed) -> Blinded:
    """Six heatmaps."""
    heatmaps = tuple(
        Item(item=f"h{n}", reference=f"h{n}", pictures=(f"{n}a", f"{n}b", f"{n}c"), practice=n > 4)
        for n in range(6)
    )
    said = {"kind": "heatmaps", "prescreen": False, "items": heatmaps, "classes": ("benign", "bad")}
    return study(**said | {"scale": Scale(low=0, high=10, step=1)} | changed)


def coordinator(store: Store) -> Person:
    """Who advances."""
    return store.people()[-1]


def pair(*noted: str, choice: str | None = "A", **said) -> PairAnswer:
    """An answer that notes 'category/attribute'."""
    rows = [
        Noted(category=one.partition("/")[0], attribute=one.partition("/")[2], comparator="A > B")
        for one in noted
    ]
    return PairAnswer(choice=choice, noted=rows, **said)


def fine(task: Task) -> AnyAnswer:
    """A whole answer to any task."""
    if task.phase == "screening":
        return ScreeningAnswer(artifact=False)
    if task.phase == "rating":
        decision = Decision(decision="benign", confidence=50)
        return HeatmapAnswer(before=decision, after=decision, rating=5)
    return PairAnswer(choice="A")


def answer_all(
    store: Store, make: Callable[[Task], AnyAnswer] = fine, names: tuple[str, ...] = ("ann", "bob")
) -> int:
    """Answer what is left of the phase; how many that were."""
    answered = 0
    for name in names:
        while (task := store.next_task(name)) is not None:
            nonce = f"{task.slug}-whole"
            store.save(name, task.slug, nonce, make(task), submitted=True)
            answered += 1
    return answered
