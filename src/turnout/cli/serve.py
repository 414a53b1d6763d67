"""`turnout serve`: settings in, a running server out, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import logging
import os
import sys
from typing import TextIO

from turnout.cli import options
from turnout.errors import UnknownName
from turnout.settings import from_environment

LOG_LEVELS = ("debug", "info", "warning", "error")


def serve(
    host: options.Host = None,
    port: options.Port = None,
    data: options.Data = None,
    store: options.Store = None,
    log_level: options.LogLevel = "info",
) -> None:
    """Serve the API on a data directory, until Ctrl-C or SIGTERM.

    The first start makes the workspace `default`. Its credentials come from TURNOUT_API_KEY, TURNOUT_ACCESS_KEY,
    TURNOUT_SIGNING_SECRET and TURNOUT_TIMEZONE; what is not set is generated, and printed this once.
    """
    set_up_log(log_level)
    settings = from_environment(os.environ, host=host, port=port, data=data, store=store)
    # The engine takes its time to load; `turnout --help` must not wait for it.
    from turnout import app

    house = app.open_house(settings)
    show_generated(house.generated, sys.stdout)
    app.serve(house, started=lambda url: print(f"serving on {url} (Ctrl-C stops it)", flush=True))


def set_up_log(level: str) -> None:
    """Log from `level` up to stderr, one line a record."""
    if level.lower() not in LOG_LEVELS:
        raise UnknownName("log level", level, LOG_LEVELS, field="--log-level")
    logging.basicConfig(
        level=level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True
    )
    # One line for every request that a command makes is of no use to anybody.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)


def show_generated(generated: dict[str, str], stream: TextIO) -> None:
    """Print credentials that were made at this start; only hashes of keys are kept."""
    if not generated:
        return
    print("credentials of the workspace 'default', shown once:", file=stream)
    for name, secret in generated.items():
        print(f"  {name:<15} {secret}", file=stream)
    if "API key" in generated:
        print("keep the API key: it can't be shown again (turnout keys add makes another)", file=stream)
    stream.flush()
