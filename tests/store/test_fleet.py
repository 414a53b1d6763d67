"""Processes that share a store: who may append, who is alone, and what happens when one of them dies."""

from __future__ import annotations

import contextlib
import threading
import time

import pytest

from turnout.errors import Overloaded
from turnout.store import fleet
from turnout.store.engine import rows
from turnout.store.fleet import Shared, Single


@pytest.fixture
def join(fresh_engine, monkeypatch):
    """Makes processes of one store."""
    monkeypatch.setattr(fleet, "_WRITING_TIMEOUT_S", 30.0)
    with contextlib.ExitStack() as ending:

        def make(process: str, *, started: bool = True, **options: object) -> Shared:
            one = Shared(fresh_engine, process, watch_s=0.05, **options)
            one.prepare()
            if started:
                one.start()
                ending.callback(one.close)
            return one

        yield make


def in_threads(*works):
    failed: list[BaseException] = []

    def guarded(work) -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    if failed:
        raise failed[0]


def test_appends_run_side_by_side_and_never_beside_who_is_alone(join):
    one, two, three = join("one"), join("two"), join("three")
    inside: list[str] = []
    together = threading.Barrier(2)

    def append_together(process: Shared) -> None:
        with process.writing():
            together.wait(30)

    def append(process: Shared) -> None:
        for _ in range(15):
            with process.writing():
                assert "alone" not in inside
                inside.append("append")
                time.sleep(0.02)
                inside.remove("append")

    def change(process: Shared) -> None:
        for _ in range(2):
            with process.alone():
                assert inside == []
                inside.append("alone")
                time.sleep(0.1)
                inside.remove("alone")

    in_threads(lambda: append_together(one), lambda: append_together(two))
    # One of those that change appends itself, so two of them that want to be alone meet, too.
    in_threads(lambda: append(one), lambda: append(two), lambda: change(two), lambda: change(three))
    assert one.version == 8


def test_who_is_active_need_not_ask_the_store(join, monkeypatch):
    one, two = join("one", started=False), join("two")
    for version in (0, 2):
        with one.writing():
            pass
        with monkeypatch.context() as patch:
            patch.setattr(one._locks["rows"], "term", None)
            with one.writing():
                assert one.version == version
        one._say("idle")
        assert one.version == version
        with two.alone():
            assert one.version == version + 1


def test_who_only_reads_is_active_too(join):
    reader, other = join("reader"), join("other")
    for _ in range(200):
        if reader._seen is not None:
            break
        time.sleep(0.02)
    assert reader._seen == 0
    with other.alone():
        assert reader._seen is None
        assert reader.version == 1
    for _ in range(200):
        if reader._seen is not None:
            break
        time.sleep(0.02)
    assert (reader._seen, reader.version) == (2, 2)


def test_who_was_silent_for_long_looks_before_it_appends(join):
    moment = [0.0]
    slow = join("slow", started=False, stopwatch=lambda: moment[0])
    with slow.writing():
        pass
    other = join("other", started=False, lease_s=0.2)
    time.sleep(0.25)
    with other.alone():
        # It goes on after a long sleep, and finds that somebody is alone.
        moment[0] = 1000.0
        slow._closing.set()
        with pytest.raises(Overloaded, match="is changing it"), slow.writing():
            pass
    with slow.writing():
        pass
    assert rows(slow._engine, "SELECT argMax(state, at) FROM members WHERE process = 'slow'") == [["active"]]


def test_what_a_process_was_changing_when_it_died_is_ended_by_another(join):
    dead = join("dead", started=False, lease_s=0.3)
    with contextlib.suppress(KeyboardInterrupt), dead.alone():
        dead.note(b'["cells"]')
        raise KeyboardInterrupt
    # It says nothing any more: everybody takes raw answers, until somebody has ended it.
    witness = join("witness", started=False)
    assert witness.version == 1
    ended: list[bytes] = []
    heir = join("heir", started=False, lease_s=0.3)
    heir.take_over = ended.append
    heir.start()
    for _ in range(200):
        if witness.version == 4:
            break
        time.sleep(0.05)
    heir.close()
    assert witness.version == 4
    assert ended == [b'["cells"]']
    with witness.alone():
        pass
    assert ended == [b'["cells"]']


def test_what_the_next_one_could_not_end_is_left_for_the_one_after_it(join):
    dead = join("dead", started=False, lease_s=0.2)
    with contextlib.suppress(KeyboardInterrupt), dead.alone():
        dead.note(b"[1]")
        raise KeyboardInterrupt
    unlucky, heir = join("unlucky", started=False, lease_s=0.2), join("heir", started=False, lease_s=0.2)

    def fail(cells: bytes) -> None:
        raise Overloaded("the store's disk is full")

    unlucky.take_over = fail
    with pytest.raises(Overloaded, match="disk"), unlucky.alone():
        pass
    assert heir.version % 2
    ended: list[bytes] = []
    heir.take_over = ended.append
    with heir.alone():
        pass
    assert (ended, heir.version % 2) == ([b"[1]"], 0)


def test_who_died_while_alone_and_had_noted_nothing_is_heard_of_too(join):
    dead, heir = join("dead", started=False, lease_s=0.2), join("heir", started=False, lease_s=0.2)
    dead._locks["rows"].acquire(1)
    ended: list[bytes] = []
    heir.take_over = ended.append
    with heir.alone():
        pass
    assert ended == [b"[]"]


def test_who_fails_before_anything_was_changed_lets_go(join):
    one, two = join("one"), join("two")
    with pytest.raises(ValueError, match="nothing"), one.alone():
        raise ValueError("nothing")
    assert one.version == 2
    with one.alone():
        one.note(b"[1]")
        one.note(b"")
    with two.alone():
        pass


def test_the_next_start_on_a_directory_waits_for_nobody(join):
    died = join("died", started=False)
    with died.writing():
        pass
    again = join("again", former="died")
    began = time.monotonic()
    with again.alone():
        pass
    assert time.monotonic() - began < fleet.LEASE_S / 2


def test_one_leads_until_it_is_gone(join):
    one, two = join("one", started=False), join("two")
    assert (one.leads(), two.leads(), one.leads()) == (True, False, True)
    one.close()
    assert two.leads()


def test_the_registry_is_changed_by_one_at_a_time(join):
    one, two = join("one"), join("two")
    value = [0]

    def change(process: Shared) -> None:
        for _ in range(5):
            with process.registering(), process.registering():
                before = value[0]
                time.sleep(0.01)
                value[0] = before + 1

    in_threads(lambda: change(one), lambda: change(one), lambda: change(two))
    assert value == [15]


def test_who_is_by_itself_asks_nobody():
    single = Single()
    with single.writing(), single.alone(), single.registering():
        assert (single.leads(), single.version, single.is_shared) == (True, 0, False)
    single.note(b"[]")
