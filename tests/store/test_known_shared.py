"""The filter of known ids of a store that several processes share: complete whenever it has learned, or silent."""

from __future__ import annotations

import itertools
import json
import random
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from turnout.errors import StoreError
from turnout.store import known_parts
from turnout.store.engine import Engine, rows
from turnout.store.known_parts import Blocks, State, is_anew
from turnout.store.known_shared import SharedIds
from turnout.store.server import ServerEngine

WAIT_S = 30
MANY = 10**9


def ids_of(count: int, seed: int) -> bytes:
    return random.Random(seed).randbytes(16 * count)


@pytest.fixture
def url(standin) -> Iterator[str]:
    """A database with nothing but a table of events, whose merges are up to the test."""
    where = standin.new_database()
    made = ServerEngine(where)
    make_table(made)
    made.close()
    yield where
    standin.drop_database(where)


def make_table(engine: Engine) -> None:
    engine.execute("CREATE TABLE events (id UInt128) ENGINE = MergeTree ORDER BY tuple()")
    engine.execute("SYSTEM STOP MERGES events")


@pytest.fixture
def engine(url) -> Iterator[Engine]:
    """Of the process that has the filter."""
    opened = ServerEngine(url)
    yield opened
    opened.close()


@pytest.fixture
def other(url) -> Iterator[Engine]:
    """Of another process."""
    opened = ServerEngine(url)
    yield opened
    opened.close()


class Counting:
    """An engine that counts the ids that are read from it, and may fail."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.read = self.failures = 0

    def query(self, sql: str, parameters: object = None, output: str = "JSONCompact") -> bytes:
        self._maybe_fail()
        answer = self._engine.query(sql, parameters, output)  # type: ignore[arg-type]
        if output == "ArrowStream" and answer:
            self.read += pa.ipc.open_stream(answer).read_all().num_rows
        return answer

    def batches(self, sql: str, parameters: object = None) -> Iterator[pa.RecordBatch]:
        self._maybe_fail()
        for batch in self._engine.batches(sql, parameters):  # type: ignore[arg-type]
            self.read += len(batch)
            yield batch

    def _maybe_fail(self) -> None:
        if self.failures:
            self.failures -= 1
            raise StoreError("not now")

    def __getattr__(self, name: str) -> object:
        return getattr(self._engine, name)


@pytest.fixture
def opened(engine, tmp_path) -> Iterator[Callable[..., SharedIds]]:
    """Opens the filter, complete, and stops it at the end."""
    running: list[SharedIds] = []

    def open_(engine: object = engine, directory: Path = tmp_path / "known", **options: int) -> SharedIds:
        made = SharedIds(engine, directory, **{"limit_ids": MANY, **options})  # type: ignore[arg-type]
        running.append(made)
        made.start()
        assert made.wait(WAIT_S)
        return made

    yield open_
    for known in running:
        known.close()


def store(engine: Engine, ids: bytes) -> None:
    """One insert, so one part."""
    column = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(ids) // 16, [None, pa.py_buffer(ids)])
    engine.insert("events", pa.record_batch({"id": column}))


def merge(engine: Engine) -> None:
    engine.execute("SYSTEM START MERGES events")
    engine.execute("OPTIMIZE TABLE events FINAL")
    engine.execute("SYSTEM STOP MERGES events")


def delete(engine: Engine, ids: bytes) -> None:
    """Take these out. It takes a number that no block has, and waits for what merges."""
    engine.execute("SYSTEM START MERGES events")
    for at in range(0, len(ids), 16):
        gone = {"id": int.from_bytes(ids[at : at + 16], "little")}
        engine.execute("ALTER TABLE events DELETE WHERE id = {id:UInt128} SETTINGS mutations_sync = 2", gone)
    engine.execute("SYSTEM STOP MERGES events")


def calls_new(known: SharedIds, ids: bytes) -> int:
    mask = known.surely_new(ids)
    assert mask is not None
    return int(mask.sum())


# ---- learning -----------------------------------------------------------------------------------------


def test_what_another_process_has_stored_is_known_once_it_was_learned(other, opened):
    store(other, ids_of(500, 1))
    known = opened()
    assert calls_new(known, ids_of(500, 1)) == 0
    store(other, ids_of(300, 2))
    assert calls_new(known, ids_of(300, 2)) == 300
    assert known.learn()
    assert calls_new(known, ids_of(300, 2)) == 0
    assert calls_new(known, ids_of(1000, 3)) == 1000
    assert known.ids == 800


def test_what_was_read_is_not_read_again_whatever_it_is_merged_into(engine, other, opened):
    counting = Counting(engine)
    known = opened(counting)
    for seed in range(6):
        store(other, ids_of(100, seed))
        assert known.learn()
        if seed in (2, 4):
            merge(other)
            delete(other, ids_of(1, 99))
    merge(other)
    assert known.learn()
    assert counting.read == known.ids == 600
    assert len(rows(engine, "SELECT name FROM system.parts WHERE active AND table = 'events' "
                            "AND database = currentDatabase()")) == 1  # fmt: skip


def test_a_part_that_holds_old_and_new_is_read_whole(engine, other, opened):
    counting = Counting(engine)
    known = opened(counting)
    store(other, ids_of(100, 1))
    assert known.learn()
    store(other, ids_of(100, 2))
    merge(other)
    assert known.learn()
    assert counting.read == 300
    assert known.ids == 200, "each id takes its room once"
    assert calls_new(known, ids_of(100, 2)) == 0


@pytest.mark.parametrize("seed", range(3))
def test_no_id_that_was_stored_before_a_learn_is_called_new_after_it(engine, other, tmp_path, seed):
    """Two processes store, merge, delete and learn in any order; filters end and begin from what they have on disk."""
    chance, number = random.Random(seed), itertools.count(1000 * seed)
    stored: list[bytes] = []

    def begin(place: int) -> SharedIds:
        known = SharedIds((engine, other)[place], tmp_path / str(place), limit_ids=MANY, learn_limit_ids=150)
        known.start()
        assert known.wait(WAIT_S)
        return known

    known = [begin(0), begin(1)]
    for _ in range(40):
        place = chance.randrange(2)
        step = chance.choices(["store", "learn", "merge", "restart", "kill", "delete"], [10, 8, 4, 1, 1, 1])[0]
        if step == "store":
            ids = ids_of(chance.randrange(1, 100), next(number))
            known[place].add(ids)
            store((engine, other)[place], ids)
            stored.append(ids)
        elif step == "merge":
            merge(engine)
        elif step == "delete" and stored:
            at = chance.randrange(len(stored))
            delete(engine, stored[at][:16])
            stored[at] = stored[at][16:]
        elif step in ("restart", "kill"):
            if step == "restart":
                known[place].close()
            known[place] = begin(place)
            assert all(calls_new(known[place], ids) == 0 for ids in stored)
        elif step == "learn" and known[place].learn():
            assert all(calls_new(known[place], ids) == 0 for ids in stored)
            assert calls_new(known[place], ids_of(100, 10**6 + seed)) == 100
    for one in known:
        one.close()


def test_ids_that_come_while_it_learns_are_learned_then_or_next(engine, other, opened):
    known, stop = opened(), threading.Event()
    stored: list[bytes] = []

    def write() -> None:
        for number in itertools.count():
            if stop.is_set():
                return
            store(other, ids_of(50, number))
            stored.append(ids_of(50, number))
            if number % 5 == 4:
                merge(other)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(25):
            before = list(stored)
            assert known.learn()
            assert all(calls_new(known, ids) == 0 for ids in before)
    finally:
        stop.set()
        thread.join()
    assert stored


def test_an_id_that_was_taken_out_of_the_store_may_be_known_and_no_other(engine, opened):
    store(engine, ids_of(2, 1))
    known = opened()
    delete(engine, ids_of(2, 1))
    merge(engine)
    store(engine, ids_of(50, 2))
    assert known.learn()
    assert calls_new(known, ids_of(2, 1)) == 0, "it is looked up, and found missing"
    assert calls_new(known, ids_of(50, 2)) == 0
    assert calls_new(known, ids_of(500, 3)) == 500


def test_at_the_door_it_learns_now_and_then(engine, other, tmp_path):
    now = [0.0]

    def stopwatch() -> float:
        now[0] += 0.01
        return now[0]

    known = SharedIds(engine, tmp_path / "known", limit_ids=MANY, stopwatch=stopwatch)
    known.start()
    assert known.wait(WAIT_S)
    known.learn()
    store(other, ids_of(10, 1))
    known.refresh()
    assert calls_new(known, ids_of(10, 1)) == 10, "it has just learned"
    now[0] += 1.1
    known.refresh()
    assert calls_new(known, ids_of(10, 1)) == 0
    known.close()


def test_a_store_that_hangs_keeps_nobody_at_the_door(engine, tmp_path):
    answering = threading.Event()

    class Hangs:
        def __getattr__(self, name):
            if name in ("query", "batches", "stream"):
                answering.wait(30)
            return getattr(engine, name)

    known = SharedIds(engine, tmp_path / "known", limit_ids=MANY)
    known.start()
    assert known.wait(WAIT_S)
    known._engine, known._learned_at = Hangs(), float("-inf")
    waited_s = []
    for _ in range(3):
        began = time.monotonic()
        known.refresh()
        waited_s.append(time.monotonic() - began)
    assert sum(waited_s) < 10, "the first waits a little, and the others don't wait for the same"
    assert not answering.is_set()
    answering.set()
    assert known.learn()
    known.close()


def test_who_has_fallen_far_behind_says_nothing_until_it_has_read_that(engine, other, opened):
    known = opened(learn_limit_ids=100)
    store(other, ids_of(500, 1))
    assert not known.learn()
    assert known.wait(WAIT_S)
    assert known.learn()
    assert calls_new(known, ids_of(500, 1)) == 0


# ---- its limits, and a store that fails --------------------------------------------------------------------


def test_past_its_limit_it_is_given_up_with_a_word(engine, other, opened, tmp_path, caplog):
    known = opened(limit_ids=300)
    store(other, ids_of(200, 1))
    assert known.learn()
    store(other, ids_of(200, 2))
    assert not known.learn()
    assert known.surely_new(ids_of(1, 3)) is None
    known.add(ids_of(1000, 4))
    assert (known.ids, known.resident_bytes) == (0, 0)
    assert not known.learn()
    known.close()
    assert caplog.text.count("TURNOUT_KNOWN_IDS_LIMIT") == 1
    # The next start reads nothing.
    counting = Counting(engine)
    again = SharedIds(counting, tmp_path / "known", limit_ids=300)  # type: ignore[arg-type]
    again.start()
    assert not again.wait(0.5)
    assert (again.ids, counting.read) == (0, 0)
    again.close()


def test_while_the_store_can_not_be_read_it_does_not_say_that_it_has_learned(engine, other, opened, caplog):
    counting = Counting(engine)
    known = opened(counting)
    store(other, ids_of(100, 1))
    counting.failures = 3
    assert [known.learn() for _ in range(3)] == [False] * 3
    assert caplog.text.count("could not be read") == 1
    assert known.learn()
    assert calls_new(known, ids_of(100, 1)) == 0


def test_a_start_that_fails_is_tried_again(engine, opened, monkeypatch):
    monkeypatch.setattr("turnout.store.known_shared._RETRY_AFTER_S", 0.01)
    store(engine, ids_of(500, 1))
    counting = Counting(engine)
    counting.failures = 2
    assert calls_new(opened(counting), ids_of(500, 1)) == 0


# ---- snapshots --------------------------------------------------------------------------------------------


def reopened(opened, engine: Engine) -> tuple[SharedIds, int]:
    counting = Counting(engine)
    return opened(counting), counting.read


def test_after_a_clean_stop_only_what_others_have_stored_is_read(engine, other, opened):
    store(engine, ids_of(500, 1))
    opened().close()
    store(other, ids_of(70, 2))
    known, read = reopened(opened, engine)
    assert read == 70
    assert calls_new(known, ids_of(500, 1)) == calls_new(known, ids_of(70, 2)) == 0


def test_after_a_crash_what_came_since_the_snapshot_is_read(engine, other, opened):
    known = opened(save_every_ids=1000)
    for seed in range(5):
        store(other, ids_of(300, seed))
        known.learn()
    until(lambda: known._saved_ids >= 1000)
    again, read = reopened(opened, engine)
    assert read <= 500
    assert all(calls_new(again, ids_of(300, seed)) == 0 for seed in range(5))


@pytest.mark.parametrize("harm", ["flipped", "short", "missing", "manifest"])
def test_a_damaged_snapshot_is_not_believed(engine, opened, tmp_path, harm):
    store(engine, ids_of(500, 1))
    opened().close()
    (file,) = (tmp_path / "known").glob("*.ids")
    manifest = tmp_path / "known/manifest.json"
    if harm == "flipped":
        content = bytearray(file.read_bytes())
        content[content.index(bytes([content[-1]]))] ^= 1
        file.write_bytes(content)
    elif harm == "missing":
        file.unlink()
    else:
        cut = file if harm == "short" else manifest
        cut.write_bytes(cut.read_bytes()[:-9])
    known, read = reopened(opened, engine)
    assert read == 500
    assert calls_new(known, ids_of(500, 1)) == 0


def test_the_snapshot_of_another_table_is_not_believed(engine, opened):
    store(engine, ids_of(500, 1))
    known = opened()
    known.close()
    engine.execute("DROP TABLE events SYNC")
    make_table(engine)
    for seed in range(3):
        store(engine, ids_of(20, 100 + seed))
    again, read = reopened(opened, engine)
    assert read == again.ids == 60
    assert calls_new(again, ids_of(500, 1)) == 500


def test_a_table_that_was_made_anew_while_it_runs_is_noticed(engine, opened, monkeypatch):
    monkeypatch.setattr("turnout.store.known_shared._STATE_EVERY_S", 0.0)
    store(engine, ids_of(500, 1))
    known = opened()
    engine.execute("DROP TABLE events SYNC")
    make_table(engine)
    store(engine, ids_of(20, 2))
    assert not known.learn()
    assert known.wait(WAIT_S)
    assert known.learn()
    assert calls_new(known, ids_of(20, 2)) == 0
    assert known.ids == 20


def test_a_snapshot_of_a_store_of_one_process_is_not_taken(engine, opened, tmp_path):
    from turnout.store.known import KnownIds

    store(engine, ids_of(500, 1))
    alone = KnownIds(engine, tmp_path / "known")
    alone.start()
    assert alone.wait(WAIT_S)
    alone.close()
    assert (tmp_path / "known/manifest.json").exists()
    _, read = reopened(opened, engine)
    assert read == 500


# ---- what was read, and what its numbers mean ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "ranges"),
    [
        ([(1, "all_0_0_0"), (1, "all_1_4_1")], {1: ((0, 4),)}),
        ([(1, "all_0_0_0"), (1, "all_2_4_1_9")], {1: ((0, 0), (2, 4))}),
        ([(1, "all_0_0_0"), (2, "all_1_1_0")], {1: ((0, 0),), 2: ((1, 1),)}),
        ([(1, "all_5_9_1"), (1, "all_0_20_2"), (1, "all_21_21_0")], {1: ((0, 21),)}),
        # Of a single server all that has a lower number was there.
        ([(0, "all_7_7_0")], {0: ((0, 7),)}),
    ],
)
def test_what_was_read_is_ranges_without_what_was_not(parts, ranges):
    assert Blocks().joined(parts).ranges == ranges


def test_a_number_that_a_mutation_has_is_no_gap():
    read = Blocks().joined([(1, "all_0_3_1"), (1, "all_5_6_1"), (1, "all_8_8_0")])
    assert read.passing({1: frozenset([4]), 2: frozenset([7])}).ranges == {1: ((0, 6), (8, 8))}


def test_ranges_are_bounded(monkeypatch):
    monkeypatch.setattr(known_parts, "_LIMIT_RANGES", 3)
    read = Blocks().joined([(1, f"all_{10 * number}_{10 * number + number}_1") for number in range(6)])
    assert read.ranges[1] == ((30, 33), (40, 44), (50, 55))


ONE, TWO = frozenset(["a"]), frozenset(["b"])


@pytest.mark.parametrize(
    ("before", "now", "read", "anew"),
    [
        ({0: ONE}, State({0: ONE}, {0: 9}), 9, False),
        ({0: ONE}, State({0: TWO}, {0: 99}), 9, True),
        # Dropped parts: a server that goes on running goes on counting.
        ({0: ONE}, State({0: ONE}, {0: 3}), 9, False),
        ({0: ONE}, State({0: ONE}, {0: 3}, began_s=100, is_tail_there=True), 9, True),
        ({0: ONE}, State({0: ONE}, {0: 99}, began_s=100, is_tail_there=False), 9, True),
        ({0: ONE}, State({0: ONE}, {0: 99}, began_s=100, is_tail_there=True), 9, False),
        ({0: ONE}, State({0: ONE}, {0: 99}, began_s=2, is_tail_there=False), 9, False),
        # Of a cluster: a replica was replaced; one does not answer; all are new; a table was restored in Keeper.
        ({1: ONE | TWO}, State({1: TWO}, {1: 8}), 9, False),
        ({1: ONE}, State({}, {}), 9, False),
        ({1: ONE}, State({1: TWO}, {1: 9}), 9, True),
        ({1: ONE}, State({1: ONE}, {1: 2}), 9, True),
    ],
)
def test_when_numbers_may_have_begun_anew(before, now, read, anew):
    shard = next(iter(before))
    assert is_anew(State(before, {}, tail="all_9_9_0 x"), now, Blocks({shard: ((0, read),)})) is anew


# ---- two servers on one store -----------------------------------------------------------------------------


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def batch_of(first: int, count: int) -> list[dict[str, object]]:
    return [
        {"type": "sent", "time": 1_791_200_000 + number, "campaign": "c", "id": f"e{number}", "recipient": f"r{number}"}
        for number in range(first, first + count)
    ]


def sent(process, batch: list[dict[str, object]]) -> tuple[int, int]:
    with process.client() as client:
        answer = client.post("/v1/events", json=batch)
        assert answer.status_code == 200, answer.text
        return answer.json()["accepted"], answer.json()["duplicates"]


def figure(process, name: str) -> float:
    with process.client() as client:
        return float(re.search(rf"^{name} (\S+)", client.get("/metrics").text, re.M)[1])


def test_the_same_events_to_two_servers_count_once(turnout_process, standin, tmp_path):
    store = standin.new_database()
    one = turnout_process(tmp_path / "one", TURNOUT_STORE=store)
    two = turnout_process(tmp_path / "two", TURNOUT_STORE=store)
    batch = batch_of(0, 2000)
    for accepted in (2000, 0):
        assert sent(one, batch) == (accepted, 2000 - accepted)
        time.sleep(1.5)
        assert sent(two, batch) == (0, 2000)
    # What only one has in its spool, the other does not know; whoever stores it later leaves it out.
    more = batch_of(2000, 500)
    assert sent(one, more)[0] == 500
    sent(two, more)
    for process in (one, two):
        until(lambda process=process: totals(process) == {"sent": 2500, "unique_sent": 2500})
        until(lambda process=process: sent(process, batch_of(0, 1)) == (0, 1) and filter_ids(process) >= 2500)
    # And what was killed knows it again.
    one.process.send_signal(signal.SIGKILL)
    one.process.wait(20)
    again = turnout_process(tmp_path / "one", TURNOUT_STORE=store)
    assert sent(again, batch_of(0, 2600)) == (100, 2500)
    assert totals(again) == {"sent": 2600, "unique_sent": 2600}


def totals(process) -> dict[str, int]:
    with process.client() as client:
        answer = client.get("/v1/stats", params={"metrics": "sent,unique_sent"})
        assert answer.status_code == 200, answer.text
        return json.loads(answer.text)["totals"]


def filter_ids(process) -> float:
    return figure(process, "turnout_filter_ids")
