"""Viewers at one instant: the SQL of watched intervals, of each viewer's spans, and of their peak.

A 'watched' event says that its recipient watched during `[time - duration, time)`. Intervals are
clipped to the range, so one that began before it or ends after it counts for the part inside.
"""

from __future__ import annotations

from turnout.stats.metrics import DIMENSIONS
from turnout.stats.plan import Read, bounded
from turnout.stats.question import Question
from turnout.stats.scope import MOMENTS, Scope, where
from turnout.store.engine import SHARDS_ADD_UP

#: Longest interval that one 'watched' event can say; it may end this long after a range and still touch it.
LONGEST_INTERVAL_MS = 604_800_000

#: Aggregate over `spans`: the most that overlap at one instant. Where one ends and another begins they
#: don't, since the engine takes ends before beginnings.
PEAK = "toUInt64(maxIntersections(span.1, span.2))"

_DAY_MS = 86_400_000

#: Milliseconds between the cuts of an interval; weeks and months are made of days.
_CUTS_MS = {"minute": 60_000, "hour": 3_600_000, "day": _DAY_MS, "week": _DAY_MS, "month": _DAY_MS}

_ENDLESS_MS = 2**53


def spans(scope: Scope, read: Read) -> str:
    """Rows of the dimensions and `span`, a tuple of begin and end: the times at which one viewer watched.

    A viewer's overlapping intervals are one span: going through their beginnings and ends in order, a
    span begins where the depth becomes one, and ends where it is nought again. Where local time is grouped
    or filtered by, spans are cut as intervals are, which are many more.
    """
    (metric,) = read.metrics
    question = scope.question
    dims = {f"d{index}": name for index, name in enumerate(question.dimensions)}
    kept = {column: scope.dimension(name, "0") for column, name in dims.items() if not DIMENSIONS[name].is_time}
    whole = _whole(scope, [scope.counted(metric)], kept)
    named = [
        f"{scope.dimension(name, MOMENTS['intervals'])} AS {column}" if DIMENSIONS[name].is_time else column
        for column, name in dims.items()
    ]
    return f"SELECT {', '.join([*named, '(s, e) AS span'])}\nFROM (\n{_timely(scope, whole, list(kept))}\n)"


def _whole(scope: Scope, conditions: list[str], columns: dict[str, str]) -> str:
    """Rows of `columns`, `s` and `e`: each viewer's spans, uncut, made where the viewer's events are."""
    s, e, met = _watched(scope, conditions)
    named = [f"{value} AS {name}" for name, value in columns.items()]
    turns = "arraySort(arrayConcat(groupArray((s, toInt8(1))), groupArray((e, toInt8(-1)))))"
    begins = "arrayFilter((turn, depth) -> turn.2 = 1 AND depth = 1, turns, depths)"
    ends = "arrayFilter((turn, depth) -> depth = 0, turns, depths)"
    merged = (
        f"WITH {s} AS s, {e} AS e, {turns} AS turns, arrayCumSum(turns.2) AS depths\n"
        f"SELECT {', '.join([*named, f'arrayZip({begins}.1, {ends}.1) AS spans'])}\n"
        f"FROM events\n{met}\nGROUP BY {', '.join([*columns, 'recipient'])}\n{SHARDS_ADD_UP}"
    )
    names = [*columns, "arrayJoin(spans) AS span", "span.1 AS s", "span.2 AS e"]
    return f"SELECT {', '.join(names)}\nFROM (\n{merged}\n)"


def intervals(scope: Scope, conditions: list[str], columns: dict[str, str]) -> str:
    """Rows of `columns` (name to SQL over raw) and `s` and `e`, in epoch milliseconds: the watched intervals
    that meet the conditions, within the question's range and filters, none of them empty.

    Where local time is grouped or filtered by, an interval is cut so that each part has one label.
    """
    s, e, met = _watched(scope, conditions)
    named = [f"{value} AS {name}" for name, value in columns.items()]
    return _timely(scope, f"SELECT {', '.join([*named, f'{s} AS s', f'{e} AS e'])}\nFROM events\n{met}", list(columns))


def _watched(scope: Scope, conditions: list[str]) -> tuple[str, str, str]:
    """Of watched intervals that meet the conditions, clipped to the range: the SQL of `s` and of `e`, and the WHERE."""
    question = scope.question
    start, end = bounded(question)
    s, e = "toUnixTimestamp64Milli(time) - toInt64(duration_ms)", "toUnixTimestamp64Milli(time)"
    if start is not None:
        s = f"greatest({s}, {scope.bind(start, 'Int64')})"
    if end is not None:
        e = f"least({e}, {scope.bind(end, 'Int64')})"
    met = where(
        scope.workspace(),
        *conditions,
        *scope.within("time", ((start, None if end is None else end + LONGEST_INTERVAL_MS),)),
        *scope.filters("0", [one for one in question.filters if not DIMENSIONS[one.dimension].is_time]),
        "s < e",
    )
    return s, e, met


def _timely(scope: Scope, sql: str, columns: list[str]) -> str:
    """Cut to the pieces of local time that the question groups or filters by; those that it asks for."""
    cut_ms = _cut_ms(scope.question)
    if not cut_ms:
        return sql
    sql = _cut(scope, sql, columns, cut_ms)
    kept = scope.filters(
        MOMENTS["intervals"], [one for one in scope.question.filters if DIMENSIONS[one.dimension].is_time]
    )
    return f"{sql}\n{where(*kept)}" if kept else sql


def _cut_ms(question: Question) -> int:
    """How finely local time is cut: as the finest time that is grouped or filtered by; 0 for not at all."""
    names = (*question.dimensions, *(one.dimension for one in question.filters))
    return min((_CUTS_MS[name] for name in names if DIMENSIONS[name].is_time), default=0)


def _cut(scope: Scope, sql: str, columns: list[str], cut_ms: int) -> str:
    """Cut where the zone's offset changes; within such a piece, local time is cut by plain arithmetic."""
    pieces = scope.pieces()
    starts = [0, *(moment * 1000 for moment in pieces.starts[1:])]
    ends = [*starts[1:], _ENDLESS_MS]
    arrays = (starts, ends, [seconds * 1000 for seconds in pieces.seconds])
    zipped = ", ".join(scope.bind(tuple(array), "Array(Int64)") for array in arrays)
    cut = scope.bind(cut_ms, "Int64")
    names = "".join(f"{name}, " for name in columns)
    for layer in (
        f"{names}s, e, arrayJoin(arrayFilter(one -> one.1 < e AND one.2 > s, arrayZip({zipped}))) AS piece",
        f"{names}greatest(s, piece.1) AS from_, least(e, piece.2) AS to_, piece.3 AS offset",
        f"{names}from_, to_, offset, "
        f"arrayJoin(range(intDiv(from_ + offset, {cut}), intDiv(to_ + offset - 1, {cut}) + 1)) AS cut",
        f"{names}greatest(from_, cut * {cut} - offset) AS s, least(to_, (cut + 1) * {cut} - offset) AS e",
    ):
        sql = f"SELECT {layer}\nFROM (\n{sql}\n)"
    return sql
