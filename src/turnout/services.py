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
from turnout.ingest.context import Context
from turnout.ingest.reclassify import Reclassifier
from turnout.ingest.writer import Writer
from turnout.settings import Settings
from turnout.stats.run import Statistics
from turnout.store.catalog import Catalog
from turnout.store.deadletters import DeadLetters
from turnout.store.engine import Engine
from turnout.store.events import EventStore
from turnout.telemetry import Telemetry

T = TypeVar("T")


@dataclass(frozen=True)
class Services:
    """Everything that a request may need."""

    settings: Settings
    engine: Engine
    events: EventStore
    catalog: Catalog
    writer: Writer
    statistics: Statistics
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

    async def unpack(self, work: Callable[[], T]) -> T:
        """Run the work on a large body, in its turn."""
        return await asyncio.get_running_loop().run_in_executor(self.unpacker, contextvars.copy_context().run, work)
