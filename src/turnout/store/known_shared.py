"""Which ids are surely new to a store that other processes write to as well: the filter, kept complete by reading.

Ids enter from parts that were not read yet, whoever has made them (`known_parts`); a mask of those that were surely not
stored when it was last read leaves, or None while that can't be said. `learn` reads what has come since the last time,
a few milliseconds where nothing has. A start reads what its snapshot does not cover, in the background; so does whoever
has fallen far behind. Past a limit of ids the filter is given up, and every id is looked up in the store.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from turnout.errors import TurnoutError
from turnout.store import known_parts
from turnout.store.engine import Engine
from turnout.store.known_parts import Blocks, State
from turnout.store.seen import Mask, Seen
from turnout.store.snapshot import Coverage, Shard, Snapshots

log = logging.getLogger(__name__)

#: A start reads what came since the last snapshot, and no more of what came while it ran than about these.
_SAVE_EVERY_IDS = 4_000_000

#: More than these are read in the background, as a stream, and not before an insert, in memory: 36 bytes each.
_LEARN_LIMIT_IDS = 1_000_000

#: After the store failed to be read, or a snapshot to be written.
_RETRY_AFTER_S = 30.0

#: How old what was learned may be at the door: as long as to learn takes little of the time, and never more than that.
_SHARE_OF_TIME = 0.05
_LEARNED_WITHIN_S = 1.0

#: How long who comes with events waits for what is learned: a store that hangs must not keep them.
_REFRESH_TIMEOUT_S = 2.0

#: How often it is looked whether the numbers of blocks still mean what they did.
_STATE_EVERY_S = 1.0


class SharedIds:
    """A filter of the ids of all processes that share the store of `engine`. Safe from any thread.

    `limit_ids` bounds its memory: 4.8 bytes each until a snapshot was written, half of that from then on. Old ids stay
    in it when their events are taken out of the store.
    """

    def __init__(
        self,
        engine: Engine,
        directory: Path,
        *,
        limit_ids: int,
        save_every_ids: int = _SAVE_EVERY_IDS,
        learn_limit_ids: int = _LEARN_LIMIT_IDS,
        stopwatch: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._snapshots = Snapshots(directory)
        self._limit_ids = limit_ids
        self._save_every_ids = save_every_ids
        self._learn_limit_ids = learn_limit_ids
        self._stopwatch = stopwatch
        self._seen = Seen()
        #: Who changes the filter or takes another has this.
        self._adding = threading.Lock()
        #: What is added while the snapshot is read; None from then on.
        self._pending: list[bytes] | None = []
        #: What was read of the store, and what its numbers mean: who changes these has `_learning`.
        self._read = Blocks()
        self._state: State | None = None
        self._database = ""
        self._learning = threading.Lock()
        self._ready = threading.Event()
        self._wake = threading.Condition()
        self._closing = False
        self._is_given_up = self._is_failing = False
        self._saved_ids = 0
        self._learned_at = self._state_at = float("-inf")
        self._learning_takes_s = 0.0
        self._thread = threading.Thread(target=self._run, name="turnout-known", daemon=True)
        self._wanted, self._refreshed = threading.Event(), threading.Event()
        self._refresher = threading.Thread(target=self._run_refreshes, name="turnout-refresh", daemon=True)

    def start(self) -> None:
        """Begin to read the snapshot, and what it does not cover, in the background."""
        self._thread.start()
        self._refresher.start()

    def wait(self, timeout_s: float) -> bool:
        """Wait until the filter is complete; whether it is."""
        return self._ready.wait(timeout_s)

    @property
    def ids(self) -> int:
        """How many ids it holds, those of the snapshot included."""
        return self._seen.added

    @property
    def resident_bytes(self) -> int:
        """Memory that the filter takes."""
        return 0 if self._is_given_up else self._seen.resident_bytes

    def surely_new(self, digests: bytes) -> Mask | None:
        """For each id (16 bytes, end to end), whether it was surely not stored when this was last brought up to date;
        None while nothing can be said."""
        seen = self._seen
        return ~seen.maybe(digests) if self._ready.is_set() else None

    def refresh(self) -> None:
        """Learn, unless that was done a moment ago, or is being done; who comes with events waits for it no longer than
        `_REFRESH_TIMEOUT_S`, since what the filter lacks is found before the insert."""
        wait_s = min(self._learning_takes_s / _SHARE_OF_TIME, _LEARNED_WITHIN_S)
        if self._ready.is_set() and self._stopwatch() - self._learned_at >= wait_s and not self._learning.locked():
            self._refreshed.clear()
            self._wanted.set()
            self._refreshed.wait(_REFRESH_TIMEOUT_S)

    def learn(self) -> bool:
        """Read the ids that were stored since the last time, by whomever; whether `surely_new` knows of all now."""
        return self._learn(wait=True)

    def add(self, digests: bytes) -> None:
        """Remember ids that this process is about to store: they will be read as well, but only later."""
        with self._adding:
            if self._pending is not None:
                self._pending.append(digests)
            elif not self._is_given_up:
                self._seen.add_unseen(digests)

    def close(self) -> None:
        """Write what is known, if all is known, and stop."""
        with self._wake:
            self._closing = True
            self._wake.notify_all()
        # Not waited for: where the store does not answer, it would take long, and it keeps nothing.
        self._wanted.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._ready.is_set() and self._seen.added != self._saved_ids:
            self._save()

    def _learn(self, *, wait: bool) -> bool:
        if not self._ready.is_set() or not self._learning.acquire(blocking=wait):
            return False
        try:
            started = self._stopwatch()
            try:
                has_learned = self._ready.is_set() and self._catch_up()
                self._is_failing = False
            except TurnoutError as error:
                # Once: whoever looks ids up in the same store now has more to say.
                if not self._is_failing:
                    log.warning("what was stored meanwhile could not be read, so ids are looked up: %s", error.message)
                has_learned, self._is_failing = False, True
            finally:
                self._learned_at = self._stopwatch()
                self._learning_takes_s = self._learned_at - started
            return has_learned
        finally:
            self._learning.release()

    def _catch_up(self) -> bool:
        """Read what is new; whether that was all of it. Whoever calls it has `_learning`."""
        if self._stopwatch() - self._state_at >= _STATE_EVERY_S and self._is_anew():
            return False
        found, is_all = known_parts.new_ids(self._engine, self._read, self._learn_limit_ids)
        if found.digests:
            self.add(found.digests)
        if is_all:
            self._read = self._read.joined(found.parts)
        else:
            log.info("over %d ids were stored meanwhile: ids are looked up until they are read", self._learn_limit_ids)
            self._fall_behind()
        self._keep_within_limit()
        return is_all and self._ready.is_set()

    def _is_anew(self) -> bool:
        """Look at what the numbers of blocks go on from. What was read is forgotten where they may begin anew."""
        if not self._database:
            self._database = known_parts.database_of(self._engine)
        now = known_parts.state_of(self._engine, self._database, self._state.tail if self._state else "")
        self._state_at = self._stopwatch()
        if self._state is not None and known_parts.is_anew(self._state, now, self._read):
            log.warning("the store is not the one that was read: its ids are looked up until all of them are read anew")
            self._fall_behind()
            self._snapshots.drop()
            self._read, self._state = Blocks(), None
            self._replace(Seen())
            return True
        self._state = now.after(self._state)
        self._read = self._read.passing(now.mutations)
        return False

    def _fall_behind(self) -> None:
        self._ready.clear()
        with self._wake:
            self._wake.notify_all()

    def _keep_within_limit(self) -> None:
        if self._seen.added > self._limit_ids:
            self._give_up(self._seen.added)

    def _give_up(self, count: int) -> None:
        log.warning(
            "%d ids are more than TURNOUT_KNOWN_IDS_LIMIT (%d): every id is looked up in the store",
            count,
            self._limit_ids,
        )
        self._is_given_up = True
        self._fall_behind()
        self._replace(Seen())
        self._snapshots.drop()

    def _replace(self, seen: Seen) -> None:
        with self._adding:
            self._seen, self._saved_ids = seen, -1

    # ---- the threads ----------------------------------------------------------------------------------

    def _run_refreshes(self) -> None:
        while self._wanted.wait() and not self._closing:
            self._wanted.clear()
            self._learn(wait=False)
            self._refreshed.set()

    def _run(self) -> None:
        self._load()
        while not (self._closing or self._is_given_up):
            is_well = True
            if not self._ready.is_set():
                try:
                    self._complete()
                except (TurnoutError, OSError):
                    log.exception("the ids that are stored could not be read: every id is looked up in the store")
                    is_well = False
            elif self._is_due():
                is_well = self._save()
            if is_well:
                with self._wake:
                    self._wake.wait_for(
                        lambda: self._closing or self._is_given_up or not self._ready.is_set() or self._is_due(), 1.0
                    )
            else:
                self._pause(_RETRY_AFTER_S)

    def _is_due(self) -> bool:
        return self._seen.added - self._saved_ids >= self._save_every_ids

    def _pause(self, seconds: float) -> None:
        with self._wake:
            self._wake.wait_for(lambda: self._closing, seconds)

    def _load(self) -> None:
        """Take the snapshot, with what it covers."""
        loaded = self._snapshots.load()
        with self._learning, self._adding:
            if loaded is not None and loaded.tables and loaded.coverage.shards:
                covered = loaded.coverage
                self._seen = Seen(tables=loaded.tables)
                self._saved_ids = self._seen.added
                self._read = Blocks({one.number: one.blocks for one in covered.shards})
                tables = {one.number: frozenset(one.tables) for one in covered.shards}
                self._state = State(tables, {}, began_s=covered.began_s, tail=covered.tail)
            for digests in self._pending or ():
                self._seen.add_unseen(digests)
            self._pending = None

    def _complete(self) -> None:
        """Read what was not read, however much it is."""
        with self._learning:
            if self._is_anew():
                # Once more: what they mean before the first id is read again.
                self._is_anew()
            count = known_parts.count_ids(self._engine)
            if count > self._limit_ids:
                self._give_up(count)
                return
            started, before = self._stopwatch(), self._seen.added
            if self._read.ranges or count < self._seen.tables[-1].room_ids:
                read = self._take_in(self.add)
            else:
                apart = Seen(count + count // 50)
                read = self._take_in(apart.add)
                with self._adding:
                    # In front, since the last table is the one that ids are added to.
                    self._seen = Seen(tables=(*apart.tables, *self._seen.tables))
            if self._closing:
                return
            if self._seen.added > before:
                log.info("read the ids of %d parts in %.1f s", read, self._stopwatch() - started)
            self._learned_at = self._stopwatch()
            self._ready.set()
            self._keep_within_limit()

    def _take_in(self, add: Callable[[bytes], None]) -> int:
        """Read a stream to its end; returns how many parts it was of."""
        parts: set[tuple[int, str]] = set()
        for found in known_parts.stream_ids(self._engine, self._read):
            if found.digests:
                add(found.digests)
            parts |= found.parts
            if self._closing:
                return 0
        self._read = self._read.joined(parts)
        return len(parts)

    def _save(self) -> bool:
        """Write a snapshot; whether that went well."""
        try:
            # In this order: what is in a part that was read is in the tables that are written after.
            with self._learning:
                state, read, seen = self._state, self._read, self._seen
            if state is None or self._is_given_up:
                return True
            shards = tuple(
                Shard(number, tuple(sorted(state.tables.get(number, ()))), ranges)
                for number, ranges in sorted(read.ranges.items())
            )
            added = seen.added
            self._snapshots.save(seen.tables, Coverage("", 0, shards, state.began_s, state.tail))
        except (OSError, TurnoutError):
            log.exception("no snapshot of the known ids was written: the next start reads more of them")
            return False
        self._saved_ids = added
        return True
