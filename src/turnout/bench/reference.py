"""The servers that Turnout's is held against, each in a process of its own.

`python -m turnout.bench.reference nothing PORT` serves a route that does nothing, `… prototype PORT` the
prototype, with its store in the working directory. Both stand on Starlette and granian, as `turnout
serve` does, and end when their standard input does: when whoever started them is gone.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

from granian import Granian
from granian.constants import Interfaces
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

APPLICATIONS = {
    "nothing": "turnout.bench.reference:nothing",
    "prototype": "turnout.bench.prototype:application",
}


def nothing() -> Starlette:
    """GET and POST /nothing: a small JSON answer, whatever is sent."""

    async def endpoint(request: Request) -> Response:
        return Response(b'{"accepted":1,"duplicates":0,"rejected":[]}', media_type="application/json")

    return Starlette(routes=[Route("/nothing", endpoint, methods=["GET", "POST"])])


def main(kind: str, port: str) -> None:
    """Serve one of the two until SIGTERM."""

    def watch() -> None:
        # Not through sys.stdin: the worker is forked while this waits, and would inherit its lock.
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()
    Granian(
        APPLICATIONS[kind],
        factory=True,
        address="127.0.0.1",
        port=int(port),
        interface=Interfaces.ASGI,
        workers=1,
        backlog=1024,
        log_enabled=False,
        websockets=False,
    ).serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
