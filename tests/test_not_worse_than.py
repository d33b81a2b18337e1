"""Expectations against a baseline: the whole interval of the paired difference decides."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditkit.findings import Measurement
from auditkit.spec.audit import Expectation
from auditkit.spec.conditions import condition_problems
from auditkit.spec.declaration import Measure
from auditkit.stats import Choice, Estimate, proportion
from auditkit.stats.paired import Paired
from auditkit.verdict import Against, Verdict, judge, not_worse

EXPECTED = Expectation(measure="roc_auc", not_worse_than="baseline", margin=0.02)


def paired(low, high, affected=0.0, clusters=100):
    def tail(t):
        return (1.0, 0.001) if t > high else (0.001, 1.0) if t < low else (0.4, 0.6)

    found = Estimate((low + high) / 2, low, high, 0.95, 200, clusters, "made up", tail)
    alone = round(affected * 200)
    return Paired(found, 0.8, 0.8 + found.value, 200, alone, 0, affected)


MEASURED = Measurement("roc_auc", {}, proportion([0, 1] * 100), "proportion", (0.0, 1.0), 200)


@pytest.mark.parametrize(
    ("better", "low", "high", "verdict", "p_value"),
    [
        ("higher", -0.01, 0.03, Verdict.PASS, 1.0),
        ("higher", 0.01, 0.03, Verdict.PASS, 1.0),
        ("higher", -0.03, 0.03, Verdict.INCONCLUSIVE, 0.6),
        ("higher", -0.02, 0.03, Verdict.INCONCLUSIVE, 0.6),
        ("higher", -0.09, -0.03, Verdict.FAIL, 0.001),
        ("higher", -0.03, -0.02, Verdict.FAIL, 0.6),
        ("lower", -0.03, 0.01, Verdict.PASS, 1.0),
        ("lower", -0.03, 0.03, Verdict.INCONCLUSIVE, 0.4),
        ("lower", 0.03, 0.09, Verdict.FAIL, 0.001),
    ],
)
def test_the_whole_interval_of_the_difference_decides(better, low, high, verdict, p_value):
    difference = paired(low, high)
    found = judge(EXPECTED, MEASURED, Against(better, difference))
    assert found.verdict is verdict
    assert found.p_value == p_value
    assert found.paired is difference


@given(
    low=st.floats(-0.2, 0.2),
    width=st.floats(0, 0.2),
    affected=st.floats(0, 0.3),
    better=st.sampled_from(["higher", "lower"]),
)
def test_a_pass_survives_whatever_the_unpaired_images_would_have_shown(
    low, width, affected, better
):
    difference = paired(low, low + width, affected)
    if not_worse(difference, better, 0.02, span=1.0).verdict is Verdict.PASS:
        for unseen in (-1.0, 0.0, 1.0):
            for end in (low, low + width):
                whole = (1 - affected) * end + affected * unseen
                assert (whole if better == "higher" else -whole) > -0.02


def test_a_few_unpaired_images_are_borne_by_a_wide_margin_only():
    assert not_worse(paired(0.0, 0.02, 0.01), "higher", 0.02, 1.0).verdict is Verdict.PASS
    found = not_worse(paired(0.0, 0.02, 0.03), "higher", 0.02, 1.0)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "6 images of the earlier run and 0 of this one have no pair" in found.reason
    unbounded = not_worse(paired(0.0, 0.02, 0.01), "higher", 0.02, float("inf"))
    assert unbounded.verdict is Verdict.INCONCLUSIVE


def test_too_few_patients_are_inconclusive():
    expected = EXPECTED.model_copy(update={"min_n": 101})
    assert judge(expected, MEASURED, Against("higher", paired(0, 0.1))).verdict is (
        Verdict.INCONCLUSIVE
    )


def test_without_a_baseline_nothing_passes():
    found = judge(EXPECTED, MEASURED)
    assert found.verdict is Verdict.NOT_RUN
    assert "--audit-baseline RUN" in found.reason
    assert judge(EXPECTED, MEASURED, Against("higher", missing="gone")).verdict is Verdict.NOT_RUN
    assert judge(EXPECTED, MEASURED, Against("higher", reason="one class")).verdict is (
        Verdict.INCONCLUSIVE
    )
    assert judge(EXPECTED, None, Against("higher", paired(0, 0.1))).verdict is Verdict.NOT_RUN
    unfit = Measurement("x", {}, None, "u", (0, 1), 2, applicable=False, reason="no gradients")
    assert judge(EXPECTED, unfit).verdict is Verdict.NOT_APPLICABLE


MEASURES = {
    "auroc": Measure("proportion", (0.0, 1.0), "", better="higher"),
    "change": Measure("score", (-1.0, 1.0), ""),
    "brier": Measure("", (0.0, 1.0), "", better="lower"),
    "worst": Measure("name", (0, 1), "", choices=("hair", "ruler")),
}


@pytest.mark.parametrize(
    ("measure", "margin", "message"),
    [
        ("change", 0.1, "neither more nor less is better"),
        ("worst", 0.1, "is a name"),
        ("auroc", 1.0, "cannot get worse by 1"),
    ],
)
def test_a_spec_that_could_not_be_judged_is_refused(measure, margin, message):
    expected = Expectation(measure=measure, not_worse_than="baseline", margin=margin)
    assert message in condition_problems(expected, MEASURES)[0][1]


@pytest.mark.parametrize("measure", ["auroc", "brier"])
def test_a_measure_with_a_direction_may_be_held_against_a_baseline(measure):
    expected = Expectation(measure=measure, not_worse_than="baseline", margin=0.1)
    assert condition_problems(expected, MEASURES) == []


def test_names_are_never_compared_with_a_margin():
    choice = Choice("hair", ("hair",), {"hair": 1.0}, 10, 10, "made up")
    measured = Measurement("worst", {}, None, "name", (0, 1), 10, choice=choice)
    assert judge(EXPECTED, measured).verdict is Verdict.NOT_RUN
