"""Several campaigns beside one another, each counted from its own send.

Campaigns with the moments they were sent enter; questions leave, then what their answers show: how far each campaign
had come so many hours after its send, how fast it went, and the totals with how sure their rates are.

Distinct recipients of hours don't add up to those of a day, so a point of a curve is a question of its own: everything
up to that moment. The moments are fixed, so a campaign's curve is the same beside whatever others, and was perhaps
asked for already. They are whole quarters of an hour, which the rollup and the numbers that are kept can answer.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

from turnout.charts.theme import INK, SERIES, Spec
from turnout.model import Campaign, Workspace
from turnout.panels import wording
from turnout.panels.contract import Cell, Column, Shown, Table, column, kind_of, words
from turnout.panels.significance import Share, wilson
from turnout.stats.answer import Answer, Row
from turnout.stats.metrics import METRICS
from turnout.stats.question import Filter, Question
from turnout.store.events import SLOT_MS

LIMIT_CAMPAIGNS = 8

Length = Literal["hours", "days"]

#: Hours after the send at which a campaign is looked at. Most happens early.
POINTS_H: dict[Length, tuple[int, ...]] = {
    "hours": (1, 2, 3, 4, 6, 8, 12, 18, 24, 30, 36, 48, 60, 72),
    "days": tuple(24 * day for day in (1, 2, 3, 4, 5, 6, 7, 10, 14, 18, 22, 26, 30)),
}

#: What can be compared.
CHOICES = (
    *("unique_opened", "unique_clicked", "unique_conversions", "unique_unsubscribed", "unique_delivered"),
    *("open_rate", "click_rate", "click_to_open_rate", "conversion_rate", "unsubscribe_rate", "bounce_rate"),
    *("sent", "delivered", "opened", "clicked", "conversions", "impression", "unique_impression", "viewers"),
)

#: Rates of people, which have an interval.
_RATES = ("open_rate", "click_rate", "click_to_open_rate", "conversion_rate", "unsubscribe_rate")

_TOTALS = ("sent", "delivered", "unique_opened", "unique_clicked", "unique_conversions", "revenue")

#: The rate of a campaign that holds people back is not one of those it reached alone.
_CONTROL = (
    "Conversions are those of control groups, too, though nothing was delivered to them: conversion rates of such "
    "campaigns are higher for it. Their variations have them apart."
)

_HOUR_MS = 3_600_000

#: Of a title in a legend, with room for what tells it from another of the same name.
_NAME_LIMIT_CHARS = 32


@dataclass(frozen=True)
class Send:
    """A campaign and when it was sent, in epoch milliseconds; `name` is its own among those it is compared with.

    `until_ms` is just after its last event: from there on it has come as far as it comes.
    """

    campaign: Campaign
    name: str
    at_ms: int
    until_ms: int

    @property
    def zero_ms(self) -> int:
        """The quarter of an hour in which it was sent: its hours count from there."""
        return self.at_ms // SLOT_MS * SLOT_MS


@dataclass(frozen=True)
class Comparison:
    """What is compared: one metric of some sends, looked at in a zone, of some traffic, at a moment.

    The campaigns have so many `events` in all.
    """

    workspace: Workspace
    sends: tuple[Send, ...]
    metric: str
    length: Length
    timezone: str
    traffic: tuple[str, ...]
    now_ms: int
    events: int = 0

    def points_h(self, send: Send) -> tuple[int, ...]:
        """The hours after its send that are over."""
        return tuple(hour for hour in POINTS_H[self.length] if send.zero_ms + hour * _HOUR_MS <= self.now_ms)

    def questions(self, send: Send) -> tuple[tuple[int, Question], ...]:
        """Hours after a send, and how far it had come by then; up to the first after which nothing came any more.

        What is credited to a campaign may come later than all its own events.
        """
        metric = METRICS[self.metric]
        parts = [METRICS[name] for name in (metric.numerator, metric.denominator, self.metric) if name]
        credited = any(part.credit for part in parts)
        found = []
        for hour in self.points_h(send):
            to_ms = send.zero_ms + hour * _HOUR_MS
            found.append((hour, self._question((self.metric,), send.campaign.id, to_ms=to_ms, rows_only=True)))
            if to_ms >= send.until_ms and not credited:
                break
        return tuple(found)

    def totals_question(self) -> Question:
        """Everything that the campaigns ever had, a row each."""
        names = (*_TOTALS, *_RATES)
        ids = tuple(send.campaign.id for send in self.sends)
        return self._question(names, *ids, dimensions=("campaign",))

    def _question(
        self,
        metrics: tuple[str, ...],
        *campaigns: str,
        dimensions: tuple[str, ...] = (),
        to_ms: int | None = None,
        rows_only: bool = False,
    ) -> Question:
        return Question(
            self.workspace.id,
            metrics,
            dimensions,
            (Filter("campaign", campaigns),),
            to_ms=to_ms,
            # None of these is by the day: asked alike in every zone, they are answered once.
            traffic=self.traffic,
            rows_only=rows_only,
        )


#: Of a send, the value after so many hours.
Curve = Mapping[int, Cell]


def curve(comparison: Comparison, send: Send, answers: Mapping[int, Answer]) -> Curve:
    """How far a send had come, at every hour that is over: where nothing came any more, as far as before."""
    found: dict[int, Cell] = {}
    value: Cell = None
    for hour in comparison.points_h(send):
        if hour in answers:
            rows = answers[hour].rows
            value = rows[0][comparison.metric] if rows else (None if _is_rate(comparison.metric) else 0)
        found[hour] = value
    return found


def progress(comparison: Comparison, curves: Sequence[Curve]) -> Shown:
    """How far each campaign had come by each hour."""
    metric, sends = comparison.metric, comparison.sends
    kind = kind_of(metric)
    columns = (
        Column("after", "After the send", "text"),
        *(
            Column(f"send_{place}", send.name, kind, METRICS[metric].definition, "metric")
            for place, send in enumerate(sends)
        ),
    )
    hours = [hour for hour in POINTS_H[comparison.length] if any(hour in one for one in curves)]
    rows = [
        {
            "after": after(hour),
            "metric": metric,
            **{f"send_{place}": one.get(hour) for place, one in enumerate(curves)},
        }
        for hour in hours
    ]
    table = Table(columns, tuple(rows), row_count=len(rows))
    if not rows:
        return Shown(table, empty="None of these was sent an hour ago or longer. Their curves begin then.")
    values = [
        {
            "campaign": send.name,
            "hours": hour / _unit_h(comparison.length),
            "value": value,
            "words": f"{send.name} · after {after(hour)} · {words(metric)} {wording.cell(value, kind)}",
        }
        for send, one in zip(sends, curves, strict=True)
        for hour, value in [(0, None if _is_rate(metric) else 0), *one.items()]
        if value is not None
    ]
    alt = f"{words(metric)} of {len(sends)} campaigns by the time since each was sent."
    return Shown(table, _spec(comparison, values, words(metric), kind == "ratio") if values else None, alt)


def pace(comparison: Comparison, curves: Sequence[Curve]) -> Shown:
    """How many came new in each stretch between two points, as so many an hour. Nothing for a rate."""
    if _is_rate(comparison.metric):
        return Shown(Table((), ()))
    label = f"{words(comparison.metric)}, new per hour"
    values: list[dict[str, Cell]] = []
    for send, one in zip(comparison.sends, curves, strict=True):
        before_h, before, per_hour = 0, 0.0, 0.0
        for hour, value in one.items():
            reached = float(value) if isinstance(value, int | float) else before
            per_hour = (reached - before) / (hour - before_h)
            values.append(_stretch(comparison, send, (before_h, hour), before_h, per_hour))
            before_h, before = hour, reached
        if one:
            # A stretch is drawn up to where it ends.
            values.append(_stretch(comparison, send, (before_h, before_h), before_h, per_hour))
    if not any(value["value"] for value in values):
        return Shown(Table((), ()))
    alt = f"{label}, of {len(comparison.sends)} campaigns by the time since each was sent."
    return Shown(Table((), ()), _spec(comparison, values, label, False, stepped=True), alt)


def totals(comparison: Comparison, answer: Answer) -> Shown:
    """All that each campaign ever had."""
    found = _by_campaign(answer)
    rows: list[Row] = [
        {
            "name": send.name,
            "sent_at": moment(send.at_ms, comparison.timezone),
            **{name: found.get(send.campaign.id, {}).get(name) for name in _TOTALS},
        }
        for send in comparison.sends
    ]
    columns = (
        Column("name", "Campaign", "text"),
        Column("sent_at", f"Sent ({comparison.timezone})", "time", "When it was started, else its first 'sent' event."),
        *(column(name) for name in _TOTALS),
    )
    return Shown(Table(columns, tuple(rows), row_count=len(rows)), excluded=answer.excluded)


def rates(comparison: Comparison, answer: Answer) -> Shown:
    """What part of each campaign's people did what, each with the interval that holds in 95 of 100 cases."""
    found = _by_campaign(answer)
    rows: list[Row] = []
    for send in comparison.sends:
        known = found.get(send.campaign.id, {})
        row: Row = {"name": send.name}
        for name in _RATES:
            row |= {name: known.get(name), f"{name}_interval": interval(known, name)}
        rows.append(row)
    columns = [Column("name", "Campaign", "text")]
    for name in _RATES:
        note = f"Where the {words(name).lower()} lies with 95 % confidence (Wilson's score interval)."
        columns += [column(name), Column(f"{name}_interval", "95 % interval", "text", note)]
    is_held = any(one.control for send in comparison.sends for one in send.campaign.variations)
    return Shown(Table(tuple(columns), tuple(rows), row_count=len(rows)), words=(_CONTROL,) if is_held else ())


def _by_campaign(answer: Answer) -> dict[str, Row]:
    return {str(row["campaign"]): row for row in answer.rows}


def interval(row: Row, rate: str) -> str | None:
    """The interval of a rate in words; None where it is of nobody, or of other people than its denominator's."""
    people, of = row.get(f"{rate}_numerator"), row.get(f"{rate}_denominator")
    if not isinstance(people, int) or not isinstance(of, int) or of <= 0 or people > of:
        return None
    found = wilson(Share(people, of))
    return f"{wording.percent(max(found.low, 0.0))} to {wording.percent(min(found.high, 1.0))}"


def named(campaigns: Sequence[Campaign]) -> tuple[str, ...]:
    """What each campaign is called among the others: its title, with its id where two have the same."""
    titles = [_shortened(one.title or one.id) for one in campaigns]
    return tuple(
        title if titles.count(title) == 1 else f"{title} ({_shortened(one.id)}, {place})"
        for place, (title, one) in enumerate(zip(titles, campaigns, strict=True), 1)
    )


def after(hours: int) -> str:
    """So many hours in words: 6 h, 3 days."""
    return f"{hours} h" if hours % 24 else f"{hours // 24} day{'s' * (hours > 24)}"


def moment(at_ms: int, timezone: str) -> str:
    """A moment in a zone: 2026-11-10 09:30."""
    return f"{dt.datetime.fromtimestamp(at_ms / 1000, ZoneInfo(timezone)):%Y-%m-%d %H:%M}"


def _is_rate(metric: str) -> bool:
    return METRICS[metric].kind == "ratio"


def _unit_h(length: Length) -> int:
    return 24 if length == "days" else 1


def _shortened(text: str) -> str:
    return text if len(text) <= _NAME_LIMIT_CHARS else f"{text[: _NAME_LIMIT_CHARS - 1]}…"


def _stretch(
    comparison: Comparison, send: Send, stretch: tuple[int, int], at_h: int, per_hour: float
) -> dict[str, Cell]:
    start, end = stretch
    rounded = f"{per_hour:,.0f}" if per_hour >= 10 else f"{per_hour:,.1f}"
    return {
        "campaign": send.name,
        "hours": at_h / _unit_h(comparison.length),
        "value": per_hour,
        "words": f"{send.name} · {after(start) if start else 'send'} to {after(end)} · {rounded} an hour",
    }


def _spec(
    comparison: Comparison, values: Sequence[Mapping[str, Cell]], title: str, is_rate: bool, *, stepped: bool = False
) -> Spec:
    names = [send.name for send in comparison.sends]
    unit = "Days" if comparison.length == "days" else "Hours"
    x = {
        "field": "hours",
        "type": "quantitative",
        "title": f"{unit} since the send",
        # The first hours are drawn wider: most happens then.
        "scale": {"type": "sqrt"},
        "axis": {"grid": False, "values": [0, 1, 2, 4, 6, 9, 12, 18, 24, 36, 48, 60, 72]},
    }
    if comparison.length == "days":
        x["axis"] = {"grid": False, "values": [0, 1, 2, 3, 5, 7, 10, 14, 21, 30]}
    y = {
        "field": "value",
        "type": "quantitative",
        "title": title,
        "axis": {"format": ".1~%" if is_rate else ",~r", "tickCount": 5, "domain": False, "ticks": False},
    }
    colour = {
        "field": "campaign",
        "type": "nominal",
        "title": None,
        "sort": None,
        "scale": {"domain": names, "range": [*SERIES, INK][: len(names)]},
        "legend": {"columns": 2, "symbolType": "stroke", "symbolStrokeWidth": 3, "labelLimit": 290},
    }
    line = {"type": "line", "aria": False, "interpolate": "step-after" if stepped else "linear"}
    return {
        "width": 640,
        "height": 280 if not stepped else 180,
        "data": {"values": list(values)},
        "encoding": {"x": x, "y": y, "color": colour},
        "layer": [
            {"mark": line},
            {
                "mark": {"type": "point", "filled": True, "size": 36, "opacity": 1},
                "encoding": {"description": {"field": "words", "type": "nominal"}},
            },
        ],
    }
