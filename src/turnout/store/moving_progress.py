"""How far a move is, written down in the store that is moved into, so that the same command goes on after anything.

Only a note: what was verified once is not read again before the end. Every claim is proved there, whatever it says.
"""

from __future__ import annotations

import secrets
import threading

import pyarrow as pa

from turnout import sql
from turnout.errors import StoreError
from turnout.store.engine import Engine, rows
from turnout.store.moving_slices import Slice

_CREATE = sql.query("moving_progress")
_IS_THERE = "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'moves'"
_BEGUN = "SELECT count() FROM moves WHERE kind != 'closed'"
_DONE = "SELECT slice, argMax(events, at) FROM moves WHERE kind = 'done' GROUP BY slice"
_ANEW = "SELECT slice, count() FROM moves WHERE kind = 'anew' GROUP BY slice"
_RUN = "SELECT argMax(note, at) FROM moves WHERE kind = 'begun' HAVING count() > 0"
_CLOSED = "SELECT argMax(note, at) FROM moves WHERE kind = 'closed' HAVING count() > 0"
_CLEAR = "TRUNCATE TABLE moves"


class Progress:
    """The notes. Any thread may write."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._done: dict[str, int] = {}
        self._anew: dict[str, int] = {}
        #: Whether a move has begun to change the target, and has not ended.
        self.is_under_way = False
        self._run = ""
        self._lock = threading.Lock()

    def open(self) -> str | None:
        """Make room for notes where there is none, and read those that there are; see `read`."""
        self._engine.execute(_CREATE)
        return self.read()

    def read(self) -> str | None:
        """Read the notes; the registry's checksum where the last move into this store has ended, else None."""
        self.is_under_way = unfinished(self._engine)
        self._done = {name: int(events) for name, events in rows(self._engine, _DONE)}
        self._anew = {name: int(times) for name, times in rows(self._engine, _ANEW)}
        self._run = "".join(str(note) for (note,) in rows(self._engine, _RUN))
        closed = rows(self._engine, _CLOSED)
        return str(closed[0][0]) if closed and not self.is_under_way else None

    def begin(self) -> None:
        """From here on the target changes: it is no whole store before `close`."""
        if not self.is_under_way:
            self._run = secrets.token_hex(8)
            self._note("begun", "", 0, self._run)
            self.is_under_way = True

    def is_done(self, piece: Slice) -> bool:
        """Whether this slice was verified, when the source had as many events of it."""
        return self._done.get(piece.key) == piece.events

    def done(self, piece: Slice) -> None:
        """It is verified."""
        self._note("done", piece.key, piece.events)
        with self._lock:
            self._done[piece.key] = piece.events

    def anew(self, piece: Slice) -> None:
        """What is written of it from here on is another insert than what was before, even if it is the same."""
        self._note("anew", piece.key, piece.events)
        with self._lock:
            self._anew[piece.key] = self._anew.get(piece.key, 0) + 1

    def token(self, piece: Slice, content: str) -> str:
        """Under which this content of a slice is inserted once, by this move and whoever goes on with it.

        Another move has other tokens, and so has a slice that was deleted meanwhile: its rows may be written again.
        """
        return f"move-{self._run}-{piece.key}-{self._anew.get(piece.key, 0)}-{content}"

    def close(self, registry: str) -> None:
        """The move has ended: nothing stays but that, and what the registry said then."""
        self._engine.execute(_CLEAR)
        self._note("closed", "", 0, registry)
        self._done, self._anew, self.is_under_way = {}, {}, False

    def _note(self, kind: str, piece: str, events: int, note: str = "") -> None:
        row = {"kind": [kind], "slice": [piece], "events": pa.array([events], pa.uint64()), "note": [note]}
        self._engine.insert("moves", pa.table(row))


def unfinished(engine: Engine) -> bool:
    """Whether a move into this store was begun and has not ended: part of what it is to hold is missing."""
    if not int(rows(engine, _IS_THERE)[0][0]):
        return False
    return bool(int(rows(engine, _BEGUN)[0][0]))


def refuse_unfinished(engine: Engine) -> None:
    """StoreError while a move into this store has not ended: what it answered would be too little."""
    if unfinished(engine):
        raise StoreError(
            "a store is being moved into this one, and not all of it is here yet",
            hint="run the same turnout migrate-store again: it goes on where it stopped",
        )
