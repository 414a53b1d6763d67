"""How a client of Batch asks: the days of a push campaign."""

from __future__ import annotations

from turnout.dialects.contract import Example, Shown


def example(shown: Shown) -> Example:
    """The statistics of a push campaign."""
    campaign = shown.campaign("ios_push", "android_push", "web_push", "push")
    path = f"/1.1/{shown.workspace.access_key}/campaigns/stats/{campaign.token}"
    return Example(path, {"X-Authorization": shown.key})
