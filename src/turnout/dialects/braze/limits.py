"""How often Braze lets a workspace ask: one limit for the series of a campaign, one for everything else."""

from __future__ import annotations

from turnout.dialects.limits import Limit

SERIES_LIMIT = Limit("data_series", requests=50_000, window_s=60)
SHARED_LIMIT = Limit("shared", requests=250_000, window_s=3600)

_LIMITS = {"/campaigns/data_series": SERIES_LIMIT}


def limit_of(path: str) -> Limit:
    """The limit that requests for this path count against."""
    return _LIMITS.get(path, SHARED_LIMIT)
