"""The filter of known ids over a real table of events: complete after every kind of stop, or silent."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from turnout import app
from turnout.errors import StoreError
from turnout.store.engine import Engine, rows
from turnout.store.known import KnownIds
from turnout.store.server import ServerEngine

WAIT_S = 30


def ids_of(count: int, seed: int) -> bytes:
    return random.Random(seed).randbytes(16 * count)


@pytest.fixture
def engine(standin) -> Iterator[Engine]:
    """A database with nothing but a table of events, whose merges are up to the test."""
    found = ServerEngine(standin.new_database())
    found.execute("CREATE TABLE events (id UInt128) ENGINE = MergeTree ORDER BY tuple()")
    found.execute("SYSTEM STOP MERGES events")
    yield found
    found.close()


@pytest.fixture
def opened(engine, tmp_path) -> Iterator[Callable[..., KnownIds]]:
    """Opens the filter, complete, and closes it at the end unless that was done."""
    running: list[KnownIds] = []

    def open_(**options: int) -> KnownIds:
        known = KnownIds(engine, tmp_path / "known", **options)
        running.append(known)
        known.start()
        assert known.wait(WAIT_S)
        return known

    yield open_
    for known in running:
        known.close()


def store(engine: Engine, ids: bytes) -> None:
    """One insert, so one part."""
    column = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(ids) // 16, [None, pa.py_buffer(ids)])
    engine.insert("events", pa.record_batch({"id": column}))


def calls_new(known: KnownIds, ids: bytes) -> int:
    mask = known.surely_new(ids)
    assert mask is not None
    return int(mask.sum())


class Counting:
    """An engine that counts the ids that are read from it, and may fail at first."""

    def __init__(self, engine: Engine, failures: int = 0) -> None:
        self._engine, self._failures = engine, failures
        self.read = 0

    def batches(self, sql: str, parameters: object = None) -> Iterator[pa.RecordBatch]:
        if self._failures:
            self._failures -= 1
            raise StoreError("not now")
        for batch in self._engine.batches(sql, parameters):  # type: ignore[arg-type]
            self.read += len(batch)
            yield batch

    def __getattr__(self, name: str) -> object:
        return getattr(self._engine, name)


def reopened(engine: Engine, directory: Path) -> tuple[KnownIds, int]:
    """A filter that was just started on the directory, and how many ids it read from the store."""
    counting = Counting(engine)
    known = KnownIds(counting, directory)  # type: ignore[arg-type]
    known.start()
    assert known.wait(WAIT_S)
    return known, counting.read


def test_stored_and_added_ids_are_never_called_new_and_others_are(engine, opened):
    store(engine, ids_of(500, 1))
    known = opened()
    known.add(ids_of(300, 2))
    assert calls_new(known, ids_of(500, 1)) == 0
    assert calls_new(known, ids_of(300, 2)) == 0
    assert calls_new(known, ids_of(1000, 3)) == 1000
    assert known.ids == 800


def test_nothing_is_said_before_everything_was_read(engine, tmp_path):
    known = KnownIds(engine, tmp_path / "known")
    known.add(ids_of(10, 1))
    assert known.surely_new(ids_of(10, 2)) is None
    known.start()
    assert known.wait(WAIT_S)
    assert calls_new(known, ids_of(10, 1)) == 0
    known.close()


def test_after_a_clean_stop_nothing_is_read(engine, opened, tmp_path):
    store(engine, ids_of(500, 1))
    first = opened()
    first.add(ids_of(200, 2))
    store(engine, ids_of(200, 2))
    first.close()
    known, read = reopened(engine, tmp_path / "known")
    assert read == 0
    assert calls_new(known, ids_of(500, 1)) == calls_new(known, ids_of(200, 2)) == 0
    known.close()


def test_after_a_crash_the_parts_that_came_later_are_read(engine, opened, tmp_path):
    store(engine, ids_of(500, 1))
    opened().close()
    store(engine, ids_of(200, 2))
    store(engine, ids_of(100, 3))
    known, read = reopened(engine, tmp_path / "known")
    assert read == 300
    assert all(calls_new(known, ids_of(count, seed)) == 0 for count, seed in ((500, 1), (200, 2), (100, 3)))
    # Nothing is written: the process is killed once more, and a merge has joined old and new.
    engine.execute("SYSTEM START MERGES events")
    engine.execute("OPTIMIZE TABLE events FINAL")
    again, read = reopened(engine, tmp_path / "known")
    assert read == 800
    assert calls_new(again, ids_of(100, 3)) == 0
    known.close()
    again.close()


def test_a_snapshot_is_written_while_it_runs(engine, opened, tmp_path):
    known = opened(save_every_ids=1000)
    for seed in range(5):
        known.add(ids_of(300, seed))
        store(engine, ids_of(300, seed))
    deadline = time.monotonic() + WAIT_S
    while not (tmp_path / "known" / "manifest.json").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.05)
    again, read = reopened(engine, tmp_path / "known")
    assert read <= 1200
    assert all(calls_new(again, ids_of(300, seed)) == 0 for seed in range(5))
    again.close()


@pytest.mark.parametrize("harm", ["flipped", "short", "missing", "manifest"])
def test_a_damaged_snapshot_is_not_believed(engine, opened, tmp_path, harm):
    store(engine, ids_of(500, 1))
    opened().close()
    directory = tmp_path / "known"
    (file,) = directory.glob("*.ids")
    manifest = directory / "manifest.json"
    if harm == "flipped":
        content = bytearray(file.read_bytes())
        content[content.index(bytes([content[-1]]))] ^= 1
        file.write_bytes(content)
    elif harm == "short":
        file.write_bytes(file.read_bytes()[:-1])
    elif harm == "missing":
        file.unlink()
    else:
        manifest.write_bytes(manifest.read_bytes()[:-9])
    known, read = reopened(engine, directory)
    assert read == 500
    assert calls_new(known, ids_of(500, 1)) == 0
    known.close()


@pytest.mark.parametrize("change", ["another table", "the last blocks are gone"])
def test_a_snapshot_of_another_state_of_the_store_is_not_believed(engine, opened, tmp_path, change):
    store(engine, ids_of(500, 1))
    store(engine, ids_of(50, 2))
    opened().close()
    if change == "another table":
        engine.execute("DROP TABLE events SYNC")
        engine.execute("CREATE TABLE events (id UInt128) ENGINE = MergeTree ORDER BY tuple()")
        for seed in range(3):
            store(engine, ids_of(20, 100 + seed))
    else:
        (name,) = (name for name, count in rows(engine, "SELECT name, rows FROM system.parts WHERE active "
                   "AND database = currentDatabase() AND table = 'events'") if int(count) == 50)  # fmt: skip
        engine.execute(f"ALTER TABLE events DROP PART '{name}'")
    known, read = reopened(engine, tmp_path / "known")
    assert read == (60 if change == "another table" else 500)
    assert calls_new(known, ids_of(20, 100)) == (0 if change == "another table" else 20)
    assert not (tmp_path / "known/manifest.json").exists(), "new blocks may get the numbers of those that are gone"
    known.close()


def test_full_tables_are_written_once_and_old_files_go(engine, opened, tmp_path, monkeypatch):
    monkeypatch.setattr("turnout.store.seen._SMALLEST_IDS", 1000)
    first = opened()
    first.add(ids_of(2500, 1))
    first.close()
    directory = tmp_path / "known"
    before = {path.name: path.stat().st_mtime_ns for path in directory.glob("*.ids")}
    assert len(before) == 3
    second, _ = reopened(engine, directory)
    second.add(ids_of(100, 2))
    second.close()
    after = {path.name: path.stat().st_mtime_ns for path in directory.glob("*.ids")}
    assert len(after) == 3
    assert len(before.items() & after.items()) == 2
    third, read = reopened(engine, directory)
    assert read == 0
    assert calls_new(third, ids_of(2500, 1)) == calls_new(third, ids_of(100, 2)) == 0
    third.close()


def test_only_the_last_table_is_kept_in_memory_whole(engine, opened, tmp_path, monkeypatch):
    monkeypatch.setattr("turnout.store.seen._SMALLEST_IDS", 1000)
    first = opened()
    first.add(ids_of(2500, 1))
    before = first.resident_bytes
    first.close()
    again, _ = reopened(engine, tmp_path / "known")
    # Three tables of 2, 2 and 4 bytes a place, where there were three of 4; and a byte a bucket.
    assert first.resident_bytes == again.resident_bytes < 0.76 * before
    again.add(ids_of(3000, 2))
    assert (
        calls_new(again, ids_of(2500, 1)) == calls_new(again, ids_of(3000, 2)) == calls_new(first, ids_of(2500, 1)) == 0
    )
    assert calls_new(again, ids_of(5000, 3)) == 5000
    again.close()


def test_a_store_that_fails_is_asked_again(engine, tmp_path, monkeypatch):
    monkeypatch.setattr("turnout.store.known._RETRY_AFTER_S", 0.01)
    store(engine, ids_of(500, 1))
    known = KnownIds(Counting(engine, failures=2), tmp_path / "known")  # type: ignore[arg-type]
    known.start()
    assert known.wait(WAIT_S)
    assert calls_new(known, ids_of(500, 1)) == 0
    known.close()


def test_where_no_snapshot_can_be_written_it_goes_on(engine, tmp_path):
    (tmp_path / "known").write_text("in the way")
    known = KnownIds(engine, tmp_path / "known")
    known.start()
    assert known.wait(WAIT_S)
    known.add(ids_of(10, 1))
    known.close()
    assert calls_new(known, ids_of(10, 1)) == 0


def test_threads_may_add_and_ask_while_it_is_read(engine, tmp_path):
    store(engine, ids_of(20_000, 1))
    known = KnownIds(engine, tmp_path / "known", save_every_ids=5000)
    wrong: list[int] = []

    def work(seed: int) -> None:
        for number in range(50):
            mine = ids_of(100, 1000 * seed + number)
            known.add(mine)
            mask = known.surely_new(mine)
            if mask is not None and mask.any():
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in (1, 2, 3)]
    known.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert known.wait(WAIT_S)
    assert wrong == []
    known.close()
    again, _ = reopened(engine, tmp_path / "known")
    assert calls_new(again, ids_of(20_000, 1)) == 0
    assert calls_new(again, b"".join(ids_of(100, 1000 * s + n) for s in (1, 2, 3) for n in range(50))) == 0
    again.close()


def test_the_embedded_engine_names_its_parts_alike(house: app.House, tmp_path):
    """Over the house's own table, whatever other tests left there."""
    engine = house.services.engine
    known = KnownIds(engine, tmp_path / "known")
    known.start()
    assert known.wait(WAIT_S)
    stored = engine.query("SELECT id FROM events LIMIT 1000", output="RowBinary")
    assert calls_new(known, stored) == 0
    assert calls_new(known, uuid.uuid4().bytes) == 1
    known.close()
    again, _ = reopened(engine, tmp_path / "known")
    assert calls_new(again, stored) == 0
    again.close()
