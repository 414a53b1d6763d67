"""Events that are stored more than once: all copies but one go, one always stays, and the rollup is right."""

from __future__ import annotations

import uuid
from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from turnout.errors import StoreError
from turnout.store.duplicates import Copy, Duplicates, Repeated, _named
from turnout.store.engine import rows
from turnout.store.events import FIRST_MS, LAST_MS, SLOT_MS, Cells, EventStore
from turnout.store.migrate import migrate

START_MS = 1_791_200_000_000 // SLOT_MS * SLOT_MS
CAMPAIGNS = ("spring", "sümmer'\"\\", "")

#: An event: its id, campaign, time and when it was received, the last two as small numbers.
Event = tuple[int, int, int, int]


def part_of(workspace: str, events: list[Event]) -> pa.RecordBatch:
    """The rows of one insert."""
    ids, campaigns, times, received = zip(*events, strict=True)
    size = len(events)

    def moments(numbers: tuple[int, ...], step_ms: int) -> pa.Array:
        return pa.array([START_MS + number * step_ms for number in numbers], pa.int64()).cast(pa.timestamp("ms", "UTC"))

    return pa.record_batch(
        {
            "workspace": pa.array([workspace] * size),
            "campaign": pa.array([CAMPAIGNS[number] for number in campaigns]),
            "type": pa.array(["watched"] * size),
            "time": moments(times, 500_000),
            "received": moments(received, 1),
            "id": pa.array([number.to_bytes(16, "little") for number in ids], pa.binary(16)),
            "recipient": pa.array([f"r{number}" for number in ids]),
            "traffic": pa.array(["human"] * size),
            "duration_ms": pa.array([1000] * size, pa.uint32()),
        }
    )


def cells_of(workspace: str) -> Cells:
    return Cells(workspace, CAMPAIGNS, FIRST_MS, LAST_MS)


def stored(engine, workspace: str) -> Counter[Event]:
    """What is stored, as it was put in."""
    found = rows(
        engine,
        "SELECT toString(id), campaign, toUnixTimestamp64Milli(time), toUnixTimestamp64Milli(received) FROM events"
        " WHERE workspace = {workspace:String}",
        {"workspace": workspace},
    )
    return Counter(
        (int(id), CAMPAIGNS.index(campaign), (time - START_MS) // 500_000, received - START_MS)
        for id, campaign, time, received in found
    )


def earliest(events: list[Event]) -> Counter[Event]:
    """One of each id, by the rule."""
    kept: dict[int, Event] = {}
    for event in events:
        id, campaign, time, received = event
        rank = (received, CAMPAIGNS[campaign].encode(), time)
        one = kept.get(id)
        if one is None or rank < (one[3], CAMPAIGNS[one[1]].encode(), one[2]):
            kept[id] = event
    return Counter(kept.values())


def at_once(action):
    action()


@pytest.fixture
def empty(fresh_engine, tmp_path):
    """A store of its own behind a server, and what appends to it."""
    migrate(fresh_engine)
    return fresh_engine, EventStore(fresh_engine, tmp_path / "journal.json")


def put(store: EventStore, workspace: str, *parts: list[Event]) -> None:
    for events in parts:
        store.append([part_of(workspace, events)], [cells_of(workspace)])
    store.settle()


def test_nothing_is_found_where_everything_is_there_once(empty):
    engine, store = empty
    put(store, "w", [(1, 0, 0, 0), (2, 0, 0, 0)], [(3, 0, 0, 0)])
    put(store, "other", [(1, 0, 0, 0)])
    duplicates = Duplicates(engine, store, at_once)
    assert duplicates.find(cells_of("w")) == []
    assert duplicates.find_anywhere("w") == []
    assert duplicates.remove(cells_of("w")) == 0


def test_copies_are_named_and_all_but_the_first_are_dropped(empty):
    engine, store = empty
    told = []
    duplicates = Duplicates(engine, store, at_once, forget=lambda *what: told.append(what), ids_at_once=2)
    once = [(1, 0, 0, 50), (9, 1, 7, 0)]
    put(store, "w", once, [(1, 0, 0, 20), (2, 1, 3, 0)], [(1, 0, 0, 30), (2, 1, 3, 0), (3, 2, 9, 1)], [(3, 2, 9, 2)])
    put(store, "other", [(1, 0, 0, 0)])

    found = duplicates.find(cells_of("w"))
    assert [(one.id, len(one.copies)) for one in found] == [(1, 3), (2, 2), (3, 2)]
    assert (found[0].copies[0].campaign, found[0].copies[0].received_ms) == ("spring", START_MS + 20)
    assert len(duplicates.find(cells_of("w"), limit=2)) == 2
    assert duplicates.find(Cells("w", ("spring",), START_MS + 1, LAST_MS)) == []
    assert store.differences(cells_of("w")) == []

    assert duplicates.remove(cells_of("w")) == 4
    assert stored(engine, "w") == Counter({(1, 0, 0, 20): 1, (2, 1, 3, 0): 1, (3, 2, 9, 1): 1, (9, 1, 7, 0): 1})
    assert stored(engine, "other") == Counter({(1, 0, 0, 0): 1})
    assert store.differences(cells_of("w")) == []
    assert ("w", ("spring", CAMPAIGNS[1])) in told
    assert told[0] == told[1]


def test_an_id_that_was_said_of_two_events_is_found_in_the_whole_workspace(empty):
    engine, store = empty
    duplicates = Duplicates(engine, store, at_once, slice_events=2)
    put(store, "w", [(1, 0, 0, 5), (2, 0, 0, 0), (5, 0, 1, 0)], [(1, 1, 2000, 4), (3, 0, 0, 0), (4, 0, 0, 0)])
    for name in CAMPAIGNS:
        assert duplicates.find(Cells("w", (name,), FIRST_MS, LAST_MS)) == []
    (found,) = duplicates.find_anywhere("w")
    assert [(copy.campaign, copy.time_ms) for copy in found.copies] == [
        (CAMPAIGNS[1], START_MS + 2000 * 500_000),
        ("spring", START_MS),
    ]
    assert duplicates.remove_anywhere("w") == 1
    assert stored(engine, "w")[1, 1, 2000, 4] == 1
    assert sum(stored(engine, "w").values()) == 5
    assert store.differences(cells_of("w")) == []


def test_slices_cover_everything(empty):
    engine, store = empty
    many = [(number, number % 3, number % 11, 0) for number in range(300)]
    put(store, "w", many, [(id, campaign, time, 1) for id, campaign, time, _ in many[::7]])
    duplicates = Duplicates(engine, store, at_once, slice_events=20, ids_at_once=3)
    assert {one.id for one in duplicates.find(cells_of("w"))} == set(range(0, 300, 7))
    assert {one.id for one in duplicates.find_anywhere("w")} == set(range(0, 300, 7))
    within = Cells("w", CAMPAIGNS, START_MS + 500_000, START_MS + 3 * 500_000)
    assert {one.id for one in duplicates.find(within)} == {n for n in range(0, 300, 7) if n % 11 in (1, 2)}


def test_whatever_it_dies_at_one_of_each_is_left_and_the_next_start_is_right(empty, tmp_path, dying):
    engine, store = empty
    events = [[(n, n % 3, n, m) for n in range(4)] for m in (3, 1, 1)]
    last = 0
    while True:
        workspace = f"w{last}"
        put(store, workspace, *events)
        journal = tmp_path / f"{workspace}.json"
        mortal = dying(engine, last=last)
        try:
            Duplicates(mortal, EventStore(mortal, journal), at_once).remove(cells_of(workspace))
        except dying.Died:
            EventStore(engine, journal).recover()
        else:
            break
        assert set(stored(engine, workspace)) >= set(earliest([one for part in events for one in part]))
        assert store.differences(cells_of(workspace)) == []
        last += 1
    # A mutation, and the clearing and refilling of the rollup.
    assert last == 3
    assert stored(engine, workspace) == earliest([one for part in events for one in part])
    assert store.differences(cells_of(workspace)) == []


events = st.tuples(st.integers(0, 4), st.integers(0, 2), st.integers(0, 2), st.integers(0, 2))


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(st.lists(events, min_size=1, max_size=6), min_size=1, max_size=4))
def test_of_any_copies_in_any_parts_the_earliest_stays(house, tmp_path, parts):
    workspace = uuid.uuid4().hex
    engine = house.services.engine
    store = EventStore(engine, tmp_path / "journal.json")

    def work() -> None:
        put(store, workspace, *parts)
        Duplicates(engine, store, at_once).remove_anywhere(workspace)
        assert stored(engine, workspace) == earliest([one for part in parts for one in part])
        assert store.differences(cells_of(workspace)) == []

    house.services.writer.exclusively(work)


numbers = st.integers(0, 3)


@given(st.lists(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=4), min_size=1, max_size=4))
def test_no_name_of_what_goes_is_one_of_what_stays(hashes):
    found = [
        Repeated(id, tuple(Copy("c", "sent", 0, 0, moment, place) for moment, place in theirs))
        for id, theirs in enumerate(hashes)
    ]
    moments, places, doomed = _named(found)
    for one in found:
        assert one.copies[0].moment not in moments
        assert one.copies[0].place not in places
    for copy in doomed:
        assert copy.moment in moments or copy.place in places


def test_copies_that_only_their_shard_tells_apart_are_left_and_said(empty, monkeypatch):
    engine, store = empty
    put(store, "w", [(1, 0, 0, 0)], [(1, 0, 0, 0)])
    duplicates = Duplicates(engine, store, at_once)
    (found,) = duplicates.find(cells_of("w"))
    same = Repeated(found.id, (found.copies[0], found.copies[0]))
    monkeypatch.setattr(duplicates, "_look", lambda look, limit: [same])
    with pytest.raises(StoreError, match="can't be told from one another"):
        duplicates.remove(cells_of("w"))
    assert stored(engine, "w") == Counter({(1, 0, 0, 0): 2})
