"""The opened parts of the house, as whoever takes requests gets them. Made by `app`, once."""

from __future__ import annotations

import asyncio
import contextvars
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from turnout.charts.renderer import Renderer
from turnout.errors import NotFound, Overloaded, Unauthenticated
from turnout.ingest.context import Context
from turnout.ingest.reclassify import Reclassifier
from turnout.ingest.writer import Writer
from turnout.settings import Settings
from turnout.stats.recent import Recent
from turnout.stats.run import Statistics
from turnout.store.catalog import Catalog
from turnout.store.deadletters import DeadLetters
from turnout.store.engine import Engine
from turnout.store.events import EventStore
from turnout.store.fleet import Fleet
from turnout.telemetry import Telemetry

T = TypeVar("T")

#: What is drawn, or waits for it, at once: some sixty pages that are opened at one moment. Others come back.
LIMIT_DRAWN = 256


class Drawers:
    """Threads for what is looked at. Each is held until a chart is drawn; no question, webhook or probe waits for that.

    For one thread (the event loop's).
    """

    def __init__(self, threads: int, limit: int = LIMIT_DRAWN) -> None:
        self._threads = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="turnout-draw")
        self._limit = limit
        self._under_way = 0

    async def run(self, work: Callable[..., T], *arguments: Any) -> T:
        """Run the work when a thread is free; Overloaded if too many wait for one."""
        if self._under_way >= self._limit:
            raise Overloaded("too many charts and reports are waited for", retry_after_s=5)
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
        finally:
            self._under_way -= 1

    def close(self) -> None:
        """End what is under way, and begin nothing more."""
        self._threads.shutdown(cancel_futures=True)


@dataclass(frozen=True)
class Services:
    """Everything that a request may need."""

    settings: Settings
    engine: Engine
    events: EventStore
    catalog: Catalog
    #: The processes that share the store.
    fleet: Fleet
    writer: Writer
    statistics: Statistics
    recent: Recent
    telemetry: Telemetry
    context: Context
    reclassifier: Reclassifier
    dead_letters: DeadLetters
    renderer: Renderer
    now: Callable[[], datetime]
    threads: ThreadPoolExecutor
    #: One thread: large bodies are taken apart one after the other. Side by side they would share the
    #: interpreter and all be done at the same late moment; so the writer gets the first one early.
    unpacker: ThreadPoolExecutor
    drawers: Drawers
    #: What sessions of the dashboard are signed with.
    session_secret: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    #: When each key was last used since the start, by its id; as many as there are keys.
    keys_used: dict[str, datetime] = field(default_factory=dict)
    #: Of this run only: lets commands on this machine act for any workspace.
    local_token: str = ""
    is_ready: Callable[[], bool] = lambda: True

    async def run(self, work: Callable[..., T], *arguments: Any) -> T:
        """Run blocking work (anything that asks the engine) off the event loop, in the request's context."""
        context = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(self.threads, context.run, work, *arguments)

    async def draw(self, work: Callable[..., T], *arguments: Any) -> T:
        """Run work that draws, or makes what is drawn of, like `run`, in the way of nobody else."""
        return await self.drawers.run(contextvars.copy_context().run, work, *arguments)

    async def sought(self, find: Callable[[], T]) -> T:
        """What `find` finds. Where it is None, or raises NotFound or Unauthenticated, another process may have made it
        a moment ago: then it is looked for once more, after a look at the store."""
        catalog = self.catalog
        taken = catalog.taken
        try:
            found = find()
            if found is not None or not self.fleet.is_shared:
                return found
        except (NotFound, Unauthenticated):
            await catalog.looked()
            if catalog.taken == taken:
                raise
        else:
            await catalog.looked()
        return find() if catalog.taken != taken else found

    async def unpack(self, work: Callable[[], T]) -> T:
        """Run the work on a large body, in its turn."""
        return await asyncio.get_running_loop().run_in_executor(self.unpacker, contextvars.copy_context().run, work)
