"""Numbers that only raw events have, kept once they were counted, and known to be right or stale by counting.

A figure of some campaigns' events between two instants goes in with the number of events that it was counted from;
it comes out for as long as the rollup counts as many there. Events are only ever added, so a set of them that has not
grown is the same set: no note of what changed is needed, and a crash or a repair of the rollup can at worst make a
number seem stale. Whatever takes events away must call `forget`; of what other processes take away in a store that they
share, `at` hears before each question.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from turnout import sql
from turnout.model import TRAFFIC_CLASSES
from turnout.stats.metrics import Metric
from turnout.stats.scope import own_condition
from turnout.store.engine import Engine, Value, rows

_LOAD = sql.query("finished")
_SAVE = sql.query("save_finished")
_FORGET = sql.query("forget_finished")

#: Cells of one figure: the days of three years. The ones that were counted first go first.
_CELLS_OF_A_FIGURE = 1200

#: Cells that wait to be written to the store; past it they are only in memory.
_UNSAVED_LIMIT = 20_000
_SAVED_AT_ONCE = 2_000

_CLASSES = len(TRAFFIC_CLASSES)

EVERY_CAMPAIGN = "*"


@dataclass(frozen=True)
class Figure:
    """What is counted of raw events: distinct `recipients` among those that meet `condition`, or `events`.

    `types` are the event types that it looks at (all if empty), and `traffic` the classes that it counts (all if
    empty). Whether it is still right is told by the number of all events of its types.
    """

    condition: str
    types: tuple[str, ...]
    traffic: tuple[str, ...]
    unit: Literal["recipients", "events"] = "recipients"


@dataclass(frozen=True)
class Extent:
    """The events of a figure's types in a cell: when the first and the last happened, and how many there are."""

    first_ms: int
    last_ms: int
    events: int


@dataclass(frozen=True)
class Place:
    """Whose events: `campaigns` is what `scope_of` makes of them."""

    workspace: str
    campaigns: str
    figure: Figure


@lru_cache(maxsize=4096)
def distinct(metric: Metric, traffic: tuple[str, ...]) -> Figure:
    """The figure of a metric of kind unique."""
    chosen = tuple(name for name in TRAFFIC_CLASSES if name in traffic)
    return Figure(own_condition(metric), metric.types, () if metric.any_traffic or len(chosen) == _CLASSES else chosen)


def nameless(kind: str, traffic_class: str) -> Figure:
    """The events of a type and class of traffic that name no recipient."""
    return Figure(f"type IN ('{kind}') AND recipient = ''", (kind,), (traffic_class,), "events")


def scope_of(campaigns: Collection[str] | None) -> str:
    """The name of a set of campaigns; None is all of them."""
    if campaigns is None:
        return EVERY_CAMPAIGN
    if len(campaigns) == 1:
        return "=" + next(iter(campaigns))
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(campaigns):
        text = name.encode()
        digest.update(len(text).to_bytes(4, "big") + text)
    return "#" + digest.hexdigest()


class Finished:
    """Keeps figures. Safe to call from any thread.

    Up to `limit_cells` are in memory; those of the figures that were not asked for longest go first. `save`
    writes what is new into the store, for the next start to `load`. Where the store is shared (not `alone`), they are
    in memory only: nobody could take back in time what others have written.
    """

    def __init__(self, engine: Engine, *, limit_cells: int = 200_000, alone: bool = True) -> None:
        self._engine = engine
        self._alone = alone
        #: Figures are of the rows as they were since this change of them.
        self._rows = 0
        self._limit_cells = limit_cells
        self._lock = threading.Lock()
        #: By place, the extents' ends in one int, and the events and the number in another: a third of the memory.
        self._cells: OrderedDict[Place, dict[int, int]] = OrderedDict()
        self._count = 0
        self._unsaved: list[tuple[Place, Extent, int]] = []
        #: One at a time writes to the table, and what was forgotten while it was written must not come back.
        self._saving = threading.Lock()
        self._forgotten = 0
        self._table_rows = 0

    @property
    def cells(self) -> int:
        """How many are in memory."""
        return self._count

    def known(self, place: Place, extent: Extent) -> int | None:
        """The figure of the events of an extent, if it is kept and right."""
        with self._lock:
            mine = self._cells.get(place)
            if mine is None:
                return None
            self._cells.move_to_end(place)
            kept = mine.get(_ends(extent))
        if kept is None or kept >> 64 != extent.events:
            return None
        return kept & _LOW

    def at(self, rows: int) -> None:
        """Stored rows are of this version, which every process sees: figures of an older one are dropped."""
        with self._lock:
            # One that began earlier may come later; what it counts from now on is of the newer rows, too.
            if rows > self._rows:
                self._rows = rows
                self._forgotten += 1
                self._cells.clear()
                self._count = 0
                self._unsaved.clear()

    def version(self) -> int:
        """Grows with every `forget`; what was counted at an older one may not be kept."""
        return self._forgotten

    def keep(self, found: Iterable[tuple[Place, Extent, int]], version: int) -> None:
        """Keep figures that were counted from one snapshot of raw events, their extents from the same one."""
        with self._lock:
            if version != self._forgotten:
                return
            for place, extent, number in found:
                self._put(place, extent, number)
                if self._alone and len(self._unsaved) < _UNSAVED_LIMIT:
                    self._unsaved.append((place, extent, number))
            self._bound()

    def forget(self, workspace: str, campaigns: Collection[str]) -> None:
        """Drop what is kept of these campaigns, and of any set of campaigns that they may be in: events of them were
        taken away or changed."""
        names = {scope_of((name,)) for name in campaigns}
        with self._saving:
            with self._lock:
                self._forgotten += 1
                for place in [one for one in self._cells if one.workspace == workspace and _among(one, names)]:
                    self._count -= len(self._cells.pop(place))
                self._unsaved = [
                    one for one in self._unsaved if one[0].workspace != workspace or not _among(one[0], names)
                ]
            if self._alone:
                self._engine.derive(_FORGET, {"workspace": workspace, "campaigns": sorted(names)})

    def load(self) -> None:
        """Take in what the store has kept; the newest win. Blocks."""
        version = self._forgotten
        found = rows(self._engine, _LOAD, {"limit": self._limit_cells})
        places: dict[Place, Place] = {}
        with self._lock:
            if version != self._forgotten:
                return
            self._table_rows = len(found)
            for workspace, campaigns, condition, types, traffic, unit, first, last, events, number in reversed(found):
                place = Place(workspace, campaigns, Figure(condition, tuple(types), tuple(traffic), unit))
                place, extent = places.setdefault(place, place), Extent(int(first), int(last), int(events))
                if _ends(extent) not in self._cells.get(place, ()):
                    self._put(place, extent, int(number))
            self._bound()

    def save(self) -> int:
        """Write what is new into the store; returns how many cells that were. Blocks."""
        with self._saving:
            with self._lock:
                new, self._unsaved = self._unsaved[:_SAVED_AT_ONCE], self._unsaved[_SAVED_AT_ONCE:]
                crowded = self._table_rows + len(new) > 2 * self._limit_cells
                if crowded:
                    new = [
                        (place, Extent(*_extent_of(ends), kept >> 64), kept & _LOW)
                        for place, mine in self._cells.items()
                        for ends, kept in mine.items()
                    ]
            if crowded:
                self._engine.derive("TRUNCATE TABLE uniques")
                self._table_rows = 0
            for at in range(0, len(new), _SAVED_AT_ONCE):
                self._engine.derive(_SAVE, _columns(new[at : at + _SAVED_AT_ONCE]))
            self._table_rows += len(new)
            return len(new)

    def _put(self, place: Place, extent: Extent, number: int) -> None:
        mine = self._cells.setdefault(place, {})
        self._cells.move_to_end(place)
        ends = _ends(extent)
        self._count += ends not in mine
        # Anew at the end: what was counted last stays longest.
        mine.pop(ends, None)
        mine[ends] = extent.events << 64 | number
        if len(mine) > _CELLS_OF_A_FIGURE:
            del mine[next(iter(mine))]
            self._count -= 1

    def _bound(self) -> None:
        while self._count > self._limit_cells:
            _, mine = self._cells.popitem(last=False)
            self._count -= len(mine)


_LOW = 2**64 - 1


def _ends(extent: Extent) -> int:
    return extent.first_ms << 64 | extent.last_ms


def _extent_of(ends: int) -> tuple[int, int]:
    return ends >> 64, ends & _LOW


def _among(place: Place, names: Collection[str]) -> bool:
    """Whether a place has events of one of these campaigns; of a set of campaigns that can't be told."""
    return place.campaigns in names or not place.campaigns.startswith("=")


def _columns(found: Sequence[tuple[Place, Extent, int]]) -> dict[str, Value]:
    return {
        "workspaces": [place.workspace for place, _, _ in found],
        "campaigns": [place.campaigns for place, _, _ in found],
        "conditions": [place.figure.condition for place, _, _ in found],
        "types": [" ".join(place.figure.types) for place, _, _ in found],
        "traffic": [" ".join(place.figure.traffic) for place, _, _ in found],
        "units": [place.figure.unit for place, _, _ in found],
        "firsts": [extent.first_ms for _, extent, _ in found],
        "lasts": [extent.last_ms for _, extent, _ in found],
        "events": [extent.events for _, extent, _ in found],
        "numbers": [number for _, _, number in found],
    }
