"""POST /v1/live/{campaign}, from a beacon to the writer: each second that a viewer watched counts once.

A `Beacon` and its sender enter; a receipt leaves once what is new is on disk. Of an interval only the part is written
that the viewer's `Coverage` does not have, and the coverage grows only by what is durable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from turnout.capture.beacon import AHEAD_LIMIT_MS, LATE_LIMIT_MS, Beacon, Deed, Sender, deeds
from turnout.capture.coverage import Coverage, Span, add, uncovered
from turnout.capture.viewers import Show, Viewers
from turnout.ingest.steps import Refused, instant, prepare
from turnout.model import Event, Receipt, Rejection
from turnout.services import Services

#: For how long it is remembered what was watched: as long as a page may tell of it, and as long as that may last.
REMEMBERED_MS = 2 * LATE_LIMIT_MS


@dataclass(frozen=True)
class _Interval:
    """A watched event, and when it was by the server's clock. `moved` if that isn't what the event says."""

    index: int
    event: Event
    span: Span
    moved: bool


async def take(
    services: Services,
    viewers: Viewers,
    sender: Sender,
    beacon: Beacon,
    admit: Callable[[int], None] = lambda count: None,
) -> Receipt:
    """Take a beacon in. Raises what `beacon.deeds` and the writer do; it may be sent again then, whatever was taken.

    `admit` may refuse so many events by raising RateLimited, before any is taken.
    """
    now = services.now()
    done, rejected = deeds(beacon, sender, now)
    admit(len(done) + len(rejected))
    now_ms = round(now.timestamp() * 1000)
    watching = [deed for deed in done if deed.event.type == "watched"]
    others = [_dated(deed, beacon, now_ms) for deed in done if deed.event.type != "watched"]
    receipts = [_refusals(services, rejected)]
    if others:
        checked, refused = _within_reach(others, sender, now_ms)
        receipts += [_refusals(services, refused), await _write(services, sender, checked, now)]
    if watching:
        # By a task of its own: a page that goes away must not leave written what isn't remembered.
        work = _watched(services, viewers, sender, beacon, watching, now)
        receipts.append(await asyncio.shield(asyncio.ensure_future(work)))
    return Receipt(
        accepted=sum(one.accepted for one in receipts),
        duplicates=sum(one.duplicates for one in receipts),
        rejected=tuple(sorted((r for one in receipts for r in one.rejected), key=lambda r: r.index)),
    )


def _dated(deed: Deed, beacon: Beacon, now_ms: int) -> tuple[int, Event]:
    """A reaction, with its time by the server's clock. Repeats are known by their id, however late."""
    if deed.on_clock:
        deed.event.time = now_ms - beacon.clock_ms + deed.clock_ms
    return deed.index, deed.event


def _within_reach(
    events: list[tuple[int, Event]], sender: Sender, now_ms: int
) -> tuple[list[tuple[int, Event]], list[Rejection]]:
    """Events of a page that are of about now; one that is a little ahead becomes one of now."""
    if sender.by_key:
        return events, []
    kept, refused = [], []
    for index, event in events:
        try:
            at_ms = instant(event.time) // 1000
            _reachable(at_ms, now_ms)
        except Refused as error:
            refused.append(Rejection(index=index, field=error.field, error=str(error), reason=error.reason))
            continue
        if at_ms > now_ms:
            event.time = now_ms
        kept.append((index, event))
    return kept, refused


def _reachable(at_ms: int, now_ms: int) -> None:
    if at_ms < now_ms - LATE_LIMIT_MS:
        raise Refused("time", f"more than {LATE_LIMIT_MS // 3_600_000} hours ago", "bad_time")
    if at_ms > now_ms + AHEAD_LIMIT_MS:
        raise Refused("time", f"more than {AHEAD_LIMIT_MS // 1000} seconds ahead of this server's clock", "bad_time")


async def _watched(
    services: Services, viewers: Viewers, sender: Sender, beacon: Beacon, watching: list[Deed], now: datetime
) -> Receipt:
    """Write what is new of the intervals, one beacon of a viewer after the other."""
    now_ms = round(now.timestamp() * 1000)
    show = Show(sender.workspace.id, sender.campaign)
    names = {deed.event.recipient for deed in watching}
    async with viewers.turn(show, names):
        known = {name: viewers.remembered(show, name, now_ms) for name in names}
        intervals, refused = _placed(watching, known, sender, beacon, now_ms)
        await viewers.complete(services, show, _wanted(intervals, known))
        pieces, spans = _unknown(intervals, known)
        receipt = await _write(services, sender, pieces, now)
        lost = _refusals(services, refused)
        agreed = not receipt.duplicates and not receipt.rejected
        for name, coverage in known.items():
            if agreed:
                coverage.watched(spans.get(name, []), now_ms - REMEMBERED_MS)
            else:
                # The store knew an event that wasn't remembered: it knows better, and is asked the next time.
                coverage.forget(now_ms)
            viewers.keep(show, name, coverage)
    taken = len({index for index, _ in pieces}) - len(receipt.rejected)
    accepted = min(receipt.accepted, taken)
    known_already = len(intervals) - len({index for index, _ in pieces})
    return Receipt(
        accepted=accepted,
        duplicates=known_already + taken - accepted,
        rejected=(*lost.rejected, *receipt.rejected),
    )


def _placed(
    watching: list[Deed], known: dict[str, Coverage], sender: Sender, beacon: Beacon, now_ms: int
) -> tuple[list[_Interval], list[Rejection]]:
    """The interval of each event by the server's clock."""
    found, refused = [], []
    for deed in watching:
        event = deed.event
        try:
            if event.duration_s is None:
                raise Refused("duration_s", "'watched' needs duration_s", "missing_field")
            length_ms = round(event.duration_s * 1000)
            if deed.on_clock:
                coverage = known[event.recipient]
                end_ms = coverage.begins_at_ms(beacon.session, now_ms, beacon.clock_ms) + deed.clock_ms
            else:
                end_ms = instant(event.time) // 1000
            begin_ms, moved = end_ms - length_ms, deed.on_clock
            if not sender.by_key:
                _reachable(end_ms, now_ms)
                if end_ms > now_ms and not deed.on_clock:
                    begin_ms, end_ms, moved = now_ms - length_ms, now_ms, True
                if begin_ms < now_ms - REMEMBERED_MS:
                    begin_ms, moved = now_ms - REMEMBERED_MS, True
        except Refused as error:
            refused.append(Rejection(index=deed.index, field=error.field, error=str(error), reason=error.reason))
            continue
        found.append(_Interval(deed.index, event, (begin_ms, end_ms), moved))
    return found, refused


def _wanted(intervals: list[_Interval], known: dict[str, Coverage]) -> dict[str, tuple[Coverage, Span]]:
    """From when to when the coverage of each viewer has to be complete."""
    wanted: dict[str, tuple[Coverage, Span]] = {}
    for interval in intervals:
        name, (begin_ms, end_ms) = interval.event.recipient, interval.span
        _, before = wanted.get(name, (None, interval.span))
        wanted[name] = known[name], (min(before[0], begin_ms), max(before[1], end_ms))
    return wanted


def _unknown(
    intervals: list[_Interval], known: dict[str, Coverage]
) -> tuple[list[tuple[int, Event]], dict[str, list[Span]]]:
    """The events that say what isn't known yet, and by viewer what they say. An interval that holds known ones
    becomes several events."""
    events: list[tuple[int, Event]] = []
    spans: dict[str, list[Span]] = {}
    covered: dict[str, list[Span]] = {}
    for interval in intervals:
        event, (begin_ms, end_ms) = interval.event, interval.span
        name = event.recipient
        mine = covered.setdefault(name, list(known[name].spans))
        if begin_ms == end_ms:
            events.append((interval.index, event))
            continue
        parts = uncovered(mine, begin_ms, end_ms)
        for number, (from_ms, to_ms) in enumerate(parts):
            part = event
            if interval.moved or (from_ms, to_ms) != interval.span:
                part = msgspec.structs.replace(event, time=to_ms, duration_s=(to_ms - from_ms) / 1000)
            if number and event.id:
                part.id = f"{event.id}/{number}"
            events.append((interval.index, part))
        if parts:
            add(mine, begin_ms, end_ms)
            spans.setdefault(name, []).extend(parts)
    return events, spans


async def _write(services: Services, sender: Sender, events: list[tuple[int, Event]], now: datetime) -> Receipt:
    """Hand events in, and wait until they are on disk."""
    batch = prepare(sender.workspace.id, events, now, services.context.of(sender.workspace))
    _refusals(services, batch.rejected)
    return await services.writer.accept(batch)


def _refusals(services: Services, rejected: list[Rejection]) -> Receipt:
    """A receipt of what was refused, which is counted."""
    for rejection in rejected:
        services.telemetry.rejected.labels(rejection.reason).inc()
    return Receipt(accepted=0, duplicates=0, rejected=tuple(rejected))
