"""What rooms remember between requests: rendered answers, until their data changes, bounded by bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from turnout.services import Services
from turnout.stats.run import Statistics
from turnout.stats.versions import Version

T = TypeVar("T")

#: All bodies together, and the longest that is worth keeping.
KEPT_LIMIT_BYTES = 64 << 20
BODY_LIMIT_BYTES = 4 << 20


class Bodies:
    """The least recently used go first. For one thread (the event loop's)."""

    def __init__(self, limit_bytes: int = KEPT_LIMIT_BYTES, body_limit_bytes: int = BODY_LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._body_limit_bytes = body_limit_bytes
        self._bodies: OrderedDict[Hashable, tuple[Hashable, bytes]] = OrderedDict()
        self._bytes = 0

    def get(self, key: Hashable, version: Hashable) -> bytes | None:
        """The body, if it was made of data of this version."""
        found = self._bodies.get(key)
        if found is None or found[0] != version:
            return None
        self._bodies.move_to_end(key)
        return found[1]

    def put(self, key: Hashable, version: Hashable, body: bytes) -> None:
        """Keep a body in the place of an older one."""
        _, old = self._bodies.pop(key, (None, b""))
        self._bytes -= len(old)
        if len(body) > self._body_limit_bytes:
            return
        self._bodies[key] = (version, body)
        self._bytes += len(body)
        while self._bytes > self._limit_bytes:
            _, (_, dropped) = self._bodies.popitem(last=False)
            self._bytes -= len(dropped)


async def answer(
    bodies: Bodies, services: Services, workspace: str, name: Hashable, make: Callable[[], bytes], *, keep: bool = True
) -> bytes:
    """The body called `name` of a workspace, if it is of its data as they are; else what `make` makes, off the loop.

    It is kept if `keep`, and if every change of the data is known here.
    """
    statistics = services.statistics
    if not statistics.keeps_answers:
        return await services.run(make)
    # Read first: what changes while the body is made makes it stale.
    key, version = (workspace, name), await _version(services, workspace)
    body = bodies.get(key, version) if version.is_sound else None
    if body is None:
        body = await services.run(make)
        if keep and version.is_sound:
            bodies.put(key, version, body)
    return body


async def _version(services: Services, workspace: str) -> Version:
    if not services.statistics.is_shared:
        return services.statistics.version(workspace)
    return await services.run(services.statistics.version, workspace)


class PerHouse(Generic[T]):
    """What a room remembers between requests: one `T` for each opened store, gone when that is."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._known: WeakKeyDictionary[Statistics, T] = WeakKeyDictionary()

    def of(self, services: Services) -> T:
        """The one of this house."""
        found = self._known.get(services.statistics)
        if found is None:
            found = self._known[services.statistics] = self._make()
        return found
