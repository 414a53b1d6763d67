"""The filter of known ids on two shards: what any process has stored on either is known once it was learned."""

from __future__ import annotations

import itertools
import random
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from turnout.store import known_parts
from turnout.store.known_parts import Blocks
from turnout.store.known_shared import SharedIds
from turnout.store.server import ServerEngine

START_MS = 1_791_200_000_000
WAIT_S = 60
MANY = 10**9


def ids_of(count: int, seed: int) -> bytes:
    return random.Random(seed).randbytes(16 * count)


@pytest.fixture
def store(engine) -> Callable[[bytes], None]:
    """Stores events with these ids, of persons of both shards."""

    def insert(ids: bytes) -> None:
        count = len(ids) // 16
        times = pa.array([START_MS] * count, pa.int64()).cast(pa.timestamp("ms", "UTC"))
        batch = pa.record_batch(
            {
                "workspace": pa.array(["known"] * count),
                "campaign": pa.array(["c"] * count),
                "type": pa.array(["sent"] * count),
                "time": times,
                "received": times,
                "id": pa.array([ids[16 * at : 16 * at + 16] for at in range(count)], pa.binary(16)),
                "recipient": pa.array([f"r{at}" for at in range(count)]),
            }
        )
        engine.insert("events", batch, token=uuid.uuid4().hex)

    return insert


@pytest.fixture
def other(cluster, database) -> Iterator[ServerEngine]:
    """Another process's engine, which speaks to the second node."""
    opened = ServerEngine(cluster.url(database, node=1))
    yield opened
    opened.close()


def merge(cluster, database: str, node: int) -> None:
    cluster.ask("OPTIMIZE TABLE events_local FINAL", node=node, database=database)


def opened(engine: ServerEngine, directory: Path, **options: int) -> SharedIds:
    known = SharedIds(engine, directory, **{"limit_ids": MANY, **options})
    known.start()
    assert known.wait(WAIT_S)
    return known


def calls_new(known: SharedIds, ids: bytes) -> int:
    mask = known.surely_new(ids)
    assert mask is not None
    return int(mask.sum())


def test_no_id_that_was_stored_before_a_learn_is_called_new_after_it(engine, other, store, cluster, database, tmp_path):
    chance, number = random.Random(7), itertools.count(10**6)
    stored: list[bytes] = []
    engines = engine, other
    known = [opened(one, tmp_path / str(place)) for place, one in enumerate(engines)]
    for step in [*chance.choices(["store", "learn", "merge", "restart"], [10, 8, 5, 1], k=14), "restart", "merge"]:
        place = chance.randrange(2)
        if step == "store":
            stored.append(ids_of(chance.randrange(1, 60), next(number)))
            store(stored[-1])
        elif step == "merge":
            merge(cluster, database, place)
        elif step == "restart":
            known[place].close()
            known[place] = opened(engines[place], tmp_path / str(place))
            assert all(calls_new(known[place], ids) == 0 for ids in stored)
        else:
            assert known[place].learn()
            assert all(calls_new(known[place], ids) == 0 for ids in stored)
            assert calls_new(known[place], ids_of(100, 3)) == 100
    for one in known:
        assert one.learn()
        assert all(calls_new(one, ids) == 0 for ids in stored)
        one.close()


def test_a_part_that_one_shard_has_is_not_taken_for_another_s(engine, store, tmp_path):
    """Blocks of both shards have the same numbers, and hardly ever as many."""
    store(ids_of(40, 1))
    known = opened(engine, tmp_path / "known")
    ranges = known._read.ranges
    assert sorted(ranges) == [1, 2]
    known.close()
    for shard, absent in ((1, 2), (2, 1)):
        found, is_all = known_parts.new_ids(engine, Blocks({shard: ranges[shard]}), MANY)
        assert is_all
        assert {one for one, _ in found.parts} == {absent}


def test_state_is_told_by_shard_with_the_numbers_of_mutations(engine, store, cluster, database):
    store(ids_of(20, 2))
    engine.execute("ALTER TABLE events UPDATE country = 'DE' WHERE workspace = 'known' SETTINGS mutations_sync = 2")
    state = known_parts.state_of(engine, known_parts.database_of(engine))
    assert sorted(state.tables) == sorted(state.last) == [1, 2]
    asked = "SELECT max(max_block_number) FROM system.parts WHERE active AND table = 'events_local'"
    asked += " AND database = currentDatabase()"
    for shard in (1, 2):
        assert len(state.tables[shard]) == 1
        assert state.last[shard] == int(cluster.ask(asked, node=shard - 1, database=database))
        assert state.mutations[shard]
