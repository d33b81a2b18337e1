"""Planted trainings: what all say, where one says otherwise, and what is not there."""

import numpy as np
import pytest

from auditkit.checks.counterfactual_attributes.differences import Attribute
from auditkit.checks.counterfactual_stability import counterfactual_stability
from auditkit.checks.counterfactual_stability.trained import Retrained
from auditkit.errors import AuditError, Unavailable
from auditkit.results.conversion import figure_result
from auditkit.spec.declarations.counterfactual_stability import (
    COUNTERFACTUAL_STABILITY,
    CounterfactualStability,
)
from auditkit.spec.measured import QUANTITIES
from auditkit.stats import mean
from auditkit.stats.inputs import cluster_images
from auditkit.stats.trainings import sd_over_trainings
from auditkit.verdict import worst_case

from .planted_counterfactuals import Pairs, card, install

N = 40
NAMES = ["background.u", "background.v", "lesion.L", "lesion.a"]
# Malignant minus benign by training; images differ by 4 in each.
PLANTED = {
    0: [12.0, 2.0, -6.0, 0.5],
    1: [10.0, 1.0, -4.0, -0.5],
    2: [14.0, 3.0, -5.0, 2.0],
}


@pytest.fixture(autouse=True)
def _fakes(monkeypatch):
    cards = {seed: card(seed, str(seed) * 64) for seed in PLANTED}
    install(monkeypatch, cards)


def world(planted=None, noise=1.0, **changed):
    rng, known = np.random.default_rng(0), {}
    reference = rng.normal(50, 4, (len(NAMES), N))
    for seed, differences in (planted or PLANTED).items():
        known[seed] = {
            name: np.stack([own, own, own + difference + noise * rng.normal(size=N)])
            for name, own, difference in zip(NAMES, reference, differences, strict=True)
        }
    labels = np.arange(N) % 2
    return Pairs(labels, np.full(N, 0.4), measured=known, **changed)


def parameters(seeds=(1, 2), attributes=NAMES, **other):
    return CounterfactualStability(
        trained_on="dermoscopy-training",
        other_seeds=list(seeds),
        attributes=list(attributes),
        **other,
    )


def find(evidence=None, **other):
    return counterfactual_stability(evidence or world(), parameters(**other))


def changes(evidence, name, rows=slice(None)):
    """(K, n) malignant minus benign."""
    return np.stack([own[name][2] - own[name][1] for own in evidence.measured.values()])[:, rows]


def test_every_declared_measure_is_there_and_no_other():
    declared = COUNTERFACTUAL_STABILITY.measures(parameters())
    assert sorted(m.name for m in find().measurements) == sorted(declared)


def test_mean_and_deviation_are_over_trainings():
    evidence = world()
    found, own = find(evidence), changes(evidence, "lesion.L").mean(axis=1)
    assert found["mean_difference[lesion.L]"].estimate.value == pytest.approx(own.mean())
    deviation = found["sd_difference[lesion.L]"].estimate
    expected = sd_over_trainings(own, cluster_images(None, N), most=100.0)
    assert deviation.value == pytest.approx(own.std(ddof=1))
    assert (deviation.low, deviation.high) == pytest.approx((expected.low, expected.high))


def test_another_training_is_part_of_the_interval_of_the_mean():
    evidence = world()
    found = find(evidence)["mean_difference[lesion.L]"].estimate
    own = changes(evidence, "lesion.L").mean(axis=1)
    reach = 4.303 * own.std(ddof=1) / np.sqrt(3)  # Student's t of two degrees
    pooled = mean(changes(evidence, "lesion.L").ravel())
    assert found.high - found.value >= reach
    assert found.high - found.value == pytest.approx(reach, rel=0.1)
    assert found.high - found.value > 5 * (pooled.high - pooled.value)


def test_the_smallest_is_in_the_direction_that_all_share():
    evidence = world()
    found = find(evidence)
    for name, sign in (("background.u", 1), ("lesion.L", -1)):
        smallest = found[f"smallest_difference[{name}]"].estimate
        assert smallest.value == pytest.approx((sign * changes(evidence, name).mean(axis=1)).min())
        assert smallest.low > 0


def test_a_training_with_the_other_sign_makes_the_smallest_negative():
    evidence = world()
    found = find(evidence)["smallest_difference[lesion.a]"].estimate
    assert found.value == pytest.approx(changes(evidence, "lesion.a").mean(axis=1).min())
    assert found.value < 0


def test_the_smallest_is_corrected_for_having_two_directions():
    evidence = world({seed: [0.0, 1.0, 2.0, 3.0] for seed in PLANTED})
    found = find(evidence)["smallest_difference[lesion.a]"].estimate
    each = [mean(own, level=0.975) for own in changes(evidence, "lesion.a")]
    assert found.low == pytest.approx(min(one.low for one in each), rel=0.02)


def test_no_difference_seldom_has_a_sign_in_all_trainings():
    """Trainings that say nearly the same, so that two directions are two chances."""
    rng, wrong, runs = np.random.default_rng(5), 0, 80
    zeros, all_pass = np.zeros(N), [""] * N
    patients = np.array([f"p{i}" for i in range(N)])
    for _ in range(runs):
        noise = rng.normal(size=N) + 0.1 * rng.normal(size=(2, N))
        each = [
            Attribute(QUANTITIES["lesion.a"], zeros, zeros, own, all_pass, all_pass, patients)
            for own in noise
        ]
        wrong += Retrained(["a", "b"], each).smallest().low > 0
    assert wrong <= 10  # 5 % and three standard errors


def test_profiles_of_like_trainings_agree():
    found = find()["profile_correlation"].estimate
    table = np.array(list(PLANTED.values())) / 4
    expected = np.corrcoef(table)[np.triu_indices(3, 1)].mean()
    assert found.value == pytest.approx(expected, abs=0.02)
    assert 0.9 < found.low < found.value


def test_profiles_of_unlike_trainings_do_not():
    planted = {0: [5.0, 1.0, -5.0, 2.0], 1: [-5.0, -1.0, 5.0, -2.0], 2: [5.0, 1.0, -5.0, 2.0]}
    found = find(world(planted))
    assert found["profile_correlation"].estimate.value == pytest.approx(-1 / 3, abs=0.1)
    assert any("seed 1" in note for note in found.notes)


def test_only_images_that_pass_for_every_training_count():
    excluded = {
        0: ["not consistent"] * 5 + [""] * 35,
        2: [""] * 30 + ["artifact"] * 10,
    }
    evidence = world(excluded=excluded)
    found = find(evidence)["mean_difference[lesion.L]"]
    rows = slice(5, 30)
    assert found.estimate.n == 25
    assert found.estimate.value == pytest.approx(changes(evidence, "lesion.L", rows).mean())
    assert dict(found.not_evaluable) == {"seed 0: not consistent": 5, "seed 2: artifact": 10}
    assert worst_case(found) == (found.estimate.low, found.estimate.high)


def test_an_image_that_one_training_does_not_show_is_in_none_of_the_numbers():
    missing = ["empty background"] * 4 + [""] * 36
    evidence = world(unmeasured={1: {"background.u": missing}})
    found = find(evidence)
    first = found["mean_difference[background.u]"]
    assert first.estimate.n == 36
    assert dict(first.not_evaluable) == {"seed 1: empty background": 4}
    assert found["mean_difference[lesion.L]"].estimate.n == N
    assert worst_case(first)[0] == pytest.approx(first.estimate.low - 0.1 * 2 * (176 + 84))
    profile = found["profile_correlation"]
    assert dict(profile.not_evaluable) == {"background.u: seed 1: empty background": 4}
    # An unknown difference could turn a correlation.
    assert worst_case(profile) == (-1.0, 1.0)


def test_without_a_common_image_there_are_reasons():
    excluded = {0: ["no"] * 20 + [""] * 20, 1: [""] * 20 + ["no"] * 20}
    found = find(world(excluded=excluded))
    for measurement in found.measurements:
        assert measurement.estimate is None
        assert measurement.reason
    assert found.figures[0].series == []


def test_an_attribute_that_all_images_share_is_in_no_profile():
    evidence = world()
    for own in evidence.measured.values():
        own["lesion.a"][0] = 7.0
    found = find(evidence)
    assert found["profile_correlation"].estimate is not None
    assert found["mean_difference[lesion.a]"].estimate is not None
    assert any("lesion.a" in note for note in found.notes)
    assert "lesion.a" not in found.figures[0].labels


def test_two_attributes_have_no_profile():
    found = find(attributes=["lesion.L", "lesion.a"])["profile_correlation"]
    assert found.estimate is None
    assert "2 quantities" in found.reason


def test_there_is_a_series_for_every_training_and_a_row_for_every_attribute():
    found = find()
    figure, table = found.figures[0], found.tables[0]
    assert [line.name for line in figure.series] == ["seed 0", "seed 1", "seed 2"]
    assert figure.labels == ["background.u", "lesion.L", "background.v", "lesion.a"]
    assert figure_result(figure).kind == "forest"
    assert [row[0] for row in table.rows] == NAMES
    assert table.columns[2:5] == ["seed 0", "seed 1", "seed 2"]


def test_a_missing_training_is_not_run(monkeypatch):
    def card_of(_evidence, wanted):
        if wanted.seed == 2:
            raise Unavailable(wanted.command("planted"))
        return card(wanted.seed, str(wanted.seed) * 64)

    monkeypatch.setattr("auditkit.checks.counterfactual_stability.card_of", card_of)
    with pytest.raises(Unavailable, match="--seed 2"):
        find()


def test_one_training_under_two_seeds_is_refused(monkeypatch):
    install(monkeypatch, {seed: card(seed, "a" * 64) for seed in PLANTED})
    with pytest.raises(AuditError, match="same weights"):
        find()


def test_the_audits_own_training_alone_is_refused():
    with pytest.raises(AuditError, match="another one"):
        find(seeds=[0])
