"""`turnout demo`: a server with the sample campaigns, loaded through the real ingest, to look around in."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlencode

import msgspec
import typer

from turnout import logs
from turnout.cli import asking, console, options
from turnout.cli.connection import Connection, background, connected_to, path
from turnout.settings import Settings, from_environment

if TYPE_CHECKING:
    from turnout.demo.sample import Sample
    from turnout.dialects.contract import Example

#: Obviously not secret; the environment's win.
_CREDENTIALS = {
    "TURNOUT_API_KEY": "demo-key",
    "TURNOUT_ACCESS_KEY": "demo-access-key",
    "TURNOUT_SIGNING_SECRET": "demo-signing-secret-not-for-production",
}
#: The demo never goes where the user's own events are.
_IGNORED = ("TURNOUT_DATA", "TURNOUT_STORE")
_EXAMPLE = {"campaign": "spring-sale", "metrics": "sent,delivered,unique_opened,open_rate"}
_SHOWN_CHARACTERS = 500


def demo(
    host: options.Host = None,
    port: options.Port = None,
    data: Annotated[
        Path, typer.Option("--data", metavar="DIR", help="Data directory of the demo.", file_okay=False)
    ] = Path(".turnout/demo"),
    once: Annotated[bool, typer.Option("--once", "--no-serve", help="Load and show the addresses, then end.")] = False,
    log_level: options.LogLevel = None,
    log_format: options.LogFormat = None,
) -> None:
    """Load the sample campaigns and serve them, until Ctrl-C.

    The sample is loaded at the first start only; delete the directory to have it anew. The key is `demo-key`,
    unless TURNOUT_API_KEY says otherwise.
    """
    logs.set_up(log_level or "warning", log_format or "text", sys.stderr)
    environment = {name: value for name, value in os.environ.items() if name not in _IGNORED}
    settings = from_environment({**_CREDENTIALS, **environment}, host=host, port=port, data=data)
    from turnout import app

    house = app.open_house(settings)
    with background(house) as url, connected_to(url, settings.api_key) as server:
        words = _load(server)
        _show(server, settings, words)
        if once:
            return
        print("\nCtrl-C stops it.", flush=True)
        _until_stopped()


def _load(server: Connection) -> str:
    """Load what is missing of the sample, and say what is there."""
    from turnout.app import now
    from turnout.demo import load

    known = {one["id"]: one for one in asking.campaigns(server)}
    sample = load.missing(known, now())
    if sample is None:
        events = server.get("/v1/stats", {"metrics": "events", "traffic": "all"})["totals"]["events"]
        return f"{len(known)} campaigns with {events:,} events are there from an earlier start"
    started = time.monotonic()
    accepted = _send(server, sample)
    return f"{len(sample.campaigns)} campaigns with {accepted:,} events, loaded in {time.monotonic() - started:.1f} s"


def _send(server: Connection, sample: Sample) -> int:
    from turnout.capture.files import Chunk
    from turnout.cli.sending import Sender
    from turnout.demo import load

    *first, last = load.in_order(sample)
    for body in first:
        server.call("PUT", path("campaigns", body["id"]), body=body)
    with console.progress("events") as bar:
        task = bar.add_task("loading the sample", total=None)

        def advance(chunk: Chunk) -> None:
            bar.update(task, events=chunk.position)

        tally = Sender(server).send(load.chunks(sample), advance)
    # Only when everything else is there: a load that was interrupted is known by its absence.
    server.call("PUT", path("campaigns", last["id"]), body=last)
    return tally.accepted + tally.duplicates


def _show(server: Connection, settings: Settings, words: str) -> None:
    print(f"Turnout demo on {server.url}: {words}")
    print(f"  API key         {settings.api_key}")
    print(f"  dashboard       {server.url}/ (sign in with the key)")
    print(f"  statistics      {server.url}/v1/stats    campaigns  {server.url}/v1/campaigns")
    print(f"  metrics         {server.url}/v1/metrics  OpenAPI    {server.url}/openapi.json")
    _show_question(server, "", _own(settings))
    for title, example in _examples(server, settings):
        _show_question(server, title, example)
    program, where = _program(), shlex.quote(str(settings.data))
    print("\nThe same on a page, and events of your own:")
    print(f"  {program} stats --data {where}")
    print(f"  {program} stats {_EXAMPLE['campaign']} --data {where}")
    print(f"  {program} import FILE --data {where}", flush=True)


def _program() -> str:
    """How this program was called, so that the lines can be pasted."""
    called = sys.argv[0]
    return called if Path(called).name == "turnout" and shutil.which("turnout") != called else "turnout"


def _show_question(server: Connection, title: str, example: Example) -> None:
    import httpx

    # By nothing but what is shown.
    answer = httpx.get(f"{server.url}{example.path}", headers=example.headers, timeout=60).text
    given = "".join(f"-H {shlex.quote(f'{name}: {value}')} " for name, value in example.headers.items())
    print(f"\n{title}:" if title else "")
    print(f"$ curl -s {given}{shlex.quote(f'{server.url}{example.path}')}")
    print(console.plain(_shortened(answer)))


def _shortened(answer: str) -> str:
    """JSON of at most a few lines; of a long list, the first entry."""
    if len(answer) <= _SHOWN_CHARACTERS:
        return answer
    return f"{answer[:_SHOWN_CHARACTERS]} …"


def _own(settings: Settings) -> Example:
    from turnout.dialects.contract import Example

    return Example(f"/v1/stats?{urlencode(_EXAMPLE, safe=',')}", {"Authorization": f"Bearer {settings.api_key}"})


def _examples(server: Connection, settings: Settings) -> list[tuple[str, Example]]:
    """A request in every other API, by its name."""
    from turnout.app import now
    from turnout.dialects.contract import Shown
    from turnout.dialects.registry import ROOMS
    from turnout.model import Campaign, Workspace

    (workspace,) = [one for one in server.get("/v1/workspaces")["workspaces"] if one["id"] == "default"]
    fields = Campaign.__struct_fields__
    campaigns = [{name: one[name] for name in fields if name in one} for one in asking.campaigns(server)]
    shown = Shown(
        msgspec.convert(workspace, Workspace), settings.api_key, msgspec.convert(campaigns, tuple[Campaign, ...]), now()
    )
    return [(room.title, room.example(shown)) for room in ROOMS if room.example is not None]


def _until_stopped() -> None:
    """Wait for Ctrl-C or SIGTERM."""
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    stop.wait()
