"""Who watches what just now: the coverage of each viewer, remembered, and fetched from the store where it isn't.

Viewers of a show and intervals go in; their `Coverage` comes out, complete for those intervals. Memory is bounded:
the viewers that were quiet longest are forgotten, and the store is asked when they are back.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from turnout.capture.coverage import Coverage, Span
from turnout.services import Services
from turnout.store import watched

#: Viewers that are remembered, of all shows together; one who watches in one piece takes about a kilobyte.
VIEWERS_LIMIT = 200_000

#: What they may take together. Anybody may say that he watched every other second, under the longest of names.
MEMORY_LIMIT_BYTES = 256 << 20

#: About what it takes to know a viewer, beside the name and the coverage.
_VIEWER_BYTES = 700

#: Viewers share this many locks.
_LOCKS = 1_024

#: An interval that ended so long before what is remembered is looked up by itself, not with all since then.
_ALONE_MS = 21_600_000

#: Looks into the store at once. Who comes meanwhile is looked up together.
_LOOKS = 2


@dataclass(frozen=True)
class Show:
    """A campaign of a workspace."""

    workspace: str
    campaign: str


@dataclass
class _Look:
    """One look into the store for all that ask before it begins."""

    viewers: set[str] = field(default_factory=set)
    from_ms: int = 2**62
    to_ms: int = 0
    found: asyncio.Task[dict[str, list[Span]]] | None = None


class Viewers:
    """Every viewer that is remembered. For one thread (the event loop's)."""

    def __init__(self, limit: int = VIEWERS_LIMIT, limit_bytes: int = MEMORY_LIMIT_BYTES) -> None:
        self._limit = limit
        self._limit_bytes = limit_bytes
        #: Each with what it took when it was kept.
        self._known: OrderedDict[tuple[Show, str], tuple[Coverage, int]] = OrderedDict()
        self._bytes = 0
        #: Of whom isn't remembered, everything that is later is known: that there is nothing.
        self._forgotten_ms: int | None = None
        self._locks = [asyncio.Lock() for _ in range(_LOCKS)]
        self._looks: dict[Show, _Look] = {}
        self._turns = asyncio.Semaphore(_LOOKS)

    @contextlib.asynccontextmanager
    async def turn(self, show: Show, viewers: Iterable[str]) -> AsyncIterator[None]:
        """Have these viewers to oneself: what two beacons say of one viewer is settled one after the other."""
        async with contextlib.AsyncExitStack() as held:
            # Always in the same order, so that nobody waits for one who waits for him.
            for number in sorted({hash((show, viewer)) % _LOCKS for viewer in viewers}):
                await held.enter_async_context(self._locks[number])
            yield

    def remembered(self, show: Show, viewer: str, now_ms: int) -> Coverage:
        """What is remembered of a viewer; of a new one, that there is nothing since the first beacon came here."""
        if self._forgotten_ms is None:
            self._forgotten_ms = now_ms
        found = self._known.get((show, viewer))
        return found[0] if found is not None else Coverage(self._forgotten_ms)

    def keep(self, show: Show, viewer: str, coverage: Coverage) -> None:
        """Remember a viewer, and forget those that were quiet longest if they are too many, or take too much."""
        _, before_bytes = self._known.pop((show, viewer), (coverage, 0))
        size_bytes = _VIEWER_BYTES + sys.getsizeof(viewer) + coverage.bytes
        self._known[show, viewer] = coverage, size_bytes
        self._bytes += size_bytes - before_bytes
        while len(self._known) > self._limit or self._bytes > self._limit_bytes:
            _, (gone, gone_bytes) = self._known.popitem(last=False)
            self._bytes -= gone_bytes
            self._forgotten_ms = max(self._forgotten_ms or 0, gone.ends_ms)

    async def complete(self, services: Services, show: Show, wanted: Mapping[str, tuple[Coverage, Span]]) -> None:
        """Make each coverage complete for its span, from the store where memory doesn't reach back so far."""
        lacking = {viewer: one for viewer, one in wanted.items() if one[1][0] < one[0].known_from_ms}
        if not lacking:
            return
        from_ms = min(span[0] for _, span in lacking.values())
        to_ms = max(_until_ms(coverage, span) for coverage, span in lacking.values())
        found = await self._ask(services, show, set(lacking), from_ms, to_ms)
        for viewer, (coverage, _) in lacking.items():
            coverage.learn(found.get(viewer, []), from_ms, to_ms)

    async def _ask(
        self, services: Services, show: Show, viewers: set[str], from_ms: int, to_ms: int
    ) -> dict[str, list[Span]]:
        """What the store has of these viewers in `[from, to)`, and of others who asked at the same time."""
        look = self._looks.get(show)
        if look is None:
            look = self._looks[show] = _Look()
            look.found = asyncio.create_task(self._look(services, show, look))
        look.viewers |= viewers
        look.from_ms, look.to_ms = min(look.from_ms, from_ms), max(look.to_ms, to_ms)
        assert look.found is not None
        # One who goes away takes the answer from nobody.
        return await asyncio.shield(look.found)

    async def _look(self, services: Services, show: Show, look: _Look) -> dict[str, list[Span]]:
        async with self._turns:
            # From here on others gather for the next one.
            del self._looks[show]
            await services.writer.settled(show.workspace)
            ask = partial(watched.spans, services.engine, show.workspace, show.campaign)
            return await services.run(ask, sorted(look.viewers), look.from_ms, look.to_ms)


def _until_ms(coverage: Coverage, span: Span) -> int:
    alone = span[1] < coverage.known_from_ms - _ALONE_MS
    return span[1] if alone else max(span[1], coverage.known_from_ms)
