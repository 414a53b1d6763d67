"""The catalog's table: small records, replaced whole, kept in memory by every process.

Records of any kind enter and are durable when `write` returns; `load` gives the latest of each, and `catch_up` what
became of them since. Whoever changes records does it while `changing`, from reading the old one to showing the new one.

Where processes share the store, one of them at a time is `changing`, and begins with the newest there is: so whatever
may be there once (a name, a number, a code) is so in all of them, and versions grow over all of them.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import msgspec
import pyarrow as pa

from turnout import sql
from turnout.errors import Overloaded
from turnout.store.engine import Engine, rows
from turnout.store.fleet import Fleet, Single

_LOAD = """
SELECT kind, argMax(body, version) FROM catalog GROUP BY kind, workspace, id HAVING argMax(deleted, version) = 0
SETTINGS select_sequential_consistency = 1
"""
_NEWEST = "SELECT max(version) FROM catalog SETTINGS select_sequential_consistency = 1"
_NEWER = sql.query("newer_records")

#: Records that are read at once.
_PAGE_RECORDS = 5_000

#: A change that was begun so long ago is not written: who is stopped for longer has lost its turn without a word.
_TURN_LIMIT_S = 15.0


@dataclass(frozen=True)
class Change:
    """The newest of a record: its JSON, or that it is deleted."""

    kind: str
    workspace: str
    id: str
    body: str
    deleted: bool


class Records:
    """The table as rows of (kind, workspace, id), each a JSON body; of several versions the highest counts.

    `take` is called with what other processes of the `fleet` have written, under `lock`.
    """

    def __init__(
        self, engine: Engine, fleet: Fleet | None = None, stopwatch: Callable[[], float] = time.monotonic
    ) -> None:
        self._engine = engine
        self._fleet = fleet or Single()
        self._stopwatch = stopwatch
        self._version = 0
        self._turn_began_at: float | None = None
        self.take: Callable[[Sequence[Change]], None] = lambda changes: None
        #: For what is in memory only. Never held by who begins to be `changing`, who may wait for other processes.
        self.lock = threading.RLock()

    @property
    def is_shared(self) -> bool:
        """Whether other processes may change records."""
        return self._fleet.is_shared

    def load(self) -> list[tuple[str, str]]:
        """The kind and JSON of every record that isn't deleted."""
        (latest,) = rows(self._engine, _NEWEST)[0]
        self._version = int(latest)
        return [(kind, body) for kind, body in rows(self._engine, _LOAD)]

    @contextlib.contextmanager
    def changing(self) -> Iterator[None]:
        """For one change: nobody else changes records meanwhile, and what is in memory is the newest.

        Overloaded if another process is at it for long; what else the engine says if it can't be asked.
        """
        if not self._fleet.is_shared:
            with self.lock:
                yield
            return
        with self._fleet.registering():
            # From here on: who waits below for a look at a slow store has the turn already.
            began_at = self._stopwatch()
            with self.lock:
                if self._turn_began_at is not None:
                    yield
                    return
                self._turn_began_at = began_at
                try:
                    self.catch_up()
                    yield
                finally:
                    self._turn_began_at = None

    def catch_up(self, again: int = 0) -> bool:
        """Take in what was written since this was last called, and the last `again` versions before that once more.
        Returns whether anything is new."""
        with self.lock:
            before = self._version
            seen = max(0, before - again)
            while found := rows(self._engine, _NEWER, {"seen": seen, "limit": _PAGE_RECORDS}):
                self.take([Change(kind, place, name, body, bool(gone)) for kind, place, name, body, gone, _ in found])
                seen = int(found[-1][-1])
                self._version = max(self._version, seen)
                if len(found) < _PAGE_RECORDS:
                    break
            return self._version > before

    def write(self, kind: str, records: list[tuple[str, str, msgspec.Struct]], *, deleted: bool = False) -> None:
        """Keep each (workspace, id, record) in the place of what had that id; all of them in one insert."""
        if not records:
            return
        with self.changing():
            if self._turn_began_at is not None and self._stopwatch() - self._turn_began_at > _TURN_LIMIT_S:
                raise Overloaded("this took so long that another process may have the turn", retry_after_s=1)
            version = self._version + 1
            size = len(records)
            self._engine.insert(
                "catalog",
                pa.record_batch(
                    {
                        "kind": pa.array([kind] * size),
                        "workspace": pa.array([workspace for workspace, _, _ in records]),
                        "id": pa.array([name for _, name, _ in records]),
                        "body": pa.array([msgspec.json.encode(record).decode() for _, _, record in records]),
                        "version": pa.array([version] * size, pa.uint64()),
                        "deleted": pa.array([int(deleted)] * size, pa.uint8()),
                    }
                ),
            )
            self._version = version
