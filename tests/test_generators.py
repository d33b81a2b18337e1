"""The shipped generators, and negative controls of concept permutation on the one of shapes."""

import importlib.util
import sys
from pathlib import Path

import pytest

pytest.importorskip("diffusers")

import auditkit
from auditkit.spec.catalogue import catalogue

ROOT = Path(__file__).parents[1]
JUDGED = {"generator": "shapes-diffusion", "classifier": "shapes-concepts", "images": 40}
LAST = "blue rectangle"


@pytest.fixture(scope="module")
def controls():
    """The script of the controls, whose data and model are used here with fewer images."""
    spec = importlib.util.spec_from_file_location(
        "depict_controls", ROOT / "benchmarks" / "depict_controls.py"
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules["depict_controls"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def here(monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("AUDITKIT_STORE", str(tmp_path / "store"))
    return tmp_path


def test_every_generator_card_states_the_sum_of_every_file():
    cards = catalogue([ROOT / "fixtures"]).generators()
    assert "shapes-diffusion" in cards
    for card in cards.values():
        files = {p.relative_to(card.root).as_posix() for p in card.root.rglob("*") if p.is_file()}
        assert files == set(card.sha256)
        assert sum(path.stat().st_size for path in card.root.rglob("*")) < 10 * 2**20


@pytest.mark.slow
def test_a_concept_that_the_generator_cannot_draw_is_caught(controls, here):
    model = auditkit.load_model(controls.target(here))
    data = controls.data_with({LAST: "purple star"})
    found = auditkit.run("effective-generation", model, data, **JUDGED, concepts=[LAST])
    assert found[f"generated_auroc[{LAST}]"].estimate.high < 0.88
    assert found["largest_gap"].estimate.low > 0.12


@pytest.mark.slow
def test_a_generator_that_changes_two_concepts_together_is_caught(controls, here):
    model = auditkit.load_model(controls.target(here))
    places = "blue rectangle {place of blue rectangle}, green circle {place of green circle}"
    data = controls.data_with({LAST: places})
    judged = {"concepts": [LAST], "judged": ["green circle"]}
    found = auditkit.run("independent-permutation", model, data, **JUDGED, **judged)
    assert found["largest_effect"].estimate.low > 0.1
    sound = auditkit.run(
        "independent-permutation", model, controls.data_with({}), **JUDGED, **judged
    )
    assert sound["largest_effect"].estimate.high < 0.1
