"""What studies say stands beside verdicts: only where check, parameters, limits and sample are theirs."""

from pathlib import Path

import pytest

from auditkit.proficiency.known import known, shipped, studies
from auditkit.proficiency.result import (
    AtTruth,
    AuditResult,
    ExpectationResult,
    Proficiency,
    rate_of,
)
from auditkit.spec.audit import Expectation
from auditkit.spec.catalogue import catalogue
from auditkit.spec.load import load_audit

BELOW = Expectation(measure="m", at={"radius": 5}, below=0.1)


def study(**changes):
    point = AtTruth(low=0.2, high=0.3, detected=rate_of(195, 200))
    expectation = ExpectationResult(
        measure="m",
        at={"radius": 5.0},
        expected=BELOW.wording,
        severity="blocking",
        false_alarms=rate_of(2, 400),
        curve=[point],
        detects=[point],
    )
    audit = AuditResult(
        audit="a",
        check="c",
        data="pool",
        population=100,
        parameters={"radius": [5.0], "images": 50},
        images=50,
        patients=25.4,
        clean=rate_of(2, 400),
        clean_inconclusive=rate_of(0, 400),
        faults=[],
        expectations=[expectation],
    ).model_copy(update=changes)
    return Proficiency(
        auditkit="1",
        model="m1",
        first_seed=0,
        models=200,
        audits=[audit],
        family=None,
        not_composed={},
    )


def asked(found, images=50, check="c", radius=5.0, expectation=BELOW):
    return known([found], check, {"radius": [radius], "images": 80}, expectation, images)


def test_the_smallest_true_value_that_is_found_and_the_false_alarms_are_told():
    told = asked(study())
    assert told.detects[0].value == 0.2
    assert (told.detects[0].rate.count, told.detects[0].rate.n) == (195, 200)
    assert (told.false_alarms.count, told.false_alarms.n) == (2, 400)
    assert (told.images, told.patients, told.data, told.model) == (50, 25, "pool", "m1")
    assert asked(study(), images=51) is not None


@pytest.mark.parametrize(
    "changed",
    [
        {"images": 49},
        {"check": "other"},
        {"radius": 6.0},
        {"expectation": BELOW.model_copy(update={"below": 0.2})},
        {"expectation": BELOW.model_copy(update={"at": {"radius": 6}})},
        {"expectation": BELOW.model_copy(update={"measure": "n"})},
    ],
)
def test_other_settings_are_not_known(changed):
    assert asked(study(), **changed) is None


def test_the_shipped_study_is_of_the_shipped_audits_as_they_are_now():
    cards = catalogue([Path("fixtures")])
    for one in shipped().audits:
        audit = load_audit(Path(f"audits/dermoscopy/{one.audit}.audit.yaml"), cards)
        parameters = audit.parameters.model_dump(mode="json")
        for expectation in audit.spec.expect:
            if expectation.in_ is None:
                found = known([shipped()], audit.check.name, parameters, expectation, one.images)
                assert found is not None, f"{one.audit}: {expectation.measure}: run the study again"
                assert found.false_alarms.n


def test_a_study_s_path_is_kept(tmp_path):
    (tmp_path / "s.json").write_text(study().model_dump_json())
    assert studies(tmp_path / "s.json")[0] == study()
    assert studies(None) == [shipped()]
