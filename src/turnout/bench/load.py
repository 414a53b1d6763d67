"""The load: ready-made HTTP/1.1 requests over a few keep-alive connections, as fast as the answers come.

Whole requests enter as bytes; the time of every answer and the bodies of none leave. It is as lean as
Python allows, so that on a small machine the server is what is measured; both sides of a ratio are
loaded by it alike.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import uvloop

from turnout.errors import TurnoutError

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_SHOWN_BYTES = 500

#: How the answers begin that count.
_GOOD = (b"HTTP/1.1 200", b"HTTP/1.1 302")


class LoadFailed(TurnoutError):
    """A server answered something else than 200 or 302, or not at all; what was measured is worth nothing."""

    code = "load_failed"


@dataclass(frozen=True)
class Address:
    """Where a server listens."""

    host: str
    port: int


@dataclass(frozen=True)
class Load:
    """What came of it: answers, the seconds from the first request to the last answer, and each answer's time.

    `client_share` is the processor time of this process per second: near 1, the load itself is the limit.
    """

    answers: int
    seconds: float
    latencies_s: Sequence[float]
    client_share: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds


def request(
    method: str, path: str, *, key: str = "", body: bytes = b"", media_type: str = "application/json", cookie: str = ""
) -> bytes:
    """One whole request."""
    lines = [f"{method} {path} HTTP/1.1", "host: bench", f"authorization: Bearer {key}"]
    if cookie:
        lines.append(f"cookie: {cookie}")
    if body:
        lines += [f"content-type: {media_type}", f"content-length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def drive(address: Address, requests: Iterable[bytes], connections: int, limit_s: float = float("inf")) -> Load:
    """Send the requests, each as soon as a connection is free; none is begun after `limit_s`.

    Raises LoadFailed at the first answer that is neither a 200 nor a 302.
    """
    return uvloop.run(_drive(address, iter(requests), connections, limit_s))


def fetch(address: Address, message: bytes) -> bytes:
    """The body of one answer."""

    async def exchange() -> bytes:
        reader, writer = await asyncio.open_connection(address.host, address.port)
        try:
            writer.write(message)
            head = await reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            body = await reader.readexactly(int(length[1])) if length else b""
        finally:
            writer.close()
        if not head.startswith(b"HTTP/1.1 200"):
            raise LoadFailed(_complaint(head + body))
        return body

    return uvloop.run(exchange())


async def _drive(address: Address, requests: Iterator[bytes], connections: int, limit_s: float) -> Load:
    loop = asyncio.get_running_loop()
    run = _Run(requests, loop.create_future())
    opened = [
        await loop.create_connection(lambda: _Connection(run), address.host, address.port) for _ in range(connections)
    ]
    processor_s, run.started = time.process_time(), time.perf_counter()
    run.deadline = run.started + limit_s
    try:
        for _, connection in opened:
            connection.send()
        await run.finished
    finally:
        seconds, processor_s = time.perf_counter() - run.started, time.process_time() - processor_s
        for transport, _ in opened:
            transport.close()
    return Load(len(run.latencies_s), seconds, run.latencies_s, processor_s / seconds)


class _Run:
    """What the connections of one drive share."""

    def __init__(self, requests: Iterator[bytes], finished: asyncio.Future[None]) -> None:
        self.requests = requests
        self.finished = finished
        self.latencies_s: list[float] = []
        self.started = self.deadline = 0.0
        self.under_way = 0

    def fail(self, complaint: str) -> None:
        """End the drive with LoadFailed."""
        if not self.finished.done():
            self.finished.set_exception(LoadFailed(complaint))


class _Connection(asyncio.Protocol):
    """Sends a request, awaits its answer, sends the next."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transport is one without saying so.
        self._transport = cast(asyncio.Transport, transport)

    def send(self) -> None:
        """Send the next request, if there is one and time is left."""
        run = self._run
        self._sent = time.perf_counter()
        message = next(run.requests, None) if self._sent < run.deadline else None
        if message is not None:
            run.under_way += 1
            assert self._transport is not None
            self._transport.write(message)
        elif not run.under_way and not run.finished.done():
            run.finished.set_result(None)

    def data_received(self, data: bytes) -> None:
        if self._received:
            data = self._received + data
        end = data.find(b"\r\n\r\n")
        length = _LENGTH.search(data, 0, end) if end >= 0 else None
        if end < 0 or (length is not None and len(data) < end + 4 + int(length[1])):
            self._received = data
            return
        self._received = b""
        run = self._run
        if not data.startswith(_GOOD) or length is None:
            run.fail(_complaint(data))
            return
        run.latencies_s.append(time.perf_counter() - self._sent)
        run.under_way -= 1
        self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        self._run.fail("the server closed a connection")


def _complaint(answer: bytes) -> str:
    return f"the server answered: {answer[:_SHOWN_BYTES].decode(errors='replace')}"
