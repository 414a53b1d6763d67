"""Events that are stored more than once: found, and all copies but one taken out.

Cells enter, or a whole workspace; what is there twice leaves. A process never stores an event twice, but two that take
the same one at the same instant may: each looks it up, neither finds it, both append. The copies of an event have its
campaign and its time, so they are found slice by slice. An id that was sent with two meanings, to two processes at
once, lies in two places: only a look through the whole workspace finds those.

Of an event the copy stays that was received first: what one process would have kept. The others are named row by row,
each by its id and its own moment or place, so nothing that happens meanwhile can make a statement take the one that
stays: at worst it takes too little, and the next round finds the rest.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from turnout import sql
from turnout.errors import StoreError
from turnout.store.engine import Engine, Value, rows
from turnout.store.events import FIRST_MS, LAST_MS, SLOT_MS, Cells, EventStore

log = logging.getLogger(__name__)

_SLICES = sql.query("duplicate_slices")
_IDS = sql.query("duplicate_ids")
_COPIES = sql.query("duplicate_copies")
_DROP = sql.query("duplicate_drop")
_COUNT = "SELECT count() FROM events WHERE workspace = {workspace:String}"

#: Events of one look, which bounds its memory: about a hundred bytes each.
SLICE_EVENTS = 1_000_000

#: Ids of one statement that drops copies: its text stays far below what a cluster's Keeper takes, a mebibyte.
IDS_AT_ONCE = 5_000

#: Campaigns of one look.
_CAMPAIGNS_AT_ONCE = 50

#: Rounds that drop nothing, since parts merged between the look and the drop.
_TRIES = 5

Exclusively = Callable[[Callable[[], object]], None]


@dataclass(frozen=True)
class Copy:
    """One row of an event. Among the rows of its id, `moment` and `place` are hashes of when it was received and of
    where it lies."""

    campaign: str
    type: str
    time_ms: int
    received_ms: int
    moment: int
    place: int


@dataclass(frozen=True)
class Repeated:
    """An event that is stored more than once; the first of the copies is the one that stays."""

    id: int
    copies: tuple[Copy, ...]


@dataclass(frozen=True)
class _Look:
    """Where to look: cells (every campaign where they name none), and one of some parts of their ids."""

    cells: Cells
    part: int = 0
    parts: int = 1


class Duplicates:
    """Finds copies, and takes them out, by `exclusively` (as `Writer.exclusively`): nothing is appended meanwhile.

    `forget` is told, before and after, in which campaigns of a workspace rows were dropped.
    """

    def __init__(
        self,
        engine: Engine,
        events: EventStore,
        exclusively: Exclusively,
        forget: Callable[[str, Sequence[str]], None] = lambda workspace, campaigns: None,
        *,
        slice_events: int = SLICE_EVENTS,
        ids_at_once: int = IDS_AT_ONCE,
    ) -> None:
        self._engine = engine
        self._events = events
        self._exclusively = exclusively
        self._forget = forget
        self._slice_events = slice_events
        self._ids_at_once = ids_at_once

    def find(self, cells: Cells, limit: int = 1000) -> list[Repeated]:
        """Up to `limit` events of `cells` that lie there more than once. Reads the ids of all events there."""
        return self._first(self._slices(cells), limit)

    def find_anywhere(self, workspace: str, limit: int = 1000) -> list[Repeated]:
        """The same of a whole workspace, wherever the copies lie; reads all of its ids once for each
        `SLICE_EVENTS` events."""
        return self._first(self._everywhere(workspace), limit)

    def remove(self, cells: Cells) -> int:
        """Drop all copies but one of the events of `cells`, and make their rollup anew; returns how many it dropped.

        StoreError where a copy can't be told from the one that stays; what is done until then stays done.
        """
        return sum(self._clear(look) for look in self._slices(cells))

    def remove_anywhere(self, workspace: str) -> int:
        """The same in a whole workspace."""
        return sum(self._clear(look) for look in self._everywhere(workspace))

    def _first(self, looks: Iterable[_Look], limit: int) -> list[Repeated]:
        found: list[Repeated] = []
        for look in looks:
            found += self._look(look, limit - len(found))
            if len(found) >= limit:
                break
        return found

    def _slices(self, cells: Cells) -> Iterator[_Look]:
        """Slices of whole slots; a slot that has too many events is looked through in parts."""
        for at in range(0, len(cells.campaigns), _CAMPAIGNS_AT_ONCE):
            some = Cells(cells.workspace, cells.campaigns[at : at + _CAMPAIGNS_AT_ONCE], cells.from_ms, cells.to_ms)
            asked = {**some.parameters(), "slice_events": max(1, self._slice_events // 2)}
            for first_s, last_s, events in rows(self._engine, _SLICES, asked):
                start = max(cells.from_ms, int(first_s) * 1000)
                end = min(cells.to_ms, int(last_s) * 1000 + SLOT_MS)
                there = Cells(some.workspace, some.campaigns, start, end)
                parts = -(-int(events) // self._slice_events)
                yield from (_Look(there, part, parts) for part in range(parts))

    def _everywhere(self, workspace: str) -> Iterator[_Look]:
        ((events,),) = rows(self._engine, _COUNT, {"workspace": workspace})
        parts = -(-int(events) // self._slice_events)
        everything = Cells(workspace, (), FIRST_MS, LAST_MS)
        yield from (_Look(everything, part, parts) for part in range(parts))

    def _look(self, look: _Look, limit: int) -> list[Repeated]:
        within = look.cells.parameters()
        asked: dict[str, Value] = {**within, "part": look.part, "parts": look.parts, "limit": limit}
        ids = [int(number) for (number,) in rows(self._engine, _IDS, asked)]
        if not ids:
            return []
        held = rows(self._engine, _COPIES, {**within, "ids": ids})
        found = []
        for number, theirs in groupby(held, itemgetter(0)):
            copies = tuple(Copy(row[1], row[2], *map(int, row[3:])) for row in theirs)
            if len(copies) > 1:
                found.append(Repeated(int(number), copies))
        return found

    def _clear(self, look: _Look) -> int:
        """Round after round, each by itself, so that what waits meanwhile has its turn."""
        dropped = tries = 0
        # Looked for first while others go on: nearly always there is nothing.
        while self._look(look, 1):
            done: list[int] = []

            def drop(done: list[int] = done) -> None:
                done.append(self._drop(look))

            self._exclusively(drop)
            dropped += done[0]
            tries = 0 if done[0] else tries + 1
            if tries == _TRIES:
                raise StoreError("copies of events could not be dropped: their parts go on merging", hint="try again")
        return dropped

    def _drop(self, look: _Look) -> int:
        found = self._look(look, self._ids_at_once)
        if not found:
            return 0
        moments, places, doomed = _named(found)
        if not doomed:
            raise StoreError(
                "copies of an event can't be told from one another: they lie at the same place of two shards",
                hint="turnout check says whether events lie on the wrong shard",
            )
        workspace = look.cells.workspace
        campaigns = tuple(sorted({copy.campaign for copy in doomed}))
        touched = _around(workspace, doomed)
        parameters: dict[str, Value] = {
            **touched.parameters(),
            "ids": [one.id for one in found],
            "moments": moments,
            "places": places,
        }
        changed = [touched] if look.cells.campaigns else _by_campaign(workspace, doomed)
        # Before, so that nothing old is believed; and after, for what was counted while rows were dropped.
        self._forget(workspace, campaigns)
        try:
            self._events.amend([(_DROP, parameters)], changed)
        finally:
            self._forget(workspace, campaigns)
        left = len(rows(self._engine, _COPIES, {**look.cells.parameters(), "ids": parameters["ids"]}))
        dropped = sum(len(one.copies) for one in found) - left
        log.warning("%d copies of events were dropped", dropped, extra={"fields": {"workspace": workspace}})
        return dropped


def _named(found: Sequence[Repeated]) -> tuple[list[int], list[int], list[Copy]]:
    """What names the copies to drop, and no copy that stays: moments, places, and the copies themselves.

    A copy that was received at another moment than the first is named by that, which no merge of parts changes; any
    other by its place. One that has both in common with a copy that stays is not named: it lies at the same place of
    another shard.
    """
    kept_moments = {one.copies[0].moment for one in found}
    kept_places = {one.copies[0].place for one in found}
    moments: set[int] = set()
    places: set[int] = set()
    doomed = []
    for one in found:
        for copy in one.copies[1:]:
            if copy.moment not in kept_moments:
                moments.add(copy.moment)
            elif copy.place not in kept_places:
                places.add(copy.place)
            else:
                continue
            doomed.append(copy)
    return sorted(moments), sorted(places), doomed


def _around(workspace: str, copies: Sequence[Copy]) -> Cells:
    times = [copy.time_ms for copy in copies]
    return Cells(workspace, tuple(sorted({copy.campaign for copy in copies})), min(times), max(times) + 1)


def _by_campaign(workspace: str, copies: Sequence[Copy]) -> list[Cells]:
    """Copies of anywhere: one campaign's time is not refilled for another's."""
    mine: dict[str, list[Copy]] = {}
    for copy in copies:
        mine.setdefault(copy.campaign, []).append(copy)
    return [_around(workspace, theirs) for _, theirs in sorted(mine.items())]
