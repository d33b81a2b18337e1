"""Subsets of modalities against inputs that are put together by hand."""

import numpy as np
import pytest
import torch
from torch import nn
from volume_world import Cubes, cubes_card, cubes_evidence

from auditkit.errors import AuditError
from auditkit.evidence import Evidence, Settings
from auditkit.evidence.coalitions import coalition_scores, replaced
from auditkit.evidence.engine import Engine
from auditkit.evidence.store import Store
from auditkit.models.model import Model
from auditkit.spec.removing import Ablation

ALL = [(operator, stage) for operator in ("zero", "mean", "noise") for stage in ("before", "after")]
MEAN, STD = [0.25, -0.5], [2.0, 0.5]


class Holed(Cubes):
    """Cubes of which a corner is background."""

    def volume(self, index):
        found = super().volume(index)
        for array in found.values():
            array[:2] = 0
        return found


class Ordinary(nn.Module):
    """A network in which every voxel of both modalities matters."""

    def forward(self, x):
        weights = torch.linspace(-1, 2, x[0].numel()).view(1, *x.shape[1:])
        first = (x * weights).flatten(1).mean(dim=1)
        second = (x[:, 0] * x[:, 1]).flatten(1).mean(dim=1)
        return torch.stack([first, second - x.square().flatten(1).mean(dim=1)], dim=1)


class Rounding(Ordinary):
    """What a matrix product's last bits do: the answer depends on the place in the batch."""

    def forward(self, x):
        return super().forward(x) + 1e-4 * torch.arange(len(x))[:, None] * torch.tensor([0, 1])


def world(folder, settings=None, data=None, network=Ordinary, **volume):
    data = data or Holed(n=6)
    card = cubes_card(folder, data.side, data.axes, **volume)
    model = Model(card, [network().eval()], torch.device("cpu"))
    engine = Engine(Store(folder / "store"))
    return Evidence(card, data, engine, settings or Settings(), model=lambda: model), model


def by_hand(evidence, model, index, subset, operator, stage):
    """The probability of the score's class for one case, from the definition."""
    raw = torch.from_numpy(evidence.volume(index))[None]
    prepared = model.prepare([evidence.source(index)])
    values = raw.clone() if stage == "before" else model.normalise(prepared)
    for m in range(2):
        if subset >> m & 1:
            continue
        inside = prepared[0, m] != 0
        if operator == "zero":
            values[0, m] = 0
        else:
            values[0, m][inside] = values[0, m][inside].mean()
    if stage == "before":
        spec = evidence.card.volume
        assert spec.scale == "maximum"
        most = values.flatten(2).abs().amax(dim=2)[..., None, None, None]
        values = model.normalise(values / most.where(most > 0, 1.0))
    network = model.members[0]
    return float(torch.softmax(network(values), dim=1)[0, 1])


@pytest.mark.parametrize(("operator", "stage"), [one for one in ALL if one[0] != "noise"])
def test_every_subset_is_what_the_definition_says(tmp_path, operator, stage):
    evidence, model = world(tmp_path, scale="maximum", mean=MEAN, std=STD)
    score, decision = coalition_scores(evidence, Ablation(operator=operator, stage=stage))
    assert score.shape == decision.shape == (6, 4)
    for index in (0, 5):
        expected = [by_hand(evidence, model, index, c, operator, stage) for c in range(4)]
        np.testing.assert_allclose(score[index], expected, atol=1e-6)
    assert np.ptp(score[0]) > 1e-3
    np.testing.assert_array_equal(decision, score >= 0.5)


@pytest.mark.parametrize(("operator", "stage"), ALL)
def test_all_modalities_are_the_model_as_it_is(tmp_path, operator, stage):
    evidence, _ = world(tmp_path, scale="foreground", mean=MEAN, std=STD)
    score, decision = coalition_scores(evidence, Ablation(operator=operator, stage=stage))
    own = evidence.scores()
    np.testing.assert_array_equal(score[:, -1], own.score)
    np.testing.assert_array_equal(decision[:, -1], own.decision)


@pytest.mark.parametrize("stage", ["before", "after"])
def test_without_any_modality_all_cases_are_answered_alike_to_the_last_bit(tmp_path, stage):
    given = {"scale": "maximum", "mean": MEAN, "std": STD, "network": Rounding}
    evidence, _ = world(tmp_path, Settings(batch_size=3), Holed(n=10), **given)
    score, _ = coalition_scores(evidence, Ablation(stage=stage))
    assert np.ptp(score[:, 0]) == 0
    assert np.ptp(score[:, -1]) > 0


def test_zero_before_and_after_are_two_things(tmp_path):
    evidence, _ = world(tmp_path, mean=MEAN, std=STD)
    before, after = (coalition_scores(evidence, Ablation(stage=s))[0] for s in ("before", "after"))
    assert np.abs(before - after)[:, :-1].min() > 1e-4


def test_noise_belongs_to_the_case_and_not_to_its_place_or_batch(tmp_path):
    noise = Ablation(operator="noise")
    first, turned = Holed(n=6), Holed(n=6)
    given, source = first.records, turned.volume
    turned.records = given[::-1]
    turned.volume = lambda index: source(5 - index)
    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        folder.mkdir()
    one, _ = world(folders[0], data=first)
    other, _ = world(folders[1], Settings(batch_size=1), turned)
    np.testing.assert_allclose(
        coalition_scores(one, noise)[0], coalition_scores(other, noise)[0][::-1], atol=1e-6
    )


def case(seed=0):
    rng = np.random.default_rng(seed)
    values = rng.uniform(1, 2, (2, 6, 6, 6)).astype(np.float32)
    foreground = np.ones((2, 6, 6, 6), bool)
    foreground[:, :2] = False
    values[~foreground] = 0
    region = np.zeros_like(foreground)
    region[:, 3:5, 3:5] = True
    values[region] += 10
    return values, foreground, region


def test_noise_is_drawn_from_the_own_foreground_outside_the_region():
    values, foreground, region = case()
    found = replaced(values, foreground, region, "noise", [1, 2])
    for m in range(2):
        outside = set(values[m][foreground[m] & ~region[m]].tolist())
        drawn = found[m][foreground[m]].tolist()
        assert set(drawn) <= outside
        assert len(set(drawn)) < len(outside)  # with replacement
        assert len(set(drawn)) > 0.5 * len(outside)
        assert max(drawn) < 3  # the region's values are 11 and more
    assert not found[~foreground].any()
    assert (found == replaced(values, foreground, region, "noise", [1, 2])).all()
    assert (found != replaced(values, foreground, region, "noise", [3, 4])).any()


@pytest.mark.parametrize("whole", [False, True])
def test_noise_is_drawn_from_all_foreground_where_nothing_is_outside_a_region(whole):
    values, foreground, _ = case()
    found = replaced(values, foreground, foreground if whole else None, "noise", [1, 2])
    assert set(found[foreground].tolist()) <= set(values[foreground].tolist())
    assert found[foreground].max() > 10


def test_mean_is_that_of_the_foreground_and_the_background_stays():
    values, foreground, region = case()
    found = replaced(values, foreground, region, "mean", [1, 2])
    for m in range(2):
        expected = values[m][foreground[m]].mean(dtype=np.float64)
        np.testing.assert_allclose(found[m][foreground[m]], expected, rtol=1e-6)
    assert not found[~foreground].any()


@pytest.mark.parametrize("operator", ["zero", "mean", "noise"])
def test_a_modality_without_foreground_is_no_error(operator):
    values, foreground, region = np.zeros((1, 3, 3), np.float32), np.zeros((1, 3, 3), bool), None
    assert not replaced(values, foreground, region, operator, [0]).any()


def test_pictures_are_refused(tmp_path):
    evidence = cubes_evidence(tmp_path)
    evidence.card = evidence.card.model_copy(update={"volume": None})
    with pytest.raises(AuditError, match="reads pictures"):
        coalition_scores(evidence, Ablation())


def test_a_model_that_reads_one_modality_loses_nothing_with_the_other(tmp_path):
    score, _ = coalition_scores(cubes_evidence(tmp_path), Ablation())
    np.testing.assert_array_equal(score[:, 0b01], score[:, 0b11])
    np.testing.assert_array_equal(score[:, 0b00], score[:, 0b10])
    assert np.abs(score[:, 0b01] - score[:, 0b00]).min() > 0.05
