"""Writers are served in the order in which they came."""

import threading
import time

import pytest

from auditkit.study.storing.queueing import Queue


def test_who_asks_first_is_served_first_and_alone():
    queue, served, inside = Queue(), [], []

    def work(number: int) -> None:
        with queue.turn():
            inside.append(number)
            assert inside == [number]
            served.append(number)
            inside.remove(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    with queue.turn():
        for waiting, thread in enumerate(threads, 1):
            thread.start()
            while len(queue._waiting) < waiting:
                time.sleep(0.001)
    for thread in threads:
        thread.join(5)
    assert served == list(range(12))


def test_who_fails_lets_the_next_one_on():
    queue = Queue()
    for _ in range(2):
        with pytest.raises(ValueError, match="no"), queue.turn():
            raise ValueError("no")
    with queue.turn():
        pass
