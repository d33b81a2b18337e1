"""Every measure of a generator's quality against numbers worked out by hand, and a real tiny generator."""

import hashlib
from dataclasses import dataclass, field

import counterfactual_world as world
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from auditkit.checks.counterfactual import counterfactual
from auditkit.checks.counterfactual.measured import NO_FEATURES, NOT_FINITE
from auditkit.checks.counterfactual.trained import UNTRAINED
from auditkit.data.dataset import Record
from auditkit.errors import AuditError, Unavailable
from auditkit.evidence import Evidence
from auditkit.evidence.counterfactuals.kinds import Counterfactuals
from auditkit.evidence.peers import Peers
from auditkit.findings import CounterfactualCases
from auditkit.metrics.kernel_distance import kernel_distance, kernel_distance_margin
from auditkit.models.counterfactuals.trained_on import TRAINED, image_keys
from auditkit.spec.audit import Expectation
from auditkit.spec.counterfactual_card import CounterfactualCard
from auditkit.spec.declarations.counterfactual import COUNTERFACTUAL, Counterfactual
from auditkit.verdict import Verdict, judge

from .planted import DATA, Planted

SIDE, BINS = 16, 10
CENTRES = (np.arange(BINS) + 0.5) / BINS
PLACE = "auditkit.checks.counterfactual"


def generator(**changes):
    plain = {
        "counterfactual": "planted-0",
        "task": "t",
        "model": "planted",
        "model_sha256": "0" * 64,
        "data": "training",
        "size": SIDE,
        "network": {},
        "weights": {"file": "x.safetensors", "sha256": "0" * 64},
    }
    return CounterfactualCard.model_validate({**plain, **changes})


def arrays(n, **changes):
    """What a perfect generator gives: every score is the centre, and nothing else changes."""
    plain = {
        "own": np.linspace(0.05, 0.95, n),
        "score": np.tile(CENTRES, (n, 1)),
        "change": np.full((n, BINS), 0.02),
        "span": np.full(n, 0.03),
        "reconstruction": np.full(n, 0.004),
        "cycle": np.full(n, 0.006),
        "finite": np.full(n, True),
    }
    return Counterfactuals(**{**plain, **changes})


@dataclass
class Audited(Planted):
    """Evidence with its counterfactuals, which images were trained on, and features by kind."""

    found: Counterfactuals | None = None
    trained: np.ndarray | None = None
    apart: np.ndarray | None = None
    training: "Audited | None" = None
    kinds: dict = field(default_factory=dict)
    name: str = "audited"

    @property
    def records(self):
        return [
            Record(f"i{i}", f"{self.name} {i}", int(label), patient)
            for i, (label, patient) in enumerate(zip(self.labels, self.patients, strict=True))
        ]

    @records.setter
    def records(self, kept):
        count = len(kept)
        self.labels = self.labels[:count]
        parts = {name: value[:count] for name, value in vars(self.found).items()}
        self.found, self.trained = Counterfactuals(**parts), self.trained[:count]

    def sibling(self, name):
        assert name == "training"
        return self.training

    @property
    def data(self):
        return type("Data", (), {"card": DATA.model_copy(update={"data": self.name})})

    def peer(self, name):
        return name


def audited(n=40, name="audited", **changes):
    found = changes.pop("found", None) or arrays(n)
    trained = changes.pop("trained", np.full(n, False))
    labels = (np.arange(n) % 2).astype(int)
    return Audited(labels, found.own, found=found, trained=trained, name=name, **changes)


@pytest.fixture
def planted(monkeypatch):
    """Fakes of what evidence gives; returns the check on planted evidence."""

    def install(evidence, card):
        known = [evidence, *([evidence.training] if evidence.training else [])]
        rows = [pair for one in known for pair in zip(one.records, one.trained, strict=True)]
        trained = [record.digest for record, seen in rows if seen]
        fakes = {
            "card_of": lambda *_given: card,
            "counterfactuals": lambda own, _card: own.found,
            "failure_gallery": lambda *_given: CounterfactualCases("cases", "cases", []),
            "measured.alone_and_together": lambda own, _card, images: own.apart[list(images)],
            "measured.image_features": lambda own, _network: own.kinds["image"],
            "measured.counterfactual_features": lambda own, *_given: own.kinds["counterfactual"],
            "measured.shifted_features": lambda own, *_given: own.kinds["shifted"],
            "shown.pairs": lambda own, _card: np.full((own.n, 2, SIDE, SIDE, 3), 90, np.uint8),
            "trained.counterfactuals": lambda own, _card: own.found,
            "trained.trained_images": lambda _card: np.empty(0, np.int64),
            "trained.was_trained_on": lambda digests, _keys: np.isin(digests, trained),
        }
        for name, fake in fakes.items():
            monkeypatch.setattr(f"{PLACE}.{name}", fake)

    def run(evidence, card=None, **parameters):
        if evidence.apart is None:
            evidence.apart = np.zeros(evidence.n)
        install(evidence, card or generator())
        given = Counterfactual(trained_on="training", **parameters)
        findings = counterfactual(evidence, given)
        assert {one.name for one in findings.measurements} == set(COUNTERFACTUAL.measures(given))
        return findings

    return run


def test_a_perfect_generator(planted):
    findings = planted(audited())
    assert findings["consistency"].estimate.value == 1
    # No failure in 40 patients: the rule of three, not a width of 0.
    assert findings["consistency"].estimate.low == pytest.approx(0.025 ** (1 / 40))
    assert findings["flip_rate"].estimate.value == 1
    for name, value in (
        ("bin_error", 0),
        ("reconstruction_error", 0.004),
        ("cycle_error", 0.006),
        ("mean_change", 0.03),
    ):
        estimate = findings[name].estimate
        assert estimate.value == pytest.approx(value)
        assert estimate.high > estimate.value
    (figure,) = findings.figures
    assert figure.series[0].x == pytest.approx(CENTRES)
    assert figure.series[0].y == pytest.approx(CENTRES)
    assert "planted-0" in findings.notes[0]
    assert [len(example.panels) for example in findings.examples] == [4] * 4


def test_consistency_is_of_pairs_and_flips_are_of_decisions(planted):
    score = np.tile(CENTRES, (8, 1))
    score[0, 0] = 0.5  # at the threshold is a positive decision
    score[1, -1] = 0.4
    score[2, -1] = 0.4
    own = np.array([0.9, 0.9, 0.1, 0.1, 0.9, 0.1, 0.1, 0.1])
    findings = planted(audited(8, found=arrays(8, score=score, own=own)))
    assert findings["consistency"].estimate.value == 5 / 8
    # Image 1 is positive and its first bin is negative: it flips, though the pair is not consistent.
    assert findings["flip_rate"].estimate.value == 6 / 8


def test_the_bin_error_is_over_all_bins(planted):
    score = np.tile(CENTRES, (4, 1))
    score[0] += np.where(np.arange(BINS) < 5, 0.04, -0.02)
    findings = planted(audited(4, found=arrays(4, score=score)))
    assert findings["bin_error"].estimate.value == pytest.approx((5 * 0.04 + 5 * 0.02) / 10 / 4)
    means = findings.figures[0].series[0]
    assert means.y[0] == pytest.approx(0.05 + 0.04 / 4)
    assert means.low[0] < means.y[0] < means.high[0]


def test_patients_are_the_units(planted):
    score = np.tile(CENTRES, (40, 1))
    score[:8, -1] = 0.2
    alone = planted(audited(40, found=arrays(40, score=score)))["consistency"].estimate
    of_four = audited(40, found=arrays(40, score=score), images_per_patient=4)
    grouped = planted(of_four)["consistency"].estimate
    assert alone.value == grouped.value == 0.8
    assert grouped.clusters == 10
    assert grouped.high - grouped.low > 1.5 * (alone.high - alone.low)


def test_what_is_not_finite_is_counted_and_held_against_a_pass(planted):
    finite = np.arange(40) >= 4
    found = arrays(40, finite=finite)
    found.score[:4] = 0
    findings = planted(audited(40, found=found))
    for name in ("consistency", "flip_rate", "bin_error", "cycle_error"):
        assert findings[name].not_evaluable == {NOT_FINITE: 4}
        assert findings[name].planned == 40
    assert findings["consistency"].estimate.value == 1
    wanted = Expectation(measure="consistency", above=0.89)
    assert judge(wanted, findings["consistency"]).verdict is Verdict.INCONCLUSIVE
    assert judge(wanted, planted(audited())["consistency"]).verdict is Verdict.PASS


def test_nothing_finite_is_no_estimate(planted):
    findings = planted(audited(6, found=arrays(6, finite=np.full(6, False))))
    assert all(one.estimate is None for one in findings.measurements)
    assert not findings.figures
    assert not findings.examples


def test_dependence_on_company_is_the_largest_that_was_seen(planted):
    apart = np.zeros(40)
    apart[3] = 17.0
    evidence = audited(apart=apart)
    found = planted(evidence)["batch_dependence"]
    # Of 40 images 32 are tested, evenly spaced; not all of them need be.
    assert found.estimate.n == found.planned == 32
    evidence.apart = np.where(np.arange(40) == 0, 17.0, 0.25)
    found = planted(evidence)["batch_dependence"].estimate
    assert (found.low, found.value, found.high) == (17, 17, 17)
    assert "nothing is said of others" in found.method


def test_kernel_distances_are_of_the_features_named(planted):
    rng = np.random.default_rng(0)
    image = rng.normal(size=(40, 5))
    kinds = {
        "image": image,
        "counterfactual": image + 0.1,
        "shifted": image + 1.0,
    }
    findings = planted(audited(kinds=kinds), features="some-network")
    patients = audited().patients
    for name, expected in (
        ("kernel_distance", kernel_distance(image, image + 0.1, patients)),
        ("kernel_distance_margin", kernel_distance_margin(image, image + 1, image + 0.1, patients)),
    ):
        found = findings[name].estimate
        assert (found.value, found.low, found.high) == (expected.value, expected.low, expected.high)
        assert found.method.endswith("features of some-network")
    assert findings["kernel_distance_margin"].estimate.low > 0
    assert "some-network" in findings.tables[0].caption


def test_features_that_are_not_finite_are_counted(planted):
    rng = np.random.default_rng(0)
    kinds = {name: rng.normal(size=(40, 5)) for name in ("image", "counterfactual", "shifted")}
    kinds["shifted"][2] = np.nan
    kinds["counterfactual"][0] = np.inf  # of an image whose counterfactual is not finite
    finite = np.arange(40) > 0
    evidence = audited(kinds=kinds, found=arrays(40, finite=finite))
    findings = planted(evidence, features="some-network")
    assert findings["kernel_distance"].not_evaluable == {NOT_FINITE: 1, NO_FEATURES: 1}
    assert findings["kernel_distance"].estimate.n == 38


def half_consistent(n, broken):
    score = np.tile(CENTRES, (n, 1))
    score[:broken, -1] = 0.1
    return arrays(n, score=score)


@pytest.mark.parametrize(("audited_broken", "training_broken"), [(10, 0), (0, 10)])
def test_the_training_gap_is_trained_minus_others(planted, audited_broken, training_broken):
    training = audited(60, "training", found=half_consistent(60, training_broken))
    # The last of the first 40 images were held out: they count among the others.
    training.trained = np.arange(60) < 30
    evidence = audited(40, found=half_consistent(40, audited_broken), training=training)
    found = planted(evidence, training_images=40)["training_gap"]
    trained, others = 1 - training_broken / 30, 1 - audited_broken / 50
    assert found.estimate.value == pytest.approx(trained - others)
    assert found.planned == 80
    # Equal patient ids in the two data sets are two patients.
    assert found.estimate.clusters == 80
    assert np.sign(found.estimate.value) == np.sign(audited_broken - training_broken)


def test_the_training_gap_counts_what_is_missing_in_either_group(planted):
    training = audited(40, "training", found=arrays(40, finite=np.arange(40) > 3))
    training.trained = np.full(40, True)
    evidence = audited(40, training=training)
    found = planted(evidence, training_images=40)["training_gap"]
    assert found.not_evaluable == {NOT_FINITE: 4}
    assert found.affected == pytest.approx((4 / 40 + 0) / 2)


def test_an_image_in_both_data_sets_counts_once(planted):
    training = audited(40, "training")
    training.trained = np.full(40, True)
    training.name = "audited"
    evidence = audited(20, training=training)
    found = planted(evidence, training_images=40)["training_gap"]
    assert found.estimate is None  # all 40 were trained on
    assert found.planned == 40


def test_a_generator_without_training_has_no_gap(planted):
    guided = generator(
        family="guided-diffusion",
        guidance={"generator": "shapes"},
        **dict.fromkeys(("model", "model_sha256", "size", "network", "weights")),
    )
    findings = planted(audited(), guided, training_images=10)
    assert findings["training_gap"].applicable is False
    assert findings["training_gap"].reason == UNTRAINED
    assert "guided from 'shapes'" in findings.notes[0]


def test_audited_images_that_were_trained_on_are_named(planted):
    evidence = audited(trained=np.arange(40) < 7)
    findings = planted(evidence)
    assert "7 of the 40 audited images" in findings.notes[1]
    assert findings["consistency"].estimate.n == 40
    assert len(planted(audited()).notes) == 1


def test_weights_that_do_not_say_what_they_were_trained_on(planted, monkeypatch):
    run_before = planted(audited())
    assert len(run_before.notes) == 1

    def refuse(_card):
        raise AuditError("does not say")

    evidence = audited(training=audited(5, "training"))
    given = Counterfactual(trained_on="training", training_images=5)
    evidence.apart = np.zeros(40)
    monkeypatch.setattr(f"{PLACE}.trained.trained_images", refuse)
    findings = counterfactual(evidence, given)
    assert findings["training_gap"].reason == "does not say"
    assert "not known: does not say" in findings.notes[1]


class Company:
    """A generator whose batch norm was left in training: it adds what its batch's mean lacks."""

    bins = BINS

    def generate(self, images, targets, _scores):
        wanted = (targets + 0.5).view(-1, 1, 1, 1) / self.bins
        return (images + 0.1 * (wanted - images.mean())).clamp(0, 1)


@pytest.fixture
def real(tmp_path):
    """Evidence of a real model and a real generator on disk, which says what it was trained on."""
    evidence, card = world.counterfactual_evidence(tmp_path, n=12)
    keys = torch.from_numpy(image_keys([evidence.records[0].digest]))
    file = tmp_path / card.weights.file
    save_file({**load_file(file), TRAINED: keys}, file)
    weights = card.weights.model_copy(
        update={"sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
    )
    card = card.model_copy(update={"weights": weights})
    evidence.peers = Peers(counterfactuals={card.counterfactual: card})
    return evidence


def test_a_real_generator_is_judged_from_end_to_end(real):
    findings = counterfactual(real, Counterfactual(trained_on="training", gallery=3))
    assert findings["consistency"].estimate.value == 1
    assert findings["bin_error"].estimate.value < 0.05
    assert findings["batch_dependence"].estimate.value < 1e-3
    assert findings["mean_change"].estimate.value > 0.01
    assert "1 of the 12 audited images" in findings.notes[1]
    assert len(findings.counterfactuals[0].cases) == 3


def test_a_generator_that_looks_at_its_company_is_caught(real, monkeypatch):
    import auditkit.models.counterfactuals.load as loading

    monkeypatch.setattr(loading, "load_generator", lambda *_given: Company())
    findings = counterfactual(real, Counterfactual(trained_on="training", gallery=0))
    found = findings["batch_dependence"]
    assert found.estimate.value > 1
    wanted = Expectation(measure="batch_dependence", below=1.0)
    assert judge(wanted, found).verdict is Verdict.FAIL


def test_no_generator_is_not_run_and_says_what_makes_one(real):
    assert isinstance(real, Evidence)
    with pytest.raises(Unavailable, match="auditkit train counterfactual --model redness"):
        counterfactual(real, Counterfactual(trained_on="training", seed=5))
