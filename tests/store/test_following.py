"""How a process hears of what others changed: in time, no more often than it may, and in spite of failures."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from turnout.errors import StoreError
from turnout.store.following import Following


class Store:
    """What is looked at; `fails` while it does not answer."""

    def __init__(self) -> None:
        self.looks: list[int] = []
        self.fails = False
        self.is_new = True
        self.came = threading.Semaphore(0)

    def look(self, again: int) -> bool:
        self.looks.append(again)
        self.came.release()
        if self.fails:
            raise StoreError("no")
        return self.is_new


@pytest.fixture
def store():
    return Store()


def follow(store, **options):
    return Following(store.look, **{"interval_s": 60.0, "least_interval_s": 0.0, **options})


def test_it_looks_by_itself_and_now_and_then_goes_back(store):
    following = follow(store, interval_s=0.001)
    following.start()
    for _ in range(31):
        assert store.came.acquire(timeout=10)
    following.close()
    assert store.looks[:29] == [0] * 29
    assert store.looks[29] > 0
    assert store.looks[30] == 0


def test_many_who_wait_have_one_look_between_them(store):
    following = follow(store, least_interval_s=0.3)
    following.start()
    assert store.came.acquire(timeout=10)

    async def ask() -> list[bool]:
        return await asyncio.gather(*(following.looked() for _ in range(500)))

    began = time.monotonic()
    assert asyncio.run(ask()) == [True] * 500
    assert len(store.looks) == 2
    store.is_new = False
    assert asyncio.run(ask()) == [False] * 500
    assert len(store.looks) <= 3
    assert time.monotonic() - began >= 0.3  # from the second look to the third
    following.close()


def test_nobody_waits_for_a_store_that_does_not_answer(store, caplog):
    store.fails = True
    following = follow(store, interval_s=0.001)
    following.start()
    for _ in range(5):
        assert store.came.acquire(timeout=10)
    began = time.monotonic()
    assert asyncio.run(following.looked()) is False
    assert time.monotonic() - began < 0.5
    assert caplog.text.count("can't be seen just now: no") == 1
    store.fails = False
    for _ in range(3):
        assert store.came.acquire(timeout=10)
    assert asyncio.run(following.looked()) is True
    following.close()
    assert asyncio.run(following.looked()) is False


def test_a_look_that_hangs_is_waited_for_within_a_bound(store):
    go_on = threading.Event()

    def hang(again: int) -> bool:
        go_on.wait(30)
        return True

    following = Following(hang, interval_s=60.0, least_interval_s=0.0, look_timeout_s=0.05)
    following.start()
    assert asyncio.run(following.looked()) is False
    go_on.set()
    following.close()
