"""What commands print, wherever it goes."""

import contextlib
import io
import sys

from auditkit import cli


def test_a_name_that_is_no_text_is_shown_and_no_traceback(monkeypatch):
    # Linux takes any bytes as a file's name; Python shows those that are not UTF-8 as lone surrogates.
    monkeypatch.setattr(cli, "_data", lambda _given: sys.stdout.write("lies in caf\udce9\n") and 1)
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="strict")
    with contextlib.redirect_stdout(out):
        assert cli.main(["data", "check", "lesions"]) == 1
    out.flush()
    assert out.buffer.getvalue() == b"lies in caf\\udce9\n"
