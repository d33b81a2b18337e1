"""Fixtures of the small world in benchmark_world."""

import pytest
import torch
from benchmark_world import OUTPUT, WIDTHS, RenderedEvidence, data_card, model_card, trained

from auditkit.benchmarking.gathering import Source
from auditkit.data import load_data
from auditkit.evidence import Settings, Store
from auditkit.evidence.engine import Engine
from auditkit.models import load_model
from auditkit.models.bottleneck import ConceptBottleneck


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
