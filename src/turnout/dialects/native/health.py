"""Whether it lives, whether it is ready and what isn't, and its counters."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response

from turnout import __version__
from turnout.dialects.contract import Call
from turnout.dialects.kept import PerHouse
from turnout.dialects.native import render, wire
from turnout.errors import TurnoutError
from turnout.services import Services
from turnout.store import inventory

log = logging.getLogger(__name__)

#: A store that has not answered a small question by then is not ready.
STORE_TIMEOUT_S = 5

#: How old the sizes of tables may be, and how long a scrape waits for new ones before it gives the old.
SIZES_FRESH_S = 10
SIZES_TIMEOUT_S = 1

_OK = "ok"
_RETRY_AFTER_S = 5


@dataclass
class _Checks:
    """What is being asked of the store; never twice at once, however often somebody wants to know."""

    store: asyncio.Future[str] | None = None
    sizes: asyncio.Future[None] | None = None
    sizes_at_s: float = field(default=float("-inf"))


_checks = PerHouse(_Checks)


async def healthz(call: Call) -> Response:
    """The process answers."""
    return Response(render.encode(wire.Health("ok", __version__)), media_type="application/json")


async def readyz(call: Call) -> Response:
    """Whether questions are answered and events taken: each part with `ok` or what is wrong; 503 if one is not ok."""
    services = call.services
    parts = {
        "server": _OK if services.is_ready() else "starting or stopping",
        "store": await _store(services),
        "writer": _writer(services),
        "disk": await services.run(_disk, services),
    }
    ready = all(state == _OK for state in parts.values())
    if not ready:
        log.warning("not ready", extra={"fields": parts})
    body = wire.Readiness("ready" if ready else "not ready", __version__, parts)
    headers = {} if ready else {"Retry-After": str(_RETRY_AFTER_S)}
    return Response(render.encode(body), 200 if ready else 503, headers, "application/json")


async def _store(services: Services) -> str:
    """Whether the store answers a question about its events in time."""
    checks = _checks.of(services)
    if checks.store is None or checks.store.done():
        checks.store = asyncio.ensure_future(services.run(_ask, services))
    try:
        return await asyncio.wait_for(asyncio.shield(checks.store), STORE_TIMEOUT_S)
    except TimeoutError:
        return f"no answer within {STORE_TIMEOUT_S} seconds"


def _ask(services: Services) -> str:
    try:
        services.events.count()
    except TurnoutError as error:
        return error.message
    return _OK


def _writer(services: Services) -> str:
    """Whether events would be taken, in the writer's own words if not."""
    health: Callable[[], str] | None = getattr(services.writer, "health", None)
    return (health() if health is not None else "") or _OK


def _disk(services: Services) -> str:
    """Whether there is room for what comes next."""
    settings = services.settings
    try:
        free_bytes = inventory.free_bytes(settings)
    except OSError as error:
        return f"the data directory can't be read: {error.strerror}"
    if free_bytes < settings.free_floor_bytes:
        return f"{free_bytes} bytes are free, less than {settings.free_floor_bytes}"
    return _OK


async def prometheus(call: Call) -> Response:
    """Every counter, in Prometheus' text format. The sizes of tables may be some seconds old."""
    await _refresh(call.services)
    body = await call.services.run(generate_latest, call.services.telemetry.registry)
    return Response(body, headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _refresh(services: Services) -> None:
    """Measure the store anew where that was long ago; a store that takes its time is not waited for."""
    checks = _checks.of(services)
    if checks.sizes is None or (checks.sizes.done() and time.monotonic() - checks.sizes_at_s >= SIZES_FRESH_S):
        checks.sizes_at_s = time.monotonic()
        checks.sizes = asyncio.ensure_future(services.run(_measure, services))
    await asyncio.wait([checks.sizes], timeout=SIZES_TIMEOUT_S)


def _measure(services: Services) -> None:
    telemetry = services.telemetry
    try:
        telemetry.disk_free_bytes.set(inventory.free_bytes(services.settings))
        for table in inventory.tables(services.engine):
            telemetry.holds(table.name, table.rows, table.parts, table.bytes)
    except (TurnoutError, OSError) as error:
        log.warning("the store could not be measured: %s", error)
