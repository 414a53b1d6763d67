"""The server's side of ClickHouse's native TCP protocol: bytes of a socket in, packets out, and back.

Source: the protocol's specification (clickhouse.com/docs, "Native protocol" and "Native format"). Spoken at the
newest revision whose packets are still plain: no secrets between servers, no parameters, no chunks, and columns
without serializations of their own. Both sides speak the lower of their revisions, so a current client does too.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import BinaryIO

REVISION = 54440

#: No column of a test is anywhere near it; a length beyond is a misread packet.
STRING_LIMIT_BYTES = 1 << 26
COLUMNS_LIMIT = 10_000
ROWS_LIMIT = 1 << 24


class ProtocolError(Exception):
    """The other side said what this one does not understand. The connection can't go on."""


class Client(IntEnum):
    """Kinds of packets from the client."""

    HELLO = 0
    QUERY = 1
    DATA = 2
    CANCEL = 3
    PING = 4
    TABLES_STATUS = 5
    KEEP_ALIVE = 6
    SCALAR = 7


class Server(IntEnum):
    """Kinds of packets from the server."""

    HELLO = 0
    DATA = 1
    EXCEPTION = 2
    PONG = 4
    END_OF_STREAM = 5
    TABLES_STATUS = 9
    TABLE_COLUMNS = 11


class Stage(IntEnum):
    """How far the client wants a query to be carried out."""

    FETCH_COLUMNS = 0
    WITH_MERGEABLE_STATE = 1
    COMPLETE = 2
    AFTER_AGGREGATION = 3
    AFTER_AGGREGATION_AND_LIMIT = 4


@dataclass(frozen=True)
class Hello:
    """Who connects, and to which database."""

    database: str
    user: str
    password: str
    revision: int


@dataclass(frozen=True)
class Query:
    """A statement and what it brings along. `settings` are text, as the client wrote them."""

    id: str
    text: str
    stage: Stage
    settings: dict[str, str]


@dataclass(frozen=True)
class Block:
    """Some rows. `native` is the block in the format Native: what follows a FORMAT Native, or comes of it."""

    table: str
    names: tuple[str, ...]
    types: tuple[str, ...]
    rows: int
    native: bytes = field(repr=False)


class Reader:
    """Reads packets. What is read is remembered while `kept` is a list, to hand on a block as it came."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._kept: list[bytes] | None = None

    def packet(self) -> Client | None:
        """The next packet's kind; None where the client has gone."""
        first = self._source.read(1)
        if not first:
            return None
        if first[0] > max(Client):
            raise ProtocolError(f"packet {first[0]}")
        return Client(first[0])

    def hello(self) -> Hello:
        """The body of a Hello."""
        self.text(), self.number(), self.number()
        revision = self.number()
        return Hello(self.text(), self.text(), self.text(), revision)

    def query(self) -> Query:
        """The body of a Query."""
        query_id = self.text()
        self._client_info()
        settings = {}
        while name := self.text():
            self.number()
            settings[name] = self.text()
        stage, compressed = self.number(), self.number()
        if compressed:
            raise ProtocolError("compressed blocks")
        return Query(query_id, self.text(), Stage(stage), settings)

    def _client_info(self) -> None:
        if self.byte() == 0:
            return
        self.text(), self.text(), self.text()
        interface = self.byte()
        if interface == 1:
            self.text(), self.text(), self.text()
            self.number(), self.number(), self.number()
        elif interface == 2:
            self.byte(), self.text()
        self.text()
        if interface == 1:
            self.number()

    def tables(self) -> list[tuple[str, str]]:
        """The body of a TablesStatusRequest: (database, table) of each."""
        return [(self.text(), self.text()) for _ in range(self._bounded(self.number(), COLUMNS_LIMIT))]

    def block(self) -> Block:
        """The body of a Data packet."""
        table = self.text()
        while part := self.number():
            self.bytes({1: 1, 2: 4}[part])
        self._kept = []
        columns, rows = self._bounded(self.number(), COLUMNS_LIMIT), self._bounded(self.number(), ROWS_LIMIT)
        names, types = [], []
        for _ in range(columns):
            names.append(self.text())
            types.append(self.text())
            if rows:
                self._prefix(types[-1])
                self._column(types[-1], rows)
        native = b"".join(self._kept)
        self._kept = None
        return Block(table, tuple(names), tuple(types), rows, native)

    def _prefix(self, kind: str) -> None:
        """What stands before a column's values: the version of each dictionary in it."""
        name, inner = parts(kind)
        if name == "LowCardinality":
            self.bytes(8)
        elif name in ("Nullable", "Array", "Tuple", "Map"):
            for one in inner:
                self._prefix(one)
        elif name == "SimpleAggregateFunction":
            self._prefix(inner[1])

    def _column(self, kind: str, rows: int) -> None:
        """Read over `rows` values of a type."""
        name, inner = parts(kind)
        if name in WIDTHS:
            self.bytes(WIDTHS[name] * rows)
        elif name == "FixedString":
            self.bytes(int(inner[0]) * rows)
        elif name == "Decimal":
            digits = int(inner[0])
            self.bytes(next(width for most, width in ((9, 4), (18, 8), (38, 16), (76, 32)) if digits <= most) * rows)
        elif name == "String":
            for _ in range(rows):
                self.string()
        elif name == "Nullable":
            self.bytes(rows)
            self._column(inner[0], rows)
        elif name == "SimpleAggregateFunction":
            self._column(inner[1], rows)
        elif name == "Tuple":
            for one in inner:
                self._column(one, rows)
        elif name in ("Array", "Map"):
            offsets = self.bytes(8 * rows)
            total = struct.unpack("<Q", offsets[-8:])[0] if rows else 0
            for one in inner:
                self._column(one, self._bounded(total, ROWS_LIMIT))
        elif name == "LowCardinality":
            self._dictionary(inner[0], rows)
        else:
            raise ProtocolError(f"a column of type {kind}")

    def _dictionary(self, kind: str, rows: int) -> None:
        """A LowCardinality's values: its keys, then the number of a key for each row."""
        if not rows:
            return
        flags = struct.unpack("<Q", self.bytes(8))[0]
        if flags & 0x100 or not flags & 0x200:
            raise ProtocolError("a dictionary that is shared between blocks")
        keys = struct.unpack("<Q", self.bytes(8))[0]
        name, inner = parts(kind)
        self._column(inner[0] if name == "Nullable" else kind, self._bounded(keys, ROWS_LIMIT))
        count = struct.unpack("<Q", self.bytes(8))[0]
        self.bytes((1, 2, 4, 8)[flags & 0xFF] * self._bounded(count, ROWS_LIMIT))

    def _bounded(self, number: int, limit: int) -> int:
        if number > limit:
            raise ProtocolError(f"{number} where at most {limit} makes sense")
        return number

    def bytes(self, count: int) -> bytes:
        """Exactly as many bytes."""
        found = self._source.read(count)
        if len(found) != count:
            raise EOFError
        if self._kept is not None:
            self._kept.append(found)
        return found

    def byte(self) -> int:
        """One byte's number."""
        return self.bytes(1)[0]

    def number(self) -> int:
        """A number of seven bits a byte, the lowest first."""
        value = 0
        for shift in range(0, 70, 7):
            one = self.byte()
            value |= (one & 0x7F) << shift
            if one < 0x80:
                return value
        raise ProtocolError("a number without an end")

    def string(self) -> bytes:
        """Bytes after their number."""
        return self.bytes(self._bounded(self.number(), STRING_LIMIT_BYTES))

    def text(self) -> str:
        """The same as text."""
        return self.string().decode()


#: Bytes of a value, of the types that are always as long.
WIDTHS = {"Bool": 1, "Date": 2, "Date32": 4, "DateTime": 4, "DateTime64": 8, "UUID": 16, "IPv4": 4, "IPv6": 16}
WIDTHS |= {f"{sign}Int{bits}": bits // 8 for sign in ("", "U") for bits in (8, 16, 32, 64, 128, 256)}
WIDTHS |= {"Float32": 4, "Float64": 8, "Enum8": 1, "Enum16": 2, "Nothing": 1}


def parts(kind: str) -> tuple[str, list[str]]:
    """A type's name, and its arguments: `Tuple(a Int8, String)` is `("Tuple", ["Int8", "String"])`."""
    name, bracket, rest = kind.partition("(")
    if not bracket:
        return kind, []
    inner, depth, quoted, start = [], 0, False, 0
    for place, sign in enumerate(rest):
        if sign == "'":
            quoted = not quoted
        elif quoted:
            continue
        elif sign == "(":
            depth += 1
        elif sign == ")" and depth:
            depth -= 1
        elif depth == 0 and sign in ",)":
            inner.append(rest[start:place].strip())
            start = place + 1
    if name in ("Tuple", "Nested"):
        # Elements may have names.
        inner = [one.split(" ", 1)[1] if " " in one.partition("(")[0] else one for one in inner]
    return name, inner


class Writer:
    """Writes packets; each goes out at once."""

    def __init__(self, sink: BinaryIO) -> None:
        self._sink = sink

    def hello(self, name: str) -> None:
        """Greet, as a server in UTC."""
        self._send(
            Server.HELLO, text(name), number(21), number(1), number(REVISION), text("UTC"), text(name), number(0)
        )

    def pong(self) -> None:
        """I am here."""
        self._send(Server.PONG)

    def end(self) -> None:
        """Nothing more comes of this query."""
        self._send(Server.END_OF_STREAM)

    def data(self, native: bytes) -> None:
        """A block, in the format Native."""
        # Not an overflow row, of no bucket.
        self._send(Server.DATA, text(""), b"\x01\x00\x02\xff\xff\xff\xff\x00", native)

    def header(self, columns: list[tuple[str, str]]) -> None:
        """A block without rows: (name, type) of each column."""
        self.data(number(len(columns)) + number(0) + b"".join(text(one) for column in columns for one in column))

    def tables(self, tables: list[tuple[str, str]]) -> None:
        """All of them are here, and none is replicated."""
        self._send(
            Server.TABLES_STATUS,
            number(len(tables)),
            *(text(database) + text(table) + b"\x00" for database, table in tables),
        )

    def exception(self, code: int, words: str) -> None:
        """It went wrong."""
        self._send(
            Server.EXCEPTION, struct.pack("<i", code), text("DB::Exception"), text(f"DB::Exception: {words}"), text(""),
            b"\x00",
        )  # fmt: skip

    def _send(self, kind: Server, *body: bytes) -> None:
        self._sink.write(number(kind) + b"".join(body))
        self._sink.flush()


def number(value: int) -> bytes:
    """A number of seven bits a byte, the lowest first."""
    found = bytearray()
    while value >= 0x80:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def text(value: str) -> bytes:
    """Text after its length in bytes."""
    encoded = value.encode()
    return number(len(encoded)) + encoded
