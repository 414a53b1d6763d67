"""How early the behaviours that came since some moment were: enough to tell what they can't have changed."""

from __future__ import annotations

from bisect import bisect_right

#: Entries kept; past it the oldest are merged, which only makes more seem stale.
_LIMIT = 4096

_NEVER_MS = 2**62


class Behaviours:
    """The arrivals of a workspace's behaviours, counted, each with the earliest time among its events.

    Kept are those that no later arrival undercuts, so that times ascend and the first after a count is the
    earliest since then.
    """

    def __init__(self) -> None:
        self.count = 0
        self._counts: list[int] = []
        self._times_ms: list[int] = []

    def add(self, earliest_ms: int) -> None:
        """One more arrival."""
        self.count += 1
        while self._times_ms and self._times_ms[-1] >= earliest_ms:
            self._times_ms.pop()
            self._counts.pop()
        self._times_ms.append(earliest_ms)
        self._counts.append(self.count)
        if len(self._counts) > _LIMIT:
            # The second oldest now stands for both: its count with the earlier time.
            del self._counts[0], self._times_ms[1]

    def earliest_since(self, count: int) -> int:
        """The earliest time among the arrivals after the `count`th; far in the future if there is none."""
        at = bisect_right(self._counts, count)
        return self._times_ms[at] if at < len(self._times_ms) else _NEVER_MS
