"""Shards of a Hugging Face data set: Arrow streams and Parquet files. Nothing in them is run."""

import json
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from threading import Lock
from typing import Any, Protocol, TypeVar

from auditkit.errors import AuditError
from auditkit.spec.regular import check_regular

_MAX_GROUP = 2**31
# A row that repeats takes no space in the file, but some in memory.
_MAX_ROWS = 20_000_000

Result = TypeVar("Result")


class Shard(Protocol):
    """A file with rows."""

    file: Path
    schema: Any
    rows: int

    def column(self, name: str) -> Sequence[Any]:
        """A column's values as Python objects."""
        ...

    def cell(self, name: str, row: int) -> Any:
        """One value."""
        ...


def open_shard(file: Path) -> Shard:
    """Open an Arrow or Parquet file.

    Raises:
        AuditError: the extra is missing, or the file is missing or damaged.
    """
    try:
        import pyarrow as pa  # noqa: F401 its absence is told apart from a damaged file
    except ImportError as error:
        raise AuditError(
            f'{file} is Arrow or Parquet, which needs: pip install "pytest-auditkit[parquet]"'
        ) from error
    attempt(file, lambda: check_regular(file))
    shard = attempt(file, lambda: _Parquet(file) if file.suffix == ".parquet" else _Arrow(file))
    if shard.rows > _MAX_ROWS:
        raise AuditError(f"{file} has {shard.rows} rows; at most {_MAX_ROWS} are read: split it")
    return shard


def attempt(file: Path, action: Callable[[], Result]) -> Result:
    """Do something with a shard's file; whatever the parser raises says that the file is damaged.

    Raises:
        AuditError: naming the file.
    """
    try:
        return action()
    except AuditError:
        raise
    except Exception as error:  # parsers answer damaged files with errors of every kind
        raise AuditError(f"{file} cannot be read as Arrow or Parquet: {error}") from error


def class_names(schema: Any, column: str) -> Mapping[int, str] | None:
    """Names of a ClassLabel column by index, if the schema says that it is one."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        feature = features[column]
        if feature["_type"] == "ClassLabel":
            return {index: str(name) for index, name in enumerate(feature["names"])}
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    return None


class _Arrow:
    """A stream in memory-mapped pages: only the cells that are asked for are read from the disk."""

    def __init__(self, file: Path) -> None:
        import pyarrow as pa

        self.file = file
        with pa.memory_map(str(file)) as mapped, pa.ipc.open_stream(mapped) as stream:
            self._table = stream.read_all()
        self._table.validate(full=True)
        self.schema, self.rows = self._table.schema, self._table.num_rows

    def column(self, name: str) -> Sequence[Any]:
        values: list[Any] = self._table[name].to_pylist()
        return values

    def cell(self, name: str, row: int) -> Any:
        return self._table[name][row].as_py()


class _Parquet:
    """Row groups; the last one that was read is kept."""

    def __init__(self, file: Path) -> None:
        from pyarrow import parquet

        self.file = file
        self._parquet = parquet.ParquetFile(file)
        self.schema, self.rows = self._parquet.schema_arrow, self._parquet.metadata.num_rows
        groups = [self._parquet.metadata.row_group(i) for i in range(self._parquet.num_row_groups)]
        if any(group.total_byte_size > _MAX_GROUP for group in groups):
            raise AuditError(
                f"{file} has row groups of more than {_MAX_GROUP} bytes; write smaller ones"
            )
        self._ends = list(accumulate(group.num_rows for group in groups))
        self._kept: tuple[str, int, Any] | None = None
        self._lock = Lock()

    def column(self, name: str) -> Sequence[Any]:
        values: list[Any] = self._parquet.read(columns=[name])[name].to_pylist()
        return values

    def cell(self, name: str, row: int) -> Any:
        group = bisect_right(self._ends, row)
        with self._lock:
            if self._kept is None or self._kept[:2] != (name, group):
                self._kept = (
                    name,
                    group,
                    self._parquet.read_row_group(group, columns=[name])[name],
                )
            values = self._kept[2]
        return values[row - (self._ends[group - 1] if group else 0)].as_py()
