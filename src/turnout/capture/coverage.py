"""What of a show a viewer is known to have watched, as spans on the server's clock.

A `Span` is `(begin, end)` in epoch milliseconds, the end excluded. Lists of spans are sorted, and no two of them
touch. New spans go in; the parts of them that are not known yet come out.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from operator import itemgetter

Span = tuple[int, int]

#: Spans that are remembered of one viewer. Who watches in one piece has one; older ones are asked of the store.
SPANS_LIMIT = 256

#: Pages of one viewer whose clocks are remembered.
SESSIONS_LIMIT = 8

#: About what a span takes in memory, and a page's clock.
_SPAN_BYTES = 140
_CLOCK_BYTES = 160

#: How much later than the fastest one a page's first beacon may have come, before its clock is read anew.
AHEAD_LIMIT_MS = 1_000

#: How far a page's clock may fall behind. The script gives a request up sooner, so that was no slow request.
BEHIND_LIMIT_MS = 60_000

_end = itemgetter(1)


def uncovered(spans: list[Span], begin_ms: int, end_ms: int) -> list[Span]:
    """The parts of `[begin, end)` that are in none of the spans, in order."""
    parts = []
    for at in range(bisect_right(spans, begin_ms, key=_end), len(spans)):
        known_ms, known_until_ms = spans[at]
        if known_ms >= end_ms:
            break
        if begin_ms < known_ms:
            parts.append((begin_ms, known_ms))
        begin_ms = max(begin_ms, known_until_ms)
    if begin_ms < end_ms:
        parts.append((begin_ms, end_ms))
    return parts


def add(spans: list[Span], begin_ms: int, end_ms: int) -> None:
    """Put `[begin, end)` among the spans, as one with those that it touches."""
    first = after = bisect_left(spans, begin_ms, key=_end)
    while after < len(spans) and spans[after][0] <= end_ms:
        begin_ms, end_ms = min(begin_ms, spans[after][0]), max(end_ms, spans[after][1])
        after += 1
    spans[first:after] = [(begin_ms, end_ms)]


class Coverage:
    """One viewer of one show: `spans` is all that was watched from `known_from_ms` on, and some of what was before."""

    __slots__ = ("_clocks", "known_from_ms", "spans")

    def __init__(self, known_from_ms: int) -> None:
        self.known_from_ms = known_from_ms
        self.spans: list[Span] = []
        self._clocks: dict[str, int] = {}

    @property
    def ends_ms(self) -> int:
        """Whoever forgets this viewer must ask the store for everything before this."""
        return max(self.known_from_ms, self.spans[-1][1] if self.spans else 0)

    @property
    def bytes(self) -> int:
        """About what it takes in memory."""
        return len(self.spans) * _SPAN_BYTES + len(self._clocks) * _CLOCK_BYTES

    def learn(self, spans: list[Span], from_ms: int, to_ms: int) -> None:
        """Take over what the store says of `[from, to)`."""
        for begin_ms, end_ms in spans:
            add(self.spans, begin_ms, end_ms)
        if to_ms >= self.known_from_ms:
            self.known_from_ms = min(self.known_from_ms, from_ms)

    def watched(self, spans: list[Span], forget_before_ms: int) -> None:
        """Note what is durable now, and forget what is too old or too much."""
        for begin_ms, end_ms in spans:
            add(self.spans, begin_ms, end_ms)
        old = bisect_left(self.spans, forget_before_ms, key=_end)
        if old:
            del self.spans[:old]
            self.known_from_ms = max(self.known_from_ms, forget_before_ms)
        if len(self.spans) > SPANS_LIMIT:
            self.known_from_ms = max(self.known_from_ms, self.spans[-SPANS_LIMIT - 1][1])
            del self.spans[:-SPANS_LIMIT]

    def forget(self, now_ms: int) -> None:
        """What is remembered is not what is stored: from now on the store is asked."""
        self.known_from_ms = max(self.ends_ms, now_ms)
        self.spans = []

    def begins_at_ms(self, session: str, arrived_ms: int, clock_ms: int) -> int:
        """When the clock of a page stood at nought, by the server's: read once, of its first beacon.

        So all that one page says stays as far apart as it was on its own clock, however long each beacon was under
        way. It is read anew where it would put something into the future, or far too early (a machine that slept).
        """
        read_ms = arrived_ms - clock_ms
        known_ms = self._clocks.get(session)
        if known_ms is not None and read_ms - BEHIND_LIMIT_MS <= known_ms <= read_ms + AHEAD_LIMIT_MS:
            return known_ms
        self._clocks.pop(session, None)
        self._clocks[session] = read_ms
        if len(self._clocks) > SESSIONS_LIMIT:
            del self._clocks[next(iter(self._clocks))]
        return read_ms
