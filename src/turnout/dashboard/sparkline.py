"""A little line beside each campaign: what happened by the day. Answers enter, points of a polyline leave.

Fifty charts on one page would take seconds to draw; these take microseconds.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from turnout.panels.contract import Cell, words

WIDTH, HEIGHT = 104, 26

#: Days that are looked back at most, days that are one point at most, and the fewest days that make a line.
LIMIT_DAYS = 400
_POINTS = 60
_LEAST_DAYS = 7

#: What a line is of: the first of these that a campaign has any of.
METRICS = ("opened", "watched", "impression", "clicked", "delivered", "sent")

Row = Mapping[str, Cell]


@dataclass(frozen=True)
class Sparkline:
    """Points of the line and of the area below it, and what it says in words."""

    line: str
    area: str
    label: str


def sparklines(rows: Iterable[Row], timezone: str, from_ms: int | None, to_ms: int | None) -> dict[str, Sparkline]:
    """By campaign, of rows by `campaign` and `day` with `METRICS`; those without anything have none.

    A line goes over the days of the range; where that is open, from the first to the last day that has something.
    """
    days: dict[str, dict[str, dict[dt.date, int]]] = {}
    for row in rows:
        day = dt.date.fromisoformat(str(row["day"]))
        of = days.setdefault(str(row["campaign"]), {})
        for metric in METRICS:
            if count := row[metric]:
                of.setdefault(metric, {})[day] = int(count)  # type: ignore[arg-type]
    first = _day(from_ms, timezone) if from_ms is not None else None
    last = _day(to_ms - 1, timezone) if to_ms is not None else None
    found = {}
    for campaign, of in days.items():
        chosen = next((name for name in METRICS if name in of), None)
        if chosen is not None:
            counts = of[chosen]
            found[campaign] = _sparkline(chosen, counts, first or min(counts), last or max(counts))
    return found


def _sparkline(metric: str, counts: Mapping[dt.date, int], first: dt.date, last: dt.date) -> Sparkline:
    days = max((last - first).days + 1, _LEAST_DAYS)
    each = -(-days // _POINTS)
    sums = [0] * -(-days // each)
    for day, count in counts.items():
        place = (day - first).days // each
        if 0 <= place < len(sums):
            sums[place] += count
    most, step = max(sums), WIDTH / (len(sums) - 1)
    # Half the line's width is kept free above and below.
    points = " ".join(
        f"{place * step:.1f},{HEIGHT - 1 - (HEIGHT - 2) * value / (most or 1):.1f}" for place, value in enumerate(sums)
    )
    span = f"{first.isoformat()} to {last.isoformat()}" if last != first else first.isoformat()
    unit = "a day" if each == 1 else f"in {each} days"
    label = f"{words(metric)} {unit}, {span}: at most {most:,}"
    return Sparkline(points, f"0,{HEIGHT} {points} {WIDTH},{HEIGHT}", label)


def _day(moment_ms: int, timezone: str) -> dt.date:
    return dt.datetime.fromtimestamp(moment_ms / 1000, ZoneInfo(timezone)).date()
