"""EmailConsul's queries and bodies to what they ask for. Pure: nothing is looked up, no clock is read."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec
from msgspec import UNSET

from turnout.dialects.emailconsul.wire import DEFAULT_LIMIT, Group, LinkChange, Log, NewLink
from turnout.errors import InvalidInput
from turnout.stats.question import LIMIT_ROWS, Filter, Question, Sort

T = TypeVar("T")

#: As far as the core pages.
_LAST_OFFSET = 2**31

#: ISO 8601 as clients write it: a date alone, up to nanoseconds, and a plus sign that a URL turned into a space.
_MOMENT = re.compile(
    r"(?P<date>\d{4}-\d{2}-\d{2})"
    r"(?:[Tt ](?P<time>\d{2}:\d{2}(?::\d{2})?)(?:[.,](?P<fraction>\d{1,9}))?"
    r"(?:[Zz]|(?P<sign>[ +-])(?P<hours>[01]\d|2[0-3])(?::?(?P<minutes>[0-5]\d))?)?)?",
    re.ASCII,
)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_DAY_NS = 86_400 * 10**9
_MS_NS = 10**6

_CAMPAIGN = re.compile(r"[A-Za-z0-9_-]{1,256}")
_SUBSCRIBER = re.compile(r"[A-Za-z0-9._-]{1,512}|(?=.{3,512}$)[^\s@,;:\"<>()\[\]\\\x00-\x1f\x7f]+@[\w.-]+")


@dataclass(frozen=True)
class Page:
    """A page of a list: at most `limit` entries, after the first `offset`."""

    offset: int
    limit: int


@dataclass(frozen=True)
class Asked:
    """A counting question: the core's, and what its rows are called."""

    question: Question
    group: Group | None


def aggregated(log: Log, parameters: Mapping[str, str], workspace: str) -> Asked:
    """A page of counts, the largest first unless asked otherwise. InvalidInput names the parameter at fault."""
    start_ms, end_ms = period(parameters)
    chosen = group(log, parameters.get("group", ""))
    paged = page(parameters)
    question = Question(
        workspace,
        metrics=(log.metric,),
        dimensions=chosen.dimensions if chosen else (),
        filters=filters(log, parameters),
        from_ms=start_ms,
        to_ms=end_ms,
        sort=sort(log, chosen, parameters.get("sort", "")),
        limit=paged.limit,
        offset=paged.offset,
        rows_only=True,
    )
    return Asked(question, chosen)


def timeseries(log: Log, parameters: Mapping[str, str], workspace: str) -> Asked:
    """Counts by UTC day, ascending, then by the group's fields. InvalidInput as above."""
    start_ms, end_ms = period(parameters)
    chosen = group(log, parameters.get("group", ""))
    question = Question(
        workspace,
        metrics=(log.metric,),
        dimensions=("day", *(chosen.dimensions if chosen else ())),
        filters=filters(log, parameters),
        from_ms=start_ms,
        to_ms=end_ms,
        sort=(Sort("day"),),
        limit=LIMIT_ROWS,
        rows_only=True,
    )
    return Asked(question, chosen)


def period(parameters: Mapping[str, str]) -> tuple[int, int]:
    """The period as whole milliseconds, half-open. Both ends as given are in it, a date's whole day too."""
    starts, _ = _instants(parameters, "period_from")
    _, ends = _instants(parameters, "period_to")
    if ends < starts:
        raise InvalidInput("period_to is before period_from", field="period_to")
    return -(-starts // _MS_NS), ends // _MS_NS + 1


def _instants(parameters: Mapping[str, str], name: str) -> tuple[int, int]:
    """The first and last nanosecond since 1970 of what a parameter names: a moment, or a UTC day."""
    text = parameters.get(name, "").strip()
    if not text:
        raise InvalidInput(f"{name} is required", field=name)
    found = _MOMENT.fullmatch(text)
    try:
        if found is None:
            raise ValueError("not a moment")
        local = dt.datetime.fromisoformat(f"{found['date']}T{found['time'] or '00:00'}+00:00")
    except ValueError:
        message = f"{name} must be an ISO 8601 date or time, e.g. 2021-07-06T00:00:00.000Z"
        raise InvalidInput(message, field=name) from None
    since = local - _EPOCH
    moment_ns = (since.days * 86_400 + since.seconds) * 10**9 + int((found["fraction"] or "").ljust(9, "0"))
    if found["sign"]:
        offset_ns = (int(found["hours"]) * 3600 + int(found["minutes"] or 0) * 60) * 10**9
        moment_ns -= -offset_ns if found["sign"] == "-" else offset_ns
    return moment_ns, moment_ns if found["time"] else moment_ns + _DAY_NS - 1


def group(log: Log, text: str) -> Group | None:
    """What to group by; None for nothing."""
    name = text.strip()
    if not name:
        return None
    if name not in log.groups:
        raise InvalidInput(f"group must be one of {', '.join(log.groups)}", field="group")
    return log.groups[name]


def sort(log: Log, chosen: Group | None, text: str) -> tuple[Sort, ...]:
    """`count` or a field of the group, descending with a minus sign before it; else the largest count first."""
    name = text.strip() or "-count"
    descending = name.startswith("-")
    name = name[1:] if name[0] in "+-" else name
    columns: dict[str, tuple[str, ...]] = {"count": (log.metric,)}
    if chosen is not None:
        columns[chosen.name] = chosen.dimensions
        columns.update((field, (one,)) for field, one in zip(chosen.fields, chosen.dimensions, strict=True))
    if name not in columns:
        known = ", ".join(f"{one}, -{one}" for one in columns)
        raise InvalidInput(f"sort must be one of {known}", field="sort")
    return tuple(Sort(column, descending) for column in columns[name])


def filters(log: Log, parameters: Mapping[str, str]) -> tuple[Filter, ...]:
    """The filters of the log that are given; an empty one is none."""
    found = []
    for name, dimension in log.filters.items():
        value = parameters.get(name, "").strip()
        if value:
            found.append(Filter(dimension, (_CHECKS[name](value),)))
    return tuple(found)


def _campaign(value: str) -> str:
    if not _CAMPAIGN.fullmatch(value):
        raise InvalidInput("campaign_id is letters, numbers, dashes and underscores", field="campaign_id")
    return value


def _subscriber(value: str) -> str:
    # No address has a space: it is a plus sign that wasn't encoded.
    value = value.replace(" ", "+") if "@" in value else value
    if not _SUBSCRIBER.fullmatch(value):
        message = "subscriber_id is letters, numbers, dashes, underscores and dots, or an e-mail address"
        raise InvalidInput(message, field="subscriber_id")
    return value


def _profile(value: str) -> str:
    if len(value) > 256 or "\0" in value:
        raise InvalidInput("profile_id has at most 256 characters and no NUL", field="profile_id")
    return value


_CHECKS = {"campaign_id": _campaign, "subscriber_id": _subscriber, "profile_id": _profile}


def page(parameters: Mapping[str, str]) -> Page:
    """`offset` and `limit`, which arrive as text. More than the highest limit is that limit."""
    offset = _number(parameters, "offset", 0)
    if offset > _LAST_OFFSET:
        raise InvalidInput(f"offset must be at most {_LAST_OFFSET}", field="offset")
    return Page(offset, min(_number(parameters, "limit", DEFAULT_LIMIT), LIMIT_ROWS))


def _number(parameters: Mapping[str, str], name: str, default: int) -> int:
    text = parameters.get(name, "").strip()
    if not text:
        return default
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise InvalidInput(f"{name} must be a whole number from 0", field=name)
    return int(text)


# ---- custom links -----------------------------------------------------------------------------------


def new_link(raw: bytes) -> dict[str, str]:
    """The fields of a link to be registered."""
    return _fields(_decoded(raw, NewLink))


def link_change(raw: bytes) -> dict[str, str]:
    """The fields of a link that change; a cleared one is empty."""
    return _fields(_decoded(raw, LinkChange))


def _decoded(raw: bytes, kind: type[T]) -> T:
    if b"\0" in raw or rb"\u0000" in raw:
        raise InvalidInput("a NUL character can't be kept", field="body")
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(str(error)[:300], field="body") from None


def _fields(body: NewLink | LinkChange) -> dict[str, str]:
    found: dict[str, str] = {}
    if body.title is not UNSET:
        if not body.title.strip():
            raise InvalidInput("title must not be empty", field="title")
        found["title"] = body.title
    if body.redirection_url is not UNSET:
        found["url"] = without_query(body.redirection_url.strip())
    if body.profile_id is not UNSET:
        found["profile"] = body.profile_id or ""
    if body.params_suffix is not UNSET:
        found["params"] = (body.params_suffix or "").removeprefix("?")
    return found


def without_query(url: str) -> str:
    """The address without its query parameters; a fragment stays."""
    address, hash_, fragment = url.partition("#")
    return address.partition("?")[0] + hash_ + fragment
