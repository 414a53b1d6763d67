"""What is asked: one canonical form, whatever door a question comes in by.

A `Question` is checked when it is made: every name exists, the range goes forward, limits hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from turnout.errors import InvalidInput, TooLarge, UnknownName
from turnout.model import DEFAULT_TRAFFIC, TRAFFIC_CLASSES
from turnout.stats import calendar
from turnout.stats.metrics import DIMENSIONS, METRICS

#: Rows of one answer, names in one question, values of one filter.
LIMIT_ROWS = 100_000
LIMIT_METRICS = 100
LIMIT_DIMENSIONS = 8
LIMIT_FILTER_VALUES = 10_000


@dataclass(frozen=True)
class Filter:
    """Only events whose `dimension` is one of `values` (a time dimension's values are its labels)."""

    dimension: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Sort:
    """Order by a metric or dimension of the question."""

    name: str
    descending: bool = False


@dataclass(frozen=True)
class Question:
    """Metrics, grouped by dimensions, of a workspace's events in `[from_ms, to_ms)`.

    None leaves that end of the range open. Time dimensions are local to `timezone`. Only events of the
    `traffic` classes count. `limit` rows are answered after the first `offset`. `rows_only` spares the
    totals and what was left out. An event's time is its own, or that of the message it belongs to (`placed_by`
    send; docs/attribution.md).
    """

    workspace: str
    metrics: tuple[str, ...]
    dimensions: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    from_ms: int | None = None
    to_ms: int | None = None
    timezone: str = "UTC"
    traffic: tuple[str, ...] = DEFAULT_TRAFFIC
    sort: tuple[Sort, ...] = ()
    limit: int = 1000
    offset: int = 0
    rows_only: bool = False
    placed_by: Literal["event", "send"] = "event"

    def __post_init__(self) -> None:
        _names("metric", self.metrics, METRICS, LIMIT_METRICS)
        _names("dimension", self.dimensions, DIMENSIONS, LIMIT_DIMENSIONS)
        if not self.metrics:
            raise InvalidInput("no metric is asked for", field="metrics", hint="e.g. metrics=sent,unique_opened")
        for name in self.traffic:
            if name not in TRAFFIC_CLASSES:
                raise UnknownName("traffic class", name, (*TRAFFIC_CLASSES, "all"), field="traffic")
        for one in self.filters:
            self._check_filter(one)
        for order in self.sort:
            if order.name not in self.metrics and order.name not in self.dimensions:
                raise InvalidInput(
                    f"can't sort by '{order.name}'",
                    field="sort",
                    hint="sort by a metric or dimension of the question",
                )
            if order.name in METRICS and METRICS[order.name].kind == "money":
                raise InvalidInput("can't sort by money: it has a value per currency", field="sort")
        calendar.zone(self.timezone)
        if self.from_ms is not None and self.to_ms is not None and self.to_ms < self.from_ms:
            raise InvalidInput("the range ends before it starts", field="to")
        if not 0 <= self.limit <= LIMIT_ROWS:
            raise InvalidInput(f"limit must be between 0 and {LIMIT_ROWS}", field="limit")
        if not 0 <= self.offset <= 2**31:
            raise InvalidInput("offset must be between 0 and 2^31", field="offset")

    def _check_filter(self, one: Filter) -> None:
        if one.dimension not in DIMENSIONS:
            raise UnknownName("dimension", one.dimension, DIMENSIONS, field=one.dimension)
        if one.dimension in ("minute", "hour"):
            raise InvalidInput(f"can't filter by {one.dimension}", field=one.dimension, hint="use from and to")
        if len(one.values) > LIMIT_FILTER_VALUES:
            raise TooLarge(f"more than {LIMIT_FILTER_VALUES} values", field=one.dimension)


def _names(kind: str, names: tuple[str, ...], known: Mapping[str, object], limit: int) -> None:
    field = f"{kind}s"
    for name in names:
        if name not in known:
            raise UnknownName(kind, name, known, field=field)
    if len(set(names)) != len(names):
        raise InvalidInput(f"a {kind} is named twice", field=field)
    if len(names) > limit:
        raise TooLarge(f"more than {limit} {field}", field=field)
    if kind == "dimension" and sum(DIMENSIONS[name].is_time for name in names) > 1:
        raise InvalidInput("only one time dimension can be grouped by", field=field)
