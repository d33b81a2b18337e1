"""Processes side by side, and processes that are killed: what was acknowledged is there, once."""

import os
import random
import signal
import time
from collections import Counter

import study_storing_world as world

KILLS = 6


def lines_until(forks, kind: str) -> list[list[str]]:
    """What a forked process tells, up to a line of a kind."""
    lines = [["nothing"]]
    while lines[-1][0] != kind:
        lines.append(forks.stdout.readline().split())
    return lines[1:]


def killed_saver(forks, url: str, run: int, after: float) -> list[list[str]]:
    """What a process tells that is killed some seconds after its first acknowledgement."""
    forks.stdin.write(f"{url} ann r{run}\n")
    forks.stdin.flush()
    lines = lines_until(forks, "kept")
    time.sleep(after)
    saver = int(lines[0][-1])
    os.kill(saver, signal.SIGKILL)
    forks.stdin.write(
        f"{url}\n"
    )  # who opens the database next tells where the killed one's lines end
    forks.stdin.flush()
    rest = lines_until(forks, "tasks")
    assert rest[-1][1] == "24"
    assert saver not in {int(rest[-1][-1]), os.getpid()}
    return lines + rest[:-1]


def test_three_processes_may_open_a_new_database_at_once(forks, url):
    forks.stdin.write(f"{url}\n" * 3)
    forks.stdin.flush()
    told = [forks.stdout.readline().split() for _ in range(3)]
    assert [one[:2] for one in told] == [["tasks", "24"]] * 3
    assert len({one[-1] for one in told}) == 3


def test_killed_at_any_moment_nothing_acknowledged_is_lost_and_nothing_doubled(
    forks, open_store, url
):
    draws = random.Random(url)
    acknowledged: dict[tuple[str, str], int] = {}
    asked: list[tuple[str, str]] = []
    for run in range(KILLS):
        lines = killed_saver(forks, url, run, draws.uniform(0.0, 0.05))
        asked += [(one[1], one[2]) for one in lines if one[0] == "try"]
        acknowledged |= {(one[1], one[2]): int(one[3]) for one in lines if one[0] == "kept"}
    assert len(acknowledged) >= KILLS
    store = open_store()
    answer = world.ScreeningAnswer(artifact=True)
    for slug, nonce in asked:  # what a browser does that has no acknowledgement: it sends again
        saved = store.save("ann", slug, nonce, answer, submitted=True)
        if (slug, nonce) in acknowledged:
            assert (saved.revision, saved.again) == (acknowledged[slug, nonce], True)
    kept = Counter(slug for slug, _ in asked)
    for slug, number in kept.items():
        assert [one.number for one in store.revisions("ann", slug)] == list(range(1, number + 1))
    assert [one.done for one in store.progress() if one.person == "ann"] == [len(kept)]
