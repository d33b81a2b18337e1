"""A worker process of the engine `processes`: reads what to do from its standard input, answers on its output.

Started as ``python -m auditkit.evidence.execution.child``: nothing of the program that started it is run
again. Standard output is taken for answers at once, so that what code prints goes to standard error.
"""

import contextlib
import os
import pickle
import queue
import signal
import struct
import sys
import threading
from typing import Any, BinaryIO

_SIZE = struct.Struct(">Q")


def send(pipe: BinaryIO, message: Any) -> None:
    """Write a message: its length, and its pickle."""
    content = pickle.dumps(message)
    pipe.write(_SIZE.pack(len(content)) + content)
    pipe.flush()


def receive(pipe: BinaryIO) -> Any:
    """Read a message; EOFError when the other side is gone."""
    head = pipe.read(_SIZE.size)
    if len(head) < _SIZE.size:
        raise EOFError
    (size,) = _SIZE.unpack(head)
    content = pipe.read(size)
    if len(content) < size:
        raise EOFError
    return pickle.loads(content)  # noqa: S301 between a driver and its own child


def main() -> None:
    """Compute what is asked for until the driver is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver decides what Ctrl-C means
    asked, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 a device
        os.dup2(nothing.fileno(), 0)
    tasks: queue.Queue[Any] = queue.Queue()
    begin = receive(asked)
    sys.path[:] = begin["path"]
    threading.Thread(target=_listen, args=(asked, tasks), daemon=True).start()
    with contextlib.suppress(BrokenPipeError):
        _work(begin, tasks, answers)


def _listen(asked: BinaryIO, tasks: "queue.Queue[Any]") -> None:
    """Take tasks; end the process at once, whatever it computes, when the driver is gone."""
    try:
        while True:
            tasks.put(receive(asked))
    except BaseException:  # noqa: BLE001 nobody is left to be told
        os._exit(0)


def _work(begin: dict[str, Any], tasks: "queue.Queue[Any]", answers: BinaryIO) -> None:
    from auditkit.evidence.execution.failure import Failure

    name = begin["name"]
    try:
        from auditkit.evidence.execution.worker import Worker

        worker = Worker(name, begin["store"], begin["settings"], begin["code"])
    except BaseException as error:  # noqa: BLE001 whatever it is, the driver is told
        send(answers, ("refused", None, Failure.of(error, name)))
        return
    send(answers, ("ready", None, None))
    while True:
        key, job, shard, steal = tasks.get()
        try:
            done = worker.compute(key, job, shard, steal=steal)
        except BaseException as error:  # noqa: BLE001 as above
            send(answers, ("failed", key, Failure.of(error, name)))
        else:
            send(answers, ("done", key, done))


if __name__ == "__main__":
    main()
