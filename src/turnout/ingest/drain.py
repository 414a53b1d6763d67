"""From the spool into the store: groups are read back, put together, and appended in large inserts.

What arrives by `add` is on disk already; it is stored within `age_ms`, or at once where somebody waits to read it
(`settle`). If the store refuses, it is tried again, and what may have got there is looked up: everything counts once.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

import msgspec
import pyarrow as pa

from turnout.errors import Overloaded, StoreError, TurnoutError
from turnout.ingest.columns import Packed
from turnout.ingest.group import Share, decode
from turnout.ingest.identities import Digests, Identities
from turnout.ingest.spool import Frame, Spool
from turnout.store.catalog import Catalog
from turnout.store.events import Cells, EventStore
from turnout.store.fleet import Fleet, Single

log = logging.getLogger(__name__)

#: After a failure the store is tried again after the first of these, and so on; then ever after the last.
_RETRY_AFTER_S = (0.1, 0.5, 2.0, 5.0)


@dataclass(frozen=True)
class Flush:
    """What one insert did, for whoever counts (metrics) or must know (caches): `touched` got new events, and
    `classified`, of these, events that the rules of traffic have looked at."""

    touched: tuple[Cells, ...]
    events: int
    seconds: float
    classified: tuple[Cells, ...] = ()


@dataclass(frozen=True)
class Group:
    """A spooled group: where it is, and the ids in it by workspace. `since` is by the drain's stopwatch."""

    frame: Frame
    digests: Digests
    since: float

    @property
    def events(self) -> int:
        """How many there are in it."""
        return sum(map(len, self.digests.values()))


@dataclass(frozen=True)
class _Waiter:
    position: int
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[None]


class Drain:
    """Owns the writing side of the store. `add` comes from one thread, `settle` from any.

    `group_limit_events` bounds one insert. `verify` looks ids up once more before they are stored, for stores that the
    other processes of a `fleet` write to as well: those that the filter knows by then, or all where it can't say.
    """

    def __init__(
        self,
        spool: Spool,
        events: EventStore,
        catalog: Catalog,
        identities: Identities,
        *,
        on_flush: Callable[[Flush], None] = lambda flush: None,
        group_limit_events: int = 100_000,
        age_ms: float = 1000.0,
        settle_timeout_s: float = 10.0,
        close_timeout_s: float = 30.0,
        verify: bool = False,
        fleet: Fleet | None = None,
        stopwatch: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._spool = spool
        self._events = events
        self._catalog = catalog
        self._identities = identities
        self._on_flush = on_flush
        self._group_limit_events = group_limit_events
        self._age_s = age_ms / 1000
        self._settle_timeout_s = settle_timeout_s
        self._close_timeout_s = close_timeout_s
        self._verify = verify
        self._fleet = fleet or Single()
        self._stopwatch = stopwatch
        self._groups: deque[Group] = deque()
        self._events_behind = 0
        self._last_of: dict[str, int] = {}
        self._stored = spool.stored
        self._wanted = 0
        self._waiters: list[_Waiter] = []
        self._changed = threading.Condition()
        self._flush_lock = threading.Lock()
        self._closing = False
        self._damaged = False
        #: Up to here something may be in the store already: what a restart or a failed insert left.
        self._doubtful = 0
        #: Up to here the filter of known ids has been told.
        self._announced = 0
        self.trouble = ""
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name="turnout-drain", daemon=True)

    def start(self) -> None:
        """Take up what an earlier run has spooled and may not have stored, then begin."""
        for frame in self._spool.waiting():
            shares = self._read(frame)
            if shares is not None:
                digests = {workspace: tuple(share.digests) for workspace, share in shares.items()}
                self._identities.add_spooled(digests)
                self.add(Group(frame, digests, self._stopwatch()))
        if self._groups:
            self._doubtful = self._groups[-1].frame.position
            log.info("%d spooled events of an earlier run are being stored", self._events_behind)
        self._thread.start()

    def add(self, group: Group) -> None:
        """Here is another group, which is on disk."""
        with self._changed:
            self._groups.append(group)
            self._events_behind += group.events
            for workspace in group.digests:
                self._last_of[workspace] = group.frame.position
            self._changed.notify_all()

    @property
    def events_behind(self) -> int:
        """Events that are spooled and not stored yet."""
        return self._events_behind

    @property
    def age_s(self) -> float:
        """How long the oldest of them has been waiting."""
        try:
            return self._stopwatch() - self._groups[0].since
        except IndexError:
            return 0.0

    def wait_for_room(self, limit_events: int, timeout_s: float) -> bool:
        """Wait until fewer than `limit_events` are behind. False if that takes too long, or the store is in trouble."""
        with self._changed:
            self._changed.wait_for(lambda: self._events_behind < limit_events or self.trouble != "", timeout_s)
            return self._events_behind < limit_events

    # ---- whoever reads waits ------------------------------------------------------------------------

    def is_settled(self, workspace: str) -> bool:
        """Whether everything that was acknowledged of a workspace is in the store."""
        return self._last_of.get(workspace, 0) <= self._stored

    def settle(self, workspace: str | None = None) -> None:
        """Wait until everything of a workspace (or of all) that was acknowledged before is in the store.

        Blocks. Overloaded if that takes too long.
        """
        with self._changed:
            target = self._want(workspace)
            if not self._changed.wait_for(lambda: self._stored >= target, self._settle_timeout_s):
                raise _behind()

    async def settled(self, workspace: str) -> None:
        """The same for a coroutine."""
        if self.is_settled(workspace):
            return
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        with self._changed:
            target = self._want(workspace)
            if self._stored >= target:
                return
            waiter = _Waiter(target, loop, future)
            self._waiters.append(waiter)
        try:
            await asyncio.wait_for(future, self._settle_timeout_s)
        except TimeoutError:
            raise _behind() from None
        finally:
            with self._changed, suppress(ValueError):
                self._waiters.remove(waiter)

    def _want(self, workspace: str | None) -> int:
        target = max(self._last_of.values(), default=0) if workspace is None else self._last_of.get(workspace, 0)
        if target > self._wanted:
            self._wanted = target
            self._changed.notify_all()
        return target

    def exclusively(self, action: Callable[[], object]) -> None:
        """Run something on the store while nothing is being appended (a rebuild)."""
        with self._flush_lock:
            self._mend()
            with self._fleet.alone():
                try:
                    action()
                except BaseException:
                    # It may have got half way; the journal knows where, until the next append writes it anew.
                    self._damaged = True
                    raise

    def mend(self) -> int:
        """Hold what an earlier process was at against raw, before anything else; returns the slots that were mended."""
        if self._fleet.is_shared and not self._events.is_in_doubt:
            return 0
        with self._flush_lock:
            try:
                with self._fleet.alone():
                    return self._events.recover()
            except Overloaded:
                log.warning("what was under way at the last stop is looked at later: the store's others are busy")
                self._damaged = True
                return 0

    def close(self) -> None:
        """Store what is spooled, unless the store refuses, and stop. What is left is for the next start."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(self._close_timeout_s)
        if self._events_behind:
            log.warning("%d events wait in the spool: the next start stores them", self._events_behind)
        if self._thread.is_alive():
            # The store says nothing. What it makes of the last insert is looked up at the next start.
            return
        # A rebuild that is still under way needs its journal until it is done.
        with self._flush_lock:
            if not self._damaged:
                try:
                    self._events.settle()
                except OSError as error:
                    log.warning("the next start holds the last insert against raw: %s", error)

    # ---- the thread -----------------------------------------------------------------------------------

    def _run(self) -> None:
        while groups := self._next():
            try:
                with self._flush_lock:
                    self._store(groups)
            except TurnoutError as error:
                log.warning("%d spooled groups could not be stored: %s", len(groups), error.message)
                self._fail(groups, error.message)
            except Exception:
                log.exception("%d spooled groups could not be stored", len(groups))
                self._fail(groups, "see the server's log")
            if self._closing and self.trouble:
                return

    def _next(self) -> list[Group]:
        """Wait until there is enough, or old enough, or wanted; nothing when closing and done."""
        with self._changed:
            if self.trouble:
                self._changed.wait_for(
                    lambda: self._closing, _RETRY_AFTER_S[min(self._failures, len(_RETRY_AFTER_S)) - 1]
                )
            while not (self._closing or self._is_due()):
                self._changed.wait(max(0.001, self._age_s - self.age_s) if self._groups else None)
            taken, events = list[Group](), 0
            for group in self._groups:
                events += group.events
                # What may be under way, and not be seen yet, goes again by itself: the same rows have the same token.
                is_other = self._groups[0].frame.position <= self._doubtful < group.frame.position
                if taken and (events > self._group_limit_events or is_other):
                    break
                taken.append(group)
            return taken

    def _is_due(self) -> bool:
        return bool(self._groups) and (
            self._events_behind >= self._group_limit_events
            or self._wanted >= self._groups[0].frame.position
            or self.age_s >= self._age_s
        )

    def _fail(self, groups: Iterable[Group], why: str) -> None:
        with self._changed:
            self._failures += 1
            self.trouble = why
            self._doubtful = max(self._doubtful, *(group.frame.position for group in groups))
            self._changed.notify_all()

    def _store(self, groups: list[Group]) -> None:
        self._mend()
        started = self._stopwatch()
        shares = self._read_all(groups)
        ready = {workspace: self._pack(workspace, share) for workspace, share in shares.items()}
        packs = [packed for theirs in ready.values() for packed in theirs]
        # Of everything, since a failed insert may have stored it and told nobody.
        touched = tuple(packed.cells for packed in packs)
        classified = tuple(packed.cells for packed in packs if packed.is_classified)
        with self._fleet.writing():
            if groups[0].frame.position <= self._doubtful or (self._verify and not self._identities.learn()):
                packs = [one for name, share in shares.items() for one in self._not_stored(name, share, touched)]
            elif self._verify:
                packs = [
                    one
                    for name, share in shares.items()
                    for one in self._not_stored_since(name, share, touched, ready[name])
                ]
            records = [rows for packed in packs for rows in packed.records]
            self._announce(groups)
            if records:
                # Where it fails. Who is only kept from it has nothing to mend, and does not ask to be alone for that.
                self._damaged = True
                self._events.append(records, tuple(packed.cells for packed in packs))
                self._damaged = False
        # Caches hear of it before anybody who waits is let through.
        count = sum(rows.num_rows for rows in records)
        self._on_flush(Flush(touched, count, self._stopwatch() - started, classified))
        self._done(groups)

    def _mend(self) -> None:
        """The last append or change may have got half way; nothing else happens before that is mended."""
        if self._damaged:
            with self._fleet.alone():
                self._events.recover()
            self._damaged = False

    def _announce(self, groups: list[Group]) -> None:
        """Tell of what may be in the store from now on: once, however often the store refuses it."""
        self._identities.about_to_store(one.digests for one in groups if one.frame.position > self._announced)
        self._announced = max(self._announced, *(group.frame.position for group in groups))

    def _pack(self, workspace: str, share: Share) -> list[Packed]:
        packs = share.pack(workspace)
        self._catalog.observe(workspace, {sighting for packed in packs for sighting in packed.sightings})
        return packs

    def _not_stored(self, workspace: str, share: Share, near: tuple[Cells, ...]) -> list[Packed]:
        there = [cells for cells in near if cells.workspace == workspace]
        return share.without(self._identities.stored(workspace, share.digests, there)).pack(workspace)

    def _not_stored_since(
        self, workspace: str, share: Share, near: tuple[Cells, ...], packed: list[Packed]
    ) -> list[Packed]:
        """The same by the filter, which has just heard of all that is stored: `packed`, nearly always."""
        there = [cells for cells in near if cells.workspace == workspace]
        known = self._identities.stored_now(workspace, share.digests, there)
        return share.without(known).pack(workspace) if known else packed

    def _done(self, groups: list[Group]) -> None:
        position = max(group.frame.position for group in groups)
        for group in groups:
            self._identities.now_stored(group.digests)
        self._spool.forget(position)
        with self._changed:
            for group in groups:
                self._groups.popleft()
                self._events_behind -= group.events
            self._stored = position
            self.trouble, self._failures = "", 0
            ready = [waiter for waiter in self._waiters if waiter.position <= position]
            self._waiters = [waiter for waiter in self._waiters if waiter.position > position]
            self._changed.notify_all()
        for waiter in ready:
            with suppress(RuntimeError):  # its loop has ended
                waiter.loop.call_soon_threadsafe(_let_through, waiter.future)

    def _read_all(self, groups: list[Group]) -> dict[str, Share]:
        shares: dict[str, Share] = {}
        for group in groups:
            for workspace, share in (self._read(group.frame) or {}).items():
                shares.setdefault(workspace, Share()).extend(share)
        return shares

    def _read(self, frame: Frame) -> dict[str, Share] | None:
        """A group's events. What can't be read is set aside: one damaged group must not hold up all others."""
        try:
            return decode(self._spool.read(frame))
        except (FileNotFoundError, ValueError, RecursionError, msgspec.MsgspecError, pa.ArrowException) as error:
            log.error("a spooled group is lost: %s", error)
            self._spool.set_aside(frame)
            return None
        except OSError as error:
            raise StoreError(f"the spool can't be read: {error.strerror}") from error


def _let_through(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _behind() -> TurnoutError:
    return Overloaded("events that were acknowledged before are not counted yet", retry_after_s=2)
