"""Costs that are given become medians, tables and notes."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from pydantic import ValidationError

from auditkit.checks.efficiency import NO_ERROR, NOTHING, efficiency
from auditkit.evidence.efficiency import Costs
from auditkit.findings import Measurement
from auditkit.results import figure_result, measurement_result
from auditkit.spec.audit import Expectation
from auditkit.spec.declarations import SHIPPED
from auditkit.spec.declarations.efficiency import Efficiency
from auditkit.verdict import Verdict, judge

from .planted import Planted

MACHINE = {
    "system": "Linux x86_64",
    "processor": "Fast 9000",
    "cores": "8",
    "torch": "2.9",
    "device": "cpu",
}
N = 8


@dataclass
class Costed(Planted):
    """Evidence with the costs of each method."""

    known: dict = field(default_factory=dict)
    plans: list = field(default_factory=list)

    def costs(self, method, plan):
        self.plans.append(plan)
        return self.known[method.label, plan.batch]


def costs(seconds, *, error=None, waited=0.0, **changes):
    values = seconds * np.array([1.0, 0.9, 1.1, 1.0, 1.2, 0.8, 1.0, 1.0])
    many = {"forwards": 100.0, "backwards": 50.0, "memory": 3 * 2.0**20} | changes
    fixed = (np.full(N, many[name]) for name in ("forwards", "backwards", "memory"))
    return Costs(values, *fixed, error, np.full(N, waited), MACHINE)


def evidence(known, **changes):
    return Costed(np.zeros(N, int), np.full(N, 0.5), known=known, **changes)


def declared(parameters, findings):
    measures = SHIPPED["efficiency"].measures(parameters)
    places = {(m.name, m.at["batch"]) for m in findings.measurements}
    assert places == {(name, float(batch)) for name in measures for batch in parameters.batch}


def test_every_part_is_a_median_over_images():
    known = {("gradient", 1): costs(0.2, error=np.full(N, 0.05))}
    parameters = Efficiency(methods=["gradient"])
    found = evidence(known)
    findings = efficiency(found, parameters)
    declared(parameters, findings)
    value = {m.name: m.estimate.value for m in findings.measurements}
    assert value == pytest.approx(
        {
            "gradient.seconds": 0.2,
            "gradient.forwards": 100,
            "gradient.backwards": 50,
            "gradient.peak_memory": 3,
            "gradient.error": 0.05,
        }
    )
    seconds = findings["gradient.seconds"].estimate
    assert (seconds.low, seconds.high, seconds.n) == (pytest.approx(0.16), pytest.approx(0.24), N)
    (plan,) = found.plans
    assert (plan.batch, plan.repeats, plan.warm_up, plan.threads) == (1, 3, 2, 1)


def test_method_without_an_error_has_none_to_be_judged():
    findings = efficiency(evidence({("gradcam", 1): costs(1)}), Efficiency(methods=["gradcam"]))
    found = findings["gradcam.error"]
    assert (found.applicable, found.reason) == (False, NO_ERROR)
    row = findings.tables[0].rows[0]
    assert row[-1] == "not applicable"
    assert row[2:4] == ["8", "1 [0.8, 1.2]"]


def test_errors_that_are_no_share_of_anything_are_counted():
    error = np.array([0.1] * 6 + [np.inf] * 2)
    known = {("gradcam", 1): costs(1, error=error)}
    findings = efficiency(evidence(known), Efficiency(methods=["gradcam"]))
    found = findings["gradcam.error"]
    assert found.not_evaluable == {NOTHING: 2}
    assert (found.estimate.n, found.estimate.value) == (6, pytest.approx(0.1))
    known["gradcam", 1] = replace(known["gradcam", 1], error=np.full(N, np.inf))
    findings = efficiency(evidence(known), Efficiency(methods=["gradcam"]))
    assert findings["gradcam.error"].estimate is None
    assert findings["gradcam.error"].reason == NOTHING


def test_batches_are_told_apart_and_methods_ordered_by_time():
    known = {
        ("gradcam", 1): costs(2),
        ("gradcam", 16): costs(0.5),
        ("gradient", 1): costs(1),
        ("gradient", 16): costs(0.7),
    }
    parameters = Efficiency(methods=["gradcam", "gradient"], batch=[1, 16])
    findings = efficiency(evidence(known), parameters)
    declared(parameters, findings)
    assert findings.find("gradcam.seconds", {"batch": 16}).estimate.value == pytest.approx(0.5)
    assert [row[:2] for row in findings.tables[0].rows] == [
        ["1", "gradient"],
        ["1", "gradcam"],
        ["16", "gradcam"],
        ["16", "gradient"],
    ]
    one, many = findings.figures
    assert (one.labels, many.labels) == (["gradient", "gradcam"], ["gradcam", "gradient"])
    assert "one image at a time" in one.title
    assert "16 images" in many.title


def test_method_that_cannot_be_asked_is_not_applicable_and_never_timed():
    found = evidence({("gradient", 1): costs(1)}, unfit={"gradcam": "no layer"})
    parameters = Efficiency(methods=["gradcam", "gradient"])
    findings = efficiency(found, parameters)
    declared(parameters, findings)
    assert not findings["gradcam.seconds"].applicable
    assert findings["gradient.seconds"].applicable
    assert len(found.plans) == 1
    assert findings.figures[0].labels == ["gradient"]


def test_report_says_on_what_it_was_timed_and_whether_the_machine_was_busy():
    known = {("gradcam", 1): costs(1, waited=0.4), ("gradient", 1): costs(1)}
    findings = efficiency(evidence(known), Efficiency(methods=["gradcam", "gradient"]))
    timed, busy = findings.notes
    assert "Fast 9000" in timed
    assert "1 thread" in timed
    assert "busy" in busy
    assert "gradcam" in busy
    assert "gradient" not in busy


def judged(measurement: Measurement, **limits):
    expectation = Expectation(measure=measurement.name, at={"batch": 1}, **limits)
    return judge(expectation, measurement).verdict


def test_seconds_are_judged_though_nothing_bounds_them():
    findings = efficiency(evidence({("gradcam", 1): costs(1)}), Efficiency(methods=["gradcam"]))
    found = findings["gradcam.seconds"]
    assert judged(found, below=2.0) is Verdict.PASS
    assert judged(found, below=0.5) is Verdict.FAIL
    assert judged(found, below=1.1) is Verdict.INCONCLUSIVE
    assert judged(found, between=[0.0, 2.0]) is Verdict.PASS


def test_few_images_set_no_upper_limit_and_no_infinity_reaches_the_results():
    known = {("gradcam", 1): costs(1)}
    known["gradcam", 1] = replace(known["gradcam", 1], seconds=np.array([1.0, 2.0]))
    found = efficiency(evidence(known), Efficiency(methods=["gradcam"], images=2))
    seconds = found["gradcam.seconds"]
    assert judged(seconds, below=100.0) is Verdict.INCONCLUSIVE
    result = measurement_result(seconds)
    assert (result.value, result.low, result.high) == (1.5, 0.0, None)
    assert figure_result(found.figures[0]).series[0].high == [None]


def test_missing_error_makes_a_pass_inconclusive_since_it_may_be_anything():
    error = np.array([0.1] * 7 + [np.inf])
    findings = efficiency(
        evidence({("gradcam", 1): costs(1, error=error)}), Efficiency(methods=["gradcam"])
    )
    assert judged(findings["gradcam.error"], below=0.5) is Verdict.INCONCLUSIVE
    assert judged(findings["gradcam.error"], above=0.01) is Verdict.INCONCLUSIVE


def test_batch_sizes_are_named_once():
    with pytest.raises(ValidationError, match="named twice"):
        Efficiency(methods=["gradcam"], batch=[4, 4])
