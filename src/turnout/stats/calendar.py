"""Local time, from one source: the offsets of a zone as pieces of constant offset.

The engine never converts zones itself. It gets the pieces and adds offsets, so days, hours and weeks
are the same whatever engine answers, and right on days of 23, 24, 24.5 and 25 hours.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from dataclasses import dataclass
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
    """Epoch milliseconds of an ISO 8601 date or time, or of an epoch number.

    A date is its midnight in the zone, and so is a time without an offset local to the zone. A space
    before an offset is a plus sign that a URL swallowed.
    """
    text = text.strip()
    number = text.replace(".", "", 1).removeprefix("-")
    try:
        if number.isascii() and number.isdigit() and len(number) > 8:
            value = float(text)
            return round(value * 1000) if abs(value) < 1e11 else round(value)
        if len(text) > 10 and " " in text[-7:]:
            text = "+".join(text.rsplit(" ", 1))
        moment = dt.datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone(zone_name))
        return round(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        raise InvalidInput(
            f"'{text[:100]}' is not a date or time",
            field=field,
            hint="write 2026-10-05 or 2026-10-05T13:00:00+02:00",
        ) from None


def bucket_starts(grain: str, name: str, from_s: int, to_s: int, limit: int) -> list[int]:
    """Where the buckets of a grain begin within `[from_s, to_s)`; the first is `from_s` itself.

    Raises InvalidInput where that would take more than `limit` steps.
    """
    step = 60 if grain == "minute" else 900
    if (to_s - from_s) // step > limit:
        raise InvalidInput("the range is too long for this metric and grain", field="from", hint="ask for less of it")
    changes = {start for start in offsets(name).starts if from_s < start < to_s}
    starts, previous = [from_s], local_bucket(grain, name, from_s)
    for moment in sorted(changes.union(range(from_s // step * step + step, to_s, step))):
        bucket = local_bucket(grain, name, moment)
        if bucket != previous:
            starts.append(moment)
            previous = bucket
    return starts


def local_bucket(grain: str, name: str, moment_s: int) -> tuple[int, int]:
    """Which local minute, hour, day, week or month an instant is in (comparable; offsets tell repeated hours apart)."""
    offset = offsets(name).at(moment_s)
    local = moment_s + offset
    if grain in ("minute", "hour"):
        size = 60 if grain == "minute" else 3600
        return (local - local % size - offset, offset)
    day = dt.date(1970, 1, 1) + dt.timedelta(days=local // 86_400)
    if grain == "week":
        day -= dt.timedelta(days=day.weekday())
    elif grain == "month":
        day = day.replace(day=1)
    return (day.toordinal(), 0)
