"""What must be so before a store is moved, and whether its rollup says what its events say afterwards.

Engines come in; a Conflict that says what to do, or a `Rollup`, leaves. Only the target's rollup is ever changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from turnout import sql
from turnout.errors import Conflict, NotFound
from turnout.store import integrity
from turnout.store import moving_tables as small
from turnout.store.engine import Engine, rows
from turnout.store.events import FIRST_MS, LAST_MS, Cells, EventStore
from turnout.store.fleet import Fleet, Shared
from turnout.store.locks import LEASE_S
from turnout.store.moving_digest import compare
from turnout.store.moving_progress import unfinished
from turnout.store.moving_slices import Size, groups, sizes, slices

_TABLES = "SELECT name FROM system.tables WHERE database = currentDatabase() ORDER BY name"
_COLUMNS = """
SELECT name, type FROM system.columns
WHERE database = currentDatabase() AND table = 'events' AND default_kind NOT IN ('MATERIALIZED', 'ALIAS')
ORDER BY position
"""
_IDENTITY = "SELECT toString(uuid) FROM system.tables WHERE database = currentDatabase() AND name = 'events'"
_MEMBERS = sql.query("fleet_members")

#: Events whose rollup is held against them at once, which bounds the memory that it needs.
_CHECKED_EVENTS = 5_000_000

_ONCE = "start this version of Turnout on it once, and stop it"


@dataclass(frozen=True)
class Rollup:
    """So many quarters of an hour differ from raw, and so many were made anew.

    One more differs where raw and rollup count different numbers of events as a whole.
    """

    differences: int = 0
    mended: int = 0


class Checks:
    """What is asked of both sides of one move."""

    def __init__(self, source: Engine, target: Engine, fleet: Fleet, journal: Path) -> None:
        self._source = source
        self._target = target
        self._events = EventStore(target, journal, fleet)
        if isinstance(fleet, Shared):
            fleet.take_over = self._events.take_over

    def source_is_ready(self) -> None:
        """NotFound or Conflict unless the source is a store of this schema, with nothing half done in it."""
        tables = _tables(self._source)
        if not {"schema_migrations", "events", "catalog"} <= tables:
            raise NotFound("there is no store of Turnout at the source", field="--from")
        ((schema,),) = rows(self._source, "SELECT max(number) FROM schema_migrations")
        newest = sql.migrations()[-1].number
        if int(schema) != newest:
            raise Conflict(
                f"the source has schema {schema}, and this Turnout moves only {newest}", field="--from", hint=_ONCE
            )
        if "leaving" in tables and int(rows(self._source, "SELECT count() FROM leaving")[0][0]):
            raise Conflict("persons are being erased from the source", field="--from", hint=_ONCE)
        if any(name.startswith(integrity.SALVAGED) for name in tables):
            raise Conflict("a mending of the source broke off", field="--from", hint="turnout rebuild ends it")
        if unfinished(self._source):
            raise Conflict("a move into the source has not ended", field="--from", hint="end it first")

    def target_is_fit(self, closed: str | None, *, overwrite: bool) -> bool:
        """Whether nothing is in the target yet. Conflict if what is there is not of the source's store.

        `closed` is what the target's registry was when a move ended there, if one has.
        """
        if rows(self._source, _IDENTITY) == rows(self._target, _IDENTITY):
            raise Conflict("source and target are the same store", field="--to")
        if rows(self._source, _COLUMNS) != rows(self._target, _COLUMNS):
            raise Conflict("the events of source and target have other columns", hint=_ONCE)
        ((events,),) = rows(self._target, "SELECT count() FROM events")
        ((records,),) = rows(self._target, "SELECT count() FROM catalog")
        if not int(events) and not int(records):
            return True
        if small.lineage(self._target) != small.lineage(self._source):
            raise Conflict(
                f"the target holds another store already ({int(events):,} events)",
                field="--to",
                hint="give an empty database or directory",
            )
        if closed is not None and not overwrite and closed != small.catalog_digest(self._target):
            raise Conflict(
                "workspaces, keys or campaigns of the target were changed since the move into it ended",
                field="--to",
                hint="--overwrite makes them say what the source says",
            )
        return not int(events)

    def nobody_there(self) -> None:
        """Conflict if a process of Turnout uses the target."""
        if "members" in _tables(self._target):
            for process, state, silent_ms in rows(self._target, _MEMBERS):
                if state != "gone" and int(silent_ms) < LEASE_S * 1000:
                    raise Conflict(
                        f"a Turnout process ({process}) uses the target", field="--to", hint="stop it, and try again"
                    )

    def nothing_foreign(self, found: Sequence[Size]) -> None:
        """Conflict if the target has events of a campaign of which the source has none."""
        known = {one.name for one in found}
        for one in sizes(self._target):
            if one.name not in known:
                raise _written_to(one.events, one.campaign)

    def nothing_more(self, differing: Sequence[Size], slice_events: int) -> None:
        """Conflict if the target has events of one of these campaigns that the source lacks.

        Only where it has more of them is it looked for which: the source may have dropped copies of events since.
        """
        there = {one.name: one.events for one in sizes(self._target)}
        more = [one for one in differing if there.get(one.name, 0) > one.events]
        for piece in slices(self._source, more, slice_events):
            if foreign := compare(self._source, self._target, piece).foreign:
                raise _written_to(foreign, piece.campaigns[0])

    def rollup(self, engine: Engine, found: Sequence[Size], report: Callable[[str, int, int], None]) -> Rollup:
        """Hold the rollup of a store against its events."""
        events = self._events if engine is self._target else EventStore(engine, Path("/nonexistent"))
        differing = self._walk(events, found, report, lambda cells: None)
        return Rollup(differences=differing + (not _is_balanced(engine)))

    def mended_rollup(self, found: Sequence[Size], report: Callable[[str, int, int], None]) -> Rollup:
        """The same of the target, where what differs (an insert that broke off) is made anew and checked again."""
        mended = self._walk(self._events, found, report, self._events.rebuild)
        if not mended:
            return self.rollup(self._target, [], report)
        left = self.rollup(self._target, found, report)
        return Rollup(left.differences, mended)

    def _walk(
        self,
        events: EventStore,
        found: Sequence[Size],
        report: Callable[[str, int, int], None],
        mend: Callable[[Cells], None],
    ) -> int:
        total, read, differing = sum(one.events for one in found), 0, 0
        for group in groups(found, _CHECKED_EVENTS):
            report("checking", read, total)
            names = tuple(one.campaign for one in group)
            cells = Cells(group[0].workspace, names, FIRST_MS, LAST_MS)
            if unequal := events.differences(cells):
                mend(Cells(cells.workspace, tuple({one.campaign for one in unequal}), FIRST_MS, LAST_MS))
                differing += len(unequal)
            read += sum(one.events for one in group)
        report("checking", total, total)
        return differing


def _tables(engine: Engine) -> set[str]:
    return {name for (name,) in rows(engine, _TABLES)}


def _is_balanced(engine: Engine) -> bool:
    ((raw, rolled),) = rows(engine, sql.query("balance"))
    return int(raw) == int(rolled)


def _written_to(events: int, campaign: str) -> Conflict:
    return Conflict(
        f"the target has {events:,} events of '{campaign}' that the source does not have",
        field="--to",
        hint="it was written to: what is only there would have to be moved the other way first",
    )
