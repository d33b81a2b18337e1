"""A model that reads redness, and a generator that adds red: both checks from pictures to findings."""

import pytest
from counterfactual_world import counterfactual_evidence, generator_card

from auditkit.checks.counterfactual_attributes import counterfactual_attributes
from auditkit.checks.counterfactual_stability import counterfactual_stability
from auditkit.errors import AuditError, Unavailable
from auditkit.evidence.peers import Peers
from auditkit.spec.declarations.counterfactual_attributes import CounterfactualAttributes
from auditkit.spec.declarations.counterfactual_stability import CounterfactualStability

NAMES = ["background.L", "background.u", "background.v", "lesion.u", "lesion.area"]


@pytest.fixture(scope="module")
def evidence(tmp_path_factory):
    folder = tmp_path_factory.mktemp("redness")
    found, card = counterfactual_evidence(folder, n=12)
    found.peers = Peers(counterfactuals={card.counterfactual: card})
    return found


def test_the_planted_colour_is_found_and_the_intervention_agrees(evidence):
    parameters = CounterfactualAttributes(trained_on="training", attributes=NAMES)
    found = counterfactual_attributes(evidence, parameters)
    assert found["retained"].estimate.value == 1
    assert found["difference[background.u]"].estimate.low > 10
    assert found["difference[lesion.u]"].estimate.low > 10
    area = found["difference[lesion.area]"].estimate
    assert area.low <= 0 <= area.high
    assert found["colour_response"].estimate.low > 0.1
    assert found.tables[0].rows[0][-2] == "malignant"
    assert len(found.examples) == 4


def test_a_training_that_is_not_there_is_not_run_with_its_command(evidence):
    parameters = CounterfactualStability(trained_on="training", other_seeds=[1], attributes=NAMES)
    with pytest.raises(Unavailable, match=r"train counterfactual --model redness .* --seed 1"):
        counterfactual_stability(evidence, parameters)


def test_one_training_under_another_seed_is_refused(evidence, tmp_path, monkeypatch):
    first, same = (generator_card(tmp_path, evidence.card, seed=seed) for seed in (0, 1))
    assert first.weights.sha256 == same.weights.sha256
    cards = {card.counterfactual: card for card in (first, same)}
    monkeypatch.setattr(evidence, "peers", Peers(counterfactuals=cards))
    parameters = CounterfactualStability(trained_on="training", other_seeds=[1], attributes=NAMES)
    with pytest.raises(AuditError, match="same weights"):
        counterfactual_stability(evidence, parameters)
