"""How a view is asked for, in a query of names and texts: by a page, an address of the API, or a command.

    range=7d | 30d | 90d | 365d | all      the last so many days until now; or
    from=, to=                             dates or moments, half-open
    timezone=, traffic=, grain=, metrics=  as the API has them; all may be left out

`given` makes one of what a form of the dashboard sends. Texts enter, a `View` leaves. InvalidInput and UnknownName say
what can't be.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from turnout.errors import InvalidInput, UnknownName
from turnout.model import Campaign, Workspace
from turnout.panels.contract import GRAINS, Grain, View
from turnout.services import Services
from turnout.stats import asking
from turnout.stats.metrics import METRICS

#: Days that a range's name stands for: whole days of the zone, today being the last.
RANGES = {"7d": 7, "30d": 30, "90d": 90, "365d": 365}

#: What a view is asked for by.
NAMES = ("range", "from", "to", "timezone", "traffic", "grain", "metrics")

#: Lines of one series.
LIMIT_METRICS = 8

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS

#: The longest time that is shown in each grain, where none is asked for; and that it may be asked for.
_UNTIL_MS: tuple[tuple[Grain, int], ...] = (("hour", 3 * _DAY_MS), ("day", 120 * _DAY_MS), ("week", 730 * _DAY_MS))
_LIMIT_MS: dict[Grain, int] = {"hour": 92 * _DAY_MS, "day": 3660 * _DAY_MS}


#: Names that may be said several times, by boxes that are ticked.
_LISTS = frozenset({"traffic", "metrics"})


@dataclass(frozen=True)
class Range:
    """A half-open range of time in epoch milliseconds, None where it is open, in a zone."""

    from_ms: int | None
    to_ms: int | None
    timezone: str


def given(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """What a form asks of a view. Empty fields are left out, boxes are gathered into a list, and dates that somebody
    wrote go before the name of the range that was seen when they did."""
    found: dict[str, str] = {}
    for name, value in pairs:
        if name not in NAMES or not value.strip():
            continue
        found[name] = f"{found[name]},{value}" if name in _LISTS and name in found else value.strip()
    if "from" in found or "to" in found:
        found.pop("range", None)
    return found


def read(services: Services, workspace: Workspace, campaign: Campaign, asked: Mapping[str, str]) -> View:
    """The view of a campaign that is asked for. Blocks: it looks when the campaign's events were."""
    span = services.events.spans(workspace.id, [campaign.id]).get(campaign.id)
    now = services.now()
    where = range_of(asked, workspace, now)
    view = View(
        workspace=workspace,
        campaign=campaign,
        timezone=where.timezone,
        traffic=asking.traffic(asked.get("traffic", "")),
        now_ms=int(now.timestamp() * 1000),
        from_ms=where.from_ms,
        to_ms=where.to_ms,
        metrics=_metrics(asked.get("metrics", "")),
        first_ms=None if span is None else span.first_ms,
        last_ms=None if span is None else span.last_ms,
        events=0 if span is None else span.events,
    )
    return _grained(view, asked.get("grain", ""))


def range_of(asked: Mapping[str, str], workspace: Workspace, now: dt.datetime) -> Range:
    """The range and zone that are asked for. A name and a bound together are InvalidInput."""
    timezone = asking.zone_of(asked.get("timezone", ""), workspace)
    name = asked.get("range", "")
    from_ms = asking.moment(asked.get("from", ""), timezone, "from")
    to_ms = asking.moment(asked.get("to", ""), timezone, "to")
    if name and name != "all":
        if name not in RANGES:
            raise UnknownName("range", name, (*RANGES, "all"), field="range")
        if from_ms is not None or to_ms is not None:
            raise InvalidInput("ask for a range by its name or by from and to", field="range")
        today = now.astimezone(ZoneInfo(timezone)).date()
        first = today - dt.timedelta(days=RANGES[name] - 1)
        from_ms = int(dt.datetime.combine(first, dt.time(), ZoneInfo(timezone)).timestamp() * 1000)
    if from_ms is not None and to_ms is not None and to_ms < from_ms:
        raise InvalidInput("the range ends before it starts", field="to")
    return Range(from_ms, to_ms, timezone)


def _metrics(text: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(asking.names(text)))
    for name in found:
        if name not in METRICS:
            raise UnknownName("metric", name, METRICS, field="metrics")
    if len(found) > LIMIT_METRICS:
        raise InvalidInput(f"at most {LIMIT_METRICS} metrics are drawn together", field="metrics")
    return found


def _grained(view: View, asked: str) -> View:
    """The view in the grain that is asked for, or in the one that suits its length."""
    length_ms = (view.ends_ms or 0) - (view.starts_ms or 0) if view.first_ms is not None else 0
    if not asked:
        return replace(view, grain=next((grain for grain, until_ms in _UNTIL_MS if length_ms <= until_ms), "month"))
    for grain in GRAINS:
        if grain == asked:
            if length_ms > _LIMIT_MS.get(grain, length_ms):
                raise InvalidInput(f"the range is too long to be shown by the {grain}", field="grain")
            return replace(view, grain=grain)
    raise UnknownName("grain", asked, GRAINS, field="grain")
