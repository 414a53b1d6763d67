"""`POST /v1/backups`: a backup on this machine, told as it goes along.

Lines of JSON come back: `{"stage", "done", "total"}` in bytes, and as the last one `{"backup": manifest}` or
`{"error": …}`. What can be refused at once is refused with a status. A backup whose client has gone is made all
the same; a server that stops ends it and leaves nothing of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from starlette.responses import Response, StreamingResponse

from turnout import __version__
from turnout.dialects.contract import Call
from turnout.dialects.native import render, wire
from turnout.dialects.native.campaigns import read_body
from turnout.errors import Forbidden, InvalidInput, TurnoutError
from turnout.services import Services
from turnout.store import backup
from turnout.store.manifest import Manifest

log = logging.getLogger(__name__)

_TOLD_EVERY_S = 0.2


async def make_backup(call: Call) -> Response:
    """Back up the whole store to a directory of this machine (commands on this machine only)."""
    if call.caller is None or not call.caller.local:
        raise Forbidden("only a command on the server's machine may do this", hint="turnout backup DIR")
    asked = await read_body(call, wire.NewBackup)
    if not asked.path:
        raise InvalidInput("a backup needs a directory", field="path")
    order = backup.Order(Path(asked.path), Path(asked.base) if asked.base else None, asked.disk)
    services = call.services
    embedded = not services.settings.store.startswith("clickhouse")
    placed = services.engine.placement
    cluster = placed.cluster if placed is not None else ""
    await services.run(lambda: backup.check(order, embedded=embedded, cluster=cluster))
    steps = _Steps()
    job = asyncio.ensure_future(services.run(_make, services, order, steps))
    return StreamingResponse(_told(job, steps), media_type="application/x-ndjson")


class _Steps:
    """The last step that was taken; written by the thread that takes it."""

    def __init__(self) -> None:
        self.last = ("waiting", 0, 0)

    def __call__(self, stage: str, done: int, total: int) -> None:
        self.last = (stage, done, total)


def _make(services: Services, order: backup.Order, steps: _Steps) -> Manifest | TurnoutError:
    try:
        services.writer.settle()
        around = backup.Surroundings(
            version=__version__,
            now=services.now,
            exclusively=services.writer.exclusively,
            stopping=lambda: not services.is_ready(),
            spare_bytes=services.settings.free_floor_bytes,
        )
        return backup.make(services.engine, order, around, steps)
    except TurnoutError as error:
        log.warning("no backup: %s", error.message)
        return error
    except Exception:
        log.exception("no backup")
        return TurnoutError("something went wrong here; it is in the server's log")


async def _told(job: asyncio.Future[Manifest | TurnoutError], steps: _Steps) -> AsyncIterator[bytes]:
    while not job.done():
        stage, done, total = steps.last
        yield _line({"stage": stage, "done": done, "total": total})
        await asyncio.wait([job], timeout=_TOLD_EVERY_S)
    found = job.result()
    if isinstance(found, TurnoutError):
        yield _line({"error": wire.ErrorBody(found.code, found.message, found.field, found.hint)})
    else:
        yield _line({"backup": found})


def _line(body: dict[str, Any]) -> bytes:
    return render.encode(body) + b"\n"
