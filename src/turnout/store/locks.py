"""A lock in the store, for processes that share it: one of them has it, or nobody.

ClickHouse has no locks, but an insert with a deduplication token is a test-and-set: of several inserts with the same
token one is kept, whichever node of a cluster they are sent to. A lock's terms are numbered; who wants the next term
inserts it under the token of that term, and then reads whose row was kept.

A term ends when its holder lets go, or when nothing was heard of the holder for `lease_s`: then the next one may be
had. Who is stopped for longer than that, and goes on, has lost the lock without a word: `is_lost` tells, as soon as it
asks.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from turnout import sql
from turnout.errors import Overloaded, TurnoutError
from turnout.store.engine import Engine, rows

log = logging.getLogger(__name__)

_STATE = sql.query("lock_state")

#: Tokens are remembered for at least so many inserts. Terms stay, so that their numbers, and the versions that are made
#: of them, never begin again: a row or two for every change of the registry.
CREATE_LOCKS = """
CREATE TABLE IF NOT EXISTS locks
(
    name LowCardinality(String),
    term UInt64,
    kind LowCardinality(String),
    holder String,
    at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree
ORDER BY (name, term)
TTL toDateTime(at) + INTERVAL 1 DAY DELETE WHERE kind = 'beat'
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000
"""

#: Who says nothing for so long has died, as far as anybody can tell.
LEASE_S = 30.0

#: How often one looks whether a lock is free.
_LOOK_S = 0.1


@dataclass(frozen=True)
class Term:
    """A lock's newest term. `version` is odd while somebody has the lock, and grows with every term."""

    number: int = 0
    holder: str = ""
    released: bool = True
    silent_s: float = 0.0

    @property
    def version(self) -> int:
        """Twice the term, less one while it lasts."""
        return 2 * self.number - (not self.released)


class StoreLock:
    """One lock, as one process sees it. `holder` is the process's name, and `former` of one before it that is surely
    dead. Safe to call from any thread."""

    def __init__(
        self,
        engine: Engine,
        name: str,
        holder: str,
        *,
        former: str = "",
        lease_s: float = LEASE_S,
        stopwatch: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._name = name
        self._holder = holder
        self._former = former or holder
        self._lease_s = lease_s
        self._stopwatch = stopwatch
        self._mine = 0
        self._beats = 0
        self._heard_at = 0.0
        self._lost = False
        self._changing = threading.RLock()

    @property
    def is_held(self) -> bool:
        """Whether this process has it, as far as it knows."""
        return self._mine > 0

    @property
    def is_lost(self) -> bool:
        """Whether somebody else took it over, since this process was silent for too long."""
        return self._lost

    def term(self) -> Term:
        """The newest term, by one question to the store."""
        found = rows(self._engine, _STATE, {"name": self._name})
        if not found:
            return Term()
        ((number, holder, released, silent_ms),) = found
        return Term(int(number), holder, bool(released), int(silent_ms) / 1000)

    def is_free(self, term: Term) -> bool:
        """Whether the next term may be had."""
        return term.released or term.silent_s >= self._lease_s

    def try_acquire(self) -> Term | None:
        """Have the next term if nobody else has one. Returns the term before it, None where it can't be had."""
        with self._changing:
            before = self.term()
            abandoned = before.holder in (self._holder, self._former)
            if self._mine or not (abandoned or self.is_free(before)):
                return None
            number = before.number + 1
            self._say(number, "held", "held")
            if (now := self.term()).number != number or now.holder != self._holder:
                return None
            self._mine, self._beats, self._lost, self._heard_at = number, 0, False, self._stopwatch()
            if not before.released:
                log.warning("took the lock '%s' over from %s, which is silent", self._name, before.holder)
            return before

    def acquire(self, timeout_s: float) -> Term:
        """The same, waiting for it. Overloaded if that takes longer than `timeout_s`."""
        until = self._stopwatch() + timeout_s
        while (before := self.try_acquire()) is None:
            if self._stopwatch() >= until:
                raise Overloaded(f"another process that shares the store has its lock '{self._name}'", retry_after_s=10)
            time.sleep(_LOOK_S)
        return before

    def renew(self) -> None:
        """Say that this process is there, where it has the lock and has not said so for a third of the lease."""
        with self._changing:
            if not self._mine or self._stopwatch() - self._heard_at < self._lease_s / 3:
                return
            if (now := self.term()).number != self._mine:
                self._lost, self._mine = True, 0
                log.error("the lock '%s' was taken over by %s meanwhile", self._name, now.holder)
                return
            self._beats += 1
            self._say(self._mine, "beat", f"beat-{self._beats}")
            self._heard_at = self._stopwatch()

    def release(self) -> None:
        """Let go. Where the store can't be told, the lease ends by itself."""
        with self._changing:
            number, self._mine = self._mine, 0
            if number:
                with contextlib.suppress(TurnoutError):
                    self._say(number, "released", "released")

    def abandon(self) -> None:
        """Have it no longer, and let it run out: whoever has the next term finds that this one did not end well."""
        with self._changing:
            self._mine = 0

    @contextlib.contextmanager
    def held(self, timeout_s: float) -> Iterator[Term]:
        """Have it for the block; gives the term before. Past the lease somebody must `renew` it."""
        before = self.acquire(timeout_s)
        try:
            yield before
        finally:
            self.release()

    def _say(self, number: int, kind: str, what: str) -> None:
        row = {"name": [self._name], "term": pa.array([number], pa.uint64()), "kind": [kind], "holder": [self._holder]}
        token = f"{self._name}-{number}-{what}"
        self._engine.insert("locks", pa.table(row), token if kind == "held" else f"{token}-{self._holder}")
