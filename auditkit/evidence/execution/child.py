"""A worker process of the engine `processes`: reads what to do from its input, answers on its output.

Run as a file: nothing of the program that started it is run again, and code is imported from where that
program has it. Standard input and output are taken for messages at once, so that what code prints goes to
standard error.
"""

import contextlib
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any

# Asks Linux to send a signal when the thread that started this process is gone.
_PARENT_DEATH_SIGNAL = 1


def main(driver: int) -> None:
    """Compute what is asked for until the driver is gone.

    Args:
        driver: its process' number.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver decides what Ctrl-C means
    _end_with(driver)
    asked, answers = os.dup(0), os.dup(1)
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    pipe: Any = import_module("auditkit.evidence.execution.pipe")
    tasks: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(pipe, asked, tasks), daemon=True).start()
    with contextlib.suppress(BrokenPipeError):
        _work(tasks, lambda message: pipe.send(answers, message))


def _end_with(driver: int) -> None:
    """Be killed with the driver even where a computation never lets Python's threads run."""
    if sys.platform == "linux":
        import ctypes

        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != driver:
        os._exit(0)


def _listen(pipe: Any, asked: int, tasks: "queue.SimpleQueue[Any]") -> None:
    """Take tasks; end the process at once, whatever it computes, when the driver is gone."""
    while True:
        try:
            message = pipe.receive(asked)
        except EOFError:
            os._exit(0)
        except BaseException as error:  # noqa: BLE001 the driver is told
            message = error
        tasks.put(message)


def _go_to(folder: str | None) -> None:
    """Where the driver is, to which paths of cards may be relative."""
    if folder is not None:
        with contextlib.suppress(OSError):
            os.chdir(folder)


def _work(tasks: "queue.SimpleQueue[Any]", answer: Callable[[Any], None]) -> None:
    """First make the worker, which is answered with nothing; then shards, each with what became of it."""
    from auditkit.evidence.execution.failure import Failure
    from auditkit.evidence.execution.worker import Worker

    worker = None
    while True:
        message = tasks.get()
        found: Any = None
        try:
            if isinstance(message, BaseException):
                raise message  # noqa: TRY301 it could not be read
            if worker is None:
                worker = Worker(*message)
            else:
                folder, job, key, shard, steal, following = message
                _go_to(folder)
                found = worker.compute(key, job, shard, steal=steal, following=following)
        except BaseException as error:  # noqa: BLE001 whatever it is, the driver is told
            found = Failure.of(error, worker.name if worker else "process")
        answer(found)


if __name__ == "__main__":
    sys.path[:] = sys.argv[2:]
    main(int(sys.argv[1]))
