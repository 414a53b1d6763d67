"""Work in a process of its own, timed there: one data directory is open in a process at a time.

`python -m turnout.bench.worker KIND DIRECTORY` reads lists of bodies from its standard input, handles
each list one body at a time, and answers with the seconds that it took and the rows it now holds. It
ends when its input does.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

Handle = Callable[[bytes], object]

#: A message is its length, then msgpack.
LENGTH_BYTES = 8


class Timing(msgspec.Struct, frozen=True):
    """What a list of bodies took, and how many rows are stored now."""

    seconds: float
    rows: int


def message(value: object) -> bytes:
    """A value as it goes through the pipe."""
    body = msgspec.msgpack.encode(value)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


def _bare(directory: Path, way: str) -> tuple[Handle, Callable[[], int]]:
    from turnout.bench.bare import Bare

    bare = Bare(directory)
    return getattr(bare, way), bare.count


def _prototype(directory: Path) -> tuple[Handle, Callable[[], int]]:
    from turnout.bench.prototype import Prototype

    prototype = Prototype(directory)
    return prototype.ingest, prototype.count


def _house(directory: Path) -> tuple[Handle, Callable[[], int]]:
    """Turnout's own ingest, without HTTP: a body to a batch, handed in and acknowledged; counted once it is stored."""
    from turnout import app
    from turnout.capture.events import batch_of
    from turnout.settings import Settings

    services = app.open_house(Settings(data=directory)).services

    def handle(body: bytes) -> None:
        look = services.context.of(services.catalog.workspace("default"))
        batch = batch_of("default", body, services.settings.request_limit_events, services.now(), look)
        services.writer.submit(batch).result()

    def count() -> int:
        services.writer.settle()
        return services.events.count()

    return handle, count


KINDS: dict[str, Callable[[Path], tuple[Handle, Callable[[], int]]]] = {
    "query": lambda directory: _bare(directory, "query"),
    "push": lambda directory: _bare(directory, "push"),
    "prototype": _prototype,
    "house": _house,
}


def main(kind: str, directory: str) -> None:
    """Serve the pipe until it ends."""
    handle, count = KINDS[kind](Path(directory))
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while head := source.read(LENGTH_BYTES):
        bodies = msgspec.msgpack.decode(source.read(int.from_bytes(head, "big")), type=list[bytes])
        started = time.perf_counter()
        for body in bodies:
            handle(body)
        stored = count()
        seconds = time.perf_counter() - started
        sink.write(message(Timing(seconds, stored)))
        sink.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
