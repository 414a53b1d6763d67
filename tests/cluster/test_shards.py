"""Where a cluster keeps what is inserted, and what an insert that is repeated does: on both shards, view included."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator

import pyarrow as pa
import pytest

from turnout.errors import TurnoutError
from turnout.store.engine import rows

START_MS = 1_791_200_000_000

#: The engine's own words for which of two shards of weight 1 a row belongs to.
PLACE = "cityHash64(workspace, if(recipient = '', toString(id), recipient)) % 2"

ROLLED = """
SELECT workspace, campaign, type, toStartOfFifteenMinutes(time) AS slot, count() AS n, sum(toDecimal128(amount, 6))
FROM events_local WHERE workspace = '{w}' GROUP BY workspace, campaign, type, slot ORDER BY ALL
"""
KEPT = """
SELECT workspace, campaign, type, slot, sum(events) AS n, sum(amount) FROM counts_local
WHERE workspace = '{w}' GROUP BY workspace, campaign, type, slot HAVING n > 0 ORDER BY ALL
"""


def some_events(workspace: str, count: int = 60, first: int = 0) -> pa.RecordBatch:
    """Events of persons and of nobody, in two campaigns."""
    numbers = range(first, first + count)
    times = pa.array([START_MS + number * 61_000 for number in numbers], pa.int64()).cast(pa.timestamp("ms", "UTC"))
    return pa.record_batch(
        {
            "workspace": pa.array([workspace] * count),
            "campaign": pa.array([("spring", "sümmer'\"\\")[number % 2] for number in numbers]),
            "type": pa.array([("sent", "opened", "clicked")[number % 3] for number in numbers]),
            "time": times,
            "received": times,
            "id": pa.array([number.to_bytes(16, "little") for number in numbers], pa.binary(16)),
            "recipient": pa.array(["" if number % 5 == 0 else f"r{number % 13}" for number in numbers]),
            "amount": pa.array([1] * count, pa.decimal128(18, 6)),
            "traffic": pa.array(["human"] * count),
        }
    )


@pytest.fixture
def workspace() -> Iterator[str]:
    return f"s{uuid.uuid4().hex[:8]}"


def counts(engine, workspace: str) -> tuple[int, int]:
    """Raw and rolled up, over both shards."""
    where = {"w": workspace}
    ((raw,),) = rows(engine, "SELECT count() FROM events WHERE workspace = {w:String}", where)
    ((rolled,),) = rows(engine, "SELECT sum(events) FROM counts WHERE workspace = {w:String}", where)
    return int(raw), int(rolled)


def test_an_insert_is_split_as_the_key_says(engine, node, workspace):
    engine.insert("events", some_events(workspace), token=workspace)
    for place in (0, 1):
        where = f"FROM events_local WHERE workspace = '{workspace}'"
        assert node(place, f"SELECT DISTINCT {PLACE} {where}") == [[str(place)]]
    assert counts(engine, workspace) == (60, 60)


def test_a_person_is_on_one_shard_whatever_the_campaign(engine, node, workspace):
    engine.insert("events", some_events(workspace), token=workspace)
    where = f"FROM events_local WHERE workspace = '{workspace}' AND recipient != ''"
    here, there = ({one for (one,) in node(place, f"SELECT DISTINCT recipient {where}")} for place in (0, 1))
    assert here
    assert there
    assert not here & there
    assert len(here | there) == 13
    several = node(0, f"SELECT recipient {where} GROUP BY recipient HAVING uniqExact(campaign) = 2")
    assert len(several) == len(here)


def test_a_rollup_row_lies_beside_its_events(engine, node, workspace):
    engine.insert("events", some_events(workspace), token=workspace)
    for place in (0, 1):
        kept = node(place, KEPT.format(w=workspace))
        assert kept == node(place, ROLLED.format(w=workspace))
        assert kept


def test_an_insert_again_with_its_token_counts_once(engine, node, workspace):
    for _ in range(3):
        engine.insert("events", some_events(workspace), token=workspace)
    assert counts(engine, workspace) == (60, 60)
    engine.insert("events", some_events(workspace, 30, first=60), token=f"{workspace}-2")
    assert counts(engine, workspace) == (90, 90)
    for place in (0, 1):
        assert node(place, KEPT.format(w=workspace)) == node(place, ROLLED.format(w=workspace))


def test_the_same_rows_without_a_token_are_rows_again(engine, workspace):
    for _ in range(2):
        engine.insert("events", some_events(workspace))
    assert counts(engine, workspace) == (120, 120)


@pytest.mark.parametrize("refusing", [0, 1])
def test_an_insert_that_one_shard_refused_is_whole_after_the_next_try(cluster, engine, node, workspace, refusing):
    cluster.refuse_next("INSERT INTO", node=refusing)
    with contextlib.suppress(TurnoutError):
        engine.insert("events", some_events(workspace), token=workspace)
    engine.insert("events", some_events(workspace), token=workspace)
    assert counts(engine, workspace) == (60, 60)
    for place in (0, 1):
        assert node(place, KEPT.format(w=workspace)) == node(place, ROLLED.format(w=workspace))


def test_an_insert_that_one_shard_refused_is_an_error(cluster, engine, workspace):
    """Without a token nothing may be sent again by itself: it is said, and half of it may be there."""
    cluster.refuse_next("INSERT INTO", node=1)
    with pytest.raises(TurnoutError):
        engine.insert("events", some_events(workspace))
    raw, rolled = counts(engine, workspace)
    assert 0 <= raw == rolled < 60


def test_what_is_everywhere_is_on_every_node(engine, node, workspace):
    row = {"kind": ["x"], "workspace": [workspace], "id": ["1"], "body": ["{}"]}
    row |= {"version": pa.array([1], pa.uint64()), "deleted": pa.array([0], pa.uint8())}
    engine.insert("catalog", pa.table(row))
    asked = f"SELECT count() FROM catalog WHERE workspace = '{workspace}'"
    assert [node(place, asked) for place in (0, 1)] == [[["1"]], [["1"]]]


def test_a_mutation_reaches_both_shards(engine, node, workspace):
    engine.insert("events", some_events(workspace), token=workspace)
    gone = {"w": workspace, "c": "spring"}
    change = (
        "ALTER TABLE events DELETE WHERE workspace = {w:String} AND campaign = {c:String} SETTINGS mutations_sync = 2"
    )
    engine.execute(change, gone)
    assert counts(engine, workspace)[0] == 30
    for place in (0, 1):
        where = f"FROM events_local WHERE workspace = '{workspace}'"
        assert node(place, f"SELECT uniqExact(campaign) {where}") == [["1"]]
