"""Answers as Braze's clients read them, key by key in Braze's order. Pure: numbers go in, JSON bytes come out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

import msgspec

from turnout.dialects.braze.arms import Arm
from turnout.dialects.braze.series import Cell, Series
from turnout.dialects.braze.wire import (
    BLOCK_CONVERSIONS,
    CHANNELS,
    DAY_CONVERSIONS,
    ENROLLED,
    ENROLLED_RECIPIENTS,
    Channel,
)
from turnout.model import Campaign

encode = msgspec.json.Encoder().encode

_API_TYPES = frozenset({"api", "api campaign", "api_campaign"})


def error(message: str) -> bytes:
    """The one shape of every error."""
    return encode({"message": message})


def series(found: Series) -> bytes:
    """A row a day, zero-filled, ascending."""
    return encode({"message": "success", "data": [_day(found, day) for day in found.window.days]})


def campaigns(page: Iterable[Campaign]) -> bytes:
    """A page of the list; `message` comes last, as it does live."""
    return encode({"campaigns": [_campaign(one) for one in page], "message": "success"})


def _day(found: Series, day: str) -> dict[str, Any]:
    total = found.days.get(day) or Cell()
    return {
        "time": day,
        "messages": {
            key: [_entry(found, CHANNELS[key], arm, found.cells.get((day, key, arm.id)) or Cell()) for arm in arms]
            for key, arms in found.layout.channels.items()
        },
        **{key: total.conversions.get(key, 0) for key in DAY_CONVERSIONS},
        "unique_recipients": found.recipients.get(day, 0),
        "revenue": float(total.revenue),
    }


def _entry(found: Series, channel: Channel, arm: Arm, cell: Cell) -> dict[str, Any]:
    """One arm on one day. A control group has no counters, an arm of no test has no name."""
    entry: dict[str, Any] = {}
    if found.layout.multivariate:
        entry["variation_name"] = arm.name
    entry["variation_api_id"] = arm.api_id
    counters = (ENROLLED,) if arm.control else channel.counters
    entry.update((counter.key, cell.value(counter)) for counter in counters)
    if found.layout.multivariate or channel.always_block:
        entry["revenue"] = float(cell.revenue)
        entry["unique_recipients"] = cell.value(ENROLLED_RECIPIENTS if arm.control else channel.recipient)
        entry.update((key, cell.conversions.get(key, 0)) for key in BLOCK_CONVERSIONS)
    return entry


def _campaign(one: Campaign) -> dict[str, Any]:
    return {
        "id": one.uuid,
        "last_edited": one.updated_at.astimezone(dt.UTC).isoformat(timespec="seconds"),
        "name": one.title,
        "is_api_campaign": one.type.strip().lower() in _API_TYPES,
        "tags": one.tags,
    }
