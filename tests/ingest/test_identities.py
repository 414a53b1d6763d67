"""Which ids of a store that others write to are looked up: those that the filter knows, or all while it can't say."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from turnout.ingest.steps import Batch
from turnout.ingest.writer import Writer
from turnout.model import Event
from turnout.settings import Settings
from turnout.store.catalog import Catalog
from turnout.store.engine import Engine, rows
from turnout.store.events import EventStore
from turnout.store.fleet import Shared
from turnout.store.known_shared import SharedIds
from turnout.store.migrate import migrate
from turnout.store.server import ServerEngine

START_US = 1_791_200_000_000_000
NOW = dt.datetime(2026, 11, 18, 12, tzinfo=dt.UTC)


class Listening:
    """An engine that hears which ids are looked up."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.looked_up: list[int] = []

    def query(self, sql: str, parameters: object = None, output: str = "JSONCompact") -> bytes:
        if "id IN {ids:Array(UInt128)}" in sql:
            self.looked_up.append(len(parameters["ids"]))  # type: ignore[index]
        return self._engine.query(sql, parameters, output)  # type: ignore[arg-type]

    def __getattr__(self, name: str) -> object:
        return getattr(self._engine, name)


class Process:
    """The writing side of one process of a shared store."""

    def __init__(self, url: str, directory: Path, *, limit_ids: int = 10**9) -> None:
        directory.mkdir(exist_ok=True)
        self._opened = ServerEngine(url)
        self.engine = Listening(self._opened)
        engine: Engine = self.engine  # type: ignore[assignment]
        self.fleet = Shared(engine, directory.name)
        self.fleet.prepare()
        migrate(engine, self.fleet.migrating())
        self.known = SharedIds(engine, directory / "known", limit_ids=limit_ids)
        self.writer = Writer(
            directory / "spool",
            EventStore(engine, directory / "journal.json", self.fleet),
            Catalog(engine, lambda: NOW, self.fleet),
            # Stored when the test says so.
            Settings(flush_age_ms=600_000, settle_timeout_s=60),
            known=self.known,
            fleet=self.fleet,
        )
        self.writer.start()

    def send(self, first: int, count: int) -> tuple[int, int]:
        found = self.writer.submit(batch_of(range(first, first + count))).result(60)
        return found.accepted, found.duplicates

    def looked_up(self) -> list[int]:
        found, self.engine.looked_up = self.engine.looked_up, []
        return found

    def close(self) -> None:
        self.writer.close()
        self.fleet.close()
        self._opened.close()


def batch_of(numbers: range) -> Batch:
    events = [
        Event(type="sent", time=START_US + number * 1_000_000, campaign="c", recipient=f"r{number}")
        for number in numbers
    ]
    return Batch("w", START_US, events, [b"an id by itself "[:8] + number.to_bytes(8, "little") for number in numbers])


@pytest.fixture
def begin(standin, tmp_path) -> Iterator[Callable[..., Process]]:
    """Starts processes on one store."""
    url = standin.new_database()
    running: list[Process] = []

    def start(name: str, **options: int) -> Process:
        running.append(Process(url, tmp_path / name, **options))
        return running[-1]

    yield start
    for process in running:
        process.close()
    standin.drop_database(url)


def stored(process: Process) -> list[int]:
    return [int(number) for number in rows(process.engine, "SELECT count(), uniqExact(id) FROM events")[0]]  # type: ignore[arg-type]


def test_ids_that_are_new_are_looked_up_nowhere_and_those_of_others_once(begin):
    one, two = begin("one"), begin("two")
    assert one.known.wait(30)
    assert two.known.wait(30)
    assert one.send(0, 300) == (300, 0)
    # The other one hasn't stored it, so nobody can know.
    assert two.send(200, 300) == (300, 0)
    one.writer.settle("w")
    assert (one.looked_up(), two.looked_up()) == ([], [])
    # Right before its insert the second one hears of the hundred, and looks them up.
    two.writer.settle("w")
    assert two.looked_up() == [100]
    assert stored(one) == [500, 500]
    # From now on it is told at the door.
    two.known.learn()
    assert two.send(100, 100) == (0, 100)
    one.known.learn()
    assert one.send(400, 200) == (100, 100)
    one.writer.settle("w")
    assert stored(one) == [600, 600]


def test_while_the_filter_can_not_say_every_id_is_looked_up_twice(begin):
    one = begin("one", limit_ids=100)
    assert one.known.wait(30)
    assert one.send(0, 150) == (150, 0)
    one.writer.settle("w")
    one.looked_up()
    # It has more than it may by now.
    assert not one.known.learn()
    assert one.send(100, 200) == (150, 50)
    assert sum(one.looked_up()) >= 200
    one.writer.settle("w")
    assert sum(one.looked_up()) >= 150
    assert stored(one) == [300, 300]
