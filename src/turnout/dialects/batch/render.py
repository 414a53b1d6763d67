"""Answers as Batch's clients read them, key by key in Batch's order. Pure: numbers go in, JSON bytes come out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import msgspec

from turnout.dialects.batch.figures import Days, Numbers
from turnout.dialects.batch.payload import from_api, is_live, stored
from turnout.dialects.batch.wire import PAYLOAD_HEAD, PAYLOAD_TAIL, Counter, Refusal
from turnout.model import Campaign

encode = msgspec.json.Encoder().encode

#: What a campaign's type says of one that its recipients set off.
_TRIGGERED = frozenset({"trigger", "triggered", "automation", "trigger automation", "push automation"})


def error(refusal: Refusal, message: str, *, newer: bool) -> bytes:
    """`{"code", "message"}` of the older API, `{"error_code", "error_message"}` of the newer one."""
    if newer:
        return encode({"error_code": refusal.name, "error_message": message})
    return encode({"code": refusal.code, "message": message})


# ---- numbers ----------------------------------------------------------------------------------------


def campaign_stats(token: str, found: Days) -> bytes:
    """A campaign's days; those of a test have its versions, each by its letter."""
    return encode({"campaign_token": token, "detail": [_day(found, day) for day in found.days]})


def group_stats(group: str, found: Days) -> bytes:
    """The days of a transactional group."""
    return encode({"group_id": group, "detail": [_day(found, day) for day in found.days]})


def orchestration_stats(name: str, found: Days) -> bytes:
    """An orchestration's days; those of a test have a list of its versions."""
    details = []
    for day, numbers in found.days.items():
        detail: dict[str, Any] = {"date": day, **_numbers(found.shape.day, numbers)}
        if found.letters:
            detail["versions"] = [{"version": letter, **_version(found, day, letter)} for letter in found.letters]
        details.append(detail)
    return encode({"id": name, "details": details})


def _day(found: Days, day: str) -> dict[str, Any]:
    detail: dict[str, Any] = {"date": day, **_numbers(found.shape.day, found.days[day])}
    if found.letters:
        detail["versions"] = {letter: _version(found, day, letter) for letter in found.letters}
    return detail


def _version(found: Days, day: str, letter: str) -> Numbers:
    return _numbers(found.shape.version, found.versions.get((day, letter), {}))


def _numbers(counters: Iterable[Counter], numbers: Numbers) -> Numbers:
    return {counter.key: numbers.get(counter.key, 0) for counter in counters}


# ---- campaigns --------------------------------------------------------------------------------------


def token(campaign: Campaign) -> bytes:
    """What making, changing or deleting a campaign answers."""
    return encode({"campaign_token": campaign.token})


def campaigns(page: Iterable[Campaign]) -> bytes:
    """A page of the list: basic information only."""
    return encode([_basics(one) for one in page])


def campaign(one: Campaign) -> bytes:
    """What its maker sent, and four keys more; of a campaign that wasn't made here, what is known of it."""
    payload = stored(one)
    if "messages" not in payload and one.messages:
        payload = {**payload, "messages": [{"title": message.title or message.id} for message in one.messages]}
    details = _basics(one, trigger={} if one.type.strip().lower().replace("_", " ") in _TRIGGERED else None)
    middle = [key for key in payload if key not in (*PAYLOAD_HEAD, *PAYLOAD_TAIL)]
    for key in (*PAYLOAD_HEAD, *middle, *PAYLOAD_TAIL):
        if key in payload and key not in details and key != "local_push_time":
            details[key] = payload[key]
    return encode(details)


def _basics(one: Campaign, trigger: dict[str, Any] | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "campaign_token": one.token,
        "from_api": from_api(one),
        "dev_only": False,
        "created_date": _moment(one.created_at),
    }
    if trigger is not None:
        found["trigger"] = trigger
    found |= {"name": one.title, "live": is_live(one)}
    pushed_at = one.scheduled_at or one.started_at
    local = stored(one).get("local_push_time")
    if local is not None and one.scheduled_at is None:
        found["local_push_time"] = local
    elif pushed_at is not None:
        found["push_time"] = _moment(pushed_at)
    return found


def _moment(moment: dt.datetime) -> str:
    """UTC, to the second, without an offset."""
    # At the ends of the calendar there may be no such time in UTC; then it stays as it was set.
    with suppress(OverflowError):
        moment = moment.astimezone(dt.UTC)
    return moment.replace(tzinfo=None).isoformat(timespec="seconds")
