"""Answers to perturbed images: against loops by hand, captum, and counted forwards."""

import numpy as np
import pytest
import torch
from captum.metrics import infidelity as captum_infidelity
from torch import nn
from volume_world import Bright, cubes_evidence

from auditkit.data.load import load_data
from auditkit.evidence import Evidence, Settings, Store
from auditkit.evidence.engine import Engine
from auditkit.evidence.heatmaps.baselines import baseline
from auditkit.evidence.identity import seed_of
from auditkit.evidence.perturbed import Perturbing, perturbed
from auditkit.evidence.randomised import random_parameters
from auditkit.metrics.faithfulness import ONE_UNIT, curve_areas, infidelity, sensitivity_n
from auditkit.models import load_model
from auditkit.spec.data_card import DataCard
from auditkit.spec.methods import parse_method

GRADIENT, PRODUCT = parse_method("gradient"), parse_method("input-x-gradient")
RANDOM = parse_method("random-map")
HOW = Perturbing("black", 4, (0.25, 0.5), 12)


class Linear(nn.Module):
    """Logits (0, w x), one weight per voxel."""

    def __init__(self, modalities=2, side=8, axes=2):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.weights = nn.Parameter(torch.randn(modalities * side**axes, generator=generator))

    def forward(self, x):
        score = x.flatten(1) @ self.weights
        return torch.stack([torch.zeros_like(score), score], dim=1)


class Curved(Linear):
    """Interactions between voxels, so that no map is perfect."""

    def forward(self, x):
        return super().forward(torch.tanh(x * x.roll(1, dims=-1)))


class Counting(nn.Module):
    """Counts the inputs that it is shown."""

    def __init__(self, inner):
        super().__init__()
        self.inner, self.rows = inner, 0

    def forward(self, x):
        self.rows += len(x)
        return self.inner(x)


def pictures(folder, network, **given):
    """Slices with two modalities: small enough for loops."""
    folder.mkdir(exist_ok=True)
    return cubes_evidence(folder, network, **{"n": 4, "axes": 2, **given})


@pytest.mark.parametrize("axes", [2, 3])
def test_input_x_gradient_of_a_linear_model_is_perfect(tmp_path, axes):
    evidence = pictures(tmp_path, Linear(axes=axes), axes=axes)
    found = perturbed(evidence, PRODUCT, HOW)
    assert np.abs(found.sums - found.changes).max() < 1e-4
    for image in range(4):
        assert infidelity(found.sums[image].ravel(), found.changes[image].ravel()) < 1e-9
        for size in range(2):
            assert sensitivity_n(found.sums[image, size], found.changes[image, size]) > 1 - 1e-6


def test_infidelity_is_captums(tmp_path):
    network = Curved()
    evidence = pictures(tmp_path, network)
    found = perturbed(evidence, PRODUCT, HOW)
    model = evidence.own_model()
    for index in range(4):
        inputs = model.prepare([evidence.source(index)])
        decided = torch.tensor([int(evidence.scores().decision[index])])
        heat = torch.from_numpy(evidence.heatmaps(PRODUCT).maps[index])[None]
        digest = evidence.records[index].digest
        masks = torch.from_numpy(drawn(digest, heat.numel())).view(-1, *heat.shape[1:])

        def perturb(x, masks=masks):
            return masks.float(), x * ~masks

        def answer(x, decided=decided):
            return model.log_odds(x, decided.expand(len(x)))

        theirs = captum_infidelity(answer, perturb, inputs, heat, n_perturb_samples=len(masks))
        sums, changes = found.sums[index].ravel(), found.changes[index].ravel()
        assert float(theirs) == pytest.approx(((sums - changes) ** 2).mean(), rel=1e-3)
        assert infidelity(sums, changes) > 0.01


def drawn(digest, units):
    """The subsets, by their seeds."""
    rows = []
    for size in HOW.sizes:
        for repeat in range(HOW.subsets):
            generator = np.random.default_rng(seed_of("subset", digest, size, repeat))
            row = np.zeros(units, bool)
            row[generator.choice(units, int(size * units + 0.5), replace=False, shuffle=False)] = 1
            rows.append(row)
    return np.array(rows)


@pytest.mark.parametrize("fill", ["black", "mean", "blur"])
def test_curves_are_those_of_a_loop(tmp_path, fill):
    evidence = pictures(tmp_path, Curved())
    found = perturbed(evidence, GRADIENT, Perturbing(fill, 5, (0.5,), 8))
    model, heat = evidence.own_model(), evidence.heatmaps(GRADIENT)
    for index in range(4):
        inputs = model.prepare([evidence.source(index)])
        empty = baseline(inputs, fill)  # no voxel of these slices is 0
        order = np.argsort(-heat.maps[index].ravel())
        decided = int(evidence.scores().decision[index])
        for step in range(6):
            count = int(step * order.size / 5 + 0.5)
            hot = torch.zeros(order.size, dtype=torch.bool)
            hot[order[:count].copy()] = True
            hot = hot.view(inputs.shape)
            wanted = [torch.where(hot, empty, inputs), torch.where(hot, inputs, empty)]
            with torch.no_grad():
                answers = model.probabilities(torch.cat(wanted))[:, decided]
            assert found.deletion[index, step] == pytest.approx(float(answers[0]), abs=1e-5)
            assert found.insertion[index, step] == pytest.approx(float(answers[1]), abs=1e-5)
            assert found.shares[index, step] == pytest.approx(count / order.size)


def test_methods_share_the_answers_to_random_subsets(tmp_path):
    network = Counting(Curved())
    evidence = pictures(tmp_path, network, settings=Settings(batch_size=1), n=3)
    coarse = parse_method({"method": "random-map", "name": "coarse", "cell": 4})
    methods = [GRADIENT, PRODUCT, RANDOM, coarse]
    for method in methods:
        evidence.heatmaps(method)
    evidence.scores()
    seen = []
    for method in methods:
        network.rows = 0
        perturbed(evidence, method, HOW)
        seen.append(network.rows)
    curves, subsets = 2 * 5, 1 + 2 * 12
    first, second, third, other_cells = seen
    assert first == 3 * (curves + subsets)
    assert second == third == 3 * curves
    assert other_cells == 3 * (curves + subsets)


def test_subsets_do_not_depend_on_method_batch_or_shard(tmp_path):
    one = perturbed(pictures(tmp_path / "1", Curved()), GRADIENT, HOW)
    settings = Settings(batch_size=3, batches=2)
    other = pictures(tmp_path / "2", Curved(), settings=settings)
    found = perturbed(other, PRODUCT, HOW)
    assert np.allclose(one.changes, found.changes, atol=1e-5)
    again = perturbed(other, GRADIENT, HOW)
    for name in ("shares", "deletion", "insertion", "sums", "changes"):
        assert np.allclose(getattr(one, name), getattr(again, name), atol=1e-5), name


def test_a_random_map_tells_nothing(tmp_path):
    evidence = cubes_evidence(tmp_path, n=12)
    found = perturbed(evidence, RANDOM, Perturbing("mean", 2, (0.3,), 64))
    correlations = [
        sensitivity_n(sums[0], changes[0])
        for sums, changes in zip(found.sums, found.changes, strict=True)
    ]
    assert abs(np.mean(correlations)) < 0.12
    best = perturbed(evidence, PRODUCT, Perturbing("mean", 2, (0.3,), 64))
    areas = [curve_areas(each.shares, each.deletion).mean() for each in (best, found)]
    assert areas[0] < areas[1]


def test_nothing_outside_a_volumes_foreground_is_removed(tmp_path):
    class Background(nn.Module):
        def forward(self, x):
            score = x[:, :, 0].flatten(1).sum(dim=1) - 1
            return torch.stack([torch.zeros_like(score), score], dim=1)

    evidence = pictures(tmp_path, Background())
    volume = evidence.data.volume

    def blank(index):
        found = {name: array.copy() for name, array in volume(index).items()}
        for array in found.values():
            array[0] = 0
        return found

    evidence.data.volume = blank
    for fill in ("mean", "blur"):
        found = perturbed(evidence, RANDOM, Perturbing(fill, 4, (0.5,), 8))
        assert not found.changes.any()
        assert np.ptp(found.deletion) == 0
        assert found.shares[:, -1].tolist() == [1] * 4


def test_maps_without_an_order_are_counted_with_their_reason(tmp_path):
    evidence = cubes_evidence(tmp_path, _Dead(), n=2)
    control = parse_method({"method": "random-map", "cell": 8})
    found = perturbed(evidence, control, HOW)  # a unit for each modality
    assert list(found.problem) == ["", ""]
    assert not found.changes.any()
    gradient = parse_method("gaussian-map")
    heat = evidence.heatmaps(gradient)
    heat.maps[0], heat.maps[1] = 0, np.nan
    evidence.heatmaps = lambda _method: heat
    found = perturbed(evidence, gradient, HOW)
    assert list(found.problem) == ["all-zero heatmap", "heatmap with NaN or infinite values"]


def test_one_unit_is_no_choice(tmp_path):
    evidence = cubes_evidence(tmp_path, n=2, modalities=("t1c", "flair"), side=8)
    heat = evidence.heatmaps(RANDOM)
    single = type(heat)(heat.maps, heat.cell, segments=np.zeros(heat.maps.shape, np.int32))
    evidence.heatmaps = lambda _method: single
    found = perturbed(evidence, RANDOM, HOW)
    assert list(found.problem) == [ONE_UNIT] * 2


class _Dead(Bright):
    """Answers every input alike."""

    def forward(self, x):
        return super().forward(x) * 0 + torch.tensor([0.0, 1.0])


def test_superpixels_of_a_methods_own_are_removed_whole(tmp_path):
    evidence = pictures(tmp_path, Curved(), n=2)
    heat = evidence.heatmaps(RANDOM)
    halves = np.zeros(heat.maps.shape, np.int32)
    halves[:, :, :, 4:] = 1
    maps = np.where(halves == 1, np.float32(2), np.float32(1))
    own = type(heat)(maps, 1, segments=halves)
    evidence.heatmaps = lambda _method: own
    found = perturbed(evidence, RANDOM, Perturbing("black", 2, (0.5,), 8))
    assert set(found.sums.ravel().tolist()) == {1.0, 2.0}
    assert found.shares[0].tolist() == [0, 0.5, 1]
    model = evidence.own_model()
    inputs = model.prepare([evidence.source(0)])
    target = torch.tensor([int(evidence.scores().decision[0])])
    right, left = inputs.clone(), inputs.clone()
    right[..., 4:], left[..., :4] = 0, 0
    with torch.no_grad():
        whole, *gone = (float(model.log_odds(x, target)) for x in (inputs, left, right))
    wanted = np.array(gone)[found.sums[0, 0].astype(int) - 1]
    assert found.changes[0, 0] == pytest.approx(whole - wanted, abs=1e-5)


def test_pictures_have_one_modality_of_three_colours(random_card, tmp_path):
    model = load_model(random_card(32))
    data = DataCard.model_validate(
        {
            "data": "lesions",
            "task": "melanoma",
            "format": "synthetic-dermoscopy",
            "with": {"n": 3, "seed": 1, "size": 32},
        }
    )
    engine = Engine(Store(tmp_path))
    evidence = Evidence(model.card, load_data(data), engine, Settings(), model=model.copy)
    found = perturbed(evidence, parse_method("gradcam"), Perturbing("mean", 3, (0.3,), 10))
    assert set(found.problem) <= {"", "all-zero heatmap"}
    assert found.changes.any()
    assert found.deletion[:, 0] == pytest.approx(found.insertion[:, -1], abs=1e-5)
    assert found.deletion[:, -1] == pytest.approx(found.insertion[:, 0], abs=1e-5)
    similar = random_parameters(evidence, parse_method("gradient"), 1, "absolute")
    assert not (similar.problem != "").any()
    assert (np.abs(similar.rho) < 0.9).all()
