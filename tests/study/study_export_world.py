"""A small study whose truth stands in its pictures, so that a test need not trust the key that it tests.

Every picture says by its pixels which item it is of and whether it is the malignant one; experts who know the
truth of every item answer from what they are shown alone.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import numpy as np
from PIL import Image

from auditkit.spec.strict_yaml import parse_yaml
from auditkit.spec.study import StudyPlan
from auditkit.spec.typed import typed
from auditkit.study.answers import PairAnswer, ScreeningAnswer
from auditkit.study.building.pictures import encoded
from auditkit.study.folder import (
    PICTURES,
    PLAN,
    Blinded,
    Item,
    Key,
    KeyItem,
    write_blinded,
    write_key,
)
from auditkit.study.kinds import Person, Task
from auditkit.study.storing import Store

SIDE = 4
VALID = timedelta(hours=1)

# From the benign picture's only to the malignant one's only; a person who looks sees A and B.
SEEN = {
    "benign only": ("A only", "B only"),
    "benign > malignant": ("A > B", "A < B"),
    "different": ("different", "different"),
    "benign < malignant": ("A < B", "A > B"),
    "malignant only": ("B only", "A only"),
}
"""What is said of a direction if the benign picture is displayed as A, and if the malignant one is."""


@dataclass(frozen=True)
class Truth:
    """What an expert sees in a pair, wherever its pictures are displayed.

    Attributes:
        malignant_looks: whether the malignant picture is chosen.
        differs: direction by (category, text).
        unable: whether it cannot be assessed.
        comment: free text.
    """

    malignant_looks: bool = True
    differs: Mapping[tuple[str, str], str] = field(default_factory=dict)
    unable: bool = False
    comment: str = ""


@dataclass
class World:
    """A study on disk with its answers."""

    folder: Path
    study: Blinded
    key: Key
    store: Store

    def path_of(self, task: Task, place: int) -> Path:
        """What is displayed at a place of a task."""
        item = next(one for one in self.study.items if one.item == task.item)
        return self.folder / PICTURES / f"{item.pictures[task.order[place]]}.png"

    def number(self, item: str) -> int:
        """The number of an item, in the order in which it was made."""
        return [one.item for one in self.study.items].index(item)

    def end(self, reason: str = "") -> str:
        """End the phase."""
        return self.store.advance(Person(self.study.coordinator, "coordinator"), reason)

    def answer_all(self, truth: Mapping[tuple[str, int], Truth], phase: str) -> None:
        """Answer the tasks of a phase by what is displayed; experts skip what they have no truth of."""
        for expert in self.study.experts:
            for task in self.store.tasks(expert.expert, phase):
                known = truth.get((expert.expert, self.number(task.item)))
                if known:
                    answer = seen(self, task, known)
                    self.store.save(
                        expert.expert,
                        task.slug,
                        f"nonce-{task.slug}",
                        answer,
                        submitted=True,
                        seconds=3.5,
                    )

    def screen(self, rejected: Sequence[tuple[str, int]] = ()) -> None:
        """Screen all pictures; these experts reject the malignant one of these items."""
        for expert in self.study.experts:
            for task in self.store.tasks(expert.expert, "screening"):
                bad = (expert.expert, self.number(task.item)) in rejected
                answer = ScreeningAnswer(artifact=bad and is_malignant(self.path_of(task, 0)))
                self.store.save(
                    expert.expert, task.slug, f"nonce-{task.slug}", answer, submitted=True
                )


def is_malignant(path: Path) -> bool:
    """Whether a picture is the malignant one, by its pixels."""
    return int(np.asarray(Image.open(path))[0, 0, 0]) > 128


def number_in(path: Path) -> int:
    """The item's number, by a picture's pixels."""
    return int(np.asarray(Image.open(path))[0, 0, 1])


def seen(world: World, task: Task, known: Truth) -> PairAnswer:
    """What somebody who knows the truth answers to what is displayed."""
    malignant_is_a = is_malignant(world.path_of(task, 0))
    assert malignant_is_a != is_malignant(world.path_of(task, 1))
    chosen_is_a = known.malignant_looks == malignant_is_a
    return PairAnswer(
        choice=None if known.unable else ("A" if chosen_is_a else "B"),
        unable=known.unable,
        noted=[
            {
                "category": category,
                "attribute": text,
                "comparator": SEEN[direction][malignant_is_a],
            }
            for (category, text), direction in known.differs.items()
        ],
        comment=known.comment,
    )


PLAN_TEXT = {
    "study": "small",
    "title": "A small study: with a colon",
    "task": "melanoma",
    "kind": "pairs",
    "data": "lesions",
    "pairs": {"file": "pairs.csv"},
    "categories": ["lesion", "background", "other"],
    "presets": [
        {"attribute": "lesion/darker", "literature": "malignant", "source": "A book, 1e3 pages."},
        {"attribute": "background/pinker", "literature": "neither"},
    ],
    "practice": 0,
    "references": 50,
    "set_size": 3,
}


def make_world(
    folder: Path,
    *,
    experts: Sequence[str] = ("ada", "ben"),
    models: Sequence[str] = ("one", "two"),
    references: int = 2,
    practice: int = 0,
    malignant: Sequence[int] = (),
    scores: tuple[float, ...] = (0.25, 0.875),
    simulated: Sequence[str] = (),
    **changes: object,
) -> World:
    """Write a study of pairs; items are numbered model by model, practice last.

    Args:
        folder: where; it need not exist.
        experts: names.
        models: names.
        references: images, each with a pair of every model.
        practice: pairs of the first model to practise on.
        malignant: place of the malignant picture of each item; 1 where it does not say.
        scores: of the benign and of the malignant picture.
        simulated: names of the experts who are programs.
        changes: keys of the plan.
    """
    text = {
        **PLAN_TEXT,
        "models": list(models),
        "experts": [{"expert": name, "simulated": name in simulated} for name in experts],
        **changes,
    }
    folder.mkdir(parents=True)
    (folder / PICTURES).mkdir()
    document = parse_yaml(json.dumps(text), folder / PLAN)
    plan = typed(document, StudyPlan)
    (folder / PLAN).write_text(json.dumps(text), encoding="utf-8")
    made = [(model, image, False) for model in models for image in range(references)]
    made += [(models[0], references + extra, True) for extra in range(practice)]
    items, keys = [], []
    for number, (model, image, practising) in enumerate(made):
        place = malignant[number] if number < len(malignant) else 1
        names = tuple(f"p{number}x{side}" for side in (0, 1))
        for side, name in enumerate(names):
            _picture(folder / PICTURES / f"{name}.png", number, side == place)
        items.append(
            Item(item=f"item{number}", reference=f"ref{image}", pictures=names, practice=practising)
        )
        given = scores if place else scores[::-1]
        keys.append(
            KeyItem(
                item=f"item{number}",
                model=model,
                image=f"image-{image}",
                patient=f"patient-{image // 2}",
                malignant=place,
                scores=given,
            )
        )
    study = _blinded(plan, items)
    digest = _sha256(folder / PLAN)
    key = Key(
        study=plan.study,
        seed="5e" * 16,
        plan_sha256=digest,
        models=dict.fromkeys(models),
        items=tuple(keys),
    )
    write_blinded(folder, study)
    write_key(folder, key)
    return World(folder, study, key, Store(f"sqlite:///{folder / 'answers.sqlite'}", study))


def _sha256(path: Path) -> str:
    """sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _picture(path: Path, number: int, malignant: bool) -> None:
    pixels = np.zeros((SIDE, SIDE, 3), np.uint8)
    pixels[..., 0] = 255 if malignant else 0
    pixels[..., 1] = number
    path.write_bytes(encoded(pixels))


def _blinded(plan: StudyPlan, items: Sequence[Item]) -> Blinded:
    return Blinded(
        study=plan.study,
        title=plan.title,
        kind=plan.kind,
        stand_in=plan.stand_in,
        question=plan.question,
        instruction=plan.instruction,
        experts=tuple(plan.experts),
        coordinator=plan.coordinator,
        categories=tuple(plan.categories),
        presets=tuple(one.attribute for one in plan.presets),
        prescreen=plan.prescreen,
        references=plan.references,
        stage_one=plan.stage_one,
        set_size=plan.set_size,
        repeats=plan.repeats,
        order_seed="0d" * 16,
        width=SIDE,
        height=SIDE,
        items=tuple(items),
    )
