"""Whether it lives, whether it is ready, and its counters."""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response

from turnout import __version__
from turnout.dialects.contract import Call
from turnout.dialects.native import render, wire
from turnout.errors import Overloaded


async def healthz(call: Call) -> Response:
    """The process answers."""
    return Response(render.encode(wire.Health("ok", __version__)), media_type="application/json")


async def readyz(call: Call) -> Response:
    """The store answers, and events would be taken."""
    if not call.services.is_ready():
        raise Overloaded("the server is starting or stopping")
    await call.services.run(call.services.engine.query, "SELECT 1")
    return Response(render.encode(wire.Health("ready", __version__)), media_type="application/json")


async def prometheus(call: Call) -> Response:
    """Every counter, in Prometheus' text format."""
    body = await call.services.run(generate_latest, call.services.telemetry.registry)
    return Response(body, headers={"Content-Type": CONTENT_TYPE_LATEST})


async def index(call: Call) -> Response:
    """What this is and where to go on."""
    body = {
        "turnout": __version__,
        "statistics": "/v1/stats",
        "campaigns": "/v1/campaigns",
        "dictionary": "/v1/metrics",
        "openapi": "/openapi.json",
        "health": "/healthz",
    }
    return Response(render.encode(body), media_type="application/json")
