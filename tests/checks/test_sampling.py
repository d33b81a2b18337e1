"""What checks keep image by image is what their estimates are of."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from auditkit.checks.alignment import alignment
from auditkit.checks.colour_shift import colour_shift
from auditkit.checks.performance import performance
from auditkit.spec.declarations import SHIPPED
from auditkit.spec.declarations.alignment import Alignment
from auditkit.spec.declarations.colour_shift import ColourShift
from auditkit.spec.declarations.performance import Performance

from .aligned_evidence import planted
from .planted import Planted

N = 120
RNG = np.random.default_rng(4)
LABELS = (RNG.random(N) < 0.4).astype(int)
SCORE = np.clip(0.4 + 0.25 * LABELS + 0.2 * RNG.standard_normal(N), 0.001, 0.999)


def answers():
    site = np.where(np.arange(N) % 3, "a", "b")
    shift = np.linspace(-0.1, 0.2, N)
    return Planted(
        LABELS,
        SCORE,
        shift=lambda radius, _angle: shift * radius / 20,
        groups={"site": site},
        images_per_patient=2,
    )


def found(name):
    if name == "performance":
        parameters = Performance(by=["site"], min_group=5, min_class=2)
        return parameters, performance(answers(), parameters)
    if name == "colour-shift":
        parameters = ColourShift(radius=[5.0, 20.0], angles=4, directions=["pink"])
        return parameters, colour_shift(answers(), parameters)
    parameters = Alignment.model_validate(
        {"methods": ["gradient"], "binarise": {"rule": "nonzero"}}
    )
    kinds = ["equal", "inside", "around", "beside", "half"] * 8
    return parameters, alignment(planted(kinds, np.arange(40) < 20), parameters)


@pytest.mark.parametrize("name", ["performance", "colour-shift", "alignment"])
def test_a_sample_gives_the_estimate_again(name):
    _, findings = found(name)
    kept = [one for one in findings.measurements if one.sample is not None]
    assert kept
    for one in kept:
        sample = one.sample
        value = (
            roc_auc_score(sample.labels, sample.values)
            if sample.statistic == "auroc"
            else np.mean(sample.values)
        )
        assert value == pytest.approx(one.estimate.value, abs=1e-12), one.name
        assert len(sample.images) == one.estimate.n
        assert len(set(sample.patients)) == one.estimate.clusters


@pytest.mark.parametrize("name", ["performance", "colour-shift", "alignment"])
def test_what_may_be_held_against_a_baseline_is_kept(name):
    parameters, findings = found(name)
    measures = SHIPPED[name].measures(parameters)
    assert any(measure.better for measure in measures.values())
    for one in findings.measurements:
        if measures[one.name].better and one.estimate is not None:
            assert one.sample is not None, one.name


def test_images_are_known_by_their_content():
    _, findings = found("performance")
    accuracy = findings.find("accuracy", {}).sample
    assert accuracy.images == [f"digest{i}" for i in range(N)]
    positives = findings.find("sensitivity", {}).sample
    assert positives.images == [f"digest{i}" for i in np.flatnonzero(LABELS)]


def test_predictive_values_have_no_pairs():
    _, findings = found("performance")
    assert findings.find("ppv", {}).sample is None


def test_what_is_held_against_labels_keeps_them():
    _, findings = found("performance")
    kept = {one.name: one.sample for one in findings.measurements if one.sample and not one.at}
    for name in ("accuracy", "brier", "roc_auc"):
        assert kept[name].labels.tolist() == LABELS.tolist()
    _, findings = found("colour-shift")
    assert all(one.sample.labels is None for one in findings.measurements if one.sample)
