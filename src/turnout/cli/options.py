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
        "--host", envvar="TURNOUT_HOST", help="Address to listen on; 127.0.0.1 if not given.", show_default=False
    ),
]
Port = Annotated[
    int | None,
    typer.Option(
        "--port",
        envvar="TURNOUT_PORT",
        min=0,
        max=65535,
        help="Port to listen on; 8080 if not given, 0 takes a free one.",
        show_default=False,
    ),
]
LogLevel = Annotated[
    str,
    typer.Option("--log-level", metavar="LEVEL", help="debug, info, warning or error; the log goes to stderr."),
]
