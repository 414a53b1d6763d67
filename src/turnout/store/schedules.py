"""The schedules of every workspace: which reports are made when, and how far that has come. Part of the catalog.

Changes are durable before they are visible.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta, Struct

from turnout.errors import NotFound, TooLarge
from turnout.model import Name
from turnout.store.records import Records

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[str, ...] = get_args(Weekday)

#: What a scheduled report shows: whole days, or the calendar month, before the day that it is due on; or everything.
ReportRange = Literal["1d", "7d", "30d", "90d", "month", "all"]
ReportForm = Literal["html", "pdf"]


class ScheduleFields(Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """Reports to be made by the clock, as a user may say it.

    Of the `campaigns`, or of those with the `tag`, or, where neither is said, of all that have events in the `range`.
    They are due `every` day, on a `weekday`, or on a `day` of the month (the last one of a shorter month), `at` a local
    time of `timezone` (the workspace's if empty); written to the folder, sent to the addresses `to`, or both.
    """

    campaigns: Annotated[tuple[Name, ...], Meta(max_length=20)] = ()
    tag: Name = ""
    every: Literal["day", "week", "month"] = "week"
    weekday: Weekday = "monday"
    day: Annotated[int, Meta(ge=1, le=31)] = 1
    at: Annotated[str, Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$")] = "08:00"
    timezone: Name = ""
    range: ReportRange = "7d"
    format: ReportForm = "html"
    folder: bool = False
    to: Annotated[tuple[Annotated[str, Meta(max_length=254)], ...], Meta(max_length=20)] = ()
    subject: Annotated[str, Meta(max_length=200)] = ""


class Attempt(Struct, kw_only=True, frozen=True):
    """Reports that were due at `moment` and could not be delivered so far: tried `count` times, again at `next_at`."""

    moment: datetime
    count: int
    next_at: datetime
    words: str


class ReportRun(Struct, kw_only=True, frozen=True):
    """What became of the reports that were due at `moment`; `files` are the names of those in the folder."""

    moment: datetime
    ended_at: datetime
    outcome: Literal["delivered", "partly", "nothing", "failed"]
    words: str
    files: tuple[str, ...] = ()


class Schedule(ScheduleFields, kw_only=True, frozen=True):
    """A schedule as the catalog keeps it.

    Every due time up to `settled_at` is dealt with. `asked_at` is when somebody wanted a run outside of the due times
    that has not been made yet; `attempt` what is being tried again, and `last` how the last run ended.
    """

    id: str
    workspace: str
    created_at: datetime
    settled_at: datetime
    asked_at: datetime | None = None
    attempt: Attempt | None = None
    last: ReportRun | None = None


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
        with self._records.changing():
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
        with self._records.changing():
            found = self.get(workspace, schedule_id)
            return self.change(found, asked_at=found.asked_at or self._now(), attempt=None)

    def change(self, schedule: Schedule, **changes: Any) -> Schedule:
        """Note how far it has come. NotFound if it was removed meanwhile."""
        with self._records.changing():
            return self._keep(msgspec.structs.replace(self.get(schedule.workspace, schedule.id), **changes))

    def remove(self, workspace: str, schedule_id: str) -> None:
        """Forget a schedule. NotFound if the workspace has none with this id."""
        with self._records.changing():
            found = self.get(workspace, schedule_id)
            self._records.write("schedule", [(workspace, found.id, found)], deleted=True)
            del self._schedules[found.id]

    def hold(self, schedule: Schedule) -> bool:
        """Know a schedule that the store has; whether it is not what was known."""
        before, self._schedules[schedule.id] = self._schedules.get(schedule.id), schedule
        return before != schedule

    def drop(self, schedule_id: str) -> bool:
        """Know a schedule no longer that another process has removed; whether it was known."""
        return self._schedules.pop(schedule_id, None) is not None

    def _keep(self, schedule: Schedule) -> Schedule:
        self._records.write("schedule", [(schedule.workspace, schedule.id, schedule)])
        self.hold(schedule)
        return schedule
