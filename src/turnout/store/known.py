"""Which ids are surely new to the store: the filter, kept complete from start to start.

Ids enter before they are stored; a mask of those that were surely never stored leaves, or None while that
can't be said. Every insert is a part whose block has a number, and merged parts name the blocks they are made
of. So a snapshot says up to which block it is complete, and a start reads the ids of the parts that have a later
block: none after a clean stop, a few after a crash, all where the snapshot is missing, damaged, of another table, or
covers blocks that the table does not have.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from turnout.errors import TurnoutError
from turnout.store.engine import Engine, rows
from turnout.store.seen import ID_BYTES, Mask, Seen
from turnout.store.snapshot import Coverage, Snapshots

log = logging.getLogger(__name__)

#: A crash costs the reading of the parts that hold the ids since the last snapshot, and no more than about these.
_SAVE_EVERY_IDS = 4_000_000

#: After the store failed to be read, or a snapshot to be written.
_RETRY_AFTER_S = 30.0

_TABLE = "SELECT toString(uuid) FROM system.tables WHERE database = currentDatabase() AND name = 'events'"
_PARTS = """
SELECT name, max_block_number, rows FROM system.parts
WHERE active AND database = currentDatabase() AND table = 'events'
"""
# By the names of what is covered, not of what is not: a part that a merge makes meanwhile is read too.
_IDS = "SELECT id FROM events WHERE _part NOT IN {covered:Array(String)}"


@dataclass(frozen=True)
class _Part:
    name: str
    block: int
    rows: int


class KnownIds:
    """A filter of every id that was ever added, over the table of events of one engine. Safe from any thread.

    An id must be added before its row may be in the store, and only this process may write there.
    """

    def __init__(self, engine: Engine, directory: Path, *, save_every_ids: int = _SAVE_EVERY_IDS) -> None:
        self._engine = engine
        self._snapshots = Snapshots(directory)
        self._save_every_ids = save_every_ids
        self._seen = Seen()
        #: What is added while the snapshot is read, which takes less than a second; None from then on.
        self._pending: list[bytes] | None = []
        self._ready = threading.Event()
        self._wake = threading.Condition()
        self._closing = False
        self._saved_ids = 0
        self._first: tuple[Coverage, list[_Part]] | None = None
        self._thread = threading.Thread(target=self._run, name="turnout-known", daemon=True)

    def start(self) -> None:
        """Begin to read the snapshot, and what came after it, in the background."""
        # As it is before anything new is stored: a block that is stored now may bear the number of one that is lost.
        try:
            self._first = self._state()
        except TurnoutError:
            log.warning("what is stored can't be told yet: the snapshot of known ids is of no use")
            self._snapshots.drop()
        self._thread.start()

    def wait(self, timeout_s: float) -> bool:
        """Wait until the filter is complete; whether it is."""
        return self._ready.wait(timeout_s)

    @property
    def ids(self) -> int:
        """How many ids were added, those of the snapshot included."""
        return self._seen.added

    @property
    def resident_bytes(self) -> int:
        """Memory that the filter takes."""
        return self._seen.resident_bytes

    def refresh(self) -> None:
        """Nothing: nobody else stores anything."""

    def learn(self) -> bool:
        """Whether the filter is complete: what is stored was added before."""
        return self._ready.is_set()

    def surely_new(self, digests: bytes) -> Mask | None:
        """For each id (16 bytes, end to end), whether it was surely never stored; None while nothing can be said."""
        if not self._ready.is_set():
            return None
        return ~self._seen.maybe(digests)

    def add(self, digests: bytes) -> None:
        """Remember ids that are about to be stored."""
        with self._wake:
            if self._pending is not None:
                self._pending.append(digests)
                return
            self._seen.add(digests)
            if self._seen.added - self._saved_ids >= self._save_every_ids:
                self._wake.notify()

    def close(self) -> None:
        """Write what is known, if all is known, and stop. Nothing may be stored after this."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        if self._thread.is_alive():
            self._thread.join()
        if self._ready.is_set() and self._seen.added != self._saved_ids:
            self._save()

    def _run(self) -> None:
        covered = self._load()
        while not self._closing and not self._ready.is_set():
            try:
                self._complete(covered)
            except TurnoutError:
                log.exception("the ids that are stored could not be read: every batch is looked up in the store")
                self._pause(_RETRY_AFTER_S)
        while self._await_work():
            if not self._save():
                self._pause(_RETRY_AFTER_S)

    def _load(self) -> Coverage | None:
        """Take the tables of the snapshot, and say what they cover."""
        loaded = self._snapshots.load()
        with self._wake:
            if loaded is not None and loaded.tables:
                self._seen = Seen(tables=loaded.tables)
                self._saved_ids = self._seen.added
            for digests in self._pending or ():
                self._seen.add(digests)
            self._pending = None
        return loaded.coverage if loaded is not None else None

    def _complete(self, coverage: Coverage | None) -> None:
        """Read the ids of the parts that the snapshot does not cover."""
        now, parts = self._first or self._state()
        self._first = None
        if coverage is not None and not _fits(coverage, now):
            log.warning("the snapshot of known ids is of another state of the store: reading every id")
            # Blocks that are gone may be numbered anew, and it would seem to cover them after the next crash.
            self._snapshots.drop()
            self._saved_ids = -1
            coverage = None
        covered = [part.name for part in parts if coverage is not None and part.block <= coverage.block]
        count = sum(part.rows for part in parts) - sum(part.rows for part in parts if part.name in set(covered))
        if count:
            started = time.perf_counter()
            read = self._read(covered, count)
            log.info("read %d ids that no snapshot covers in %.1f s", read, time.perf_counter() - started)
        if not self._closing:
            self._ready.set()

    def _read(self, covered: list[str], count: int) -> int:
        """The ids of all parts but the covered ones, about `count`; returns how many there were."""
        apart = Seen(count + count // 50) if count > self._seen.tables[-1].room_ids else None
        read = 0
        for batch in self._engine.batches(_IDS, {"covered": covered}):
            ids = batch.column(0)
            digests = ids.buffers()[1].slice(ids.offset * ID_BYTES, len(ids) * ID_BYTES).to_pybytes()
            (apart or self._seen).add(digests)
            read += len(ids)
            if self._closing:
                return read
        if apart is not None:
            with self._wake:
                # In front, since the last table is the one that ids are added to.
                self._seen = Seen(tables=(*apart.tables, *self._seen.tables))
        return read

    def _await_work(self) -> bool:
        """Wait until a snapshot is due; False when closing."""
        with self._wake:
            self._wake.wait_for(lambda: self._closing or self._seen.added - self._saved_ids >= self._save_every_ids)
            return not self._closing

    def _pause(self, seconds: float) -> None:
        with self._wake:
            self._wake.wait_for(lambda: self._closing, seconds)

    def _save(self) -> bool:
        """Write a snapshot; whether that went well."""
        try:
            # In this order: what is in a block was added before, so it is in the tables that are written after.
            coverage, _ = self._state()
            seen = self._seen
            added = seen.added
            self._snapshots.save(seen.tables, coverage)
        except (OSError, TurnoutError):
            log.exception("no snapshot of the known ids was written: the next start reads more of them")
            return False
        self._saved_ids = added
        return True

    def _state(self) -> tuple[Coverage, list[_Part]]:
        """What there is to cover, and the parts that make it up."""
        ((table,),) = rows(self._engine, _TABLE)
        parts = [_Part(str(name), int(block), int(count)) for name, block, count in rows(self._engine, _PARTS)]
        return Coverage(str(table), max((part.block for part in parts), default=0)), parts


def _fits(coverage: Coverage, now: Coverage) -> bool:
    """Whether the table has gone on from where it was covered. Where the last blocks are gone, their numbers may be
    given anew."""
    return coverage.table == now.table and coverage.block <= now.block
