"""The five devices: each card resolves to a labelled stand-in, whose planted behaviour is found."""

from pathlib import Path

import pytest

import auditkit
from auditkit.models import load_model
from auditkit.spec.catalogue import catalogue, read_unsettled

ROOT = Path(__file__).parents[1]
CARDS = catalogue([ROOT / "fixtures"])
DEVICES = ("scanoma", "sscd", "modelderm-2018", "siim-isic", "deepderm")
PLANTED = [(name, planted) for name in DEVICES for planted in CARDS.model(name).planted]
IMAGES = 24


@pytest.mark.parametrize("name", DEVICES)
def test_a_device_without_its_files_is_a_stand_in_and_says_so(name):
    card = CARDS.model(name)
    written = read_unsettled(card.path)
    assert card.stand_in
    assert "stand-in" in card.title
    assert not written.stand_in
    assert written.fallback is not None
    assert all(network.weights.sha256 for network in card.networks)


def test_the_cards_state_the_devices_as_published():
    """DeGrave et al., Methods, and the authors' public code."""
    size = {name: read_unsettled(CARDS.model(name).path).input.size for name in DEVICES}
    assert size == dict.fromkeys(DEVICES, 224) | {"deepderm": 299}
    score = {name: read_unsettled(CARDS.model(name).path).output.score for name in DEVICES}
    assert score["modelderm-2018"] == 140
    assert score["siim-isic"] == "melanoma"
    siim = read_unsettled(CARDS.model("siim-isic").path)
    assert siim.output.classes.index("melanoma") == 6
    assert len(siim.networks) * len(siim.view_names) == 24
    derm = read_unsettled(CARDS.model("modelderm-2018").path)
    assert (derm.input.equalise, derm.vendor_input.equalise) == ("after-resize", "before-resize")
    assert (derm.input.channels, derm.vendor_input.crop) == ("bgr", "none")


@pytest.mark.parametrize(
    ("name", "planted"), PLANTED, ids=[f"{n}-{p.measure}-{p.data}" for n, p in PLANTED]
)
def test_what_was_planted_in_a_stand_in_is_found(name, planted, tmp_path):
    model = load_model(CARDS.model(name), "cpu")
    data = auditkit.load_data(CARDS.data(planted.data))
    parameters = {**planted.with_, "images": IMAGES}
    if planted.check == "colour-shift":
        parameters |= {"angles": 4}
    findings = auditkit.run(planted.check, model, data, store=tmp_path, **parameters)
    found = findings.find(planted.measure, planted.at).estimate
    assert (found.low > 0) if planted.sign == "positive" else (found.high < 0)
