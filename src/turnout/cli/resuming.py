"""How far an import has come, kept beside the data until it is done, so that the same command goes on there.

The files and wishes of a command enter; for each file leaves the place up to which every event was acknowledged, and
what became of them. Nothing depends on it but time: an event that is sent again counts once.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from turnout.cli.sending import FIRST_REJECTIONS, Rejected, Tally

#: Imports that were left off and are remembered in one directory; the oldest go first.
KEPT_IMPORTS = 100

#: Files of one import that are remembered; of more, the later ones begin anew.
KEPT_FILES = 10_000

#: How often what was acknowledged is written down, at most; what is lost of it is sent again and counts once.
_WRITE_EVERY_S = 0.5

_HEAD_BYTES = 1 << 16


class Identity(msgspec.Struct, frozen=True):
    """What tells a file from another, or from an older one at the same path."""

    size_bytes: int
    changed_ns: int
    head: str


class Entry(msgspec.Struct):
    """A file: every event up to line, row or item `after` was acknowledged, and is counted here; `done`: all were."""

    identity: Identity
    after: int = 0
    done: bool = False
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    first: list[Rejected] = []


_decode = msgspec.json.Decoder(dict[str, Entry]).decode
_encode = msgspec.json.encode


class Standing:
    """What is known of one import. Without a `place` to keep it, it is known only while the command runs."""

    def __init__(self, place: Path | None, *, stopwatch: Callable[[], float] = time.monotonic) -> None:
        self._place = place
        self._stopwatch = stopwatch
        self._written = -_WRITE_EVERY_S
        self._entries: dict[str, Entry] = {}
        if place is not None:
            # What can't be read is as good as nothing: everything is sent again.
            with contextlib.suppress(OSError, msgspec.MsgspecError, UnicodeDecodeError):
                self._entries = _decode(place.read_bytes())

    def entry(self, path: str) -> tuple[Entry | None, bool]:
        """The entry of a file, a fresh one if it wasn't begun; None for what is no file, e.g. a pipe. And whether
        another file was begun at that path, which this one has replaced."""
        identity = _identity(path)
        if identity is None:
            return None, False
        known = self._entries.get(path)
        if known is not None and known.identity == identity:
            return known, False
        fresh = Entry(identity)
        if len(self._entries) < KEPT_FILES or path in self._entries:
            self._entries[path] = fresh
        return fresh, known is not None

    def write(self, *, now: bool = False) -> None:
        """Write down how far it has come, unless that was done a moment ago. A disk that takes nothing is no error."""
        moment = self._stopwatch()
        if self._place is None or not (now or moment - self._written >= _WRITE_EVERY_S):
            return
        self._written = moment
        with contextlib.suppress(OSError):
            self._place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            fresh = self._place.with_suffix(".new")
            fresh.write_bytes(_encode(self._entries))
            fresh.replace(self._place)
            _bound(self._place.parent)

    def forget(self) -> None:
        """It is done, or is to begin anew."""
        self._entries = {}
        if self._place is not None:
            with contextlib.suppress(OSError):
                self._place.unlink(missing_ok=True)


class Account:
    """One file's part of a running tally, kept in its entry. What an earlier run counted is added to the tally."""

    def __init__(self, entry: Entry, tally: Tally) -> None:
        tally.accepted += entry.accepted
        tally.duplicates += entry.duplicates
        tally.rejected += entry.rejected
        self._firsts = len(tally.first)
        tally.first += entry.first[: max(0, FIRST_REJECTIONS - len(tally.first))]
        self._entry, self._tally = entry, tally
        self._before = tuple(
            total - mine
            for total, mine in zip(_numbers(tally), (entry.accepted, entry.duplicates, entry.rejected), strict=True)
        )

    def note(self, after: int) -> None:
        """Everything up to here is acknowledged and in the tally."""
        entry = self._entry
        entry.after = max(entry.after, after)
        entry.accepted, entry.duplicates, entry.rejected = (
            total - before for total, before in zip(_numbers(self._tally), self._before, strict=True)
        )
        entry.first = self._tally.first[self._firsts :]


def _numbers(tally: Tally) -> tuple[int, int, int]:
    return tally.accepted, tally.duplicates, tally.rejected


def place_of(data: Path, url: str | None, key: str, said: Mapping[str, object], files: Sequence[str]) -> Path | None:
    """Where an import is remembered: by where its events go, how files are read, and which they are.

    Of a data directory that is in the directory itself, so that both go together; of a server elsewhere, in the user's
    own state (XDG_STATE_HOME). None where nothing can be remembered.
    """
    if url:
        state = os.environ.get("XDG_STATE_HOME", "")
        try:
            home = Path(state) if state else Path.home() / ".local" / "state"
        except RuntimeError:
            return None
        directory = home / "turnout" / "imports"
    else:
        directory = data / "imports"
    known = [url or "", key, dict(said), [os.path.abspath(one) for one in files]]
    return directory / f"{hashlib.sha256(_encode(known)).hexdigest()[:32]}.json"


def _identity(path: str) -> Identity | None:
    if path == "-" or not os.path.isfile(path):
        return None
    with open(path, "rb") as file:
        status = os.fstat(file.fileno())
        head = hashlib.sha256(file.read(_HEAD_BYTES)).hexdigest()
    return Identity(status.st_size, status.st_mtime_ns, head)


def _bound(directory: Path) -> None:
    kept = sorted(directory.glob("*.json"), key=lambda one: one.stat().st_mtime)
    for one in kept[:-KEPT_IMPORTS]:
        one.unlink(missing_ok=True)
