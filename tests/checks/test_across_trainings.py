"""Planted trainings: what all share, where one falls out, and what cannot be asked of one of them."""

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from torch import nn
from volume_world import Bright, cubes_evidence

from auditkit.checks.across_trainings import across_trainings
from auditkit.checks.truthfulness import truthfulness
from auditkit.errors import AuditError
from auditkit.evidence.kinds import Fitness
from auditkit.evidence.removal import Removed
from auditkit.spec.declarations import SHIPPED
from auditkit.spec.declarations.across_trainings import AcrossTrainings
from auditkit.spec.declarations.truthfulness import Truthfulness
from auditkit.stats.extremes import extreme
from auditkit.verdict import worst_case

from .planted_modalities import CARD, labels_of

STEPS, REPEATS = 10, 3
SHARES = np.linspace(0, 1, STEPS + 1)
METHODS = ["gradient", "occlusion"]


@dataclass
class Training:
    """Evidence of one training; `falls` is the step from which each method's decisions are wrong."""

    name: str
    falls: dict
    n: int = 60
    seed: int = 0
    spread: float = 1.0
    unfit: dict = field(default_factory=dict)
    unordered: dict = field(default_factory=dict)
    peers: dict = field(default_factory=dict)
    incomplete: list = field(default_factory=list)
    classes: tuple = ("low", "high")
    two_class: bool = True
    identity: str = ""

    @property
    def model_identity(self):
        return {"model": self.identity or self.name, "precision": "float32"}

    @property
    def card(self):
        return CARD.model_copy(update={"model": self.name})

    @property
    def labels(self):
        return labels_of(self.n)

    @property
    def patients(self):
        return np.array([f"p{i}" for i in range(self.n)])

    def right(self, decision):
        return decision == self.labels.reshape(-1, *[1] * (decision.ndim - 1))

    def peer(self, name):
        return self.peers[name]

    def fitness(self, method):
        return Fitness(self.unfit.get(method.label, ""))

    def _answers(self, steps, reasons):
        """Right, with a score that fits, until each order's own step."""
        labels = self.labels.reshape(-1, *[1] * steps.ndim)
        right = np.arange(STEPS + 1) < steps[..., None]
        decision = np.where(right, labels, 1 - labels)
        score = (
            0.5 + (decision - 0.5) * 0.8 + 0.01 * np.arange(self.n).reshape(labels.shape) / self.n
        )
        return Removed(decision, score, np.broadcast_to(SHARES, decision.shape).copy(), reasons)

    def removal(self, method, _plan):
        rng = np.random.default_rng([self.seed, len(method.label)])
        steps = self.falls[method.label] + self.spread * rng.normal(size=self.n)
        reasons = np.array([""] * self.n, dtype="<U40")
        reasons[list(self.unordered.get(method.label, []))] = "all-zero heatmap"
        return self._answers(steps, reasons)

    def random_removal(self, _method, _plan):
        rng = np.random.default_rng([self.seed, 99])
        steps = 6 + self.spread * rng.normal(size=(self.n, REPEATS))
        return self._answers(steps, np.array([""] * self.n, dtype="<U40"))


def trainings(*falls, **changes):
    """The audited model and others, each with its own steps for both methods."""
    made = [
        Training(f"m{k}", dict(zip(METHODS, own, strict=True)), seed=k, **changes)
        for k, own in enumerate(falls)
    ]
    made[0].peers = {one.name: one for one in made[1:]}
    return made


def asked(count, **given):
    others = [f"m{k}" for k in range(1, count)]
    given = {"methods": METHODS, "others": others, "fills": ["mean"]} | given
    return AcrossTrainings.model_validate({"steps": STEPS, "repeats": REPEATS} | given)


def found(made, **given):
    parameters = asked(len(made), **given)
    findings = across_trainings(made[0], parameters)
    measures = SHIPPED["across-trainings"].measures(parameters)
    assert {m.name for m in findings.measurements} == set(measures)
    for m in findings.measurements:
        if m.estimate is not None:
            low, high = measures[m.name].bounds
            assert low <= m.estimate.low <= m.estimate.value <= m.estimate.high <= high, m
    return findings


FIVE = [(3, 5), (3.5, 5), (2.5, 5.5), (3, 4.5), (3.2, 5)]


def deltas(made, label, performance="accuracy"):
    """delta-AUPC of each training, by the check for one model."""
    parameters = Truthfulness.model_validate(
        {
            "methods": METHODS,
            "fills": ["mean"],
            "steps": STEPS,
            "repeats": REPEATS,
            "performance": performance,
        }
    )
    return [truthfulness(one, parameters)[f"{label}.delta_aupc"].estimate for one in made]


@pytest.mark.parametrize("performance", ["accuracy", "auc"])
def test_mean_deviation_and_smallest_are_of_the_values_of_each_training(performance):
    made = trainings(*FIVE)
    findings = found(made, performance=performance)
    for label in METHODS:
        each = deltas(made, label, performance)
        values = [one.value for one in each]
        mean, deviation, smallest = (
            findings[f"{label}.{part}_delta_aupc"].estimate for part in ("mean", "sd", "smallest")
        )
        assert mean.value == pytest.approx(np.mean(values))
        assert deviation.value == pytest.approx(np.std(values, ddof=1))
        assert smallest.value == pytest.approx(min(values))
        # The rule of extremes, on the very estimates of the check for one model.
        oracle = extreme(each, "smallest")
        assert (smallest.low, smallest.high) == (oracle.low, oracle.high)
        (drawn,) = (series for series in findings.figures[0].series if series.name == "m3")
        place = METHODS.index(label)
        assert (drawn.low[place], drawn.high[place]) == (each[3].low, each[3].high)
        assert (mean.n, mean.clusters) == (60, 60)


def test_trainings_that_agree_rank_alike():
    findings = found(trainings(*FIVE))
    one = findings["rank_stability"].estimate
    assert (one.value, one.low, one.high) == (1.0, 1.0, 1.0)


def test_a_training_with_the_ranking_turned_is_seen():
    findings = found(trainings((2, 5), (2, 5), (5, 2)))
    assert findings["rank_stability"].estimate.value == pytest.approx(-1 / 3)


def test_the_mean_reaches_as_far_as_the_trainings_differ():
    alike = found(trainings(*[(3, 5)] * 5))["gradient.mean_delta_aupc"].estimate
    apart = found(trainings(*[(1 + k, 5) for k in range(5)]))["gradient.mean_delta_aupc"].estimate
    assert apart.high - apart.low > 3 * (alike.high - alike.low)
    # Five trainings one step apart: Student's t of 4 degrees, within what patients add.
    assert (apart.high - apart.low) / 2 == pytest.approx(
        2.776 * np.std(range(5), ddof=1) / 10 / 5**0.5, rel=0.1
    )


def test_one_training_that_falls_out_is_named_though_the_mean_is_well():
    findings = found(trainings((2, 5), (2, 5), (2, 5), (2, 5), (7, 5)))
    assert findings["gradient.mean_delta_aupc"].estimate.value > 0.2
    smallest = findings["gradient.smallest_delta_aupc"].estimate
    assert smallest.high < 0
    assert [note for note in findings.notes if note.startswith("gradient")] == [
        "gradient: ΔAUPC is above 0 on average over trainings and filled with mean, but not for 'm4'."
    ]


def test_table_and_figure_have_every_training():
    findings = found(trainings(*FIVE), fills=["mean", "black"])
    assert [t.name for t in findings.tables] == ["delta_aupc_mean", "delta_aupc_black"]
    assert findings.tables[0].columns[1:6] == ["m0", "m1", "m2", "m3", "m4"]
    assert [row[0] for row in findings.tables[0].rows] == METHODS
    drawn = findings.figures[0]
    assert [one.name for one in drawn.series] == ["m0", "m1", "m2", "m3", "m4"]
    assert drawn.labels == METHODS
    first = deltas(trainings(*FIVE), "gradient")[0].value
    assert drawn.series[0].y[0] == pytest.approx(first)
    assert len({place for one in drawn.series for place in one.x}) == 10


def test_a_method_that_one_training_cannot_be_asked_is_not_applicable():
    made = trainings(*FIVE[:3])
    made[2].unfit = {"occlusion": "no gradients"}
    findings = found(made)
    for part in ("mean", "sd", "smallest"):
        one = findings[f"occlusion.{part}_delta_aupc"]
        assert not one.applicable
        assert one.reason == "of 'm2': no gradients"
    assert findings["gradient.mean_delta_aupc"].estimate is not None
    # One method is no ranking.
    assert not findings["rank_stability"].applicable


def test_an_image_without_an_order_in_one_training_is_left_out_of_all_and_counted():
    made = trainings(*FIVE[:3])
    made[1].unordered = {"gradient": range(10)}
    made[0].incomplete = ["t1 is missing"] * 5
    findings = found(made)
    one = findings["gradient.mean_delta_aupc"]
    assert one.not_evaluable == {"t1 is missing": 5, "m1: all-zero heatmap": 10}
    assert (one.planned, one.estimate.n) == (65, 50)
    assert worst_case(one)[0] < one.estimate.low
    other = findings["occlusion.mean_delta_aupc"]
    assert (other.not_evaluable, other.estimate.n) == ({"t1 is missing": 5}, 60)
    both = findings["rank_stability"]
    assert (both.not_evaluable, both.estimate.n) == (one.not_evaluable, 50)
    # Fifteen of 65 could turn two means by 4 * 15 / 65.
    assert both.estimate.low == -1.0


def test_no_image_with_an_order_gives_the_reason():
    made = trainings(*FIVE[:2])
    made[1].unordered = {label: range(60) for label in METHODS}
    findings = found(made)
    for one in findings.measurements:
        assert one.estimate is None
        assert "fewer than two patients" in one.reason
    assert findings.figures[0].series == []
    assert findings.tables[0].rows[0][1] == "not evaluable"


def test_one_network_under_two_names_is_noticed():
    made = trainings(*FIVE[:2])
    twin = Training("m2", made[0].falls, seed=0)
    made[0].peers["m2"] = twin
    findings = found([*made, twin])
    assert any("'m0' and 'm2' have the same ΔAUPC throughout" in note for note in findings.notes)


def test_one_training_is_not_counted_twice():
    made = trainings(*FIVE[:2])
    made[0].peers["m0"] = made[0]
    with pytest.raises(AuditError, match="'m0' is the audited model"):
        across_trainings(made[0], asked(2, others=["m1", "m0"]))
    made = trainings(*FIVE[:3])
    made[2].identity = "m1"
    with pytest.raises(AuditError, match="'m2' and 'm1' are one network"):
        across_trainings(made[0], asked(3))
    made[2].identity = "m0"
    with pytest.raises(AuditError, match="'m2' and 'm0' are one network"):
        across_trainings(made[0], asked(3))


def test_few_patients_who_change_widen_each_training_as_for_one_model():
    """Where removal changes one patient in ten, percentiles alone are too narrow."""
    made = trainings(*FIVE[:2])
    for one in made:
        one.spread, one.falls = (
            0.0,
            {"gradient": np.where(np.arange(60) % 10, 6, 2), "occlusion": 6},
        )
    smallest = found(made)["gradient.smallest_delta_aupc"].estimate
    each = deltas(made, "gradient")
    assert "degrees of freedom" in each[0].method
    assert smallest.low == pytest.approx(min(one.low for one in each))


def test_the_worst_case_of_an_auroc_counts_pairs():
    made = trainings(*FIVE[:2])
    made[1].unordered = {"gradient": range(0, 20, 2)}  # ten of thirty negatives
    made[0].incomplete = made[1].incomplete = ["t1 is missing"] * 2
    findings = found(made, performance="auc")
    share = 1 - 20 * 30 / (31 * 31)
    mean = findings["gradient.mean_delta_aupc"]
    assert mean.affected == pytest.approx(share)
    assert worst_case(mean)[0] == pytest.approx(max(-1, mean.estimate.low - 2 * share))
    assert findings["gradient.smallest_delta_aupc"].affected == pytest.approx(share)
    assert findings["gradient.sd_delta_aupc"].affected == pytest.approx(share * 2**0.5)
    assert findings["rank_stability"].estimate.low == -1.0
    assert found(made)["gradient.mean_delta_aupc"].affected is None  # images are averaged


def test_other_classes_and_missing_scores_are_refused():
    made = trainings(*FIVE[:2])
    made[1].classes = ("high", "low")
    with pytest.raises(AuditError, match="'m1' decides between"):
        across_trainings(made[0], asked(2))
    without = trainings(*FIVE[:2], two_class=False)
    with pytest.raises(AuditError, match="performance: auc needs a score"):
        across_trainings(without[0], asked(2, performance="auc"))


class Steeper(nn.Module):
    """`Bright` with other numbers: another training."""

    def __init__(self, slope):
        super().__init__()
        self.bright, self.slope = Bright(), slope

    def forward(self, x):
        return self.slope * self.bright(x) - 0.1


def test_real_trainings_of_volumes(tmp_path):
    made = []
    for k, slope in enumerate((1.0, 0.5)):
        folder = tmp_path / str(k)
        folder.mkdir()
        evidence = cubes_evidence(folder, Steeper(slope), n=12)
        (folder / "nothing.safetensors").write_bytes(b"nothing" * (k + 1))
        evidence.card = evidence.card.model_copy(update={"model": f"m{k}"})
        made.append(evidence)
    made[0].peer = {"m1": made[1]}.__getitem__
    torch.manual_seed(0)
    findings = found(made, methods=["gradient"], controls=["random-map"], steps=4, repeats=2)
    assert findings["gradient.mean_delta_aupc"].estimate.value > 0.05
    assert findings["random-map.mean_delta_aupc"].estimate is not None
