"""The sixty-line prototype that Turnout is held against: the shortest way to count once that is still right.

NDJSON bodies enter, over HTTP or straight into `ingest`; events that are new are appended, and one view
keeps hourly counts and exact uniques. Requests that come while an insert is running share the next one.
It checks nothing, has one workspace and no bounds, and is no part of the server: its SQL is here because
it is a thing to measure.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pyarrow as pa
from chdb.state.sqlitelike import Connection
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_TEXT = ("type", "campaign", "message", "variation", "channel", "link", "country", "device")
_FIELDS = ", ".join(("id", "time", "recipient", *_TEXT))
_TABLE = "(id String, time DateTime64(3, 'UTC'), recipient String, " + ", ".join(
    f"{name} LowCardinality(String)" for name in _TEXT
)
_FSYNC = "SETTINGS fsync_after_insert = 1, fsync_part_directory = 1"
_SCHEMA = (
    f"CREATE TABLE IF NOT EXISTS events {_TABLE}) ENGINE = MergeTree ORDER BY (campaign, type, time) {_FSYNC}",
    f"CREATE TABLE IF NOT EXISTS staged {_TABLE}) ENGINE = Memory",
    f"""CREATE TABLE IF NOT EXISTS hours (campaign LowCardinality(String), type LowCardinality(String),
        hour DateTime('UTC'), events SimpleAggregateFunction(sum, UInt64),
        recipients AggregateFunction(uniqExact, String))
        ENGINE = AggregatingMergeTree ORDER BY (campaign, type, hour) {_FSYNC}""",
    """CREATE MATERIALIZED VIEW IF NOT EXISTS hours_of_events TO hours AS
        SELECT campaign, type, toStartOfHour(time) AS hour, count() AS events, uniqExactState(recipient) AS recipients
        FROM events GROUP BY campaign, type, hour""",
)
_STAGE = f"INSERT INTO staged ({_FIELDS}) SELECT {_FIELDS} FROM Python(batch)"
_APPEND = f"""INSERT INTO events ({_FIELDS}) SELECT {_FIELDS} FROM staged WHERE id NOT IN (
        SELECT id FROM events WHERE campaign IN (SELECT DISTINCT campaign FROM staged)
        AND time >= (SELECT min(time) FROM staged) AND time <= (SELECT max(time) FROM staged)
    ) LIMIT 1 BY id"""

_decode = msgspec.json.Decoder(
    msgspec.defstruct("Fields", [(name, str, "") for name in _FIELDS.split(", ")], gc=False)
).decode_lines


class Prototype:
    """A store in `directory`. One thread at a time calls `ingest`."""

    def __init__(self, directory: Path) -> None:
        self._connection = Connection(str(directory))
        for statement in _SCHEMA:
            self._connection.query(statement)

    def ingest(self, body: bytes) -> int:
        """Count a body's events, once and durably; returns how many it holds."""
        events = _decode(body)
        # The engine finds the table by the name of this variable.
        batch = pa.table({name: [getattr(event, name) for event in events] for name in _FIELDS.split(", ")})  # noqa: F841
        for statement in ("TRUNCATE TABLE staged", _STAGE, _APPEND):
            self._connection.query(statement)
        return len(events)

    def count(self) -> int:
        """How many events are stored."""
        return int(self._connection.query("SELECT count() FROM events").bytes())


def application() -> Starlette:
    """POST /v1/events, answered once the events are on disk, in `prototype` of the working directory."""
    prototype = Prototype(Path("prototype"))
    waiting: list[tuple[bytes, asyncio.Future[None]]] = []
    writing = asyncio.Lock()

    async def capture(request: Request) -> Response:
        written = asyncio.get_running_loop().create_future()
        waiting.append((await request.body(), written))
        async with writing:
            if not written.done():
                group, waiting[:] = waiting[:], []
                await asyncio.to_thread(prototype.ingest, b"".join(body for body, _ in group))
                for _, receipt in group:
                    receipt.set_result(None)
        return Response(b'{"duplicates":0}', media_type="application/json")

    return Starlette(routes=[Route("/v1/events", capture, methods=["POST"])])
