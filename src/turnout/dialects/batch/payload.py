"""What a maker of campaigns sends, and what of it is kept: a JSON body goes in, a campaign's fields come out. Pure.

Name, state and push time are fields of the campaign itself. The rest stays in its `properties`, as it was sent.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import msgspec

from turnout.dialects.batch.wire import MalformedBody, MissingParameter
from turnout.errors import InvalidInput
from turnout.model import Campaign, CampaignFields

#: Where in a campaign's `properties` the payload is, and whether it was made here.
KEPT = "batch"

BODY_LIMIT_BYTES = 1 << 20
NAME_LIMIT = 2048
MESSAGES_LIMIT = 1000

_NOW = "now"
_MOMENT = re.compile(r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(?:\.\d{1,9})?([Zz]|[+-]\d{2}:?\d{2})?", re.ASCII)
_EARLIEST, _LATEST = dt.datetime(2000, 1, 1, tzinfo=dt.UTC), dt.datetime(2100, 1, 1, tzinfo=dt.UTC)

Payload = dict[str, Any]


def decode(body: bytes) -> Payload:
    """A body as its JSON object; MalformedBody for anything else."""
    if b"\0" in body or rb"\u0000" in body:
        raise MalformedBody("the body holds a NUL character", field="body")
    try:
        found = msgspec.json.decode(body)
        # What can't be written again (a number beyond 64 bits) can't be kept.
        msgspec.json.encode(found)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, OverflowError, ValueError):
        raise MalformedBody("the body is not valid JSON", field="body") from None
    if not isinstance(found, dict):
        raise MalformedBody("the body must be a JSON object", field="body")
    return found


def created(payload: Payload, token: str, now: dt.datetime) -> CampaignFields:
    """The fields of a new campaign; MissingParameter or InvalidInput names the parameter at fault."""
    for name in ("name", "live", "messages"):
        if name not in payload:
            raise MissingParameter(f"'{name}' is missing", field=name)
    if "push_time" not in payload and "local_push_time" not in payload:
        raise MissingParameter("'push_time' is missing", field="push_time")
    _check(payload)
    return CampaignFields(
        id=token,
        title=payload["name"],
        type="Push",
        channels=("push",),
        token=token,
        draft=not payload["live"],
        scheduled_at=_moment(payload["push_time"], now) if "push_time" in payload else None,
        properties={KEPT: {"from_api": True, "payload": _rest(payload)}},
    )


def updated(before: Campaign, payload: Payload, now: dt.datetime) -> CampaignFields:
    """The fields of a campaign of which `payload` changes some; each key it has replaces the one before."""
    _check(payload)
    kept = dict(_kept(before))
    rest = {**stored(before), **_rest(payload)}
    scheduled_at = before.scheduled_at
    if "push_time" in payload:
        scheduled_at = _moment(payload["push_time"], now)
        rest.pop("local_push_time", None)
    elif "local_push_time" in payload:
        scheduled_at = None
    # Channels, messages and variations are left out, so that what events add meanwhile stays.
    return CampaignFields(
        id=before.id,
        title=payload.get("name", before.title),
        description=before.description,
        type=before.type,
        tags=before.tags,
        draft=not payload["live"] if "live" in payload else before.draft,
        archived=before.archived and not payload.get("live", False),
        scheduled_at=scheduled_at,
        started_at=before.started_at,
        ended_at=before.ended_at,
        goals=before.goals,
        properties={**before.properties, KEPT: {**kept, "payload": rest}},
    )


def stored(campaign: Campaign) -> Payload:
    """What was sent beside name, state and push time, as it was sent; empty for a campaign that wasn't made here."""
    found = _kept(campaign).get("payload")
    return found if isinstance(found, dict) else {}


def from_api(campaign: Campaign) -> bool:
    """Whether the campaign was made by this API."""
    return _kept(campaign).get("from_api") is True


def is_live(campaign: Campaign) -> bool:
    """Running or completed, and neither a draft nor put away."""
    return not campaign.draft and not campaign.archived


def _kept(campaign: Campaign) -> Payload:
    found = campaign.properties.get(KEPT)
    return found if isinstance(found, dict) else {}


def _rest(payload: Payload) -> Payload:
    return {key: value for key, value in payload.items() if key not in ("name", "live", "push_time")}


# ---- what each parameter may be ---------------------------------------------------------------------


def _check(payload: Payload) -> None:
    for name, check in _CHECKS.items():
        if name in payload:
            check(payload[name])
    if "push_time" in payload and "local_push_time" in payload:
        raise InvalidInput("'push_time' and 'local_push_time' can't be set together", field="local_push_time")


def _name(value: object) -> None:
    if not isinstance(value, str) or not value.strip() or len(value) > NAME_LIMIT:
        raise InvalidInput(f"'name' must be a text of 1 to {NAME_LIMIT} characters", field="name")


def _live(value: object) -> None:
    if not isinstance(value, bool):
        raise InvalidInput("'live' must be true or false", field="live")


def _push_time(value: object) -> None:
    if value != _NOW:
        _instant(value, "push_time")


def _local_push_time(value: object) -> None:
    _instant(value, "local_push_time")


def _messages(value: object) -> None:
    if not isinstance(value, list) or not 1 <= len(value) <= MESSAGES_LIMIT:
        raise InvalidInput(f"'messages' must be a list of 1 to {MESSAGES_LIMIT} messages", field="messages")
    for message in value:
        if not isinstance(message, dict):
            raise InvalidInput("each of 'messages' must be an object", field="messages")
        if "body" not in message:
            raise MissingParameter("'messages.body' is missing", field="messages.body")
        for name in ("body", "title", "language"):
            if name in message and not isinstance(message[name], str):
                raise InvalidInput(f"'messages.{name}' must be a text", field=f"messages.{name}")


def _targeting(value: object) -> None:
    if not isinstance(value, dict):
        raise InvalidInput("'targeting' must be an object", field="targeting")


_CHECKS: dict[str, Callable[[object], None]] = {
    "name": _name,
    "live": _live,
    "push_time": _push_time,
    "local_push_time": _local_push_time,
    "messages": _messages,
    "targeting": _targeting,
}


def _moment(value: object, now: dt.datetime) -> dt.datetime:
    moment = now if value == _NOW else _instant(value, "push_time")
    return moment.astimezone(dt.UTC).replace(microsecond=0)


def _instant(value: object, name: str) -> dt.datetime:
    """A moment in time; without an offset it is UTC."""
    found = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    try:
        if found is not None:
            date, time, offset = found.groups()
            moment = dt.datetime.fromisoformat(f"{date}T{time}{(offset or 'Z').upper()}")
            if _EARLIEST <= moment < _LATEST:
                return moment
    except (ValueError, OverflowError):
        pass
    raise InvalidInput(f"'{name}' must be a date and time, YYYY-MM-DDTHH:mm:ss", field=name)
