"""The shipped counterfactual generators belong to their stand-ins and do what they are for."""

from pathlib import Path

import pytest

import auditkit
from auditkit.models.counterfactuals.trained_on import trained_images, was_trained_on
from auditkit.models.identity import model_digest
from auditkit.spec.catalogue import catalogue

ROOT = Path(__file__).parents[1]
CARDS = catalogue([ROOT / "fixtures"])
TRAINED = {name: card for name, card in CARDS.counterfactuals().items() if card.model}


@pytest.mark.parametrize("name", TRAINED)
def test_it_was_trained_for_the_model_as_it_is(name):
    card = TRAINED[name]
    model = CARDS.model(card.model)
    assert card.model_sha256 == model_digest(model)
    assert card.size == model.input.size
    assert card.stand_in
    assert (card.path.parent / card.weights.file).stat().st_size < 2**20


def test_it_was_trained_on_other_images_than_are_audited():
    audited = auditkit.load_data(str(ROOT / "fixtures/data/dermoscopy.data.yaml"))
    keys = trained_images(TRAINED["scanoma-dermoscopy-training"])
    assert len(keys) > 2000
    assert not was_trained_on([record.digest for record in audited.records], keys).any()


@pytest.mark.parametrize(("name", "sign"), [("scanoma", 1), ("scanoma-next", 0), ("deepderm", -1)])
def test_it_finds_what_was_planted(name, sign, monkeypatch, tmp_path):
    monkeypatch.setenv("AUDITKIT_CARDS", str(ROOT / "fixtures"))
    model, data = auditkit.load_model(name), auditkit.load_data("dermoscopy")
    asked = {"trained_on": "dermoscopy-training", "images": 24, "store": tmp_path}
    quality = auditkit.run("counterfactual", model, data, gallery=2, **asked)
    changed = auditkit.run(
        "counterfactual-attributes", model, data, attributes=["background.u"], angles=8, **asked
    )
    assert quality["consistency"].estimate.value > 0.85
    assert quality["reconstruction_error"].estimate.high < 0.01
    found = changed["difference[background.u]"].estimate
    if sign:
        assert min(sign * found.low, sign * found.high) > 2.3
    else:
        assert -4 < found.value < 4
