"""How often a caller may ask: fixed windows that begin on the clock.

Who asks, the limit and the time go in; what is left goes out. Memory is one number per caller and limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Limit:
    """So many requests in each window of `window_s` seconds; what has the same `name` shares it."""

    name: str
    requests: int
    window_s: int


@dataclass(frozen=True)
class Rate:
    """Where a caller stands: `reset_s` is the epoch second at which the next window begins."""

    limit: int
    remaining: int
    reset_s: int
    exceeded: bool


class Limiter:
    """Counts the requests of the current window. For one thread (the event loop's)."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], tuple[int, int]] = {}

    def count(self, caller: str, limit: Limit, now: datetime) -> Rate:
        """Count one request; refused ones count no further."""
        window = int(now.timestamp()) // limit.window_s
        before, used = self._counts.get((caller, limit.name), (window, 0))
        if before != window:
            used = 0
        exceeded = used >= limit.requests
        used = min(used + 1, limit.requests)
        self._counts[caller, limit.name] = (window, used)
        return Rate(limit.requests, limit.requests - used, (window + 1) * limit.window_s, exceeded)
