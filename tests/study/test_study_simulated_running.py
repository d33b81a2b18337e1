"""A whole study, served and answered by programs with one call."""

import pytest
from study_simulated_world import build_study

from auditkit.errors import AuditError
from auditkit.study.simulated import coordinate
from auditkit.study.simulated.running import run_simulated
from auditkit.study.storing import Store


def test_a_study_of_programs_runs_until_it_is_closed(tmp_path):
    built = build_study(tmp_path, references=2, experts=["sim-a"], repeats=0)
    told, kept = [], []
    run_simulated(built.folder, say=told.append, acknowledged=lambda *one: kept.append(one))
    store = Store(f"sqlite:///{built.folder / 'answers.sqlite'}", built.study)
    assert store.phase == "closed"
    assert "then closed" in told[-1]
    answered = store.answered()
    slugs = {one.slug for name, one in kept if name == "sim-a" and one.submitted}
    assert slugs == {task.slug for task, _ in answered}
    with pytest.raises(AuditError, match="closed already"):
        run_simulated(built.folder, say=told.append)


def test_a_study_with_a_person_is_not_run(tmp_path):
    built = build_study(tmp_path, references=1, people=["carla"])
    with pytest.raises(AuditError, match=r"carla.*simulated: true"):
        run_simulated(built.folder, say=print)
    assert not (built.folder / "answers.sqlite").exists()


def test_the_command_of_a_coordinator_needs_a_study(tmp_path):
    with pytest.raises(AuditError, match="does not answer"):
        coordinate("http://127.0.0.1:9", "token", patience=0.1)
    with pytest.raises(AuditError, match="does not exist"):
        run_simulated(tmp_path, say=print)
