"""The check randomisation: what forgets and what does not, and what cannot be asked."""

import numpy as np
import pytest
import torch
from volume_world import Bright, Cubes, cubes_card

from auditkit.checks.randomisation import randomisation
from auditkit.evidence import Evidence, Peers, Settings, Store
from auditkit.evidence.engine import Engine
from auditkit.evidence.kinds import Fitness
from auditkit.evidence.randomised import OTHER, OWN, Similarity
from auditkit.models.model import Model
from auditkit.models.volume_cnn import VolumeCnn
from auditkit.spec.declarations import SHIPPED
from auditkit.spec.declarations.randomisation import Randomisation


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
    [figure], [table] = findings.figures, findings.tables
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


def test_images_without_comparable_maps_are_counted(tmp_path, monkeypatch):
    missing = ("case8 lacks flair",)
    rho = np.array([[0.2, 0.4], [0.3, 0.0], [0.0, 0.0], [0.5, 0.1], [0.0, 0.0], [0.2, 0.2]])
    problem = np.full((6, 2), "", dtype=object)
    problem[1, 1], problem[2], problem[4] = OTHER, OWN, OTHER
    planted = Similarity(rho, problem.astype(str))
    monkeypatch.setattr("auditkit.checks.randomisation.random_parameters", lambda *_: planted)
    evidence = evidence_of(tmp_path, incomplete=missing)
    findings = randomisation(evidence, Randomisation(methods=["gradient"]))
    found = findings["gradient.random_parameters"]
    assert found.estimate.value == pytest.approx(np.mean([0.3, 0.3, 0.3, 0.2]))
    assert found.planned == 7
    assert found.not_evaluable == {missing[0]: 1, OWN: 1, OTHER: 1}
    assert "1 heatmaps of random networks" in findings.notes[-1]


def test_no_comparable_map_at_all_has_a_reason(tmp_path, monkeypatch):
    planted = Similarity(np.zeros((6, 1)), np.full((6, 1), OTHER))
    monkeypatch.setattr("auditkit.checks.randomisation.random_parameters", lambda *_: planted)
    findings = randomisation(evidence_of(tmp_path), Randomisation(methods=["gradient"]))
    assert OTHER in findings["gradient.random_parameters"].reason
    assert findings.figures[0].series == []
