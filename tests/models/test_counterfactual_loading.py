"""From cards to counterfactual generators: what is read, and what is refused in words."""

import counterfactual_world as world
import pytest
import torch
from safetensors.torch import load_file

from auditkit.errors import AuditError
from auditkit.models.counterfactuals.contract import bin_of
from auditkit.models.counterfactuals.guided import GuidedDiffusion
from auditkit.models.counterfactuals.load import load_generator
from auditkit.models.counterfactuals.networks import generator
from auditkit.models.diffusion.small import PixelTextToImage
from auditkit.models.model import Model
from auditkit.spec.counterfactual_card import CounterfactualCard
from auditkit.spec.generator_card import GeneratorCard


@pytest.fixture
def model(tmp_path):
    return model_of(world.redness_card(tmp_path))


def model_of(card):
    return Model(card, [world.Redness().eval()], torch.device("cpu"))


@pytest.fixture
def card(tmp_path, model):
    return world.generator_card(tmp_path, model.card)


@pytest.fixture
def pipeline(tmp_path):
    parts = PixelTextToImage.untrained(
        ["word"], size=8, factor=2, channels=(16, 32), heads=2, width=16
    )
    parts.save(tmp_path / "pipeline")
    given = {"generator": "tiny", "task": "melanoma", "folder": "pipeline"}
    made = GeneratorCard.model_validate(given)
    return made.model_copy(update={"path": tmp_path / "tiny.generator.yaml"})


GUIDED = CounterfactualCard.model_validate(
    {
        "counterfactual": "guided",
        "task": "melanoma",
        "family": "guided-diffusion",
        "data": "captions",
        "guidance": {"generator": "tiny", "steps": 1},
    }
)


def test_the_network_has_the_weights_of_the_file(tmp_path, model, card):
    found = load_generator(card, model, None)
    network = generator(card.network, card.bins).eval()
    state = load_file(tmp_path / card.weights.file)
    network.load_state_dict({name: state[name] for name in network.state_dict()})
    images, targets = torch.rand(3, 3, 16, 16), torch.tensor([0, 4, 9])
    scores = torch.tensor([0.9, 0.0, 0.3])
    with torch.no_grad():
        wanted = network(images * 2 - 1, torch.stack([targets, bin_of(scores, 10)], 1)) / 2 + 0.5
    assert torch.allclose(found.generate(images, targets, scores), wanted, atol=1e-6)
    assert found.bins == 10


def test_another_file_than_the_cards_is_refused(tmp_path, model, card):
    (tmp_path / card.weights.file).write_bytes(b"another")
    with pytest.raises(AuditError, match="the card says"):
        load_generator(card, model, None)


def test_weights_of_another_network_are_refused(model, card):
    wider = card.network.model_copy(update={"width": 8})
    with pytest.raises(AuditError, match="stem"):
        load_generator(card.model_copy(update={"network": wider}), model, None)


def test_images_of_another_size_are_refused(model, card):
    found = load_generator(card, model, None)
    with pytest.raises(AuditError, match="trained at 16 pixels"):
        found.generate(torch.rand(1, 3, 32, 32), torch.tensor([0]), torch.tensor([0.5]))


def test_guided_diffusion_takes_its_pipeline(model, pipeline):
    found = load_generator(GUIDED, model, pipeline)
    assert isinstance(found, GuidedDiffusion)
    assert (
        found.generate(torch.rand(2, 3, 16, 16), torch.tensor([0, 9]), torch.rand(2)).shape[0] == 2
    )


def test_guided_diffusion_without_its_pipeline_says_which(model):
    with pytest.raises(AuditError, match="'tiny' was not given"):
        load_generator(GUIDED, model, None)


def test_a_model_without_gradients_cannot_guide(tmp_path, pipeline):
    card = world.redness_card(tmp_path)
    source = card.python.model_copy(update={"gradients": False})
    blind = model_of(card.model_copy(update={"python": source}))
    with pytest.raises(AuditError, match="no gradients"):
        load_generator(GUIDED, blind, pipeline)


def test_a_model_without_a_score_cannot_guide(tmp_path, pipeline):
    card = world.redness_card(tmp_path)
    output = card.output.model_copy(update={"score": None})
    without = model_of(card.model_copy(update={"output": output, "threshold": None}))
    with pytest.raises(AuditError, match="with a score"):
        load_generator(GUIDED, without, pipeline)
