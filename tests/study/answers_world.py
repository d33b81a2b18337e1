"""Answers of a closed study as `auditkit study export` writes them: by hand, or made up at random."""

import csv
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from auditkit.data.answer_rows import COLUMNS, unblinded
from auditkit.data.cells import escaped
from auditkit.spec.answers_card import AnswersCard

MODELS = ("deepderm", "modelderm", "scanoma", "sscd", "siim-isic")
EXPERTS = ("reader-1", "reader-2")
COMPARATORS = ("A only", "A > B", "different", "A < B", "B only")

LITERATURE = {
    "lesion/darker pigmentation": "malignant",
    "lesion/atypical pigment network": "malignant",
    "lesion/blue-white veil": "malignant",
    "lesion/multiple colours of pigment": "malignant",
    "lesion/more hair": "benign",
    "background/pinker or erythema": "neither",
    "background/more hair": "neither",
    "lesion/pinker": "unknown",
    "lesion/larger": "malignant",
    "background/prominence of skin grooves": "neither",
    "lesion/sharper border": "benign",
    "other/dark corners": "neither",
    "other/ruler or gel": "unknown",
}

# Share of pairs in which an expert notes it: more in the malignant picture, more in the benign one.
_PLANTED: Mapping[str, Sequence[tuple[float, float]]] = {
    "lesion/darker pigmentation": [(0.62, 0.05), (0.7, 0.02), (0.45, 0.1), (0.2, 0.15), (0.8, 0.02)],
    "lesion/atypical pigment network": [(0.3, 0.02), (0.25, 0.05), (0.2, 0.1), (0.1, 0.08), (0.4, 0)],
    "lesion/blue-white veil": [(0.25, 0), (0.2, 0.02), (0.3, 0.02), (0.05, 0.02), (0.3, 0.01)],
    "lesion/multiple colours of pigment": [(0.22, 0.03), (0.3, 0.1), (0.1, 0.06), (0.3, 0.02), (0.2, 0)],
    "lesion/more hair": [(0.03, 0.15), (0.02, 0.1), (0.05, 0.04), (0.08, 0.07), (0.01, 0.2)],
    "background/pinker or erythema": [(0.05, 0.4), (0.4, 0.05), (0.55, 0.05), (0.5, 0.02), (0.2, 0.18)],
    "background/more hair": [(0.04, 0.2), (0.15, 0.1), (0.02, 0.05), (0.1, 0.02), (0.05, 0.12)],
    "lesion/pinker": [(0.1, 0.1), (0.2, 0.05), (0.05, 0.2), (0.4, 0.02), (0.05, 0.15)],
    "lesion/larger": [(0.2, 0.02), (0.1, 0.05), (0.12, 0.05), (0.1, 0.02), (0.1, 0.04)],
    "background/prominence of skin grooves": [(0, 0.03), (0.02, 0.3), (0.05, 0.45), (0.02, 0.03), (0, 0.05)],
    "lesion/sharper border": [(0.05, 0.05), (0.02, 0.1), (0.03, 0.02), (0.05, 0.02), (0.02, 0.1)],
    "other/dark corners": [(0.02, 0.01), (0.01, 0), (0.01, 0.02), (0, 0.02), (0.03, 0.01)],
    "other/ruler or gel": [(0, 0.01), (0, 0), (0.01, 0), (0, 0), (0, 0)],
}  # fmt: skip
# How often an expert calls the malignant picture the malignant one.
_AGREES = {
    "deepderm": (0.7, 0.75),
    "modelderm": (0.85, 0.8),
    "scanoma": (0.6, 0.55),
    "sscd": (0.45, 0.5),
    "siim-isic": (0.9, 0.92),
}

Rows = Iterable[Mapping[str, Any]]


def write_answers(
    folder: Path, pairs: Rows, choices: Rows, noted: Rows, **changes: Any
) -> AnswersCard:
    """Write the tables and their card; rows may leave out what has a usual value.

    Args:
        folder: where; it exists.
        pairs: needs pair, model, image; all experts have screened them, and whoever answered again was to
            do so, if they do not say otherwise.
        choices: needs expert, pair, chosen (or unable).
        noted: needs expert, pair, attribute, comparator; the direction follows if it is left out.
        changes: keys of the card.
    """
    choices = [dict(CHOICE, **row) for row in choices]
    pairs = [_pair(row, choices, changes) for row in pairs]
    noted = [_noted(row, pairs, choices) for row in noted]
    models = list(dict.fromkeys(row["model"] for row in pairs))
    experts = list(dict.fromkeys(row["expert"] for row in choices))
    attributes = sorted({row["attribute"] for row in noted} - {""})
    card = {
        "answers": "study",
        "task": "melanoma",
        "data": "lesions",
        "question": "Which image appears most likely to represent a melanoma?",
        "models": [{"model": model} for model in models],
        "experts": [{"expert": expert} for expert in experts],
        "attributes": [{"attribute": name} for name in attributes],
        "seed": "0f" * 16,
        "plan_sha256": "ab" * 32,
        "closed": "2026-03-01",
    }
    for name, rows in (("pairs", pairs), ("choices", choices), ("noted", noted)):
        card[name] = {"file": f"{name}.csv", "sha256": write_table(folder, name, rows)}
    return kept(folder, card | changes)


PAIR: Mapping[str, str] = {
    "patient": "",
    "status": "shown",
    "first": "",
    "second": "",
    "malignant": "second",
    "benign_score": "",
    "malignant_score": "",
}
CHOICE: Mapping[str, str] = {
    "showing": "first",
    "stage": "stage-2",
    "left": "first",
    "chosen": "",
    "unable": "no",
    "seconds": "41.5",
    "given_at": "2026-03-01T09:30:00+00:00",
    "comment": "",
}


def _pair(row: Mapping[str, Any], choices: Rows, changes: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(PAIR, **row)
    given = [one["expert"] for one in changes.get("experts", ())]
    experts = given or list(dict.fromkeys(one["expert"] for one in choices))
    found.setdefault("screened", "" if found["status"] == "practice" else str(len(experts)))
    again = [
        one["expert"]
        for one in choices
        if (one["pair"], one["showing"]) == (found["pair"], "repeat")
    ]
    found.setdefault("repeats", ", ".join(dict.fromkeys(again)))
    return found


def _noted(row: Mapping[str, Any], pairs: Rows, choices: Rows) -> dict[str, Any]:
    found = {"showing": "first", **row}
    name = found.get("attribute", "")
    found = {"category": name.partition("/")[0], "text": name.partition("/")[2], **found}
    if "direction" not in found:
        malignant = {one["pair"]: one["malignant"] for one in pairs}[found["pair"]]
        left = {(one["expert"], one["pair"], one["showing"]): one["left"] for one in choices}
        is_a = left.get((found["expert"], found["pair"], found["showing"])) == malignant
        found["direction"] = unblinded(found["comparator"], malignant_is_a=is_a)
    return found


def write_table(folder: Path, name: str, rows: Rows) -> str:
    """Write one table; its sha256."""
    path = folder / f"{name}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS[name], lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: escaped(cell) for key, cell in row.items()} for row in rows)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def kept(folder: Path, card: Mapping[str, Any]) -> AnswersCard:
    """The card, written beside its tables; JSON is YAML."""
    path = folder / f"{card['answers']}.answers.yaml"
    path.write_text(json.dumps(card, indent=1), encoding="utf-8")
    found = AnswersCard.model_validate(card)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return found.model_copy(update={"path": path, "digest": digest})


def synthetic(
    folder: Path,
    *,
    models: Sequence[str] = MODELS,
    images: int = 92,
    pictured: int = 6,
    seed: int = 0,
    **changes: Any,
) -> AnswersCard:
    """A study with planted influences, two experts, repeats, practice, rejected pairs and pairs not drawn.

    Args:
        folder: where; it exists.
        models: up to five.
        images: shown of every model.
        pictured: images whose pictures are written.
        seed: of all chance.
        changes: keys of the card.
    """
    world = _World(folder, np.random.default_rng(seed), pictured)
    for number in range(images):
        for place, model in enumerate(models):
            world.shown(model, place, number)
    for number in range(images, images + 9):
        status = ("rejected: reader-2", "not drawn", "practice")[number % 3]
        for model in models:
            world.pair(model, number, status)
    named = [
        {"attribute": name, "literature": word, "source": "made up for tests"}
        for name, word in LITERATURE.items()
    ]
    given: dict[str, Any] = {
        "answers": "synthetic",
        "title": "Made-up answers with planted influences",
        "stand_in": "made up for tests, nobody looked",
        "experts": [{"expert": name, "simulated": True} for name in EXPERTS],
        "attributes": named,
        "pictures": "pictures",
    }
    return write_answers(folder, world.pairs, world.choices, world.noted, **given | changes)


class _World:
    def __init__(self, folder: Path, chance: np.random.Generator, pictured: int) -> None:
        self.folder, self.chance, self.pictured = folder, chance, pictured
        self.pairs: list[dict[str, Any]] = []
        self.choices: list[dict[str, Any]] = []
        self.noted: list[dict[str, Any]] = []
        self.agreed = True

    def coin(self, share: float = 0.5) -> bool:
        return bool(self.chance.random() < share)

    def pair(self, model: str, number: int, status: str) -> dict[str, Any]:
        name = f"p{len(self.pairs):04d}"
        first = "second" if self.coin() else "first"
        found = {
            "pair": name,
            "model": model,
            "image": f"isic-{number:03d}",
            "patient": f"patient-{number // 2:03d}",
            "status": status,
            "malignant": first,
            "benign_score": f"{0.05 + 0.3 * self.chance.random():.4f}",
            "malignant_score": f"{0.6 + 0.35 * self.chance.random():.4f}",
        }
        if status == "shown" and number < self.pictured:
            found |= {"first": f"{name}-a.png", "second": f"{name}-b.png"}
            self.draw(found)
        self.pairs.append(dict(PAIR, **found))
        return self.pairs[-1]

    def draw(self, pair: Mapping[str, Any]) -> None:
        (self.folder / "pictures").mkdir(exist_ok=True)
        y, x = np.mgrid[-1:1:48j, -1:1:48j]
        for side in ("first", "second"):
            dark = 0.35 if side == pair["malignant"] else 0.65
            lesion = (x**2 + 1.3 * y**2 < 0.35)[..., None]
            skin = np.array([224, 172, 145]) + self.chance.normal(0, 5, (48, 48, 3))
            shown = np.where(lesion, dark * skin, skin)
            picture = Image.fromarray(shown.clip(0, 255).astype(np.uint8))
            picture.save(self.folder / "pictures" / pair[side])

    def shown(self, model: str, place: int, number: int) -> None:
        """A pair that both experts answer, some of them twice."""
        pair = self.pair(model, number, "shown")
        # What is there is seen by both experts, or overlooked by one of them.
        there = {
            name: float(self.chance.random()) for name in _PLANTED if sum(_PLANTED[name][place])
        }
        for expert, rate in zip(EXPERTS, _AGREES[pair["model"]], strict=True):
            for showing in ("first", "repeat")[: 1 + self.coin(0.1)]:
                self.answer(pair, expert, showing, rate)
                for name, drawn in there.items():
                    seen = (0.7 * drawn + 0.3 * self.chance.random()) if self.coin(0.9) else 1.0
                    self.note(pair, expert, showing, name, seen, _PLANTED[name][place])

    def answer(self, pair: Mapping[str, Any], expert: str, showing: str, rate: float) -> None:
        left, unable = ("first", "second")[self.coin()], self.coin(0.02)
        malignant_is_a = left == pair["malignant"]
        # A second answer is mostly the first one.
        if showing == "first" or self.coin(0.2):
            self.agreed = self.coin(rate)
        chosen = "A" if malignant_is_a == self.agreed else "B"
        found = {"expert": expert, "pair": pair["pair"], "showing": showing, "left": left}
        found |= {"chosen": "" if unable else chosen, "unable": "yes" if unable else "no"}
        self.choices.append(dict(CHOICE, **found))

    def note(
        self,
        pair: Mapping[str, Any],
        expert: str,
        showing: str,
        name: str,
        drawn: float,
        rates: tuple[float, float],
    ) -> None:
        malignant, benign = rates
        if drawn >= malignant + benign:
            return
        is_a = self.choices[-1]["left"] == pair["malignant"]
        more_in_a = is_a == (drawn < malignant)
        strong = ("A > B", "A only") if more_in_a else ("A < B", "B only")
        comparator = "different" if self.coin(0.03) else strong[self.coin(0.3)]
        row = {"expert": expert, "pair": pair["pair"], "showing": showing, "attribute": name}
        self.noted.append(row | {"comparator": comparator})
