"""`turnout stats`: a campaign's funnel and days, a table of one's own, or the overview of all campaigns."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from turnout.cli import asking, funnel, options, pages
from turnout.cli.connection import Connection, Target, connect

_DAYS_SHOWN = 31
_ROWS_SHOWN = 1000


def stats(
    campaign: Annotated[
        str,
        typer.Argument(metavar="CAMPAIGN", help="Campaign id; an overview of all if left out.", show_default=False),
    ] = "",
    metrics: options.Metrics = "",
    dimensions: options.Dimensions = "",
    from_: options.From = "",
    to: options.To = "",
    timezone: options.Timezone = "",
    traffic: options.Traffic = "",
    by: Annotated[
        str,
        typer.Option(
            "--by",
            metavar="TIME",
            help="event, or send: the day of the message that it belongs to.",
            show_default=False,
        ),
    ] = "",
    filters: options.Filters = None,
    sort: Annotated[
        str,
        typer.Option(
            "--sort", metavar="A,-B", help="Order by metrics or dimensions; - is descending.", show_default=False
        ),
    ] = "",
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            metavar="N",
            min=1,
            max=100_000,
            help="Rows to show; 31 days or 1000 rows if not given.",
            show_default=False,
        ),
    ] = None,
    as_json: options.Json = False,
    url: options.Url = None,
    key: options.Key = None,
    data: options.Directory = None,
    workspace: options.WorkspaceName = "default",
) -> None:
    """Show statistics of a campaign, or of all of them.

    A funnel with rates and trends and a table of days; with --metrics or --dimensions, the table that these make.
    `recipients` are distinct over the whole range, so the days' do not add up to them.
    """
    asked = {"sort": sort, **asking.Range(from_, to, timezone, traffic, tuple(filters or ()), by).query(campaign)}
    asked = {name: value for name, value in asked.items() if value}
    with connect(Target(url, key, data, workspace)) as server:
        found = asking.campaign(server, campaign) if campaign else None
        if metrics or dimensions:
            raw = _ask(server, _own(server, asked, metrics, dimensions, bool(campaign), limit))
        elif found is not None:
            raw = _ask(server, {**asked, "metrics": _worth(server, asked), "dimensions": "day", "limit": "100000"})
        else:
            overview = {"metrics": ",".join(funnel.OVERVIEW), "dimensions": "campaign"}
            raw = _ask(server, {**asked, **overview, "limit": str(limit or _ROWS_SHOWN)})
        if as_json:
            print(raw.decode())
            return
        answer = json.loads(raw)
        if metrics or dimensions:
            pages.table(answer, found)
        elif found is not None:
            pages.campaign(answer, found, limit or _DAYS_SHOWN)
        else:
            pages.overview(answer, asking.campaigns(server), keep_order=bool(sort))


def _ask(server: Connection, query: dict[str, str]) -> bytes:
    return server.call("GET", "/v1/stats", query=query).content


def _worth(server: Connection, asked: dict[str, str]) -> str:
    """The metrics that this question has data for, in any traffic: what only machines did is said to be left out."""
    query = {name: value for name, value in asked.items() if name != "sort"} | {"traffic": "all"}
    answer = server.get("/v1/stats", {**query, "metrics": ",".join(funnel.PROBES)})
    return ",".join(funnel.metrics(answer["totals"]))


def _own(
    server: Connection, asked: dict[str, str], metrics: str, dimensions: str, one_campaign: bool, limit: int | None
) -> dict[str, str]:
    """The question that --metrics and --dimensions make, each filled in where only the other is given."""
    metrics = metrics or _worth(server, asked)
    dimensions = dimensions or ("day" if one_campaign else "campaign")
    return {**asked, "metrics": metrics, "dimensions": dimensions, "limit": str(limit or _ROWS_SHOWN)}
