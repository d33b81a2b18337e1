"""An xdist worker that dies: what it had in hand is failed and unjudged, and the next run judges it."""

import pytest

from auditkit.results import read_results

# The worker ends where a segmentation fault, or a lack of memory, would end it: in the middle of an item.
CONFTEST = """\
import os, pathlib, signal, pytest

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    died = pathlib.Path("died")
    if "PYTEST_XDIST_WORKER" in os.environ and item.name.startswith("light.") and not died.exists():
        died.touch()
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_dead_worker_had_in_hand_is_unjudged_and_the_next_run_judges_it(project):
    pytest.importorskip("xdist")
    command = ["audits", "--model", "steady", "--audit-report"]
    project.runpytest(*command, "whole")  # its evidence is there: workers only judge
    (project.path / "conftest.py").write_text(CONFTEST)
    done = project.runpytest_subprocess(*command, "run", "-n", "1")
    done.stdout.fnmatch_lines(["*worker 'gw?' crashed while running 'audits/light.audit.yaml*'*"])
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    whole, results = (
        read_results(project.path / name / "results.json") for name in ("whole", "run")
    )
    (missing,) = results.deviations.deselected
    assert missing.startswith("audits/light.audit.yaml::light.")
    judged = {v.node: v.verdict for v in results.verdicts}
    assert judged | {missing: None} == {v.node: v.verdict for v in whole.verdicts} | {missing: None}
    (release,) = results.release
    assert release.decision != "pass"
    assert (project.path / "run" / "MANIFEST.sha256").is_file()
    project.runpytest(*command, "again")
    after = read_results(project.path / "again" / "results.json")
    assert after.deviations.deselected == []
    assert after.run.evidence["computed"] == 0
    assert after.verdicts == whole.verdicts
