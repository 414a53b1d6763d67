"""The buckets of a range of time: every hour, day, week or month of it, called as answers call them.

A zone, a grain and a range enter; labels leave, in order. Clocks that go back make an hour two, a day that a zone
skipped is none.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from turnout.panels.contract import GRAINS, Cell, Grain, View
from turnout.stats import calendar

#: Buckets that are drawn and listed together; a longer range is shown in a coarser grain.
LIMIT_BUCKETS = 800

#: Clocks change by whole quarters of an hour, so each hour has a moment a quarter apart. No local day is shorter than
#: 21 hours (a zone that goes ahead by three), so each has a moment 20 hours apart.
_STEP_S: dict[Grain, int] = {"hour": 900, "day": 72_000, "week": 72_000, "month": 72_000}

#: No bucket has more steps: a month has 38.
_LIMIT_STEPS = 40

_SHORTEST_MONTH_S = 27 * 86_400

_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


#: What recipients do is credited to a campaign for so long after its last event, or for as long as a goal says.
_CREDITED_S = 3 * 86_400


@dataclass(frozen=True)
class Buckets:
    """The labels of a range, in order, in the `grain` that it is shown in.

    Those after `sure_count` are there in case that something is credited to the campaign after its own last event.
    """

    grain: Grain
    labels: tuple[str, ...]
    sure_count: int

    def fill(self, rows: Sequence[Mapping[str, Cell]], blank: Mapping[str, Cell]) -> list[dict[str, Cell]]:
        """A row for every bucket, in order: what was answered, or a blank one."""
        found = {row[self.grain]: row for row in rows}
        count = max((place + 1 for place, label in enumerate(self.labels) if label in found), default=0)
        shown = self.labels[: max(count, self.sure_count)]
        return [{**blank, self.grain: label, **found.get(label, {})} for label in shown]


def of_view(view: View, *, credited: bool = True) -> Buckets:
    """The buckets of what there is to see of a view, in its grain or the first coarser one that has few enough.

    A range after the campaign's last event has some, too, where something may be `credited` to it.
    """
    if view.starts_ms is None or view.ends_ms is None:
        return Buckets(view.grain, (), 0)
    start_s, last_s = view.starts_ms // 1000, -(-view.ends_ms // 1000)
    end_s = last_s
    if credited:
        window_s = max((_CREDITED_S, *(goal.window_s for goal in view.campaign.goals)))
        latest_s = min(view.now_ms, view.now_ms if view.to_ms is None else view.to_ms) // 1000
        end_s = max(last_s, min(last_s + window_s, latest_s))
    if end_s <= start_s:
        return Buckets(view.grain, (), 0)
    grain, labels = _fitting(view, start_s, end_s)
    return Buckets(grain, labels, len(between(view.timezone, grain, start_s, last_s)) if last_s > start_s else 0)


def _fitting(view: View, start_s: int, end_s: int) -> tuple[Grain, tuple[str, ...]]:
    for grain in GRAINS[GRAINS.index(view.grain) :]:
        if (end_s - start_s) // _STEP_S[grain] > LIMIT_BUCKETS * _LIMIT_STEPS:
            continue
        labels = between(view.timezone, grain, start_s, end_s)
        if len(labels) <= LIMIT_BUCKETS:
            return grain, labels
    # Months of more than sixty years: the last of them.
    start_s = end_s - LIMIT_BUCKETS * _SHORTEST_MONTH_S
    return "month", between(view.timezone, "month", start_s, end_s)[-LIMIT_BUCKETS:]


def between(timezone: str, grain: Grain, start_s: int, end_s: int) -> tuple[str, ...]:
    """The labels of the buckets that `[start_s, end_s)` touches, in order."""
    offsets = calendar.offsets(timezone)
    moments = [*range(start_s, end_s, _STEP_S[grain]), end_s - 1]
    return tuple(dict.fromkeys(_label(grain, moment, offsets.at(moment)) for moment in moments))


def _label(grain: Grain, moment_s: int, offset_s: int) -> str:
    local_s = moment_s + offset_s
    if grain == "hour":
        zone = dt.timezone(dt.timedelta(seconds=offset_s))
        return dt.datetime.fromtimestamp(moment_s - local_s % 3600, zone).isoformat(timespec="seconds")
    day = dt.date.fromordinal(_EPOCH_DAY + local_s // 86_400)
    if grain == "week":
        day -= dt.timedelta(days=day.weekday())
    return day.isoformat()[:7] if grain == "month" else day.isoformat()


_EPOCH_DAY = dt.date(1970, 1, 1).toordinal()


def ticks(labels: Sequence[str], grain: Grain) -> list[tuple[int, str]]:
    """Places of an axis that are written, evenly apart, and what is written there: 5 Oct, Oct 2026 or 13:00.

    The year is written where it changes, and of hours the day.
    """
    most = 8 if grain == "hour" else 11
    step = next((size for size in _STEPS[grain] if len(labels) <= size * most), _STEPS[grain][-1])
    places = [place for place in range(len(labels)) if place % step == 0]
    if grain == "hour" and step > 1:
        places = [place for place, label in enumerate(labels) if int(label[11:13]) % min(step, 24) == 0]
        if step > 24:
            places = places[:: step // 24]
    found, before = [], ""
    for place in places:
        text, before = _tick(labels[place], before), labels[place]
        found.append((place, text))
    return found


_STEPS: dict[Grain, tuple[int, ...]] = {
    "hour": (1, 2, 3, 6, 12, 24, 48, 96, 192),
    "day": (1, 2, 7, 14, 28, 56, 112),
    "week": (1, 2, 4, 8, 13, 26, 52, 104),
    "month": (1, 2, 3, 6, 12, 24, 60, 120),
}


def _tick(label: str, before: str) -> str:
    month = _MONTHS[int(label[5:7]) - 1]
    if len(label) == 7:
        return month if label[:4] == before[:4] else f"{month} {label[:4]}"
    day = f"{int(label[8:10])} {month}"
    if len(label) > 10:
        return label[11:16] if label[:10] == before[:10] else f"{day} {label[11:16]}"
    return day if label[:4] == before[:4] or not before else f"{day} {label[:4]}"
