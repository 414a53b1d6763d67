"""The processes that share one store: who is there, and who may do what nobody else may do at the same time.

Any number of processes append. What changes rows that are stored (`alone`) waits until no other process is appending,
and keeps all of them from it: a lock in the store, named `rows`, says that somebody wants to be alone, and every
process says of itself whether it is `active`, which it must be to append, or `idle`. A process becomes active by saying
so first, and looking at the lock then; who wants to be alone takes the lock first, and looks at the others then: one of
the two always sees the other. While it stays active an append costs nothing; a thread looks at the lock a few times a
second.

The term of that lock is a version of what is stored that all processes see: odd while rows change, higher afterwards.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Protocol

from turnout.errors import Overloaded, TurnoutError
from turnout.store.engine import Engine
from turnout.store.fleet_tables import TABLES, are_made, journals, members, say
from turnout.store.locks import LEASE_S, StoreLock, Term

log = logging.getLogger(__name__)

_KILL = "KILL QUERY WHERE startsWith(query_id, {prefix:String}) SYNC"

#: How often a process looks whether another one wants to be alone.
_WATCH_S = 0.25

#: How long one waits: to be alone, for who is alone, for who changes the registry or the schema.
_ALONE_TIMEOUT_S = 60.0
_WRITING_TIMEOUT_S = 5.0
_REGISTERING_TIMEOUT_S = 10.0
_CLOSING_TIMEOUT_S = 5.0
_MIGRATING_TIMEOUT_S = 600.0
_CLASSIFYING_TIMEOUT_S = 30.0


class Fleet(Protocol):
    """Whoever shares the store. Every method may be called from any thread, and may block it."""

    @property
    def is_shared(self) -> bool:
        """Whether there may be others."""

    @property
    def version(self) -> int:
        """Odd while somebody changes stored rows; higher afterwards. One question to the store where it is shared."""

    def writing(self) -> contextlib.AbstractContextManager[None]:
        """For an append: nobody changes rows meanwhile. Overloaded if somebody is at it for long."""

    def alone(self) -> contextlib.AbstractContextManager[None]:
        """For changing rows: no other process appends or changes any meanwhile. Overloaded if that can't be had."""

    def must_be_alone(self) -> None:
        """Overloaded where this process was alone, stood still for so long that another one took over, and goes on."""

    def registering(self) -> contextlib.AbstractContextManager[None]:
        """For a change of the registry, from reading it to having it written."""

    def classifying(self) -> contextlib.AbstractContextManager[None]:
        """For a reclassification, from its first look to its last write: two of them would undo each other's."""

    def leads(self) -> bool:
        """Whether this process is to do what only one may do."""

    def note(self, cells: bytes) -> None:
        """What of the rollup this process is making anew (empty: nothing), so that another can end it."""


class Single:
    """A fleet of one: nobody else has the store."""

    is_shared = False
    version = 0

    @contextlib.contextmanager
    def _at_once(self) -> Iterator[None]:
        yield

    writing = alone = registering = classifying = _at_once

    def must_be_alone(self) -> None:
        """It always is."""

    def leads(self) -> bool:
        """Always."""
        return True

    def note(self, cells: bytes) -> None:
        """Nobody else would read it."""


class Shared:
    """A process among those that share a store; `process` is its name, new with every start.

    `former` is the name of the process that had the same data directory before, so it is surely dead and nobody waits
    for it. `take_over` is called with the cells that a process was at which died while it was alone; a list of none, as
    JSON, where it had noted nothing.
    """

    is_shared = True

    def __init__(
        self,
        engine: Engine,
        process: str,
        *,
        former: str = "",
        lease_s: float = LEASE_S,
        watch_s: float = _WATCH_S,
        stopwatch: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self.process = process
        self._former = former
        self._lease_s = lease_s
        self._watch_s = watch_s
        self._stopwatch = stopwatch
        self._locks = {
            name: StoreLock(engine, name, process, former=former, lease_s=lease_s, stopwatch=stopwatch)
            for name in ("rows", "registry", "schema", "classes", "leader")
        }
        self.take_over: Callable[[bytes], None] = lambda cells: None
        self._appending = threading.RLock()
        self._registering = threading.RLock()
        self._saying = threading.Lock()
        self._state = "idle"
        #: The version of the lock `rows` for as long as this process is active.
        self._seen: int | None = None
        self._said = 0
        self._noted = b""
        self._heard_at = float("-inf")
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="turnout-fleet", daemon=True)

    def prepare(self) -> None:
        """Make the tables that all of this needs, before the schema; end what the former process has left under way."""
        # On a cluster every node is told of a statement like these, even if there is nothing to do.
        if not are_made(self._engine):
            for statement in TABLES:
                self._engine.execute(statement)
        if any(one.process == self._former and one.state != "gone" for one in members(self._engine)):
            self._bury(self._former)

    def start(self) -> None:
        """Look after the others."""
        self._thread.start()

    def close(self) -> None:
        """Be gone: let every lock go, so that nobody waits for this process."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(_CLOSING_TIMEOUT_S)
        # An insert that the store does not answer may take long; who goes without a word is taken for dead, in time.
        if self._appending.acquire(timeout=_CLOSING_TIMEOUT_S):
            with contextlib.suppress(TurnoutError):
                self._say("gone")
            self._appending.release()
        for lock in self._locks.values():
            lock.release()

    @property
    def version(self) -> int:
        """The version of the lock `rows`: while this process is active nobody changes rows, and it stays as it was."""
        seen = self._seen
        if seen is not None and self._is_fresh():
            return seen
        return self._locks["rows"].term().version

    @contextlib.contextmanager
    def migrating(self) -> Iterator[None]:
        """One process brings the schema up to date; the others wait, and find it done."""
        with self._renewed("schema", _MIGRATING_TIMEOUT_S):
            yield

    @contextlib.contextmanager
    def registering(self) -> Iterator[None]:
        """As Fleet.registering."""
        until = self._stopwatch() + _REGISTERING_TIMEOUT_S
        # Threads of this process wait side by side, too, and none of them longer than that.
        if not self._registering.acquire(timeout=_REGISTERING_TIMEOUT_S):
            raise Overloaded("another change of the registry takes long", retry_after_s=10)
        try:
            if self._locks["registry"].is_held:
                yield
            else:
                with self._locks["registry"].held(until - self._stopwatch()):
                    yield
        finally:
            self._registering.release()

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """As Fleet.writing."""
        with self._appending:
            # Who has said that it is active, and not looked at the lock since, may be so beside somebody who is alone.
            if self._seen is None or not self._is_fresh():
                self._become_active()
            yield

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """As Fleet.alone."""
        with self._appending:
            if self._locks["rows"].is_held:
                yield
                return
            # Another one that is about to be alone must not wait for this one, which waits for it.
            if self._state == "active":
                self._say("idle")
            with self._renewed("rows", _ALONE_TIMEOUT_S) as before:
                is_ended = before.released
                try:
                    if not before.released and before.holder != self.process:
                        self._end_what_was_sent(before.holder)
                    self._await_others()
                    self._end_what_was_begun(before)
                    is_ended = True
                    yield
                except BaseException:
                    if self._noted or not is_ended:
                        # Raw answers for everybody until somebody has the lock after this, and ends it.
                        self._locks["rows"].abandon()
                    raise

    def must_be_alone(self) -> None:
        """As Fleet.must_be_alone. Asks the store only where nothing was said to it for a third of the lease."""
        lock = self._locks["rows"]
        lock.renew()
        if lock.is_lost:
            raise Overloaded("another process took over what this one was changing", retry_after_s=10)

    @contextlib.contextmanager
    def classifying(self) -> Iterator[None]:
        """As Fleet.classifying."""
        with self._renewed("classes", _CLASSIFYING_TIMEOUT_S):
            yield

    def leads(self) -> bool:
        """As Fleet.leads. Who leads does so until it is gone."""
        lock = self._locks["leader"]
        if not lock.is_held:
            lock.try_acquire()
        else:
            lock.renew()
        return lock.is_held

    def note(self, cells: bytes) -> None:
        """As Fleet.note."""
        if cells != self._noted:
            self._write("journals", self.process, cells=cells.decode())
            self._noted = cells

    # ---- appending, and being alone --------------------------------------------------------------------

    def _become_active(self) -> None:
        until = self._stopwatch() + _WRITING_TIMEOUT_S
        while True:
            if self._is_let_in():
                return
            while not self._is_mine_or_free(self._locks["rows"].term()):
                if self._stopwatch() >= until or self._closing.wait(self._watch_s):
                    raise Overloaded("another process that shares the store is changing it", retry_after_s=10)

    def _is_let_in(self) -> bool:
        """Be active, unless somebody is alone."""
        self._say("active")
        # In this order: who takes the lock after this look finds this process active.
        term = self._locks["rows"].term()
        if self._is_mine_or_free(term):
            self._seen = term.version if term.released else None
            return True
        self._say("idle")
        return False

    def _is_fresh(self) -> bool:
        """Whether the others still know that this process is there: past that it must not go on as if nothing were."""
        return self._stopwatch() - self._heard_at <= self._lease_s / 2

    def _is_mine_or_free(self, term: Term) -> bool:
        # Taken over first, and then free: what a process that died has left half done, somebody has to end.
        return term.released or self._locks["rows"].is_held

    def _await_others(self) -> None:
        """Wait until no other process is appending; what a dead one had sent is ended."""
        until = self._stopwatch() + _ALONE_TIMEOUT_S
        while active := [one for one in members(self._engine) if one.state == "active" and one.process != self.process]:
            for one in active:
                if one.silent_s >= self._lease_s:
                    self._bury(one.process)
            if self._stopwatch() >= until:
                raise Overloaded("another process that shares the store goes on appending", retry_after_s=10)
            time.sleep(self._watch_s / 2)

    def _bury(self, process: str) -> None:
        log.warning("process %s of this store has died: what it had sent is ended", process)
        self._end_what_was_sent(process)
        self._write("members", process, state="gone")

    def _end_what_was_sent(self, process: str) -> None:
        """A server goes on with a statement whose client has died."""
        self._engine.execute(_KILL, {"prefix": f"turnout-{process}-"})

    def _end_what_was_begun(self, before: Term) -> None:
        """What other processes were making anew when they died, or could not end, is made by this one."""
        left = [(process, cells) for process, cells in journals(self._engine) if process != self.process]
        for process, cells in left:
            self.take_over(cells.encode())
            self._write("journals", process, cells="")
        if not before.released and not left:
            self.take_over(b"[]")

    @contextlib.contextmanager
    def _renewed(self, name: str, timeout_s: float) -> Iterator[Term]:
        """Have a lock, and say all the while that this process is there."""
        ended = threading.Event()

        def renew() -> None:
            while not ended.wait(self._lease_s / 6):
                with contextlib.suppress(TurnoutError):
                    self._locks[name].renew()

        with self._locks[name].held(timeout_s) as before:
            thread = threading.Thread(target=renew, name=f"turnout-{name}", daemon=True)
            thread.start()
            try:
                yield before
            finally:
                ended.set()
                thread.join()

    # ---- what a process says of itself -----------------------------------------------------------------

    def _say(self, state: str) -> None:
        with self._saying:
            # Before anybody can know: who reads it now looks at the lock.
            self._seen = None
            # Before it is written: who stands still while it is has been heard of then, and not when it goes on.
            said_at = self._stopwatch()
            self._write("members", self.process, state=state)
            self._state, self._heard_at = state, said_at

    def _beat(self) -> None:
        """Say the same once more where that is due: also while an append takes long."""
        with self._saying:
            said_at = self._stopwatch()
            if said_at - self._heard_at > self._lease_s / 6:
                if not self._is_fresh():
                    # The others may take it for dead already: it looks at the lock before it goes on.
                    self._seen = None
                self._write("members", self.process, state=self._state)
                self._heard_at = said_at

    def _write(self, table: str, process: str, **said: str) -> None:
        self._said += 1
        say(self._engine, table, process, self._said, said)

    def _watch(self) -> None:
        while not self._closing.wait(self._watch_s):
            try:
                self._look()
            except TurnoutError as error:
                # Four times a second while the store is away, of which the engine says enough.
                log.debug("the processes of the store can't be looked after just now: %s", error.message)
            except Exception:
                log.exception("the processes of the store could not be looked after")

    def _look(self) -> None:
        term = self._locks["rows"].term()
        is_free = self._is_mine_or_free(term)
        # While an append takes long, this goes on to say that the process is there.
        if not (is_free and self._seen is not None) and self._appending.acquire(
            timeout=0 if is_free else self._lease_s / 6
        ):
            try:
                self._turn_to(term)
            finally:
                self._appending.release()
        self._beat()
        for name in ("registry", "leader"):
            self._locks[name].renew()

    def _turn_to(self, term: Term) -> None:
        """Be active where nobody is alone, also to read, which then need not ask for the version; else idle. What was
        left half done is ended."""
        if self._is_mine_or_free(term):
            self._is_let_in()
            return
        if self._state == "active":
            self._say("idle")
        if term.silent_s >= self._lease_s:
            with self.alone():
                pass
