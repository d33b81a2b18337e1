"""What a user sees of a run: outcomes, exit statuses, selection, files."""

import json
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET

import pytest


def results_of(project):
    # Two runs in one second have names that tell nothing of their order.
    reports = (project.path / "reports").iterdir()
    folder = max(reports, key=lambda path: path.stat().st_mtime_ns)
    return folder, json.loads((folder / "results.json").read_text())


def test_a_run_prints_a_verdict_per_expectation_and_writes_three_files(project):
    run = project.runpytest("audits", "--model", "steady")
    run.assert_outcomes(passed=3, failed=1)
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    run.stdout.fnmatch_lines(
        [
            "*audit of steady*",
            "pass * counts: sensitivity *1 [[]*, 1[]], expected above 0.3",
            "fail * counts: specificity *0 [[]0, *[]], expected above 0.5",
            "pass * light: pink.mean_change at radius 5*expected between -0.3 and 0.3",
            "1 spec belongs to other tasks (1 imagenet) and was not planned",
            "release blocked: steady: counts: specificity fails*",
            "report: reports/*/report.html*",
        ]
    )
    folder, results = results_of(project)
    assert {"results.json", "junit.xml", "report.html"} <= {f.name for f in folder.iterdir()}
    assert [release["decision"] for release in results["release"]] == ["blocked"]
    assert len(results["verdicts"]) == 4
    assert results["deviations"]["other_tasks"] == {"imagenet": 1}


def test_junit_is_pytests_own_with_flat_properties(project):
    project.runpytest("audits", "--model", "steady")
    folder, _ = results_of(project)
    cases = ET.parse(folder / "junit.xml").getroot().iter("testcase")
    found = {
        case.get("name"): {p.get("name"): p.get("value") for p in case.iter("property")}
        for case in cases
    }
    assert found["counts.sensitivity[steady]"]["audit.verdict"] == "pass"
    assert found["counts.specificity[steady]"]["audit.n"].isdecimal()


def test_a_users_own_junit_file_is_respected(project):
    project.runpytest("audits", "--model", "steady", "--junitxml", "mine.xml")
    assert (project.path / "mine.xml").exists()
    folder, _ = results_of(project)
    assert (folder / "junit.xml").read_bytes() == (project.path / "mine.xml").read_bytes()


def test_passing_selection_has_exit_status_0_and_says_that_it_is_partial(project):
    run = project.runpytest("audits", "--model", "steady", "-k", "sensitivity")
    run.assert_outcomes(passed=1, deselected=3)
    assert run.ret == pytest.ExitCode.OK
    run.stdout.fnmatch_lines(
        [
            "PARTIAL: 1 of 4 planned items were judged",
            "release not decided: steady: 3 of 4 planned items were not judged*",
        ]
    )


def test_last_failed_runs_only_what_failed(project):
    project.runpytest("audits", "--model", "steady")
    run = project.runpytest("audits", "--model", "steady", "--lf")
    run.assert_outcomes(failed=1)


def test_exitfirst_stops_and_the_rest_is_listed(project):
    run = project.runpytest("audits", "--model", "steady", "-x")
    run.assert_outcomes(passed=1, failed=1)
    _, results = results_of(project)
    assert len(results["deviations"]["deselected"]) == 2


def test_no_items_has_exit_status_5(project):
    run = project.runpytest("audits/other.audit.yaml", "--model", "steady")
    assert run.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    run.stdout.fnmatch_lines(["1 spec belongs to other tasks (1 imagenet)*"])


def test_unknown_model_is_a_usage_error_with_the_nearest_name(project):
    run = project.runpytest("audits", "--model", "stedy")
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines(["*unknown model 'stedy'; did you mean 'steady'?*"])


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--audit-device=gpu", "*--audit-device gpu: *"),
        ("--audit-precision=fp8", "*--audit-precision fp8: *"),
        ("--audit-batch-size=0", "*'auto' or a number from 1 was expected*"),
        ("--audit-report=cards/steady.model.yaml/x", "*cannot be written*"),
    ],
)
def test_bad_options_are_usage_errors(project, option, message):
    run = project.runpytest("audits", "--model", "steady", option)
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines([message])


def test_specs_without_a_model_are_a_collection_error(project):
    run = project.runpytest("audits")
    assert run.ret == pytest.ExitCode.INTERRUPTED
    run.stdout.fnmatch_lines(["*no model to audit was named; add --model NAME (known: *steady*"])


def test_ordinary_tests_are_left_alone(pytester):
    pytester.makepyfile("def test_one(): pass")
    run = pytester.runpytest()
    run.assert_outcomes(passed=1)
    assert not (pytester.path / "reports").exists()
    run.stdout.no_fnmatch_line("*audit*report*")


def test_model_option_can_be_left_to_another_plugin(project, monkeypatch):
    monkeypatch.setenv("AUDITKIT_NO_MODEL_ALIAS", "1")
    project.makeconftest("def pytest_addoption(parser): parser.addoption('--model')")
    run = project.runpytest("audits", "--audit-model", "steady", "-k", "sensitivity")
    run.assert_outcomes(passed=1, deselected=3)


def test_what_raises_is_an_error_and_blocks(project):
    run = project.runpytest("audits/light.audit.yaml", "--model", "nan")
    run.assert_outcomes(errors=1)
    run.stdout.fnmatch_lines(["*model 'nan' answered NaN or infinity*", "release blocked: nan*"])


def test_release_mode_refuses_a_partial_run_before_it_begins(project):
    run = project.runpytest("audits", "--model", "steady", "--audit-release", "-k", "sensitivity")
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines(["*refuses a partial audit*"])


def test_release_mode_refuses_stand_ins_though_everything_passes(project):
    card = project.path / "cards" / "steady.model.yaml"
    card.write_text(card.read_text() + "stand_in: not the real thing\n")
    (project.path / "audits" / "counts.audit.yaml").unlink()
    run = project.runpytest("audits", "--model", "steady", "--audit-release")
    run.assert_outcomes(passed=1)
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    run.stdout.fnmatch_lines(
        ["release blocked: steady: Release mode refuses this run: *stand-ins (steady)*"]
    )


def test_two_models_are_judged_side_by_side(project):
    run = project.runpytest("audits", "--model", "steady", "--model", "random", "-q")
    assert "counts.sensitivity[random]" in str(
        [v["node"] for v in results_of(project)[1]["verdicts"]]
    )
    assert len(results_of(project)[1]["release"]) == 2
    assert run.ret == pytest.ExitCode.TESTS_FAILED


def test_failures_point_at_the_expectations_line(project):
    run = project.runpytest("audits/counts.audit.yaml", "--model", "steady")
    run.stdout.fnmatch_lines(["counts.audit.yaml:6: counts"])


def without_times(found):
    folder, results = found
    for key in ("id", "started", "finished", "seconds", "command", "evidence"):
        results["run"].pop(key)
    # Of a run inside this process: what other tests have left, if torch is loaded at all.
    results["environment"].pop("determinism")
    # The list also says where the store is.
    results["evidence"] = json.loads((folder / "evidence.json").read_text())["shards"]
    return results


def test_workers_give_the_same_results(project):
    pytest.importorskip("xdist")
    # Processes of their own: what else was imported here would stand in the record.
    project.runpytest_subprocess("audits", "--model", "random", "--audit-store", "one")
    alone = results_of(project)
    run = project.runpytest_subprocess(
        "audits", "--model", "random", "--audit-store", "two", "-n", "2"
    )
    together = results_of(project)
    assert without_times(alone) == without_times(together)
    run.stdout.fnmatch_lines(["release blocked: random*"])


def test_other_batch_sizes_agree(project):
    project.runpytest("audits", "--model", "random", "--audit-store", "one")
    usual = results_of(project)[1]
    project.runpytest(
        "audits", "--model", "random", "--audit-store", "two", "--audit-batch-size", "3"
    )
    other = results_of(project)[1]
    for a, b in zip(usual["verdicts"], other["verdicts"], strict=True):
        assert a["verdict"] == b["verdict"]
        assert a["value"] == pytest.approx(b["value"], abs=1e-5)


def test_a_second_run_recomputes_nothing_and_needs_no_torch(project):
    project.runpytest("audits", "--model", "steady")
    script = (
        "import sys, pytest\n"
        "status = pytest.main(['audits', '--model', 'steady', '-q'])\n"
        "assert 'torch' not in sys.modules, 'torch was imported'\n"
        "sys.exit(int(status))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=project.path, capture_output=True, text=True
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert results_of(project)[1]["run"]["evidence"]["computed"] == 0


def test_collection_and_validation_import_no_torch_and_no_numpy(project):
    for command in (
        "pytest.main(['audits', '--model', 'steady', '--collect-only', '-q'])",
        "auditkit.cli.main(['validate', 'audits', '--cards', 'cards'])",
    ):
        script = (
            f"import sys, pytest, auditkit.cli\nstatus = {command}\n"
            "assert not {'torch', 'numpy', 'scipy'} & set(sys.modules), 'heavy import'\n"
            "sys.exit(int(status))\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=project.path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_an_interrupted_run_goes_on_where_it_stopped(project):
    project.runpytest("audits", "--model", "random", "--audit-store", "whole")
    whole = results_of(project)
    store = project.path / ".auditkit" / "store"
    shutil.copytree(project.path / "whole", store)
    shards = sorted(store.rglob("*.json"))
    shards[0].unlink()  # killed between the arrays and their sidecar
    project.runpytest("audits", "--model", "random")
    resumed = results_of(project)
    assert resumed[1]["run"]["evidence"]["computed"] == 1
    assert without_times(whole) == without_times(resumed)


def test_a_killed_run_is_resumed_and_gives_the_same_results(project):
    project.runpytest("audits", "--model", "random", "--audit-store", "whole")
    whole = results_of(project)
    command = [sys.executable, "-m", "pytest", "audits", "--model", "random"]
    killed = subprocess.Popen(command, cwd=project.path, stdout=subprocess.DEVNULL)
    store = project.path / ".auditkit" / "store"
    while killed.poll() is None and not list(store.rglob("*.json")):
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    kept = len(list(store.rglob("*.json")))
    project.runpytest("audits", "--model", "random")
    resumed = results_of(project)
    assert kept >= 1
    assert resumed[1]["run"]["evidence"]["found"] >= kept
    assert without_times(whole) == without_times(resumed)


def test_marks_that_would_decide_in_place_of_the_verdict_are_refused(project):
    spec = project.path / "audits" / "counts.audit.yaml"
    for mark in ("xfail", "skip"):
        spec.write_text(
            spec.read_text().replace("data: lesions", f"data: lesions\nmarks: [{mark}]")
        )
        run = project.runpytest("audits/counts.audit.yaml", "--model", "steady")
        assert run.ret == pytest.ExitCode.INTERRUPTED
        run.stdout.fnmatch_lines([f"*mark '{mark}' would decide in place of the verdict*"])
        spec.write_text(spec.read_text().replace(f"marks: [{mark}]\n", ""))


def test_data_can_be_replaced_and_a_replacement_without_effect_is_refused(project):
    cards = project.path / "cards"
    text = (cards / "lesions.data.yaml").read_text()
    (cards / "more.data.yaml").write_text(text.replace("lesions", "more").replace("24", "30"))
    project.runpytest("audits", "--model", "steady", "--audit-data", "more")
    assert {audit["data"] for audit in results_of(project)[1]["audits"]} == {"more"}
    run = project.runpytest("audits", "--model", "steady", "--audit-data", "things")
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines(["*it would replace nothing*"])


def test_cards_of_one_name_at_two_paths_are_two_data_sets(project):
    card = (project.path / "cards" / "lesions.data.yaml").read_text()
    for name, n in (("one", 20), ("two", 30)):
        folder = project.mkdir(name)
        (folder / "x.data.yaml").write_text(card.replace("24", str(n)))
        spec = (project.path / "audits" / "counts.audit.yaml").read_text()
        spec = spec.replace("audit: counts", f"audit: {name}").replace(
            "data: lesions", "data: ./x.data.yaml"
        )
        (folder / f"{name}.audit.yaml").write_text(spec)
    project.runpytest("one", "two", "--model", "steady")
    n = {
        v["audit"]: v["n"] for v in results_of(project)[1]["verdicts"] if v["measure"] == "accuracy"
    }
    assert n == {"one": 20, "two": 30}


def test_one_patient_is_inconclusive_and_still_reported(project):
    card = project.path / "cards" / "lesions.data.yaml"
    card.write_text(card.read_text().replace("images_per_patient: 2", "images_per_patient: 24"))
    run = project.runpytest("audits/light.audit.yaml", "--model", "steady")
    run.assert_outcomes(failed=1)
    folder, results = results_of(project)
    assert [v["verdict"] for v in results["verdicts"]] == ["inconclusive"]
    assert (folder / "report.html").exists()


def test_release_mode_does_not_pass_when_everything_is_skipped(project):
    project.makeconftest(
        """
        import pytest

        def pytest_collection_modifyitems(items):
            for item in items:
                item.add_marker(pytest.mark.skip)
        """
    )
    run = project.runpytest("audits", "--model", "steady", "--audit-release")
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    run.stdout.fnmatch_lines(["release blocked: steady: Release mode refuses this run*"])


def test_a_spec_that_cannot_be_read_leaves_the_release_undecided(project):
    (project.path / "audits" / "counts.audit.yaml").write_text("audit: q\n")
    run = project.runpytest("audits", "--model", "steady", "--continue-on-collection-errors")
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    run.stdout.fnmatch_lines(["release not decided: steady: 1 of 2 planned items were not judged*"])


def test_a_default_model_leaves_ordinary_tests_alone(project):
    project.makeini("[pytest]\naudit_cards = cards\naudit_models = steady\n")
    path = project.makepyfile("def test_one(): pass")
    project.runpytest(path).assert_outcomes(passed=1)
    assert not (project.path / "reports").exists()


def test_an_old_report_does_not_outlive_a_run_that_has_none(project):
    project.runpytest("audits/light.audit.yaml", "--model", "steady", "--audit-report", "out")
    assert (project.path / "out" / "report.html").exists()
    (project.path / "audits" / "light.audit.yaml").write_text("audit: q\n")
    project.runpytest("audits/light.audit.yaml", "--model", "steady", "--audit-report", "out")
    assert not (project.path / "out" / "report.html").exists()


def test_the_terminal_plugin_is_not_needed(project):
    run = project.runpytest_subprocess(
        "audits/light.audit.yaml", "--model", "steady", "-p", "no:terminal"
    )
    assert run.ret == pytest.ExitCode.OK
    assert results_of(project)[1]["release"][0]["decision"] == "pass"
