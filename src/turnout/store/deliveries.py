"""What came to each hook lately: when, what it was answered, and how many events it brought; never what it said.

Deliveries are noted in memory, which costs a request nothing, and written some seconds later, all of them at once.
What a killed server forgets is the last of these seconds, and only here: the events are on disk before the answer.

Processes that share a store each add what came to them to what there is: the sums are of all of them.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections import deque
from dataclasses import dataclass, field

import msgspec

from turnout.errors import TurnoutError
from turnout.model import Hook
from turnout.store.records import Records

log = logging.getLogger(__name__)

#: Deliveries of a hook that are remembered one by one.
RECENT_LIMIT = 20

#: The longest word on what was wrong.
ERROR_LIMIT_CHARS = 300

#: How long deliveries are only in memory.
WRITE_DELAY_S = 30.0


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One request to a hook: the status of its answer, and its events: new, known already, without a statistic, and
    not understood (dead letters). `error` says why it was refused; empty if it was not."""

    at: dt.datetime
    status: int
    accepted: int = 0
    duplicates: int = 0
    ignored: int = 0
    quarantined: int = 0
    error: str = ""


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """What a hook received since it was made: sums of all, and the last of them, the newest first."""

    hook: str
    requests: int = 0
    refused: int = 0
    accepted: int = 0
    duplicates: int = 0
    ignored: int = 0
    quarantined: int = 0
    last_error: Delivery | None = None
    recent: tuple[Delivery, ...] = ()

    @property
    def last(self) -> Delivery | None:
        """The newest delivery; None if there was none."""
        return self.recent[0] if self.recent else None


@dataclass
class _Noted:
    """A hook's deliveries, as they are counted: what the store has of them, and what came since.

    `pending` is what was to be written and may have been; where the store comes to have `tried`, it was.
    """

    workspace: str
    stored: Received
    sums: Received
    recent: deque[Delivery] = field(default_factory=lambda: deque(maxlen=RECENT_LIMIT))
    pending: Received | None = None
    tried: Received | None = None

    @property
    def whole(self) -> Received:
        """All of them."""
        found = self.stored if self.pending is None else _added(self.stored, self.pending)
        return _added(found, self.taken)

    @property
    def taken(self) -> Received:
        """What came since something was to be written."""
        return msgspec.structs.replace(self.sums, recent=tuple(self.recent))


class Deliveries:
    """The deliveries of every hook. Every method may be called from any thread; none but `write` asks the engine."""

    def __init__(self, records: Records, write_delay_s: float = WRITE_DELAY_S) -> None:
        self._records = records
        self._write_delay_s = write_delay_s
        self._lock = threading.Lock()
        #: As many as there are hooks, which are bounded.
        self._noted: dict[str, _Noted] = {}
        self._unwritten: set[str] = set()
        self._awaited = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="turnout-deliveries", daemon=True)

    def note(self, hook: Hook, delivery: Delivery) -> None:
        """Remember a delivery."""
        with self._lock:
            noted = self._noted.get(hook.id)
            if noted is None:
                noted = self._noted[hook.id] = _nothing(hook.workspace, hook.id)
            before = noted.sums
            noted.sums = Received(
                hook=hook.id,
                requests=before.requests + 1,
                refused=before.refused + (delivery.status >= 400),
                accepted=before.accepted + delivery.accepted,
                duplicates=before.duplicates + delivery.duplicates,
                ignored=before.ignored + delivery.ignored,
                quarantined=before.quarantined + delivery.quarantined,
                last_error=delivery if delivery.error else before.last_error,
            )
            noted.recent.appendleft(delivery)
            self._unwritten.add(hook.id)
        self._awaited.set()

    def of(self, hook: Hook) -> Received:
        """What this hook received."""
        with self._lock:
            noted = self._noted.get(hook.id)
            return noted.whole if noted is not None else Received(hook=hook.id)

    def hold(self, workspace: str, received: Received) -> None:
        """Know what the store has."""
        with self._lock:
            noted = self._noted.setdefault(received.hook, _nothing(workspace, received.hook))
            if received == noted.tried:
                noted.pending = noted.tried = None
            noted.stored = received

    def write(self) -> None:
        """Have on disk what was noted. What can't be written now is written with what comes next."""
        with self._lock:
            names, self._unwritten = self._unwritten, set()
        if not names:
            return
        try:
            # The newest of other processes is known by then.
            with self._records.changing():
                found = [self._to_be_written(name) for name in sorted(names)]
                self._records.write("received", [(kept.workspace, kept.received.hook, kept) for kept in found])
                for kept in found:
                    self.hold(kept.workspace, kept.received)
        except Exception as error:
            with self._lock:
                self._unwritten |= names
            if not isinstance(error, TurnoutError):
                raise
            log.warning("the deliveries of %d hooks could not be written: %s", len(names), error.message)

    def _to_be_written(self, name: str) -> Kept:
        with self._lock:
            noted = self._noted[name]
            fresh = noted.taken
            noted.pending = fresh if noted.pending is None else _added(noted.pending, fresh)
            noted.tried = _added(noted.stored, noted.pending)
            noted.sums, noted.recent = Received(hook=name), deque(maxlen=RECENT_LIMIT)
            return Kept(noted.workspace, noted.tried)

    def start(self) -> None:
        """Begin to write by itself."""
        self._thread.start()

    def close(self) -> None:
        """Write what was noted, and stop."""
        self._closing.set()
        self._awaited.set()
        if self._thread.is_alive():
            self._thread.join()
        self.write()

    def _run(self) -> None:
        while True:
            self._awaited.wait()
            self._awaited.clear()
            # So many seconds' deliveries are one insert, and a server that nobody calls writes nothing.
            if self._closing.wait(self._write_delay_s):
                return
            try:
                self.write()
            except Exception:
                log.exception("deliveries could not be written")


class Kept(msgspec.Struct, frozen=True):
    """What the catalog's table has of a hook's deliveries."""

    workspace: str
    received: Received


def _nothing(workspace: str, hook: str) -> _Noted:
    return _Noted(workspace, Received(hook=hook), Received(hook=hook))


def _added(before: Received, more: Received) -> Received:
    """What two have received between them."""
    errors = [one.last_error for one in (more, before) if one.last_error is not None]
    # Of one moment, the later in this order first.
    recent = sorted((*more.recent, *before.recent), key=lambda one: one.at, reverse=True)
    return Received(
        hook=before.hook,
        requests=before.requests + more.requests,
        refused=before.refused + more.refused,
        accepted=before.accepted + more.accepted,
        duplicates=before.duplicates + more.duplicates,
        ignored=before.ignored + more.ignored,
        quarantined=before.quarantined + more.quarantined,
        last_error=max(errors, key=lambda one: one.at, default=None),
        recent=tuple(recent[:RECENT_LIMIT]),
    )
