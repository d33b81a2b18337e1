"""Where one check rests on another, each heatmap method rests on its own success."""

from dataclasses import replace
from pathlib import Path

import pytest

from auditkit.session import assumed_expectations
from auditkit.spec.audit import Expectation
from auditkit.spec.catalogue import catalogue
from auditkit.spec.load import load_audit

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def audits():
    cards = catalogue([ROOT / "fixtures"])
    folder = ROOT / "audits" / "clinical"
    return [
        load_audit(folder / f"{name}.audit.yaml", cards) for name in ("truthfulness", "informative")
    ]


def about(measure):
    return Expectation(measure=measure, above=0.5)


def test_a_method_rests_on_expectations_about_itself(audits):
    truthful, informative = audits
    for label in ("occlusion", "guided-backprop"):
        found, problem = assumed_expectations(truthful, informative, about(f"{label}.auroc"))
        assert not problem
        assert found
        assert all(one.measure.startswith(f"{label}.") for one in found)


def test_a_method_of_which_nothing_is_expected_rests_on_nothing(audits):
    truthful, informative = audits
    few = [one for one in truthful.spec.expect if one.measure.startswith("occlusion.")]
    narrow = replace(truthful, spec=truthful.spec.model_copy(update={"expect": few}))
    _, problem = assumed_expectations(narrow, informative, about("guided-backprop.auroc"))
    assert problem == "which expects nothing of guided-backprop"


def test_the_same_name_with_other_parameters_is_another_method(audits):
    truthful, informative = audits
    methods = [
        method.model_copy(update={"steps": 8}) if method.label == "integrated-gradients" else method
        for method in truthful.parameters.methods
    ]
    other = replace(
        truthful, parameters=truthful.parameters.model_copy(update={"methods": methods})
    )
    _, problem = assumed_expectations(other, informative, about("integrated-gradients.auroc"))
    assert "other parameters" in problem


def test_a_check_that_only_assumes_rests_on_all_that_blocks(audits):
    truthful, informative = audits
    loose = replace(informative, check=replace(informative.check, rests_on=()))
    found, problem = assumed_expectations(truthful, loose, about("guided-backprop.auroc"))
    assert found == truthful.spec.expect
    assert not problem
