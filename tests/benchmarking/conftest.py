"""A small world: shapes, a classifier trained in seconds, and a generator that is the true renderer."""

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import save_file

from auditkit.benchmarking.gathering import Source
from auditkit.data import load_data
from auditkit.data.synthetic.shapes import SHAPES
from auditkit.evidence import Evidence, Settings, Store
from auditkit.evidence.concepts.kinds import BlockAnswers, ConceptAnswers
from auditkit.evidence.engine import Engine
from auditkit.models import load_model
from auditkit.models.bottleneck import ConceptBottleneck
from auditkit.models.concept_cnn import ConceptCnn
from auditkit.spec.catalogue import read_data_card, read_model_card

WIDTHS = [4, 8, 16, 16, 16]
SIZE = 32
OUTPUT = {"kind": "logits", "exclusive": False, "classes": list(SHAPES)}


class RenderedEvidence(Evidence):
    """Evidence whose generated images are what the data set draws itself."""

    failing = False
    """Whether the first image cannot be drawn."""

    def picture_for(self, i, changed):
        return self.data.with_concepts(i, changed)

    def concept_answers(self, drawing):
        model = self._own_model()
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


@pytest.fixture(scope="session", autouse=True)
def _few_resamples():
    """Intervals need not be good here, only there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("auditkit.benchmarking.assumptions.REPLICATES", 100)
        patch.setattr("auditkit.benchmarking.agreements.REPLICATES", 100)
        yield


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("benchmark")


@pytest.fixture(scope="session")
def classifier_card(folder):
    return model_card(folder, "concepts", "concept-cnn", trained(), {"widths": WIDTHS}, OUTPUT)


@pytest.fixture(scope="session")
def target_card(folder, classifier_card):
    """A concept-bottleneck model on the same backbone that relies on the red circle above all."""
    network = ConceptBottleneck(load_model(classifier_card, "cpu").network, 6)
    with torch.no_grad():
        network.head.weight[:] = torch.tensor([[4.0, 0.5, 0.0, 1.0, 0.2, 0.0]])
        network.head.bias[:] = -2.5
    arguments = {
        "backbone": "concept-cnn",
        "backbone_arguments": {"widths": WIDTHS},
        "concepts": 6,
    }
    output = {"kind": "logits", "classes": ["no", "yes"], "score": 1}
    return model_card(folder, "bottleneck", "concept-bottleneck", network, arguments, output)


@pytest.fixture(scope="session")
def make_source(folder, classifier_card):
    """Makes a source on the first so many shapes, drawn by the true renderer unless told otherwise."""

    def make(n=60, targets=(), kind=RenderedEvidence):
        data = load_data(data_card(folder, n))
        engine = Engine(Store(folder / "store"))

        def load(card):
            return load_model(card, "cpu")

        def of(card):
            return kind(card, data, engine, Settings(device="cpu"), None, lambda: load(card))

        return Source(of(classifier_card), [of(card) for card in targets], "renderer", load)

    return make
