"""Counterfactuals as evidence: against loops by hand; and what must not change them."""

import hashlib
import shutil

import counterfactual_world as world
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from auditkit.data.load import load_data
from auditkit.errors import AuditError
from auditkit.evidence import Evidence, Settings, Store
from auditkit.evidence.counterfactuals import generating
from auditkit.evidence.counterfactuals.answers import counterfactuals
from auditkit.evidence.counterfactuals.pictures import alone_and_together, every_bin, pairs
from auditkit.evidence.engine import Engine
from auditkit.evidence.peers import Peers
from auditkit.models.counterfactuals import load
from auditkit.models.counterfactuals.exaggeration import Exaggeration
from auditkit.models.counterfactuals.networks import generator
from auditkit.models.diffusion.small import PixelTextToImage
from auditkit.spec.counterfactual_card import CounterfactualCard
from auditkit.spec.generator_card import GeneratorCard

N = 6
ARRAYS = ("own", "score", "change", "span", "reconstruction", "cycle", "finite")


def asked(folder, **given):
    return world.counterfactual_evidence(folder, n=N, **given)


def same(one, other, rows=slice(None)):
    for name in ARRAYS:
        assert np.array_equal(getattr(one, name), getattr(other, name)[rows]), name


@pytest.fixture
def made(monkeypatch):
    """Let a function of the usual generator's images, targets and answer stand for what it makes."""

    def replace(change):
        real = load.load_generator

        class Changed:
            def __init__(self, *given):
                self.own = real(*given)

            def generate(self, images, targets, scores):
                return change(images, targets, self.own.generate(images, targets, scores))

        monkeypatch.setattr(load, "load_generator", Changed)

    return replace


def test_every_array_is_what_a_loop_over_single_images_gives(tmp_path):
    evidence, card = asked(tmp_path)
    found = counterfactuals(evidence, card)
    network = generator(card.network, card.bins).eval()
    state = load_file(tmp_path / card.weights.file)
    network.load_state_dict({name: state[name] for name in network.state_dict()})

    def counterfactual(image, target):
        told = torch.tensor([[target, min(int(score(image) * 10), 9)]])
        with torch.no_grad():
            answer = network(image[None] * 2 - 1, told)[0] / 2 + 0.5
        return (answer * 255).round() / 255

    def score(image):
        red, green = image[0].mean(), image[1].mean()
        return float(torch.sigmoid(world.SLOPE * (red - green - world.MIDDLE)))

    def apart(one, other):
        return float((one - other).abs().mean())

    for i in range(N):
        image = torch.from_numpy(evidence.data.image(i)).permute(2, 0, 1).float() / 255
        own = int(score(image) * 10)
        bins = [counterfactual(image, target) for target in range(10)]
        assert found.own[i] == pytest.approx(score(image), abs=1e-5)
        assert found.score[i] == pytest.approx([score(one) for one in bins], abs=1e-5)
        assert found.change[i] == pytest.approx([apart(one, image) for one in bins], abs=1e-5)
        assert found.span[i] == pytest.approx(apart(bins[9], bins[0]), abs=1e-5)
        assert found.reconstruction[i] == pytest.approx(apart(bins[own], image), abs=1e-5)
        back = [apart(counterfactual(bins[end], own), image) for end in (0, 9)]
        assert found.cycle[i] == pytest.approx(np.mean(back), abs=1e-5)
        shown = np.stack([bins[end].permute(1, 2, 0).numpy() for end in (0, 9)])
        assert np.array_equal(pairs(evidence, card)[i], (shown * 255).round().astype(np.uint8))
    assert found.finite.all()
    assert found.opposite(0.5).all()
    assert found.flipped(0.5).all()


def test_shards_and_threads_change_no_bit(tmp_path):
    one, card = asked(tmp_path / "1", settings=Settings(batch_size=2))
    usual = counterfactuals(one, card)
    for batches, threads in ((2, 1), (9, 1), (1, 3)):
        folder = tmp_path / f"{batches}-{threads}"
        settings = Settings(batch_size=2, batches=batches)
        other, again = asked(folder, settings=settings)
        other._engine.threads = threads
        same(usual, counterfactuals(other, again))
        assert np.array_equal(pairs(one, card), pairs(other, again))


class Reordered:
    """The same records in another order."""

    def __init__(self, data, order):
        self.data, self.order, self.card = data, order, data.card
        self.records = [data.records[i] for i in order]

    def image(self, index):
        return self.data.image(self.order[index])


@pytest.mark.parametrize("order", [[5, 4, 3, 2, 1, 0], [2, 0, 4]])
def test_order_and_company_change_no_bit(tmp_path, order):
    usual, card = asked(tmp_path, settings=Settings(batch_size=4))
    data = Reordered(usual.data, order)
    engine = Engine(Store(tmp_path / "other"))
    other = Evidence(usual.card, data, engine, Settings(batch_size=4), model=usual._model)
    same(counterfactuals(other, card), counterfactuals(usual, card), order)
    assert np.array_equal(pairs(other, card), pairs(usual, card)[order])


def test_what_is_in_the_store_needs_neither_model_nor_generator(tmp_path, monkeypatch):
    evidence, card = asked(tmp_path)
    first = counterfactuals(evidence, card), every_bin(evidence, card, [4, 1])
    apart = alone_and_together(evidence, card, [0, 1, 2])
    monkeypatch.setattr(generating, "Generating", None)
    monkeypatch.setattr(load, "load_generator", None)
    again, _ = asked(tmp_path)
    again._model = None
    same(first[0], counterfactuals(again, card))
    assert np.array_equal(first[1], every_bin(again, card, [4, 1]))
    assert np.array_equal(apart, alone_and_together(again, card, [0, 1, 2]))


def test_every_bin_of_some_images_begins_and_ends_with_their_pairs(tmp_path):
    evidence, card = asked(tmp_path, settings=Settings(batch_size=2))
    found = every_bin(evidence, card, [4, 1, 2])
    assert found.shape == (3, 10, 16, 16, 3)
    assert np.array_equal(found[:, [0, -1]], pairs(evidence, card)[[4, 1, 2]])
    redness = found.mean(axis=(2, 3)) @ [1, -1, 0]
    assert (np.diff(redness, axis=1) > 0).all()
    assert every_bin(evidence, card, []).shape == (0, 10, 16, 16, 3)


@pytest.mark.parametrize("bad", [9, 4])
def test_what_is_not_finite_is_counted_and_changes_no_other_image(tmp_path, made, bad):
    usual, card = asked(tmp_path / "usual")
    without = counterfactuals(usual, card)
    first = usual.data.image(2)[0, 0, 0] / 255

    def change(images, targets, answer):
        wrong = ((images[:, 0, 0, 0] - first).abs() < 1e-6) & (targets == bad)
        return torch.where(wrong.view(-1, 1, 1, 1), torch.nan, answer)

    made(change)
    evidence, card = asked(tmp_path / "bad")
    found = counterfactuals(evidence, card)
    assert found.finite.tolist() == [i != 2 for i in range(N)]
    assert found.own[2] == without.own[2]
    for name in ("score", "change", "span", "reconstruction", "cycle"):
        assert not getattr(found, name)[2].any()
    rest = [i for i in range(N) if i != 2]
    for name in ARRAYS:
        assert np.array_equal(getattr(found, name)[rest], getattr(without, name)[rest])
    assert (pairs(evidence, card)[2, 1] == 0).all() == (bad == 9)


def test_a_way_back_that_is_not_finite_is_counted(tmp_path, made):
    originals = [load_data(world.lesions(N)).image(i) for i in range(N)]
    known = torch.tensor([one[0, 0, 0] / 255 for one in originals], dtype=torch.float32)

    def change(images, _targets, answer):
        again = (images[:, :1, 0, 0] - known).abs().amin(1) > 1e-6
        return torch.where(again.view(-1, 1, 1, 1), torch.nan, answer)

    made(change)
    evidence, card = asked(tmp_path)
    assert (pairs(evidence, card) > 0).any(axis=(1, 2, 3, 4)).all()
    assert not counterfactuals(evidence, card).finite.any()


def test_a_generator_in_evaluation_mode_does_not_depend_on_company(tmp_path):
    evidence, card = asked(tmp_path)
    assert (alone_and_together(evidence, card, range(N)) < 0.01).all()


def test_a_generator_in_training_mode_is_caught(tmp_path, monkeypatch):
    real = Exaggeration.from_card.__func__

    def training(cls, card, device):
        found = real(cls, card, device)
        found.network.train()
        return found

    monkeypatch.setattr(Exaggeration, "from_card", classmethod(training))
    evidence, card = asked(tmp_path)
    assert (alone_and_together(evidence, card, range(N)) > 2).all()


def test_company_of_images_that_are_not_finite_is_as_bad_as_can_be(tmp_path, made):
    made(lambda images, _targets, answer: torch.where(images.mean() > 0, torch.nan, answer))
    evidence, card = asked(tmp_path)
    assert (alone_and_together(evidence, card, [0, 3]) == 255).all()


def test_other_weights_are_other_evidence(tmp_path):
    evidence, card = asked(tmp_path)
    other = world.generator_card(tmp_path, evidence.card, seed=1)
    state = load_file(tmp_path / other.weights.file)
    state["head.weight"] /= 2
    save_file(state, tmp_path / other.weights.file)
    usual = counterfactuals(evidence, card)
    with pytest.raises(AuditError, match="the card says"):
        counterfactuals(evidence, other)
    digest = hashlib.sha256((tmp_path / other.weights.file).read_bytes()).hexdigest()
    weights = other.weights.model_copy(update={"sha256": digest})
    found = counterfactuals(evidence, other.model_copy(update={"weights": weights}))
    assert (found.span < usual.span).all()


def test_weights_that_are_gone_are_named(tmp_path):
    evidence, card = asked(tmp_path)
    (tmp_path / card.weights.file).unlink()
    with pytest.raises(AuditError, match="put the file there"):
        pairs(evidence, card)


def guided(folder, **guidance):
    """The model guides an untrained pipeline of 8 pixels."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = PixelTextToImage.untrained(
        ["word"], size=8, factor=2, channels=(16,), heads=2, width=16
    )
    parts.save(folder / "pipeline")
    drawn = {"generator": "tiny", "task": "melanoma", "folder": "pipeline"}
    pipeline = GeneratorCard.model_validate(drawn).model_copy(
        update={"path": folder / "tiny.generator.yaml"}
    )
    card = CounterfactualCard.model_validate(
        {
            "counterfactual": "guided",
            "task": "melanoma",
            "family": "guided-diffusion",
            "data": "captions",
            "bins": 4,
            "guidance": {"generator": "tiny", "steps": 2, "start": 0.1, "scale": 1.0, **guidance},
        }
    )
    peers = Peers(generators={"tiny": pipeline})
    settings = Settings(batch_size=4)
    evidence, _ = world.counterfactual_evidence(folder, n=N, peers=peers, settings=settings)
    return evidence, card


def test_both_families_are_asked_alike(tmp_path):
    evidence, card = guided(tmp_path)
    found = counterfactuals(evidence, card)
    assert found.score.shape == (N, 4)
    assert (found.score[:, 0] < found.score[:, -1]).all()
    assert found.finite.all()
    assert pairs(evidence, card).shape == (N, 2, 16, 16, 3)
    assert (alone_and_together(evidence, card, range(3)) < 0.01).all()


def test_guidance_and_pipeline_are_part_of_the_identity(tmp_path):
    evidence, card = guided(tmp_path)
    identity = generating.generator_identity(evidence, card)
    assert identity == generating.generator_identity(evidence, card)
    harder = card.guidance.model_copy(update={"scale": 2.0})
    for changed in (
        card.model_copy(update={"guidance": harder}),
        card.model_copy(update={"bins": 5}),
    ):
        assert generating.generator_identity(evidence, changed) != identity
    shutil.rmtree(tmp_path / "pipeline")
    other = PixelTextToImage.untrained(
        ["word"], size=8, factor=2, channels=(16,), heads=2, width=16, seed=1
    )
    other.save(tmp_path / "pipeline")
    assert generating.generator_identity(evidence, card) != identity


def test_shards_change_no_bit_of_guided_ones(tmp_path):
    one, card = guided(tmp_path / "one")
    other, _ = guided(tmp_path / "other")
    other.settings = Settings(batch_size=4, batches=2)
    same(counterfactuals(one, card), counterfactuals(other, card))
