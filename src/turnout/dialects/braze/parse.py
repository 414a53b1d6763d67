"""Braze's queries to what they ask for. Pure: nothing is looked up, no clock is read."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from turnout.errors import InvalidInput
from turnout.stats import calendar

#: Days of one series; `length` of a canvas goes less far.
LIMIT_DAYS = 100
LIMIT_CANVAS_DAYS = 14

#: No page and no window goes that far: whatever is larger is as good as this.
_BEYOND = 10**9

#: Characters of an identifier.
_LIMIT_NAME = 512

#: ISO 8601 as clients write it: a date alone, a time without an offset, an offset of one digit, and a plus
#: sign that a URL turned into a space.
_MOMENT = re.compile(
    r"(?P<date>\d{4}-\d{2}-\d{2})"
    r"(?:[Tt ](?P<time>\d{2}:\d{2}(?::\d{2})?)(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"(?:(?P<zulu>[Zz])|(?P<sign>[ +-])(?P<hours>\d{1,2})(?::?(?P<minutes>\d{2}))?)?"
)

#: No event is outside of these, so nothing is asked there.
_FIRST_MS = 946_684_800_000  # 2000
_LAST_MS = 4_102_444_800_000  # 2100


@dataclass(frozen=True)
class Window:
    """The local days of a series, ascending, and their edges as instants: day `i` is [edges_ms[i], edges_ms[i + 1])."""

    days: tuple[str, ...]
    edges_ms: tuple[int, ...]

    @property
    def from_ms(self) -> int:
        """The first instant there may be events at."""
        return min(max(self.edges_ms[0], _FIRST_MS), self.to_ms)

    @property
    def to_ms(self) -> int:
        """The end of the last day."""
        return max(min(self.edges_ms[-1], _LAST_MS), _FIRST_MS)


@dataclass(frozen=True)
class ListQuery:
    """A page of the list of campaigns or canvases."""

    page: int
    include_archived: bool
    descending: bool
    edited_after: dt.datetime | None


@dataclass(frozen=True)
class CanvasQuery:
    """Which days of a canvas, and which breakdowns."""

    window: Window
    variants: bool
    steps: bool
    deleted_steps: bool


def length(text: str | None, limit_days: int = LIMIT_DAYS) -> int:
    """How many days; InvalidInput unless 1 to the limit."""
    days = _number(text) if text is not None else None
    if days is None or not 1 <= days <= limit_days:
        raise InvalidInput(f"length must be between 1 and {limit_days}", field="length")
    return days


def identifier(text: str, field: str, message: str) -> str:
    """An identifier that an event may carry; InvalidInput with the message for what can't be one."""
    if not text or "\0" in text or len(text) > _LIMIT_NAME:
        raise InvalidInput(message, field=field)
    return text


def moment(text: str, zone: ZoneInfo) -> dt.datetime:
    """A date or time in any of the forms seen in the wild; without an offset it is local to `zone`. ValueError."""
    found = _MOMENT.fullmatch(text.strip())
    if found is None:
        raise ValueError("not a moment")
    local = dt.datetime.fromisoformat(f"{found['date']}T{found['time'] or '00:00'}")
    local = local.replace(microsecond=int((found["fraction"] or "0")[:6].ljust(6, "0")))
    if found["zulu"]:
        return local.replace(tzinfo=dt.UTC)
    if found["sign"]:
        offset = dt.timedelta(hours=int(found["hours"]), minutes=int(found["minutes"] or 0))
        return local.replace(tzinfo=dt.timezone(-offset if found["sign"] == "-" else offset))
    return local.replace(tzinfo=zone)


def window(days: int, ending_at: str, timezone: str, now: dt.datetime) -> Window:
    """The `days` local days that end with the one before or at `ending_at` (empty: now).

    An end at midnight excludes the day that begins there. InvalidInput for what is no moment.
    """
    zone = calendar.zone(timezone)
    with _as_moment("ending_at"):
        last = _last(ending_at, zone, now)
        return _window(last - dt.timedelta(days=days - 1), last, zone)


def canvas(parameters: Mapping[str, str], timezone: str, now: dt.datetime) -> CanvasQuery:
    """The query of a canvas' numbers; where both `length` and `starting_at` are given, the later start counts."""
    zone = calendar.zone(timezone)
    days, starting_at = parameters.get("length", ""), parameters.get("starting_at", "").strip()
    if not days.strip() and not starting_at:
        raise InvalidInput("either length or starting_at is required", field="length")
    count = length(days, LIMIT_CANVAS_DAYS) if days.strip() else None
    with _as_moment("ending_at"):
        last = _last(parameters.get("ending_at", ""), zone, now)
        first = last - dt.timedelta(days=(count or LIMIT_DAYS) - 1)
    if starting_at:
        with _as_moment("starting_at"):
            start = moment(starting_at, zone).astimezone(zone).date()
        if start > last:
            raise InvalidInput("starting_at must be before ending_at", field="starting_at")
        if count is None and start < first:
            raise InvalidInput(f"starting_at must be within {LIMIT_DAYS} days before ending_at", field="starting_at")
        first = max(first, start)
    with _as_moment("ending_at"):
        found = _window(first, last, zone)
    flags = ("include_variant_breakdown", "include_step_breakdown", "include_deleted_step_data")
    return CanvasQuery(found, *(_flag(parameters, name) for name in flags))


@contextmanager
def _as_moment(field: str) -> Iterator[None]:
    """What can't be read as a moment, or lies outside of the calendar, is the field's fault."""
    try:
        yield
    except (ValueError, OverflowError):
        raise InvalidInput(f"{field} must be an ISO 8601 datetime", field=field) from None


def _last(ending_at: str, zone: ZoneInfo, now: dt.datetime) -> dt.date:
    """The last local day of a window that ends there (empty: now)."""
    if not ending_at.strip():
        return now.astimezone(zone).date()
    end = moment(ending_at, zone)
    last = end.astimezone(zone).date()
    return last - dt.timedelta(days=1) if end.astimezone(dt.UTC) <= _midnight(last, zone) else last


def _window(first: dt.date, last: dt.date, zone: ZoneInfo) -> Window:
    dates = [first + dt.timedelta(days=index) for index in range((last - first).days + 1)]
    edges = [_midnight(date, zone) for date in (*dates, last + dt.timedelta(days=1))]
    return Window(tuple(date.isoformat() for date in dates), tuple(_milliseconds(edge) for edge in edges))


def page(parameters: Mapping[str, str]) -> ListQuery:
    """The query of a list; InvalidInput names the parameter at fault."""
    number = _number(parameters.get("page") or "0")
    if number is None:
        raise InvalidInput("page must be a whole number from 0", field="page")
    archived = _flag(parameters, "include_archived")
    direction = (parameters.get("sort_direction") or "asc").strip().lower()
    if direction not in ("asc", "desc"):
        raise InvalidInput("sort_direction must be asc or desc", field="sort_direction")
    edited = parameters.get("last_edit.time[gt]", "")
    with _as_moment("last_edit.time"):
        # The list shows last_edited in UTC, so a time without an offset that comes back is UTC too.
        after = moment(edited, ZoneInfo("UTC")).astimezone(dt.UTC) if edited.strip() else None
    return ListQuery(number, archived, direction == "desc", after)


def _flag(parameters: Mapping[str, str], name: str) -> bool:
    """A boolean, false where it is left out."""
    word = (parameters.get(name) or "false").strip().lower()
    if word not in ("true", "false", "1", "0"):
        raise InvalidInput(f"{name} must be true or false", field=name)
    return word in ("true", "1")


def _number(text: str) -> int | None:
    """A whole number in ASCII digits; a larger one than `_BEYOND` is `_BEYOND`."""
    found = re.fullmatch(r"\s*([0-9]+)\s*", text)
    if found is None:
        return None
    digits = found[1].lstrip("0") or "0"
    return int(digits) if len(digits) < len(str(_BEYOND)) else _BEYOND


def _midnight(date: dt.date, zone: ZoneInfo) -> dt.datetime:
    """When a local day begins; where clocks skip midnight, that is the instant at which they do."""
    return dt.datetime(date.year, date.month, date.day, tzinfo=zone).astimezone(dt.UTC)


def _milliseconds(moment: dt.datetime) -> int:
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(milliseconds=1)
