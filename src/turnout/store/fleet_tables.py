"""The tables in which processes that share a store say of themselves what the others must know, and what they say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pyarrow as pa

from turnout import sql
from turnout.store.engine import Engine, rows
from turnout.store.locks import CREATE_LOCKS

_MEMBERS = sql.query("fleet_members")
_JOURNALS = sql.query("fleet_journal")

_CREATE_MEMBERS = """
CREATE TABLE IF NOT EXISTS members
(
    process String,
    state LowCardinality(String),
    said UInt64,
    at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(at)
ORDER BY process
TTL toDateTime(at) + INTERVAL 7 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
"""

_CREATE_JOURNALS = """
CREATE TABLE IF NOT EXISTS journals
(
    process String,
    cells String,
    said UInt64,
    at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(at)
ORDER BY process
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
"""

#: What the processes of a store need before they may do anything else.
TABLES = (CREATE_LOCKS, _CREATE_MEMBERS, _CREATE_JOURNALS)

_MADE = """
SELECT count() FROM system.tables
WHERE database = currentDatabase() AND name IN ('locks', 'members', 'journals')
"""


def are_made(engine: Engine) -> bool:
    """Whether all of these tables are there."""
    return rows(engine, _MADE) == [[len(TABLES)]]


class Member(NamedTuple):
    """A process, what it said last that it is (`active`, `idle`, `gone`), and how long ago."""

    process: str
    state: str
    silent_s: float


def members(engine: Engine) -> list[Member]:
    """Every process that has said something within the last days."""
    return [Member(process, state, int(silent_ms) / 1000) for process, state, silent_ms in rows(engine, _MEMBERS)]


def journals(engine: Engine) -> list[tuple[str, str]]:
    """Each process that is making part of the rollup anew, or died at it, and its cells as JSON."""
    return [(process, cells) for process, cells in rows(engine, _JOURNALS)]


def say(engine: Engine, table: str, process: str, number: int, said: Mapping[str, str]) -> None:
    """Say something of a process; of what is said at one moment the highest number counts."""
    row = {name: [value] for name, value in said.items()}
    engine.insert(table, pa.table({"process": [process], **row, "said": pa.array([number], pa.uint64())}))
