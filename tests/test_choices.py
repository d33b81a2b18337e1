"""Measures that are a name: expected among names, judged by the candidates that cannot be excluded."""

import json
from dataclasses import replace

import jsonschema
import pytest
from pydantic import ValidationError

from auditkit.errors import AuditError
from auditkit.findings import Measurement
from auditkit.plugin.judging import junit_properties, verdict_result
from auditkit.plugin.measured import VIOLATED, Inconclusive, Measured
from auditkit.results import ChoiceResult, measurement_result, results_schema
from auditkit.spec.audit import AuditSpec, Expectation
from auditkit.spec.conditions import condition_problems
from auditkit.spec.declaration import Measure
from auditkit.spec.strict_yaml import read_yaml
from auditkit.spec.typed import typed
from auditkit.stats import Choice, mean
from auditkit.verdict import Verdict, judge

CHOICES = ("hair", "pink tint", "ruler")
MEASURES = {
    "top_concept": Measure("concept", (0.0, 0.0), "The most important one.", choices=CHOICES),
    "importance": Measure("AUROC", (-1.0, 1.0), "How much is lost."),
}


def top(*candidates, missing=0, clusters=80, affected=None):
    p_values = {"hair": 0.001, "pink tint": 0.01, "ruler": 0.02} | dict.fromkeys(candidates, 0.2)
    p_values[candidates[0]] = 1.0
    choice = Choice(candidates[0], candidates, p_values, 100, clusters, "made up")
    skipped = {"not finite": missing} if missing else {}
    return Measurement(
        "top_concept", {}, None, "concept", (0, 0), 100, skipped, affected=affected, choice=choice
    )


def among(*names, **more):
    return Expectation.model_validate({"measure": "top_concept", "in": list(names), **more})


@pytest.mark.parametrize(
    ("expected", "candidates", "verdict"),
    [
        (["pink tint"], ["pink tint"], Verdict.PASS),
        (["pink tint", "ruler"], ["pink tint"], Verdict.PASS),
        (["pink tint", "ruler"], ["ruler", "pink tint"], Verdict.PASS),
        (["pink tint"], ["pink tint", "ruler"], Verdict.INCONCLUSIVE),
        (["pink tint"], ["ruler", "pink tint"], Verdict.INCONCLUSIVE),
        (["pink tint"], ["ruler"], Verdict.FAIL),
        (["pink tint"], ["ruler", "hair"], Verdict.FAIL),
    ],
)
def test_the_candidates_decide(expected, candidates, verdict):
    found = judge(among(*expected), top(*candidates))
    assert found.verdict is verdict
    assert candidates[0] in found.reason
    assert f"expected in [{', '.join(expected)}]" in found.reason


def test_the_p_value_of_a_violation_is_that_of_the_most_possible_expected_name():
    assert judge(among("hair", "pink tint"), top("ruler")).p_value == 0.01
    assert judge(among("hair", "pink tint"), top("pink tint")).p_value == 1.0
    # A fault can be claimed exactly where none of the expected names is a candidate.
    assert judge(among("hair"), top("ruler", "pink tint")).p_value <= 0.025
    unknown = judge(among("nothing known of it"), top("ruler"))
    assert (unknown.verdict, unknown.p_value) == (Verdict.FAIL, 1.0)


def test_too_few_patients_are_inconclusive():
    found = judge(among("ruler", min_n=81), top("ruler"))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "80 independent units, at least 81" in found.reason


def test_a_pass_survives_images_that_could_not_be_evaluated():
    found = judge(among("ruler"), top("ruler", missing=3))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "3 of 100 images could not be evaluated" in found.reason
    assert judge(among("ruler"), top("ruler", missing=3, affected=0.0)).verdict is Verdict.PASS
    assert judge(among("hair"), top("ruler", missing=3)).verdict is Verdict.FAIL


def test_nothing_chosen_is_never_a_pass():
    nothing = replace(top("ruler"), choice=None, reason="one class only")
    found = judge(among("ruler"), nothing)
    assert (found.verdict, found.reason) == (Verdict.INCONCLUSIVE, "one class only")
    inapplicable = replace(top("ruler"), applicable=False, reason="no score")
    assert judge(among("ruler"), inapplicable).verdict is Verdict.NOT_APPLICABLE
    assert judge(among("ruler"), None).verdict is Verdict.NOT_RUN


def test_a_limit_of_a_name_and_names_of_a_number_are_errors():
    with pytest.raises(AuditError, match="is a name"):
        judge(Expectation(measure="top_concept", below=0.5), top("ruler"))
    number = replace(top("ruler"), choice=None, estimate=mean([0.1, 0.2, 0.3]))
    with pytest.raises(AuditError, match="is a number"):
        judge(among("ruler"), number)


@pytest.mark.parametrize(
    ("given", "key", "message"),
    [
        (
            {"measure": "top_concept", "in": ["rulers"]},
            "in",
            "cannot be 'rulers'; did you mean 'ruler'?",
        ),
        (
            {"measure": "top_concept", "in": list(CHOICES)},
            "in",
            "always holds, so it tests nothing",
        ),
        ({"measure": "top_concept", "below": 0.5}, "measure", "use in: [...] with some of hair"),
        (
            {"measure": "importance", "in": ["ruler"]},
            "in",
            "use above, below or between ('in' is for top_concept)",
        ),
        ({"measure": "importance", "below": -1}, "measure", "can never hold"),
        ({"measure": "importance", "below": 2}, "measure", "lies between -1 and 1"),
    ],
)
def test_a_condition_that_does_not_suit_its_measure_is_a_problem(given, key, message):
    ((where, what),) = condition_problems(Expectation.model_validate(given), MEASURES)
    assert where == key
    assert message in what


def test_a_condition_that_suits_its_measure_is_none():
    assert condition_problems(among("ruler", "hair"), MEASURES) == []
    assert condition_problems(Expectation(measure="importance", below=0.02), MEASURES) == []


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"in": ["a"], "below": 1.0}, "got below and in"),
        ({}, "'above', 'below', 'between', 'in', 'not_worse_than' is expected, got none"),
        ({"in": ["a", "a"]}, "each name was expected once"),
        ({"in": []}, "at least 1 item"),
        ({"in": [1]}, "valid string"),
    ],
)
def test_names_are_given_once_and_alone(more, message):
    with pytest.raises(ValidationError, match=message):
        Expectation.model_validate({"measure": "top_concept", **more})


def test_in_stands_in_a_spec(tmp_path):
    path = tmp_path / "x.audit.yaml"
    path.write_text(
        "audit: a\ncheck: depict\ndata: d\nexpect:\n  - {measure: top_concept, in: [pink tint]}\n"
    )
    (expectation,) = typed(read_yaml(path), AuditSpec).expect
    assert expectation.in_ == ["pink tint"]
    assert expectation.wording == "in [pink tint]"
    assert expectation.key == "top_concept"


def test_results_hold_the_choice_and_no_number():
    found = measurement_result(top("ruler", "hair"))
    assert (found.value, found.low, found.high, found.level) == (None, None, None, None)
    assert (found.n, found.clusters, found.method) == (100, 80, "made up")
    assert found.choice == ChoiceResult(
        value="ruler",
        candidates=["ruler", "hair"],
        p_values={"hair": 0.2, "pink tint": 0.01, "ruler": 1.0},
    )
    schema = {**results_schema(), "$ref": "#/$defs/MeasurementResult"}
    whole = {key: schema[key] for key in ("$defs", "$ref")}
    jsonschema.validate(json.loads(found.model_dump_json()), whole)


def result_of(expectation, measurement):
    return verdict_result(
        node="a",
        audit="a",
        model="m",
        expectation=expectation,
        at={},
        judgement=judge(expectation, measurement),
        measurement=measurement,
        file="f",
        line=1,
    )


def test_a_verdict_on_a_name_has_its_images_and_its_reason():
    verdict = result_of(among("hair"), top("ruler"))
    assert (verdict.value, verdict.n, verdict.expected) == (None, 100, "in [hair]")
    properties = dict(junit_properties(verdict))
    assert properties["audit.expected"] == "in [hair]"
    assert "audit.estimate" not in properties


@pytest.fixture
def measured():
    kept = []
    return Measured(top("ruler", "hair"), lambda *record: kept.append(record[-1].verdict)), kept


def test_a_test_asks_whether_a_name_is_among_some(measured):
    value, kept = measured
    assert value.among("ruler", "hair")
    assert not value.among("pink tint")
    with pytest.raises(Inconclusive, match=r"not excluded: hair.*expected in \[ruler\]"):
        value.among("ruler")
    assert kept == [Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE]
    assert repr(value).startswith("ruler, not excluded: ruler, hair, n = 100 images of 80 patients")
    # What a failed assert shows decides which comparison ended the test.
    assert repr(value.among("pink tint")) == f"top_concept in [pink tint] {VIOLATED}"


def test_other_comparisons_of_names_say_what_to_ask(measured):
    value, kept = measured
    for compare in (
        lambda: value < 0.5,
        lambda: value == "ruler",
        lambda: value in ["ruler", "hair"],
        lambda: bool(value),
    ):
        with pytest.raises(TypeError, match=r"top_concept is a name .* ask \.among"):
            compare()
    with pytest.raises(TypeError, match="cannot be 'rulers'; did you mean 'ruler'"):
        value.among("rulers")
    number = replace(top("ruler"), choice=None, estimate=mean([0.1, 0.2, 0.3]))
    with pytest.raises(TypeError, match="is a number"):
        Measured(number, lambda *_: None).among("ruler")
    assert kept == []
