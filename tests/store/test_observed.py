"""An engine that is watched does what it did, and every statement is told of."""

from __future__ import annotations

import pyarrow as pa
import pytest

from turnout.errors import StoreError
from turnout.store import inventory
from turnout.store.observed import ObservedEngine


@pytest.fixture
def watched(house):
    """An engine that passes on to the house's, and what was observed of it. The stopwatch steps by a second."""
    seen = []
    ticks = iter(range(1000))
    return ObservedEngine(house.services.engine, lambda *one: seen.append(one), lambda: float(next(ticks))), seen


def test_every_kind_of_statement_is_told_of(watched):
    engine, seen = watched
    engine.execute("CREATE TABLE IF NOT EXISTS observed (n UInt64) ENGINE = MergeTree ORDER BY n")
    engine.insert("observed", pa.record_batch({"n": pa.array([1, 2, 3], pa.uint64())}))
    assert engine.query("SELECT sum(n) FROM observed", output="TabSeparated") == b"6\n"
    assert b"".join(engine.stream("SELECT n FROM observed ORDER BY n")) == b'{"n":1}\n{"n":2}\n{"n":3}\n'
    assert sum(batch.num_rows for batch in engine.batches("SELECT n FROM observed")) == 3
    (table,) = [one for one in inventory.tables(engine) if one.name == "observed"]
    assert (table.rows, table.parts) == (3, 1)
    assert table.bytes > 0
    engine.derive("DROP TABLE observed")
    kinds = ["execute", "insert", "query", "stream", "stream", "query", "derive"]
    assert seen == [(kind, 1.0, "") for kind in kinds]


def test_what_fails_is_told_of_and_still_fails(watched):
    engine, seen = watched
    with pytest.raises(StoreError):
        engine.query("SELECT no_such_column FROM events")
    with pytest.raises(StoreError):
        list(engine.stream("SELECT no_such_column FROM events"))
    assert seen == [("query", 1.0, "store_error"), ("stream", 1.0, "store_error")]


def test_a_stream_that_is_left_early_ends(house, watched):
    engine, seen = watched
    ended = []

    def chunks():
        try:
            yield b"1\n"
            yield b"2\n"
        finally:
            ended.append(True)

    class Streaming:
        def stream(self, sql, parameters=None):
            return chunks()

    stream = ObservedEngine(Streaming(), engine._observe, engine._stopwatch).stream("SELECT 1")
    assert next(stream) == b"1\n"
    stream.close()
    assert ended == [True]
    assert seen == [("stream", 1.0, "")]
