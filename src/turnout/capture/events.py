"""POST /v1/events, from the socket to the writer: read, expand, decode, prepare, hand in, wait.

The receipt that comes back is given once the events are on disk.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from starlette.requests import ClientDisconnect, Request

from turnout.capture import body as bodies
from turnout.capture.decode import decode
from turnout.errors import InvalidInput, UnsupportedFormat
from turnout.ingest.bulk import bulk
from turnout.ingest.group import PACK_FROM_EVENTS
from turnout.ingest.steps import UNSEEN, Batch, Look, prepare
from turnout.model import Receipt, Workspace
from turnout.services import Services

#: What an event body may call itself; an empty type is taken as JSON.
_MEDIA_TYPES = frozenset(
    {
        "",
        "application/json",
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
        "application/x-jsonlines",
        "text/plain",
        "application/octet-stream",
        "application/x-www-form-urlencoded",  # what curl says of --data-binary
    }
)

#: Bodies above this size are decoded off the event loop, so that they hold up nobody.
_INLINE_BYTES = 65_536

#: Bodies from this size on are taken in bulk: some hundreds of events, which are worth columns of their own.
_BULK_BYTES = 65_536


async def receive(
    request: Request, services: Services, workspace: Workspace, admit: Callable[[int], None] = lambda count: None
) -> Receipt:
    """Take a request's events in. Raises what `errors` has for a body that can't be taken at all.

    `admit` may refuse so many events by raising RateLimited, before any is taken.
    """
    settings = services.settings
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type not in _MEDIA_TYPES:
        raise UnsupportedFormat(
            f"content type '{media_type[:100]}' is not spoken",
            field="Content-Type",
            hint="send application/json or application/x-ndjson",
        )
    declared = request.headers.get("content-length", "")
    try:
        raw = await bodies.read(
            request.stream(), settings.body_limit_bytes, int(declared) if declared.isdigit() else None
        )
    except ClientDisconnect:
        raise InvalidInput("the body ended before it was complete", field="body") from None
    encoding = request.headers.get("content-encoding", "")

    look = services.context.of(workspace)

    def unpack() -> Batch:
        expanded = bodies.expand(raw, encoding, settings.expanded_limit_bytes)
        return batch_of(workspace.id, expanded, settings.request_limit_events, services.now(), look)

    batch = unpack() if len(raw) <= _INLINE_BYTES and not encoding else await services.unpack(unpack)
    admit(batch.count + len(batch.rejected))
    for rejection in batch.rejected:
        services.telemetry.rejected.labels(rejection.reason).inc()
    return await services.writer.accept(batch)


def batch_of(workspace: str, body: bytes, limit_events: int, now: dt.datetime, look: Look = UNSEEN) -> Batch:
    """The events of an expanded body, prepared, and as columns where they are many. Raises what `decode` does.

    In bulk if nothing is wrong with any of them, else one by one: whatever is to be said of an event is said there.
    """
    if len(body) >= _BULK_BYTES and (batch := bulk(workspace, body, limit_events, now, look)) is not None:
        return batch
    decoded = decode(body, limit_events)
    batch = prepare(workspace, decoded.events, now, look)
    if decoded.rejected:
        batch.rejected = sorted((*decoded.rejected, *batch.rejected), key=lambda rejection: rejection.index)
    if batch.count >= PACK_FROM_EVENTS:
        batch.pack()
    return batch
