"""What a campaign is credited with, as this room asks for it: conversions, and revenue in dollars. Asks; blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from turnout.dialects.braze.life import Life
from turnout.model import DEFAULT_TRAFFIC
from turnout.stats.answer import Row
from turnout.stats.question import Question
from turnout.stats.run import Statistics

#: The only currency that Braze has.
DOLLARS = "USD"


def credited(
    statistics: Statistics, base: Question, life: Life, dimensions: tuple[str, ...], *, by_send: bool
) -> Iterator[Row]:
    """What people did: conversions, where they happened with revenue or, `by_send`, where their message was sent."""
    metrics = life.conversions if by_send else (*life.conversions, *life.revenue)
    if not metrics:
        return
    asked = replace(
        base,
        metrics=metrics,
        dimensions=dimensions,
        traffic=DEFAULT_TRAFFIC,
        placed_by="send" if by_send else "event",
    )
    yield from statistics.rows(asked)


def dollars(row: Row) -> Decimal:
    """The revenue of a row in dollars; other currencies are left out."""
    money = row.get("revenue", {})
    assert isinstance(money, dict)
    return money.get(DOLLARS, Decimal(0))
