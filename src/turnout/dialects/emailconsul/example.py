"""How a client of EmailConsul asks: a month of clicks by campaign."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

from turnout.dialects.contract import Example, Shown

_MONTH = timedelta(days=30)


def example(shown: Shown) -> Example:
    """Clicks by campaign."""
    query = {
        "period_from": f"{shown.now - _MONTH:%Y-%m-%dT%H:%M:%S.000Z}",
        "period_to": f"{shown.now:%Y-%m-%dT%H:%M:%S.000Z}",
        "group": "campaign_id",
    }
    return Example(f"/tracking/link/stats/aggregated?{urlencode(query, safe=':')}", {"X-API-Key": shown.key})
