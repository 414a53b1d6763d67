"""How often a workspace may ask: fixed windows that begin on the clock, as Braze counts them.

A workspace, a path and the time go in; what is left goes out. Memory is one number per workspace and limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Limit:
    """So many requests in each window of `window_s` seconds; paths with the same `name` share it."""

    name: str
    requests: int
    window_s: int


SERIES_LIMIT = Limit("data_series", requests=50_000, window_s=60)
SHARED_LIMIT = Limit("shared", requests=250_000, window_s=3600)

#: Every other path has the shared limit.
LIMITS: dict[str, Limit] = {"/campaigns/data_series": SERIES_LIMIT}


@dataclass(frozen=True)
class Rate:
    """Where a workspace stands: `reset_s` is the epoch second at which the next window begins."""

    limit: int
    remaining: int
    reset_s: int
    exceeded: bool


class Limiter:
    """Counts the requests of the current window. For one thread (the event loop's)."""

    def __init__(self, limits: dict[str, Limit] = LIMITS, shared: Limit = SHARED_LIMIT) -> None:
        self._limits = limits
        self._shared = shared
        self._counts: dict[tuple[str, str], tuple[int, int]] = {}

    def count(self, workspace: str, path: str, now: datetime) -> Rate:
        """Count one request; refused ones count no further."""
        limit = self._limits.get(path, self._shared)
        window = int(now.timestamp()) // limit.window_s
        before, used = self._counts.get((workspace, limit.name), (window, 0))
        if before != window:
            used = 0
        exceeded = used >= limit.requests
        used = min(used + 1, limit.requests)
        self._counts[workspace, limit.name] = (window, used)
        return Rate(limit.requests, limit.requests - used, (window + 1) * limit.window_s, exceeded)
