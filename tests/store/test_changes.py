"""Changes of stored rows by processes that share a store, and what becomes of them when one of these dies half way."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pyarrow as pa
import pytest

from turnout import app
from turnout.errors import Overloaded
from turnout.store import fleet
from turnout.store.duplicates import Duplicates
from turnout.store.engine import rows
from turnout.store.erasure import Erasure
from turnout.store.events import FIRST_MS, LAST_MS, Cells, EventStore
from turnout.store.fleet import Shared
from turnout.store.migrate import migrate

START_MS = 1_791_200_100_000
EVERYTHING = Cells("w", ("spring", "autumn"), FIRST_MS, LAST_MS)


def some_events() -> pa.RecordBatch:
    numbers = range(12)
    times = pa.array([START_MS + number * 500_000 for number in numbers], pa.int64()).cast(pa.timestamp("ms", "UTC"))
    return pa.record_batch(
        {
            "workspace": pa.array(["w"] * 12),
            "campaign": pa.array([("spring", "autumn")[number % 2] for number in numbers]),
            "type": pa.array(["clicked"] * 12),
            "time": times,
            "received": times,
            "id": pa.array([number.to_bytes(16, "little") for number in numbers], pa.binary(16)),
            "recipient": pa.array([("anna@mail.example", "ben@mail.example")[number % 3 == 0] for number in numbers]),
            "url": pa.array(["https://x.example/?e=anna@mail.example"] * 12),
            "traffic": pa.array(["human"] * 12),
        }
    )


class Process:
    """One of those that share the store, as the application wires it."""

    def __init__(self, engine, name: str, journal: Path, lease_s: float) -> None:
        self.engine = engine
        self.fleet = Shared(engine, name, lease_s=lease_s, watch_s=0.05)
        self.fleet.prepare()
        self.events = EventStore(engine, journal, self.fleet)
        self.fleet.take_over = app._taking_over(engine, self.events)

    def put(self) -> None:
        with self.fleet.writing():
            self.events.append([some_events()], [EVERYTHING])
        self.events.settle()

    def exclusively(self, action) -> None:
        with self.fleet.alone():
            action()


@pytest.fixture
def join(fresh_engine, tmp_path):
    migrate(fresh_engine)
    with contextlib.ExitStack() as ending:

        def make(name: str, engine=fresh_engine, *, lease_s: float = 0.3) -> Process:
            made = Process(engine, name, tmp_path / f"{name}.json", lease_s)
            if engine is fresh_engine:
                ending.callback(made.fleet.close)
            return made

        yield make


def state(engine) -> tuple[int, int, int]:
    """Events, different ids, and those that still name Anna."""
    ((events, ids, naming),) = rows(
        engine,
        "SELECT count(), uniqExact(id), countIf(recipient LIKE 'anna%' OR url LIKE '%anna%') FROM events",
    )
    return int(events), int(ids), int(naming)


def die(process: Process, last: int, action) -> None:
    """Change something alone, and die before the statement after the `last` one, without a word to anybody."""
    lock = process.fleet._locks["rows"]
    lock.release = lock.abandon

    def dying() -> None:
        process.engine._left = last
        action()

    with contextlib.suppress(process.engine.Died):
        process.exclusively(dying)
        raise AssertionError("it did not die")


@pytest.mark.parametrize(
    ("last", "is_complete"),
    [
        pytest.param(2, False, id="while the list is made"),
        pytest.param(8, True, id="before anything is changed"),
        pytest.param(9, True, id="between two changes"),
        pytest.param(10, True, id="before the list is gone"),
    ],
)
def test_an_erasure_whose_process_died_is_ended_by_another(join, fresh_engine, dying, last, is_complete):
    heir = join("heir")
    heir.put()
    dead = join("dead", dying(fresh_engine, last=-1))
    die(dead, last, lambda: Erasure(dead.engine, dead.events).erase("w", "anna@mail.example"))
    assert heir.fleet.version % 2 == 1
    while heir.fleet.version % 2:
        heir.fleet._look()
    # Before the list is complete there is nothing to go on with: who asked for it was told that it failed.
    assert state(fresh_engine) == (12, 12, 0 if is_complete else 12)
    assert rows(fresh_engine, "SELECT * FROM leaving") == []
    assert heir.events.differences(EVERYTHING) == []


@pytest.mark.parametrize("last", range(3))
def test_copies_whose_dropping_broke_off_are_dropped_by_another(join, fresh_engine, dying, last):
    one, two = join("one"), join("two")
    one.put()
    two.put()
    assert state(fresh_engine)[:2] == (24, 12)
    dead = join("dead", dying(fresh_engine, last=-1))
    duplicates = Duplicates(dead.engine, dead.events, lambda action: die(dead, last, action))
    with pytest.raises(IndexError):  # of what it would have said
        duplicates.remove(EVERYTHING)
    while one.fleet.version % 2:
        one.fleet._look()
    assert state(fresh_engine)[1] == 12
    assert one.events.differences(EVERYTHING) == []
    assert Duplicates(fresh_engine, one.events, one.exclusively).remove(EVERYTHING) == (0 if last else 12)
    assert state(fresh_engine)[:2] == (12, 12)


def test_one_process_at_a_time_reclassifies(join, monkeypatch):
    monkeypatch.setattr(fleet, "_CLASSIFYING_TIMEOUT_S", 0.2)
    one, two = join("one", lease_s=30), join("two", lease_s=30)
    with one.fleet.classifying(), pytest.raises(Overloaded), two.fleet.classifying():
        pass
    with two.fleet.classifying():
        pass
