"""Tables with many columns, from bytes, and files that are none."""

import os
import time

import pytest

from auditkit.data.rows import read_cells, read_table
from auditkit.data.source import FileSource
from auditkit.errors import AuditError


def test_many_columns_are_read_in_no_time(tmp_path):
    table = tmp_path / "wide.csv"
    names = [f"column {number}" for number in range(30_000)]
    table.write_text(",".join(names) + "\n" + ",".join("1" for _ in names) + "\n")
    started = time.process_time()
    assert len(read_table(table)[0].cells) == len(names)
    assert time.process_time() - started < 1.5  # counting each name anew takes many times that
    table.write_text(",".join([*names, names[7]]) + "\n")
    with pytest.raises(AuditError, match="two columns have the name 'column 7'"):
        read_table(table)


def test_bytes_that_were_read_are_parsed_and_no_file_is_opened(tmp_path):
    absent = tmp_path / "absent.parquet"
    content = '\ufeffa,b\n1," two\n lines"\n'.encode()
    (row,) = read_table(absent, content)
    assert (row.line, row.cells) == (3, {"a": "1", "b": "two\n lines"})
    assert read_cells(absent, content)[0] == (1, ["a", "b"])
    with pytest.raises(AuditError, match="cannot be read as a CSV table"):
        read_table(absent, b"a\n\xff\n")


def test_a_pipe_is_refused_before_it_is_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    source = FileSource(tmp_path.resolve(), "pipe.png", "table.csv:2")
    for ask in (source.open, source.digest):
        with pytest.raises(AuditError, match=r"table\.csv:2: .*pipe\.png is a pipe or a device"):
            ask()
