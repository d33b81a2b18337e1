"""Kills and resume, on work that only waits; the whole of it is `benchmarks/endurance.py`."""

import importlib
import random
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module", autouse=True)
def found_modules():
    """Scripts beside each other, as Python finds them when one of them is run."""
    sys.path.insert(0, str(BENCHMARKS))
    yield
    sys.path.remove(str(BENCHMARKS))


def module(name):
    return importlib.import_module(name)


@pytest.mark.parametrize("engine", ["inline", "processes"])
def test_kills_cost_no_more_than_the_shards_in_hand(tmp_path, engine):
    work = module("endurance_work").Waiting(tmp_path / "work", engine, 2, shards=16)
    endurance = module("endurance_kills").Endurance(work, 3, random.Random(2), spread=0.3)
    found = endurance.run()
    assert len(found.kills) == 3
    assert found.total.shards == 32 * found.rounds
    assert found.problems(2) == []


def lines(module_, *said):
    return [
        module_.Said(float(when), pid, what, where) for when, (pid, what, where) in enumerate(said)
    ]


def test_what_a_killed_process_had_in_hand_is_read_from_the_log():
    log = module("endurance_log")
    said = lines(
        log,
        (1, "begun", "a"),
        (1, "kept", "a"),
        (1, "begun", "b"),
        (2, "begun", "c"),
        (1, "found", "d"),
    )
    assert log.in_hand(said, [1]) == {"b"}
    assert log.in_hand(said, [1, 2]) == {"b", "c"}
    assert log.in_hand(said, [3]) == set()


def test_computing_what_was_kept_is_noticed():
    log, kills = module("endurance_log"), module("endurance_kills")
    kept_again = log.tally(
        lines(log, (1, "begun", "a"), (1, "kept", "a"), (2, "begun", "a"), (2, "stolen", "b"))
    )
    assert (kept_again.begun, kept_again.shards, kept_again.again) == (2, 2, 1)
    assert (kept_again.stolen, kept_again.late) == (1, 1)
    kill = kills.Kill(driver=False, pids=[1], when=0.0, early=False)
    found = kills.Endured(kills=[kill], lost=[2], total=kept_again, same=False, orphans=[7])
    found.leftovers = [".half-x.json"]
    assert [problem.split()[:3] for problem in found.problems(2)] == [
        ["a", "digest", "differs"],
        ["a", "kill", "lost"],
        ["1", "shards", "begun"],
        ["left", "in", "the"],
        ["processes", "outlived", "their"],
    ]
    found.lost = [0]
    assert "1 shards computed again, 0 were in hand" in found.problems(2)
