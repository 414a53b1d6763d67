"""Processes of a store that stand still for a while and go on, or are slow, or lose an answer, at the worst moment."""

from __future__ import annotations

import contextlib
import threading
import time

import pytest
from tests.store.test_events import EVERYTHING, rolled_up, some_events
from tests.store.test_fleet import in_threads, join  # noqa: F401

from turnout.errors import Overloaded, StoreError
from turnout.store import fleet
from turnout.store.deliveries import Kept, Received
from turnout.store.engine import rows
from turnout.store.events import EventStore
from turnout.store.migrate import migrate
from turnout.store.records import Records


def state_of(process) -> str:
    ((state,),) = rows(
        process._engine,
        "SELECT argMax(state, (at, said)) FROM members WHERE process = {name:String}",
        {"name": process.process},
    )
    return state


def test_who_appends_for_long_says_so_while_another_one_wants_to_be_alone(join):  # noqa: F811
    slow, other = join("slow", lease_s=0.6), join("other", started=False, lease_s=0.6)
    ended: list[str] = []

    def append() -> None:
        with slow.writing():
            time.sleep(2.0)
            ended.append("append")

    def change() -> None:
        time.sleep(0.2)
        with other.alone():
            ended.append("alone")

    in_threads(append, change)
    assert ended == ["append", "alone"]


def test_who_stood_still_before_it_said_that_it_is_there_looks_first(join):  # noqa: F811
    moment = [0.0]
    paused = join("paused", started=False, stopwatch=lambda: moment[0])
    with paused.writing():
        pass
    other = join("other", started=False, lease_s=0.2)
    time.sleep(0.25)
    with other.alone():
        # It had looked at the lock, stood still for forty seconds, and goes on from there.
        moment[0] = 40.0
        paused._beat()
        assert paused.version % 2
        paused._closing.set()
        with pytest.raises(Overloaded, match="is changing it"), paused.writing():
            pass


def test_who_could_not_look_at_the_lock_does_not_append(join, monkeypatch):  # noqa: F811
    hasty, other = join("hasty", started=False), join("other", started=False)
    with other.alone():
        with monkeypatch.context() as patch:
            patch.setattr(hasty._locks["rows"], "term", lambda: (_ for _ in ()).throw(StoreError("lost")))
            with pytest.raises(StoreError), hasty.writing():
                pass
        hasty._closing.set()
        with pytest.raises(Overloaded, match="is changing it"), hasty.writing():
            pass


def test_what_a_dead_process_had_sent_while_it_was_alone_is_ended_before_another_goes_on(join, monkeypatch):  # noqa: F811
    dead, heir = join("dead", started=False, lease_s=0.2), join("heir", started=False, lease_s=0.2)
    with contextlib.suppress(KeyboardInterrupt), dead.alone():
        dead.note(b"[1]")
        raise KeyboardInterrupt
    said: list[object] = []
    execute = heir._engine.execute

    def told(sql, parameters=None):
        said.append((parameters or {}).get("prefix"))
        return execute(sql, parameters)

    monkeypatch.setattr(heir._engine, "execute", told)
    heir.take_over = said.append
    with heir.alone():
        pass
    assert said == ["turnout-dead-", b"[1]"]


def test_who_lost_its_turn_while_it_was_alone_goes_no_further(join):  # noqa: F811
    paused, heir = join("paused", started=False, lease_s=0.3), join("heir", started=False, lease_s=0.3)
    lock = paused._locks["rows"]
    renew = lock.renew

    def stand_still() -> None:
        lock.renew = lambda: None
        time.sleep(0.4)
        with heir.alone():
            pass
        lock.renew = renew

    with paused.alone():
        paused.must_be_alone()
        stand_still()
        with pytest.raises(Overloaded, match="took over"):
            paused.must_be_alone()
    assert heir.version == 4
    # It may be alone again.
    with paused.alone():
        paused.must_be_alone()


def test_threads_of_one_process_do_not_wait_for_the_registry_one_after_another(join, monkeypatch):  # noqa: F811
    monkeypatch.setattr(fleet, "_REGISTERING_TIMEOUT_S", 0.4)
    one, two = join("one"), join("two")
    refused: list[float] = []

    def change() -> None:
        began = time.monotonic()
        with pytest.raises(Overloaded), one.registering():
            pass
        refused.append(time.monotonic() - began)

    with two.registering():
        threads = [threading.Thread(target=change) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert len(refused) == 6
    assert max(refused) < 1.2


class Paused:
    """An engine whose process stands still once a statement with `words` is done."""

    def __init__(self, engine, words: str, stand_still) -> None:
        self._engine = engine
        self._words = words
        self._stand_still = stand_still

    def execute(self, sql, parameters=None):
        self._engine.execute(sql, parameters)
        if self._words in sql:
            self._words = "\n\n\n"
            self._stand_still()

    def __getattr__(self, name):
        return getattr(self._engine, name)


@pytest.mark.parametrize("words", ["DELETE FROM counts", "ALTER TABLE events UPDATE"])
def test_what_another_one_has_filled_again_is_not_filled_twice(join, fresh_engine, tmp_path, words):  # noqa: F811
    migrate(fresh_engine)
    paused, heir = join("paused", started=False, lease_s=0.3), join("heir", started=False, lease_s=0.3)
    lock = paused._locks["rows"]
    renew = lock.renew
    taken = EventStore(fresh_engine, tmp_path / "heir.json", heir)
    heir.take_over = taken.take_over
    left: list[int] = []

    def stand_still() -> None:
        lock.renew = lambda: None
        time.sleep(0.4)
        with heir.alone():
            pass
        left.append(rolled_up(fresh_engine))
        lock.renew = renew

    store = EventStore(Paused(fresh_engine, words, stand_still), tmp_path / "paused.json", paused)
    batch, (cells,) = some_events(30)
    store.append([batch], [cells])
    change = ("ALTER TABLE events UPDATE traffic = 'bot' WHERE workspace = 'w' SETTINGS mutations_sync = 2", {})
    with pytest.raises(Overloaded, match="took over"), paused.alone():
        store.amend([change], [cells])
    assert left == [30]
    assert (rolled_up(fresh_engine), taken.differences(EVERYTHING)) == (30, [])
    assert store.is_in_doubt
    with paused.alone():
        store.recover()
    assert (rolled_up(fresh_engine), store.repairs % 2) == (30, 0)


def test_who_could_not_take_over_believes_the_rollup_once_another_one_has(join, fresh_engine, tmp_path):  # noqa: F811
    migrate(fresh_engine)
    store = EventStore(fresh_engine, tmp_path / "journal.json", join("p", started=False))
    batch, (cells,) = some_events(3)
    store.append([batch], [cells])
    store._refill_cells = lambda cells: 1 // 0
    with pytest.raises(ZeroDivisionError):
        store.take_over(b'[{"workspace":"w","campaigns":["c"],"from_ms":0,"to_ms":1}]')
    assert store.repairs == 2


def test_who_waited_long_within_its_turn_at_the_registry_does_not_write(join, fresh_engine):  # noqa: F811
    migrate(fresh_engine)
    moment = [0.0]
    records = Records(fresh_engine, join("one"), stopwatch=lambda: moment[0])
    refused: list[str] = []

    def change() -> None:
        with pytest.raises(Overloaded, match="another process may have the turn"):
            records.write("key", [("w", "k", Kept("w", Received(hook="h")))])
        refused.append("refused")

    thread = threading.Thread(target=change)
    with records.lock:
        thread.start()
        for _ in range(200):
            if records._fleet._locks["registry"].is_held:
                break
            time.sleep(0.02)
        time.sleep(0.05)
        # A look at what others have changed has held this for long: the store was slow to answer.
        moment[0] = 20.0
    thread.join(30)
    assert refused == ["refused"]
    assert rows(fresh_engine, "SELECT count() FROM catalog") == [[0]]
