"""A study counts what happened: rates against hand-made trials, and whole studies of a tiny model."""

import json
from dataclasses import replace

import pytest
from scipy.stats import beta

from auditkit.cli import main
from auditkit.errors import AuditError
from auditkit.proficiency.faults import FAULTS
from auditkit.proficiency.population import Population
from auditkit.proficiency.rates import (
    expectation_result,
    family,
    fault_result,
    rate,
)
from auditkit.proficiency.result import read
from auditkit.proficiency.study import Design, Studied, run
from auditkit.proficiency.trial import Said, Trial, violates
from auditkit.spec.audit import Expectation
from auditkit.verdict import Verdict

BETWEEN = Expectation(measure="m", between=[-0.1, 0.1])
FAIL, PASS, UNCLEAR = Verdict.FAIL, Verdict.PASS, Verdict.INCONCLUSIVE


def one(verdict, truth, fault="pink pictures", strength=1.0, seed=0, p=1.0, at=0):
    said = Said(at, verdict, p, truth, violates(BETWEEN, truth))
    return Trial("a", fault, strength, seed, 10, (said,))


def test_a_rate_has_the_exact_interval():
    found = rate([True] * 7 + [False] * 93)
    assert (found.count, found.n) == (7, 100)
    assert found.low == pytest.approx(beta.ppf(0.025, 7, 94))
    assert found.high == pytest.approx(beta.ppf(0.975, 8, 93))
    assert (rate([]).n, rate([]).low, rate([]).high) == (0, 0.0, 1.0)


def test_the_limit_itself_violates_and_names_have_no_truth():
    assert violates(BETWEEN, 0.1)
    assert not violates(BETWEEN, 0.0999)
    assert violates(BETWEEN, float("nan")) is None
    assert violates(Expectation.model_validate({"measure": "m", "in": ["x"]}), 0.0) is None


def test_an_alarm_is_right_only_where_the_truth_violates():
    trials = [one(FAIL, 0.2), one(UNCLEAR, 0.2), one(PASS, 0.2), one(FAIL, 0.05), one(PASS, 0.05)]
    found = fault_result("pink pictures", trials).strengths[0]
    assert (found.detected.count, found.detected.n) == (1, 3)
    assert (found.inconclusive.count, found.inconclusive.n) == (1, 3)
    assert (found.false_alarms.count, found.false_alarms.n) == (1, 5)
    assert found.violated == [3]
    assert found.truths[0] == pytest.approx(0.14)


def test_a_strength_is_stated_only_if_all_stronger_ones_are_found():
    def some(strength, hits):
        return [one(FAIL if i < hits else UNCLEAR, 0.3, strength=strength) for i in range(200)]

    # The interval of 197 of 200 begins at 0.957, that of 196 at 0.9496.
    assert fault_result("hair", some(1, 197) + some(2, 200)).stated == 1
    assert fault_result("hair", some(1, 197) + some(2, 196)).stated is None
    assert fault_result("hair", some(1, 196) + some(2, 197)).stated == 2


def test_detection_by_true_value_is_counted_outwards_from_each_limit():
    near = [one(UNCLEAR, 0.11 + i * 1e-5) for i in range(200)]
    far = [one(FAIL, 0.3 + i * 1e-5) for i in range(200)]
    below = [one(FAIL, -0.4 - i * 1e-5) for i in range(200)]
    found = expectation_result(0, BETWEEN, near + far + below)
    assert [point.detected.count for point in found.curve] == [200, 0, 200]
    assert [(point.low > 0, round(point.low, 2)) for point in found.detects] == [
        (False, -0.4),
        (True, 0.3),
    ]


def test_a_run_of_clean_models_is_corrected_as_a_release_is():
    def clean(audit, seed, p):
        return Trial(
            audit, "clean", 0.0, seed, 10, (Said(0, FAIL if p < 0.025 else PASS, p, 0.0, False),)
        )

    trials = {
        "a": [clean("a", 0, 0.02), clean("a", 1, 0.001), clean("a", 2, 0.5)],
        "b": [clean("b", 0, 0.9), clean("b", 1, 0.9), clean("b", 2, 0.9)],
    }
    found = family(trials, lambda _audit, _at: True)
    assert (found.alarms.count, found.claimed.count, found.alarms.n) == (2, 1, 3)
    only_b = family(trials, lambda audit, _at: audit == "b")
    assert only_b.alarms.count == 0


@pytest.fixture(scope="module")
def studied(population, audit):
    return [Studied(audit(name), population, 24) for name in ("light", "redrawn")]


SMALL = Design(models=10, clean=20, faults=(FAULTS["pink pictures"], FAULTS["hair"]))


@pytest.fixture(scope="module")
def found(studied):
    return run(studied, SMALL)


def test_a_total_fault_is_found_and_a_model_that_ignores_it_is_not_accused(found):
    light, redrawn = found.audits
    pink = redrawn.faults[0]
    assert pink.fault == "pink pictures"
    assert pink.strengths[-1].detected.count == pink.strengths[-1].detected.n == 10
    assert pink.strengths[-1].truths[0] > 0.5
    hair = redrawn.faults[1]
    assert hair.strengths[-1].violated == [0]
    assert hair.strengths[-1].detected.n == 0
    assert light.images == 24
    assert light.patients == 12
    assert found.family.audits == ["light", "redrawn"]
    assert found.family.alarms.n == 20


def test_marks_and_compression_are_found_each_by_its_own_expectation(population, audit):
    faults = [FAULTS["marked pictures"], FAULTS["compressed pictures"]]
    found = run([Studied(audit("stored"), population, 24)], Design(10, 10, 0, faults))
    marked, compressed = (fault.strengths[-1] for fault in found.audits[0].faults)
    assert marked.violated == [0, 10]
    assert compressed.violated[0] == 10
    for one in (marked, compressed):
        assert one.detected.count == one.detected.n == 10
    assert found.audits[0].clean.n == 10


def test_the_number_of_processes_changes_nothing(studied, found):
    two = run(studied, Design(models=10, clean=20, faults=SMALL.faults, workers=2))
    assert two == found


def test_fresh_seeds_are_other_samples_of_other_models(studied, found):
    fresh = run(studied[1:], Design(10, 10, 1000, SMALL.faults[:1]))
    assert (
        fresh.audits[0].faults[0].strengths[5].truths
        != found.audits[1].faults[0].strengths[5].truths
    )


def test_what_is_not_composed_is_told_and_alone_refused(studied, population, audit):
    heat = Studied(audit("heat"), population, 24)
    found = run([studied[0], heat], Design(10, 10, 0, SMALL.faults[:1]))
    assert list(found.not_composed) == ["heat"]
    assert "heatmaps (gradient) are not composed" in found.not_composed["heat"]
    with pytest.raises(AuditError, match="no audit can be studied"):
        run([heat], SMALL)


def test_a_fault_that_the_data_know_nothing_of_is_refused_where_it_is_asked_for(population, audit):
    bare = Population(population.evidence)
    bare.attributes = []
    studied = [Studied(audit("redrawn"), bare, 24)]
    with pytest.raises(
        AuditError, match=r"'freckled skin' cannot be planted: .* 'background_spots' .*leave it out"
    ):
        run(studied, Design(1, 1, 0, [FAULTS["freckled skin"], FAULTS["hair"]]))
    unknown = replace(FAULTS["dark skin unknown"], group=("site", "B"))
    with pytest.raises(AuditError, match=r"no data set of these audits knows the 'site'"):
        run(studied, Design(1, 1, 0, [unknown]))


def test_a_model_that_reads_nothing_but_a_corner_looks_past_the_lesion(population, audit):
    names = ("marked pictures", "pale lesions")
    only = [replace(FAULTS[name], strengths=(1000.0,)) for name in names]
    both = [Studied(audit(name), population, 24) for name in ("looks", "redrawn")]
    found, other = run(both, Design(10, 10, 0, [*only, FAULTS["freckled skin"]])).audits
    assert len(other.faults) == 3
    corner, lesion = found.faults  # what a generator drew cannot be covered
    assert corner.strengths[0].truths[0] < 0.1
    assert lesion.strengths[0].truths[0] > 0.3
    assert found.clean.n == 10
    # The method that nothing is expected of is left out, the settings are those of the audit.
    assert len(found.parameters["methods"]) == 2


COMMAND = ["proficiency", "audits/light.audit.yaml", "--model", "random", "--device", "cpu"]


def test_the_command_says_what_is_found_and_writes_all_of_it(project, monkeypatch, capsys):
    monkeypatch.chdir(project)
    small = ["--models", "10", "--clean", "10", "--fault", "pink pictures", "--workers", "1"]
    assert (
        main([*COMMAND, *small, "--images", "12,24", "--out", "out/p.json", "--store", "store"])
        == 0
    )
    said = capsys.readouterr().out
    assert "light (colour-shift), 12 images of about 6 patients" in said
    assert "light (colour-shift), 24 images of about 12 patients" in said
    assert "no fault: false alarms" in said
    found = read(project / "out" / "p.json")
    assert [one.images for one in found.audits] == [12, 24]
    assert found.family is None
    assert json.loads((project / "out" / "p.json").read_text())["version"] == "1.0"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--fault", "hairs"], "--fault: unknown fault 'hairs'; did you mean 'hair'"),
        (["--population", "lesions"], "--population lesions: DATA=NAME was expected"),
        (["--population", "x=lesions"], "--population x: no audit is of it"),
        (["--seed", "-1"], "--seed -1: a number from 0"),
        (["--models", "0"], "--models"),
    ],
)
def test_bad_options_are_told_with_status_2(project, monkeypatch, capsys, options, message):
    monkeypatch.chdir(project)
    assert main([*COMMAND, *options]) == 2
    assert message in capsys.readouterr().err


def test_a_file_that_is_no_study_is_refused(tmp_path):
    (tmp_path / "x.json").write_text('{"version": "1.0"}')
    with pytest.raises(AuditError, match=r"x\.json is no result of `auditkit proficiency"):
        read(tmp_path / "x.json")
    with pytest.raises(AuditError, match="cannot be read"):
        read(tmp_path / "none.json")
