"""`turnout migrate-store`: a whole store into another one, from one machine to a server or a cluster, and back.

Unlike other commands it talks to no server of Turnout: it opens both stores itself, and nobody else may use the target
meanwhile.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from turnout.cli import console, exits
from turnout.errors import Conflict, InvalidInput, NotFound
from turnout.panels import wording
from turnout.settings import Settings, from_environment

if TYPE_CHECKING:
    from turnout.store.engine import Engine
    from turnout.store.fleet import Fleet
    from turnout.store.moving import Moved
    from turnout.store.moving_survey import Survey

#: Nobody waits for an answer beside a move, which compares whole campaigns.
_STATEMENT_TIMEOUT_S = 3600

_SLICE_EVENTS, _SLICE_EVENTS_LIMIT, _JOBS_LIMIT = 200_000, 2_000_000, 16

_STAGES = {
    "registry": "moving the registry",
    "letters": "moving dead letters",
    "comparing": "comparing both stores",
    "copying": "moving events",
    "checking": "checking rollups",
}

_EMBEDDED = "chdb://"
_ONCE = "start `turnout serve` on it once and stop it, then try again"


@dataclass(frozen=True)
class Side:
    """One of the two stores, opened. `journal` is where it notes which part of its rollup is being made anew."""

    engine: Engine
    fleet: Fleet
    journal: Path


@dataclass(frozen=True)
class Place:
    """An embedded store, and the data directory whose owner owns it."""

    data: Path
    store: Path

    @property
    def is_there(self) -> bool:
        """Whether anything is stored there."""
        return (self.store / "metadata").is_dir()


def migrate_store(
    from_: Annotated[
        str,
        typer.Option(
            "--from", metavar="URL", envvar="TURNOUT_FROM", help="The store to move, as TURNOUT_STORE names it."
        ),
    ],
    to: Annotated[
        str,
        typer.Option("--to", metavar="URL", envvar="TURNOUT_TO", help="The store to move it into: an empty one."),
    ],
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="DIR",
            help="Data directory of an embedded store that lies elsewhere than in DIR/store.",
            show_default=False,
            file_okay=False,
        ),
    ] = None,
    slice_events: Annotated[
        int,
        typer.Option("--slice-events", metavar="N", min=1, max=_SLICE_EVENTS_LIMIT, help="Events moved at a time."),
    ] = _SLICE_EVENTS,
    jobs: Annotated[
        int, typer.Option("--jobs", metavar="N", min=1, max=_JOBS_LIMIT, help="Slices moved at the same time.")
    ] = 2,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", help="Where workspaces, keys or campaigns were changed in the target, take the source's."
        ),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be moved, and change nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Move a whole store into another: from chdb:///DIR to clickhouse://…, between servers or clusters, or back.

    The source is only read. Whatever interrupts this, the same command goes on, and nothing counts twice. Run again
    after it has ended, it moves what is new or was changed since. It ends by comparing every campaign on both sides
    and every rollup with its events; exits 1 if anything differs.
    """
    settings = replace(
        from_environment(os.environ),
        query_timeout_s=_STATEMENT_TIMEOUT_S,
        readers=jobs + 2,
    )
    _must_be_two_kinds(from_, to)
    began = time.monotonic()
    with contextlib.ExitStack() as ending:
        source = ending.enter_context(_opened(from_, "--from", settings, data, must_exist=True))
        if dry_run:
            there = _exists(to, data)
            target = ending.enter_context(_opened(to, "--to", settings, data, must_exist=True)) if there else None
            _say_survey(_surveyed(source, target, slice_events), as_json)
            return
        target = ending.enter_context(_opened(to, "--to", settings, data, must_exist=False))
        moved = _move(source, target, slice_events, jobs, overwrite)
    _say(moved, shown(from_), shown(to), time.monotonic() - began, as_json)
    if not moved.is_good:
        raise typer.Exit(exits.NOT_ALL_GOOD)


def shown(url: str) -> str:
    """A store's URL without its password."""
    scheme, mark, rest = url.partition("://")
    credentials, at, where = rest.rpartition("@")
    return f"{scheme}{mark}{credentials.partition(':')[0]}{at}{where}"


# ---- the two sides ----------------------------------------------------------------------------------


def _must_be_two_kinds(from_: str, to: str) -> None:
    for url, field in ((from_, "--from"), (to, "--to")):
        if not url.startswith((_EMBEDDED, "clickhouse://", "clickhouses://")):
            raise InvalidInput(
                "that is no store", field=field, hint="write chdb:///path or clickhouse://user:password@host:8123/db"
            )
    if from_.startswith(_EMBEDDED) and to.startswith(_EMBEDDED):
        raise InvalidInput(
            "both stores are embedded, and the engine opens one directory in a process",
            field="--to",
            hint="move the directory itself while nothing runs, or use turnout backup and turnout restore",
        )


def place(url: str, data: Path | None, field: str) -> Place:
    """Where an embedded store is: `chdb:///DIR` is a data directory, or the store in one."""
    text = url.removeprefix(_EMBEDDED)
    if not text:
        raise InvalidInput("chdb:// names no directory", field=field, hint="write chdb:///path")
    path = Path(text)
    if data is not None:
        return Place(data, path)
    if path.name == "store" and not (path / "store" / "metadata").is_dir():
        return Place(path.parent, path)
    if (path / "metadata").is_dir():
        raise InvalidInput(
            f"{path} is a store outside of its data directory",
            field=field,
            hint="--data DIR names the data directory, where its spool and its lock are",
        )
    return Place(path, path / "store")


def _exists(url: str, data: Path | None) -> bool:
    return not url.startswith(_EMBEDDED) or place(url, data, "--to").is_there


@contextlib.contextmanager
def _opened(url: str, field: str, settings: Settings, data: Path | None, *, must_exist: bool) -> Iterator[Side]:
    """One side. The target, which need not exist, is brought to this program's schema; its fleet can be had alone."""
    if url.startswith(_EMBEDDED):
        with _embedded(place(url, data, field), field, settings, must_exist) as side:
            yield side
        return
    from turnout import app
    from turnout.store.fleet import Shared, Single
    from turnout.store.migrate import migrate

    with contextlib.ExitStack() as ending:
        scratch = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="turnout-")))
        engine = app.open_engine(replace(settings, store=url))
        ending.callback(engine.close)
        if must_exist:
            yield Side(engine, Single(), scratch / "journal.json")
            return
        fleet = Shared(engine, secrets.token_hex(6))
        ending.callback(fleet.close)
        fleet.prepare()
        migrate(engine, fleet.migrating())
        yield Side(engine, fleet, scratch / "journal.json")


@contextlib.contextmanager
def _embedded(where: Place, field: str, settings: Settings, must_exist: bool) -> Iterator[Side]:
    from turnout import app
    from turnout.ingest.spool import Spool
    from turnout.store.events import EventStore
    from turnout.store.fleet import Single
    from turnout.store.migrate import migrate
    from turnout.store.ownership import Ownership

    if must_exist and not where.is_there:
        raise NotFound(f"there is no store in {where.store}", field=field)
    with contextlib.ExitStack() as ending:
        ownership = Ownership.take(where.data)
        ending.callback(ownership.release)
        if (where.data / "spool").is_dir() and Spool(where.data / "spool").waiting():
            raise Conflict(f"the spool of {where.data} holds events that are not stored", field=field, hint=_ONCE)
        engine = app.open_engine(replace(settings, data=where.data, store=f"{_EMBEDDED}{where.store.absolute()}"))
        ending.callback(engine.close)
        journal = where.data / "journal.json"
        if EventStore(engine, journal).is_in_doubt:
            raise Conflict(f"what was last written in {where.data} was not ended", field=field, hint=_ONCE)
        if not must_exist:
            migrate(engine)
        yield Side(engine, Single(), journal)


# ---- what is done, and said -------------------------------------------------------------------------


def _move(source: Side, target: Side, slice_events: int, jobs: int, overwrite: bool) -> Moved:
    from turnout.store.moving import Move, Order

    order = Order(slice_events, jobs, overwrite)
    with _bar() as report:
        return Move(source.engine, target.engine, target.fleet, target.journal, order, report).run()


@contextlib.contextmanager
def _bar() -> Iterator[Callable[[str, int, int], None]]:
    """A bar that says what is being done, how much of it and how fast."""
    with console.progress("events") as bar:
        task = bar.add_task("", total=None)
        current = [""]

        def report(stage: str, done: int, total: int) -> None:
            if stage != current[0]:
                current[0] = stage
                bar.reset(task)
            bar.update(task, description=_STAGES.get(stage, stage), completed=done, total=total or None)

        yield report


def _surveyed(source: Side, target: Side | None, slice_events: int) -> Survey:
    from turnout.store.moving_survey import survey

    return survey(source.engine, target.engine if target else None, slice_events)


def _say_survey(found: Survey, as_json: bool) -> None:
    if as_json:
        import msgspec

        print(msgspec.json.encode(found).decode())
        return
    print(
        f"would move {wording.many(found.events, 'event')} of {wording.many(found.campaigns, 'campaign')} in "
        f"{wording.many(found.slices, 'slice')}, {wording.many(found.records, 'record')} of the registry and "
        f"{wording.many(found.letters, 'dead letter')}"
    )
    if found.is_begun:
        print(f"a move into the target has begun: {found.verified:,} slices of it were verified")
    held = f"holds {found.target_events:,} events of this store" if found.target_events else "holds no events"
    print(f"the target {held}; nothing was changed")


def _report(moved: Moved, source: str, target: str, seconds: float) -> dict[str, Any]:
    said = dataclasses.asdict(moved)
    said["differing"] = [{"workspace": workspace, "campaign": campaign} for workspace, campaign in moved.differing]
    return {
        "from": source,
        "to": target,
        "equal": moved.is_whole,
        **said,
        "seconds": round(seconds, 3),
        "events_per_s": round(moved.written / seconds) if seconds else 0,
    }


def _say(moved: Moved, source: str, target: str, seconds: float, as_json: bool) -> None:
    if as_json:
        print(json.dumps(_report(moved, source, target, seconds), ensure_ascii=False))
        return
    print(
        f"moved {wording.many(moved.written, 'event')} from {console.plain(source)} to {console.plain(target)} in "
        f"{seconds:,.1f} s ({moved.written / max(seconds, 1e-9):,.0f}/s)"
    )
    if moved.skipped:
        print(f"{wording.many(moved.skipped, 'slice')} had been moved and verified before")
    if moved.rewritten:
        print(f"{wording.many(moved.rewritten, 'slice')} said something else in the target, and were written anew")
    both = f"{wording.many(moved.events, 'event')} of {wording.many(moved.campaigns, 'campaign')}"
    if moved.differing:
        names = ", ".join(f"'{console.plain(campaign)}'" for _, campaign in moved.differing[:10])
        print(f"{len(moved.differing):,} campaigns are not the same on both sides: {names}")
        print("the source goes on being written to: stop what writes to it, and run this again")
    else:
        print(f"both sides hold the same {both}, every column compared")
    if moved.target_rollup.mended:
        print(f"made {moved.target_rollup.mended:,} quarters of an hour of the target's rollup anew from its events")
    for name, rollup in (("source", moved.source_rollup), ("target", moved.target_rollup)):
        if rollup.differences:
            print(f"the {name}'s rollup differs from its events in {rollup.differences:,} quarters of an hour")
    if not (moved.source_rollup.differences or moved.target_rollup.differences):
        print("rollups equal the raw events on both sides")
