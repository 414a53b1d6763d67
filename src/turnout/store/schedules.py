"""The schedules of every workspace: which reports are made when, and how far that has come. Part of the catalog.

Changes are durable before they are visible.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from turnout.errors import NotFound, TooLarge
from turnout.model import Schedule, ScheduleFields
from turnout.store.records import Records

#: Schedules of one workspace: they are all in memory, and one thread works through them.
LIMIT_SCHEDULES = 100


class Schedules:
    """The registry. Reads are dictionary look-ups; changes are serialised and written first."""

    def __init__(self, records: Records, now: Callable[[], datetime]) -> None:
        self._records = records
        self._now = now
        self._schedules: dict[str, Schedule] = {}

    def everywhere(self) -> list[Schedule]:
        """Those of all workspaces, oldest first."""
        # Copied at once: others add to it meanwhile.
        there = list(self._schedules.values())
        return sorted(there, key=lambda one: (one.created_at, one.id))

    def all(self, workspace: str) -> list[Schedule]:
        """Those of a workspace, oldest first."""
        return [one for one in self.everywhere() if one.workspace == workspace]

    def get(self, workspace: str, schedule_id: str) -> Schedule:
        """The schedule with this id; NotFound if the workspace has none."""
        found = self._schedules.get(schedule_id)
        if found is None or found.workspace != workspace:
            raise NotFound(f"no scheduled report '{schedule_id[:100]}'", field="id")
        return found

    def add(self, workspace: str, fields: ScheduleFields) -> Schedule:
        """Keep a new schedule; what was due before now is not. TooLarge past `LIMIT_SCHEDULES`."""
        with self._records.lock:
            if len(self.all(workspace)) >= LIMIT_SCHEDULES:
                raise TooLarge(f"a workspace has at most {LIMIT_SCHEDULES} scheduled reports")
            now = self._now()
            made = Schedule(
                **{name: getattr(fields, name) for name in ScheduleFields.__struct_fields__},
                id=secrets.token_hex(6),
                workspace=workspace,
                created_at=now,
                settled_at=now,
            )
            return self._keep(made)

    def ask(self, workspace: str, schedule_id: str) -> Schedule:
        """Want a run now, beside those that are due; what waits to be tried again is tried now."""
        with self._records.lock:
            found = self.get(workspace, schedule_id)
            return self.change(found, asked_at=found.asked_at or self._now(), attempt=None)

    def change(self, schedule: Schedule, **changes: Any) -> Schedule:
        """Note how far it has come. NotFound if it was removed meanwhile."""
        with self._records.lock:
            return self._keep(msgspec.structs.replace(self.get(schedule.workspace, schedule.id), **changes))

    def remove(self, workspace: str, schedule_id: str) -> None:
        """Forget a schedule. NotFound if the workspace has none with this id."""
        with self._records.lock:
            found = self.get(workspace, schedule_id)
            self._records.write("schedule", [(workspace, found.id, found)], deleted=True)
            del self._schedules[found.id]

    def hold(self, schedule: Schedule) -> None:
        """Know a schedule that the store has."""
        self._schedules[schedule.id] = schedule

    def _keep(self, schedule: Schedule) -> Schedule:
        self._records.write("schedule", [(schedule.workspace, schedule.id, schedule)])
        self.hold(schedule)
        return schedule
