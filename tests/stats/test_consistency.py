"""For every estimator: p-values match the interval, and the order of the images does not matter."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditkit import stats
from auditkit.metrics import aupc_estimate, delta_aupc_estimate

N = 60


def _images(seed):
    generator = np.random.default_rng(seed)
    clusters = np.array([f"patient {i}" for i in generator.integers(25, size=N)])
    effect = generator.normal(size=N)
    probabilities = 1 / (1 + np.exp(-effect))
    labels = generator.random(N) < probabilities
    return clusters, labels, probabilities, effect, generator.normal(size=N) + effect


def _estimators(clusters, labels, probabilities, x, y):
    steps, fractions = (x[:, None] > np.linspace(-1, 1, 5)), np.linspace(0, 1, 5)
    random_steps = y[:, None, None] > np.linspace(-1, 2, 15).reshape(3, 5)
    few = {"replicates": 199}
    return {
        "mean": lambda c: stats.mean(x, c),
        "mean, bounded": lambda c: stats.mean(labels * 1.0, c, bounds=(0, 1)),
        "mean, near the upper bound": lambda c: stats.mean((x < x.max()) * 1.0, c, bounds=(0, 1)),
        "mean, near the lower bound": lambda c: stats.mean((x == x.max()) * 1.0, c, bounds=(0, 1)),
        "mean, one value": lambda c: stats.mean(x * 0 + 0.3, c, bounds=(0, 1)),
        "mean, one value at the bound": lambda c: stats.mean(x * 0, c, bounds=(0, 1)),
        "mean, one value of unknown range": lambda c: stats.mean(x * 0 + 0.3, c),
        "proportion": lambda c: stats.proportion(labels, c),
        "proportion, none": lambda c: stats.proportion(labels & False, c),
        "proportion, all": lambda c: stats.proportion(labels | True, c),
        "auroc": lambda c: stats.auroc(labels, probabilities, c, **few),
        "auroc of 1": lambda c: stats.auroc(labels, labels, c, **few),
        "auroc of 0": lambda c: stats.auroc(labels, ~labels, c, **few),
        "auroc of equal scores": lambda c: stats.auroc(labels, x * 0, c, **few),
        "pearson_r": lambda c: stats.pearson_r(x, y, c, **few),
        "pearson_r of 1": lambda c: stats.pearson_r(x, 2 * x + 1, c, **few),
        "pearson_r of -1": lambda c: stats.pearson_r(x, -x, c, **few),
        "calibration_error": lambda c: stats.calibration_error(labels, probabilities, 5, c, **few),
        "calibration_slope": lambda c: stats.calibration_slope(labels, probabilities, c),
        "calibration_intercept": lambda c: stats.calibration_intercept(labels, probabilities, c),
        "brier": lambda c: stats.brier(labels, probabilities, c),
        "bootstrap": lambda c: stats.bootstrap(lambda w: w @ x / w.sum(1), c, N, seed=1, **few),
        "aupc": lambda c: aupc_estimate(steps, fractions, c),
        "delta_aupc": lambda c: delta_aupc_estimate(steps, random_steps, fractions, c),
    }


NAMES = list(_estimators(*_images(0)))


@pytest.mark.parametrize("clustered", [False, True])
@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 3), offsets=st.lists(st.floats(-2, 2), min_size=20, max_size=20))
def test_p_values_agree_with_the_interval(name, clustered, seed, offsets):
    clusters, *rest = _images(seed)
    estimate = _estimators(clusters, *rest)[name](clusters if clustered else None)
    half = (1 - estimate.level) / 2
    near = [estimate.low, estimate.high, estimate.value]
    thresholds = offsets + [t + step for t in near for step in (-1e-6, 1e-6)] + [0.0, 1.0]
    assert estimate.low <= estimate.value <= estimate.high
    for t in thresholds:
        if min(abs(t - estimate.low), abs(t - estimate.high)) > 1e-9:
            assert (estimate.low > t) == (estimate.p_above(t) <= half)
            assert (estimate.high < t) == (estimate.p_below(t) <= half)
        assert 0 <= estimate.p_above(t) <= 1
        assert estimate.p_above(t) <= estimate.p_above(t + 0.01)
        assert estimate.p_below(t) >= estimate.p_below(t + 0.01)


@pytest.mark.parametrize("clustered", [False, True])
@pytest.mark.parametrize("name", [name for name in NAMES if name != "bootstrap"])
def test_the_order_of_images_does_not_matter(name, clustered):
    images = _images(5)
    order = np.random.default_rng(6).permutation(N)
    shuffled = [array[order] for array in images]
    first = _estimators(*images)[name](images[0] if clustered else None)
    second = _estimators(*shuffled)[name](shuffled[0] if clustered else None)
    assert (second.value, second.low, second.high) == pytest.approx(
        (first.value, first.low, first.high), abs=1e-9
    )
    assert second.method == first.method


@pytest.mark.parametrize("name", ["mean", "proportion", "auroc", "pearson_r", "bootstrap"])
def test_more_confidence_widens_the_interval(name, monkeypatch):
    clusters, *rest = _images(7)
    usual = _estimators(clusters, *rest)[name](clusters)
    original = getattr(stats, name)
    monkeypatch.setattr(stats, name, lambda *a, **k: original(*a, level=0.8, **k))
    narrow = _estimators(clusters, *rest)[name](clusters)
    assert usual.low < narrow.low < usual.value < narrow.high < usual.high
    assert (usual.n, usual.clusters) == (N, np.unique(clusters).size)


@pytest.mark.parametrize("package", ["auditkit.stats", "auditkit.metrics", "auditkit.colour"])
def test_import_needs_numpy_only(package):
    script = (
        f"import sys, {package}\n"
        "heavy = {'torch', 'scipy', 'pandas', 'sklearn', 'matplotlib'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or None)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


BAD_INPUTS = {
    "nan": lambda: stats.mean([1.0, float("nan")]),
    "empty": lambda: stats.proportion([]),
    "not binary": lambda: stats.proportion([0, 2]),
    "one class": lambda: stats.auroc([1, 1, 1], [0.1, 0.2, 0.3]),
    "one class for a curve": lambda: stats.roc_curve([0, 0], [0.1, 0.2]),
    "one positive": lambda: stats.auroc([1, 0, 0, 0], [2, 1, 3, 0]),
    "lengths": lambda: stats.auroc([1, 0], [0.1, 0.2, 0.3]),
    "constant x": lambda: stats.pearson_r([1, 1, 1, 1], [1, 2, 3, 4]),
    "three images": lambda: stats.pearson_r([1, 2, 3], [1, 3, 2]),
    "one patient": lambda: stats.mean([1.0, 2.0], ["a", "a"]),
    "missing patient": lambda: stats.mean([1.0, 2.0], np.array(["a", None], dtype=object)),
    "nan patient": lambda: stats.mean([1.0, 2.0], [1.0, float("nan")]),
    "patients of two types": lambda: stats.mean([1.0, 2.0], np.array(["a", 1], dtype=object)),
    "patients of another length": lambda: stats.mean([1.0, 2.0], ["a"]),
    "out of bounds": lambda: stats.mean([0.0, 2.0], bounds=(0, 1)),
    "level": lambda: stats.mean([0.0, 2.0], level=95),
    "probability": lambda: stats.brier([0, 1], [0.2, 1.2]),
    "separated": lambda: stats.calibration_slope([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9]),
    "equal probabilities": lambda: stats.calibration_slope([0, 1], [0.5, 0.5]),
    "one class for recalibration": lambda: stats.calibration_intercept([1, 1], [0.5, 0.6]),
    "no bins": lambda: stats.calibration_error([0, 1], [0.5, 0.6], bins=0),
    "p-value": lambda: stats.holm([0.1, float("nan")]),
    "overflow": lambda: stats.mean([1e308, 1e308, -1e308]),
}


@pytest.mark.parametrize("name", BAD_INPUTS)
@pytest.mark.filterwarnings("ignore:overflow")
def test_what_cannot_be_estimated_is_refused_in_words(name):
    from auditkit.errors import AuditError

    with pytest.raises(AuditError, match=r"\w+ .{20,}"):
        BAD_INPUTS[name]()
