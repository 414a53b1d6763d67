from __future__ import annotations

import uuid

import msgspec
import pyarrow as pa
import pytest

from turnout.errors import Overloaded, StoreError
from turnout.store.engine import rows
from turnout.store.events import SLOT_MS, Cells, EventStore, Span
from turnout.store.fleet import Shared
from turnout.store.migrate import migrate

START_MS = 1_791_200_000_000 // SLOT_MS * SLOT_MS
CAMPAIGNS = ("spring", "sümmer'\"\\", "")


def some_events(count: int, *, workspace: str = "w", at_ms: int = START_MS, step_ms: int = 61_000):
    """Events over the campaigns, one each `step_ms`, and the cells that they touch."""
    names = [CAMPAIGNS[number % len(CAMPAIGNS)] for number in range(count)]
    times = [at_ms + number * step_ms for number in range(count)]
    batch = pa.record_batch(
        {
            "workspace": pa.array([workspace] * count),
            "campaign": pa.array(names),
            "type": pa.array(["sent"] * count),
            "time": pa.array(times, pa.int64()).cast(pa.timestamp("ms", "UTC")),
            "received": pa.array(times, pa.int64()).cast(pa.timestamp("ms", "UTC")),
            "id": pa.array([uuid.uuid4().bytes for _ in range(count)], pa.binary(16)),
            "recipient": pa.array([f"r{number}" for number in range(count)]),
            "amount": pa.array([1] * count, pa.decimal128(18, 6)),
            "quantity": pa.array([2] * count, pa.uint32()),
            "traffic": pa.array(["human"] * count),
        }
    )
    return batch, [Cells(workspace, tuple(sorted(set(names))), min(times), max(times) + 1)]


EVERYTHING = Cells("w", CAMPAIGNS, 0, 4_102_444_800_000)


@pytest.fixture
def store(fresh_engine, tmp_path):
    migrate(fresh_engine)
    return EventStore(fresh_engine, tmp_path / "journal.json")


@pytest.fixture
def reopened(fresh_engine, tmp_path):
    """The same store as the next process finds it."""
    return EventStore(fresh_engine, tmp_path / "journal.json")


def rolled_up(engine) -> int:
    return int(rows(engine, "SELECT sum(events) FROM counts")[0][0])


def test_an_append_is_in_both_tables(store, fresh_engine):
    batch, touched = some_events(100)
    store.append([batch], touched)
    assert store.count() == 100 == rolled_up(fresh_engine)
    assert store.differences(EVERYTHING) == []
    assert store.campaigns("w") == sorted(CAMPAIGNS)
    assert store.campaigns("other") == []
    assert store.spans("w", ["spring"]) == {"spring": Span(START_MS, START_MS + 99 * 61_000, 34)}
    assert store.spans("w", ["spring"], ["sent", "opened"]) == store.spans("w", ["spring"])
    assert store.spans("w", ["spring"], ["impression"]) == {}


def test_an_append_that_is_tried_again_counts_once_and_what_was_taken_out_may_come_again(store, fresh_engine, tmp_path):
    fleet = Shared(fresh_engine, "one")
    fleet.prepare()
    shared = EventStore(fresh_engine, tmp_path / "shared.json", fleet)
    batch, touched = some_events(30)

    class LosesTheAnswer:
        def __getattr__(self, name):
            return getattr(fresh_engine, name)

        def insert(self, table, rows, token=""):
            fresh_engine.insert(table, rows, token)
            raise StoreError("the connection to the store broke")

    shared._engine = LosesTheAnswer()
    with pytest.raises(StoreError):
        shared.append([batch], touched)
    shared._engine = fresh_engine
    shared.append([batch], touched)
    assert shared.count() == 30 == rolled_up(fresh_engine)

    fresh_engine.execute("DELETE FROM events WHERE workspace = 'w'")
    shared.append([batch], touched)
    assert shared.count() == 30


def test_a_refill_that_events_came_into_past_turnout_is_made_again(store, fresh_engine, tmp_path):
    fleet = Shared(fresh_engine, "one")
    fleet.prepare()
    shared = EventStore(fresh_engine, tmp_path / "shared.json", fleet)
    batch, touched = some_events(30)
    shared.append([batch], touched)

    class StreamsIn:
        """Rows come between the clearing and the filling, so often."""

        def __init__(self, times: int) -> None:
            self.times = times

        def __getattr__(self, name):
            return getattr(fresh_engine, name)

        def execute(self, text, parameters=None):
            if "INSERT INTO counts" in text and self.times:
                self.times -= 1
                fresh_engine.insert("events", pa.Table.from_batches([some_events(3)[0]]))
            fresh_engine.execute(text, parameters)

    shared._engine = StreamsIn(2)
    shared.rebuild(EVERYTHING)
    assert shared.differences(EVERYTHING) == []
    assert rolled_up(fresh_engine) == 36

    shared._engine = StreamsIn(100)
    with pytest.raises(Overloaded, match="past Turnout"):
        shared.rebuild(EVERYTHING)
    assert shared.repairs % 2
    shared._engine = fresh_engine
    shared.rebuild(EVERYTHING)
    assert shared.repairs % 2 == 0
    assert shared.differences(EVERYTHING) == []


def test_what_a_dead_process_was_making_anew_is_made_by_another(store, fresh_engine, tmp_path):
    batch, (cells,) = some_events(60)
    store.append([batch], [cells])
    fresh_engine.execute("DELETE FROM counts WHERE campaign = 'spring'")
    assert rolled_up(fresh_engine) == 40
    heir = EventStore(fresh_engine, tmp_path / "another.json")
    heir.take_over(msgspec.json.encode([cells]))
    assert store.differences(EVERYTHING) == []
    assert rolled_up(fresh_engine) == 60
    assert not heir.is_in_doubt


def test_ids_are_found_where_they_are(store):
    batch, (cells,) = some_events(50)
    store.append([batch], [cells])
    ids = [int.from_bytes(one, "little") for one in batch.column("id").to_pylist()]
    assert store.known_near(cells, [*ids, 5]) == set(ids)
    assert store.known_near(Cells("w", CAMPAIGNS, START_MS, START_MS + 61_000), ids) == {ids[0]}
    assert store.known_near(Cells("other", CAMPAIGNS, 0, 2**41), ids) == set()
    places = [("spring", "sent", START_MS), ("spring", "sent", START_MS + 1), ("winter", "opened", START_MS)]
    assert store.known_at("w", places, ids) == {ids[0]}
    assert store.known_at("other", places, ids) == set()
    assert store.known_anywhere("w", [ids[7], 5]) == {ids[7]}
    assert store.known_anywhere("other", ids) == set()


def test_a_crash_between_raw_and_rollup_is_mended(store, reopened, fresh_engine):
    first, touched = some_events(30)
    store.append([first], touched)
    fresh_engine.execute("DETACH TABLE counts_of_events")
    batch, touched = some_events(100, at_ms=START_MS + 10_000)
    store.append([batch], touched)
    fresh_engine.execute("ATTACH TABLE counts_of_events")
    assert (store.count(), rolled_up(fresh_engine)) == (130, 30)
    found = store.differences(EVERYTHING)
    assert sum(one.raw_events - one.rolled_events for one in found) == 100

    assert reopened.recover() == len(found)
    assert reopened.differences(EVERYTHING) == []
    assert rolled_up(fresh_engine) == 130
    assert reopened.recover() == 0


def test_a_crash_before_raw_leaves_nothing_to_mend(store, reopened, fresh_engine):
    class NoInsert:
        def __getattr__(self, name):
            return getattr(fresh_engine, name)

        def insert(self, table, batch, token=""):
            raise ConnectionError

    batch, touched = some_events(10)
    store.append([batch], touched)
    store._engine = NoInsert()
    with pytest.raises(ConnectionError):
        store.append([batch], touched)
    assert reopened.recover() == 0
    assert reopened.count() == 10


def test_without_a_journal_there_is_nothing_to_mend(store):
    assert store.recover() == 0


def test_a_journal_that_was_being_written_is_not_read(store, reopened, tmp_path):
    batch, touched = some_events(10)
    store.append([batch], touched)
    (tmp_path / "journal.new").write_bytes(b'[{"workspace":')
    assert reopened.recover() == 0


@pytest.mark.parametrize("statements", [0, 1])
def test_a_crash_within_a_rebuild_is_mended(store, reopened, fresh_engine, dying, statements):
    first, touched = some_events(30)
    store.append([first], touched)
    second, touched_second = some_events(30, workspace="other")
    store.append([second], touched_second)
    store._engine = dying(fresh_engine, last=statements)
    with pytest.raises(Exception, match="counts"):
        store.rebuild(touched[0])
    reopened.recover()
    assert rolled_up(fresh_engine) == 60
    assert reopened.differences(EVERYTHING) == []


def test_a_rebuild_leaves_its_neighbours_alone(store, fresh_engine):
    batch, (cells,) = some_events(60)
    store.append([batch], [cells])
    other, touched = some_events(10, workspace="other")
    store.append([other], touched)
    wrong = (
        "INSERT INTO counts (workspace, campaign, type, slot, traffic, events) "
        "SELECT {w:String}, 'spring', 'sent', fromUnixTimestamp({s:Int64}), 'human', 5"
    )
    slots = [START_MS // 1000, START_MS // 1000 + 1800]
    for workspace in ("w", "other"):
        for slot_s in slots:
            fresh_engine.execute(wrong, {"w": workspace, "s": slot_s})
    assert [(one.campaign, one.slot_s) for one in store.differences(EVERYTHING)] == [
        ("spring", slot_s) for slot_s in slots
    ]
    # Half a slot asked for is a whole slot made anew.
    store.rebuild(Cells("w", ("spring",), START_MS + 5, START_MS + 10))
    (left,) = store.differences(EVERYTHING)
    assert left.slot_s == slots[1]
    assert left.rolled_events - left.raw_events == 5
    assert len(store.differences(Cells("other", CAMPAIGNS, 0, 2**41))) == 2
    store.rebuild(EVERYTHING)
    assert store.differences(EVERYTHING) == []


def test_many_campaigns_are_rebuilt_in_parts(store, fresh_engine):
    names = tuple(f"campaign {number}" for number in range(120))
    batch, _ = some_events(240)
    store._engine.insert("events", batch.set_column(1, "campaign", pa.array(names * 2)))
    fresh_engine.execute("TRUNCATE TABLE counts")
    cells = Cells("w", names, 0, 2**41)
    assert len({one.campaign for one in store.differences(cells)}) == 120
    store.rebuild(cells)
    assert store.differences(cells) == []
    assert rolled_up(fresh_engine) == 240


MARK = """
ALTER TABLE events UPDATE traffic = {class:String} WHERE workspace = {workspace:String} SETTINGS mutations_sync = 2
"""


def classes(engine, table: str) -> dict[str, int]:
    counted = "sum(events)" if table == "counts" else "count()"
    return dict(rows(engine, f"SELECT traffic, {counted} FROM {table} GROUP BY traffic"))


def test_stored_rows_change_with_their_rollup(store, fresh_engine, tmp_path):
    batch, touched = some_events(60)
    store.append([batch], touched)
    store.settle()
    before = store.repairs
    seen = []
    store._engine = Watching(fresh_engine, lambda: seen.append(store.repairs % 2))
    store.amend([(MARK, {"class": "bot", "workspace": "w"})], touched)
    assert set(seen) == {1}
    assert store.repairs > before
    assert store.repairs % 2 == 0
    assert classes(fresh_engine, "events") == {"bot": 60} == classes(fresh_engine, "counts")
    assert (tmp_path / "journal.json").read_bytes() == b"[]"


class Watching:
    def __init__(self, engine, watch):
        self._engine, self._watch = engine, watch

    def execute(self, sql, parameters=None):
        self._watch()
        self._engine.execute(sql, parameters)

    def __getattr__(self, name):
        return getattr(self._engine, name)


@pytest.mark.parametrize("statements", [0, 1, 2])
def test_a_crash_within_a_change_is_mended(store, reopened, fresh_engine, dying, statements):
    batch, touched = some_events(30)
    store.append([batch], touched)
    store._engine = dying(fresh_engine, last=statements)
    with pytest.raises(Exception, match=r"events|counts"):
        store.amend([(MARK, {"class": "bot", "workspace": "w"})], touched)
    reopened.recover()
    assert reopened.repairs % 2 == 0
    assert classes(fresh_engine, "events") == {"bot" if statements else "human": 30} == classes(fresh_engine, "counts")


def test_a_change_that_went_on_without_its_process_is_waited_for(store, reopened, fresh_engine):
    batch, touched = some_events(30)
    store.append([batch], touched)
    slow = MARK.replace("{workspace:String}", "{workspace:String} AND sleepEachRow(0.01) = 0")
    fresh_engine.execute(slow.replace("mutations_sync = 2", "mutations_sync = 0"), {"class": "bot", "workspace": "w"})
    assert reopened.recover() > 0
    assert classes(fresh_engine, "events") == {"bot": 30} == classes(fresh_engine, "counts")


def test_a_refill_that_went_on_without_its_process_is_waited_for(store, reopened, fresh_engine):
    batch, touched = some_events(30)
    store.append([batch], touched)
    slow = "DELETE FROM counts WHERE workspace = 'w' AND sleepEachRow(0.01) = 0 SETTINGS lightweight_deletes_sync = 0"
    fresh_engine.execute(slow)
    assert reopened.recover() > 0
    assert rolled_up(fresh_engine) == 30


class Late:
    """A cluster, one of whose nodes is late with the first DELETE: it is done before whatever comes there next."""

    def __init__(self, engine):
        self._engine = engine
        self._waiting = None

    def execute(self, sql, parameters=None):
        if self._waiting is None and "DELETE FROM" in sql:
            self._waiting = (sql, parameters)
            raise StoreError("a node of the store's cluster was not done in time, and goes on with it")
        self.catch_up()
        self._engine.execute(sql, parameters)

    def catch_up(self):
        if self._waiting:
            self._engine.execute(*self._waiting)
            self._waiting = ()

    def __getattr__(self, name):
        return getattr(self._engine, name)


@pytest.mark.parametrize("by_another", [False, True])
def test_a_rollup_that_a_node_clears_late_is_made_anew(store, fresh_engine, tmp_path, by_another):
    late = Late(fresh_engine)
    fleet = Shared(fresh_engine, "p")
    fleet.prepare()
    shared = EventStore(late, tmp_path / "journal.json", fleet)
    batch, (cells,) = some_events(30)
    shared.append([batch], [cells])
    with pytest.raises(StoreError, match="not done in time"):
        shared.rebuild(cells)
    if by_another:
        EventStore(late, tmp_path / "another.json", fleet).take_over(msgspec.json.encode([cells]))
    else:
        shared.recover()
    late.catch_up()
    assert rolled_up(fresh_engine) == 30
    assert shared.differences(EVERYTHING) == []


def test_a_change_that_fails_is_ended_and_can_be_made_again(store, fresh_engine):
    batch, touched = some_events(30)
    store.append([batch], touched)
    wrong = MARK.replace("{class:String}", "toString(throwIf(recipient = 'r7'))")
    with pytest.raises(StoreError):
        store.amend([(MARK, {"class": "bot", "workspace": "w"}), (wrong, {"workspace": "w"})], touched)
    assert store.repairs % 2 == 0
    assert classes(fresh_engine, "events") == {"bot": 30} == classes(fresh_engine, "counts")
    store.amend([(MARK, {"class": "scanner", "workspace": "w"})], touched)
    assert classes(fresh_engine, "counts") == {"scanner": 30}
