"""Answers as Braze's clients read them, key by key in Braze's order. Pure: numbers go in, JSON bytes come out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

import msgspec

from turnout.dialects.braze.arms import Arm
from turnout.dialects.braze.canvas import Canvas, Part
from turnout.dialects.braze.cells import Cell, Cells
from turnout.dialects.braze.series import Series
from turnout.dialects.braze.wire import (
    BLOCK_CONVERSIONS,
    DAY_CONVERSIONS,
    ENROLLED,
    ENROLLED_RECIPIENTS,
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


def canvases(page: Iterable[Campaign]) -> bytes:
    """A page of the list of canvases."""
    return encode({"canvases": [_canvas(one) for one in page], "message": "success"})


def kpi(name: str, numbers: dict[str, int]) -> bytes:
    """A row a day with one number under its name."""
    return encode({"message": "success", "data": [{"time": day, name: value} for day, value in numbers.items()]})


def canvas_series(found: Canvas) -> bytes:
    """A row a day: the whole canvas, and as far as it was asked for each variant and step."""
    stats = [{"time": day, **_stats(found, day, _VARIANT)} for day in found.window.days]
    return encode({"data": {"name": found.name, "stats": stats}, "message": "success"})


def canvas_summary(found: Canvas) -> bytes:
    """The same of the whole window in one."""
    return encode({"data": {"name": found.name, **_stats(found, "", _SUMMARY_VARIANT)}, "message": "success"})


def moment(at: dt.datetime) -> str:
    """A time as Braze writes it: whole seconds, UTC, with its offset."""
    return at.astimezone(dt.UTC).isoformat(timespec="seconds")


def _day(found: Series, day: str) -> dict[str, Any]:
    total = found.days.get(day) or Cell()
    cells = found.cells.of
    return {
        "time": day,
        "messages": {
            key: [_entry(found.cells, key, arm, cells.get((day, key, arm.id)) or Cell()) for arm in arms]
            for key, arms in found.layout.channels.items()
        },
        **{key: total.conversions.get(key, 0) for key in DAY_CONVERSIONS},
        "unique_recipients": found.recipients.get(day, 0),
        "revenue": float(total.revenue),
    }


def _entry(cells: Cells, key: str, arm: Arm, cell: Cell) -> dict[str, Any]:
    """One arm on one day. A control group has no counters, an arm of no test has no name."""
    channel = cells.table[key]
    entry: dict[str, Any] = {}
    if cells.layout.multivariate or channel.always_named:
        entry["variation_name"] = arm.name
    entry["variation_api_id"] = arm.api_id
    counters = (ENROLLED,) if arm.control else channel.counters
    entry.update((counter.key, cell.value(counter)) for counter in counters)
    if cells.has_block(key):
        entry["revenue"] = float(cell.revenue)
        entry["unique_recipients"] = cell.value(ENROLLED_RECIPIENTS if arm.control else channel.recipient)
        entry.update((key, cell.conversions.get(key, 0)) for key in BLOCK_CONVERSIONS)
    return entry


#: The keys of a canvas' numbers: of the whole (live), of a variant (documented; the summary's has one less), of a step.
_TOTAL = ("revenue", "entries", "conversions", "conversions_by_entry_time")
_VARIANT = ("revenue", "conversions", "conversions_by_entry_time", "entries")
_SUMMARY_VARIANT = ("revenue", "conversions", "entries")
_STEP = ("revenue", "conversions", "conversions_by_entry_time")


def _stats(found: Canvas, day: str, variant_keys: tuple[str, ...]) -> dict[str, Any]:
    stats: dict[str, Any] = {"total_stats": _numbers(found.totals.get(day), _TOTAL)}
    if found.variants is not None:
        stats["variant_stats"] = {
            arm.api_id: {"name": arm.name, **_numbers(found.of_variants.get((day, arm.id)), variant_keys)}
            for arm in found.variants
        }
    if found.steps is not None:
        stats["step_stats"] = {
            step.api_id: {
                "name": step.name,
                **_numbers(found.of_steps.get((day, step.id)), _STEP),
                "messages": {key: [_counters(found.cells, day, key, step.id)] for key in step.channels},
            }
            for step in found.steps
        }
    return stats


def _numbers(part: Part | None, keys: tuple[str, ...]) -> dict[str, float | int]:
    part = part or Part()
    numbers = {
        "revenue": float(part.revenue),
        "entries": part.entries,
        "conversions": part.conversions,
        "conversions_by_entry_time": part.by_entry_time,
    }
    return {key: numbers[key] for key in keys}


def _counters(cells: Cells, day: str, key: str, arm: str) -> dict[str, int]:
    cell = cells.of.get((day, key, arm)) or Cell()
    return {counter.key: cell.value(counter) for counter in cells.table[key].counters}


def _campaign(one: Campaign) -> dict[str, Any]:
    return {
        "id": one.uuid,
        "last_edited": moment(one.updated_at),
        "name": one.title,
        "is_api_campaign": is_api(one),
        "tags": one.tags,
    }


def _canvas(one: Campaign) -> dict[str, Any]:
    return {"id": one.uuid, "last_edited": moment(one.updated_at), "name": one.title, "tags": one.tags}


def is_api(one: Campaign) -> bool:
    """Whether the campaign is sent by calls, as its type says."""
    return one.type.strip().lower() in _API_TYPES
