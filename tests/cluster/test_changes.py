"""What changes rows that are stored, on two shards: copies dropped, persons erased, rollups made anew; and what lies on
the wrong shard is found."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pyarrow as pa
import pytest

from turnout.errors import Conflict
from turnout.store import backup, integrity, placement
from turnout.store.duplicates import Duplicates
from turnout.store.engine import rows
from turnout.store.erasure import Erasure
from turnout.store.events import FIRST_MS, LAST_MS, Cells, EventStore
from turnout.store.migrate import migrate
from turnout.store.retention import Retention
from turnout.store.server import ServerEngine

START_MS = 1_791_200_000_000
CAMPAIGNS = ("spring", "sümmer'\"\\")


def some_events(workspace: str, numbers: range, *, received: int = 0) -> pa.RecordBatch:
    """Events of persons and of nobody, in two campaigns."""
    times = pa.array([START_MS + number * 61_000 for number in numbers], pa.int64())
    return pa.record_batch(
        {
            "workspace": pa.array([workspace] * len(numbers)),
            "campaign": pa.array([CAMPAIGNS[number % 2] for number in numbers]),
            "type": pa.array([("sent", "opened", "clicked")[number % 3] for number in numbers]),
            "time": times.cast(pa.timestamp("ms", "UTC")),
            "received": pa.array([START_MS + received] * len(numbers), pa.int64()).cast(pa.timestamp("ms", "UTC")),
            "id": pa.array([number.to_bytes(16, "little") for number in numbers], pa.binary(16)),
            "recipient": pa.array(["" if number % 5 == 0 else f"person{number % 13}@ex.org" for number in numbers]),
            "ip": pa.array(["203.0.113.7"] * len(numbers)),
            "url": pa.array([f"https://ex.org/?e=person{number % 13}@ex.org" for number in numbers]),
            "traffic": pa.array(["human"] * len(numbers)),
        }
    )


@pytest.fixture
def workspace() -> Iterator[str]:
    return f"c{uuid.uuid4().hex[:8]}"


@pytest.fixture
def everything(workspace) -> Cells:
    return Cells(workspace, CAMPAIGNS, FIRST_MS, LAST_MS)


@pytest.fixture
def store(engine, workspace, tmp_path) -> EventStore:
    """With sixty events."""
    events = EventStore(engine, tmp_path / "journal.json")
    put(events, some_events(workspace, range(60)))
    return events


def put(events: EventStore, batch: pa.RecordBatch) -> None:
    events.append([batch], [Cells(batch["workspace"][0].as_py(), CAMPAIGNS, FIRST_MS, LAST_MS)])
    events.settle()


def at_once(action):
    action()


def count(engine, workspace: str, what: str = "count()") -> int:
    asked = f"SELECT {what} FROM events WHERE workspace = {{w:String}}"
    return int(rows(engine, asked, {"w": workspace})[0][0])


@pytest.mark.parametrize("received", [0, 7])
def test_copies_on_both_shards_are_found_and_dropped(engine, node, store, workspace, everything, received):
    put(store, some_events(workspace, range(10, 40), received=received))
    duplicates = Duplicates(engine, store, at_once, ids_at_once=20)
    assert {one.id for one in duplicates.find(everything)} == set(range(10, 40))
    assert {one.id for one in duplicates.find_anywhere(workspace)} == set(range(10, 40))
    assert duplicates.remove(everything) == 30
    assert (count(engine, workspace), count(engine, workspace, "uniqExact(id)")) == (60, 60)
    assert count(engine, workspace, f"countIf(toUnixTimestamp64Milli(received) != {START_MS})") == 0
    held = [
        int(node(place, f"SELECT count() FROM events_local WHERE workspace = '{workspace}'")[0][0]) for place in (0, 1)
    ]
    assert sum(held) == 60
    assert min(held) > 0
    assert store.differences(everything) == []


def test_what_is_on_the_wrong_shard_is_found_by_its_key(engine, cluster, database, node, store, workspace, everything):
    assert placement.misplaced(engine, everything) == []
    # As an insert past the Distributed table would put them.
    for place in (0, 1):
        cluster.ask(
            "INSERT INTO events_local (workspace, campaign, type, time, id, recipient, traffic) SELECT "
            f"'{workspace}', 'spring', 'sent', fromUnixTimestamp64Milli({START_MS}), number, 'x', 'human' "
            f"FROM numbers({100 + 2 * place}, 2)",
            node=place,
            database=database,
        )
    (found,) = placement.misplaced(engine, everything)
    key = f"cityHash64('{workspace}', 'x') % 2"
    right = int(node(0, f"SELECT {key}")[0][0])
    assert (found.campaign, found.shard, found.events) == ("spring", 2 - right, 2)


def test_what_is_on_the_wrong_shard_is_found_where_one_shard_is_asked(cluster, workspace, everything):
    name = cluster.new_database()
    engine = ServerEngine(cluster.url(name, options="&shard_by=workspace"))
    try:
        migrate(engine)
        for place in (0, 1):
            cluster.ask(
                "INSERT INTO events_local (workspace, campaign, type, time, id, recipient, traffic) SELECT "
                f"'{workspace}', 'spring', 'sent', fromUnixTimestamp64Milli({START_MS}), number, 'x', 'human' "
                f"FROM numbers({100 + 2 * place}, 2)",
                node=place,
                database=name,
            )
        right = int(cluster.ask(f"SELECT cityHash64('{workspace}') % 2"))
        (found,) = placement.misplaced(engine, everything)
        assert (found.campaign, found.shard, found.events) == ("spring", 2 - right, 2)
    finally:
        engine.close()


def test_an_erased_person_stays_on_the_shard_and_every_number_stays(engine, store, workspace, everything):
    before = count(engine, workspace, "uniqExact(recipient)")
    theirs = count(engine, workspace, "countIf(recipient = 'person3@ex.org')")
    assert theirs
    erasure = Erasure(engine, store)
    erasure.erase(workspace, "person3@ex.org")
    assert count(engine, workspace, "countIf(recipient = 'person3@ex.org' OR url LIKE '%person3@%')") == 0
    assert count(engine, workspace, "countIf(startsWith(recipient, 'erased:'))") == theirs
    assert count(engine, workspace, "uniqExact(recipient)") == before
    assert count(engine, workspace) == 60
    assert not erasure.is_interrupted()
    assert placement.misplaced(engine, everything) == []
    assert store.differences(everything) == []


def test_what_is_past_its_time_is_taken_out(engine, store, workspace, everything):
    expired = Retention(engine, store, at_once).run(workspace, START_MS + 59 * 61_000)
    # Of person7 there is an event since.
    assert (expired.cleared, expired.recipients) == (59, 12)
    assert count(engine, workspace, "countIf(startsWith(ip, '203'))") == 1
    assert count(engine, workspace, "countIf(startsWith(recipient, 'person'))") == 4
    assert store.differences(everything) == []


def test_a_rollup_that_is_wrong_is_made_anew_beside_its_events(engine, cluster, database, store, workspace, everything):
    for place in (0, 1):
        cluster.ask(
            "INSERT INTO counts_local (workspace, campaign, type, slot, traffic, events) SELECT "
            f"'{workspace}', 'spring', 'sent', toStartOfFifteenMinutes(fromUnixTimestamp64Milli({START_MS})), 'human', "
            "5",
            node=place,
            database=database,
        )
    assert [one.rolled_events - one.raw_events for one in store.differences(everything)] == [10]
    store.rebuild(everything)
    assert store.differences(everything) == []


def test_a_cluster_s_parts_are_its_servers_own(engine, store):
    assert integrity.read_through(engine) == ()
    found = integrity.findings(engine, ())
    assert (found.damage, found.aside) == ((), ())
    shards = placement.shards(engine)
    assert [shard for shard, _ in shards.events] == [1, 2]


def test_a_backup_is_refused_and_says_what_does_it(engine, tmp_path):
    order = backup.Order(tmp_path / "b", None, "backups")
    with pytest.raises(Conflict, match="no single node has all of it") as refused:
        backup.check(order, embedded=False, cluster=engine.placement.cluster)
    assert "ON CLUSTER 'main'" in str(refused.value.hint)
    assert not (tmp_path / "b").exists()
