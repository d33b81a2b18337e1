"""How long something has stood still counts only as far as somebody watched."""

import os

from auditkit.evidence.process_table import processor_ticks, stat_of
from auditkit.evidence.still import Still


def test_seconds_count_while_it_looks_the_same():
    still = Still(most=10.0)
    assert [still.seconds("a", now) for now in (100.0, 104.0, 109.0)] == [0.0, 4.0, 9.0]
    assert still.seconds("b", 110.0) == 0.0
    assert still.seconds("b", 113.0) == 3.0
    assert still.seconds("a", 114.0) == 0.0, "it has looked otherwise meanwhile"


def test_who_was_stopped_for_an_hour_has_not_watched_for_an_hour():
    still = Still(most=10.0)
    still.seconds("a", 0.0)
    assert still.seconds("a", 3600.0) == 10.0
    assert still.seconds("a", 3605.0) == 15.0


def test_a_process_that_computes_uses_ticks_and_one_that_is_not_there_has_none():
    before = processor_ticks(os.getpid())
    while processor_ticks(os.getpid()) == before:
        sum(range(10_000))
    assert processor_ticks(os.getpid()) > before
    assert stat_of(2**30) is processor_ticks(2**30) is None
