"""Where an answer comes from. Pure: a question and its zone's offsets go in, a `Plan` comes out.

In this order: a peak needs the watched intervals; distinct counts need raw over the whole range;
counts and sums take the rollup for the whole slots of the range and raw for what is left at its
edges, or raw alone where the question looks at something that the rollup does not know.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from turnout.stats.calendar import Offsets
from turnout.stats.metrics import DIMENSIONS, Metric, base_metrics
from turnout.stats.question import Question
from turnout.store.events import SLOT_MS

Range = tuple[int | None, int | None]


@dataclass(frozen=True)
class Read:
    """One pass over one table: which metrics, and which parts of the range (half-open, in milliseconds)."""

    source: Literal["counts", "events", "intervals"]
    metrics: tuple[Metric, ...]
    ranges: tuple[Range, ...]


@dataclass(frozen=True)
class Plan:
    """The passes whose sums are the answer."""

    reads: tuple[Read, ...]
    offsets: Offsets


def plan(question: Question, offsets: Offsets) -> Plan:
    """Choose the passes for a question."""
    metrics = base_metrics(question.metrics)
    whole: Range = (question.from_ms, question.to_ms)
    reads = []
    additive = tuple(metric for metric in metrics if metric.additive)
    if additive:
        rolled, raw = split(question, offsets) if _rolled_up(question) else ((), (whole,))
        if rolled:
            reads.append(Read("counts", additive, rolled))
        if raw:
            reads.append(Read("events", additive, raw))
    unique = tuple(metric for metric in metrics if metric.kind == "unique")
    if unique:
        reads.append(Read("events", unique, (whole,)))
    peak = tuple(metric for metric in metrics if metric.kind == "peak")
    if peak:
        reads.append(Read("intervals", peak, (whole,)))
    return Plan(tuple(reads), offsets)


def _rolled_up(question: Question) -> bool:
    names = {*question.dimensions, *(one.dimension for one in question.filters)}
    return all(DIMENSIONS[name].rolled_up for name in names)


def split(question: Question, offsets: Offsets) -> tuple[tuple[Range, ...], tuple[Range, ...]]:
    """The range as parts of whole slots (for the rollup) and the parts between them (for raw).

    Where local time matters, a slot must lie in one piece of constant offset, and that offset must be
    a whole number of slots; the few slots since 2000 that break this rule are left to raw.
    """
    start, end = question.from_ms, question.to_ms
    local = any(DIMENSIONS[name].is_time for name in (*question.dimensions, *(f.dimension for f in question.filters)))
    broken = _broken_slots(offsets, start, end) if local else ()
    if broken is None:
        return (), ((start, end),)
    rolled: list[Range] = []
    raw: list[Range] = []
    first = None if start is None else -(-start // SLOT_MS) * SLOT_MS
    last = None if end is None else end // SLOT_MS * SLOT_MS
    if first is not None and last is not None and first >= last:
        return (), ((start, end),) if start != end else ()
    if first != start:
        raw.append((start, first))
    at = first
    for slot in broken:
        if (at is None or at <= slot) and (last is None or slot < last):
            if at != slot:
                rolled.append((at, slot))
            raw.append((slot, slot + SLOT_MS))
            at = slot + SLOT_MS
    if at is None or last is None or at < last:
        rolled.append((at, last))
    if last != end:
        raw.append((last, end))
    return tuple(rolled), tuple(raw)


def _broken_slots(offsets: Offsets, start: int | None, end: int | None) -> tuple[int, ...] | None:
    """Slots in which the offset changes midway; None where an offset itself is not a whole number of slots."""
    pieces = offsets.within(None if start is None else start // 1000, None if end is None else end // 1000 + 1)
    slot_s = SLOT_MS // 1000
    if any(seconds % slot_s for seconds in pieces.seconds):
        return None
    return tuple(moment // slot_s * SLOT_MS for moment in pieces.starts[1:] if moment % slot_s)
