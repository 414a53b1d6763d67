"""Stored events in slices that one statement can look at: cells and types of events enter, smaller cells leave."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from turnout import sql
from turnout.store.engine import Engine, Value, rows
from turnout.store.events import SLOT_MS, Cells, EventStore

_COUNTED = sql.query("reclassify_counted")

#: Events that one statement looks at, as the rollup counts them, and campaigns that may share it.
SLICE_EVENTS = 500_000
_CAMPAIGNS_AT_ONCE = 50

#: A slice that the engine has no memory or time for is halved, down to this.
LEAST_SLICE_MS = 1_000


def slices(events: EventStore, engine: Engine, cells: Cells, types: Sequence[str]) -> Iterator[Cells]:
    """`cells` in slices of about `SLICE_EVENTS` events of these types; all campaigns where none is named.

    Small campaigns share a slice. Where there are no events there are no slices.
    """
    small: list[str] = []
    size, first, last = 0, cells.to_ms, cells.from_ms
    for name, span in sorted(events.spans(cells.workspace, cells.campaigns, types).items()):
        start, end = max(cells.from_ms, span.first_ms), min(cells.to_ms, span.last_ms + 1)
        if start >= end:
            continue
        if span.events > SLICE_EVENTS:
            yield from _halves(engine, Cells(cells.workspace, (name,), start, end), types)
            continue
        if small and (size + span.events > SLICE_EVENTS or len(small) == _CAMPAIGNS_AT_ONCE):
            yield Cells(cells.workspace, tuple(small), first, last)
            small, size, first, last = [], 0, cells.to_ms, cells.from_ms
        small.append(name)
        size, first, last = size + span.events, min(first, start), max(last, end)
    if small:
        yield Cells(cells.workspace, tuple(small), first, last)


def _halves(engine: Engine, cells: Cells, types: Sequence[str]) -> Iterator[Cells]:
    """Halves of halves, at whole slots, until each has few enough events; a slot that has more is cut evenly."""
    whole = cells.whole_slots()
    asked: dict[str, Value] = {
        "workspace": whole.workspace,
        "campaigns": whole.campaigns,
        "from_ms": whole.from_ms,
        "to_ms": whole.to_ms,
        "types": types,
    }
    ((count,),) = rows(engine, _COUNTED, asked)
    slots = (whole.to_ms - whole.from_ms) // SLOT_MS
    if not count:
        return
    if count <= SLICE_EVENTS:
        yield cells
    elif slots > 1:
        middle = whole.from_ms + slots // 2 * SLOT_MS
        yield from _halves(engine, msgspec.structs.replace(cells, to_ms=middle), types)
        yield from _halves(engine, msgspec.structs.replace(cells, from_ms=middle), types)
    else:
        step = max(LEAST_SLICE_MS, SLOT_MS * SLICE_EVENTS // count)
        for at in range(cells.from_ms, cells.to_ms, step):
            yield msgspec.structs.replace(cells, from_ms=at, to_ms=min(at + step, cells.to_ms))
