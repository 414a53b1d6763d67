"""Batch's queries to what they ask for. Pure: nothing is looked up, no clock is read."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass

from turnout.dialects.batch.wire import MissingParameter
from turnout.errors import InvalidInput

#: Campaigns of a page of the list: unless said, and at most.
DEFAULT_PAGE = 10
LIMIT_PAGE = 100

#: No list is that long: whatever is larger is as good as this.
_BEYOND = 10**9

#: The longest window, and how long ago one of orchestrations may begin.
LIMIT_MONTHS = 6

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DAY_MS = 86_400_000
_EPOCH = dt.date(1970, 1, 1).toordinal()

#: No event is outside of these, so nothing is asked there.
_FIRST_MS = 946_684_800_000  # 2000
_LAST_MS = 4_102_444_800_000  # 2100

_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True)
class Window:
    """`[from_ms, to_ms)` in epoch milliseconds; without bounds it is the campaign's whole history."""

    from_ms: int | None = None
    to_ms: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether no event can be in it."""
        return self.from_ms is not None and self.to_ms is not None and self.from_ms >= self.to_ms


@dataclass(frozen=True)
class ListQuery:
    """A page of the list of campaigns; None where it doesn't matter."""

    offset: int
    limit: int
    live: bool | None
    from_api: bool | None


@dataclass(frozen=True)
class OrchestrationQuery:
    """An orchestration, by whatever of its names was sent, and the days to tell of."""

    name: str
    window: Window


def campaigns(asked: Mapping[str, str]) -> ListQuery:
    """The query of the list; InvalidInput names the parameter at fault."""
    limit = _number(asked, "limit", DEFAULT_PAGE)
    if not 1 <= limit <= LIMIT_PAGE:
        raise InvalidInput(f"'limit' must be between 1 and {LIMIT_PAGE}", field="limit")
    return ListQuery(_number(asked, "from", 0), limit, _boolean(asked, "live"), _boolean(asked, "from_api"))


def group_window(asked: Mapping[str, str], today: dt.date) -> Window:
    """From the day `since` to the day `until` (`today` if left out), both included; six months at most."""
    since, until = _date(asked, "since"), _date(asked, "until", today)
    if since >= until:
        raise InvalidInput("'since' must be lower than 'until'", field="since")
    if until > _months_after(since, LIMIT_MONTHS):
        raise InvalidInput(f"the window must not be longer than {LIMIT_MONTHS} months", field="since")
    return _window(since, until)


def orchestration(asked: Mapping[str, str], today: dt.date) -> OrchestrationQuery:
    """An orchestration from the day `from` (no more than six months ago) to the day `to`, both included."""
    name = asked.get("orchestration_id", "").strip()
    if not name:
        raise MissingParameter("'orchestration_id' is missing", field="orchestration_id")
    start, end = _date(asked, "from"), _date(asked, "to")
    if start > end:
        raise InvalidInput("'from' must not be after 'to'", field="from")
    if _months_after(start, LIMIT_MONTHS) < today:
        raise InvalidInput(f"'from' must not be earlier than {LIMIT_MONTHS} months ago", field="from")
    return OrchestrationQuery(name, _window(start, end))


def _window(first: dt.date, last: dt.date) -> Window:
    start, end = ((date.toordinal() - _EPOCH) * _DAY_MS for date in (first, last))
    return Window(max(start, _FIRST_MS), min(end + _DAY_MS, _LAST_MS))


def _date(asked: Mapping[str, str], name: str, default: dt.date | None = None) -> dt.date:
    text = asked.get(name, "").strip()
    if not text:
        if default is None:
            raise MissingParameter(f"'{name}' is missing", field=name)
        return default
    try:
        if _DATE.fullmatch(text):
            return dt.date.fromisoformat(text)
    except ValueError:
        pass
    raise InvalidInput(f"'{name}' must be a date, YYYY-MM-DD", field=name)


def _months_after(date: dt.date, months: int) -> dt.date:
    """The same day of a later month, or that month's last."""
    year, month = divmod(date.year * 12 + date.month - 1 + months, 12)
    if year > dt.MAXYEAR:
        return dt.date.max
    return dt.date(year, month + 1, min(date.day, calendar.monthrange(year, month + 1)[1]))


def _number(asked: Mapping[str, str], name: str, default: int) -> int:
    text = asked.get(name, "").strip()
    if not text:
        return default
    if not re.fullmatch(r"[0-9]+", text):
        raise InvalidInput(f"'{name}' must be a whole number", field=name)
    digits = text.lstrip("0") or "0"
    return int(digits) if len(digits) < len(str(_BEYOND)) else _BEYOND


def _boolean(asked: Mapping[str, str], name: str) -> bool | None:
    text = asked.get(name, "").strip().lower()
    if text and text not in _BOOLEANS:
        raise InvalidInput(f"'{name}' must be true or false", field=name)
    return _BOOLEANS.get(text)
