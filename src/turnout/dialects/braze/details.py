"""What a campaign or a canvas is, as Braze describes it: a campaign and when it was sent go in, JSON bytes come out.

Pure. What the core has no field for may be kept in the campaign's `properties`: `schedule_type` and `teams`.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable
from typing import Any

from turnout.dialects.braze.arms import Arm, Layout
from turnout.dialects.braze.journey import Journey, Step
from turnout.dialects.braze.render import encode, is_api, moment
from turnout.dialects.braze.wire import channel_key, described
from turnout.model import Campaign, Goal
from turnout.store.events import Span

#: Goals in Braze's words. An event that has no word of theirs is a custom event of its own name.
_BEHAVIORS = {"opened": "Opens Email", "clicked": "Clicks Email", "app_opened": "Starts Session"}


def campaign(one: Campaign, found: Layout, sent: Span | None, now: dt.datetime) -> bytes:
    """The details of a campaign with these entries, whose messages were sent within `sent`."""
    first, last = _ends(sent)
    return encode(
        {
            "message": "success",
            **_times(one),
            "archived": one.archived,
            "draft": one.draft,
            "enabled": _is_enabled(one, now),
            "has_post_launch_draft": False,
            "name": one.title,
            "description": one.description,
            "schedule_type": _schedule_type(one),
            "channels": _channels(one, found),
            "first_sent": first,
            "last_sent": last,
            "tags": one.tags,
            "teams": _teams(one),
            "messages": _messages(found),
            "conversion_behaviors": [_behavior(goal) for goal in one.goals],
        }
    )


def canvas(one: Campaign, found: Journey, entered: Span | None, now: dt.datetime) -> bytes:
    """The details of a canvas with these steps and variants, that people entered within `entered`."""
    first, last = _ends(entered)
    return encode(
        {
            **_times(one),
            "name": one.title,
            "description": one.description,
            "archived": one.archived,
            "draft": one.draft,
            "enabled": _is_enabled(one, now),
            "has_post_launch_draft": False,
            "schedule_type": _schedule_type(one),
            "first_entry": first,
            "last_entry": last,
            "channels": _channels(one, found.layout),
            "variants": [_variant(arm, found.paths[arm.id]) for arm in found.variants],
            "tags": one.tags,
            "teams": _teams(one),
            "steps": [_step(step, found.following.get(step.id, ())) for step in found.steps if not step.deleted],
            "message": "success",
        }
    )


def _times(one: Campaign) -> dict[str, str]:
    return {"created_at": moment(one.created_at), "updated_at": moment(one.updated_at)}


def _ends(span: Span | None) -> tuple[str | None, str | None]:
    if span is None:
        return None, None
    first, last = (dt.datetime.fromtimestamp(at_ms / 1000, dt.UTC) for at_ms in (span.first_ms, span.last_ms))
    return moment(first), moment(last)


def _is_enabled(one: Campaign, now: dt.datetime) -> bool:
    return not (one.archived or one.draft or (one.ended_at is not None and one.ended_at <= now))


def _schedule_type(one: Campaign) -> str:
    said = one.properties.get("schedule_type")
    if isinstance(said, str) and said:
        return said
    return "api_triggered" if is_api(one) else "time_based"


def _teams(one: Campaign) -> list[str]:
    said = one.properties.get("teams")
    return [team for team in said if isinstance(team, str)] if isinstance(said, list) else []


def _channels(one: Campaign, found: Layout) -> list[str]:
    """The channels of the series, then those that the series don't have, as they are written."""
    others = [word for word in (*one.channels, *(message.channel for message in one.messages)) if word]
    words = [*map(described, found.channels), *(word for word in others if channel_key(word) is None)]
    return list(dict.fromkeys(words))


def _messages(found: Layout) -> dict[str, dict[str, str]]:
    """By the identifiers that the series have; in the second channel of an arm, and so on, by one made from it."""
    messages: dict[str, dict[str, str]] = {}
    for key, arms in found.channels.items():
        for arm in arms:
            name = arm.api_id if arm.api_id not in messages else _other_id(arm.api_id, key)
            messages[name] = {"channel": described(key), **({"type": "control"} if arm.control else {"name": arm.name})}
    return messages


def _other_id(one: str, key: str) -> str:
    return str(uuid.uuid5(uuid.UUID(one), key))


def _behavior(goal: Goal) -> dict[str, Any]:
    if goal.event == "purchased":
        if goal.name:
            return {"type": "Makes Specific Purchase", "window": goal.window_s, "product": goal.name}
        return {"type": "Makes Any Purchase", "window": goal.window_s}
    if goal.event in _BEHAVIORS:
        apps = {"app_ids": None} if goal.event == "app_opened" else {}
        return {"type": _BEHAVIORS[goal.event], "window": goal.window_s, **apps}
    return {"type": "Performs Custom Event", "window": goal.window_s, "custom_event_name": goal.name or goal.event}


def _variant(arm: Arm, path: tuple[Step, ...]) -> dict[str, Any]:
    variant: dict[str, Any] = {"name": arm.name, "id": arm.api_id, "first_step_ids": [one.api_id for one in path[:1]]}
    if path:
        variant["first_step_id"] = path[0].api_id
    return variant


def _step(step: Step, following: Iterable[Step]) -> dict[str, Any]:
    """Every step is a message; its paths have no names."""
    next_ids = [one.api_id for one in following]
    first, *others = step.channels or ("",)
    messages = {step.api_id: first, **{_other_id(step.api_id, key): key for key in others}}
    return {
        "name": step.name,
        "type": "message",
        "id": step.api_id,
        "next_step_ids": next_ids,
        "next_paths": [{"name": None, "next_step_id": one} for one in next_ids],
        "channels": [described(key) for key in step.channels],
        "messages": {name: {"channel": described(key), "name": step.name} for name, key in messages.items()},
    }
