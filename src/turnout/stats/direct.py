"""The short way to an answer: one read of the rollup, and figures that are kept.

A question with its plan goes in, its answer comes out, or None where the rollup does not have it all. The rollup's
numbers are added up here (`tally`); distinct recipients come from memory where the rollup still counts as many events
as they were counted from (`finished`), and from raw, cell by cell, where it does not (`recount`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from turnout.model import TRAFFIC_CLASSES
from turnout.stats import answer, recount
from turnout.stats import tally as tallies
from turnout.stats.answer import Answer, Row
from turnout.stats.calendar import Offsets
from turnout.stats.finished import Figure, Finished, Place, distinct, nameless, scope_of
from turnout.stats.metrics import METRICS, base_metrics
from turnout.stats.plan import Plan
from turnout.stats.question import Question
from turnout.stats.recount import Cell, Recount
from turnout.stats.tally import Counted, Group, Sums, Tally
from turnout.store.engine import Engine, rows

#: Events that are counted ahead in one statement, unless one figure has more.
_EVENTS_A_STEP = 1_000_000

#: The group of all groups.
_ALL: Group = ()


#: Of groups and figures: the events that there were, and the number.
_Found = list[tuple[Group, Figure, int, int]]


@dataclass(frozen=True)
class Direct:
    """Answers what it can. `finished` keeps figures; without it, only questions without distinct recipients are.

    `helpers` run recounts side by side; without them they run one after another.
    """

    engine: Engine
    finished: Finished | None = None
    helpers: Executor | None = None

    def answer(
        self, question: Question, plan: Plan, offsets: Offsets, excluded: Callable[[], dict[str, int]]
    ) -> Answer | None:
        """The answer, if it can be had this way; `excluded` counts what was left out where the rollup can't."""
        found = self.counted(question, plan, offsets)
        if found is None:
            return None
        asked, counted = found
        left_out: Callable[[], dict[str, int]] | None = None
        if not asked.tells_left_out and not question.rows_only:
            left_out = self.helpers.submit(excluded).result if self.helpers else excluded
        numbers = self._numbers(asked, counted, offsets)
        if numbers is None:
            return None
        if question.rows_only:
            shown, size = _page(asked, counted, numbers)
            return Answer(question, shown, {}, size)
        totals = answer.row(replace(question, dimensions=(), sort=()), _values(asked, _ALL, counted.whole, numbers))
        shown, size = _page(asked, counted, numbers)
        return Answer(question, shown, totals, size, left_out() if left_out else _left_out(asked, counted, numbers))

    def counted(self, question: Question, plan: Plan, offsets: Offsets) -> tuple[Tally, Counted] | None:
        """What the rollup says, if it says enough."""
        asked = tallies.tally(question, plan, offsets)
        if asked is None or (asked.uniques and self.finished is None):
            return None
        statement = tallies.statement(asked, offsets)
        found = rows(self.engine, statement.sql, statement.parameters)
        return None if len(found) > tallies.LIMIT_ROWS else (asked, tallies.count(asked, found))

    def finishing(self, question: Question, plan: Plan, offsets: Offsets) -> Iterator[None]:
        """Count and keep what a question needs and is not kept, on one thread of the engine: a statement a step, of as
        many figures as keep it short."""
        found = self.counted(question, plan, offsets)
        if found is None or self.finished is None or not _is_apart(*found):
            return
        version = self.finished.version()
        missing: dict[Figure, list[Cell]] = {}
        for cell, number in self._lookup(*found):
            if number is None:
                missing.setdefault(cell.figure, []).append(cell)
        for cells in _batches(missing.values(), _EVENTS_A_STEP):
            done = []
            for one in self._recounts(found[0], cells):
                done.append(self._recount(found[0], one, offsets, gently=True))
                yield
            self._keep(found[0], done, cells, version)

    def _numbers(self, asked: Tally, counted: Counted, offsets: Offsets) -> dict[tuple[Group, Figure], int] | None:
        """Every figure of every group; None where a group's events are not all that lie between its first and last."""
        if not asked.uniques or self.finished is None:
            return {}
        if not _is_apart(asked, counted):
            return None
        version = self.finished.version()
        numbers: dict[tuple[Group, Figure], int] = {}
        missing = []
        for cell, number in self._lookup(asked, counted):
            if number is None:
                missing.append(cell)
            else:
                numbers[cell.group, cell.figure] = number
        tasks = list(self._recounts(asked, missing))
        if self.helpers is None or len(tasks) < 2:
            done = [self._recount(asked, one, offsets) for one in tasks]
        else:
            later = [self.helpers.submit(self._recount, asked, one, offsets) for one in tasks[1:]]
            done = [self._recount(asked, tasks[0], offsets), *(one.result() for one in later)]
        numbers.update(self._keep(asked, done, missing, version))
        if asked.question.dimensions:
            for metric in asked.uniques:
                figure = distinct(metric, asked.question.traffic)
                only = _only_group(counted, figure)
                if only is not None:
                    numbers[_ALL, figure] = numbers.get((only, figure), 0)
        return numbers

    def _lookup(self, asked: Tally, counted: Counted) -> Iterator[tuple[Cell, int | None]]:
        """Each cell that may have somebody in it, and its number if that is kept."""
        assert self.finished is not None
        places: dict[tuple[str, Figure], Place] = {}
        for cell in _cells(asked, counted):
            scope = _scope(asked, cell.group)
            place = places.get((scope, cell.figure))
            if place is None:
                place = places[scope, cell.figure] = Place(asked.question.workspace, scope, cell.figure)
            yield cell, self.finished.known(place, cell.extent)

    def _recounts(self, asked: Tally, missing: Sequence[Cell]) -> Iterator[Recount]:
        groups = [cell for cell in missing if cell.group != _ALL]
        whole = [cell for cell in missing if cell.group == _ALL]
        # Figure by figure where there are many events, so that no statement meets its time limit.
        for cells in _batches(([cell] for cell in whole), recount.EVENTS_AT_ONCE):
            yield from recount.recounts((), asked.campaigns, cells)
        if groups:
            yield from recount.recounts(asked.question.dimensions, asked.campaigns, groups)

    def _recount(self, asked: Tally, one: Recount, offsets: Offsets, *, gently: bool = False) -> _Found:
        """Count the figures of a statement."""
        statement = recount.statement(asked.question, offsets, one, gently=gently)
        return list(recount.read(one, rows(self.engine, statement.sql, statement.parameters)))

    def _keep(
        self, asked: Tally, done: Iterable[_Found], missing: Sequence[Cell], version: int
    ) -> dict[tuple[Group, Figure], int]:
        """The numbers of the missing cells, added up from their parts; kept are those of the tally's own events."""
        assert self.finished is not None
        sums: dict[tuple[Group, Figure], tuple[int, int]] = {}
        for group, figure, events, number in chain.from_iterable(done):
            before = sums.get((group, figure), (0, 0))
            sums[group, figure] = before[0] + events, before[1] + number
        workspace = asked.question.workspace
        kept, numbers = [], {}
        for cell in missing:
            events, number = sums.get((cell.group, cell.figure), (0, 0))
            numbers[cell.group, cell.figure] = number
            if events == cell.extent.events:
                kept.append((Place(workspace, _scope(asked, cell.group), cell.figure), cell.extent, number))
        self.finished.keep(kept, version)
        return numbers


def _batches(by_figure: Iterable[list[Cell]], events_at_once: int) -> Iterator[list[Cell]]:
    """Figures whose events make one statement."""
    batch: list[Cell] = []
    events = 0
    for cells in by_figure:
        more = sum(cell.extent.events for cell in cells)
        if batch and events + more > events_at_once:
            yield batch
            batch, events = [], 0
        batch += cells
        events += more
    if batch:
        yield batch


def _scope(asked: Tally, group: Group) -> str:
    by_campaign = group != _ALL and asked.question.dimensions == ("campaign",)
    return scope_of(frozenset(group) if by_campaign else asked.campaigns)


def _cells(asked: Tally, counted: Counted) -> Iterator[Cell]:
    """What has to be known of raw: distinct recipients of each group and of all, and what was left out unnamed."""
    question = asked.question
    figures = [distinct(metric, question.traffic) for metric in asked.uniques]
    if question.dimensions:
        for group, sums in counted.groups.items():
            yield from _of_group(group, sums, figures)
        if question.rows_only:
            return
        figures = [figure for figure in figures if _only_group(counted, figure) is None]
    if asked.tells_left_out and not question.rows_only:
        figures += [nameless(kind, name) for kind, name in counted.unnamed]
    yield from _of_group(_ALL, counted.whole, figures)


def _of_group(group: Group, sums: Sums, figures: Sequence[Figure]) -> Iterator[Cell]:
    for figure in figures:
        extent = sums.extent(figure.types) if sums.has(figure.types, figure.traffic) else None
        if extent is not None:
            yield Cell(group, figure, extent)


def _only_group(counted: Counted, figure: Figure) -> Group | None:
    """The one group that has events of a figure's types, if there is just one: its number is that of the whole."""
    having = [group for group, sums in counted.groups.items() if sums.has(figure.types, ())]
    return having[0] if len(having) == 1 else None


def _is_apart(asked: Tally, counted: Counted) -> bool:
    """Whether each group's events are all that there are of its campaigns between its first and its last."""
    if not recount.is_by_time(asked.question.dimensions):
        return True
    for types in {metric.types for metric in asked.uniques}:
        extents = [sums.extent(types) for sums in counted.groups.values()]
        if not recount.is_apart(extent for extent in extents if extent is not None):
            return False
    return True


def _values(asked: Tally, group: Group, sums: Sums, numbers: dict[tuple[Group, Figure], int]) -> list[Any]:
    """The base metrics of a group, in order."""
    counts = {metric.name: value for (metric, _), value in zip(asked.counts, sums.counts, strict=True)}
    traffic = asked.question.traffic
    return [
        counts[metric.name] if metric.kind != "unique" else numbers.get((group, distinct(metric, traffic)), 0)
        for metric in base_metrics(asked.question.metrics)
    ]


def _page(asked: Tally, counted: Counted, numbers: dict[tuple[Group, Figure], int]) -> tuple[list[Row], int]:
    """The rows of the page, and how many there are on all pages."""
    question = asked.question
    if not question.dimensions:
        only = [answer.row(question, _values(asked, _ALL, counted.whole, numbers))]
        return only[question.offset :][: question.limit], 1
    found = []
    for group, sums in counted.groups.items():
        values = _values(asked, group, sums, numbers)
        if any(values):
            found.append((group, values))
    _sort(question, found)
    shown = found[question.offset : question.offset + question.limit]
    return [answer.row(question, [*group, *values]) for group, values in shown], len(found)


def _sort(question: Question, found: list[tuple[Group, list[Any]]]) -> None:
    """The asked order, then every dimension, as the engine would: a ratio over nothing comes last, either way."""
    places = {name: index for index, name in enumerate(question.dimensions)}
    names = [metric.name for metric in base_metrics(question.metrics)]
    # The last key first: sorting is stable.
    for index in reversed(range(len(question.dimensions))):
        found.sort(key=lambda one: one[0][index])
    for order in reversed(question.sort):
        if order.name in places:
            at = places[order.name]
            found.sort(key=lambda one: one[0][at], reverse=order.descending)
        else:
            metric = METRICS[order.name]
            ratio = metric.kind == "ratio"
            above = names.index(metric.numerator if ratio else order.name)
            below = names.index(metric.denominator) if ratio else -1
            _sort_by(found, above, below, order.descending)


def _sort_by(found: list[tuple[Group, list[Any]]], above: int, below: int, descending: bool) -> None:
    def key(one: tuple[Group, list[Any]]) -> tuple[bool, float]:
        values = one[1]
        if below < 0:
            return False, values[above]
        return (True, 0.0) if not values[below] else (False, values[above] / values[below])

    found.sort(key=lambda one: (key(one)[0] != descending, key(one)[1]), reverse=descending)


def _left_out(asked: Tally, counted: Counted, numbers: dict[tuple[Group, Figure], int]) -> dict[str, int]:
    """Events of each class of traffic that did not count."""
    found = {name: counted.left_out.get(name, 0) for name in TRAFFIC_CLASSES if name not in asked.question.traffic}
    for kind, name in counted.unnamed:
        found[name] -= numbers.get((_ALL, nameless(kind, name)), 0)
    return found
