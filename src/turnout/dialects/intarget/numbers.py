"""What the rows of a page say: lines go in, the vendor's rows come out. Distinct people are only asked for here."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal

from turnout.dialects.intarget.lines import Line, Lines, Place, people
from turnout.dialects.intarget.wire import (
    COUNTERS,
    DEPOSITS,
    Conversions,
    Counter,
    Statistics,
    conversion_event,
    conversion_period,
)
from turnout.model import DEFAULT_CURRENCY
from turnout.stats import run
from turnout.stats.answer import Row
from turnout.stats.metrics import METRICS

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

_UNIQUE = tuple(sorted(counter.plus for counter in COUNTERS if METRICS[counter.plus].kind == "unique"))


# ---- statistics -------------------------------------------------------------------------------------


def statistics(asked: run.Statistics, page: Sequence[Line], of: Lines) -> list[Statistics]:
    """A row for each line. Blocks."""
    found = people(asked, of.base, {line.campaign.id for line in page}, _UNIQUE)
    return [_statistics(line, found.get(line.place, {})) for line in page]


def _statistics(line: Line, found: Row) -> Statistics:
    numbers = {**line.counts, **{name: _whole(found.get(name)) for name in _UNIQUE}}
    if not line.has_opens:
        numbers["unique_opened"] = 0
    return Statistics(*_head(line), *(_number(counter, numbers) for counter in COUNTERS))


def _number(counter: Counter, numbers: dict[str, int]) -> int:
    return max(0, numbers.get(counter.plus, 0) - numbers.get(counter.minus, 0))


# ---- conversions ------------------------------------------------------------------------------------


def conversions(page: Sequence[Line], of: Lines, currency: str) -> list[Conversions]:
    """A row for each line, all of campaigns with a goal."""
    currencies = {} if currency else _currencies(of.deposits)
    return [
        _conversions(line, of.deposits.get(line.place, {}), currency or currencies.get(line.campaign.id, ""))
        for line in page
    ]


def _conversions(line: Line, deposits: Row, currency: str) -> Conversions:
    campaign, goal = line.campaign, line.campaign.goals[0]
    count, value, people = (deposits.get(name) for name in DEPOSITS)
    amount = value.get(currency, Decimal(0)) if isinstance(value, dict) else Decimal(0)
    return Conversions(
        *_head(line),
        campaign_stop_at=None if campaign.ended_at is None else _moment(campaign.ended_at),
        campaign_name=campaign.title,
        conversion_event=conversion_event(goal),
        conversion_period=conversion_period(goal.window_s),
        deposits_count=str(_whole(count)),
        deposits_amount=f"{amount:.2f}",
        converted_users=str(_whole(people)),
    )


def _currencies(deposits: Mapping[Place, Row]) -> dict[str, str]:
    """The one currency of each campaign: the only one; of several US dollars, else that of the highest sum."""
    sums: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for (campaign, _), row in deposits.items():
        value = row["conversion_value"]
        for code, amount in value.items() if isinstance(value, dict) else ():
            sums[campaign][code] += amount
    return {
        campaign: DEFAULT_CURRENCY if DEFAULT_CURRENCY in found else min(found, key=lambda code: (-found[code], code))
        for campaign, found in sums.items()
    }


# ---- both -------------------------------------------------------------------------------------------


def _head(line: Line) -> tuple[int, str, str, str]:
    started = _EPOCH + dt.timedelta(milliseconds=line.started_ms)
    return line.campaign.number, line.title, line.type, _moment(started)


def _moment(moment: dt.datetime) -> str:
    """`2025-03-17 10:04:21+00`"""
    return moment.astimezone(dt.UTC).isoformat(" ", "seconds").removesuffix(":00")


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0
