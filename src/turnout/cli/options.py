"""Options that several commands share, each written once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        envvar="TURNOUT_DATA",
        metavar="DIR",
        help="Data directory; .turnout if not given.",
        show_default=False,
        file_okay=False,
    ),
]
Store = Annotated[
    str | None,
    typer.Option(
        "--store",
        envvar="TURNOUT_STORE",
        metavar="URL",
        help="chdb:///path (embedded; DIR/store if not given) or clickhouse://user:password@host:8123/database.",
        show_default=False,
    ),
]
Host = Annotated[
    str | None,
    typer.Option(
        "--host",
        envvar="TURNOUT_HOST",
        metavar="ADDRESS",
        help="Address to listen on; 127.0.0.1 if not given.",
        show_default=False,
    ),
]
Port = Annotated[
    int | None,
    typer.Option(
        "--port",
        envvar="TURNOUT_PORT",
        metavar="PORT",
        min=0,
        max=65535,
        help="Port to listen on; 8080 if not given, 0 takes a free one.",
        show_default=False,
    ),
]
LogLevel = Annotated[
    str | None,
    typer.Option(
        "--log-level",
        envvar="TURNOUT_LOG_LEVEL",
        metavar="LEVEL",
        help="debug, info, warning or error; the log goes to stderr.",
        show_default=False,
    ),
]
LogFormat = Annotated[
    str | None,
    typer.Option(
        "--log-format",
        envvar="TURNOUT_LOG_FORMAT",
        metavar="FORMAT",
        help="text, or json: an object a line.",
        show_default=False,
    ),
]

# ---- which server, which workspace ----------------------------------------------------------------

Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        metavar="URL",
        help="A server elsewhere (TURNOUT_URL); without it, the one that serves --data, or none.",
        show_default=False,
        rich_help_panel="Where",
    ),
]
Key = Annotated[
    str | None,
    typer.Option(
        "--key",
        metavar="KEY",
        help="API key for --url (TURNOUT_API_KEY).",
        show_default=False,
        rich_help_panel="Where",
    ),
]
Directory = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help="Data directory (TURNOUT_DATA); .turnout if not given.",
        show_default=False,
        file_okay=False,
        rich_help_panel="Where",
    ),
]
WorkspaceName = Annotated[
    str,
    typer.Option("--workspace", "-w", metavar="ID", help="Workspace of --data.", rich_help_panel="Where"),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, just as the API answers.")]

# ---- what is asked --------------------------------------------------------------------------------

Metrics = Annotated[
    str,
    typer.Option("--metrics", metavar="A,B", help="Metrics to show; `turnout metrics` lists them.", show_default=False),
]
Dimensions = Annotated[
    str,
    typer.Option("--dimensions", metavar="A,B", help="What to group by: day, link, country …", show_default=False),
]
Filters = Annotated[
    list[str] | None,
    typer.Option(
        "--filter",
        metavar="DIMENSION=VALUES",
        help="Only these values, comma-separated; may be given several times.",
        show_default=False,
    ),
]
RangeName = Annotated[
    str,
    typer.Option("--range", metavar="RANGE", help="7d, 30d, 90d, 365d or all, until now.", show_default=False),
]
From = Annotated[
    str,
    typer.Option(
        "--from", metavar="TIME", help="First moment: 2026-10-05 or 2026-10-05T13:00:00+02:00.", show_default=False
    ),
]
To = Annotated[
    str,
    typer.Option("--to", metavar="TIME", help="End of the range; itself not in it.", show_default=False),
]
Grain = Annotated[
    str,
    typer.Option(
        "--grain",
        metavar="GRAIN",
        help="hour, day, week or month; what suits the range if not given.",
        show_default=False,
    ),
]
Timezone = Annotated[
    str,
    typer.Option(
        "--timezone", metavar="ZONE", help="Whose days; the workspace's zone if not given.", show_default=False
    ),
]
Traffic = Annotated[
    str,
    typer.Option(
        "--traffic",
        metavar="CLASSES",
        help="Which traffic counts: human, proxy, prefetch, preview, scanner, bot, or all.",
        show_default=False,
    ),
]
