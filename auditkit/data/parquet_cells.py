"""Rows of Parquet tables, of which nothing is unpacked before its size is known."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from auditkit.errors import AuditError
from auditkit.spec.regular import check_regular

MAX_VALUES: Final = 20_000_000
MAX_BYTES: Final = 1_000_000_000
"""Of all columns, before they are unpacked."""
MAX_CELL: Final = 131_072
"""Bytes; of CSV, the standard library has the same limit."""
_BATCH: Final = 1_024


def parquet_rows(table: Path) -> Iterator[dict[str, Any]]:
    """Each row's values by column, as Python objects.

    Raises:
        AuditError: the extra is missing, or the file is missing, damaged or too large.
    """
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise AuditError(
            f'{table} is Parquet, which needs: pip install "pytest-auditkit[parquet]"'
        ) from error
    try:
        check_regular(table)
        whole = parquet.ParquetFile(table)
        _check_claims(table, whole)
        # Texts stay packed: a long one that many rows have is held once.
        packed = parquet.ParquetFile(table, read_dictionary=_texts(whole.schema_arrow))
        for batch in packed.iter_batches(_BATCH):
            _check_lengths(table, batch)
            yield from batch.to_pylist()
    except (OSError, ValueError, MemoryError) as error:
        raise AuditError(f"{table} cannot be read as a Parquet table: {error}") from error


def _check_claims(table: Path, file: Any) -> None:
    """A value that repeats takes no space in the file, but some in every row."""
    about = file.metadata
    held = sum(about.row_group(index).total_byte_size for index in range(about.num_row_groups))
    values = about.num_rows * about.num_columns
    if values > MAX_VALUES or held > MAX_BYTES:
        raise AuditError(
            f"{table} has {values} cells of {held} bytes; at most {MAX_VALUES} and {MAX_BYTES} are read: "
            "leave out columns that the card does not name, or split the table"
        )
    twice = [name for name, count in Counter(file.schema_arrow.names).items() if count > 1]
    if twice:
        raise AuditError(f"{table}: two columns have the name '{twice[0]}'; rename one")


def _texts(schema: Any) -> list[str]:
    from pyarrow import types

    return [
        field.name for field in schema if types.is_string(field.type) or types.is_binary(field.type)
    ]


def _check_lengths(table: Path, batch: Any) -> None:
    from pyarrow import compute, types

    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if not types.is_dictionary(column.type):
            continue
        longest = compute.max(compute.binary_length(column.dictionary)).as_py() or 0
        if longest > MAX_CELL:
            raise AuditError(
                f"{table}: a cell of column '{name:.80}' has {longest} bytes; at most {MAX_CELL} are read"
            )
