"""What is removed from volumes and pictures, what replaces it, and how often the model is asked."""

import numpy as np
import pytest
import torch
from volume_world import Bright, cubes_evidence

from auditkit.checks.truthfulness import truthfulness
from auditkit.evidence import Heatmaps, Settings
from auditkit.evidence.fills import filling, noise, support_of
from auditkit.evidence.removal import RemovalPlan
from auditkit.metrics.clinical_xai_2022 import published_thresholds
from auditkit.metrics.removal import NO_SUPPORT
from auditkit.spec.declarations.truthfulness import Truthfulness
from auditkit.spec.methods import parse_method

GROUPS = [(0,), (1,)]


class Seen(Bright):
    """Remembers every input it was given."""

    def __init__(self):
        super().__init__()
        self.rows = []

    def forward(self, x):
        self.rows += list(x.detach().clone())
        return super().forward(x)


def planted(evidence, maps, cell=1, segments=None):
    """The evidence, whose methods all have these heatmaps."""
    evidence.heatmaps = lambda _method: Heatmaps(maps.astype(np.float32), cell, segments=segments)
    return evidence


def by_name(name="random-map", **given):
    return parse_method({"method": name, **given})


def test_sixteen_methods_ask_no_more_often_than_promised(tmp_path):
    # 16 orders by heatmap and 15 at random, shared by all methods of one granularity.
    methods = [{"method": "random-map", "draw": k, "name": f"m{k}", "cell": 2} for k in range(16)]
    network = Seen()
    evidence = cubes_evidence(tmp_path, network, Settings(batch_size=2), n=2)
    for given in methods:
        evidence.heatmaps(parse_method(given))
        evidence.fitness(parse_method(given))
    parameters = {"methods": methods, "steps": 10, "repeats": 15}
    counted = {}
    for fills in (["black"], ["mean", "noise"]):
        network.rows.clear()
        truthfulness(evidence, Truthfulness(fills=fills, **parameters))
        counted[len(fills)] = len(network.rows) / 2
    # 9 steps between the ends: nothing removed is what heatmaps were asked for, everything is asked once.
    assert counted[1] == 31 * 9 + 1 <= (16 + 15) * 10
    # Noise differs from order to order to the last step.
    assert counted[2] == 31 * 9 + 1 + 31 * 10 <= (16 + 15) * 10 * 2


def test_another_granularity_has_a_baseline_of_its_own_and_no_more(tmp_path):
    network = Seen()
    evidence = cubes_evidence(tmp_path, network, Settings(batch_size=4), n=4)
    plan = RemovalPlan("black", 10, 15)
    for name, cell, asked in (("a", 2, 15 * 9 + 1), ("b", 2, 0), ("c", 4, 15 * 9)):
        method = by_name(name="random-map", cell=cell) if name == "a" else None
        method = method or by_name(cell=cell, draw=3)
        evidence.heatmaps(method)
        network.rows.clear()
        evidence.random_removal(method, plan)
        assert len(network.rows) / 4 == asked


def test_only_the_foreground_is_removed_and_both_orders_end_alike(tmp_path):
    network = Seen()
    evidence = cubes_evidence(tmp_path, network, Settings(batch_size=4), n=4)
    inner = evidence.data.volume
    outside = np.zeros((8, 8, 8), bool)
    outside[:, :, 6:] = True

    def partly(index):
        found = inner(index)
        return {name: np.where(outside, 0, volume) for name, volume in found.items()}

    evidence.data.volume = partly
    method = by_name(cell=4)
    plan = RemovalPlan("mean", 4, 2)
    heat, random = evidence.removal(method, plan), evidence.random_removal(method, plan)
    assert np.array_equal(heat.score[:, -1], random.score[:, 0, -1])
    assert np.array_equal(heat.score[:, 0], random.score[:, 1, 0])
    ends = [row for row in network.rows if all(len(torch.unique(m[:, :, :6])) == 1 for m in row)]
    assert len(ends) == 4
    for row in network.rows:
        assert (row[:, :, :, 6:] == 0).all()
    # Cells of 4 x 4 x 4 and of 4 x 4 x 2 voxels: shares are of voxels, not of cells.
    shares = {round(float(share), 6) for share in heat.fraction.reshape(-1)}
    assert shares <= {round(k / 24, 6) for k in range(25)}
    assert (np.diff(heat.fraction, axis=1) > 0).all()


def test_cells_of_all_modalities_are_ranked_together(tmp_path):
    network = Seen()
    evidence = cubes_evidence(tmp_path, network, Settings(batch_size=1), n=2, axes=2)
    maps = np.zeros((2, 2, 8, 8))
    maps[:, 1, :4, :4] = 2  # flair first
    maps[:, 0, 4:, 4:] = 1  # then t1c
    planted(evidence, maps, cell=4)
    network.rows.clear()
    evidence.removal(by_name(), RemovalPlan("black", 8))
    first, second = (row != 0 for row in network.rows[:2])
    assert not first[1, :4, :4].any()
    assert first[0].all()
    assert first[1].sum() == 48
    assert not second[0, 4:, 4:].any()
    assert second.sum() == 128 - 32


def test_superpixels_of_volumes_are_removed_whole(tmp_path):
    network = Seen()
    evidence = cubes_evidence(tmp_path, network, Settings(batch_size=1), n=2)
    segments = np.zeros((2, 2, 8, 8, 8), np.int32)
    segments[:, :, 4:] = 1  # one that covers both modalities, as shared superpixels do
    segments[:, :, :, 7] = 2
    maps = np.where(segments == 1, 3.0, np.where(segments == 2, 1.0, 0.0))
    planted(evidence, maps, 1, segments)
    network.rows.clear()
    found = evidence.removal(by_name(), RemovalPlan("black", 4))
    gone = [(row == 0).numpy() for row in network.rows[:3]]
    inside = [segments[0] == number for number in (1, 2, 0)]
    sizes = [int(one.sum()) for one in inside]
    for mask, count in zip(gone, (256, 512, 768), strict=True):
        assert mask.sum() == count
        for number, one in enumerate(inside):
            before = sum(sizes[:number])
            assert mask[one].sum() == np.clip(count - before, 0, sizes[number])
    assert found.fraction[0].tolist() == [0, 0.25, 0.5, 0.75, 1]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda maps: maps * 0, "all-zero heatmap"),
        (lambda maps: maps * 0 + 0.3, "constant heatmap"),
        (lambda maps: maps * np.nan, "heatmap with NaN or infinite values"),
    ],
)
def test_maps_without_an_order_have_a_reason_and_the_others_stay(tmp_path, change, reason):
    evidence = cubes_evidence(tmp_path, settings=Settings(batch_size=2), n=4)
    maps = np.random.default_rng(0).random((4, 2, 8, 8, 8))
    alone = planted(evidence, maps).removal(by_name(), RemovalPlan("black", 4))
    maps[1] = change(maps[1])
    evidence = cubes_evidence(tmp_path / ".", settings=Settings(batch_size=2), n=4)
    found = planted(evidence, maps).removal(by_name(draw=1), RemovalPlan("black", 4))
    assert found.reasons.tolist() == ["", reason, "", ""]
    assert (found.decision[1] == -1).all()
    assert np.array_equal(found.score[[0, 2, 3]], alone.score[[0, 2, 3]])


def test_an_image_that_is_all_background_has_nothing_to_remove(tmp_path):
    evidence = cubes_evidence(tmp_path, n=2)
    inner = evidence.data.volume
    evidence.data.volume = lambda i: {k: v * (i > 0) for k, v in inner(i).items()}
    for found in (
        evidence.removal(by_name(), RemovalPlan("mean", 3)),
        evidence.random_removal(by_name(), RemovalPlan("mean", 3, 2)),
    ):
        assert found.reasons.tolist() == [NO_SUPPORT, ""]


def test_answers_do_not_depend_on_batches_or_shards(tmp_path):
    one = cubes_evidence(tmp_path / ".", settings=Settings(batch_size=4), n=6)
    plans = [RemovalPlan("noise", 3, 2), RemovalPlan("mean", 3, 2, published=True)]
    known = [one.random_removal(by_name(cell=2), plan) for plan in plans]
    for batch, batches in ((3, 1), (2, 3)):
        settings = Settings(batch_size=batch, batches=batches)
        (tmp_path / f"{batch}").mkdir()
        other = cubes_evidence(tmp_path / f"{batch}", settings=settings, n=6)
        for plan, first in zip(plans, known, strict=True):
            again = other.random_removal(by_name(cell=2), plan)
            assert np.array_equal(first.decision, again.decision)
            assert np.allclose(first.score, again.score, atol=1e-6)


def volume(seed=0, side=8):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, side, side, generator=generator) + torch.tensor([5.0, -5.0]).view(2, 1, 1)


def test_fills_are_of_the_support_and_of_each_modality():
    image = volume()
    image[0, :4] = 0
    support = torch.from_numpy(support_of(image, GROUPS, "foreground"))
    assert support[0, :4].sum() == 0
    assert support[1].all()
    mean = filling(image, "mean", support)
    assert torch.allclose(mean[0], image[0, 4:].mean().expand(8, 8))
    assert torch.allclose(mean[1], image[1].mean().expand(8, 8))
    assert (filling(image, "black", support) == 0).all()
    assert filling(image, "blur", support).std() < image.std()


def test_noise_comes_from_what_the_order_ranks_lowest_of_the_same_modality():
    image = volume(side=20)  # 400 voxels: 5 % are 20
    support = support_of(image, GROUPS, "image")
    ranks = np.arange(800, dtype=np.int32).reshape(2, 20, 20)
    filled = noise(image, GROUPS, support, ranks, np.random.default_rng(0))
    for modality in range(2):
        last = set(image[modality].flatten()[-20:].tolist())
        assert set(filled[modality].flatten().tolist()) <= last
        assert len(set(filled[modality].flatten().tolist())) > 15
    again = noise(image, GROUPS, support, ranks, np.random.default_rng(0))
    assert torch.equal(filled, again)


def test_at_least_sixteen_voxels_are_drawn_from_and_background_is_left():
    image = volume()  # 64 voxels: 5 % would be 4
    image[:, 0] = 0
    support = support_of(image, GROUPS, "foreground")
    ranks = np.where(support, np.arange(128).reshape(2, 8, 8), 112).astype(np.int32)
    filled = noise(image, GROUPS, support, ranks, np.random.default_rng(1))
    assert (filled[:, 0] == 0).all()
    assert set(filled[1, 1:].flatten().tolist()) <= set(image[1].flatten()[-16:].tolist())


def test_colours_of_a_pixel_are_drawn_together():
    image = torch.arange(3 * 64.0).view(3, 8, 8)
    support = np.ones((1, 8, 8), bool)
    ranks = np.arange(64, dtype=np.int32).reshape(1, 8, 8)
    filled = noise(image, [(0, 1, 2)], support, ranks, np.random.default_rng(0))
    assert (filled[1] - filled[0] == 64).all()
    assert (filled[2] - filled[1] == 64).all()


def test_a_step_keeps_the_noise_of_the_steps_before(tmp_path):
    network = Seen()
    evidence = cubes_evidence(tmp_path, network, Settings(batch_size=1), n=2, axes=2)
    evidence.heatmaps(by_name())
    network.rows.clear()
    evidence.removal(by_name(), RemovalPlan("noise", 4))
    image = evidence.volume(0)
    earlier, later = (row.numpy() for row in network.rows[:2])
    gone = earlier != image
    assert gone.sum() > 20
    assert (earlier[gone] == later[gone]).all()


def test_the_published_code_removes_half_of_a_half_zero_map_at_a_hundred_percent(tmp_path):
    network = Seen()
    evidence = cubes_evidence(tmp_path, network, Settings(batch_size=1), n=2, axes=2)
    maps = np.zeros((2, 2, 8, 8))
    maps[:, :, :4] = np.arange(1, 65).reshape(2, 4, 8)
    planted(evidence, maps)
    network.rows.clear()
    found = evidence.removal(by_name(), RemovalPlan("black", 4, published=True))
    gone = [int((row == 0).sum()) for row in network.rows[:4]]
    # Thresholds 48.25, 32.5, 16.75 and 1 of the values 1 to 64.
    assert published_thresholds(maps[0], 4).tolist() == [48.25, 32.5, 16.75, 1.0]
    assert gone == [16, 32, 48, 64]
    assert found.fraction[0].tolist() == [0, 0.25, 0.5, 0.75, 1]


def test_the_published_baseline_scatters_the_same_values_over_everything(tmp_path):
    network = Seen()
    evidence = cubes_evidence(tmp_path, network, Settings(batch_size=1), n=2, axes=2)
    inner = evidence.data.volume
    evidence.data.volume = lambda i: {
        k: np.where(np.arange(8) < 6, v, 0) for k, v in inner(i).items()
    }
    maps = np.zeros((2, 2, 8, 8))
    maps[:, :, :4] = np.arange(1, 65).reshape(2, 4, 8)
    planted(evidence, maps)
    network.rows.clear()
    evidence.random_removal(by_name(), RemovalPlan("noise", 4, 3, published=True))
    rows = np.stack([row.numpy() for row in network.rows[:12]]).reshape(3, 4, 2, 8, 8)
    assert (rows[..., 6:] == 0).all()  # background stays 0
    changed = (rows != evidence.volume(0)).sum(axis=(2, 3, 4))
    # 16, 32, 48, 64 of 128 are hit, three quarters of them foreground; a few draws change nothing.
    assert (changed <= [16, 32, 48, 64]).all()
    assert (changed.mean(axis=0) > [5, 12, 20, 28]).all()
    # Anew at each step: voxels that are gone have other values later.
    before, after = rows[0, 2], rows[0, 3]
    both = (before != evidence.volume(0)) & (after != evidence.volume(0))
    assert (before[both] != after[both]).any()


def test_pictures_keep_their_default_support():
    card = type("E", (), {"card": type("C", (), {"volume": None})})
    assert RemovalPlan("mean").stages(card)["support"] == "image"
    assert RemovalPlan("mean", support="foreground").stages(card)["support"] == "foreground"
    assert "support" not in RemovalPlan("mean", published=True).stages(card)


def test_the_models_own_cubes_are_found_by_their_mask(tmp_path):
    """A heatmap on the cube takes the decision away at once; a random order does not."""
    evidence = cubes_evidence(tmp_path, settings=Settings(batch_size=4), n=8)
    maps = np.stack([np.stack([evidence.region(i)[0], np.zeros((8, 8, 8))]) for i in range(8)])
    noisy = maps + 0.1 * np.random.default_rng(0).random(maps.shape)
    planted(evidence, noisy)
    findings = truthfulness(
        evidence, Truthfulness(methods=["gradient"], fills=["black"], repeats=3)
    )
    assert findings["gradient.delta_aupc"].estimate.value > 0.1
