"""A backup back into an empty store.

A backup's directory and an engine without tables come in; a store of this program's schema leaves, with every event of
the backup and a rollup that was held against them. Nothing is touched before every file of the backup has been proved.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from turnout.errors import Conflict, InvalidInput, NotFound, StoreError
from turnout.store import manifest
from turnout.store.backup import Progress, place, run
from turnout.store.engine import Engine, rows
from turnout.store.events import FIRST_MS, LAST_MS, Cells, EventStore
from turnout.store.manifest import Manifest
from turnout.store.migrate import migrate

log = logging.getLogger(__name__)


#: Events whose rollup is held against them at once, which bounds the memory that it needs.
_PART_EVENTS = 5_000_000

_SETTLED_BYTES = """
SELECT sum(bytes_on_disk) FROM system.parts WHERE database = currentDatabase() AND active
"""


@dataclass(frozen=True)
class Source:
    """A backup whose files are what was written, with the one that it adds to, if it adds to one."""

    directory: Path
    manifest: Manifest
    base: Path | None


@dataclass(frozen=True)
class Restored:
    """What came back. `mended_slots` quarters of an hour of the rollup had to be made anew from raw."""

    manifest: Manifest
    events: int
    schema: int
    mended_slots: int


def prove(directory: Path, report: Progress, base: Path | None = None) -> Source:
    """Read the backup and every file of it. NotFound, InvalidInput or SchemaTooNew where it can't be restored."""
    found = manifest.read(directory)
    where = None
    if found.base is not None:
        where = _base_of(directory, found.base, base)
    elif base is not None:
        raise InvalidInput(f"the backup in {directory} is whole: it has no base", field="--base", hint="leave it out")
    for one in filter(None, (where, directory)):
        manifest.verify(one, lambda done, total: report("reading", done, total))
    return Source(directory, found, where)


def _base_of(directory: Path, wanted: manifest.Base, given: Path | None) -> Path:
    """Where the base is: as given, else where it was, else beside the increment."""
    then = Path(wanted.path)
    for candidate in [given] if given is not None else [then, directory.parent / then.name]:
        if (candidate / manifest.MANIFEST).is_file() and manifest.read(candidate).id == wanted.id:
            return candidate
    raise NotFound(
        f"the backup in {directory} adds to the one that was made in {wanted.path}, which is not there",
        hint="--base DIR says where it is now",
    )


def bring_back(engine: Engine, source: Source, journal: Path, report: Progress) -> Restored:
    """Restore, migrate, and hold the rollup against raw. Conflict unless the store is empty; StoreError if it fails."""
    ((tables, database),) = rows(
        engine, "SELECT count(), currentDatabase() FROM system.tables WHERE database = currentDatabase()"
    )
    if tables:
        raise Conflict("the store has tables already", hint="restore into an empty database or data directory")
    wanted = source.manifest
    names = [*wanted.tables, *wanted.definitions]
    parts = [f"TABLE `{wanted.database}`.`{name}` AS `{database}`.`{name}`" for name in names]
    identity = str(uuid.uuid4())
    settings = [f"id = '{identity}'"]
    if source.base is not None:
        settings.append(f"base_backup = {place(manifest.read(source.base), source.base)}")
    statement = (
        f"RESTORE {', '.join(parts)} FROM {place(wanted, source.directory)} SETTINGS {', '.join(settings)} ASYNC"
    )
    run(engine, statement, identity, _watch(engine, wanted, report))
    schema = migrate(engine)
    events = EventStore(engine, journal)
    count = events.count()
    if count != wanted.events:
        raise StoreError(f"{count:,} events came back, and the backup says {wanted.events:,}")
    return Restored(wanted, count, schema, _mend(engine, events, report))


def _watch(engine: Engine, wanted: Manifest, report: Progress) -> Callable[[], None]:
    def watch() -> None:
        ((size,),) = rows(engine, _SETTLED_BYTES)
        report("copying", min(int(size), wanted.data_bytes), wanted.data_bytes)

    return watch


def _mend(engine: Engine, events: EventStore, report: Progress) -> int:
    """Check the rollup of every campaign, and make anew what differs; returns the slots that did."""
    workspaces = [name for (name,) in rows(engine, "SELECT DISTINCT workspace FROM events ORDER BY workspace")]
    parts = [cells for workspace in workspaces for cells in _parts(workspace, _sizes(events, workspace))]
    mended = 0
    for done, cells in enumerate(parts):
        report("checking", done, len(parts))
        found = events.differences(cells)
        if found:
            log.warning("%d slots of the rollup of %s differ from raw: made anew", len(found), cells.workspace)
            events.rebuild(cells)
            mended += len(found)
    return mended


def _sizes(events: EventStore, workspace: str) -> dict[str, int]:
    """Events of each campaign by the rollup; one that it has lost, or made up, is there too."""
    sizes = dict.fromkeys(events.campaigns(workspace), 0)
    return sizes | {name: span.events for name, span in events.spans(workspace).items()}


def _parts(workspace: str, sizes: Mapping[str, int]) -> Iterator[Cells]:
    """The campaigns a few at a time, so that no check reads much more than `_PART_EVENTS`."""
    names: list[str] = []
    held = 0
    for name, size in sizes.items():
        names.append(name)
        held += size
        if held >= _PART_EVENTS:
            yield Cells(workspace, tuple(names), FIRST_MS, LAST_MS)
            names, held = [], 0
    if names:
        yield Cells(workspace, tuple(names), FIRST_MS, LAST_MS)
