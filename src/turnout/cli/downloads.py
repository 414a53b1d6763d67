"""`turnout export` and `turnout recipients`: questions in, streams of rows out, to stdout or a file."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from turnout.cli import asking, console, options
from turnout.cli.connection import Connection, Target, connect, path
from turnout.errors import InvalidInput, UnsupportedFormat

_FORMATS = ("ndjson", "csv", "parquet")
_MIB = 1 << 20

export = typer.Typer(help="Write raw events or statistics as CSV, NDJSON or Parquet.", no_args_is_help=True)

Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Where to write; stdout if not given.", show_default=False),
]
Format = Annotated[
    str,
    typer.Option(
        "--format",
        metavar="FORMAT",
        help="csv, ndjson or parquet; if not given, what FILE is called, else csv.",
        show_default=False,
    ),
]


@export.command("events")
def export_events(
    campaign: Annotated[
        str, typer.Argument(metavar="CAMPAIGN", help="Campaign id; all of them if left out.", show_default=False)
    ] = "",
    output: Output = None,
    format: Format = "",
    types: Annotated[
        str, typer.Option("--type", metavar="A,B", help="Only these event types: sent,opened …", show_default=False)
    ] = "",
    from_: options.From = "",
    to: options.To = "",
    timezone: options.Timezone = "",
    traffic: options.Traffic = "",
    filters: options.Filters = None,
    url: options.Url = None,
    key: options.Key = None,
    data: options.Directory = None,
    workspace: options.WorkspaceName = "default",
) -> None:
    """Write raw events, of every traffic class unless --traffic says otherwise.

    What comes out can be imported again: the events are known by their id and count once.
    """
    query = asking.Range(from_, to, timezone, traffic, tuple(filters or ())).query(campaign)
    if types:
        query["type"] = types
    with connect(Target(url, key, data, workspace)) as server:
        _download(server, "/v1/events", query, output, format)


@export.command("stats")
def export_stats(
    campaign: Annotated[
        str, typer.Argument(metavar="CAMPAIGN", help="Campaign id; all of them if left out.", show_default=False)
    ] = "",
    metrics: options.Metrics = "sent,delivered,opened,unique_opened,clicked,unique_clicked,bounced,unsubscribed",
    dimensions: options.Dimensions = "campaign,day",
    output: Output = None,
    format: Format = "",
    from_: options.From = "",
    to: options.To = "",
    timezone: options.Timezone = "",
    traffic: options.Traffic = "",
    filters: options.Filters = None,
    sort: Annotated[
        str, typer.Option("--sort", metavar="A,-B", help="Order by metrics or dimensions.", show_default=False)
    ] = "",
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=100_000, help="Rows at most.")] = 100_000,
    url: options.Url = None,
    key: options.Key = None,
    data: options.Directory = None,
    workspace: options.WorkspaceName = "default",
) -> None:
    """Write statistics: the rows that --metrics and --dimensions make."""
    query = asking.Range(from_, to, timezone, traffic, tuple(filters or ())).query(campaign)
    query |= {"metrics": metrics, "dimensions": dimensions, "limit": str(limit)}
    if sort:
        query["sort"] = sort
    with connect(Target(url, key, data, workspace)) as server:
        _download(server, "/v1/stats", query, output, format)


def recipients(
    campaign: Annotated[str, typer.Argument(help="Campaign id.", show_default=False)],
    did: Annotated[
        str,
        typer.Option("--did", metavar="A,B", help="Who has every one of these: opened,clicked …", show_default=False),
    ] = "",
    did_not: Annotated[
        str, typer.Option("--did-not", metavar="A,B", help="Who has none of these.", show_default=False)
    ] = "",
    output: Output = None,
    format: Format = "",
    from_: options.From = "",
    to: options.To = "",
    timezone: options.Timezone = "",
    traffic: options.Traffic = "",
    filters: options.Filters = None,
    url: options.Url = None,
    key: options.Key = None,
    data: options.Directory = None,
    workspace: options.WorkspaceName = "default",
) -> None:
    """List who did something in a campaign, and did not do something else.

    For example: who opened and did not click is --did opened --did-not clicked.
    """
    query = asking.Range(from_, to, timezone, traffic, tuple(filters or ())).query()
    query |= {name: value for name, value in (("did", did), ("did_not", did_not)) if value}
    with connect(Target(url, key, data, workspace)) as server:
        asking.campaign(server, campaign)
        _download(server, path("campaigns", campaign, "recipients"), query, output, format)


def _download(server: Connection, where: str, query: dict[str, str], output: Path | None, form: str) -> None:
    """Stream an answer to where it belongs."""
    chosen = _chosen(output, form)
    if chosen == "parquet" and output is None and sys.stdout.isatty():
        raise InvalidInput("Parquet is nothing for a terminal", hint="-o FILE.parquet")
    with server.stream(where, {**query, "format": chosen}) as blocks, sink(output) as file:
        if output is None:
            for block in blocks:
                file.write(block)
            file.flush()
            return
        with console.progress("MiB") as bar:
            task = bar.add_task(f"writing {console.plain(output.name)}", total=None)
            written = 0
            for block in blocks:
                file.write(block)
                written += len(block)
                bar.update(task, events=written / _MIB)


def _chosen(output: Path | None, form: str) -> str:
    name = form or (output.suffix.lstrip(".").lower() if output else "") or "csv"
    name = {"jsonl": "ndjson", "json": "ndjson", "pq": "parquet"}.get(name, name)
    if name not in _FORMATS:
        hint = f"there are {', '.join(_FORMATS)}; --format FORMAT says which, whatever the file is called"
        raise UnsupportedFormat(f"no format '{name}'", hint=hint)
    return name


@contextlib.contextmanager
def sink(output: Path | None) -> Iterator[BinaryIO]:
    """stdout, or a file that gets its name only when all of it is there."""
    if output is None:
        yield sys.stdout.buffer
        return
    part = output.with_name(f".{output.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        os.replace(part, output)
    finally:
        part.unlink(missing_ok=True)
