"""A lock in the store: one of several processes has it, through a server's protocol."""

from __future__ import annotations

import threading
import time

import pytest

from turnout.errors import Overloaded
from turnout.store.locks import CREATE_LOCKS, StoreLock, Term


@pytest.fixture
def lock_of(fresh_engine):
    fresh_engine.execute(CREATE_LOCKS)

    def make(holder: str, name: str = "rows", **options: object) -> StoreLock:
        return StoreLock(fresh_engine, name, holder, **options)

    return make


def test_one_of_many_who_ask_at_once_has_it(lock_of):
    locks = [lock_of(f"p{number}") for number in range(6)]
    together = threading.Barrier(len(locks))
    won: list[StoreLock] = []

    def ask(lock: StoreLock) -> None:
        together.wait(10)
        if lock.try_acquire() is not None:
            won.append(lock)

    for round_ in range(1, 4):
        threads = [threading.Thread(target=ask, args=(lock,)) for lock in locks]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert len(won) == 1
        assert won[0].is_held
        assert won[0].term().number == round_
        won.pop().release()


def test_its_version_is_odd_while_somebody_has_it_and_grows(lock_of):
    ours, theirs = lock_of("ours"), lock_of("theirs")
    versions = [ours.term().version]
    for lock in (ours, theirs, ours):
        with lock.held(10):
            versions.append(theirs.term().version)
        versions.append(theirs.term().version)
    assert versions == [0, 1, 2, 3, 4, 5, 6]


def test_who_waits_has_it_when_it_is_let_go(lock_of):
    ours, theirs = lock_of("ours"), lock_of("theirs")
    assert ours.try_acquire() == Term()
    with pytest.raises(Overloaded, match="lock 'rows'"):
        theirs.acquire(0.01)
    letting_go = threading.Timer(0.3, ours.release)
    letting_go.start()
    before = theirs.acquire(30)
    letting_go.join()
    assert (before.number, before.holder, before.released) == (1, "ours", True)


def test_locks_of_other_names_are_others(lock_of):
    with lock_of("ours").held(10), lock_of("theirs", "registry").held(10):
        pass


def test_what_a_dead_process_had_is_taken_over(lock_of):
    dead, next_one = lock_of("dead", lease_s=0.2), lock_of("next", lease_s=0.2)
    dead.acquire(10)
    before = next_one.acquire(30)
    assert (before.holder, before.released) == ("dead", False)
    assert before.silent_s >= 0.2
    # It was not dead, but stopped for long: it finds out as soon as it asks, and can't have let go what isn't its own.
    dead.renew()
    time.sleep(0.1)
    dead.renew()
    assert dead.is_lost
    assert not dead.is_held
    dead.release()
    assert next_one.term().version == 3


def test_who_says_that_it_is_there_keeps_it(lock_of):
    moment = [0.0]
    ours = lock_of("ours", lease_s=3.0, stopwatch=lambda: moment[0])
    ours.acquire(10)
    ours.renew()
    beats = "SELECT count() FROM locks WHERE kind = 'beat'"
    assert ours._engine.query(beats, output="TSV") == b"0\n"
    for moment[0] in (1.5, 3.0, 3.1):
        ours.renew()
    assert ours._engine.query(beats, output="TSV") == b"2\n"
    assert ours.is_held


def test_what_it_abandoned_itself_or_its_former_self_held_is_had_at_once_and_known_to_have_ended_badly(lock_of):
    ours = lock_of("ours")
    ours.acquire(10)
    ours.abandon()
    assert lock_of("theirs").try_acquire() is None
    before = ours.try_acquire()
    assert before is not None
    assert (before.holder, before.released) == ("ours", False)
    before = lock_of("reborn", former="ours").try_acquire()
    assert before is not None
    assert before.number == 2
