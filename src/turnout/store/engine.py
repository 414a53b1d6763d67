"""The seam: what the house asks of ClickHouse's engine, whether in this process or behind a URL.

SQL with `{name:Type}` parameters goes in; bytes in the asked format come out. Values never become
part of the SQL text: `encode_parameters` writes them as the engine's parameter text, which both
sides of the seam parse alike. What fails comes out as one of our errors (`translate`).
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

import msgspec
import pyarrow as pa

from turnout.errors import Overloaded, StoreDamaged, StoreError, TooLarge, TurnoutError

Value = str | int | float | bool | Decimal | Sequence[str] | Sequence[int]
Parameters = Mapping[str, Value]

#: Exact output: 64-bit integers as numbers, decimals as strings.
OUTPUT_SETTINGS = {
    "output_format_json_quote_64bit_integers": 0,
    "output_format_json_quote_decimals": 1,
}

#: Ends a SELECT over `events`, and no other table, that counts distinct recipients or groups by them, and whose rows
#: are added up: all events of a person are in one place, so each shard of a cluster gives finished numbers instead of
#: the sets of people that they were counted from. A group then has a row a shard. It says nothing of a single server.
SHARDS_ADD_UP = "SETTINGS distributed_group_by_no_merge = 1"

#: Ends a SELECT over `events`, not over a subquery of it, whose joins and subqueries are over `events` too, and go by
#: recipient: each shard of a cluster then joins its own persons, and nobody's events are sent to where others are. What
#: goes by anything else (an order may be of two persons) says GLOBAL: all shards are asked for it, once. Neither says
#: anything of a single server.
SHARDS_JOIN_THEIR_OWN = "SETTINGS distributed_product_mode = 'local'"

#: Both at once.
SHARDS_JOIN_AND_ADD_UP = f"{SHARDS_ADD_UP}, distributed_product_mode = 'local'"

#: A stream is read at its client's pace, so it may take longer than a question.
STREAM_TIMEOUT_S = 3600

_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0", "\b": "\\b", "\f": "\\f"})


@dataclass(frozen=True)
class Placement:
    """How events are spread over the shards of a `cluster`: by `key`, SQL over their columns, modulo the sum of
    `weights`, those of the shards in their order."""

    cluster: str
    key: str
    weights: tuple[int, ...]


class Engine(Protocol):
    """ClickHouse's engine. Every method may be called from any thread, and blocks that thread."""

    @property
    def placement(self) -> Placement | None:
        """How events are spread over shards; None where all of them are in one place."""

    def execute(self, sql: str, parameters: Parameters | None = None) -> None:
        """Run a statement for its effect; it is durable when this returns."""

    def query(self, sql: str, parameters: Parameters | None = None, output: str = "JSONCompact") -> bytes:
        """Run a SELECT and return its whole result in the format `output`."""

    def derive(self, sql: str, parameters: Parameters | None = None) -> None:
        """Run a statement that makes or drops what can be made again: it takes a reader's turn, not the writer's,
        and need not be durable."""

    def stream(self, sql: str, parameters: Parameters | None = None) -> Iterator[bytes]:
        """Run a SELECT and yield its rows as NDJSON, in chunks of whole lines; memory stays flat.

        Streams take no reader from the questions, and may run for `STREAM_TIMEOUT_S`.
        """

    def batches(self, sql: str, parameters: Parameters | None = None) -> Iterator[pa.RecordBatch]:
        """The same as Arrow batches. There is always one, so that the columns of no rows are known."""

    def insert(self, table: str, rows: pa.RecordBatch | pa.Table, token: str = "") -> None:
        """Append the rows; they are on disk when this returns. Columns not in the batch take their defaults.

        On a server the same rows with the same `token` are appended once, however often they are sent. In this process
        nothing gets lost between the two sides, and it says nothing.
        """

    def close(self) -> None:
        """Let go of every connection."""


class _Compact(msgspec.Struct):
    data: list[list[Any]]


_decode_compact = msgspec.json.Decoder(_Compact).decode


def rows(engine: Engine, sql: str, parameters: Parameters | None = None) -> list[list[Any]]:
    """The rows of a SELECT as Python lists, in the order of its columns; decimals are strings."""
    answer = engine.query(sql, parameters)
    return _decode_compact(answer).data if answer else []


def encode_parameters(parameters: Parameters | None) -> dict[str, str]:
    """Parameter values as the engine's own text (its tab-separated escaping)."""
    return {name: _encode(value) for name, value in (parameters or {}).items()}


def _encode(value: Value) -> str:
    if isinstance(value, str):
        return value.translate(_ESCAPES)
    if isinstance(value, (bool, int, float, Decimal)):
        return str(int(value)) if isinstance(value, bool) else str(value)
    # Only the strings in an array are escaped: the engine reads the array's own text as it stands.
    items = (_quote(item) if isinstance(item, str) else str(item) for item in value)
    return "[" + ",".join(items) + "]"


def _quote(item: str) -> str:
    return "'" + item.translate(_ESCAPES).replace("'", "\\'") + "'"


_CODE = re.compile(r"Code: (\d+)")

#: The engine's error codes that a caller can do something about.
_TOO_LONG = {159, 160, 209, 394}
_TOO_MUCH = {158, 241, 307, 396}
_TOO_BUSY = {202, 203, 252, 439}
_NO_SPACE = 243
#: Checksums and codecs that don't fit, files that are cut short, or missing from a part.
_DAMAGED = {40, 226, 227, 228, 246, 271, 432}
_UNREADABLE = {32, 33, 74, 76, 107, 1001}
_OF_A_PART = re.compile(r"/store/\w{3}/[\w-]{36}/\w+_\d+_\d+_\d+(_\d+)?/")


def translate(error: Exception) -> TurnoutError:
    """The engine's complaint as one of ours. Its words stay in `__cause__`, for the log only."""
    code = code_of(error)
    if code in _TOO_LONG:
        return TooLarge("the question took longer than the time limit", hint="ask for a shorter range")
    if code in _TOO_MUCH:
        return TooLarge("the question needs more memory than its limit", hint="ask for a shorter range or fewer groups")
    if code in _TOO_BUSY:
        return Overloaded("the store is too busy")
    if code == _NO_SPACE or (isinstance(error, OSError) and error.errno == errno.ENOSPC):
        return Overloaded("the store's disk is full", retry_after_s=30)
    if code in _DAMAGED or (code in _UNREADABLE and _OF_A_PART.search(words_of(error))):
        return StoreDamaged()
    return StoreError(f"the store could not answer (engine code {code})")


def code_of(error: Exception) -> int:
    """The engine's number of an error; 0 where it has none."""
    found = _CODE.search(words_of(error))
    return int(found[1]) if found else 0


def words_of(error: Exception) -> str:
    """What the engine said, even where it could not be read as UTF-8 (it quotes values as they are)."""
    if isinstance(error, UnicodeDecodeError):
        return error.object.decode(errors="backslashreplace")
    return str(error)


def at_least_one(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The batches that have rows; an empty one if none has."""
    some = False
    for batch in batches:
        if batch.num_rows:
            some = True
            yield batch
    if not some:
        yield pa.RecordBatch.from_pylist([], schema)


def ipc_stream(rows: pa.RecordBatch | pa.Table) -> bytes:
    """The rows as one Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write(rows)
    body: bytes = sink.getvalue().to_pybytes()
    return body
