"""The one writer: batches from every door, gathered into groups, deduplicated, spooled, acknowledged.

Requests hand in prepared batches and wait for their receipts. While one group is being written the next
one gathers, so many small requests cost one commit. A receipt is given once its events are on disk in the
spool, each of them once; `drain` takes them into the store.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from turnout.errors import Overloaded, TurnoutError
from turnout.ingest.drain import Drain, Flush, Group
from turnout.ingest.group import Share, encode
from turnout.ingest.identities import Filter, Identities
from turnout.ingest.spool import Damage, Spool
from turnout.ingest.steps import Batch
from turnout.model import Receipt
from turnout.settings import Settings
from turnout.store.catalog import Catalog
from turnout.store.events import EventStore
from turnout.store.fleet import Fleet

log = logging.getLogger(__name__)

#: Events of one commit. More wait for the next, so that the first are not kept waiting by the last.
_GROUP_LIMIT_EVENTS = 20_000

#: While no more than this is waiting, a little patience makes the commit worth more.
_GATHER_BELOW_EVENTS = 1_000
_GATHER_AT_MOST_MS = 2

#: How long a group may wait for the store to take over what is spooled, before it is refused.
_ROOM_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Commit:
    """What one group did, for whoever counts."""

    accepted: int
    duplicates: int
    bytes: int
    seconds: float


@dataclass(frozen=True)
class Standing:
    """What waits for a receipt, what is spooled and not stored, and what of the spool was found damaged."""

    waiting_events: int
    spool_events: int
    spool_bytes: int
    spool_age_s: float
    #: Of the filter of known ids; 0 until it is there, and every id is looked up in the store.
    filter_ids: int
    filter_bytes: int
    damage: tuple[Damage, ...]

    @property
    def damaged_bytes(self) -> int:
        """How much of the spool is not what was written."""
        return sum(one.bytes for one in self.damage)


@dataclass
class _Submission:
    batch: Batch
    receipt: Future[Receipt] | asyncio.Future[Receipt]
    loop: asyncio.AbstractEventLoop | None = None

    def is_wanted(self) -> bool:
        """Whether somebody still waits: who gave up before its turn is told nothing, so nothing is written."""
        if isinstance(self.receipt, Future):
            return self.receipt.set_running_or_notify_cancel()
        return not self.receipt.cancelled()


Outcome = Receipt | TurnoutError


class Writer:
    """Takes batches: `accept` from coroutines, `submit` from threads.

    At most `queue_limit_events` wait; more are refused with Overloaded before anything is taken, and so is what
    comes while the spool is past its limits. A small group waits until nothing more has come for `gather_ms`:
    clients that were just answered are about to send again, and one commit for all of them is cheaper than one
    for the first and one for the rest. `known` is the filter of stored ids; without it every id is looked up. Where
    other processes of a `fleet` write to the same store, ids are looked at once more when they are stored.
    """

    def __init__(
        self,
        directory: Path,
        events: EventStore,
        catalog: Catalog,
        settings: Settings,
        *,
        known: Filter | None = None,
        fleet: Fleet | None = None,
        on_commit: Callable[[Commit], None] = lambda commit: None,
        on_flush: Callable[[Flush], None] = lambda flush: None,
        gather_ms: float = 0.5,
        stopwatch: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._events = events
        self._settings = settings
        self._on_commit = on_commit
        self._gather_ms = gather_ms
        self._stopwatch = stopwatch
        self._spool = Spool(
            directory, limit_bytes=settings.spool_limit_bytes, free_floor_bytes=settings.free_floor_bytes
        )
        self._known = known
        self._identities = Identities(events, known)
        self._drain = Drain(
            self._spool,
            events,
            catalog,
            self._identities,
            on_flush=on_flush,
            group_limit_events=settings.group_limit_events,
            age_ms=settings.flush_age_ms,
            settle_timeout_s=settings.settle_timeout_s,
            close_timeout_s=settings.shutdown_timeout_s,
            verify=known is None or (fleet is not None and fleet.is_shared),
            fleet=fleet,
            stopwatch=stopwatch,
        )
        self._waiting: deque[_Submission] = deque()
        self._waiting_events = 0
        self._changed = threading.Condition()
        self._closing = False
        self._trouble = ""
        self._thread = threading.Thread(target=self._run, name="turnout-writer", daemon=True)

    def start(self) -> None:
        """Mend what a crash may have left, take up what it left in the spool, then take submissions."""
        mended = self._drain.mend()
        if mended:
            log.warning("mended %d slots of the rollup after an unclean stop", mended)
        if self._known is not None:
            self._known.start()
        self._drain.start()
        self._thread.start()

    async def accept(self, batch: Batch) -> Receipt:
        """Hand in a batch; the receipt comes when it is durable. Overloaded if too much is waiting."""
        return await self.hand_in(batch)

    def hand_in(self, batch: Batch) -> asyncio.Future[Receipt]:
        """The same for who may not wait to the end: the batch is written unless the future is cancelled."""
        loop = asyncio.get_running_loop()
        receipt: asyncio.Future[Receipt] = loop.create_future()
        if batch.digests:
            self._take(_Submission(batch, receipt, loop))
        else:
            receipt.set_result(_nothing_new(batch))
        return receipt

    def submit(self, batch: Batch) -> Future[Receipt]:
        """The same for a thread."""
        receipt: Future[Receipt] = Future()
        if not batch.digests:
            receipt.set_result(_nothing_new(batch))
        else:
            self._take(_Submission(batch, receipt))
        return receipt

    async def settled(self, workspace: str) -> None:
        """Wait until what was acknowledged of the workspace before is in the store. Overloaded past a bound."""
        await self._drain.settled(workspace)

    def settle(self, workspace: str | None = None) -> None:
        """The same for a thread, and for all workspaces where none is named."""
        self._drain.settle(workspace)

    def exclusively(self, action: Callable[[], object]) -> None:
        """Run something on the store while nothing is being appended to it (a rebuild)."""
        self._drain.exclusively(action)

    def let_go(self) -> None:
        """Keep no copy of what is in the store: persons who are taken out there must not stay in the spool."""
        self._spool.begin_anew()

    def standing(self) -> Standing:
        """Where things stand, for gauges."""
        filter_ids, filter_bytes = self._identities.filtered
        return Standing(
            waiting_events=self._waiting_events,
            spool_events=self._drain.events_behind,
            spool_bytes=self._spool.bytes,
            spool_age_s=self._drain.age_s,
            filter_ids=filter_ids,
            filter_bytes=filter_bytes,
            damage=tuple(self._spool.damage),
        )

    def health(self) -> str:
        """Why events can't be taken or counted just now; empty if they can."""
        if self._closing:
            return "the server is stopping"
        if not self._thread.is_alive():
            return "the writer has stopped"
        if self._trouble:
            return self._trouble
        return f"the store takes no events: {self._drain.trouble}" if self._drain.trouble else ""

    def close(self) -> None:
        """Acknowledge everything that waits, store what the store takes, then stop."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()
        self._drain.close()
        self._spool.close()
        if self._known is not None:
            self._known.close()

    def _take(self, submission: _Submission) -> None:
        count = len(submission.batch.digests)
        with self._changed:
            if self._closing:
                raise Overloaded("the server is stopping", retry_after_s=5)
            if self._waiting and self._waiting_events + count > self._settings.queue_limit_events:
                raise Overloaded("too many events are waiting to be written")
            self._waiting.append(submission)
            self._waiting_events += count
            # Later ones are found by whoever this wakes; to wake it for each would cost more than all else here.
            if len(self._waiting) == 1:
                self._changed.notify()

    # ---- the thread -----------------------------------------------------------------------------------

    def _run(self) -> None:
        while (group := self._next_group()) is not None:
            outcomes: list[Outcome]
            try:
                outcomes = [*self._commit(group)] if group else []
            except TurnoutError as error:
                self._trouble = error.message
                outcomes = [error] * len(group)
            except Exception:
                log.exception("a group of %d batches could not be written", len(group))
                outcomes = [self._commit_alone(submission) for submission in group]
            else:
                self._trouble = ""
            _answer(group, outcomes)

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
            while self._waiting and (not group or size + len(self._waiting[0].batch.digests) <= _GROUP_LIMIT_EVENTS):
                submission = self._waiting.popleft()
                size += len(submission.batch.digests)
                if submission.is_wanted():
                    group.append(submission)
            self._waiting_events -= size
            return group

    def _gather(self) -> None:
        """Let a small group grow for as long as more keeps coming, within a bound."""
        until = self._stopwatch() + _GATHER_AT_MOST_MS / 1000
        while self._waiting_events < _GATHER_BELOW_EVENTS and not self._closing and self._stopwatch() < until:
            before = self._waiting_events
            self._changed.wait(self._gather_ms / 1000)
            if self._waiting_events == before:
                return

    def _commit(self, group: list[_Submission]) -> list[Receipt]:
        self._must_have_room()
        started = self._stopwatch()
        batches: dict[str, list[Batch]] = {}
        for submission in group:
            batches.setdefault(submission.batch.workspace, []).append(submission.batch)
        known = {workspace: self._identities.known(workspace, mine) for workspace, mine in batches.items()}
        shares: dict[str, Share] = {}
        receipts = []
        for submission in group:
            workspace = submission.batch.workspace
            receipts.append(_share_out(submission.batch, known[workspace], shares.setdefault(workspace, Share())))
        size = self._keep({workspace: share for workspace, share in shares.items() if share.digests})
        accepted, duplicates = sum(one.accepted for one in receipts), sum(one.duplicates for one in receipts)
        self._on_commit(Commit(accepted, duplicates, size, self._stopwatch() - started))
        return receipts

    def _keep(self, shares: dict[str, Share]) -> int:
        """Put these on disk, and on their way to the store; returns their size in bytes."""
        if not shares:
            return 0
        payload = encode(shares)
        frame = self._spool.append(payload)
        digests = {workspace: tuple(share.digests) for workspace, share in shares.items()}
        self._identities.add_spooled(digests)
        self._drain.add(Group(frame, digests, self._stopwatch()))
        return len(payload)

    def _commit_alone(self, submission: _Submission) -> Outcome:
        """One batch by itself, after its group failed for a reason that nobody foresaw: only the culprit is refused."""
        try:
            return self._commit([submission])[0]
        except TurnoutError as error:
            return error
        except Exception:
            log.exception("a batch could not be written")
            return Overloaded("the events could not be written", retry_after_s=30)

    def _must_have_room(self) -> None:
        too_old = self._drain.age_s > self._settings.spool_age_limit_s
        if too_old or not self._drain.wait_for_room(self._settings.spool_limit_events, _ROOM_TIMEOUT_S):
            raise Overloaded("the store can't keep up with what is spooled", retry_after_s=5)


def _share_out(batch: Batch, known: set[bytes], share: Share) -> Receipt:
    """Move a batch's new events into the share; `known` grows by them, so a repeat in the group is one too."""
    count = len(batch.digests)
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


def _nothing_new(batch: Batch) -> Receipt:
    return Receipt(accepted=0, duplicates=0, rejected=tuple(batch.rejected))


def _answer(group: list[_Submission], outcomes: list[Outcome]) -> None:
    """Tell everybody who waits: threads at once, and each event loop in one call."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Receipt], Outcome]]] = {}
    for submission, outcome in zip(group, outcomes, strict=True):
        receipt = submission.receipt
        if isinstance(receipt, Future):
            _set(receipt, outcome)
        elif submission.loop is not None:
            by_loop.setdefault(submission.loop, []).append((receipt, outcome))
    for loop, theirs in by_loop.items():
        with suppress(RuntimeError):  # the loop has ended, and nobody waits any more
            loop.call_soon_threadsafe(_set_all, theirs)


def _set_all(receipts: list[tuple[asyncio.Future[Receipt], Outcome]]) -> None:
    for receipt, outcome in receipts:
        if not receipt.done():
            _set(receipt, outcome)


def _set(receipt: Future[Receipt] | asyncio.Future[Receipt], outcome: Outcome) -> None:
    if isinstance(outcome, TurnoutError):
        receipt.set_exception(outcome)
    else:
        receipt.set_result(outcome)
