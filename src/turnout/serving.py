"""The rooms on a socket, until the process is told to stop.

An opened house enters; `serve` answers requests and closes it, `serving` only answers while somebody needs it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

from turnout.app import House
from turnout.asgi import Application
from turnout.dashboard.routes import ROOM as DASHBOARD
from turnout.dialects.registry import ROOMS
from turnout.errors import InvalidInput, Overloaded

log = logging.getLogger(__name__)

#: A process ends within so many times its shutdown timeout, which is that of requests, of the drain, and of the rest.
_CLOSE_LIMIT = 3

#: The server takes no less for the head of a request.
_HEADER_LEAST_BYTES = 8192


def serve(house: House, started: Callable[[str], None] = lambda url: None) -> None:
    """Serve until SIGTERM, SIGINT or SIGHUP; then finish what is under way and close the house.

    `started` is called with the address once requests are answered.
    """
    import uvloop

    end = _end_without_the_store(house)
    try:
        uvloop.run(_serve(house, started, end.start))
    finally:
        house.close()
        end.cancel()


def _end_without_the_store(house: House) -> threading.Timer:
    """What ends the process where its parts, each of which may wait for a shared store that does not answer, take too
    long together. What was acknowledged is in the spool, so nothing is lost."""

    def give_up() -> None:
        log.error("the store does not answer: this process ends without it, and its next start stores what waits")
        logging.shutdown()
        os._exit(1)

    limit_s = _CLOSE_LIMIT * house.services.settings.shutdown_timeout_s
    timer = threading.Timer(limit_s if house.services.fleet.is_shared else threading.TIMEOUT_MAX, give_up)
    timer.daemon = True
    return timer


async def _serve(house: House, started: Callable[[str], None], stopping: Callable[[], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # A server under nohup is to outlive its terminal.
        if signal.getsignal(name) is not signal.SIG_IGN:
            loop.add_signal_handler(name, stop.set)
    async with serving(house) as url:
        started(url)
        house.services.threads.submit(house.services.context.warm)
        await stop.wait()
        stopping()


@contextlib.asynccontextmanager
async def serving(house: House):  # type: ignore[no-untyped-def]
    """Serve on this event loop; the value is the address."""
    from granian.constants import HTTPModes, Interfaces
    from granian.http import HTTP1Settings
    from granian.server.embed import Server

    settings = house.services.settings
    port = settings.port or _free_port(settings.host)
    _must_be_free(settings.host, port)
    stopping = False
    services = replace(house.services, is_ready=lambda: not stopping)
    server = Server(
        Application(services, (*ROOMS, DASHBOARD)),
        address=settings.host,
        port=port,
        interface=Interfaces.ASGI,
        # While it finds out whether a client speaks HTTP/2, granian waits for its first byte, however long; and a
        # connection would be as many requests as it likes. A proxy with TLS speaks HTTP/2 to clients.
        http=HTTPModes.http1,
        # Who finds all connections taken waits in the kernel's queue.
        backlog=settings.connection_limit,
        backpressure=settings.connection_limit,
        http1_settings=HTTP1Settings(
            header_read_timeout=settings.header_timeout_s * 1000,
            max_buffer_size=max(settings.header_limit_bytes, _HEADER_LEAST_BYTES),
        ),
        log_enabled=False,
        websockets=False,
    )
    name = f"[{settings.host}]" if ":" in settings.host else settings.host
    url = f"http://{name}:{port}"
    task = asyncio.create_task(server.serve())
    try:
        await _listening(settings.host, port, task)
        house.ownership.announce(url=url, token=house.services.local_token)
        yield url
    finally:
        stopping = True
        server.stop()  # type: ignore[no-untyped-call]
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.shield(task), settings.shutdown_timeout_s)


async def _listening(host: str, port: int, task: asyncio.Task[None]) -> None:
    """Wait until the socket answers."""
    while not task.done():
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(0.01)
        else:
            writer.close()
            return
    task.result()
    raise Overloaded("the server ended before it listened")


def _must_be_free(host: str, port: int) -> None:
    with _socket(host) as probe:
        try:
            probe.bind((host, port))
        except OSError as error:
            raise InvalidInput(
                f"can't listen on {host}:{port}: {error.strerror}", field="port", hint="give another --port"
            ) from None


def _free_port(host: str) -> int:
    with _socket(host) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def _socket(host: str) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        yield probe
