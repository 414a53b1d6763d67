"""`turnout import`: files in, a report of what became of their events out."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from turnout.cli import console, exits, options
from turnout.cli.connection import Connection, Target, connect
from turnout.errors import InvalidInput, TurnoutError
from turnout.panels import wording

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from turnout.capture import files as reading
    from turnout.capture.shaping import Column
    from turnout.cli.resuming import Standing
    from turnout.cli.sending import Sender, Tally

_SHOWN_EVENTS = 3


FileNames = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE…",
        help="NDJSON, a JSON array, CSV or Parquet, plain or packed with gzip or zstd; - is stdin.",
        show_default=False,
    ),
]
Format = Annotated[
    str,
    typer.Option(
        "--format",
        metavar="FORMAT",
        help="ndjson, json, csv or parquet; found out if not given.",
        show_default=False,
    ),
]
Mapped = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="COLUMN=FIELD",
        help="Which field a column is (also properties.NAME); nothing after = leaves the column out.",
        show_default=False,
    ),
]
Constants = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="Give every event that does not say it itself this field, e.g. campaign=spring.",
        show_default=False,
    ),
]
Zone = Annotated[
    str,
    typer.Option(
        "--timezone", metavar="ZONE", help="Zone of times without an offset; UTC if not given.", show_default=False
    ),
]
Encoding = Annotated[str, typer.Option("--encoding", metavar="NAME", help="Encoding of CSV.")]
Delimiter = Annotated[
    str,
    typer.Option("--delimiter", metavar="C", help="Delimiter of CSV; found out if not given.", show_default=False),
]
Strict = Annotated[
    bool, typer.Option("--strict", help="Refuse columns that are no field, instead of keeping them in properties.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show where columns go and the first events; send nothing.")]
Restart = Annotated[
    bool, typer.Option("--restart", help="Begin anew, where an import that was interrupted would go on.")
]
Skip = Annotated[
    int,
    typer.Option(
        "--skip",
        metavar="N",
        min=0,
        help="Leave out the first N lines (of CSV with its header), rows of Parquet or items of JSON.",
        show_default=False,
    ),
]


def import_(
    files: FileNames,
    format: Format = "",
    mapped: Mapped = None,
    constants: Constants = None,
    timezone: Zone = "",
    encoding: Encoding = "utf-8",
    delimiter: Delimiter = "",
    strict: Strict = False,
    dry_run: DryRun = False,
    restart: Restart = False,
    skip: Skip = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    url: options.Url = None,
    key: options.Key = None,
    data: options.Directory = None,
    workspace: options.WorkspaceName = "default",
) -> None:
    """Import events from files; every event counts once, however often it is imported.

    Columns of CSV and Parquet are matched to the fields of an event by name, common other names are guessed
    (email is recipient, timestamp is time …) and shown, and the rest is kept in properties. Empty cells say nothing.
    Whatever interrupts an import, the same command goes on where events were last acknowledged.
    """
    from turnout.capture import files as reading
    from turnout.capture.shaping import Wishes
    from turnout.stats import calendar

    if timezone:
        calendar.zone(timezone)
    wishes = Wishes(_pairs(mapped, "--map"), _pairs(constants, "--set"), timezone, strict)
    delimiter = {"\\t": "\t", "tab": "\t"}.get(delimiter, delimiter)
    if len(delimiter) > 1:
        raise InvalidInput(f"'{delimiter}' is no single character", field="--delimiter")
    if skip and len(files) > 1:
        raise InvalidInput("--skip is of one file", field="--skip")
    read = reading.Options(wishes, encoding, delimiter, skip, on_columns=_show_columns)
    _must_be_there(files)
    # A file that is named again is done by then; its events would be told twice.
    files = list(dict.fromkeys(files))
    if dry_run:
        _show(files, format, read)
        return
    said: dict[str, object] = {
        "format": format,
        "map": mapped or [],
        "set": constants or [],
        "timezone": timezone,
        "encoding": encoding,
    }
    said |= {"delimiter": delimiter, "strict": strict, "skip": skip, "workspace": workspace}
    target = Target(url, key, data, workspace)
    standing = _standing(target, said, files)
    if restart:
        standing.forget()
    with connect(target, creates=True) as server:
        tally, seconds, before = _import(server, files, format, read, standing)
    standing.forget()
    _report(tally, len(files), seconds, before, as_json)
    if tally.rejected:
        raise typer.Exit(exits.NOT_ALL_GOOD)


def _standing(target: Target, said: dict[str, object], files: list[str]) -> Standing:
    """What is known of an import of the same files, by the same wishes, to the same place."""
    from turnout.cli import resuming
    from turnout.settings import from_environment

    url = target.url or ("" if target.data else os.environ.get("TURNOUT_URL", ""))
    key = target.key or os.environ.get("TURNOUT_API_KEY", "") if url else ""
    data = from_environment(os.environ, data=target.data).data
    return resuming.Standing(resuming.place_of(data, url, key, said, files))


def _import(
    server: Connection, files: list[str], form: str, read: reading.Options, standing: Standing
) -> tuple[Tally, float, int]:
    """What became of all events, the seconds that it took, and how many of them an earlier run has sent."""
    from turnout.cli.sending import Sender

    # Nobody should wait for a server that was never there.
    server.get("/healthz")
    started = time.monotonic()
    sizes = [_size(path) for path in files]
    total = sum(size for size in sizes if size is not None) if None not in sizes else None
    done, before = 0, 0
    with console.progress("events") as bar:
        task = bar.add_task("importing", total=total)
        sender = Sender(server)
        for path, size in zip(files, sizes, strict=True):
            bar.update(task, description=f"importing {console.plain(Path(path).name)}")
            show = partial(_show_progress, bar, task, sender, done)
            before += _send(sender, path, form, read, standing, show)
            done += size or 0
    return sender.tally, time.monotonic() - started, before


def _show_progress(bar: Progress, task: TaskID, sender: Sender, done: int, chunk: reading.Chunk) -> None:
    bar.update(task, completed=done + chunk.position, events=sender.tally.events)


def _send(
    sender: Sender,
    path: str,
    form: str,
    read: reading.Options,
    standing: Standing,
    show: Callable[[reading.Chunk], None],
) -> int:
    """Send what of a file was not sent before; returns how many events were. What was in before an error is said
    before the error is."""
    from turnout.cli.resuming import Account

    entry, is_another = standing.entry(path)
    if is_another:
        print(f"{console.plain(path)} has changed since its import was interrupted: it begins anew", file=sys.stderr)
    account = Account(entry, sender.tally) if entry is not None else None
    before = entry.accepted + entry.duplicates + entry.rejected if entry is not None else 0
    after = entry.after if entry is not None else 0
    if entry is not None and after:
        where = "done before" if entry.done else f"goes on after {after:,}, where it was interrupted"
        print(f"{console.plain(path)}: {where} ({before:,} events; --restart begins anew)", file=sys.stderr)
    if entry is not None and entry.done:
        return before
    latest = after

    def note(chunk: reading.Chunk) -> None:
        nonlocal latest
        latest = max(latest, chunk.last)
        if account is not None:
            account.note(latest)
            standing.write()
        show(chunk)

    try:
        sender.send(_chunks(path, form, replace(read, after=max(read.after, after))), note)
    except BaseException as error:
        standing.write(now=True)
        _say_where(sender.tally, path, latest, error)
        raise
    if entry is not None:
        entry.done = True
        standing.write()
    return before


def _say_where(tally: Tally, path: str, after: int, error: BaseException) -> None:
    if tally.events:
        words = "the error" if isinstance(error, TurnoutError) else "it was stopped"
        print(
            f"before {words}: {tally.accepted:,} accepted, {tally.duplicates:,} duplicates, "
            f"{tally.rejected:,} rejected",
            file=sys.stderr,
        )
    if after and path == "-":
        print(f"the same input goes on with --skip {after}", file=sys.stderr)
    elif after:
        print("the same command goes on from there", file=sys.stderr)


def _chunks(path: str, form: str, read: reading.Options) -> Iterator[reading.Chunk]:
    from turnout.capture import files as reading
    from turnout.capture.opening import open_source

    source = open_source(path, form)
    try:
        yield from reading.chunks(source, read)
    finally:
        source.close()


def _show(files: list[str], form: str, read: reading.Options) -> None:
    for path in files:
        chunk = next(_chunks(path, form, read), None)
        print(f"{console.plain(path)}: {'nothing in it' if chunk is None else 'begins'}")
        for line in chunk.lines[:_SHOWN_EVENTS] if chunk else ():
            print(f"  {console.plain(line.decode(errors='replace'))}")
        for refused in chunk.refused[:_SHOWN_EVENTS] if chunk else ():
            print(f"  {chunk.unit if chunk else ''} {refused.place} would be rejected: {refused.error}")


def _show_columns(name: str, columns: Sequence[Column]) -> None:
    """Say where columns go that are not simply named like a field."""
    moved = [column for column in columns if column.how != "named"]
    if not moved:
        return
    print(f"{console.plain(name)}:", file=sys.stderr)
    width = max(len(console.plain(column.name)) for column in moved)
    for column in moved:
        place = "left out" if column.how == "left out" else f"{console.plain(column.place)} ({column.how})"
        print(f"  {console.plain(column.name):<{width}} → {place}", file=sys.stderr)


def _report(tally: Tally, files: int, seconds: float, before: int, as_json: bool) -> None:
    if as_json:
        report = {
            "accepted": tally.accepted,
            "duplicates": tally.duplicates,
            "rejected": tally.rejected,
            "retries": tally.retries,
            "earlier": before,
            "files": files,
            "seconds": round(seconds, 3),
            "rejections": [
                {"file": one.source, one.unit: one.place, "field": one.field, "error": one.error} for one in tally.first
            ],
        }
        print(json.dumps(report, ensure_ascii=False))
        return
    rate = f", {(tally.events - before) / seconds:,.0f} events/s" if seconds > 0 else ""
    events = wording.many(tally.events, "event")
    print(f"{events} from {wording.many(files, 'file')} in {seconds:.1f} s{rate}")
    width = len(f"{tally.events:,}")
    print(f"  accepted    {tally.accepted:>{width},}")
    print(f"  duplicates  {tally.duplicates:>{width},}")
    print(f"  rejected    {tally.rejected:>{width},}")
    if before:
        print(f"  ({before:,} of them by an earlier run, which was interrupted)")
    if tally.retries:
        print(f"  ({tally.retries} requests were sent again; what had arrived the first time is among the duplicates)")
    if tally.first:
        found = console.table("rejected at", "field", "reason")
        for one in tally.first:
            found.add_row(console.plain(one.where), console.plain(one.field), console.plain(one.error))
        console.out().print(found)
    if tally.rejected > len(tally.first):
        print(f"… and {tally.rejected - len(tally.first):,} more")


def _pairs(given: list[str] | None, option: str) -> dict[str, str]:
    """`NAME=VALUE` options as a mapping. The name of a column may hold `=`; fields don't."""
    found = {}
    for one in given or ():
        name, sign, value = one.rpartition("=") if option == "--map" else one.partition("=")
        if not sign or not name:
            raise InvalidInput(f"'{one}' is not NAME=VALUE", field=option)
        found[name] = value
    return found


def _must_be_there(files: list[str]) -> None:
    """A missing file is better known before the first event is in."""
    if files.count("-") > 1:
        raise InvalidInput("stdin can be read once", hint="give - once")
    for path in files:
        if path == "-":
            continue
        if not os.path.exists(path):
            raise InvalidInput(f"there is no file {path}", hint="name files that exist, or - for stdin")
        if not os.access(path, os.R_OK):
            raise InvalidInput(f"{path} may not be read by you")


def _size(path: str) -> int | None:
    return os.path.getsize(path) if path != "-" and os.path.isfile(path) else None
