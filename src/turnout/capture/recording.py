"""What a person did while a page or a picture waits for it: recorded at once, or a little later; the person goes on.

An event enters. `record` returns once it is on disk, or when somebody has waited long enough; the event is then
recorded in the background, and tried again for a while where the writer refuses it, and once more when the server
stops. What was late and what was lost is counted.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
from concurrent.futures import Future

from starlette.requests import Request

from turnout.capture.address import client_address
from turnout.errors import TurnoutError
from turnout.ingest.steps import Batch, prepare
from turnout.model import Event, Receipt, Workspace
from turnout.services import Services

log = logging.getLogger(__name__)

#: Events that are tried again at one time; more are given up at once, since memory has an end.
_LIMIT_TRYING = 10_000

#: Seconds between one try and the next.
_TRIES_AFTER_S = (1, 2, 5, 10, 20, 30)

_AGENT_LIMIT_CHARS = 2048
_ADDRESS_LIMIT_CHARS = 64

_trying: set[asyncio.Task[None]] = set()


async def record(services: Services, workspace: Workspace, event: Event, what: str) -> None:
    """Take in what somebody did (`what`: click or open); raises nothing that it meets.

    At most `tracking_timeout_ms` go by.
    """
    batch = prepare(workspace.id, ((0, event),), services.now(), services.context.of(workspace))
    if batch.rejected:
        _lose(services, what, batch.rejected[0].error)
        return
    try:
        receipt = services.writer.hand_in(batch)
    except TurnoutError as error:
        _try_again(services, batch, what, error.message)
        return
    await _done_or_late(receipt, services.settings.tracking_timeout_ms / 1000)
    if receipt.done():
        _look_at(services, batch, what, receipt)
    else:
        services.telemetry.tracked_late.labels(what).inc()
        log.warning("a %s was not on disk in time; it is recorded later", what)
        receipt.add_done_callback(lambda done: _look_at(services, batch, what, done))


async def _done_or_late(receipt: asyncio.Future[Receipt], timeout_s: float) -> None:
    """Wait for a receipt, but no longer than this. A fraction of the time that `asyncio.wait` takes.

    The receipt itself is never cancelled, whatever becomes of the request: what was handed in is written.
    """
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[None] = loop.create_future()

    def go_on(_: object) -> None:
        if not waiter.done():
            waiter.set_result(None)

    receipt.add_done_callback(go_on)
    timer = loop.call_later(timeout_s, go_on, None)
    try:
        await waiter
    finally:
        timer.cancel()


def new_id() -> str:
    """An id for an event: nobody else has it or can guess it. To ask the system for each takes far longer."""
    return f"{_PROCESS}{next(_count):x}"


_PROCESS = secrets.token_hex(12)
_count = itertools.count(1)


def context_of(request: Request, proxy_hops: int) -> tuple[str, str, bool]:
    """The address and the program of a client, and whether it says that it only looks ahead (prefetch, preview)."""
    agent, ahead = b"", False
    for name, value in request.scope["headers"]:
        if name == b"user-agent":
            agent = value
        elif name in _AHEAD:
            ahead = ahead or any(word in value.lower() for word in (b"prefetch", b"prerender", b"preview"))
    # What is no UTF-8, and the control characters that a header may have, is not worth keeping.
    text = agent.decode("utf-8", "replace")[:_AGENT_LIMIT_CHARS].replace("\0", "")
    return client_address(request.scope, proxy_hops)[:_ADDRESS_LIMIT_CHARS], text, ahead


#: Headers by which browsers say that nobody has looked yet.
_AHEAD = frozenset({b"purpose", b"sec-purpose", b"x-purpose", b"x-moz"})


def _look_at(services: Services, batch: Batch, what: str, receipt: asyncio.Future[Receipt]) -> None:
    """Try again what was refused after all."""
    if receipt.cancelled():
        _lose(services, what, "the server is stopping")
    elif (error := receipt.exception()) is not None:
        _try_again(services, batch, what, str(error))


def _try_again(services: Services, batch: Batch, what: str, why: str) -> None:
    if len(_trying) >= _LIMIT_TRYING:
        _lose(services, what, why)
        return
    services.telemetry.tracked_late.labels(what).inc()
    log.warning("a %s could not be recorded yet (%s); it is tried again", what, why)
    task = asyncio.get_running_loop().create_task(_keep_trying(services, batch, what))
    _trying.add(task)
    task.add_done_callback(_trying.discard)


async def _keep_trying(services: Services, batch: Batch, what: str) -> None:
    why = ""
    try:
        for wait_s in _TRIES_AFTER_S:
            await asyncio.sleep(wait_s)
            try:
                await services.writer.accept(batch)
                return
            except TurnoutError as error:
                why = error.message
    except asyncio.CancelledError:
        _leave(services, batch, what)
        raise
    _lose(services, what, why)


def _leave(services: Services, batch: Batch, what: str) -> None:
    """The server is stopping: a last try. The writer is closed after the event loop, and writes first what it has."""

    def written(receipt: Future[Receipt]) -> None:
        if (error := receipt.exception()) is not None:
            _lose(services, what, str(error))

    try:
        services.writer.submit(batch).add_done_callback(written)
    except TurnoutError as error:
        _lose(services, what, error.message)


def _lose(services: Services, what: str, why: str) -> None:
    services.telemetry.tracked_lost.labels(what).inc()
    log.error("a %s is lost: %s", what, why)
