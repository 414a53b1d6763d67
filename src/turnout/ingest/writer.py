"""The one writer: batches from every door, gathered into groups, deduplicated, appended, acknowledged.

Requests hand in prepared batches and wait for their receipts. While one group is being written the
next one gathers, so many small requests cost one commit. A receipt is given once its events, and the
rollup of them, are on disk.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

import pyarrow as pa

from turnout.errors import Overloaded, TurnoutError
from turnout.ingest.columns import pack
from turnout.ingest.steps import Batch
from turnout.model import Event, Receipt
from turnout.store.catalog import Catalog, Sighting
from turnout.store.events import Cells, EventStore
from turnout.store.seen import Seen, fill

log = logging.getLogger(__name__)

#: Smallest filter worth having: two bytes an id.
_SEEN_MINIMUM_IDS = 4_000_000

#: Batches of this size are packed one by one, before they reach the writer; smaller ones together, by it.
PACK_FROM_EVENTS = 500

#: While no more than this is waiting, a little patience makes the commit worth more.
_GATHER_BELOW_EVENTS = 10_000
_GATHER_AT_MOST_MS = 20

#: So many ids are looked for in the whole store at once; more are looked for near their event first.
_FEW = 100


@dataclass(frozen=True)
class Flush:
    """What one group did, for whoever counts (metrics) or must know (caches): `touched` got new events."""

    touched: tuple[Cells, ...]
    accepted: int
    duplicates: int
    seconds: float


@dataclass
class _Submission:
    batch: Batch
    receipt: Future[Receipt]


@dataclass
class _Share:
    """What one workspace adds to a group: rows that are packed already, and the events of small batches."""

    records: list[pa.RecordBatch] = field(default_factory=list)
    touched: list[Cells] = field(default_factory=list)
    sightings: set[Sighting] = field(default_factory=set)
    events: list[Event] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)
    received_us: list[int] = field(default_factory=list)
    #: Of everything, packed or not.
    added: list[bytes] = field(default_factory=list)

    def add(self, batch: Batch, new: list[bool] | None) -> None:
        """Take a batch, or the events of it that are new."""
        events, digests = batch.events, batch.digests
        if new is not None:
            events = [event for event, wanted in zip(events, new, strict=True) if wanted]
            digests = [digest for digest, wanted in zip(digests, new, strict=True) if wanted]
        self.added += digests
        if len(batch.events) < PACK_FROM_EVENTS:
            self.events += events
            self.digests += digests
            self.received_us += [batch.received_us] * len(events)
        elif events:
            packed = batch.pack()
            self.records += packed.records if new is None else packed.only(new)
            self.touched.append(packed.cells)
            self.sightings |= packed.sightings

    def pack(self, workspace: str) -> None:
        """Pack the events of the small batches together."""
        if self.events:
            packed = pack(workspace, self.events, self.digests, self.received_us)
            self.records += packed.records
            self.touched.append(packed.cells)
            self.sightings |= packed.sightings


class Writer:
    """Owns the writing side of the store. `submit` from any thread; `close` writes what is left.

    At most `queue_limit_events` wait; more are refused with Overloaded before anything is taken.
    A small group waits until nothing more has come for `gather_ms`: clients that were just answered are about to
    send again, and one commit for all of them is cheaper than one for the first and one for the rest.
    `filter_ids` keeps a filter of stored ids in memory; it must be off where others write to the store.
    """

    def __init__(
        self,
        events: EventStore,
        catalog: Catalog,
        *,
        on_flush: Callable[[Flush], None] = lambda flush: None,
        group_limit_events: int = 50_000,
        queue_limit_events: int = 400_000,
        filter_ids: bool = True,
        gather_ms: float = 2.0,
        stopwatch: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._events = events
        self._catalog = catalog
        self._on_flush = on_flush
        self._group_limit_events = group_limit_events
        self._queue_limit_events = queue_limit_events
        self._waiting: deque[_Submission] = deque()
        self._waiting_events = 0
        self._changed = threading.Condition()
        self._closing = False
        self._damaged = False
        self._filter_ids = filter_ids
        self._gather_ms = gather_ms
        self._stopwatch = stopwatch
        self._seen: Seen | None = None
        self._unfiltered: list[bytes] = []
        self._filling = 0
        self._flush_lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="turnout-writer", daemon=True)

    def start(self) -> None:
        """Mend what a crash may have left, then take submissions."""
        mended = self._events.recover()
        if mended:
            log.warning("mended %d slots of the rollup after an unclean stop", mended)
        self._refill_seen()
        self._thread.start()

    def submit(self, batch: Batch) -> Future[Receipt]:
        """Hand in a batch. The receipt comes when it is durable; Overloaded if too much is waiting."""
        receipt: Future[Receipt] = Future()
        if not batch.events:
            receipt.set_result(Receipt(accepted=0, duplicates=0, rejected=tuple(batch.rejected)))
            return receipt
        with self._changed:
            if self._closing:
                raise Overloaded("the server is stopping", retry_after_s=5)
            if self._waiting and self._waiting_events + len(batch.events) > self._queue_limit_events:
                raise Overloaded("too many events are waiting to be written")
            self._waiting.append(_Submission(batch, receipt))
            self._waiting_events += len(batch.events)
            self._changed.notify()
        return receipt

    @property
    def waiting_events(self) -> int:
        """Events taken but not yet acknowledged."""
        return self._waiting_events

    def exclusively(self, action: Callable[[], object]) -> None:
        """Run something on the store while no group is being written (a rebuild)."""
        with self._flush_lock:
            try:
                action()
            except BaseException:
                # It may have got half way; the journal knows where, until the next append writes it anew.
                self._damaged = True
                raise

    def close(self) -> None:
        """Write everything that waits, then stop, leaving nothing to mend."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()
        # A rebuild that is still under way needs its journal until it is done.
        with self._flush_lock:
            if not self._damaged:
                self._events.settle()

    def _run(self) -> None:
        while (group := self._next_group()) is not None:
            try:
                with self._flush_lock:
                    receipts = self._flush(group) if group else []
            except TurnoutError as error:
                self._fail(group, error)
            except Exception:
                log.exception("a group of %d submissions could not be written", len(group))
                self._fail(group, Overloaded("the events could not be written", retry_after_s=5))
            else:
                for submission, receipt in zip(group, receipts, strict=True):
                    submission.receipt.set_result(receipt)

    def _next_group(self) -> list[_Submission] | None:
        """Wait for work and take as much as one group may hold; None when closing and done."""
        with self._changed:
            while not self._waiting and not self._closing:
                self._changed.wait()
            if not self._waiting:
                return None
            self._gather()
            group: list[_Submission] = []
            size = 0
            while self._waiting and (
                not group or size + len(self._waiting[0].batch.events) <= self._group_limit_events
            ):
                submission = self._waiting.popleft()
                size += len(submission.batch.events)
                # A caller that gave up before its turn is told nothing, so nothing is written for it.
                if submission.receipt.set_running_or_notify_cancel():
                    group.append(submission)
            self._waiting_events -= size
            return group

    def _gather(self) -> None:
        """Let a small group grow for as long as more keeps coming, within a bound."""
        until = self._stopwatch() + _GATHER_AT_MOST_MS / 1000
        while self._waiting_events < _GATHER_BELOW_EVENTS and not self._closing and self._stopwatch() < until:
            if not self._changed.wait(self._gather_ms / 1000):
                return

    def _fail(self, group: list[_Submission], error: TurnoutError) -> None:
        self._damaged = True
        for submission in group:
            submission.receipt.set_exception(error)

    def _flush(self, group: list[_Submission]) -> list[Receipt]:
        if self._damaged:
            # The last append may have got half way; nothing new goes in before that is mended.
            self._events.recover()
            self._refill_seen()
            self._damaged = False
        started = self._stopwatch()
        known = self._known([submission.batch for submission in group])
        shares: dict[str, _Share] = {}
        receipts = []
        for submission in group:
            workspace = submission.batch.workspace
            receipts.append(_take(submission.batch, known[workspace], shares.setdefault(workspace, _Share())))
        self._append({workspace: share for workspace, share in shares.items() if share.added})
        self._on_flush(
            Flush(
                tuple(cells for share in shares.values() for cells in share.touched),
                sum(receipt.accepted for receipt in receipts),
                sum(receipt.duplicates for receipt in receipts),
                self._stopwatch() - started,
            )
        )
        return receipts

    def _append(self, shares: dict[str, _Share]) -> None:
        if not shares:
            return
        for workspace, share in shares.items():
            share.pack(workspace)
            self._catalog.observe(workspace, share.sightings)
        records = [rows for share in shares.values() for rows in share.records]
        self._events.append(records, [cells for share in shares.values() for cells in share.touched])
        self._remember(b"".join(digest for share in shares.values() for digest in share.added))

    def _known(self, batches: list[Batch]) -> dict[str, set[bytes]]:
        """Per workspace, the identities among these that it holds already."""
        by_workspace: dict[str, list[Batch]] = {}
        for batch in batches:
            by_workspace.setdefault(batch.workspace, []).append(batch)
        return {workspace: self._known_in(workspace, mine) for workspace, mine in by_workspace.items()}

    def _known_in(self, workspace: str, batches: list[Batch]) -> set[bytes]:
        digests = [digest for batch in batches for digest in batch.digests]
        suspects = set(digests)
        if self._seen is not None:
            maybe = self._seen.maybe(b"".join(digests))
            suspects = {digest for digest, doubtful in zip(digests, maybe.tolist(), strict=True) if doubtful}
        wanted = {int.from_bytes(digest, "little") for digest in suspects}
        found: set[int] = set()
        if len(wanted) > _FEW:
            # Mostly real repeats, which are where the event is; the rest are few, and looked for everywhere.
            found = self._events.known_near(_cells_of(workspace, batches), sorted(wanted))
        if wanted - found:
            found |= self._events.known_anywhere(workspace, sorted(wanted - found))
        return {number.to_bytes(16, "little") for number in found}

    def _remember(self, digests: bytes) -> None:
        if self._seen is None:
            if self._filter_ids:
                self._unfiltered.append(digests)
        else:
            self._seen.add(digests)
            if self._seen.added > self._seen.capacity_ids:
                self._refill_seen()

    def _refill_seen(self) -> None:
        """Do without the filter until a new one has read every stored id, in the background."""
        self._seen = None
        self._unfiltered = []
        self._filling += 1
        if self._filter_ids:
            threading.Thread(target=self._fill_seen, args=(self._filling,), name="turnout-seen", daemon=True).start()

    def _fill_seen(self, filling: int) -> None:
        try:
            seen = Seen(max(_SEEN_MINIMUM_IDS, 2 * self._events.count()))
            fill(seen, self._events.all_ids())
        except TurnoutError:
            log.exception("no filter of seen ids: every batch is looked up in the store")
            return
        with self._flush_lock:
            if filling != self._filling:
                return
            # What was appended while the store was read may or may not have been read.
            seen.add(b"".join(self._unfiltered))
            self._unfiltered = []
            self._seen = seen


def _take(batch: Batch, known: set[bytes], share: _Share) -> Receipt:
    """Move a batch's new events into the share; `known` grows by them, so a repeat in the group is one too."""
    count = len(batch.events)
    arriving = set(batch.digests)
    new: list[bool] | None = None
    if len(arriving) < count or not known.isdisjoint(arriving):
        new = []
        for digest in batch.digests:
            new.append(digest not in known)
            known.add(digest)
    else:
        known |= arriving
    share.add(batch, new)
    accepted = count if new is None else sum(new)
    return Receipt(accepted=accepted, duplicates=count - accepted, rejected=tuple(batch.rejected))


def _cells_of(workspace: str, batches: list[Batch]) -> Cells:
    """The campaigns and the time that all these events are in."""
    times = [int(event.time) for batch in batches for event in batch.events]  # type: ignore[arg-type]
    campaigns = {event.campaign for batch in batches for event in batch.events}
    return Cells(workspace, tuple(sorted(campaigns)), min(times) // 1000, max(times) // 1000 + 1)
