"""What a panel is: a `View` and a way to ask enter, a table, sentences and a chart's specification leave.

A panel is pure but for its questions. It knows nothing of HTML, HTTP or files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from turnout.charts.theme import Spec
from turnout.model import Campaign, Workspace
from turnout.stats.answer import Answer, Number
from turnout.stats.metrics import DIMENSIONS, METRICS
from turnout.stats.question import Filter, Question

#: How a question is asked. Blocks.
Ask = Callable[[Question], Answer]

Grain = Literal["hour", "day", "week", "month"]
GRAINS: tuple[Grain, ...] = ("hour", "day", "week", "month")

#: What is in a column: how it is written, and how it is put in order.
Kind = Literal["text", "time", "count", "ratio", "money", "seconds"]

Cell = str | Number


@dataclass(frozen=True)
class View:
    """One campaign as somebody looks at it.

    The range is half-open, in epoch milliseconds, None where it is open. `first_ms` and `last_ms` are the times of the
    campaign's first and last event of any traffic; None if it has none. `metrics` are those that were chosen for a
    series; none leaves the choice to the panel. `events` is how many it has in all,
    `now_ms` the moment of looking.
    """

    workspace: Workspace
    campaign: Campaign
    timezone: str
    traffic: tuple[str, ...]
    now_ms: int
    from_ms: int | None = None
    to_ms: int | None = None
    grain: Grain = "day"
    metrics: tuple[str, ...] = ()
    first_ms: int | None = None
    last_ms: int | None = None
    events: int = 0

    def question(self, metrics: Sequence[str], dimensions: Sequence[str] = (), **more: Any) -> Question:
        """A question about this campaign, in this range, zone and traffic; `more` are fields of `Question`."""
        filters = (Filter("campaign", (self.campaign.id,)), *more.pop("filters", ()))
        asked = Question(
            workspace=self.workspace.id,
            metrics=tuple(metrics),
            dimensions=tuple(dimensions),
            filters=filters,
            from_ms=self.from_ms,
            to_ms=self.to_ms,
            timezone=self.timezone,
            traffic=self.traffic,
        )
        return replace(asked, **more)

    @property
    def starts_ms(self) -> int | None:
        """Where there is something to see from: the range's beginning, or the first event if that is later."""
        given = [moment for moment in (self.from_ms, self.first_ms) if moment is not None]
        return max(given) if given else None

    @property
    def ends_ms(self) -> int | None:
        """Where there is nothing more to see: the range's end, or just after the last event if that is earlier."""
        last = None if self.last_ms is None else self.last_ms + 1
        given = [moment for moment in (self.to_ms, last) if moment is not None]
        return min(given) if given else None


@dataclass(frozen=True)
class Column:
    """A column of a table: `name` is a metric's or dimension's where it is one, and is what rows are read by.

    `note` says what a column is that is neither, or means something else than the metric of its name. Where each row
    is of another metric, `metric_in` is the field of a row that says which.
    """

    name: str
    label: str
    kind: Kind
    note: str = ""
    metric_in: str = ""

    @property
    def definition(self) -> str:
        """What the column holds: its note, or what the metric or dimension means; empty for what is neither."""
        known = METRICS.get(self.name) or DIMENSIONS.get(self.name)
        return self.note or (known.definition if known is not None and not self.metric_in else "")

    def name_in(self, row: Mapping[str, Cell]) -> str:
        """What a row's cell is called: the column's name, or the metric that the row says (empty if it says none)."""
        return str(row.get(self.metric_in) or "") if self.metric_in else self.name


@dataclass(frozen=True)
class Table:
    """Rows of cells by the columns' names, in order; `total` is the row below them: true uniques, never a sum of rows.

    Where there are more rows than are shown, `row_count` says how many there are. The last `quiet_count` rows are
    beside the point, and stand back.
    """

    columns: tuple[Column, ...]
    rows: tuple[Mapping[str, Cell], ...]
    total: Mapping[str, Cell] | None = None
    row_count: int = 0
    quiet_count: int = 0


@dataclass(frozen=True)
class Shown:
    """What a panel shows: sentences, a chart (none where there is nothing to draw) and the same numbers as a table.

    `alt` says in a sentence what the chart shows, for whoever doesn't see it. `empty` says what is missing and what
    would bring it, where there is nothing at all. `excluded` are the events of each class that did not count.
    """

    table: Table
    spec: Spec | None = None
    alt: str = ""
    words: tuple[str, ...] = ()
    empty: str = ""
    excluded: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Panel:
    """One panel: its name in addresses, its heading, what it is in a sentence, the section of a campaign's page that it
    is in, and how it is made. `draw` blocks."""

    name: str
    title: str
    about: str
    draw: Callable[[View, Ask], Shown]
    section: Literal["summary", "variations", "links", "audience", "traffic", "live"] = "summary"


def column(name: str, label: str = "") -> Column:
    """The column of a metric or dimension; its label is its name in words unless one is given."""
    return Column(name, label or words(name), kind_of(name))


def kind_of(name: str) -> Kind:
    """How values of a metric or dimension are written."""
    if name in DIMENSIONS:
        return "time" if DIMENSIONS[name].is_time else "text"
    metric = METRICS[name]
    if metric.unit == "seconds":
        return "seconds"
    return metric.kind if metric.kind in ("money", "ratio") else "count"


def words(name: str) -> str:
    """A metric's or dimension's name as a person reads it: `unique_opened` is `Unique opened`."""
    text = name.removesuffix("_s").replace("_", " ")
    return text[:1].upper() + text[1:]


def table_of(answer: Answer, columns: Sequence[Column], *, with_total: bool = True) -> Table:
    """An answer as a table: its rows as they are, and its totals."""
    return Table(
        tuple(columns), tuple(answer.rows), answer.totals if with_total and answer.totals else None, answer.row_count
    )
