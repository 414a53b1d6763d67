"""Which events are known already: those that are spooled, and those that are stored.

A filter in memory says of nearly every new id that it is new; of the rest, the ids on their way to the
store are known exactly, and the store is asked about what remains.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Sequence

from turnout.errors import TurnoutError
from turnout.ingest.steps import Batch
from turnout.store.events import Cells, EventStore
from turnout.store.seen import Seen, fill

log = logging.getLogger(__name__)

#: Smallest filter worth having: two bytes an id.
_SEEN_MINIMUM_IDS = 4_000_000

#: So many ids are looked for in the whole store at once; more are looked for near their event first.
_FEW = 100


class Identities:
    """The ids of every workspace. One thread asks and adds `spooled` ones; another says which are `stored`.

    `filter_ids` keeps the filter; it must be off where other processes write to the store.
    """

    def __init__(self, events: EventStore, *, filter_ids: bool = True) -> None:
        self._events = events
        self._filter_ids = filter_ids
        self._lock = threading.Lock()
        self._spooled: set[bytes] = set()
        self._seen: Seen | None = None
        self._unfiltered: list[bytes] = []
        self._filling = 0

    def start(self) -> None:
        """Begin to fill the filter, in the background; until it is there, every id is looked up."""
        with self._lock:
            self._refill()

    @property
    def spooled_count(self) -> int:
        """How many are on their way to the store."""
        return len(self._spooled)

    @property
    def filtered(self) -> tuple[int, int]:
        """How many ids the filter holds, and in how many bytes; none while there is no filter."""
        seen = self._seen
        return (seen.added, seen.resident_bytes) if seen is not None else (0, 0)

    def known(self, workspace: str, batches: Sequence[Batch]) -> set[bytes]:
        """Those ids of these batches that the workspace knows. Raises what the store raises."""
        digests = [digest for batch in batches for digest in batch.digests]
        suspects = set(digests)
        with self._lock:
            seen = self._seen
        if seen is not None:
            maybe = seen.maybe(b"".join(digests))
            if not maybe.any():
                return set()
            suspects = {digest for digest, doubtful in zip(digests, maybe.tolist(), strict=True) if doubtful}
        # In this order: what leaves the spool meanwhile is in the store by then.
        with self._lock:
            spooled = suspects & self._spooled
        return spooled | self.stored(workspace, suspects - spooled, [cells_of(batch) for batch in batches])

    def stored(self, workspace: str, digests: Iterable[bytes], near: Iterable[Cells]) -> set[bytes]:
        """Those of these ids that the workspace's store holds; most of them are within the cells `near`, if any."""
        wanted = {int.from_bytes(digest, "little") for digest in digests}
        found: set[int] = set()
        if len(wanted) > _FEW:
            # Mostly real repeats, which are where the event is; the rest are few, and looked for everywhere.
            found = self._events.known_near(_around(workspace, near), sorted(wanted))
        if wanted - found:
            found |= self._events.known_anywhere(workspace, sorted(wanted - found))
        return {number.to_bytes(16, "little") for number in found}

    def add_spooled(self, digests: Sequence[bytes]) -> None:
        """These are on disk, on their way to the store."""
        joined = b"".join(digests)
        with self._lock:
            self._spooled.update(digests)
            if self._seen is None:
                if self._filter_ids:
                    self._unfiltered.append(joined)
                return
            self._seen.add(joined)
            if self._seen.added > self._seen.capacity_ids:
                self._refill()

    def now_stored(self, digests: Iterable[bytes]) -> None:
        """These are in the store."""
        with self._lock:
            self._spooled.difference_update(digests)

    def _refill(self) -> None:
        """Do without the filter until a new one has read every stored id."""
        self._seen = None
        # What is spooled now may be stored before the reading begins, or after it has passed.
        self._unfiltered = [b"".join(self._spooled)]
        self._filling += 1
        if self._filter_ids:
            threading.Thread(target=self._fill, args=(self._filling,), name="turnout-seen", daemon=True).start()

    def _fill(self, filling: int) -> None:
        try:
            seen = Seen(max(_SEEN_MINIMUM_IDS, 2 * self._events.count()))
            fill(seen, self._events.all_ids())
        except TurnoutError:
            log.exception("no filter of known ids: every batch is looked up in the store")
            return
        with self._lock:
            if filling == self._filling:
                # What was appended while the store was read may or may not have been read.
                seen.add(b"".join(self._unfiltered))
                self._unfiltered = []
                self._seen = seen


def cells_of(batch: Batch) -> Cells:
    """The campaigns and the time that a batch's events are in; it has at least one."""
    if batch.packed is not None:
        return batch.packed.cells
    times = [int(event.time) for event in batch.events]  # type: ignore[arg-type]
    campaigns = tuple(sorted({event.campaign for event in batch.events}))
    return Cells(batch.workspace, campaigns, min(times) // 1000, max(times) // 1000 + 1)


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
