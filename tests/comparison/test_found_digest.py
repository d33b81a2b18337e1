"""The digest of what a run found: blind to how it was executed, and to nothing else."""

import pytest
from finished_runs import audit, auroc_measurement, run, scores, simple, verdict

from auditkit.cli import main
from auditkit.findings import Measurement, Table
from auditkit.results import Release, read_results, table_result
from auditkit.results.digest import LEFT_OUT, found, found_digest
from auditkit.spec.declaration import Measure
from auditkit.stats import median
from auditkit.verdict import Verdict

HOW = {
    "run": {
        "id": "another",
        "seconds": 9.0,
        "command": ["pytest", "-n", "2"],
        "evidence": {"computed": 3, "found": 1},
        "execution": {"engine": "ray"},
    },
    "environment": {"python": "3.13.0", "commit": "def", "platform": "elsewhere"},
    "deviations": {"dirty": True, "reruns": True},
}
FOUND = {
    "a number": ("audits", "measurements", "value", 0.123),
    "a last digit": ("audits", "measurements", "high", 0.9000000000000001),
    "a reason": ("audits", "measurements", "not_evaluable", {"too dark": 1}),
    "what was asked": ("audits", None, "parameters", {"images": 3}),
    "samples": ("audits", None, "samples", None),
    "a verdict": ("verdicts", None, "verdict", Verdict.FAIL),
    "a p-value": ("verdicts", None, "p_adjusted", 0.01),
    "a label": ("data", None, "labels", {"benign": 399}),
    "weights": ("models", None, "weights_sha256", "6" * 64),
    "a decision": ("release", None, "decision", "blocked"),
}
TIMED = {
    "net.seconds": Measure("s", (0.0, 1e9), "", better=None),
    "net.forwards": Measure("inputs", (0.0, 1e9), "", better=None),
}


def read(folder):
    return read_results(folder / "results.json")


@pytest.fixture
def results(tmp_path):
    return read(simple(tmp_path / "run", scores()))


def changed(results, part, inner, field, value):
    """A copy with one field changed."""
    copy = results.model_copy(deep=True)
    (whole,) = getattr(copy, part)
    setattr(getattr(whole, inner)[0] if inner else whole, field, value)
    return copy


def test_the_same_run_again_has_the_same_digest(results, tmp_path):
    again = read(simple(tmp_path / "again", scores()))
    assert found_digest(results) == found_digest(again)


def test_how_it_was_executed_is_not_in_it(results):
    other = results.model_copy(deep=True)
    for part, fields in HOW.items():
        for name, value in fields.items():
            setattr(getattr(other, part), name, value)
    other.language = "de"
    other.models[0].card = "/elsewhere/net.model.yaml"
    other.audits[0].file = other.verdicts[0].file = "/elsewhere/performance.audit.yaml"
    assert other != results
    assert found_digest(other) == found_digest(results)


@pytest.mark.parametrize("change", FOUND.values(), ids=FOUND)
def test_one_change_of_what_was_found_changes_it(results, change):
    assert found_digest(changed(results, *change)) != found_digest(results)


def test_the_order_of_items_does_not_matter(tmp_path):
    values = scores()
    one, two = (verdict(name, "pass") for name in ("roc_auc", "accuracy"))
    folder = tmp_path / "run"
    kept = [audit(folder, [auroc_measurement(values)])]
    digests = {found_digest(read(run(folder, kept, both))) for both in ([one, two], [two, one])}
    assert len(digests) == 1


def timed_run(folder, seconds, forwards=50.0, word="pass"):
    """An audit of efficiency beside one of performance, in one run."""
    found = [
        Measurement(name, {}, median([value] * 9, bounds=(0.0, 1e9)), "unit", (0.0, 1e9), planned=9)
        for name, value in (("net.seconds", seconds), ("net.forwards", forwards))
    ]
    rows = table_result(Table("costs", "Cost", ["seconds"], [[str(seconds)]], ""))
    speed = audit(folder, found, "speed", measures=TIMED, check="efficiency")
    speed = speed.model_copy(update={"tables": [rows], "notes": [f"timed: {seconds}"]})
    p_value = 0.2 if word == "pass" else 0.001
    judged = [
        verdict(
            "net.seconds", word, "speed", value=seconds, reason=f"{seconds} s", p_value=p_value
        ),
        verdict("net.forwards", "pass", "speed", value=forwards, p_value=0.3),
        verdict("roc_auc", "pass", p_value=0.4),
    ]
    decision = "pass" if word == "pass" else "blocked"
    release = [Release(model="net", decision=decision, why=word, counts={word: 1})]
    audits = [audit(folder, [auroc_measurement(scores())]), speed]
    return read(run(folder, audits, judged, release=release))


def test_measured_time_is_not_in_it_nor_what_follows_from_it(tmp_path):
    fast = timed_run(tmp_path / "fast", 0.01)
    slow = timed_run(tmp_path / "slow", 7.0, word="fail")
    assert fast.verdicts[2].p_adjusted != slow.verdicts[2].p_adjusted
    assert found_digest(fast) == found_digest(slow)


def test_counted_passes_are_in_it(tmp_path):
    few, many = (timed_run(tmp_path / str(n), 0.01, n) for n in (50.0, 60.0))
    assert found_digest(few) != found_digest(many)


def test_without_measured_time_adjusted_p_values_are_in_it(results):
    (kept,) = found(results)["verdicts"]
    assert {"p_adjusted", "fault"} <= set(kept)


def test_only_fields_that_exist_are_left_out(results):
    for place, names in LEFT_OUT.items():
        part = type(results)
        for step in filter(None, place.split(".")):
            part = part.model_fields[step].annotation
            part = next((a for a in getattr(part, "__args__", ()) if a is not type(None)), part)
        assert set(names) <= set(part.model_fields), place


def test_the_command_says_whether_runs_found_the_same(results, tmp_path, capsys):
    run_, again = tmp_path / "run", simple(tmp_path / "again", scores())
    assert main(["digest", str(run_), str(again)]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == f"{found_digest(results)}  {run_}"
    assert second.split()[0] == first.split()[0]
    other = simple(tmp_path / "other", scores(worse=0.5))
    assert main(["digest", str(run_), str(other)]) == 1
    assert main(["digest", str(tmp_path / "nowhere")]) == 2
    assert "give the folder of a run" in capsys.readouterr().err
