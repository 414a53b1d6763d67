"""The table of events, its rollup, and the promise that both always say the same.

Appending is two commits of the engine (raw, then the rollup's view), so a crash between them would
leave the rollup short. The journal closes that gap: it names the cells that an append is about to
touch, and whoever opens the store next holds those cells against raw and refills them if they differ.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pyarrow as pa

from turnout import sql
from turnout.errors import Overloaded, StoreDamaged
from turnout.store.durable import sync
from turnout.store.engine import Engine, Parameters, Value, rows

log = logging.getLogger(__name__)

_KNOWN_NEAR = sql.query("known_near")
_KNOWN_AT = sql.query("known_at")
_KNOWN_ANYWHERE = sql.query("known_anywhere")
_CLEAR = sql.query("clear_counts")
_REFILL = sql.query("refill_counts")
_DIFFERING = sql.query("differing_counts")
_CAMPAIGNS = sql.query("campaigns_with_events")
_SPANS = sql.query("campaign_spans")

SLOT_MS = 900_000

#: Every event is between these: from 1970 until 2100.
FIRST_MS, LAST_MS = 0, 4_102_444_800_000

#: Campaigns of one comparison or refill, which bounds the memory it needs.
_CAMPAIGNS_AT_ONCE = 50


#: Where an event is in the table: its campaign, its type, and its time in milliseconds.
Place = tuple[str, str, int]


class Cells(msgspec.Struct, frozen=True):
    """Part of the rollup: some campaigns of a workspace, and the time `[from_ms, to_ms)`."""

    workspace: str
    campaigns: tuple[str, ...]
    from_ms: int
    to_ms: int

    def whole_slots(self) -> Cells:
        """The same, widened to whole slots."""
        start = self.from_ms // SLOT_MS * SLOT_MS
        end = -(-self.to_ms // SLOT_MS) * SLOT_MS
        return msgspec.structs.replace(self, from_ms=start, to_ms=end)


@dataclass(frozen=True)
class Difference:
    """A slot where raw and rollup disagree."""

    campaign: str
    type: str
    slot_s: int
    raw_events: int
    rolled_events: int


@dataclass(frozen=True)
class Span:
    """When a campaign's events happened, and how many there are."""

    first_ms: int
    last_ms: int
    events: int


class EventStore:
    """Appends, looks up and repairs. One writer at a time calls `append`, `rebuild` and `recover`."""

    def __init__(self, engine: Engine, journal: Path) -> None:
        self._engine = engine
        self._journal = journal
        self._repairs = 0
        self._distrusted = False

    @property
    def repairs(self) -> int:
        """Odd while part of the rollup is being made anew, or is known to be wrong.

        Who read it at one number and finds another may have seen it short, and looks at raw instead.
        """
        return self._repairs | self._distrusted

    @property
    def trusted(self) -> bool:
        """Whether the rollup is believed to say what raw says."""
        return not self._distrusted

    def distrust(self) -> None:
        """The rollup does not say what raw says: raw answers until `trust`."""
        self._distrusted = True

    def trust(self) -> None:
        """It does again."""
        self._repairs += 2
        self._distrusted = False

    def append(self, batches: Sequence[pa.RecordBatch], touched: Sequence[Cells]) -> None:
        """Add rows that are known to be new. When this returns they are on disk and in the rollup.

        One insert, so the rows are one part: all of them are there, or none.

        If it raises, nothing may be assumed: call `recover` before the next append.
        """
        self._note(touched)
        self._engine.insert("events", pa.Table.from_batches(batches))

    def recover(self) -> int:
        """Hold the cells of the last append against raw, refill what differs; returns slots mended.

        Where they can't be read, since a part is damaged, the rollup is distrusted: raw answers until a rebuild.
        """
        mended = 0
        try:
            for cells in self._noted():
                found = self.differences(cells)
                if found:
                    self._refill(cells)
                    mended += len(found)
        except StoreDamaged:
            log.error("what the last append touched can't be read: turnout check says what is damaged")
            self.distrust()
        return mended

    def settle(self) -> None:
        """Say that the last append went well, so that the next start has nothing to hold against raw."""
        self._note([])

    def rebuild(self, cells: Cells) -> None:
        """Make the rollup of `cells` anew from raw. What a crash leaves half done, `recover` ends."""
        before = self._noted()
        self._note([*before, cells])
        self._refill(cells)
        self._note(before)

    def _refill(self, cells: Cells) -> None:
        # Left odd where this fails: raw answers until a later one ends well.
        self._repairs += 1 - self._repairs % 2
        for part in _parts(cells.whole_slots()):
            self._engine.execute(
                _CLEAR,
                {
                    "workspace": part.workspace,
                    "campaigns": part.campaigns,
                    "from_s": part.from_ms // 1000,
                    "to_s": part.to_ms // 1000,
                },
            )
            self._engine.execute(_REFILL, _parameters(part))
        self._repairs += 1

    def differences(self, cells: Cells, limit: int = 1000) -> list[Difference]:
        """Up to `limit` slots per fifty campaigns where the rollup is not what raw says; empty is right."""
        found: list[Difference] = []
        for part in _parts(cells.whole_slots()):
            found += [Difference(*row) for row in rows(self._engine, _DIFFERING, {**_parameters(part), "limit": limit})]
        return found

    def known_near(self, cells: Cells, ids: Sequence[int]) -> set[int]:
        """Which of `ids` the workspace holds within the campaigns and times of `cells`."""
        return self._ids(_KNOWN_NEAR, {**_parameters(cells), "ids": ids})

    def known_at(self, workspace: str, places: Collection[Place], ids: Sequence[int]) -> set[int]:
        """Which of `ids` the workspace holds at one of these places."""
        campaigns, types, times_ms = zip(*places, strict=True)
        asked = {"workspace": workspace, "campaigns": campaigns, "types": types, "times_ms": times_ms, "ids": ids}
        return self._ids(_KNOWN_AT, asked)

    def known_anywhere(self, workspace: str, ids: Sequence[int]) -> set[int]:
        """Which of `ids` the workspace holds at all, at whatever time and in whatever campaign."""
        return self._ids(_KNOWN_ANYWHERE, {"workspace": workspace, "ids": ids})

    def count(self) -> int:
        """How many events are stored."""
        return int(rows(self._engine, "SELECT count() FROM events")[0][0])

    def campaigns(self, workspace: str) -> list[str]:
        """Every campaign that has events; behaviours that name none are under the empty id."""
        found = rows(self._engine, _CAMPAIGNS, {"workspace": workspace})
        return [name for (name,) in found]

    def spans(self, workspace: str, campaigns: Sequence[str] = (), types: Sequence[str] = ()) -> dict[str, Span]:
        """First and last event of each campaign that has any; of all campaigns and types unless some are named."""
        found = rows(self._engine, _SPANS, {"workspace": workspace, "campaigns": campaigns, "types": types})
        return {name: Span(int(first), int(last), int(events)) for name, first, last, events in found}

    def _ids(self, query: str, parameters: Parameters) -> set[int]:
        try:
            raw = self._engine.query(query, parameters, "RowBinary")
        except StoreDamaged as error:
            # An id that can't be looked up is neither new nor known. Whoever sends it again later loses nothing.
            raise Overloaded(
                "part of the stored ids can't be read, so these events can't be told from known ones", retry_after_s=60
            ) from error
        return {int.from_bytes(raw[at : at + 16], "little") for at in range(0, len(raw), 16)}

    def _note(self, touched: Sequence[Cells]) -> None:
        """Write the journal so that it is either the old one or the new one, whatever dies."""
        temporary = self._journal.with_suffix(".new")
        with temporary.open("wb") as file:
            file.write(msgspec.json.encode(list(touched)))
            file.flush()
            os.fdatasync(file.fileno())
        temporary.replace(self._journal)
        sync(self._journal.parent)

    def _noted(self) -> list[Cells]:
        try:
            return msgspec.json.decode(self._journal.read_bytes(), type=list[Cells])
        except FileNotFoundError:
            return []


def _parts(cells: Cells) -> Iterator[Cells]:
    for at in range(0, len(cells.campaigns), _CAMPAIGNS_AT_ONCE):
        yield msgspec.structs.replace(cells, campaigns=cells.campaigns[at : at + _CAMPAIGNS_AT_ONCE])


def _parameters(cells: Cells) -> dict[str, Value]:
    return {
        "workspace": cells.workspace,
        "campaigns": cells.campaigns,
        "from_ms": cells.from_ms,
        "to_ms": cells.to_ms,
    }
