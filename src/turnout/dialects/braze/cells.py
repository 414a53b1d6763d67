"""The numbers of the entries of `messages`: a layout and a question go in, cells come out. Asks; blocks.

As few questions as the numbers allow: one of counts, one of what messages led to, and one of distinct recipients
for each choice of traffic (they don't add up, so an entry whose events are written in several ways has its own).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from turnout.dialects.braze.arms import Layout, Seen
from turnout.dialects.braze.life import number
from turnout.dialects.braze.wire import CHANNELS, ENROLLED_RECIPIENTS, Channel, Counter
from turnout.model import DEFAULT_TRAFFIC, TRAFFIC_CLASSES
from turnout.stats.answer import Row
from turnout.stats.metrics import METRICS
from turnout.stats.question import Filter, Question
from turnout.stats.run import Statistics

Place = tuple[str, str]


@dataclass
class Cell:
    """The numbers of one entry on one day: metrics by traffic (`all`, `default`, `prefetch`), the block's keys, USD."""

    counts: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    conversions: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    revenue: Decimal = Decimal(0)

    def value(self, counter: Counter) -> int:
        """A counter's number; never below zero."""
        above = sum(self.counts[counter.traffic, name] for name in counter.plus)
        return max(0, above - sum(self.counts[counter.traffic, name] for name in counter.minus))


@dataclass
class Cells:
    """The cells of a layout by (day, channel key, arm id); of the whole range under the day "" unless `by_day`.

    `table` says which counters a channel has.
    """

    layout: Layout
    table: Mapping[str, Channel] = field(default_factory=lambda: CHANNELS)
    by_day: bool = True
    of: dict[tuple[str, str, str], Cell] = field(default_factory=lambda: defaultdict(Cell))

    @property
    def time(self) -> tuple[str, ...]:
        """The dimension that questions about these cells have first."""
        return ("day",) if self.by_day else ()

    def has_block(self, key: str) -> bool:
        """Whether the entries of this channel have revenue, recipients and conversions of their own."""
        return self.layout.multivariate or self.table[key].always_block

    def counters(self) -> Iterator[Counter]:
        """Every counter that some entry has."""
        for key in self.layout.channels:
            yield from self.table[key].counters
            if self.has_block(key):
                yield self.table[key].recipient
        if self.layout.controls:
            yield ENROLLED_RECIPIENTS

    def day(self, row: Row) -> str:
        """The day of a row of such a question."""
        return str(row["day"]) if self.by_day else ""

    def places(self, row: Row) -> list[Place]:
        """The entries that a row with `channel` and the layout's dimension belongs to."""
        return self.layout.places(str(row["channel"]), str(row[self.layout.by]))


def arm_of(layout: Layout, seen: Seen) -> str:
    """The arm that events of this kind write."""
    return seen.variation if layout.by == "variation" else seen.message


def fill(cells: Cells, statistics: Statistics, base: Question, seen: Iterable[Seen]) -> None:
    """Ask for the counters of every entry."""
    _add_counts(cells, statistics, base)
    _add_credits(cells, statistics, base)
    _add_uniques(cells, statistics, base, _written(cells.layout, seen))


def classes(kind: str) -> tuple[str, ...]:
    """The classes of traffic that a counter's word for it stands for."""
    return {"all": TRAFFIC_CLASSES, "default": DEFAULT_TRAFFIC}.get(kind, (kind,))


def _kinds(traffic: str) -> tuple[str, ...]:
    return tuple(kind for kind in ("all", "default", "prefetch") if traffic in classes(kind))


def _written(layout: Layout, seen: Iterable[Seen]) -> dict[Place, set[Place]]:
    """For each entry, the (channel, arm) as events write them that are in it."""
    pairs: dict[Place, set[Place]] = defaultdict(set)
    for one in seen:
        arm = arm_of(layout, one)
        for place in layout.places(one.channel, arm) if one.of_message else ():
            pairs[place].add((one.channel, arm))
        if one.enrols:
            for place in layout.places(one.channel, layout.control_of(arm)):
                pairs[place].add((one.channel, arm))
    return pairs


def _add_counts(cells: Cells, statistics: Statistics, base: Question) -> None:
    names = {name for counter in cells.counters() for name in (*counter.plus, *counter.minus)}
    names = {name for name in names | {"enrolled"} if METRICS[name].additive and not METRICS[name].credit}
    additive = tuple(sorted(names))
    asked = replace(base, metrics=additive, dimensions=(*cells.time, "channel", cells.layout.by, "traffic"))
    for row in statistics.rows(asked):
        day, kinds = cells.day(row), _kinds(str(row["traffic"]))
        counts = {name: value for name in additive if (value := number(row, name))}
        enrolled = counts.pop("enrolled", 0)
        for place in cells.places(row):
            counted = cells.of[day, *place].counts
            for kind in kinds:
                for name, value in counts.items():
                    counted[kind, name] += value
        if enrolled:
            control = cells.layout.control_of(str(row[cells.layout.by]))
            for place in cells.layout.places(str(row["channel"]), control):
                cells.of[day, *place].counts["all", "enrolled"] += enrolled


def _add_credits(cells: Cells, statistics: Statistics, base: Question) -> None:
    """Counts of what an entry led to: whose traffic counts decides what it is, so they have a question of their own."""
    wanted: dict[str, set[str]] = defaultdict(set)
    for counter in cells.counters():
        wanted[counter.traffic] |= {name for name in counter.plus if METRICS[name].additive and METRICS[name].credit}
    for kind, names in wanted.items():
        if not names:
            continue
        dimensions = (*cells.time, "channel", cells.layout.by)
        asked = replace(base, metrics=tuple(sorted(names)), dimensions=dimensions, traffic=classes(kind))
        for row in statistics.rows(asked):
            for place in cells.places(row):
                for name in asked.metrics:
                    cells.of[cells.day(row), *place].counts[kind, name] += number(row, name)


def _add_uniques(cells: Cells, statistics: Statistics, base: Question, written: Mapping[Place, set[Place]]) -> None:
    layout = cells.layout
    wanted: dict[str, set[str]] = defaultdict(set)
    for counter in cells.counters():
        wanted[counter.traffic] |= {name for name in counter.plus if METRICS[name].kind == "unique"}
    several = {place: raw for place, raw in written.items() if len(raw) > 1}
    for kind, names in wanted.items():
        if not names:
            continue
        dimensions = (*cells.time, "channel", layout.by)
        asked = replace(base, metrics=tuple(sorted(names)), dimensions=dimensions, traffic=classes(kind))
        for row in statistics.rows(asked):
            enrolled = layout.control_of(str(row[layout.by]))
            held = layout.places(str(row["channel"]), enrolled) if layout.controls else []
            for place in {*cells.places(row), *held}:
                if place not in several:
                    _set_uniques(cells.of[cells.day(row), *place], kind, asked.metrics, row)
        for place, raw in several.items():
            filters = (
                *base.filters,
                Filter("channel", tuple(sorted({channel for channel, _ in raw}))),
                Filter(layout.by, tuple(sorted({arm for _, arm in raw}))),
            )
            for row in statistics.rows(replace(asked, dimensions=cells.time, filters=filters)):
                _set_uniques(cells.of[cells.day(row), *place], kind, asked.metrics, row)


def _set_uniques(cell: Cell, kind: str, names: Iterable[str], row: Row) -> None:
    for name in names:
        cell.counts[kind, name] = max(cell.counts[kind, name], number(row, name))
