"""One answer for everybody who asks at about the same time. Coroutines that make it enter; what they made leaves."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")

#: What costs much is made anew less often: at most this part of the time goes into one answer.
SHARE = 0.1


class Shared(Generic[T]):
    """An answer that is made at most once in `age_s`, and once at a time. For one thread (the event loop's).

    Whoever asks while it is made waits for it. What failed has failed for all who ask in that time: a store that is in
    trouble isn't asked more often than one that isn't.
    """

    def __init__(self, age_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._age_s = age_s
        self._clock = clock
        self._made: asyncio.Future[T] | None = None
        self._until_s = float("-inf")

    async def get(self, make: Callable[[], Awaitable[T]]) -> T:
        """The answer, made by `make` if there is none that is young enough. Raises what `make` does."""
        if self._made is None or (self._made.done() and self._clock() >= self._until_s):
            self._made = asyncio.ensure_future(self._make(make))
        # Whoever goes away takes nothing from the others.
        return await asyncio.shield(self._made)

    async def _make(self, make: Callable[[], Awaitable[T]]) -> T:
        started_s = self._clock()
        try:
            return await make()
        finally:
            took_s = self._clock() - started_s
            self._until_s = started_s + max(self._age_s, took_s / SHARE)


class Shelf(Generic[T]):
    """The `T` of each name, made when it is first asked for; past `limit` the one goes that was asked for longest ago.
    For one thread."""

    def __init__(self, limit: int, make: Callable[[], T]) -> None:
        self._limit = limit
        self._make = make
        self._known: OrderedDict[Hashable, T] = OrderedDict()

    def of(self, name: Hashable) -> T:
        """The one of this name."""
        found = self._known.get(name)
        if found is None:
            found = self._known[name] = self._make()
        self._known.move_to_end(name)
        if len(self._known) > self._limit:
            self._known.popitem(last=False)
        return found
