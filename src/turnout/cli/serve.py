"""`turnout serve`: settings in, a running server out, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from turnout import logs
from turnout.cli import options
from turnout.settings import from_environment


def serve(
    host: options.Host = None,
    port: options.Port = None,
    data: options.Data = None,
    store: options.Store = None,
    log_level: options.LogLevel = None,
    log_format: options.LogFormat = None,
) -> None:
    """Serve the API on a data directory, until Ctrl-C or SIGTERM.

    The first start makes the workspace `default`. Its credentials come from TURNOUT_API_KEY, TURNOUT_ACCESS_KEY,
    TURNOUT_SIGNING_SECRET and TURNOUT_TIMEZONE; what is not set is generated, and printed this once.
    """
    settings = from_environment(
        os.environ, host=host, port=port, data=data, store=store, log_level=log_level, log_format=log_format
    )
    logs.set_up(settings.log_level, settings.log_format, sys.stderr)
    # The engine takes its time to load; `turnout --help` must not wait for it.
    from turnout import app, serving

    house = app.open_house(settings)
    show_generated(house.generated, sys.stdout)
    serving.serve(house, started=lambda url: print(f"serving on {url} (Ctrl-C stops it)", flush=True))


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
