"""Counted once: within a batch, between batches, between threads, after a failure half way."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
import time
from concurrent.futures import Future

import msgspec
import pytest

from turnout.errors import Overloaded, StoreError
from turnout.ingest.drain import Flush
from turnout.ingest.steps import Batch, prepare
from turnout.ingest.writer import Writer
from turnout.model import Event, Receipt
from turnout.settings import Settings
from turnout.stats.question import Question
from turnout.store.events import EventStore
from turnout.store.known import KnownIds

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


def opened(house, store, tmp_path, settings=None, **options) -> Writer:
    options.setdefault("known", KnownIds(house.services.engine, tmp_path / "known"))
    made = Writer(tmp_path / "spool", store, house.services.catalog, settings or Settings(), **options)
    made.start()
    return made


@pytest.fixture
def writer(house, store, tmp_path):
    made = opened(house, store, tmp_path)
    yield made
    made.close()


def counted(house, writer, workspace):
    writer.settle(workspace)
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
    assert counted(house, writer, workspace) == {"sent": 18, "unique_sent": 18}


def test_a_large_repeat_is_found_near_and_far(house, writer, workspace):
    assert receipt_of(writer.submit(batch_of(workspace, range(500)))) == (500, 0)
    moved = batch_of(workspace, range(400, 700))
    for event in moved.events:
        event.time += 86_400_000_000 * 60
        event.campaign = "elsewhere"
    assert receipt_of(writer.submit(moved)) == (200, 100)
    assert counted(house, writer, workspace) == {"sent": 700, "unique_sent": 700}


def test_without_the_filter_spool_and_store_decide(house, store, tmp_path, workspace):
    writer = opened(house, store, tmp_path, known=None)
    assert receipt_of(writer.submit(batch_of(workspace, range(300)))) == (300, 0)
    assert receipt_of(writer.submit(batch_of(workspace, range(250, 350)))) == (50, 50)
    writer.settle(workspace)
    assert receipt_of(writer.submit(batch_of(workspace, range(340, 360)))) == (10, 10)
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
    assert counted(house, writer, workspace) == {"sent": 100, "unique_sent": 100}


def test_what_the_store_refuses_is_kept_and_counts_once_when_it_takes_it(house, store, tmp_path, workspace):
    writer = opened(house, store, tmp_path, Settings(settle_timeout_s=0.2))
    store.failing = "before"
    assert receipt_of(writer.submit(batch_of(workspace, range(50)))) == (50, 0)
    for _ in range(100):
        with pytest.raises(Overloaded):
            writer.settle(workspace)
        if "on purpose" in writer.health():
            break
    assert "on purpose" in writer.health()
    assert receipt_of(writer.submit(batch_of(workspace, range(40, 60)))) == (10, 10)
    store.failing = ""
    settle_in_the_end(writer, workspace)
    assert writer.health() == ""
    assert counted(house, writer, workspace) == {"sent": 60, "unique_sent": 60}
    assert receipt_of(writer.submit(batch_of(workspace, range(60)))) == (0, 60)
    writer.close()


def settle_in_the_end(writer: Writer, workspace: str) -> None:
    for _ in range(100):
        try:
            return writer.settle(workspace)
        except Overloaded:
            continue
    raise AssertionError("the store takes events, and got none")


def test_what_the_store_took_and_denied_counts_once_and_caches_hear_of_it(house, store, tmp_path, workspace):
    flushes: list[Flush] = []
    writer = opened(house, store, tmp_path, on_flush=flushes.append)
    store.failing = "after"
    assert receipt_of(writer.submit(batch_of(workspace, range(50)))) == (50, 0)
    while not writer.health():
        time.sleep(0.001)
    store.failing = ""
    settle_in_the_end(writer, workspace)
    assert [(flush.events, flush.touched[0].workspace) for flush in flushes] == [(0, workspace)]
    assert counted(house, writer, workspace) == {"sent": 50, "unique_sent": 50}
    writer.close()


def abandon(writer: Writer) -> None:
    """As if the process had been killed: nothing is stored or tidied any more."""
    writer._drain._events = None
    writer._spool.close = writer._known.close = lambda: None
    writer.close()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("sizes", [(3,), (5, 700, 5)])
def test_what_a_crash_left_in_the_spool_is_counted_once_after_the_restart(
    house, store, tmp_path, workspace, when, sizes
):
    crashed = opened(house, store, tmp_path)
    store.failing = when
    at = 0
    for size in sizes:
        assert receipt_of(crashed.submit(batch_of(workspace, range(at, at + size)))) == (size, 0)
        at += size
    abandon(crashed)
    store.failing = ""
    writer = opened(house, store, tmp_path)
    assert receipt_of(writer.submit(batch_of(workspace, range(at + 2)))) == (2, at)
    assert counted(house, writer, workspace) == {"sent": at + 2, "unique_sent": at + 2}
    writer.close()
    assert list((tmp_path / "spool").glob("*.spool")) == []


def test_two_workspaces_in_one_group_do_not_meet(house, writer, make_tenant):
    one, other = make_tenant().workspace.id, make_tenant().workspace.id
    futures = [writer.submit(batch_of(name, range(10))) for name in (one, other, one, other)]
    receipts = [receipt_of(future) for future in futures]
    assert receipts == [(10, 0), (10, 0), (0, 10), (0, 10)]
    assert counted(house, writer, one) == counted(house, writer, other) == {"sent": 10, "unique_sent": 10}


def test_a_clean_stop_leaves_nothing_to_look_at(house, store, workspace, tmp_path):
    writer = opened(house, store, tmp_path)
    writer.submit(batch_of(workspace, range(10))).result(30)
    writer.close()
    assert msgspec.json.decode((tmp_path / "journal.json").read_bytes()) == []


def test_a_stop_after_a_failure_leaves_it_to_the_next_start(house, store, workspace, tmp_path):
    writer = opened(house, store, tmp_path)
    store.failing = "after"
    assert receipt_of(writer.submit(batch_of(workspace, range(10)))) == (10, 0)
    writer.close()
    (noted,) = msgspec.json.decode((tmp_path / "journal.json").read_bytes())
    assert noted["campaigns"] == ["c"]


def test_a_rebuild_that_broke_off_is_ended_before_the_next_append(house, store, writer, workspace, monkeypatch):
    batch = batch_of(workspace, range(10))
    cells = batch.pack().cells
    writer.submit(batch).result(30)
    writer.settle()

    def cleared_only(cells):
        house.services.engine.execute("DELETE FROM counts WHERE workspace = {w:String}", {"w": workspace})
        raise StoreError("on purpose")

    with monkeypatch.context() as broken:
        broken.setattr(store, "_refill", cleared_only)
        with pytest.raises(StoreError):
            writer.exclusively(lambda: store.rebuild(cells))
    assert counted(house, writer, workspace)["sent"] == 0
    other = batch_of(workspace, range(1000, 1010))
    for event in other.events:
        event.campaign = "elsewhere"
    writer.submit(other).result(30)
    assert counted(house, writer, workspace) == {"sent": 20, "unique_sent": 20}


def test_a_change_that_broke_off_is_ended_before_the_next_one(house, store, writer, workspace, monkeypatch):
    batch = batch_of(workspace, range(10))
    cells = batch.pack().cells
    writer.submit(batch).result(30)
    writer.settle()

    def cleared_only(cells):
        house.services.engine.execute("DELETE FROM counts WHERE workspace = {w:String}", {"w": workspace})
        raise StoreError("on purpose")

    with monkeypatch.context() as broken:
        broken.setattr(store, "_refill_cells", cleared_only)
        with pytest.raises(StoreError):
            writer.exclusively(lambda: store.amend([], [cells]))
    assert store.repairs % 2 == 1
    # As an erasure: it changes nothing that is counted.
    writer.exclusively(lambda: store.amend([]))
    assert store.repairs % 2 == 0
    assert store.differences(cells) == []


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
    """A writer whose store is busy with ten events, and has room for a hundred in the spool."""
    store = Blocking(house.services.engine, tmp_path / "journal.json")
    flushes: list[Flush] = []
    settings = Settings(queue_limit_events=100, spool_limit_events=100)
    writer = opened(house, store, tmp_path, settings, on_flush=flushes.append)
    assert receipt_of(writer.submit(batch_of(workspace, range(10)))) == (10, 0)
    assert store.entered.wait(30)
    yield store, writer, flushes
    store.go_on.set()
    writer.close()


def test_a_receipt_does_not_wait_for_the_store(house, blocked, workspace):
    store, writer, _ = blocked
    assert receipt_of(writer.submit(batch_of(workspace, range(5, 40)))) == (30, 5)
    standing = writer.standing()
    assert (standing.spool_events, standing.waiting_events) == (40, 0)
    assert standing.spool_bytes > 0 < standing.spool_age_s
    store.go_on.set()
    assert counted(house, writer, workspace)["sent"] == 40
    assert writer.standing().spool_events == writer.standing().spool_bytes == 0


def test_who_reads_waits_for_what_was_acknowledged_before(blocked, workspace, make_tenant):
    store, writer, _ = blocked
    waiting = threading.Thread(target=writer.settle, args=(workspace,))
    waiting.start()
    writer.settle(make_tenant().workspace.id)  # nothing of this one waits
    waiting.join(0.05)
    assert waiting.is_alive()
    store.go_on.set()
    waiting.join(30)
    assert not waiting.is_alive()


def test_coroutines_wait_and_are_answered_too(house, blocked, workspace):
    store, writer, _ = blocked

    async def send_and_read() -> list[Receipt]:
        batches = [batch_of(workspace, range(at, at + 2)) for at in range(20, 30)]
        receipts = await asyncio.gather(*(writer.accept(batch) for batch in batches))
        asyncio.get_running_loop().call_later(0.02, store.go_on.set)
        await writer.settled(workspace)
        return receipts

    receipts = asyncio.run(send_and_read())
    assert sum(receipt.accepted for receipt in receipts) == 11
    assert sum(receipt.duplicates for receipt in receipts) == 9
    assert counted(house, writer, workspace)["sent"] == 21


def test_what_waits_for_a_busy_store_is_stored_together(house, blocked, workspace):
    store, writer, flushes = blocked
    for at in range(10, 40):
        assert receipt_of(writer.submit(batch_of(workspace, range(at, at + 1)))) == (1, 0)
    store.go_on.set()
    writer.settle()
    assert [flush.events for flush in flushes] == [10, 30]


def test_a_full_spool_is_refused_before_anything_is_taken(house, blocked, workspace, monkeypatch):
    store, writer, _ = blocked
    monkeypatch.setattr("turnout.ingest.writer._ROOM_TIMEOUT_S", 0.05)
    assert receipt_of(writer.submit(batch_of(workspace, range(10, 110)))) == (100, 0)
    with pytest.raises(Overloaded) as refused:
        writer.submit(batch_of(workspace, range(110, 120))).result(30)
    assert refused.value.retry_after_s >= 1
    assert writer.health() != ""
    store.go_on.set()
    writer.settle()
    assert receipt_of(writer.submit(batch_of(workspace, range(100, 120)))) == (10, 10)
    assert writer.health() == ""
    assert counted(house, writer, workspace)["sent"] == 120


def test_too_much_waiting_is_refused_before_it_is_taken(house, blocked, workspace):
    store, writer, _ = blocked
    writer.submit(batch_of(workspace, range(10, 110))).result(30)
    first = writer.submit(batch_of(workspace, range(200, 210)))  # the writer waits for room with this one
    while writer.standing().waiting_events:
        time.sleep(0.001)
    second = writer.submit(batch_of(workspace, range(300, 390)))
    assert writer.standing().waiting_events == 90
    with pytest.raises(Overloaded) as refused:
        writer.submit(batch_of(workspace, range(100, 120)))
    assert refused.value.retry_after_s >= 1
    store.go_on.set()
    assert receipt_of(first) == (10, 0)
    assert receipt_of(second) == (90, 0)
    assert counted(house, writer, workspace)["sent"] == 210


def test_a_caller_that_gave_up_before_its_turn_is_not_written(house, blocked, workspace):
    store, writer, _ = blocked
    writer.submit(batch_of(workspace, range(10, 110))).result(30)
    first = writer.submit(batch_of(workspace, range(200, 210)))
    while writer.standing().waiting_events:
        time.sleep(0.001)
    given_up = writer.submit(batch_of(workspace, range(300, 310)))
    assert given_up.cancel()
    later = writer.submit(batch_of(workspace, range(400, 405)))
    store.go_on.set()
    assert receipt_of(first) == (10, 0)
    assert receipt_of(later) == (5, 0)
    assert counted(house, writer, workspace)["sent"] == 125


def test_closing_writes_what_waits_and_then_refuses(house, store, tmp_path, workspace):
    writer = opened(house, store, tmp_path)
    future = writer.submit(batch_of(workspace, range(10)))
    writer.close()
    assert receipt_of(future) == (10, 0)
    with pytest.raises(Overloaded):
        writer.submit(batch_of(workspace, range(10)))
    assert counted(house, writer, workspace)["sent"] == 10


def test_a_damaged_group_holds_up_nobody_and_is_told(house, store, tmp_path, workspace):
    crashed = opened(house, store, tmp_path)
    store.failing = "before"
    for at in range(3):
        crashed.submit(batch_of(workspace, range(at * 10, at * 10 + 10))).result(30)
    abandon(crashed)
    store.failing = ""
    (path,) = (tmp_path / "spool").glob("*.spool")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    writer = opened(house, store, tmp_path)
    assert counted(house, writer, workspace)["sent"] == 20
    assert writer.standing().damaged_bytes > 100
    # What was lost is not known any more: sent again, it counts.
    assert receipt_of(writer.submit(batch_of(workspace, range(30)))) == (10, 20)
    assert counted(house, writer, workspace) == {"sent": 30, "unique_sent": 30}
    writer.close()


def test_one_batch_that_can_not_be_spooled_is_refused_alone(house, writer, workspace):
    bad = batch_of(workspace, range(5))
    bad.events[0].properties = {"n": 2**70}
    outcomes = [
        writer.submit(one) for one in (batch_of(workspace, range(10, 15)), bad, batch_of(workspace, range(20, 25)))
    ]
    assert receipt_of(outcomes[0]) == receipt_of(outcomes[2]) == (5, 0)
    with pytest.raises(Overloaded):
        outcomes[1].result(30)
    assert counted(house, writer, workspace) == {"sent": 10, "unique_sent": 10}


def test_a_lost_rollup_is_mended_at_the_next_start(house, tmp_path, workspace):
    """What a crash between raw and rollup leaves: rows in raw, a journal, and no counts."""
    engine = house.services.engine
    store = EventStore(engine, tmp_path / "journal.json")
    writer = opened(house, store, tmp_path)
    writer.submit(batch_of(workspace, range(100))).result(30)
    writer.settle()
    journal = (tmp_path / "journal.json").read_bytes()
    writer.close()
    (tmp_path / "journal.json").write_bytes(journal)
    engine.execute("DELETE FROM counts WHERE workspace = {w:String}", {"w": workspace})
    assert counted(house, writer, workspace)["sent"] == 0
    assert EventStore(engine, tmp_path / "journal.json").recover() > 0
    assert counted(house, writer, workspace) == {"sent": 100, "unique_sent": 100}
    assert msgspec.json.decode((tmp_path / "journal.json").read_bytes())[0]["workspace"] == workspace
