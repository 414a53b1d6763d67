"""Braze's queries to what they ask for. Pure: nothing is looked up, no clock is read."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from turnout.errors import InvalidInput
from turnout.stats import calendar

#: Days of one series.
LIMIT_DAYS = 100

_BAD_LENGTH = f"length must be between 1 and {LIMIT_DAYS}"
_BAD_ENDING = "ending_at must be an ISO 8601 datetime"

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
    """A page of the list of campaigns."""

    page: int
    include_archived: bool
    descending: bool
    edited_after: dt.datetime | None


def length(text: str | None) -> int:
    """How many days; InvalidInput unless 1 to 100."""
    days = _number(text) if text is not None else None
    if days is None or not 1 <= days <= LIMIT_DAYS:
        raise InvalidInput(_BAD_LENGTH, field="length")
    return days


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
    try:
        end = moment(ending_at, zone) if ending_at.strip() else now
        last = end.astimezone(zone).date()
        if ending_at.strip() and end.astimezone(dt.UTC) <= _midnight(last, zone):
            last -= dt.timedelta(days=1)
        dates = [last - dt.timedelta(days=back) for back in range(days - 1, -1, -1)]
        edges = [_midnight(date, zone) for date in (*dates, last + dt.timedelta(days=1))]
    except (ValueError, OverflowError):
        raise InvalidInput(_BAD_ENDING, field="ending_at") from None
    return Window(tuple(date.isoformat() for date in dates), tuple(_milliseconds(edge) for edge in edges))


def campaigns(parameters: dict[str, str]) -> ListQuery:
    """The query of the list; InvalidInput names the parameter at fault."""
    page = _number(parameters.get("page") or "0")
    if page is None:
        raise InvalidInput("page must be a whole number from 0", field="page")
    archived = (parameters.get("include_archived") or "false").strip().lower()
    if archived not in ("true", "false", "1", "0"):
        raise InvalidInput("include_archived must be true or false", field="include_archived")
    direction = (parameters.get("sort_direction") or "asc").strip().lower()
    if direction not in ("asc", "desc"):
        raise InvalidInput("sort_direction must be asc or desc", field="sort_direction")
    edited = parameters.get("last_edit.time[gt]", "")
    try:
        # The list shows last_edited in UTC, so a time without an offset that comes back is UTC too.
        after = moment(edited, ZoneInfo("UTC")).astimezone(dt.UTC) if edited.strip() else None
    except (ValueError, OverflowError):
        raise InvalidInput("last_edit.time must be an ISO 8601 datetime", field="last_edit.time") from None
    return ListQuery(page, archived in ("true", "1"), direction == "desc", after)


def _number(text: str) -> int | None:
    """A whole number of at most nine ASCII digits."""
    found = re.fullmatch(r"\s*([0-9]{1,9})\s*", text)
    return int(found[1]) if found else None


def _midnight(date: dt.date, zone: ZoneInfo) -> dt.datetime:
    """When a local day begins; where clocks skip midnight, that is the instant at which they do."""
    return dt.datetime(date.year, date.month, date.day, tzinfo=zone).astimezone(dt.UTC)


def _milliseconds(moment: dt.datetime) -> int:
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(milliseconds=1)
