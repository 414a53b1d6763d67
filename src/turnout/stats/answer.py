"""What is answered: typed rows, totals and what was left out, independent of any wire format.

Counts are ints, seconds are ints or floats of milliseconds, money is a dict of currency to Decimal,
a ratio is a float (None over zero) with its numerator and denominator beside it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from turnout.stats.metrics import METRICS, base_metrics
from turnout.stats.question import Question

Number = int | float | None | dict[str, Decimal]
Row = dict[str, str | Number]


@dataclass(frozen=True)
class Answer:
    """`rows` in the question's order, `totals` over the whole range (true uniques, not sums of rows),
    `row_count` of all pages, `excluded` events per traffic class that did not count."""

    question: Question
    rows: list[Row]
    totals: Row
    row_count: int
    excluded: dict[str, int] = field(default_factory=dict)


def row(question: Question, values: Sequence[Any]) -> Row:
    """One row of `compile.page`, named and typed; `values` are its dimensions and base metrics (more is ignored)."""
    found: Row = {}
    for name, value in zip(question.dimensions, values, strict=False):
        found[name] = moment_label(int(value)) if name in ("minute", "hour") else value
    numbers = dict(
        zip(
            (metric.name for metric in base_metrics(question.metrics)),
            values[len(question.dimensions) :],
            strict=False,
        )
    )
    for name in question.metrics:
        found.update(_number(name, numbers))
    return found


def zero(question: Question) -> Row:
    """The totals of nothing: a row without dimensions."""
    blank: list[Any] = [{} if metric.kind == "money" else 0 for metric in base_metrics(question.metrics)]
    return row(replace(question, dimensions=(), sort=()), blank)


def _number(name: str, numbers: dict[str, Any]) -> Row:
    metric = METRICS[name]
    if metric.kind == "money":
        return {name: {code: Decimal(amount) for code, amount in sorted(numbers[name].items())}}
    if metric.kind == "ratio":
        above = _scaled(metric.numerator, numbers)
        below = _scaled(metric.denominator, numbers)
        value = above / below if below else None
        return {name: value, f"{name}_numerator": above, f"{name}_denominator": below}
    return {name: _scaled(name, numbers)}


def _scaled(name: str, numbers: dict[str, Any]) -> int | float:
    scale = METRICS[name].scale
    value = int(numbers[name])
    if scale == 1:
        return value
    return value // scale if value % scale == 0 else value / scale


def moment_label(packed: int) -> str:
    """ISO 8601 with offset of an hour or minute that `scope` packed: instant * 4096 + offset minutes + 1024."""
    instant, rest = divmod(packed, 4096)
    zone = dt.timezone(dt.timedelta(minutes=rest - 1024))
    return dt.datetime.fromtimestamp(instant, zone).isoformat(timespec="seconds")
