"""The check randomisation: what forgets and what does not, and what cannot be asked."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from scipy import stats as scipy_stats
from volume_world import Bright, Cubes, cubes_card

from auditkit.checks.randomisation import randomisation
from auditkit.checks.similarities import PARTLY
from auditkit.evidence import Evidence, Peers, Settings, Store
from auditkit.evidence.engine import Engine
from auditkit.evidence.kinds import Fitness
from auditkit.evidence.randomised import OTHER, OWN, Similarity
from auditkit.models.model import Model
from auditkit.models.volume_cnn import VolumeCnn
from auditkit.spec.declarations import SHIPPED
from auditkit.spec.declarations.randomisation import Randomisation
from auditkit.verdict import worst_case


def network(seed):
    torch.manual_seed(seed)
    return VolumeCnn(2, modalities=2, axes=2, widths=(4,), hidden=4)


def evidence_of(folder, own=None, other=None, **given):
    card, data = cubes_card(folder, axes=2), Cubes(**{"n": 6, "axes": 2, **given})
    engine = Engine(Store(folder / "store"))

    def evidence(name, module, peers):
        one = card.model_copy(update={"model": name})
        model = Model(one, [module.eval()], torch.device("cpu"))
        return Evidence(one, data, engine, Settings(), model=lambda: model, peers=peers)

    peer = evidence("blind", other or network(7), Peers())
    return evidence("seeing", own or network(0), Peers({"blind": lambda: peer}))


def both(*methods, **given):
    return Randomisation(methods=list(methods), trained_on_random_labels="blind", **given)


def test_gradients_forget_and_edges_do_not(tmp_path):
    parameters = both("gradient", "edge-map")
    findings = randomisation(evidence_of(tmp_path), parameters)
    measures = SHIPPED["randomisation"].measures(parameters)
    assert {m.name for m in findings.measurements} == set(measures)
    for kind in ("random_parameters", "random_labels"):
        gradient, edges = (findings[f"{m}.{kind}"].estimate for m in ("gradient", "edge-map"))
        assert gradient.value < 0.6
        assert gradient.n == edges.n == 6
        assert edges.value == edges.high == 1
        assert edges.low < 0.9  # six equal patients are no certainty
    [figure], [table, spread] = findings.figures, findings.tables
    assert [row[-1][:5] for row in spread.rows] == [spread.rows[0][-1][:5], "0.000"]
    cells = spread.rows[0][1:-1]
    assert len(cells) == 5  # networks, unless the spec says otherwise
    means = [float(cell) for cell in cells if cell != "not evaluable"]
    own = findings["gradient.random_parameters"].estimate.value
    assert own == pytest.approx(np.mean(means), abs=1e-3)
    assert (figure.kind, figure.labels) == ("forest", ["gradient", "edge-map"])
    assert [series.name for series in figure.series] == ["random parameters", "random labels"]
    assert [row[0] for row in table.rows] == ["gradient", "edge-map"]
    assert all(len(row) == len(table.columns) for row in table.rows)


def test_without_a_peer_labels_are_not_asked(tmp_path):
    findings = randomisation(evidence_of(tmp_path), Randomisation(methods=["gradient"]))
    assert [m.name for m in findings.measurements] == ["gradient.random_parameters"]
    assert findings.tables[0].columns == ["method", "random parameters", "n", "not evaluable"]


def test_a_network_without_layers_is_not_applicable(tmp_path):
    findings = randomisation(evidence_of(tmp_path, own=Bright()), both("gradient"))
    hindered = findings["gradient.random_parameters"]
    assert not hindered.applicable
    assert "no parameters" in hindered.reason
    assert findings["gradient.random_labels"].applicable


def test_a_method_that_fits_one_of_the_networks_only(tmp_path):
    evidence = evidence_of(tmp_path)
    evidence.peer("blind").fitness = lambda _method: Fitness("no layer")
    findings = randomisation(evidence, both("gradient"))
    assert findings["gradient.random_parameters"].applicable
    assert not findings["gradient.random_labels"].applicable


def planted(monkeypatch, folder, rho, problem=None, **given):
    """The measurement, and all findings, of similarities (n, networks)."""
    problem = np.full(rho.shape, "") if problem is None else problem
    similarity = Similarity(np.where(problem == "", rho, 0.0), problem.astype(str))
    monkeypatch.setattr("auditkit.checks.randomisation.random_parameters", lambda *_: similarity)
    evidence = evidence_of(folder, n=len(rho), **given)
    parameters = Randomisation(methods=["gradient"], draws=max(3, rho.shape[1]))
    findings = randomisation(evidence, parameters)
    return findings["gradient.random_parameters"], findings


def sampled(networks, images, between, seed=0):
    rng = np.random.default_rng(seed)
    parts = between * rng.normal(size=networks), 0.1 * rng.normal(size=(images, 1))
    return np.clip(0.3 + parts[0] + parts[1] + 0.05 * rng.normal(size=(images, networks)), -1, 1)


def test_the_interval_is_over_networks_and_patients(tmp_path, monkeypatch):
    rho = sampled(5, 40, 0.1)
    found, _ = planted(monkeypatch, tmp_path, rho)
    means, n = rho.mean(axis=0), len(rho)
    together = np.cov(rho, rowvar=False)
    shared = (together.sum() - np.trace(together)) / 20 / n
    t = scipy_stats.t.ppf(0.975, [4, n - 1])
    half = np.sqrt(t[0] ** 2 * means.var(ddof=1) / 5 + t[1] ** 2 * shared)
    assert found.estimate.value == pytest.approx(means.mean())
    assert found.estimate.high - found.estimate.value == pytest.approx(half, rel=0.05)
    assert (found.estimate.n, found.estimate.clusters, found.affected) == (n, n, None)


def test_few_networks_leave_room_for_others(tmp_path, monkeypatch):
    networks = sampled(200, 40, 0.15, seed=1)
    truth, inside = networks.mean(), 0
    for start in range(0, 200, 5):
        found, _ = planted(monkeypatch, tmp_path, networks[:, start : start + 5])
        inside += found.estimate.low < truth < found.estimate.high
    assert inside >= 36  # of 40: 38 are expected; over patients alone it would be about half


def test_images_without_comparable_maps_are_counted(tmp_path, monkeypatch):
    missing = ("case8 lacks flair",)
    rho = np.array([[0.2, 0.4], [0.3, 0.0], [0.0, 0.0], [0.5, 0.1], [0.0, 0.0], [0.2, 0.2]])
    problem = np.full((6, 2), "", dtype=object)
    problem[1, 1], problem[2], problem[4] = OTHER, OWN, OTHER
    found, findings = planted(monkeypatch, tmp_path, rho, problem, incomplete=missing)
    # Each network's mean over its own images: (.2 + .3 + .5 + .2) / 4 and (.4 + .1 + .2) / 3.
    assert found.estimate.value == pytest.approx((0.3 + 0.7 / 3) / 2)
    assert found.planned == 7
    assert found.not_evaluable == {missing[0]: 1, OWN: 1, OTHER: 1, PARTLY: 1}
    assert found.affected == pytest.approx(7 / 14)
    assert "1 heatmaps of random networks" in findings.notes[-1]


def test_pairs_that_are_lost_may_be_anything(tmp_path, monkeypatch):
    rho, rng = sampled(4, 30, 0.1), np.random.default_rng(3)
    problem = np.where(rng.random(rho.shape) < [0.0, 0.1, 0.3, 0.6], OTHER, "")
    found, _ = planted(monkeypatch, tmp_path, rho, problem)
    lost = problem != ""
    assert found.affected == pytest.approx(lost.mean())
    low, high = worst_case(found)
    for worst, moved in ((-1.0, low - found.estimate.low), (1.0, high - found.estimate.high)):
        whole = np.where(lost, worst, rho).mean() - found.estimate.value
        assert abs(whole) <= abs(moved) + 1e-9
    # All images have one network at least: without the pairs nothing would have been counted.
    assert sum(found.not_evaluable.values()) == (lost.any(axis=1)).sum()


def test_images_that_no_network_can_be_compared_with_count_as_images(tmp_path, monkeypatch):
    rho, problem = sampled(3, 10, 0.1), np.full((10, 3), "", dtype=object)
    problem[0] = OWN
    found, _ = planted(monkeypatch, tmp_path, rho, problem)
    assert (found.affected, found.not_evaluable) == (None, {OWN: 1})


def test_a_network_of_constant_maps_is_left_out_and_one_alone_is_none(tmp_path, monkeypatch):
    rho, problem = sampled(3, 10, 0.1), np.full((10, 3), "", dtype=object)
    problem[:, 1] = OTHER
    found, findings = planted(monkeypatch, tmp_path, rho, problem)
    assert found.estimate.value == pytest.approx(rho[:, [0, 2]].mean())
    assert found.affected == pytest.approx(1 / 3)
    assert findings.tables[1].rows[0][2] == "not evaluable"
    problem[:, 2] = OTHER
    found, findings = planted(monkeypatch, tmp_path, rho, problem)
    assert found.estimate is None
    assert "1 random network only" in found.reason
    assert findings.tables[1].rows[0][-1] == "not evaluable"


def test_no_comparable_map_at_all_has_a_reason(tmp_path, monkeypatch):
    found, findings = planted(monkeypatch, tmp_path, np.zeros((6, 3)), np.full((6, 3), OTHER))
    assert OTHER in found.reason
    assert findings.figures[0].series == []


def test_fewer_than_three_networks_are_refused():
    with pytest.raises(ValidationError, match="greater than or equal to 3"):
        Randomisation(methods=["gradient"], draws=2)


def test_measures_say_what_the_interval_is_over():
    measures = SHIPPED["randomisation"].measures(both("gradient"))
    assert "over such networks and patients" in measures["gradient.random_parameters"].summary
    assert "one network" in measures["gradient.random_labels"].summary
