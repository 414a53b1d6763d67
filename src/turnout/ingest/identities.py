"""Which events are known already: those that are spooled, and those that are stored.

A filter in memory says of nearly every new id that it is new; of the rest, the ids on their way to the
store are known exactly, and the store is asked about what remains.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

import pyarrow as pa

from turnout.ingest.steps import Batch
from turnout.store.events import Cells, EventStore, Place
from turnout.store.seen import Mask

#: So many ids are looked for one by one; of more, the whole span of campaigns and time that they are in is read.
_FEW = 2000

#: So many ids are looked for in the whole store at once; more are looked for near their events first.
_FEW_ANYWHERE = 100


#: The ids of some events, by workspace.
Digests = Mapping[str, Sequence[bytes]]

_NONE: frozenset[bytes] = frozenset()


class Filter(Protocol):
    """Says of ids that they are surely new: `store.known`, and `store.known_shared` where others store events too."""

    @property
    def ids(self) -> int:
        """How many it holds."""

    @property
    def resident_bytes(self) -> int:
        """Memory that it takes."""

    def start(self) -> None:
        """Begin to be complete."""

    def refresh(self) -> None:
        """Hear of what others have stored until about now."""

    def learn(self) -> bool:
        """Hear of all that is stored now; whether that went well."""

    def surely_new(self, digests: bytes) -> Mask | None:
        """For each id, 16 bytes, whether it was surely not stored when this was last heard of; None if it can't say."""

    def add(self, digests: bytes) -> None:
        """Hear of ids that are about to be stored."""

    def close(self) -> None:
        """Keep what it knows, and stop."""


class Identities:
    """The ids of every workspace. One thread asks and adds `spooled` ones; another says which are `stored`.

    `known` is the filter of ids that are surely new; without one every id is looked up.
    """

    def __init__(self, events: EventStore, known: Filter | None = None) -> None:
        self._events = events
        self._filter = known
        self._lock = threading.Lock()
        # By workspace: an id that an export wrote is the same in whichever it is sent to.
        self._spooled: dict[str, set[bytes]] = {}

    @property
    def filtered(self) -> tuple[int, int]:
        """How many ids the filter holds, and in how many bytes; none where there is no filter."""
        return (self._filter.ids, self._filter.resident_bytes) if self._filter is not None else (0, 0)

    def known(self, workspace: str, batches: Sequence[Batch]) -> set[bytes]:
        """Those ids of these batches that the workspace knows. Raises what the store raises."""
        digests = [digest for batch in batches for digest in batch.digests]
        # In this order: what leaves the spool meanwhile is in the filter, and in the store, by then.
        with self._lock:
            spooled = set(digests) & self._spooled.get(workspace, _NONE)
        if self._filter is not None:
            self._filter.refresh()
        return spooled | self._repeated(workspace, batches, self._doubtful(digests) - spooled)

    def learn(self) -> bool:
        """Hear of everything that is stored now; whether `stored_now` can leave out what is surely new."""
        return self._filter is not None and self._filter.learn()

    def stored_now(self, workspace: str, digests: list[bytes], near: Iterable[Cells]) -> set[bytes]:
        """As `stored`, right after `learn`: only what the filter knows is looked up."""
        return self.stored(workspace, self._doubtful(digests), near)

    def _doubtful(self, digests: list[bytes]) -> set[bytes]:
        """Those of these ids that may be stored."""
        new = self._filter.surely_new(b"".join(digests)) if self._filter is not None else None
        if new is None:
            return set(digests)
        if new.all():
            return set()
        return {digest for digest, is_new in zip(digests, new.tolist(), strict=True) if not is_new}

    def _repeated(self, workspace: str, batches: Sequence[Batch], suspects: set[bytes]) -> set[bytes]:
        """Those of these ids that are stored: nearly all are repeats of the same event, so where that is."""
        if not 0 < len(suspects) <= _FEW:
            return self.stored(workspace, suspects, [cells_of(batch) for batch in batches])
        places = {place for batch in batches for place in places_of(batch, suspects)}
        wanted = [int.from_bytes(digest, "little") for digest in suspects]
        found = self._events.known_at(workspace, places, wanted)
        elsewhere = [number for number in wanted if number not in found]
        if elsewhere:
            found |= self._events.known_anywhere(workspace, elsewhere)
        return {number.to_bytes(16, "little") for number in found}

    def stored(self, workspace: str, digests: Iterable[bytes], near: Iterable[Cells]) -> set[bytes]:
        """Those of these ids that the workspace's store holds; most of them are within the cells `near`, if any."""
        wanted = {int.from_bytes(digest, "little") for digest in digests}
        found: set[int] = set()
        if len(wanted) > _FEW_ANYWHERE:
            # Mostly real repeats, which are where the event is; the rest are few, and looked for everywhere.
            found = self._events.known_near(_around(workspace, near), sorted(wanted))
        if wanted - found:
            found |= self._events.known_anywhere(workspace, sorted(wanted - found))
        return {number.to_bytes(16, "little") for number in found}

    def add_spooled(self, digests: Digests) -> None:
        """These are on disk, on their way to the store."""
        with self._lock:
            for workspace, theirs in digests.items():
                self._spooled.setdefault(workspace, set()).update(theirs)

    def about_to_store(self, groups: Iterable[Digests]) -> None:
        """These may be in the store from now on. All of an insert at once: the filter costs a call more than an id."""
        joined = b"".join(one for digests in groups for theirs in digests.values() for one in theirs)
        if joined and self._filter is not None:
            self._filter.add(joined)

    def now_stored(self, digests: Digests) -> None:
        """These are in the store."""
        with self._lock:
            for workspace, theirs in digests.items():
                spooled = self._spooled.get(workspace, set())
                spooled.difference_update(theirs)
                if not spooled:
                    self._spooled.pop(workspace, None)


def cells_of(batch: Batch) -> Cells:
    """The campaigns and the time that a batch's events are in; it has at least one."""
    if batch.packed is not None:
        return batch.packed.cells
    times = [int(event.time) for event in batch.events]  # type: ignore[arg-type]
    campaigns = tuple(sorted({event.campaign for event in batch.events}))
    return Cells(batch.workspace, campaigns, min(times) // 1000, max(times) // 1000 + 1)


def places_of(batch: Batch, suspects: set[bytes]) -> Iterator[Place]:
    """Where the events with these ids would be stored."""
    if batch.events:
        for digest, event in zip(batch.digests, batch.events, strict=True):
            if digest in suspects:
                yield event.campaign, event.type, int(event.time) // 1000  # type: ignore[arg-type]
        return
    at = 0
    for records in batch.pack().records:
        digests = batch.digests[at : at + records.num_rows]
        wanted = [index for index, digest in enumerate(digests) if digest in suspects]
        at += records.num_rows
        if wanted:
            rows = records.select(["campaign", "type", "time"]).take(pa.array(wanted))
            times = rows.column(2).cast(pa.int64()).to_pylist()
            yield from zip(rows.column(0).fill_null("").to_pylist(), rows.column(1).to_pylist(), times, strict=True)


def _around(workspace: str, near: Iterable[Cells]) -> Cells:
    """All these cells at once."""
    near = list(near)
    campaigns = {name for cells in near for name in cells.campaigns}
    return Cells(
        workspace,
        tuple(sorted(campaigns)),
        min(cells.from_ms for cells in near),
        max(cells.to_ms for cells in near),
    )
