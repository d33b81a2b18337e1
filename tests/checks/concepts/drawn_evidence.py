"""Generated images with planted faults: what is drawn of a caption, and what models make of it, is given."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from auditkit.data.dataset import Record
from auditkit.evidence.concepts.kinds import BlockAnswers, ConceptAnswers
from auditkit.models.reading import decision_probabilities
from auditkit.spec.data_card import DataCard
from auditkit.spec.model_card import ModelCard

Values = np.ndarray
"""(..., D) place of each concept's value."""


def model_card(
    classes: Sequence[str] = ("benign", "malignant"), score: int | None = 1
) -> ModelCard:
    """A model that answers probabilities of decisions."""
    output = {"kind": "probabilities", "classes": list(classes)}
    card = {
        "model": "planted",
        "task": "t",
        "format": "tflite",
        "weights": {"file": "x"},
        "input": {"size": 16},
        "output": output | ({} if score is None else {"score": score}),
    }
    return ModelCard.model_validate(card | ({} if score is None else {"threshold": 0.5}))


@dataclass
class Painter:
    """A data set of binary concepts, and a generator that may fail at some of them.

    Attributes:
        names: of the concepts.
        values: (n, D) what the captions say.
        draws: what is in a picture whose caption says that; the truth itself if left out.
        labels: (n,) of the target's task.
        texts: free text per image.
        unknown: (image, concept) whose value the data do not know.
        broken: images of which something that was drawn is not finite.
        declared: declared values per concept, if not 0 and 1.
        images_per_patient: images of one patient.
    """

    names: Sequence[str]
    values: Values
    labels: np.ndarray
    draws: Callable[[Values], Values] = lambda values: values
    texts: Sequence[str] = ()
    unknown: Sequence[tuple[int, str]] = ()
    broken: Sequence[int] = ()
    declared: dict = field(default_factory=dict)
    images_per_patient: int = 1

    @property
    def card(self) -> DataCard:
        """The data card."""
        concepts = [
            {"name": name, "values": self.declared.get(name, ["0", "1"])} for name in self.names
        ]
        card = {"data": "d", "task": "t", "format": "table", "file": "x.csv", "concepts": concepts}
        return DataCard.model_validate(card)

    @property
    def records(self) -> list[Record]:
        """One per image."""
        return [
            Record(
                f"i{i}",
                f"digest{i}",
                int(label),
                f"p{i // self.images_per_patient}",
                concepts={
                    name: "" if (i, name) in self.unknown else self.text(name, row[d])
                    for d, name in enumerate(self.names)
                },
                text=self.texts[i] if self.texts else "",
            )
            for i, (label, row) in enumerate(zip(self.labels, self.values, strict=True))
        ]

    def text(self, name: str, place: int) -> str:
        """A value as the data hold it."""
        return self.declared.get(name, ["0", "1"])[int(place)]


@dataclass
class Drawing:
    """Stands where `Evidence` stands, for one model.

    Attributes:
        painter: the data and the generator.
        answer: (..., D) what is in pictures, and the repeat, -> (..., K) raw answers.
        card: of the model.
        peers: evidence of other models by name.
        real: answers to real pictures, if they are not what the captions say.
    """

    painter: Painter
    answer: Callable[[Values, int], np.ndarray]
    card: ModelCard = field(default_factory=model_card)
    peers: dict = field(default_factory=dict)
    real: np.ndarray | None = None
    truncated: int = 0
    pictures: list = field(default_factory=list)

    @property
    def n(self):
        return len(self.painter.labels)

    @property
    def labels(self):
        return self.painter.labels

    @property
    def patients(self):
        return np.array([record.patient for record in self.records])

    @property
    def records(self):
        return self.painter.records

    @property
    def data(self):
        return type("Data", (), {"card": self.painter.card})

    @property
    def two_class(self):
        return self.card.scored

    @property
    def classes(self):
        return self.card.output.classes

    def peer(self, name):
        return self.peers[name]

    def answers(self):
        return self.answer(self.painter.values, -1) if self.real is None else self.real

    def probabilities(self, raw):
        return raw if self.card.output.score is None else decision_probabilities(self.card, raw)

    def picture(self, _index):
        return np.full((8, 8, 3), 100, np.uint8)

    def concept_picture(self, drawing, index, changed, repeat=0):
        self.pictures.append((drawing, index, dict(changed), repeat))
        return np.full((8, 8, 3), 200, np.uint8)

    def concept_answers(self, drawing):
        values, repeats = self.painter.values, range(drawing.repeats)
        permuted = [name for block in drawing.blocks for name in block]
        skipped = ["not finite" if i in self.painter.broken else "" for i in range(self.n)]
        for i, name in self.painter.unknown:
            if name in permuted:
                skipped[i] = f"the value of '{name}' is unknown"
        plain = np.stack([self._drawn(values, repeat) for repeat in repeats])
        plain[:, [bool(reason) for reason in skipped]] = np.nan
        blocks = [self._block(block, repeats) for block in drawing.blocks]
        return ConceptAnswers(
            plain, {block.name: block for block in blocks}, skipped, self.truncated, self.n
        )

    def _drawn(self, values, repeat):
        return np.array(self.answer(self.painter.draws(values), repeat), dtype=np.float64)

    def _block(self, block, repeats):
        places = [self.painter.names.index(name) for name in block]
        own_values = [tuple(row) for row in self.painter.values[:, places].tolist()]
        unknown = [i for i, name in self.painter.unknown if name in block]
        distinct = sorted({own for i, own in enumerate(own_values) if i not in unknown})
        answers = []
        for value in distinct:
            changed = self.painter.values.copy()
            changed[:, places] = value
            answers.append(np.stack([self._drawn(changed, repeat) for repeat in repeats]))
        table = np.stack(answers, axis=2)
        table[:, [*self.painter.broken, *unknown]] = np.nan
        own = [-1 if i in unknown else distinct.index(own) for i, own in enumerate(own_values)]
        values = [self._texts(block, value) for value in distinct]
        return BlockAnswers(tuple(block), values, np.array(own), table)

    def _texts(self, block, value):
        return tuple(self.painter.text(name, v) for name, v in zip(block, value, strict=True))
