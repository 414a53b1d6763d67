"""One process owns a data directory. A second one is told who the first is.

The lock is the kernel's, so it ends with its process, however that dies; the note beside it says
who holds it and where the server listens, so that commands can talk to it instead. Whoever wants to
know tries the lock too, for an instant; so who wants to own waits out an instant that is not the
owner's.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import time
from pathlib import Path

import msgspec

from turnout.errors import StoreOwned

log = logging.getLogger(__name__)

_LOCK, _NOTE = "lock", "owner.json"

#: How long a lock must be held by another to be an owner's. A look at it takes microseconds.
_TAKE_TIMEOUT_S = 0.5


class Owner(msgspec.Struct, frozen=True):
    """Who owns the directory: a process, and its server's address and local admin token if it serves."""

    pid: int
    url: str = ""
    token: str = ""


class Ownership:
    """The hold on a data directory, from `take` until `release` or the process's end."""

    def __init__(self, directory: Path, descriptor: int) -> None:
        self._directory = directory
        self._descriptor = descriptor

    @classmethod
    def take(cls, directory: Path) -> Ownership:
        """Own `directory`, or raise StoreOwned naming the process that does."""
        directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        if not _lock(descriptor):
            os.close(descriptor)
            raise StoreOwned(_describe(directory), hint="stop it, or give another --data directory")
        ownership = cls(directory, descriptor)
        ownership.announce(url="", token="")
        return ownership

    def announce(self, *, url: str, token: str) -> None:
        """Write down who owns this directory; only its user may read the note.

        On a full disk there is none: it is the lock that owns, and questions can be answered all the same.
        """
        note = self._directory / _NOTE
        temporary = note.with_suffix(".new")
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.encode(Owner(pid=os.getpid(), url=url, token=token)))
            os.replace(temporary, note)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            log.warning("no room to write down who owns %s: commands on this machine need --url", self._directory)
            for path in (temporary, note):
                path.unlink(missing_ok=True)

    def release(self) -> None:
        """Let go; the note is taken down first. A second time does nothing."""
        if self._descriptor >= 0:
            (self._directory / _NOTE).unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = -1


def _lock(descriptor: int) -> bool:
    end = time.monotonic() + _TAKE_TIMEOUT_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                return False
            time.sleep(0.01)
        else:
            return True


def owner(directory: Path) -> Owner | None:
    """The living owner of `directory`, if there is one."""
    try:
        descriptor = os.open(directory / _LOCK, os.O_RDWR)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _read_note(directory) or Owner(pid=0)
    else:
        return None
    finally:
        os.close(descriptor)


def _read_note(directory: Path) -> Owner | None:
    try:
        return msgspec.json.decode((directory / _NOTE).read_bytes(), type=Owner)
    except (OSError, msgspec.MsgspecError):
        return None


def _describe(directory: Path) -> str:
    note = _read_note(directory)
    if note is None:
        return f"another process owns {directory}"
    where = f", serving at {note.url}" if note.url else ""
    return f"process {note.pid} owns {directory}{where}"
