"""Counted once: within a batch, between batches, between threads, after a failure half way."""

from __future__ import annotations

import datetime as dt
import threading
from concurrent.futures import Future

import msgspec
import pytest

from turnout.errors import Overloaded, StoreError
from turnout.ingest.steps import Batch, prepare
from turnout.ingest.writer import Flush, Writer
from turnout.model import Event, Receipt
from turnout.stats.question import Question
from turnout.store.events import EventStore

NOW = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC)


def batch_of(workspace: str, ids: range) -> Batch:
    events = [
        Event(type="sent", time=1_790_000_000 + number, campaign="c", recipient=f"r{number}", id=str(number))
        for number in ids
    ]
    return prepare(workspace, enumerate(events), NOW)


class Failing(EventStore):
    """A store whose appends fail while `failing`: before anything, or after the rows are in."""

    failing = ""

    def append(self, batches, touched):
        if self.failing == "before":
            raise StoreError("on purpose")
        super().append(batches, touched)
        if self.failing == "after":
            raise StoreError("on purpose")


@pytest.fixture
def workspace(make_tenant):
    return make_tenant().workspace.id


@pytest.fixture
def store(house, tmp_path):
    return Failing(house.services.engine, tmp_path / "journal.json")


@pytest.fixture
def writer(house, store):
    made = Writer(store, house.services.catalog)
    made.start()
    yield made
    made.close()


def counted(house, workspace):
    question = Question(workspace, ("sent", "unique_sent"))
    house.services.statistics.changed([workspace])
    return house.services.statistics.ask(question).totals


def receipt_of(future: Future[Receipt]) -> tuple[int, int]:
    receipt = future.result(30)
    return receipt.accepted, receipt.duplicates


def test_a_repeat_is_a_duplicate_wherever_it_comes(house, writer, workspace):
    assert receipt_of(writer.submit(batch_of(workspace, range(10)))) == (10, 0)
    assert receipt_of(writer.submit(batch_of(workspace, range(5, 15)))) == (5, 5)
    once = batch_of(workspace, range(20, 23))
    twice = Batch(workspace, once.received_us, once.events * 2, once.digests * 2)
    assert receipt_of(writer.submit(twice)) == (3, 3)
    assert counted(house, workspace) == {"sent": 18, "unique_sent": 18}


def test_a_large_repeat_is_found_near_and_far(house, writer, workspace):
    assert receipt_of(writer.submit(batch_of(workspace, range(500)))) == (500, 0)
    moved = batch_of(workspace, range(400, 700))
    for event in moved.events:
        event.time += 86_400_000_000 * 60
        event.campaign = "elsewhere"
    assert receipt_of(writer.submit(moved)) == (200, 100)
    assert counted(house, workspace) == {"sent": 700, "unique_sent": 700}


def test_without_the_filter_the_store_decides(house, store, workspace):
    writer = Writer(store, house.services.catalog, filter_ids=False)
    writer.start()
    assert receipt_of(writer.submit(batch_of(workspace, range(300)))) == (300, 0)
    assert receipt_of(writer.submit(batch_of(workspace, range(250, 350)))) == (50, 50)
    writer.close()


def test_concurrent_repeats_count_once(house, writer, workspace):
    receipts = []

    def submit():
        receipts.append(receipt_of(writer.submit(batch_of(workspace, range(100)))))

    threads = [threading.Thread(target=submit) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(accepted for accepted, _ in receipts) == 100
    assert counted(house, workspace) == {"sent": 100, "unique_sent": 100}


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_failed_append_is_not_acknowledged_and_a_retry_counts_once(house, store, writer, workspace, when):
    store.failing = when
    with pytest.raises(StoreError):
        writer.submit(batch_of(workspace, range(50))).result(30)
    store.failing = ""
    accepted, duplicates = receipt_of(writer.submit(batch_of(workspace, range(50))))
    assert accepted + duplicates == 50
    assert counted(house, workspace) == {"sent": 50, "unique_sent": 50}
    writer.submit(batch_of(workspace, range(60))).result(30)
    assert counted(house, workspace) == {"sent": 60, "unique_sent": 60}


def test_two_workspaces_in_one_group_do_not_meet(house, writer, make_tenant):
    one, other = make_tenant().workspace.id, make_tenant().workspace.id
    futures = [writer.submit(batch_of(name, range(10))) for name in (one, other, one, other)]
    receipts = [receipt_of(future) for future in futures]
    assert receipts == [(10, 0), (10, 0), (0, 10), (0, 10)]
    assert counted(house, one) == counted(house, other) == {"sent": 10, "unique_sent": 10}


def test_a_clean_stop_leaves_nothing_to_look_at(house, store, workspace, tmp_path):
    writer = Writer(store, house.services.catalog)
    writer.start()
    writer.submit(batch_of(workspace, range(10))).result(30)
    writer.close()
    assert msgspec.json.decode((tmp_path / "journal.json").read_bytes()) == []


def test_a_stop_after_a_failure_leaves_it_to_the_next_start(house, store, workspace, tmp_path):
    writer = Writer(store, house.services.catalog)
    writer.start()
    store.failing = "after"
    with pytest.raises(StoreError):
        writer.submit(batch_of(workspace, range(10))).result(30)
    writer.close()
    (noted,) = msgspec.json.decode((tmp_path / "journal.json").read_bytes())
    assert noted["campaigns"] == ["c"]


def test_a_rebuild_that_broke_off_is_ended_before_the_next_append(house, store, writer, workspace, monkeypatch):
    batch = batch_of(workspace, range(10))
    cells = batch.pack().cells
    writer.submit(batch).result(30)

    def cleared_only(cells):
        house.services.engine.execute("DELETE FROM counts WHERE workspace = {w:String}", {"w": workspace})
        raise StoreError("on purpose")

    with monkeypatch.context() as broken:
        broken.setattr(store, "_refill", cleared_only)
        with pytest.raises(StoreError):
            writer.exclusively(lambda: store.rebuild(cells))
    assert counted(house, workspace) == {"sent": 0, "unique_sent": 10}
    other = batch_of(workspace, range(1000, 1010))
    for event in other.events:
        event.campaign = "elsewhere"
    writer.submit(other).result(30)
    assert counted(house, workspace) == {"sent": 20, "unique_sent": 20}


class Blocking(EventStore):
    """A store whose appends wait."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.entered, self.go_on = threading.Event(), threading.Event()

    def append(self, batches, touched):
        self.entered.set()
        assert self.go_on.wait(30)
        super().append(batches, touched)


@pytest.fixture
def blocked(house, tmp_path, workspace):
    store = Blocking(house.services.engine, tmp_path / "journal.json")
    flushes: list[Flush] = []
    writer = Writer(store, house.services.catalog, queue_limit_events=100, on_flush=flushes.append)
    writer.start()
    first = writer.submit(batch_of(workspace, range(10)))
    assert store.entered.wait(30)
    yield store, writer, first, flushes
    store.go_on.set()
    writer.close()


def test_too_much_waiting_is_refused_before_it_is_taken(house, blocked, workspace):
    store, writer, first, _ = blocked
    second = writer.submit(batch_of(workspace, range(10, 100)))
    assert writer.waiting_events == 90
    with pytest.raises(Overloaded) as refused:
        writer.submit(batch_of(workspace, range(100, 120)))
    assert refused.value.retry_after_s >= 1
    store.go_on.set()
    assert receipt_of(first) == (10, 0)
    assert receipt_of(second) == (90, 0)
    assert counted(house, workspace)["sent"] == 100


def test_small_batches_that_wait_are_written_as_one_group(blocked, workspace):
    store, writer, first, flushes = blocked
    futures = [writer.submit(batch_of(workspace, range(at, at + 1))) for at in range(10, 40)]
    store.go_on.set()
    assert [receipt_of(future) for future in (first, *futures)] == [(10, 0)] + [(1, 0)] * 30
    assert [flush.accepted for flush in flushes] == [10, 30]


def test_a_caller_that_gave_up_before_its_turn_is_not_written(house, blocked, workspace):
    store, writer, first, _ = blocked
    given_up = writer.submit(batch_of(workspace, range(50, 60)))
    assert given_up.cancel()
    later = writer.submit(batch_of(workspace, range(60, 65)))
    store.go_on.set()
    assert receipt_of(first) == (10, 0)
    assert receipt_of(later) == (5, 0)
    assert counted(house, workspace)["sent"] == 15


def test_closing_writes_what_waits_and_then_refuses(house, store, workspace):
    writer = Writer(store, house.services.catalog)
    writer.start()
    future = writer.submit(batch_of(workspace, range(10)))
    writer.close()
    assert receipt_of(future) == (10, 0)
    with pytest.raises(Overloaded):
        writer.submit(batch_of(workspace, range(10)))


def test_a_lost_rollup_is_mended_at_the_next_start(house, tmp_path, workspace):
    """What a crash between raw and rollup leaves: rows in raw, a journal, and no counts."""
    engine = house.services.engine
    store = EventStore(engine, tmp_path / "journal.json")
    writer = Writer(store, house.services.catalog)
    writer.start()
    writer.submit(batch_of(workspace, range(100))).result(30)
    journal = (tmp_path / "journal.json").read_bytes()
    writer.close()
    (tmp_path / "journal.json").write_bytes(journal)
    engine.execute("DELETE FROM counts WHERE workspace = {w:String}", {"w": workspace})
    assert counted(house, workspace) == {"sent": 0, "unique_sent": 100}
    assert EventStore(engine, tmp_path / "journal.json").recover() > 0
    assert counted(house, workspace) == {"sent": 100, "unique_sent": 100}
    assert msgspec.json.decode((tmp_path / "journal.json").read_bytes())[0]["workspace"] == workspace
