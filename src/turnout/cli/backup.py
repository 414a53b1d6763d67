"""`turnout backup` and `turnout restore`: the store as it is now into a directory, and back into an empty one."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from turnout.cli import console, exits, options
from turnout.cli.connection import Connection, Refused, Target, connect
from turnout.errors import Conflict
from turnout.settings import Settings, from_environment
from turnout.store import durable
from turnout.store.ownership import Ownership

_STAGES = {
    "waiting": "waiting for what is under way",
    "linking": "linking",
    "copying": "copying",
    "reading": "reading back",
    "checking": "checking",
}

if TYPE_CHECKING:
    from turnout.store.restore import Restored

#: What is in a data directory whether or not anything was ever stored in it.
_NO_DATA = ("lock", "owner.json", "owner.new", "replaced-", "restoring-")

#: Where a store is until it is whole, and what is under way in it.
_PARTIAL, _JOURNAL = "restoring-store", "restoring-journal.json"

#: Nobody waits for an answer beside a restore, which looks at whole campaigns.
_STATEMENT_TIMEOUT_S = 3600

Base = Annotated[
    Path | None,
    typer.Option(
        "--base",
        metavar="DIR",
        help="A whole backup: what it has already is not written again, and it is needed to restore this one.",
        show_default=False,
    ),
]


def backup(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where the backup goes: a directory that is not there yet.")
    ],
    base: Base = None,
    disk: Annotated[
        str,
        typer.Option(
            "--disk",
            metavar="NAME",
            help="For a store on a ClickHouse server: the disk of that server which takes the data.",
            show_default=False,
        ),
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the backup's manifest as JSON.")] = False,
    data: options.Directory = None,
) -> None:
    """Back up the whole store, of every workspace, as it is now. The server goes on meanwhile.

    Everything that was acknowledged before is in it. It holds keys' hashes and signing secrets: keep it as you keep a
    secret. The directory appears once it is whole; nothing is ever overwritten. Exits 1 if parts of the store are
    damaged: they are so in the backup.
    """
    body = {"path": str(directory.absolute()), "base": str(base.absolute()) if base else "", "disk": disk}
    # Paths are the server's, so this is for the machine that it runs on, whatever TURNOUT_URL says.
    settings = from_environment(os.environ, data=data)
    with connect(Target(None, None, settings.data)) as server, _stages() as report:
        made = _ask(server, body, report)
    if as_json:
        print(json.dumps(made, ensure_ascii=False))
    else:
        size = f"{made['data_bytes'] / 1e6:,.1f} MB"
        print(f"backed up {made['tables'].get('events', 0):,} events ({size}) to {directory.absolute()}")
    _end_by(made["damaged"], as_json)


def _ask(server: Connection, body: dict[str, str], report: Callable[[str, int, int], None]) -> dict[str, Any]:
    with server.told("/v1/backups", body) as lines:
        for line in lines:
            said = json.loads(line)
            if "error" in said:
                error = said["error"]
                raise Refused(503, error["code"], error["message"], field=error["field"], hint=error["hint"])
            if "backup" in said:
                found: dict[str, Any] = said["backup"]
                return found
            report(said["stage"], said["done"], said["total"])
    raise Refused(503, "error", "the server ended before the backup was made", hint="its log may say why")


def restore(
    directory: Annotated[Path, typer.Argument(metavar="BACKUP", help="What `turnout backup` made.")],
    data: options.Data = None,
    store: options.Store = None,
    base: Annotated[
        Path | None,
        typer.Option(
            "--base", metavar="DIR", help="Where the base of this backup is now, if it was moved.", show_default=False
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Move what is in the data directory aside, into DIR/replaced-TIME.")
    ] = False,
) -> None:
    """Restore a backup into an empty data directory, which no server may be using.

    Every file is held against its checksum first, and the rollups against the events last; an older backup is brought
    to this program's schema. If it fails, the data directory is as it was. Exits 1 if the store was damaged when it was
    backed up.
    """
    settings = from_environment(os.environ, data=data, store=store)
    ownership = Ownership.take(settings.data)
    try:
        held = _held(settings, directory.absolute())
        if held and not force:
            raise Conflict(
                f"{settings.data} is not empty: {', '.join(path.name for path in held[:5])}",
                field="--data",
                hint="give an empty directory, or --force, which moves what is there aside",
            )
        partial = _place(settings).with_name(_PARTIAL)
        try:
            found = _into(partial, settings, directory.absolute(), base.absolute() if base else None)
            _swap(settings, held, partial)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    finally:
        ownership.release()
    made = found.manifest
    print(f"restored {found.events:,} events of {made.taken_at:%Y-%m-%dT%H:%M:%SZ} (Turnout {made.turnout})")
    if found.mended_slots:
        print(f"made {found.mended_slots:,} quarters of an hour of the rollups anew from the raw events")
    _end_by(made.damaged)


def _end_by(damaged: dict[str, int], as_json: bool = False) -> None:
    """Say which tables of a backup have damaged parts, and exit 1 if any has."""
    if damaged and not as_json:
        names = ", ".join(f"{count:,} of {table}" for table, count in damaged.items())
        print(f"damaged parts of the store are damaged in its backup too: {names}; keep the older backups")
        print("turnout check says what is in them, turnout rebuild saves what can be read")
    if damaged:
        raise typer.Exit(exits.NOT_ALL_GOOD)


def _into(partial: Path, settings: Settings, directory: Path, base: Path | None) -> Restored:
    """Prove the backup and restore it: an embedded store into `partial`, one on a server into its database."""
    from turnout import app
    from turnout.store import restore as restoring

    with _stages() as report:
        source = restoring.prove(directory, report, base)
        on_server = settings.store.startswith("clickhouse")
        if bool(source.manifest.disk) != on_server:
            kind = "a ClickHouse server" if source.manifest.disk else "an embedded store"
            raise Conflict(f"this is a backup of {kind}", field="TURNOUT_STORE", hint="restore it into one")
        shutil.rmtree(partial, ignore_errors=True)
        journal = settings.data / _JOURNAL
        store = settings.store if on_server else f"chdb://{partial.absolute()}"
        engine = app.open_engine(replace(settings, store=store, query_timeout_s=_STATEMENT_TIMEOUT_S))
        try:
            if engine.placement is not None:
                raise Conflict(
                    "a cluster is not restored by this command",
                    field="TURNOUT_STORE",
                    hint="restore elsewhere, and move that store here with turnout migrate-store",
                )
            found = restoring.bring_back(engine, source, journal, report)
        finally:
            engine.close()
            journal.unlink(missing_ok=True)
        if not on_server:
            durable.sync_all(partial)
    return found


def _place(settings: Settings) -> Path:
    """Where the embedded store is."""
    path = settings.store.removeprefix("chdb://") if settings.store.startswith("chdb://") else ""
    return Path(path) if path else settings.data / "store"


def _held(settings: Settings, backup: Path) -> list[Path]:
    """What would be in the way. A directory that the backup itself lies in stays where it is."""
    found = [
        path
        for path in settings.data.iterdir()
        if not path.name.startswith(_NO_DATA) and path.absolute() not in (backup, *backup.parents)
    ]
    place = _place(settings)
    if not settings.store.startswith("clickhouse") and place.parent != settings.data and place.exists():
        found.append(place)
    return sorted(found)


def _swap(settings: Settings, held: list[Path], partial: Path) -> None:
    """Move what is there aside and the restored store into its place: renames, once nothing can fail any more."""
    if held:
        aside = settings.data / f"replaced-{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%SZ}"
        aside.mkdir()
        for path in held:
            outside = path.parent != settings.data
            path.rename(path.with_name(f"{path.name}.{aside.name}") if outside else aside / path.name)
        print(f"what was there is now in {aside}")
    if partial.exists():
        place = _place(settings)
        partial.rename(place)
        durable.sync(place.parent)


@contextmanager
def _stages() -> Iterator[Callable[[str, int, int], None]]:
    """A bar that says what is being done, and how much of it."""
    with console.progress() as bar:
        task = bar.add_task("", total=None)

        def report(stage: str, done: int, total: int) -> None:
            bar.update(task, description=_STAGES.get(stage, stage), completed=done, total=total or None)

        yield report
