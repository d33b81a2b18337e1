"""Connections that only wait are closed; those that ask are not."""

import http.client
import socket
import threading
import time
from contextlib import contextmanager

import pytest
import uvicorn

from auditkit.study.connections import Connection

PATIENCE = 0.4


async def answers(scope, receive, send):
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
    )
    await send({"type": "http.response.body", "body": b"ok"})


@contextmanager
def served(**settings):
    kind = type(
        "Hasty", (Connection,), {"patience": PATIENCE, "open": type(Connection.open)()} | settings
    )
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(answers, http=kind, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(10)


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: a"])
def test_who_sends_no_whole_header_is_closed(sent):
    with served() as port, socket.create_connection(("127.0.0.1", port), timeout=5) as waiting:
        waiting.sendall(sent)
        begun = time.monotonic()
        assert waiting.recv(100) == b""
        assert time.monotonic() - begun < 4


def test_half_a_second_header_is_no_way_around():
    with served() as port, socket.create_connection(("127.0.0.1", port), timeout=5) as waiting:
        waiting.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        reply = b""
        while not reply.endswith(b"ok"):
            reply += waiting.recv(1000)
        waiting.sendall(b"GET / HTTP")
        assert waiting.recv(100) == b""


def test_who_asks_again_in_time_stays_connected():
    with served(patience=2.0) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        for _ in range(4):
            connection.request("GET", "/")
            assert connection.getresponse().read() == b"ok"
            kept = connection.sock
            time.sleep(0.2)
        assert connection.sock is kept


def test_one_address_does_not_take_all_connections():
    with served(most=3, patience=30.0) as port:
        held = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(3)]
        time.sleep(0.2)
        with socket.create_connection(("127.0.0.1", port), timeout=5) as one_more:
            assert one_more.recv(100) == b""
        held.pop().close()
        time.sleep(0.2)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"ok"
        for one in held:
            one.close()
