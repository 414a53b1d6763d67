"""What tells whether a workspace's data are what they were: versions that change whenever the data do.

The notices of this process go in, and a version comes out. Where processes share the store, other processes append to
it, and so may what is no process of ours; then the version is read from the store itself, for every question.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import NamedTuple

from turnout import sql
from turnout.store.engine import Engine, rows
from turnout.store.fleet import Fleet, Single

_EVENTS = sql.query("events_of_workspace")


class Version(NamedTuple):
    """Answers of the same version are the same.

    `rows` is odd while stored rows are being changed, by whichever process, and higher afterwards; between two of these
    changes events are only ever added, and `events` grows. `notices` are this process's own, of what it was told.
    """

    rows: int = 0
    events: int = 0
    notices: int = 0

    @property
    def is_sound(self) -> bool:
        """Whether the rollup could be relied on when this was read, and what is computed may be kept."""
        return self.rows % 2 == 0


class Versions:
    """The versions of every workspace. Safe to call from any thread."""

    def __init__(self, engine: Engine, fleet: Fleet | None = None) -> None:
        self._engine = engine
        self._fleet = fleet or Single()
        self._notices: dict[str, int] = {}
        self._lock = threading.Lock()

    @property
    def is_shared(self) -> bool:
        """Whether `of` has to ask the store."""
        return self._fleet.is_shared

    def changed(self, workspaces: Iterable[str]) -> None:
        """Something of these workspaces is not what it was."""
        with self._lock:
            for name in workspaces:
                self._notices[name] = self._notices.get(name, 0) + 1

    def of(self, workspace: str) -> Version:
        """The version of now. Blocks where the store is shared."""
        notices = self._notices.get(workspace, 0)
        if not self._fleet.is_shared:
            return Version(notices=notices)
        # In this order: events that are counted before rows were taken away must not stand beside the version after.
        changes = self._fleet.version
        ((events,),) = rows(self._engine, _EVENTS, {"workspace": workspace})
        return Version(changes, int(events), notices)

    def holds(self, version: Version) -> bool:
        """Whether no stored rows have been changed since. Blocks where the store is shared."""
        return not self._fleet.is_shared or self._fleet.version == version.rows
