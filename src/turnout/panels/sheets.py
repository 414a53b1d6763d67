"""A panel's table as a file of its raw values: CSV for spreadsheets, Parquet for programs.

A table enters, bytes leave: its rows in order, under the names that the API gives them. The row of totals is left out:
who adds up a column must not count it twice.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from turnout.panels.contract import Cell, Column, Table
from turnout.stats import cells

Form = Literal["csv", "parquet"]

MEDIA_TYPES: dict[Form, str] = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}


def sheet(table: Table, form: Form) -> bytes:
    """The table as a file."""
    return _MAKERS[form](table)


def _csv(table: Table) -> bytes:
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\r\n")
    writer.writerow([column.name for column in table.columns])
    for row in table.rows:
        writer.writerow([cells.text(row[column.name]) for column in table.columns])
    # The mark tells spreadsheets that it is UTF-8.
    return b"\xef\xbb\xbf" + sink.getvalue().encode()


def _parquet(table: Table) -> bytes:
    fields = [pa.field(column.name, _type(table, column)) for column in table.columns]
    arrays = [pa.array([_value(row[field.name], field.type) for row in table.rows], field.type) for field in fields]
    sink = io.BytesIO()
    pq.write_table(pa.table(arrays, schema=pa.schema(fields)), sink, compression="zstd")
    return sink.getvalue()


def _type(table: Table, column: Column) -> pa.DataType:
    values = [row[column.name] for row in table.rows]
    # A number's place may be taken by words: "Others".
    if column.kind in ("text", "time") or any(isinstance(value, str) for value in values):
        return pa.string()
    if column.kind == "money":
        return cells.MONEY
    whole = column.kind == "count" and not any(isinstance(value, float) for value in values)
    return pa.int64() if whole else pa.float64()


def _value(value: Cell, kind: pa.DataType) -> object:
    if kind == pa.string() and value is not None:
        return str(cells.text(value) if isinstance(value, dict) else value)
    return cells.arrow(value)


_MAKERS: dict[Form, Callable[[Table], bytes]] = {"csv": _csv, "parquet": _parquet}
