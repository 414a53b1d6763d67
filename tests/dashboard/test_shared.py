"""Many ask, one answer is made."""

from __future__ import annotations

import asyncio

import pytest

from turnout.dashboard.shared import Shared, Shelf
from turnout.errors import Overloaded


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Maker:
    """Makes 1, 2, 3 …, each in so many seconds."""

    def __init__(self, clock: Clock, took_s: float = 0) -> None:
        self.made, self.took_s, self._clock = 0, took_s, clock

    async def __call__(self) -> int:
        self.made += 1
        await asyncio.sleep(0)
        self._clock.now_s += self.took_s
        if self.made == 3:
            raise Overloaded("too much")
        return self.made


def test_who_asks_at_once_gets_the_same():
    async def ask() -> None:
        clock = Clock()
        make, shared = Maker(clock), Shared(3, clock)
        assert await asyncio.gather(*(shared.get(make) for _ in range(5))) == [1] * 5
        clock.now_s += 2.9
        assert await shared.get(make) == 1
        clock.now_s += 0.1
        assert await shared.get(make) == 2

    asyncio.run(ask())


def test_what_costs_much_is_made_less_often():
    async def ask() -> None:
        clock = Clock()
        make, shared = Maker(clock, took_s=2), Shared(3, clock)
        await shared.get(make)
        clock.now_s += 17.9
        assert await shared.get(make) == 1
        clock.now_s += 0.1
        assert await shared.get(make) == 2

    asyncio.run(ask())


def test_a_failure_is_everybody_s_until_its_time_is_over():
    async def ask() -> None:
        clock = Clock()
        make, shared = Maker(clock), Shared(3, clock)
        make.made = 2
        for _ in range(2):
            with pytest.raises(Overloaded):
                await shared.get(make)
        assert make.made == 3
        clock.now_s += 3
        assert await shared.get(make) == 4

    asyncio.run(ask())


def test_who_goes_away_takes_nothing_from_the_others():
    async def ask() -> None:
        clock = Clock()
        make, shared = Maker(clock), Shared(3, clock)
        first = asyncio.ensure_future(shared.get(make))
        # Once for whoever asks, once for what is made.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        second = asyncio.ensure_future(shared.get(make))
        first.cancel()
        assert await second == 1

    asyncio.run(ask())


def test_a_shelf_keeps_what_was_asked_for_last():
    made: list[list[str]] = []

    def make() -> list[str]:
        made.append([])
        return made[-1]

    shelf = Shelf(2, make)
    first, second = shelf.of("a"), shelf.of("b")
    assert shelf.of("a") is first
    shelf.of("c")
    assert shelf.of("a") is first
    assert shelf.of("b") is not second
    assert len(made) == 4
