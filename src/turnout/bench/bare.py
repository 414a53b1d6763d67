"""The engine alone: bodies straight into a plain table, as the engine itself reads JSON.

No identity, no rollup, no HTTP and no fsync: the least that the same engine must do with the same bytes.
The table has the columns of `events`, under the names that senders use. Its SQL is here because it is a
thing to measure, and no part of the server.
"""

from __future__ import annotations

from pathlib import Path

from chdb.state.sqlitelike import Connection

_SCHEMA = """
CREATE TABLE IF NOT EXISTS bare
(
    workspace LowCardinality(String),
    campaign LowCardinality(String),
    type LowCardinality(String),
    time DateTime64(3, 'UTC'),
    id String,
    recipient String,
    anonymous Bool,
    message LowCardinality(String),
    variation LowCardinality(String),
    channel LowCardinality(String),
    send_id LowCardinality(String),
    profile LowCardinality(String),
    bounce LowCardinality(String),
    failure LowCardinality(String),
    open LowCardinality(String),
    target LowCardinality(String),
    goal UInt8,
    amount Decimal(18, 6),
    currency LowCardinality(String),
    order String,
    name LowCardinality(String),
    duration_s Float64,
    product LowCardinality(String),
    quantity UInt32,
    url String,
    link LowCardinality(String),
    link_title LowCardinality(String),
    params String,
    properties String,
    ip String,
    user_agent LowCardinality(String),
    country LowCardinality(String),
    device LowCardinality(String),
    browser LowCardinality(String),
    traffic LowCardinality(String),
    received DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree ORDER BY (workspace, campaign, type, time)
"""
_INSERT = "INSERT INTO bare SETTINGS date_time_input_format = 'best_effort'"


class Bare:
    """A plain table in `directory`."""

    def __init__(self, directory: Path) -> None:
        self._connection = Connection(str(directory))
        self._connection.query(_SCHEMA)

    def query(self, body: bytes) -> None:
        """Insert a body by one query that carries it."""
        self._connection.query(f"{_INSERT} FORMAT JSONEachRow\n{body.decode()}")

    def push(self, body: bytes) -> None:
        """Insert a body through chDB's streaming inserter, which spares the engine a copy."""
        with self._connection.send_insert(_INSERT, "JSONEachRow") as inserter:
            inserter.append(body)
            inserter.finish()

    def count(self) -> int:
        """How many rows there are."""
        return int(self._connection.query("SELECT count() FROM bare").bytes())
