"""Where a campaign stands. A campaign and a moment enter, a word leaves."""

from __future__ import annotations

import datetime as dt
from typing import Literal, get_args

from turnout.model import Campaign

Status = Literal["draft", "scheduled", "running", "ended", "archived"]
STATUSES: tuple[Status, ...] = get_args(Status)


def status(campaign: Campaign, now: dt.datetime) -> Status:
    """What its marks say, else what its times say. One without times, seen first in an event, is running."""
    if campaign.archived:
        return "archived"
    if campaign.draft:
        return "draft"
    if campaign.ended_at is not None and campaign.ended_at <= now:
        return "ended"
    begins = campaign.started_at or campaign.scheduled_at
    return "scheduled" if begins is not None and begins > now else "running"
