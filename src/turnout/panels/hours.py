"""Hours of the week: how many opens and clicks fell into each weekday and hour, by the clocks of the view's zone.

Counts, not distinct recipients: those of several weeks' Tuesdays would not add up.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from turnout.charts.theme import GRID, SERIES, Spec
from turnout.panels import wording
from turnout.panels.contract import Ask, Cell, Column, Panel, Shown, Table, View

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

#: What is shown, each as a map of its own: its metric, its heading, what one of it is called, and its colour.
_SHOWN = (("opened", "Opens", "open", SERIES[0]), ("clicked", "Clicks", "click", SERIES[1]))

#: Hours are asked for one by one, of so many days at most.
LIMIT_DAYS = 92
_DAY_MS = 86_400_000

#: Every hour of those days, and a fourth of them once more for zones whose clocks change.
_LIMIT_HOURS = LIMIT_DAYS * 24 * 5 // 4

#: What an hour with a single event is drawn with; one with none is the ground's grid.
_FAINTEST = 0.12

_HOUR = Column("hour_of_day", "Hour", "text", "The hour of the day, in the zone of the view.")

_EMPTY = "Nobody opened or clicked in this range, so there are no hours to compare."
_EMPTY_SINCE = (
    f"Nobody opened or clicked in the last {LIMIT_DAYS} days of this range, and no more are looked at. Choose a range "
    "that ends sooner after the send."
)

#: One (weekday, hour of the day), Monday and midnight being 0.
Place = tuple[int, int]


@dataclass(frozen=True)
class _Hours:
    """The numbers of one metric in the hours of the week."""

    metric: str
    title: str
    thing: str
    colour: str
    counts: Mapping[Place, int]


def draw(view: View, ask: Ask) -> Shown:
    """A map for opens and one for clicks: the more of them, the deeper the colour."""
    seen, is_cut = _bounded(view)
    metrics = tuple(metric for metric, *_ in _SHOWN)
    answer = ask(seen.question(metrics, ("hour",), limit=_LIMIT_HOURS))
    counts = gather(answer.rows, metrics)
    maps = [_Hours(*one, counts[one[0]]) for one in _SHOWN if counts[one[0]]]
    if not maps:
        return Shown(Table((), ()), empty=_EMPTY_SINCE if is_cut else _EMPTY, excluded=answer.excluded)
    table = _table(maps)
    words = [_best(one) for one in maps]
    words.append(
        f"Hours are those of {view.timezone}. Every open and click counts, not each recipient once; and most of them "
        "follow soon after a send, so the hours of sending show, too."
    )
    if is_cut:
        words.append(f"Of this range, the last {LIMIT_DAYS} days are looked at.")
    return Shown(table, _spec(maps), " ".join(words[: len(maps)]), tuple(words), excluded=answer.excluded)


def _bounded(view: View) -> tuple[View, bool]:
    """The view, of its last days only where it is longer than can be looked at by the hour."""
    if view.starts_ms is None or view.ends_ms is None or view.ends_ms - view.starts_ms <= LIMIT_DAYS * _DAY_MS:
        return view, False
    return replace(view, from_ms=view.ends_ms - LIMIT_DAYS * _DAY_MS), True


def gather(rows: Iterable[Mapping[str, Cell]], metrics: Sequence[str]) -> dict[str, dict[Place, int]]:
    """Rows of hours, summed by their place in the week; hours without any are left out."""
    found: dict[str, dict[Place, int]] = {metric: {} for metric in metrics}
    for row in rows:
        local = dt.datetime.fromisoformat(str(row["hour"]))
        place = (local.weekday(), local.hour)
        for metric in metrics:
            count = row[metric]
            if isinstance(count, int) and count:
                found[metric][place] = found[metric].get(place, 0) + count
    return found


def _table(maps: Sequence[_Hours]) -> Table:
    """A row for each hour of the day, a column for each weekday; below, the sum of each."""
    columns = [_HOUR]
    rows: list[dict[str, Cell]] = [{"hour_of_day": f"{hour:02d}:00"} for hour in range(24)]
    sums: dict[str, Cell] = {"hour_of_day": "In all"}
    for one in maps:
        for weekday, day in enumerate(WEEKDAYS):
            name = f"{one.metric}_{day[:3].lower()}"
            label, note = f"{day[:3]} {one.title.lower()}", f"{one.title} on {day}s, in the zone of the view."
            columns.append(Column(name, label, "count", note))
            counts = [one.counts.get((weekday, hour), 0) for hour in range(24)]
            sums[name] = sum(counts)
            for row, count in zip(rows, counts, strict=True):
                row[name] = count
    return Table(tuple(columns), tuple(rows), sums, len(rows))


def _hour(hour: int) -> str:
    return f"{hour:02d}:00\u2013{(hour + 1) % 24:02d}:00"


def _best(one: _Hours) -> str:
    """The hour with the most, the first one of the week if several have as many."""
    (weekday, hour), most = min(one.counts.items(), key=lambda item: (-item[1], item[0]))
    share = wording.percent(most / sum(one.counts.values()))
    return f"Most {one.title.lower()} are on {WEEKDAYS[weekday]}, {_hour(hour)}: {most:,} of them, {share} of all."


def _spec(maps: Sequence[_Hours]) -> Spec:
    drawn = [_map(one, is_last=one is maps[-1]) for one in maps]
    return drawn[0] if len(drawn) == 1 else {"vconcat": drawn, "spacing": 20}


def _map(one: _Hours, *, is_last: bool) -> Spec:
    most = max(one.counts.values())
    values = [
        {
            "day": WEEKDAYS[weekday][:3],
            "hour": hour,
            "depth": round(_FAINTEST + (1 - _FAINTEST) * count / most, 3),
            "says": f"{WEEKDAYS[weekday]} {_hour(hour)} · {wording.many(count, one.thing)}",
        }
        for (weekday, hour), count in sorted(one.counts.items())
    ]
    # Hours in which nothing happened can be seen, but not pointed at: a drawing of a third the size.
    empty = [
        {"day": day[:3], "hour": hour}
        for weekday, day in enumerate(WEEKDAYS)
        for hour in range(24)
        if (weekday, hour) not in one.counts
    ]
    plain = {"domain": False, "ticks": False, "title": None}
    hours = {"labelExpr": "format(datum.value, '02') + ':00'", "values": list(range(0, 24, 3)), "labelAngle": 0}
    cell = {"type": "rect", "width": {"band": 0.94}, "height": {"band": 0.9}}
    return {
        "width": 640,
        "height": {"step": 20},
        "title": {"text": one.title, "fontSize": 13, "offset": 6},
        "encoding": {
            "x": {"field": "hour", "type": "ordinal", "axis": {**plain, **hours, "labels": is_last}},
            "y": {"field": "day", "type": "ordinal", "sort": [day[:3] for day in WEEKDAYS], "axis": plain},
        },
        "layer": [
            {"data": {"values": empty}, "mark": {**cell, "color": GRID, "opacity": 0.6, "aria": False}},
            {
                "data": {"values": values},
                "mark": {**cell, "color": one.colour},
                "encoding": {
                    "opacity": {"field": "depth", "type": "quantitative", "scale": None},
                    "description": {"field": "says", "type": "nominal"},
                },
            },
        ],
    }


PANEL = Panel(
    "hours",
    "Hours of the week",
    "When people open and click, by weekday and hour.",
    draw,
    "audience",
)
