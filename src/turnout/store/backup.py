"""Backups, by the engine's own BACKUP, of a store that goes on being written to.

A store and a place come in; a directory with a manifest, the checksums and the engine's backup leaves. It is
the store of one instant: while no append is under way, every table is linked to a snapshot beside it (hard links of its
parts, which takes milliseconds and no space). The snapshots are then copied for as long as it takes, and dropped.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from turnout.errors import Conflict, InvalidInput, NotFound, Overloaded
from turnout.store import integrity, manifest
from turnout.store.durable import sync
from turnout.store.engine import Engine, Parameters, rows, translate
from turnout.store.manifest import Base, Manifest

log = logging.getLogger(__name__)

#: What can be made again from the rest, and is: kept as a definition only.
CACHES = frozenset({"credits", "uniques"})

#: Names of tables that begin like this are a backup's, while it is made.
_SNAPSHOT = "snapshot_of_"
_POLL_S = 0.1

_TABLES = """
SELECT name, engine FROM system.tables
WHERE database = currentDatabase() AND NOT is_temporary AND NOT startsWith(name, '.inner')
ORDER BY name
"""
_SIZES = """
SELECT table, sum(rows), sum(bytes_on_disk) FROM system.parts
WHERE database = currentDatabase() AND active AND table IN {tables:Array(String)}
GROUP BY table
"""
_STATE = "SELECT toString(status), error FROM system.backups WHERE id = {id:String}"
_KILL = "KILL QUERY WHERE query_id IN (SELECT query_id FROM system.backups WHERE id = {id:String}) ASYNC"

#: What is done (waiting, linking, checking, copying, reading), how much of it, and of how much (0: not known): tables
#: that are checked, bytes of the others.
Progress = Callable[[str, int, int], None]

#: One at a time: the snapshots have one name each, and the process one store.
_busy = threading.Lock()


@dataclass(frozen=True)
class Order:
    """A backup that is wanted: `target` is a directory that is not there yet.

    `base` is a whole backup that this one adds to. `disk` is one of a ClickHouse server's, for the content.
    """

    target: Path
    base: Path | None = None
    disk: str = ""

    @property
    def partial(self) -> Path:
        """Where it is until it is whole."""
        return self.target.with_name(f".{self.target.name}.partial")


@dataclass(frozen=True)
class Surroundings:
    """What a backup needs of the house: how to keep the writer still, whether the house is closing, and the moment.

    So many `spare_bytes` of the target's disk are left free.
    """

    version: str
    now: Callable[[], dt.datetime]
    exclusively: Callable[[Callable[[], object]], None]
    stopping: Callable[[], bool] = lambda: False
    spare_bytes: int = 0


def check(order: Order, *, embedded: bool, cluster: str = "") -> None:
    """Raise InvalidInput, NotFound or Conflict where the order can't be carried out; of a `cluster` none can."""
    if cluster:
        raise Conflict(
            f"the store is the cluster '{cluster}', and no single node has all of it",
            hint=f"BACKUP DATABASE … ON CLUSTER '{cluster}' TO … on its servers; see docs/cluster.md",
        )
    if embedded == bool(order.disk):
        words = "the store is in this process: no disk of a ClickHouse server"
        raise InvalidInput(
            words if embedded else "a ClickHouse server writes its backup to a disk of its own",
            field="disk",
            hint="leave out --disk" if embedded else "--disk NAME, one of its backups.allowed_disk",
        )
    for field, path in (("path", order.target), ("base", order.base)):
        if path is not None and not path.is_absolute():
            raise InvalidInput(f"'{path}' is not an absolute path", field=field)
    if not order.target.parent.is_dir():
        raise NotFound(f"there is no directory {order.target.parent}", field="path", hint="make it first")
    if order.target.exists():
        raise Conflict(f"{order.target} is there already", field="path", hint="give each backup a name of its own")
    if order.base is not None:
        base = manifest.read(order.base)
        if base.base is not None:
            raise InvalidInput(
                f"the backup in {order.base} is an increment itself", field="base", hint=f"--base {base.base.path}"
            )
        if bool(base.disk) == embedded:
            raise InvalidInput(f"the backup in {order.base} is of another kind of store", field="base")


def make(engine: Engine, order: Order, around: Surroundings, report: Progress) -> Manifest:
    """Make the backup. When this returns it is whole and on disk; if it raises, nothing of it is left.

    Overloaded if the house closes meanwhile, if another backup is under way or if the disk is too small;
    StoreError if the engine fails.
    """
    if not _busy.acquire(blocking=False):
        raise Overloaded("a backup is being made already", retry_after_s=60)
    try:
        with _snapshots(engine, around.exclusively, report) as (stored, definitions):
            wanted = _describe(engine, order, around, stored, definitions)
            if not order.disk:
                _must_have_space(order, wanted, around.spare_bytes)
            wanted = _read_through(engine, around, wanted, report)
            return _write(engine, order, around, wanted, report)
    finally:
        _busy.release()


def drop_snapshots(engine: Engine) -> None:
    """Let go of what a backup that died has left."""
    for name, _ in rows(engine, _TABLES):
        if name.startswith(_SNAPSHOT):
            engine.execute(f"DROP TABLE IF EXISTS `{name}` SYNC")


@contextlib.contextmanager
def _snapshots(
    engine: Engine, exclusively: Callable[[Callable[[], object]], None], report: Progress
) -> Iterator[tuple[list[str], list[str]]]:
    """Names of the tables with data, linked as they are at one instant, and of those that are only defined."""
    drop_snapshots(engine)
    tables = dict(rows(engine, _TABLES))
    stored = [name for name, kind in tables.items() if kind.endswith("MergeTree") and name not in CACHES]
    definitions = [name for name, kind in tables.items() if name in CACHES or kind.endswith("View")]

    def link() -> None:
        report("linking", 0, 0)
        for name in stored:
            engine.execute(f"ALTER TABLE `{_SNAPSHOT}{name}` ATTACH PARTITION ALL FROM `{name}`")

    try:
        for name in [*stored, *CACHES.intersection(definitions)]:
            engine.execute(f"CREATE TABLE `{_SNAPSHOT}{name}` AS `{name}`")
            # Merging what is dropped in a minute would only cost.
            engine.execute(f"SYSTEM STOP MERGES `{_SNAPSHOT}{name}`")
        exclusively(link)
        yield stored, definitions
    finally:
        drop_snapshots(engine)


def _describe(
    engine: Engine, order: Order, around: Surroundings, stored: list[str], definitions: list[str]
) -> Manifest:
    sizes = {
        name.removeprefix(_SNAPSHOT): (int(count), int(size))
        for name, count, size in rows(engine, _SIZES, {"tables": [_SNAPSHOT + name for name in stored]})
    }
    ((database, version),) = rows(engine, "SELECT currentDatabase(), version()")
    ((schema,),) = rows(engine, "SELECT max(number) FROM schema_migrations")
    return Manifest(
        id=str(uuid.uuid4()),
        turnout=around.version,
        engine=version,
        schema=schema,
        taken_at=around.now(),
        database=database,
        tables={name: sizes.get(name, (0, 0))[0] for name in stored},
        definitions=tuple(definitions),
        data_bytes=sum(size for _, size in sizes.values()),
        disk=order.disk,
        base=None if order.base is None else Base(manifest.read(order.base).id, str(order.base)),
    )


def _read_through(engine: Engine, around: Surroundings, wanted: Manifest, report: Progress) -> Manifest:
    """Say what of it is damaged: a copy of a part that rots is as rotten, and would push the good ones out unseen."""
    damaged: dict[str, int] = {}
    for at, name in enumerate(wanted.tables):
        _must_go_on(around)
        report("checking", at, len(wanted.tables))
        if found := len(integrity.damaged(engine, _SNAPSHOT + name)):
            log.error("%d parts of %s are damaged, and are so in the backup", found, name)
            damaged[name] = found
    return msgspec.structs.replace(wanted, damaged=damaged)


def _must_go_on(around: Surroundings) -> None:
    if around.stopping():
        raise Overloaded("the server is stopping", retry_after_s=30)


def _must_have_space(order: Order, wanted: Manifest, spare_bytes: int) -> None:
    # How much of an increment its base has is known only when it is written; most, or there would be no point.
    in_base = 0 if order.base is None else manifest.read(order.base).data_bytes
    needed = max(0, wanted.data_bytes - in_base) + spare_bytes
    free = shutil.disk_usage(order.target.parent).free
    if free < needed:
        raise Overloaded(
            f"the backup needs {needed >> 20:,} MiB, and {order.target.parent} has {free >> 20:,} MiB free",
            retry_after_s=600,
        )


def _write(engine: Engine, order: Order, around: Surroundings, wanted: Manifest, report: Progress) -> Manifest:
    shutil.rmtree(order.partial, ignore_errors=True)
    order.partial.mkdir(mode=0o700)
    try:
        content = order.partial / manifest.CONTENT

        def watch() -> None:
            _must_go_on(around)
            report("copying", _size(content), wanted.data_bytes)

        _copy(engine, content, wanted, watch)
        report("reading", 0, 0)
        manifest.write(order.partial, wanted, lambda done, total: report("reading", done, total))
        order.partial.rename(order.target)
        sync(order.target.parent)
    except BaseException:
        shutil.rmtree(order.partial, ignore_errors=True)
        raise
    log.info("made a backup of %d events in %s", wanted.events, order.target)
    return wanted


def _copy(engine: Engine, content: Path, wanted: Manifest, watch: Callable[[], None]) -> None:
    parts = [
        f"TABLE `{_SNAPSHOT}{name}` AS `{wanted.database}`.`{name}`"
        for name in [*wanted.tables, *CACHES.intersection(wanted.definitions)]
    ]
    parts += [f"TABLE `{name}`" for name in wanted.definitions if name not in CACHES]
    settings = [f"id = '{wanted.id}'"]
    if wanted.base is not None:
        base = manifest.read(Path(wanted.base.path))
        settings.append(f"base_backup = {place(base, Path(wanted.base.path))}")
    run(
        engine,
        f"BACKUP {', '.join(parts)} TO {place(wanted, content.parent)} SETTINGS {', '.join(settings)} ASYNC",
        wanted.id,
        watch,
    )


def place(of: Manifest, directory: Path) -> str:
    """Where the engine's own part of a backup is, as the engine's SQL."""
    if of.disk:
        return f"Disk({_literal(of.disk)}, {_literal(of.id)})"
    return f"File({_literal(str(directory / manifest.CONTENT))})"


def run(engine: Engine, statement: str, identity: str, watch: Callable[[], None]) -> None:
    """Run a BACKUP or RESTORE … ASYNC with this id to its end; what `watch` raises ends it early."""
    engine.execute(statement)
    state: Parameters = {"id": identity}
    try:
        while not _ended(engine, state):
            watch()
            time.sleep(_POLL_S)
    except BaseException:
        engine.execute(_KILL, state)
        with contextlib.suppress(Exception):
            while not _ended(engine, state):
                time.sleep(_POLL_S)
        raise


def _ended(engine: Engine, state: Parameters) -> bool:
    ((status, error),) = rows(engine, _STATE, state)
    if status in ("CREATING_BACKUP", "RESTORING"):
        return False
    if status not in ("BACKUP_CREATED", "RESTORED"):
        log.warning("%s: %s", status, error.partition(", Stack trace")[0][:2000])
        raise translate(RuntimeError(error))
    return True


def _literal(text: str) -> str:
    # In the settings of BACKUP the engine takes no parameters, so the paths are quoted, here and nowhere else.
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _size(directory: Path) -> int:
    total = 0
    for path in directory.rglob("*"):
        with contextlib.suppress(OSError):
            total += path.stat().st_size if path.is_file() else 0
    return total
