"""`turnout chart`: a panel of a campaign, drawn by the server, into a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from turnout.cli import asking, options
from turnout.cli.connection import Target, connect, path
from turnout.cli.downloads import sink
from turnout.errors import UnsupportedFormat

_FORMS = ("png", "svg", "pdf")


def chart(
    campaign: Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Campaign id.", show_default=False)],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Where to write: FILE.png, FILE.svg or FILE.pdf.", show_default=False
        ),
    ],
    panel: Annotated[
        str,
        typer.Option(
            "--panel", metavar="NAME", help="What to draw: series, funnel, variations, links, countries, hours …"
        ),
    ] = "series",
    range_: options.RangeName = "",
    metrics: options.Metrics = "",
    grain: options.Grain = "",
    from_: options.From = "",
    to: options.To = "",
    timezone: options.Timezone = "",
    traffic: options.Traffic = "",
    dark: Annotated[bool, typer.Option("--dark", help="Light on dark.")] = False,
    scale: Annotated[
        float, typer.Option("--scale", metavar="N", min=0.5, max=4, help="Pixels of a PNG for each of the chart's.")
    ] = 2.0,
    url: options.Url = None,
    key: options.Key = None,
    data: options.Directory = None,
    workspace: options.WorkspaceName = "default",
) -> None:
    """Draw a chart of a campaign: its course, funnel, variations, links, countries …

    It shows what the dashboard shows, and the same numbers as `turnout stats`.
    """
    form = output.suffix.removeprefix(".").lower()
    if form not in _FORMS:
        raise UnsupportedFormat(f"'{output.name}' names no kind of picture", hint=f"there are {', '.join(_FORMS)}")
    query = asking.Range(from_, to, timezone, traffic).query()
    given = {"panel": panel, "range": range_, "metrics": metrics, "grain": grain, "scale": f"{scale:g}"}
    if dark:
        given["look"] = "dark"
    with connect(Target(url, key, data, workspace)) as server:
        asking.campaign(server, campaign)
        query |= {name: value for name, value in given.items() if value}
        answer = server.call("GET", path("campaigns", campaign, f"chart.{form}"), query=query)
    with sink(output) as file:
        file.write(answer.content)
