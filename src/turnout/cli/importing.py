"""`turnout import`: files in, a report of what became of their events out."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from turnout.cli import console, exits, options
from turnout.cli.connection import Connection, Target, connect
from turnout.errors import InvalidInput, TurnoutError

if TYPE_CHECKING:
    from turnout.capture import files as reading
    from turnout.capture.shaping import Column
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


def import_(
    files: FileNames,
    format: Format = "",
    mapped: Mapped = None,
    constants: Constants = None,
    timezone: Annotated[
        str,
        typer.Option(
            "--timezone", metavar="ZONE", help="Zone of times without an offset; UTC if not given.", show_default=False
        ),
    ] = "",
    encoding: Annotated[str, typer.Option("--encoding", metavar="NAME", help="Encoding of CSV.")] = "utf-8",
    delimiter: Annotated[
        str,
        typer.Option("--delimiter", metavar="C", help="Delimiter of CSV; found out if not given.", show_default=False),
    ] = "",
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse columns that are no field, instead of keeping them in properties.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show where columns go and the first events; send nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    url: options.Url = None,
    key: options.Key = None,
    data: options.Directory = None,
    workspace: options.WorkspaceName = "default",
) -> None:
    """Import events from files; every event counts once, however often it is imported.

    Columns of CSV and Parquet are matched to the fields of an event by name, common other names are guessed
    (email is recipient, timestamp is time …) and shown, and the rest is kept in properties. Empty cells say nothing.
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
    read = reading.Options(wishes, encoding, delimiter, on_columns=_show_columns)
    _must_be_there(files)
    if dry_run:
        _show(files, format, read)
        return
    with connect(Target(url, key, data, workspace), creates=True) as server:
        tally, seconds = _import(server, files, format, read)
    _report(tally, len(files), seconds, as_json)
    if tally.rejected:
        raise typer.Exit(exits.NOT_ALL_GOOD)


def _import(server: Connection, files: list[str], form: str, read: reading.Options) -> tuple[Tally, float]:
    from turnout.cli.sending import Sender

    # Nobody should wait for a server that was never there.
    server.get("/healthz")
    started = time.monotonic()
    sizes = [_size(path) for path in files]
    total = sum(size for size in sizes if size is not None) if None not in sizes else None
    done = {"before": 0}
    with console.progress("events") as bar:
        task = bar.add_task("importing", total=total)

        def advance(chunk: reading.Chunk) -> None:
            bar.update(task, completed=done["before"] + chunk.position, events=sender.tally.events)

        sender = Sender(server, advance)
        for path, size in zip(files, sizes, strict=True):
            bar.update(task, description=f"importing {console.plain(Path(path).name)}")
            _send(sender, path, form, read)
            done["before"] += size or 0
    return sender.tally, time.monotonic() - started


def _send(sender: Sender, path: str, form: str, read: reading.Options) -> None:
    """Send one file. What was in before an error is said before the error is."""
    try:
        sender.send(_chunks(path, form, read))
    except TurnoutError:
        tally = sender.tally
        if tally.events:
            print(
                f"before the error: {tally.accepted:,} accepted, {tally.duplicates:,} duplicates, "
                f"{tally.rejected:,} rejected",
                file=sys.stderr,
            )
        raise


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


def _report(tally: Tally, files: int, seconds: float, as_json: bool) -> None:
    if as_json:
        report = {
            "accepted": tally.accepted,
            "duplicates": tally.duplicates,
            "rejected": tally.rejected,
            "retries": tally.retries,
            "files": files,
            "seconds": round(seconds, 3),
            "rejections": [
                {"file": one.source, one.unit: one.place, "field": one.field, "error": one.error} for one in tally.first
            ],
        }
        print(json.dumps(report, ensure_ascii=False))
        return
    rate = f", {tally.events / seconds:,.0f} events/s" if seconds > 0 else ""
    print(f"{tally.events:,} events from {files} file{'s' if files != 1 else ''} in {seconds:.1f} s{rate}")
    width = len(f"{tally.events:,}")
    print(f"  accepted    {tally.accepted:>{width},}")
    print(f"  duplicates  {tally.duplicates:>{width},}")
    print(f"  rejected    {tally.rejected:>{width},}")
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
