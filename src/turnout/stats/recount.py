"""Figures counted from raw events, for the cells of which no right number is kept.

Cells go in: groups of a tally with the extents of their events. Out come statements, each over no more than the
campaigns and times of its cells, and from their rows the figures, each beside the number of events of its types that
the same snapshot had. Where that is the tally's, it was counted from the same events, and may be kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from turnout.stats.calendar import Offsets
from turnout.stats.finished import Extent, Figure
from turnout.stats.metrics import DIMENSIONS
from turnout.stats.plan import Range
from turnout.stats.question import Question
from turnout.stats.scope import MOMENTS, Scope, Statement, where
from turnout.stats.tally import Group
from turnout.store.engine import SHARDS_ADD_UP

#: Events that one statement looks at, unless a single campaign has more: bounds its memory.
EVENTS_AT_ONCE = 4_000_000

#: Events of one figure of everybody that one statement takes in; more recipients are taken in several parts, by hash.
#: Each counts its events too: those of all parts add up to the tally's only if none had another snapshot.
EVENTS_A_PART = 16_000_000

#: Ranges of one statement; where there are more, the ones that are nearest to each other become one.
_RANGES = 8


@dataclass(frozen=True)
class Cell:
    """A group of a question (() where there is none), a figure that is wanted of it, and the extent of its events."""

    group: Group
    figure: Figure
    extent: Extent


@dataclass(frozen=True)
class Recount:
    """One statement: these figures of every group of `dimensions`, of these campaigns (None: all) and times.

    Of recipients it takes in one `part` of `parts`.
    """

    dimensions: tuple[str, ...]
    figures: tuple[Figure, ...]
    campaigns: tuple[str, ...] | None
    ranges: tuple[Range, ...]
    part: int = 0
    parts: int = 1


def recounts(
    dimensions: tuple[str, ...],
    campaigns: frozenset[str] | None,
    cells: Sequence[Cell],
) -> Iterator[Recount]:
    """The statements that these cells need: a campaign's cells together, several campaigns as far as they fit."""
    if dimensions != ("campaign",):
        named = None if campaigns is None else tuple(sorted(campaigns))
        one = Recount(dimensions, _figures(cells), named, _ranges(cells))
        parts = 1 if dimensions else -(-max(cell.extent.events for cell in cells) // EVENTS_A_PART)
        yield from (replace(one, part=part, parts=parts) for part in range(parts))
        return
    by_campaign: dict[str, list[Cell]] = {}
    for cell in cells:
        by_campaign.setdefault(cell.group[0], []).append(cell)
    chosen: list[Cell] = []
    events = 0
    for mine in by_campaign.values():
        more = sum(extent.events for extent in {cell.extent for cell in mine})
        if chosen and events + more > EVENTS_AT_ONCE:
            yield _of_campaigns(chosen)
            chosen, events = [], 0
        chosen += mine
        events += more
    if chosen:
        yield _of_campaigns(chosen)


def _of_campaigns(cells: Sequence[Cell]) -> Recount:
    names = tuple(sorted({cell.group[0] for cell in cells}))
    ranges = _ranges(cells)
    # Campaigns have little time in common; the table's key finds them without it.
    return Recount(("campaign",), _figures(cells), names, ((ranges[0][0], ranges[-1][1]),))


def _figures(cells: Iterable[Cell]) -> tuple[Figure, ...]:
    return tuple(dict.fromkeys(cell.figure for cell in cells))


def _ranges(cells: Iterable[Cell]) -> tuple[Range, ...]:
    """The times of these cells, half-open, apart where there is something between them."""
    found: list[tuple[int, int]] = []
    for first, last in sorted({(cell.extent.first_ms, cell.extent.last_ms + 1) for cell in cells}):
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    while len(found) > _RANGES:
        at = min(range(len(found) - 1), key=lambda index: found[index + 1][0] - found[index][1])
        found[at : at + 2] = [(found[at][0], found[at + 1][1])]
    return tuple(found)


def statement(question: Question, offsets: Offsets, asked: Recount, *, gently: bool = False) -> Statement:
    """Rows of the dimensions, then of each set of types (`_bases`) the number of events, then figures; of the same
    group there may be several, to be added up. `gently`: on one thread of the engine."""
    scope = Scope(question, offsets)
    moment = MOMENTS["events"]
    kinds = tuple(sorted({kind for figure in asked.figures for kind in figure.types}))
    conditions = [scope.workspace()]
    if all(figure.types for figure in asked.figures):
        conditions.append(_is_of(scope, kinds))
    if asked.campaigns is not None:
        conditions.append(f"campaign IN {scope.bind(asked.campaigns, 'Array(String)')}")
    conditions += scope.within("time", asked.ranges)
    if asked.parts > 1:
        conditions.append(f"cityHash64(recipient) % {asked.parts} = {asked.part}")
    source = f"FROM events\n{where(*conditions)}"
    bases = [f"countIf({_is_of(scope, types)})" for types in _bases(asked)]
    if not asked.dimensions:
        text = _by_recipient(scope, asked.figures, bases, source)
        return scope.statement(f"{text}\nSETTINGS max_threads = 1" if gently else text)
    named = [
        f"{scope.dimension(name, moment, as_text=False)} AS d{index}" for index, name in enumerate(asked.dimensions)
    ]
    numbers = [
        f"countIf({_met(scope, figure)})"
        if figure.unit == "events"
        else f"uniqExactIf(recipient, {_met(scope, figure)})"
        for figure in asked.figures
    ]
    keys = ", ".join(f"d{index}" for index in range(len(named)))
    text = f"SELECT {', '.join([*named, *bases, *numbers])}\n{source}\nGROUP BY {keys}\n{SHARDS_ADD_UP}"
    return scope.statement(f"{text}, max_threads = 1" if gently else text)


def _by_recipient(scope: Scope, figures: Sequence[Figure], bases: Sequence[str], source: str) -> str:
    """Without groups a recipient is looked up once an event, whatever the number of figures: half the time of a set
    for each."""
    inner = [f"{base} AS n{index}" for index, base in enumerate(bases)]
    outer = [f"sum(n{index})" for index in range(len(bases))]
    for index, figure in enumerate(figures):
        is_count = figure.unit == "events"
        inner.append(f"{'countIf' if is_count else 'max'}({_met(scope, figure)}) AS f{index}")
        outer.append(f"sum(f{index})" if is_count else f"countIf(f{index})")
    people = f"SELECT {', '.join(inner)}\n{source}\nGROUP BY recipient\n{SHARDS_ADD_UP}"
    return f"SELECT {', '.join(outer)}\nFROM (\n{people}\n)"


def _is_of(scope: Scope, types: tuple[str, ...]) -> str:
    return f"type IN {scope.bind(types, 'Array(String)')}" if types else "1"


def _bases(asked: Recount) -> tuple[tuple[str, ...], ...]:
    return tuple(dict.fromkeys(figure.types for figure in asked.figures))


def _met(scope: Scope, figure: Figure) -> str:
    if not figure.traffic:
        return figure.condition
    return f"{figure.condition} AND traffic IN {scope.bind(figure.traffic, 'Array(String)')}"


def read(asked: Recount, found: Iterable[Sequence[Any]]) -> Iterator[tuple[Group, Figure, int, int]]:
    """Of each group each figure: the events of its types, and the number."""
    bases, width = {types: index for index, types in enumerate(_bases(asked))}, len(asked.dimensions)
    for row in found:
        group, events, numbers = tuple(row[:width]), row[width:], row[width + len(bases) :]
        for figure, number in zip(asked.figures, numbers, strict=True):
            yield group, figure, events[bases[figure.types]], number


def is_apart(extents: Iterable[Extent]) -> bool:
    """Whether no two of these overlap: only then are all events between a cell's first and last its own."""
    ordered = sorted(extents, key=lambda extent: extent.first_ms)
    return all(one.last_ms < more.first_ms for one, more in pairwise(ordered))


def is_by_time(dimensions: Sequence[str]) -> bool:
    """Whether groups are times."""
    return any(DIMENSIONS[name].is_time for name in dimensions)
