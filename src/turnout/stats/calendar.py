"""Local time, from one source: the offsets of a zone as pieces of constant offset.

The engine never converts zones itself. It gets the pieces and adds offsets, so days, hours and weeks
are the same whatever engine answers, and right on days of 23, 24, 24.5 and 25 hours.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from bisect import bisect_right
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from turnout.errors import InvalidInput, UnknownName

_FIRST_S = int(dt.datetime(1999, 12, 30, tzinfo=dt.UTC).timestamp())
_LAST_S = int(dt.datetime(2050, 1, 1, tzinfo=dt.UTC).timestamp())
_STEP_S = 86_400


@dataclass(frozen=True)
class Offsets:
    """From `starts[i]` (epoch seconds) until the next start, local time is UTC plus `seconds[i]`."""

    starts: tuple[int, ...]
    seconds: tuple[int, ...]

    def within(self, from_s: int | None, to_s: int | None) -> Offsets:
        """The pieces that `[from_s, to_s)` touches."""
        low = 0 if from_s is None else max(0, bisect_right(self.starts, from_s) - 1)
        high = len(self.starts) if to_s is None else max(low + 1, bisect_right(self.starts, to_s - 1))
        return Offsets(self.starts[low:high], self.seconds[low:high])

    def at(self, moment_s: int) -> int:
        """The offset in force at an instant."""
        return self.seconds[max(0, bisect_right(self.starts, moment_s) - 1)]


def zone(name: str) -> ZoneInfo:
    """The IANA zone called `name`; UnknownName, with the nearest, if there is none."""
    if name not in _names():
        raise UnknownName("time zone", name, _names(), field="timezone")
    return ZoneInfo(name)


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset(available_timezones())


@lru_cache(maxsize=256)
def offsets(name: str) -> Offsets:
    """Every piece of a zone from 2000 to 2050, found by bisection to the second."""
    where = zone(name)

    def offset(moment_s: int) -> int:
        delta = dt.datetime.fromtimestamp(moment_s, where).utcoffset()
        assert delta is not None
        return int(delta.total_seconds())

    starts, seconds = [_FIRST_S], [offset(_FIRST_S)]
    at, current = _FIRST_S, seconds[0]
    while at < _LAST_S:
        ahead = at + _STEP_S
        if offset(ahead) != current:
            low, high = at, ahead
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset(middle) == current else (low, middle)
            current = offset(high)
            starts.append(high)
            seconds.append(current)
            ahead = high
        at = ahead
    return Offsets(tuple(starts), tuple(seconds))


def parse_moment(text: str, zone_name: str, field: str) -> int:
    """Epoch milliseconds of an ISO 8601 date or time, or of an epoch number in seconds or milliseconds.

    A date is its midnight in the zone, and so is a time without an offset local to the zone: of a repeated
    one the first, and a skipped one as clocks would show it had they not changed. What lies between two
    milliseconds is the later one: events have whole ones, and bounds are half-open.
    """
    text = text.strip()
    try:
        if _NUMBER.fullmatch(text):
            number = Decimal(text)
            moment_ms = math.ceil(number * 1000 if abs(number) < _MILLISECONDS_FROM else number)
            if not _EARLIEST_MS <= moment_ms <= _LATEST_MS:
                raise OverflowError
        else:
            # A space before an offset is a plus sign that a URL swallowed.
            moment = dt.datetime.fromisoformat(_SWALLOWED.sub(r"\1+\2", text))
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=zone(zone_name))
            moment_ms = -((_EPOCH - moment) // _MILLISECOND)
        return min(max(moment_ms, _EARLIEST_MS), _LATEST_MS)
    except (ValueError, OverflowError):
        raise InvalidInput(
            f"'{text[:100]}' is not a date or time",
            field=field,
            hint="write 2026-10-05 or 2026-10-05T13:00:00+02:00",
        ) from None


_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECOND = dt.timedelta(milliseconds=1)

#: Dates of year 1 and 9999 mean "always"; these two can still be shown in every zone.
_EARLIEST_MS = -62_135_000_000_000
_LATEST_MS = 253_402_000_000_000

#: Eight digits are a date (20261005), more are an epoch; from 10^11 on in milliseconds.
_NUMBER = re.compile(r"-?[0-9]{9,}(\.[0-9]+)?", re.ASCII)
_MILLISECONDS_FROM = 10**11

_SWALLOWED = re.compile(r"^(.{10}[T ]\S+) ([0-9]{2}:?[0-9]{2})$")
