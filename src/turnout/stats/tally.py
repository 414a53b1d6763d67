"""One read of the rollup that holds a whole answer: events by the question's dimensions, type, attribute and class.

A question and its plan go in; out come the `Tally` that would answer it, or None where the rollup does not have it
all, the statement, and from its rows the numbers of every group, of all of them, and of what was left out. An engine
statement costs milliseconds however little it reads, so three of them are replaced by one, and added up here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from turnout.model import TRAFFIC_CLASSES
from turnout.stats.calendar import Offsets
from turnout.stats.finished import Extent
from turnout.stats.metrics import DIMENSIONS, Metric, base_metrics
from turnout.stats.plan import Plan, Range, Read, bounded, split
from turnout.stats.question import Question
from turnout.stats.relations import relation
from turnout.stats.scope import MOMENTS, Scope, Statement, where

#: Rows of one tally; a question that makes more is answered by statements that group in the engine.
LIMIT_ROWS = 50_000

#: Dimensions of which a tally may have only one, so that it stays small.
_LARGE = frozenset({"campaign", "message", "variation", "profile", "hour", "day", "week", "month"})

#: Dimensions and filters beside which distinct recipients are kept.
_KEPT_BY = frozenset({"campaign", "day", "week", "month"})

_CONDITION = re.compile(r"(?:detail = '(?P<detail>\w+)'|goal = (?P<goal>\d))?")

Group = tuple[Any, ...]


@dataclass(frozen=True)
class Part:
    """Which rows of the rollup a metric counts: of these types (all if empty), this attribute, this goal."""

    types: tuple[str, ...]
    detail: str | None
    goal: int | None
    any_traffic: bool

    def counts(self, kind: str, detail: str, goal: int) -> bool:
        """Whether it counts events like these, were their class of traffic asked for."""
        return (
            (not self.types or kind in self.types)
            and (self.detail is None or self.detail == detail)
            and (self.goal is None or self.goal == goal)
        )


def part_of(metric: Metric) -> Part | None:
    """The rows that a metric counts; None where the rollup can't tell."""
    said = _CONDITION.fullmatch(metric.condition)
    if said is None:
        return None
    goal = said["goal"]
    return Part(metric.types, said["detail"], None if goal is None else int(goal), metric.any_traffic)


@dataclass(frozen=True)
class Tally:
    """A question that one read of the rollup can answer, but for its distinct recipients (`uniques`)."""

    question: Question
    ranges: tuple[Range, ...]
    counts: tuple[tuple[Metric, Part], ...]
    uniques: tuple[Metric, ...]

    @cached_property
    def campaigns(self) -> frozenset[str] | None:
        """The campaigns that the question is about; None for all."""
        named = [frozenset(one.values) for one in self.question.filters if one.dimension == "campaign"]
        return frozenset.intersection(*named) if named else None

    @cached_property
    def tells_left_out(self) -> bool:
        """Whether types and classes say which events were left out.

        They don't where an attribute decides whether an event without a recipient counts, or one with it.
        """
        parts = [part for _, part in self.counts if not part.any_traffic]
        uniques = [metric for metric in self.uniques if not metric.any_traffic]
        plain = [part.types for part in parts if part.detail is None and part.goal is None]
        if not uniques or () in plain:
            return True
        counted = {kind for types in plain for kind in types}
        narrow = {kind for part in parts for kind in part.types} - counted
        wide = [metric.types for metric in uniques if not metric.condition]
        if () in wide:
            return not narrow
        named = {kind for types in wide for kind in types}
        return not (narrow & named) and all(
            counted | named >= set(metric.types) for metric in uniques if metric.condition
        )


def tally(question: Question, plan: Plan, offsets: Offsets) -> Tally | None:
    """What one read of the rollup can answer; None if it can't."""
    metrics = base_metrics(question.metrics)
    if len(_LARGE.intersection(question.dimensions)) > 1 or not plan.reads or not question.traffic:
        return None
    for read in plan.reads:
        if read.by_send or not (
            read.source == "counts" or (read.source == "events" and all(one.kind == "unique" for one in read.metrics))
        ):
            return None
    if {metric for read in plan.reads for metric in read.metrics} != set(metrics):
        return None
    names = {*question.dimensions, *(one.dimension for one in question.filters)}
    uniques = tuple(metric for metric in metrics if metric.kind == "unique")
    filtered = {one.dimension for one in question.filters}
    if uniques and not (_KEPT_BY.issuperset(question.dimensions) and filtered <= {"campaign"}):
        return None
    if not all(DIMENSIONS[name].rolled_up for name in names):
        return None
    ranges, raw = split(*bounded(question), offsets if any(DIMENSIONS[name].is_time for name in names) else None)
    counts = tuple((metric, part_of(metric)) for metric in metrics if metric.kind != "unique")
    if raw or any(metric.kind != "count" or part is None for metric, part in counts):
        return None
    return Tally(question, ranges, tuple((metric, part) for metric, part in counts if part is not None), uniques)


def statement(asked: Tally, offsets: Offsets) -> Statement:
    """Rows of the dimensions, then type, detail, goal, class, events, and when the first and the last happened."""
    question = asked.question
    scope = Scope(question, offsets)
    moment = MOMENTS["counts"]
    named = [
        f"{scope.dimension(name, moment, as_text=False)} AS d{index}" for index, name in enumerate(question.dimensions)
    ]
    parts = [part for _, part in asked.counts]
    detail = "detail" if any(part.detail is not None for part in parts) else "''"
    goal = "goal" if any(part.goal is not None for part in parts) else "0"
    times = ["toUnixTimestamp64Milli(min(first_time))", "toUnixTimestamp64Milli(max(last_time))"]
    columns = [*named, "type", f"{detail} AS said", f"{goal} AS aim", "traffic AS class", "sum(events)"]
    metrics = (*(metric for metric, _ in asked.counts), *asked.uniques)
    source, conditions = relation(scope, Read("counts", metrics, asked.ranges))
    keys = [*(f"d{index}" for index in range(len(named))), "type", "said", "aim", "class"]
    return scope.statement(
        f"SELECT {', '.join([*columns, *(times if asked.uniques else ())])}\nFROM {source}\n{where(*conditions)}"
        f"\nGROUP BY {', '.join(keys)}\nLIMIT {scope.bind(LIMIT_ROWS + 1, 'UInt64')}"
    )


@dataclass
class Sums:
    """What was added up of a group: each metric's count, and of each type the extent and the classes of its events."""

    counts: list[int]
    extents: dict[str, Extent]
    classes: dict[str, set[str]]

    def extent(self, types: tuple[str, ...]) -> Extent | None:
        """The extent of the events of these types, of all if there are none; None if there are no such events."""
        mine = [extent for kind, extent in self.extents.items() if not types or kind in types]
        if not mine:
            return None
        return Extent(
            min(one.first_ms for one in mine), max(one.last_ms for one in mine), sum(one.events for one in mine)
        )

    def has(self, types: tuple[str, ...], traffic: tuple[str, ...]) -> bool:
        """Whether there is any event of these types and classes (of all where none are named)."""
        return any(
            not traffic or not names.isdisjoint(traffic)
            for kind, names in self.classes.items()
            if not types or kind in types
        )


@dataclass
class Counted:
    """A tally's numbers: by group, over all groups, and the events left out by class.

    `unnamed` are the (type, class) whose events, left out, count only if they name a recipient.
    """

    groups: dict[Group, Sums]
    whole: Sums
    left_out: dict[str, int]
    unnamed: dict[tuple[str, str], int]


def count(asked: Tally, found: Sequence[Sequence[Any]]) -> Counted:
    """Add up the rows of the statement."""
    return _Adder(asked).add(found)


class _Adder:
    def __init__(self, asked: Tally) -> None:
        self._asked = asked
        self._traffic = frozenset(asked.question.traffic)
        self._width = len(asked.question.dimensions)
        #: What to do with a row, by its type, attribute, goal and class: few, and asked thousands of times.
        self._known: dict[Group, tuple[list[int], str]] = {}

    def add(self, found: Sequence[Sequence[Any]]) -> Counted:
        counted = Counted({}, self._blank(), {}, {})
        width, timed = self._width, bool(self._asked.uniques)
        for row in found:
            group, key, events = tuple(row[:width]), tuple(row[width : width + 4]), row[width + 4]
            known = self._known.get(key)
            if known is None:
                known = self._known[key] = self._places(*key)
            metrics, way = known
            sums = counted.groups.get(group)
            if sums is None:
                sums = counted.groups[group] = self._blank()
            for index in metrics:
                sums.counts[index] += events
            kind, _, _, name = key
            if timed:
                sums.classes.setdefault(kind, set()).add(name)
                _widen(sums.extents, kind, Extent(row[width + 5], row[width + 6], events))
            if way:
                counted.left_out[name] = counted.left_out.get(name, 0) + events
                if way == "named":
                    counted.unnamed[kind, name] = counted.unnamed.get((kind, name), 0) + events
        whole = counted.whole
        for sums in counted.groups.values():
            whole.counts = [one + more for one, more in zip(whole.counts, sums.counts, strict=True)]
            for kind, extent in sums.extents.items():
                _widen(whole.extents, kind, extent)
                whole.classes.setdefault(kind, set()).update(sums.classes[kind])
        return counted

    def _blank(self) -> Sums:
        return Sums([0] * len(self._asked.counts), {}, {})

    def _places(self, kind: str, detail: str, goal: int, name: str) -> tuple[list[int], str]:
        """The metrics that count such a row, and in which way it was left out."""
        counting = [
            (index, part) for index, (_, part) in enumerate(self._asked.counts) if part.counts(kind, detail, goal)
        ]
        metrics = [index for index, part in counting if part.any_traffic or name in self._traffic]
        way = ""
        if name not in self._traffic and name in TRAFFIC_CLASSES:
            if any(not part.any_traffic for _, part in counting):
                way = "all"
            elif any(not one.any_traffic and (not one.types or kind in one.types) for one in self._asked.uniques):
                way = "named"
        return metrics, way


def _widen(extents: dict[str, Extent], kind: str, more: Extent) -> None:
    known = extents.get(kind)
    extents[kind] = (
        more
        if known is None
        else Extent(min(known.first_ms, more.first_ms), max(known.last_ms, more.last_ms), known.events + more.events)
    )
