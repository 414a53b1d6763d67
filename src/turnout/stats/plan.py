"""Where an answer comes from. Pure: a question and its zone's offsets go in, a `Plan` comes out.

In this order: a peak needs the watched intervals, a first time the whole past; distinct counts need raw
over the whole range; counts and sums take the rollup for the whole slots of the range and raw for what is
left at its edges, or raw alone where the question looks at something that the rollup does not know. What is
credited to campaigns is added from where it is kept; where it can't be added to what events say (a
recipient may be in both, an order may be in several), both are read together. An empty range needs nothing.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Literal

from turnout.model import TRAFFIC_CLASSES
from turnout.stats.calendar import Offsets
from turnout.stats.metrics import DIMENSIONS, Metric, base_metrics
from turnout.stats.question import Question
from turnout.store.events import SLOT_MS

Source = Literal["counts", "events", "intervals", "credits", "firsts"]
Range = tuple[int | None, int | None]

#: No event is older (ingest refuses it) or younger (a clock may run a year ahead, no more).
_FIRST_MS = int(dt.datetime(2000, 1, 1, tzinfo=dt.UTC).timestamp()) * 1000
_LAST_MS = int(dt.datetime(2100, 1, 1, tzinfo=dt.UTC).timestamp()) * 1000


@dataclass(frozen=True)
class Read:
    """One pass over one table: which metrics, and which parts of the range (half-open, in milliseconds).

    `by_send` places raw events by the message that they belong to; credits know theirs. `with_said` reads the
    events that say a metric together with its credits.
    """

    source: Source
    metrics: tuple[Metric, ...]
    ranges: tuple[Range, ...]
    by_send: bool = False
    with_said: bool = False


@dataclass(frozen=True)
class Plan:
    """The passes whose sums are the answer; `fills` name the credits that are read."""

    reads: tuple[Read, ...]
    offsets: Offsets
    fills: tuple[int, ...] = ()


#: What a credited event has from its touch, and a 'converted' one that leaves them all open from a message.
OF_MESSAGE = ("channel", "message", "variation", "send_id", "profile")

#: Sending is a time of its own.
_SENDS = frozenset({"sent", "enrolled"})


@dataclass(frozen=True)
class Held:
    """What is known of credits before a question is planned: the `fills` that hold those of its campaigns, the
    `kinds` of credit that there may be, and the types of which its campaigns have no event (`silent`)."""

    fills: tuple[int, ...] = ()
    kinds: frozenset[str] = frozenset()
    silent: frozenset[str] = frozenset()

    def says(self, metric: Metric) -> bool:
        """Whether there may be events that a metric counts, beside what is credited."""
        return not metric.only_credited and not (metric.types and self.silent.issuperset(metric.types))


NOTHING_HELD = Held()


def plan(question: Question, offsets: Offsets, *, rolled_up: bool = True, held: Held = NOTHING_HELD) -> Plan:
    """Choose the passes for a question; without `rolled_up`, raw only."""
    whole = bounded(question)
    if whole[0] is not None and whole[0] == whole[1]:
        return Plan((), offsets)
    metrics = base_metrics(question.metrics)
    together = tuple(metric for metric in metrics if held.says(metric) and _together(question, metric, held.kinds))
    plain = tuple(metric for metric in metrics if metric not in together and held.says(metric))
    late, timely = _by_send(question, plain)
    reads = []
    additive = tuple(metric for metric in timely if metric.additive)
    if additive:
        reads += [Read(source, additive, ranges) for source, ranges in _additive(question, offsets, rolled_up)]
    unique = tuple(metric for metric in timely if metric.kind == "unique")
    if unique:
        reads.append(Read("events", unique, (whole,)))
    if late:
        reads.append(Read("events", late, (whole,), by_send=True))
    by_send = question.placed_by == "send"
    if together:
        reads.append(Read("credits", together, (whole,), by_send=by_send, with_said=True))
    added = tuple(metric for metric in metrics if metric.credit in held.kinds and metric not in together)
    if added:
        reads.append(Read("credits", added, (whole,), by_send=by_send))
    reads += [Read("intervals", (metric,), (whole,)) for metric in metrics if metric.kind == "peak"]
    reads += [Read("firsts", (metric,), (whole,)) for metric in metrics if metric.kind == "first"]
    return Plan(tuple(reads), offsets, held.fills)


def _together(question: Question, metric: Metric, credited: frozenset[str]) -> bool:
    """Whether what events say of a metric, and what is credited, must be read as one."""
    if not metric.credit:
        return False
    of_message = {*question.dimensions, *(one.dimension for one in question.filters)} & set(OF_MESSAGE)
    return (
        metric.credit == "revenue"
        or (metric.kind == "unique" and metric.credit in credited)
        or ("converted" in metric.types and bool(of_message))
    )


def _by_send(question: Question, metrics: tuple[Metric, ...]) -> tuple[tuple[Metric, ...], tuple[Metric, ...]]:
    """The metrics of events that are placed by another's time, and all others but peaks and firsts."""
    plain = tuple(metric for metric in metrics if metric.additive or metric.kind == "unique")
    if question.placed_by == "event":
        return (), plain
    late = tuple(metric for metric in plain if not metric.types or not set(metric.types) <= _SENDS)
    return late, tuple(metric for metric in plain if metric not in late)


def excluded(question: Question, offsets: Offsets, *, rolled_up: bool = True, held: Held = NOTHING_HELD) -> Plan | None:
    """Choose the passes that count the events which the question's traffic leaves out.

    None where it leaves out nothing. A distinct count looks at recipients, which only raw has; then
    all the metrics are looked up there, so that an event of several metrics is one.
    """
    metrics = tuple(metric for metric in base_metrics(question.metrics) if held.says(metric) and not metric.any_traffic)
    whole = bounded(question)
    if not metrics or set(question.traffic) == set(TRAFFIC_CLASSES) or (whole[0] is not None and whole[0] == whole[1]):
        return None
    reads = []
    peak = tuple(metric for metric in metrics if metric.kind == "peak")
    plain = tuple(metric for metric in metrics if metric.kind != "peak")
    late, _ = _by_send(question, plain)
    if late:
        reads.append(Read("events", plain, (whole,), by_send=True))
    elif plain and not peak and all(metric.additive for metric in plain):
        asked = replace(question, dimensions=(), sort=())
        reads += [Read(source, plain, ranges) for source, ranges in _additive(asked, offsets, rolled_up)]
    elif plain:
        reads.append(Read("events", plain, (whole,)))
    if peak:
        reads.append(Read("intervals", peak, (whole,)))
    return Plan(tuple(reads), offsets)


def bounded(question: Question) -> Range:
    """The question's range, cut down to the times that events can have; open ends stay open."""
    start, end = question.from_ms, question.to_ms
    return (
        None if start is None else min(max(start, _FIRST_MS), _LAST_MS),
        None if end is None else min(max(end, _FIRST_MS), _LAST_MS),
    )


def _additive(question: Question, offsets: Offsets, rolled_up: bool) -> list[tuple[Source, tuple[Range, ...]]]:
    """Which tables have the counts and sums of which parts of the range."""
    names = {*question.dimensions, *(one.dimension for one in question.filters)}
    start, end = bounded(question)
    if not (rolled_up and all(DIMENSIONS[name].rolled_up for name in names)):
        return [("events", ((start, end),))]
    is_local = any(DIMENSIONS[name].is_time for name in names)
    rolled, raw = split(start, end, offsets if is_local else None)
    found: list[tuple[Source, tuple[Range, ...]]] = [("counts", rolled), ("events", raw)]
    return [(source, ranges) for source, ranges in found if ranges]


def split(start: int | None, end: int | None, offsets: Offsets | None) -> tuple[tuple[Range, ...], tuple[Range, ...]]:
    """The range as parts of whole slots (for the rollup) and the parts between them (for raw).

    Where local time matters (`offsets`), a slot must lie in one piece of constant offset, and that offset
    must be a whole number of slots; the few slots since 2000 that break this rule are left to raw.
    """
    broken = () if offsets is None else _broken_slots(offsets, start, end)
    if broken is None:
        return (), ((start, end),)
    rolled: list[Range] = []
    raw: list[Range] = []
    first = None if start is None else -(-start // SLOT_MS) * SLOT_MS
    last = None if end is None else end // SLOT_MS * SLOT_MS
    if first is not None and last is not None and first >= last:
        return (), ((start, end),)
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
    pieces = offsets.within(None if start is None else start // 1000, None if end is None else -(-end // 1000))
    slot_s = SLOT_MS // 1000
    if any(seconds % slot_s for seconds in pieces.seconds):
        return None
    return tuple(moment // slot_s * SLOT_MS for moment in pieces.starts[1:] if moment % slot_s)
