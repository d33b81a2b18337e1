"""A small world: shapes, a classifier trained in seconds, and a generator that is the true renderer."""

import numpy as np
import torch
import yaml
from safetensors.torch import save_file

from auditkit.data import load_data
from auditkit.data.synthetic.shapes import SHAPES
from auditkit.evidence import Evidence
from auditkit.evidence.concepts.kinds import BlockAnswers, ConceptAnswers
from auditkit.models.concept_cnn import ConceptCnn
from auditkit.spec.catalogue import read_data_card, read_model_card

WIDTHS = [4, 8, 16, 16, 16]
SIZE = 32
OUTPUT = {"kind": "logits", "exclusive": False, "classes": list(SHAPES)}


_answered = {}


class RenderedEvidence(Evidence):
    """Evidence whose generated images are what the data set draws itself."""

    failing = False
    """Whether the first image cannot be drawn."""

    def picture_for(self, i, changed):
        return self.data.with_concepts(i, changed)

    def concept_answers(self, drawing):
        key = type(self), self.card.model, self.n, drawing
        if key not in _answered:
            _answered[key] = self._drawn(drawing)
        return _answered[key]

    def _drawn(self, drawing):
        model = self.own_model()
        n = self.n

        def answers(pictures):
            with torch.no_grad():
                return model.probabilities(model.prepare(list(pictures))).double().numpy()

        plain = answers(self.picture_for(i, {}) for i in range(n))
        blocks = {}
        for (name,) in drawing.blocks:
            values = [("0",), ("1",)]
            table = [
                answers(self.picture_for(i, {name: value}) for i in range(n)) for (value,) in values
            ]
            own = np.array([int(record.concepts[name]) for record in self.records])
            found = np.stack(table, axis=1)[None].repeat(drawing.repeats, axis=0)
            blocks[name] = BlockAnswers((name,), values, own, found)
        skipped = [""] * n
        if self.failing:
            skipped[0] = "latents are not finite"
            plain[0] = np.nan
            for block in blocks.values():
                block.answers[:, 0] = np.nan
        plain = plain[None].repeat(drawing.repeats, axis=0)
        return ConceptAnswers(plain, blocks, skipped, truncated=0, captions=7 * n)


def write(path, content):
    path.write_text(yaml.safe_dump(content))
    return path


def data_card(folder, n):
    concepts = [{"name": name} for name in SHAPES]
    card = {"data": "shapes", "task": "shapes", "format": "synthetic-shapes", "concepts": concepts}
    card["with"] = {"n": n, "seed": 5, "size": SIZE}
    return read_data_card(write(folder / "shapes.data.yaml", card))


def trained(n=300, epochs=12):
    """A classifier that knows the shapes well, not perfectly."""
    card = {"n": n, "seed": 1, "size": SIZE}
    from auditkit.spec.data_card import DataCard

    data = load_data(
        DataCard.model_validate(
            {"data": "t", "task": "shapes", "format": "synthetic-shapes", "with": card}
        )
    )
    x = torch.stack([torch.from_numpy(data.image(i).copy()) for i in range(n)])
    x = x.permute(0, 3, 1, 2).float() / 255
    y = torch.tensor([[float(data.case(i).there[name]) for name in SHAPES] for i in range(n)])
    torch.manual_seed(0)
    torch.set_num_threads(1)
    network = ConceptCnn(6, SIZE, WIDTHS)
    optimiser = torch.optim.Adam(network.parameters(), 5e-3)
    order = torch.Generator().manual_seed(0)
    for _ in range(epochs):
        for rows in torch.randperm(n, generator=order).split(50):
            optimiser.zero_grad()
            loss = torch.nn.functional.binary_cross_entropy_with_logits(network(x[rows]), y[rows])
            loss.backward()
            optimiser.step()
    return network.eval()


def model_card(folder, name, format_, network, arguments, output):
    state = {name: value.contiguous() for name, value in network.state_dict().items()}
    save_file(state, folder / f"{name}.safetensors")
    card = {
        "model": name,
        "task": "shapes",
        "format": format_,
        "weights": {"file": f"{name}.safetensors"},
        "arguments": arguments,
        "input": {"size": SIZE},
        "output": output,
    }
    if "score" in output:
        card["threshold"] = 0.5
    return read_model_card(write(folder / f"{name}.model.yaml", card))
