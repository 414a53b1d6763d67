"""Events in (POST) and raw events out (GET), both under /v1/events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from starlette.concurrency import iterate_in_threadpool
from starlette.responses import Response, StreamingResponse

from turnout.capture.events import receive
from turnout.dialects.contract import Call
from turnout.dialects.native import parse, render, wire
from turnout.errors import UnknownName
from turnout.model import EVENT_TYPES
from turnout.stats import asking, export


async def capture(call: Call) -> Response:
    """Take events in and say what became of them."""
    receipt = await receive(call.request, call.services, call.workspace, call.admit_events)
    answer = wire.EventsAnswer(receipt.accepted, receipt.duplicates, receipt.rejected)
    return Response(render.encode(answer), media_type="application/json")


async def export_events(call: Call) -> Response:
    """Stream raw events, oldest first within each campaign and type."""
    asked, filters = parse.query(wire.ExportQuery, call.request.query_params.multi_items(), filters=True)
    form = render.chosen_format(asked.format, call.request.headers.get("accept", ""), ("ndjson", "csv", "parquet"))
    timezone = asking.zone_of(asked.timezone, call.workspace)
    types = asking.names(asked.type)
    for name in types:
        if name not in EVENT_TYPES:
            raise UnknownName("event type", name, EVENT_TYPES, field="type")
    traffic = asking.traffic(asked.traffic or "all")
    statement = export.events(
        call.workspace.id,
        types=types,
        filters=filters,
        from_ms=asking.moment(asked.from_, timezone, "from"),
        to_ms=asking.moment(asked.to, timezone, "to"),
        timezone=timezone,
        traffic=traffic,
    )
    return await stream(call, statement, form, traffic)


async def stream(call: Call, statement: export.Streamed, form: str, traffic: tuple[str, ...]) -> Response:
    """Send a statement's rows as they come. Its first chunk is awaited, so that an error still has a status."""
    chunks = export.chunks(call.services.engine, statement, form)
    first = await call.services.run(next, chunks, b"")
    return StreamingResponse(
        iterate_in_threadpool(_chained(first, chunks)),
        media_type=render.MEDIA_TYPES[form],
        headers={"X-Turnout-Traffic": ",".join(traffic)}
        | ({"Content-Disposition": f'attachment; filename="{statement.name}.{form}"'} if form != "ndjson" else {}),
    )


def _chained(first: Any, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest
