"""Heatmaps of networks that know nothing: against a loop by hand, controls, and a peer."""

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from volume_world import Bright, Cubes, cubes_card, cubes_evidence

from auditkit.errors import AuditError
from auditkit.evidence import Evidence, Peers, Settings, Store
from auditkit.evidence.engine import Engine
from auditkit.evidence.heatmaps import Batch, explainer, subject_of
from auditkit.evidence.identity import seed_of
from auditkit.evidence.randomised import (
    OTHER,
    OWN,
    random_labels,
    random_parameters,
    redrawing_problem_of,
)
from auditkit.models.model import Model
from auditkit.models.redrawn import recalibrate, redrawn
from auditkit.models.volume_cnn import VolumeCnn
from auditkit.spec.methods import parse_method

GRADIENT, EDGES, RANDOM = (parse_method(n) for n in ("gradient", "edge-map", "random-map"))


def network(seed=0):
    torch.manual_seed(seed)
    return VolumeCnn(2, modalities=2, axes=2, widths=(4, 4), hidden=4)


def pictures(folder, own=None, **given):
    folder.mkdir(exist_ok=True)
    return cubes_evidence(folder, own or network(), **{"n": 5, "axes": 2, **given})


def with_peer(folder, own, other, settings=None, other_card=None, n=5):
    """Evidence of a model, beside which another one is named."""
    folder.mkdir(exist_ok=True)
    card, data, engine = cubes_card(folder, axes=2), Cubes(n=n, axes=2), Engine(Store(folder / "s"))
    peer_card = other_card or card.model_copy(update={"model": "peer"})

    def evidence(one, module, peers):
        model = Model(one, [module.eval()], torch.device("cpu"))
        return Evidence(one, data, engine, settings or Settings(), model=lambda: model, peers=peers)

    return evidence(card, own, Peers({"peer": lambda: evidence(peer_card, other, Peers())}))


def test_similarity_is_that_of_a_loop_over_random_networks(tmp_path):
    evidence = pictures(tmp_path)
    found = random_parameters(evidence, GRADIENT, 2, "absolute")
    signed = random_parameters(evidence, GRADIENT, 2, "signed")
    assert not (found.problem != "").any()
    model = evidence.own_model()
    inputs = model.prepare([evidence.source(index) for index in range(5)])
    with torch.no_grad():
        target = model.decide(model.probabilities(inputs))
    own = evidence.heatmaps(GRADIENT).maps
    for draw in range(2):
        other = redrawn(model, seed_of("random parameters", draw))
        order = sorted(range(5), key=lambda i: seed_of("background", f"digest{i}"))
        recalibrate(other, inputs[order])
        batch = Batch(inputs, target, [0] * 5)
        maps = explainer(GRADIENT, subject_of(other)).explain(batch, 16).maps.numpy()
        for image in range(5):
            pair = own[image].ravel(), maps[image].ravel()
            wanted = spearmanr(*map(np.abs, pair))[0]
            assert found.rho[image, draw] == pytest.approx(wanted, abs=1e-3)
            assert signed.rho[image, draw] == pytest.approx(spearmanr(*pair)[0], abs=1e-3)


def test_a_gradient_forgets_and_a_map_of_edges_does_not(tmp_path):
    evidence = pictures(tmp_path)
    assert np.abs(random_parameters(evidence, GRADIENT, 3, "absolute").rho.mean()) < 0.5
    for control in (EDGES, RANDOM):
        assert (random_parameters(evidence, control, 2, "absolute").rho == 1).all()


def test_draws_and_batches_and_shards_change_nothing(tmp_path):
    one = random_parameters(pictures(tmp_path / "1"), GRADIENT, 2, "absolute").rho
    settings = Settings(batch_size=2, batches=2)
    other = random_parameters(pictures(tmp_path / "2", settings=settings), GRADIENT, 3, "absolute")
    assert np.allclose(one, other.rho[:, :2], atol=2e-3)


def test_the_audited_models_decisions_are_explained_in_both(tmp_path):
    turned = network(0)
    with torch.no_grad():
        turned.classify[2].weight.copy_(turned.classify[2].weight.flip(0))
        turned.classify[2].bias.copy_(turned.classify[2].bias.flip(0))
    # With its outputs exchanged, the gradient of the same decision has the other sign throughout.
    evidence = with_peer(tmp_path, network(0), turned)
    assert np.allclose(random_labels(evidence, "peer", GRADIENT, "signed").rho, -1)
    assert np.allclose(random_labels(evidence, "peer", GRADIENT, "absolute").rho, 1)


def test_a_peer_of_the_same_weights_is_alike_and_another_is_not(tmp_path):
    same = with_peer(tmp_path / "1", network(0), network(0))
    assert np.allclose(random_labels(same, "peer", GRADIENT, "signed").rho, 1)
    other = with_peer(tmp_path / "2", network(0), network(9))
    assert random_labels(other, "peer", GRADIENT, "signed").rho.shape == (5, 1)
    assert np.abs(random_labels(other, "peer", GRADIENT, "signed").rho).max() < 0.9


def test_a_peer_with_other_inputs_is_refused(tmp_path):
    card = cubes_card(tmp_path, side=6, axes=2).model_copy(update={"model": "peer"})
    evidence = with_peer(tmp_path, network(), network(), other_card=card)
    with pytest.raises(AuditError, match="same architecture"):
        random_labels(evidence, "peer", GRADIENT, "signed")


def test_whose_map_is_constant_is_said(tmp_path):
    evidence = with_peer(tmp_path, network(), network(9))
    heat = evidence.heatmaps(GRADIENT)
    heat.maps[1], heat.maps[2, 0, 0, 0] = 0.5, np.nan
    evidence.heatmaps = lambda _method: heat
    found = random_labels(evidence, "peer", GRADIENT, "absolute")
    assert found.problem[:, 0].tolist() == ["", OWN, OWN, "", ""]
    assert (found.rho[1:3] == 0).all()
    dead = with_peer(tmp_path / "dead", network(), _Blind())
    found = random_labels(dead, "peer", GRADIENT, "absolute")
    assert found.problem[:, 0].tolist() == [OTHER] * 5


class _Blind(torch.nn.Module):
    """A gradient of zero everywhere."""

    def forward(self, x):
        return x.flatten(1)[:, :2] * 0


def test_the_answer_whether_networks_can_be_drawn_is_evidence(tmp_path):
    assert redrawing_problem_of(pictures(tmp_path)) == ""
    without = pictures(tmp_path / "bright", Bright())
    assert "no parameters" in redrawing_problem_of(without)

    def refuse():
        raise AssertionError("the model was loaded again")

    without._model = refuse
    assert "no parameters" in redrawing_problem_of(without)
