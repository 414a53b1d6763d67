"""Where everything is wired together; nothing else knows all the parts.

`open_house` opens the store and starts the writer; `serve` puts the rooms on a socket until it is told
to stop. This module and the command line are the only ones that
read the clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import gc
import logging
import secrets
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from turnout import privacy
from turnout.asgi import Application
from turnout.dialects.registry import ROOMS
from turnout.errors import InvalidInput, Overloaded
from turnout.ingest.context import Context
from turnout.ingest.drain import Flush
from turnout.ingest.reclassify import Reclassifier
from turnout.ingest.review import Reviewer
from turnout.ingest.writer import Writer
from turnout.privacy import Daily
from turnout.services import Services
from turnout.settings import Settings
from turnout.stats import calendar
from turnout.stats.credits import Credits
from turnout.stats.direct import Direct
from turnout.stats.finished import Finished
from turnout.stats.keeper import Keeper
from turnout.stats.run import Statistics
from turnout.store import integrity
from turnout.store.backup import drop_snapshots
from turnout.store.catalog import Catalog
from turnout.store.deadletters import DeadLetters
from turnout.store.embedded import EmbeddedEngine
from turnout.store.engine import Engine
from turnout.store.events import EventStore
from turnout.store.known import KnownIds
from turnout.store.migrate import migrate
from turnout.store.observed import ObservedEngine
from turnout.store.ownership import Ownership
from turnout.store.revision import drop_left_behind
from turnout.telemetry import Telemetry

log = logging.getLogger(__name__)

#: The server takes no less for the head of a request.
_HEADER_LEAST_BYTES = 8192


def now() -> dt.datetime:
    """This moment, in UTC."""
    return dt.datetime.now(dt.UTC)


@dataclass(frozen=True)
class House:
    """An opened Turnout: the services of the rooms, and the hold on the data directory."""

    services: Services
    ownership: Ownership
    #: Credentials that were generated at this start, to be shown once.
    generated: dict[str, str]
    daily: Daily
    reviewer: Reviewer | None

    def close(self) -> None:
        """Write what waits, close the store, let go of the directory; each of it even if another part fails."""
        services = self.services
        with contextlib.ExitStack() as ending:
            # The last one first.
            ending.callback(self.ownership.release)
            ending.callback(services.engine.close)
            ending.callback(services.context.close)
            ending.callback(services.statistics.close)
            ending.callback(services.unpacker.shutdown)
            ending.callback(services.threads.shutdown)
            ending.callback(services.writer.close)
            ending.callback(self.daily.close)
            if self.reviewer is not None:
                ending.callback(self.reviewer.close)


def open_house(settings: Settings, clock: Callable[[], dt.datetime] = now) -> House:
    """Own the data directory, open and migrate the store, start the writer.

    Raises StoreOwned, SchemaTooNew or InvalidInput; nothing is left open then.
    """
    # A batch makes tens of thousands of short-lived tuples. At the default threshold the collector
    # would look through all of them again and again: a third of the time that transposing them takes.
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    with contextlib.ExitStack() as opened:
        ownership = Ownership.take(settings.data)
        opened.callback(ownership.release)
        telemetry = Telemetry()
        store = open_engine(settings)
        engine = ObservedEngine(store, telemetry.ran)
        opened.callback(engine.close)
        migrate(engine)
        drop_snapshots(engine)
        integrity.refuse_lost_catalog(engine)
        catalog = Catalog(engine, clock)
        generated = _first_start(catalog, settings)
        events = EventStore(engine, settings.data / "journal.json")
        alone = _is_embedded(settings)
        finished, keeper = _kept_ahead(engine, store, catalog, events) if alone else (None, None)
        statistics = Statistics(
            engine,
            catalog,
            Credits(engine, alone=alone),
            finished,
            keeper,
            cache_entries=settings.cache_entries if alone else 0,
            repairs=lambda: events.repairs,
            observe=telemetry.answered,
        )
        # It works through the writer, which tells it what there is to do.
        reviewers: list[Reviewer] = []
        writer = Writer(
            settings.data / "spool",
            events,
            catalog,
            settings,
            known=KnownIds(engine, settings.data / "known") if alone else None,
            on_commit=lambda commit: telemetry.count_commit(commit.accepted, commit.duplicates, commit.seconds),
            on_flush=_on_flush(telemetry, statistics, reviewers),
        )
        telemetry.watch(writer.standing)
        telemetry.store_sound.set_function(lambda: events.trusted)
        writer.start()
        if alone:
            writer.exclusively(lambda: _look_at(events, engine))
            drop_left_behind(engine)
        context = Context(settings)
        opened.callback(context.close)
        reclassifier = Reclassifier(engine, events, writer, forget=statistics.forget, touched=statistics.touched)
        services = Services(
            settings=settings,
            engine=engine,
            events=events,
            catalog=catalog,
            writer=writer,
            statistics=statistics,
            telemetry=telemetry,
            context=context,
            reclassifier=reclassifier,
            dead_letters=DeadLetters(
                engine,
                clock,
                limit_rows=settings.dead_letter_limit_rows,
                limit_bytes=settings.dead_letter_limit_bytes,
                age_limit_days=settings.dead_letter_age_limit_days,
                dropped=telemetry.dead_letters_dropped.inc,
            ),
            now=clock,
            threads=ThreadPoolExecutor(max_workers=settings.readers * 2 + 4, thread_name_prefix="turnout"),
            unpacker=ThreadPoolExecutor(max_workers=1, thread_name_prefix="turnout-unpack"),
            local_token=secrets.token_urlsafe(24),
        )
        privacy.finish(services)
        if keeper is not None:
            keeper.start()
        daily = Daily(services)
        daily.start()
        # Where other processes write to the same store, nothing keeps them from it while rows change.
        if alone and settings.review_delay_s:
            reviewers.append(
                Reviewer(reclassifier, catalog, clock, delay_s=settings.review_delay_s, spare=lambda: _can_spare(store))
            )
            reviewers[0].start()
        opened.pop_all()
        return House(services, ownership, generated, daily, reviewers[0] if reviewers else None)


def open_engine(settings: Settings) -> Engine:
    """The engine that `settings.store` names."""
    if _is_embedded(settings):
        path = settings.store.removeprefix("chdb://")
        directory = Path(path) if path else settings.data / "store"
        return EmbeddedEngine(
            directory,
            readers=settings.readers,
            query_timeout_s=settings.query_timeout_s,
            query_memory_limit_bytes=settings.query_memory_limit_bytes,
        )
    scheme = urlsplit(settings.store).scheme
    if scheme in ("clickhouse", "clickhouses"):
        from turnout.store.server import ServerEngine

        return ServerEngine(
            settings.store,
            readers=settings.readers,
            query_timeout_s=settings.query_timeout_s,
            query_memory_limit_bytes=settings.query_memory_limit_bytes,
        )
    raise InvalidInput(
        f"'{settings.store}' is no store",
        field="TURNOUT_STORE",
        hint="write chdb:///path or clickhouse://host:8123/database",
    )


def _kept_ahead(engine: Engine, store: Engine, catalog: Catalog, events: EventStore) -> tuple[Finished, Keeper]:
    """Distinct counts that are kept, and what counts them before anybody asks: never with the last free reader."""
    finished = Finished(engine)
    keeper = Keeper(
        Direct(engine, finished),
        finished,
        catalog,
        spare=lambda: _can_spare(store),
        is_sound=lambda: events.repairs % 2 == 0,
    )
    return finished, keeper


def _can_spare(store: Engine) -> bool:
    """Whether the engine has a turn for what nobody waits for."""
    return not isinstance(store, EmbeddedEngine) or store.idle_readers > 1


def _is_embedded(settings: Settings) -> bool:
    return not settings.store or settings.store.startswith("chdb://")


def _look_at(events: EventStore, engine: Engine) -> None:
    """Let raw answer alone where part of the store is lost."""
    if not integrity.sound(engine):
        events.distrust()


def _first_start(catalog: Catalog, settings: Settings) -> dict[str, str]:
    """Make the workspace `default` where there is none, and hold it to the credentials that were set."""
    calendar.zone(settings.timezone)
    generated: dict[str, str] = {}
    if not any(workspace.id == "default" for workspace in catalog.workspaces()):
        workspace = catalog.add_workspace(
            "default",
            timezone=settings.timezone,
            access_key=settings.access_key,
            signing_secret=settings.signing_secret,
        )
        if not settings.access_key:
            generated["access key"] = workspace.access_key
        if not settings.signing_secret:
            generated["signing secret"] = workspace.signing_secret
        if not settings.api_key:
            _, generated["API key"] = catalog.add_key("default", name="first key")
    if settings.api_key and catalog.key_of(settings.api_key) is None:
        catalog.add_key("default", name="TURNOUT_API_KEY", secret=settings.api_key)
    return generated


def _on_flush(telemetry: Telemetry, statistics: Statistics, reviewers: Sequence[Reviewer]) -> Callable[[Flush], None]:
    def count(flush: Flush) -> None:
        telemetry.count_flush(flush.events, flush.seconds)
        if flush.touched:
            statistics.touched(flush.touched)
        if flush.classified:
            for reviewer in reviewers:
                reviewer.touched(flush.classified)

    return count


# ---- serving --------------------------------------------------------------------------------------


def serve(house: House, started: Callable[[str], None] = lambda url: None) -> None:
    """Serve until SIGTERM, SIGINT or SIGHUP; then finish what is under way and close the house.

    `started` is called with the address once requests are answered.
    """
    import uvloop

    try:
        uvloop.run(_serve(house, started))
    finally:
        house.close()


async def _serve(house: House, started: Callable[[str], None]) -> None:
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
        Application(services, ROOMS),
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
