"""Where everything is wired together; nothing else knows all the parts.

`open_house` opens the store and starts the writer; `serving` puts the rooms on a socket. This module and the command
line are the only ones that read the clock.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import gc
import logging
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from turnout import privacy
from turnout.charts.renderer import Renderer
from turnout.errors import InvalidInput
from turnout.ingest.context import Context
from turnout.ingest.discovery import Discovery
from turnout.ingest.drain import Flush
from turnout.ingest.identities import Filter
from turnout.ingest.reclassify import Reclassifier
from turnout.ingest.review import Reviewer
from turnout.ingest.writer import Writer
from turnout.privacy import Daily
from turnout.reports import mail
from turnout.reports.runner import Runner
from turnout.services import Drawers, Services
from turnout.settings import Settings
from turnout.stats import calendar
from turnout.stats.credits import Credits
from turnout.stats.direct import Direct
from turnout.stats.finished import Finished
from turnout.stats.keeper import Keeper
from turnout.stats.recent import Recent
from turnout.stats.run import Statistics
from turnout.stats.versions import Versions
from turnout.store import durable, integrity
from turnout.store.backup import drop_snapshots
from turnout.store.catalog import Catalog
from turnout.store.deadletters import DeadLetters
from turnout.store.embedded import EmbeddedEngine
from turnout.store.engine import Engine
from turnout.store.erasure import Erasure
from turnout.store.events import EventStore
from turnout.store.fleet import Fleet, Shared, Single
from turnout.store.known import KnownIds
from turnout.store.known_shared import SharedIds
from turnout.store.migrate import migrate
from turnout.store.moving_progress import refuse_unfinished
from turnout.store.observed import ObservedEngine
from turnout.store.ownership import Ownership
from turnout.store.revision import LEFT_BEHIND_S, drop_left_behind
from turnout.telemetry import Telemetry

log = logging.getLogger(__name__)


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
    #: How each part is closed; what was opened last is closed first.
    ending: contextlib.ExitStack

    def close(self) -> None:
        """Write what waits, close the store, let go of the directory; each of it even if another part fails."""
        self.ending.close()


@dataclass(frozen=True)
class _Ground:
    """What every part of the house stands on. `store` is the engine itself, `engine` the same, watched."""

    settings: Settings
    clock: Callable[[], dt.datetime]
    ending: contextlib.ExitStack
    telemetry: Telemetry
    store: Engine
    engine: Engine
    fleet: Fleet


def open_house(settings: Settings, clock: Callable[[], dt.datetime] = now) -> House:
    """Own the data directory, open and migrate the store, start the writer.

    Raises StoreOwned, SchemaTooNew or InvalidInput; nothing is left open then.
    """
    # A batch makes tens of thousands of short-lived tuples. At the default threshold the collector
    # would look through all of them again and again: a third of the time that transposing them takes.
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    with contextlib.ExitStack() as ending:
        ownership = Ownership.take(settings.data)
        ending.callback(ownership.release)
        context = Context(settings)
        ending.callback(context.close)
        ground = _ground(settings, clock, ending)
        engine, fleet = ground.engine, ground.fleet
        catalog = Catalog(engine, clock, fleet, refresh_s=settings.registry_refresh_ms / 1000)
        catalog.start()
        ending.callback(catalog.close)
        generated = _first_start(catalog, settings)
        events = EventStore(engine, settings.data / "journal.json", fleet)
        if isinstance(fleet, Shared):
            fleet.take_over = _taking_over(engine, events)
            fleet.start()
        statistics, keeper = _statistics(ground, catalog, events)
        recent = Recent(statistics, clock)
        ending.callback(recent.close)
        unpacker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="turnout-unpack")
        ending.callback(unpacker.shutdown)
        threads = ThreadPoolExecutor(max_workers=settings.readers * 2 + 4, thread_name_prefix="turnout")
        ending.callback(threads.shutdown)
        drawers = Drawers(settings.readers + 4)
        ending.callback(drawers.close)
        # It works through the writer, which tells it what there is to do.
        reviewers: list[Reviewer] = []
        writer = _writer(ground, events, catalog, _on_flush(ground.telemetry, statistics, reviewers))
        renderer = Renderer(settings.chart_processes, observe=ground.telemetry.drew)
        ending.callback(renderer.close)
        services = Services(
            settings=settings,
            engine=engine,
            events=events,
            catalog=catalog,
            fleet=fleet,
            writer=writer,
            statistics=statistics,
            recent=recent,
            telemetry=ground.telemetry,
            context=context,
            reclassifier=Reclassifier(
                engine, events, writer, fleet=fleet, forget=statistics.forget, touched=statistics.touched
            ),
            dead_letters=_dead_letters(ground),
            renderer=renderer,
            now=clock,
            threads=threads,
            unpacker=unpacker,
            drawers=drawers,
            session_secret=settings.session_secret.encode() or secrets.token_bytes(32),
            local_token=secrets.token_urlsafe(24),
        )
        _set_going(services, ground.store, keeper, reviewers, ending)
        return House(services, ownership, generated, ending.pop_all())


def _ground(settings: Settings, clock: Callable[[], dt.datetime], ending: contextlib.ExitStack) -> _Ground:
    """Open the store, join those that share it, and bring its schema up to date."""
    telemetry = Telemetry()
    process = secrets.token_hex(6)
    store = open_engine(settings, process)
    engine = ObservedEngine(store, telemetry.ran)
    ending.callback(engine.close)
    fleet = Single() if _is_embedded(settings) else _joined(engine, process, settings.data / "process", ending)
    migrate(engine, fleet.migrating() if isinstance(fleet, Shared) else None)
    drop_snapshots(engine)
    integrity.refuse_lost_catalog(engine)
    refuse_unfinished(engine)
    return _Ground(settings, clock, ending, telemetry, store, engine, fleet)


def _joined(engine: Engine, process: str, name: Path, ending: contextlib.ExitStack) -> Shared:
    """This process, among those that share the store. The file `name` says what the last one of this directory was
    called; since the directory is owned by now, that one is dead."""
    former = name.read_text(encoding="utf-8") if name.exists() else ""
    fleet = Shared(engine, process, former=former)
    ending.callback(fleet.close)
    fleet.prepare()
    durable.write(name, process.encode())
    return fleet


def _taking_over(engine: Engine, events: EventStore) -> Callable[[bytes], None]:
    """What ends whatever another process was at when it died: its part of the rollup, and an erasure."""
    erasure = Erasure(engine, events)

    def end(cells: bytes) -> None:
        events.take_over(cells)
        erasure.finish()

    return end


def _statistics(ground: _Ground, catalog: Catalog, events: EventStore) -> tuple[Statistics, Keeper | None]:
    """What answers questions, and what counts ahead where nobody else writes to the store."""
    engine, alone = ground.engine, not ground.fleet.is_shared
    finished = Finished(engine, alone=alone)
    keeper = _keeper(engine, finished, ground.store, catalog, events) if alone else None
    statistics = Statistics(
        engine,
        catalog,
        Credits(engine, alone=alone, now=ground.clock),
        finished,
        keeper,
        versions=Versions(engine, ground.fleet),
        cache_entries=ground.settings.cache_entries,
        repairs=lambda: events.repairs,
        observe=ground.telemetry.answered,
    )
    ground.ending.callback(statistics.close)
    catalog.on_change = statistics.changed
    return statistics, keeper


def _writer(ground: _Ground, events: EventStore, catalog: Catalog, on_flush: Callable[[Flush], None]) -> Writer:
    """The one writer, watched and at work; what earlier processes left half done is ended."""
    settings, engine, fleet, telemetry = ground.settings, ground.engine, ground.fleet, ground.telemetry
    writer = Writer(
        settings.data / "spool",
        events,
        catalog,
        settings,
        known=_known(settings, engine, fleet),
        fleet=fleet,
        on_commit=lambda commit: telemetry.count_commit(commit.accepted, commit.duplicates, commit.seconds),
        on_flush=on_flush,
    )
    telemetry.watch(writer.standing)
    telemetry.store_sound.set_function(lambda: events.trusted)
    writer.start()
    ground.ending.callback(writer.close)
    if not fleet.is_shared:
        writer.exclusively(lambda: _look_at(events, engine))
    drop_left_behind(engine, older_than_s=LEFT_BEHIND_S if fleet.is_shared else 0)
    return writer


def _known(settings: Settings, engine: Engine, fleet: Fleet) -> Filter | None:
    """The filter of ids that are surely new."""
    directory = settings.data / "known"
    if not fleet.is_shared:
        return KnownIds(engine, directory)
    return SharedIds(engine, directory, limit_ids=settings.known_ids_limit) if settings.known_ids_limit else None


def _dead_letters(ground: _Ground) -> DeadLetters:
    settings = ground.settings
    return DeadLetters(
        ground.engine,
        ground.clock,
        limit_rows=settings.dead_letter_limit_rows,
        limit_bytes=settings.dead_letter_limit_bytes,
        age_limit_days=settings.dead_letter_age_limit_days,
        dropped=ground.telemetry.dead_letters_dropped.inc,
    )


def _set_going(
    services: Services, store: Engine, keeper: Keeper | None, reviewers: list[Reviewer], ending: contextlib.ExitStack
) -> None:
    """Start what works by itself; what it is stopped by goes on `ending`."""
    settings = services.settings
    if services.fleet.is_shared and not settings.session_secret:
        log.warning(
            "TURNOUT_SESSION_SECRET is not set: who signs in at the dashboard of this process is not signed in at "
            "those of others on the same store, nor after a restart"
        )
    privacy.finish(services)
    if keeper is not None:
        keeper.start()
    daily = Daily(services)
    daily.start()
    ending.callback(daily.close)
    if services.fleet.is_shared:
        discovery = Discovery(services.engine, services.catalog, services.fleet, services.now)
        discovery.start()
        ending.callback(discovery.close)
    runner = Runner(services, mail.server_of(settings))
    runner.start()
    ending.callback(runner.close)
    # Each process looks again at what it has stored, one of them at a time.
    if settings.review_delay_s:
        reviewer = Reviewer(
            services.reclassifier,
            services.catalog,
            services.now,
            delay_s=settings.review_delay_s,
            spare=lambda: _can_spare(store),
        )
        reviewers.append(reviewer)
        reviewer.start()
        ending.callback(reviewer.close)


def open_engine(settings: Settings, process: str = "") -> Engine:
    """The engine that `settings.store` names; what `process` writes to a server bears its name."""
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
            process=process,
        )
    # A URL that is mistyped before its user has a password all the same.
    raise InvalidInput(
        "its URL is no store's" if "@" in settings.store else f"'{settings.store}' is no store",
        field="TURNOUT_STORE",
        hint="write chdb:///path or clickhouse://host:8123/database",
    )


def _keeper(engine: Engine, finished: Finished, store: Engine, catalog: Catalog, events: EventStore) -> Keeper:
    """What counts distinct recipients before anybody asks: never with the last free reader."""
    return Keeper(
        Direct(engine, finished),
        finished,
        catalog,
        spare=lambda: _can_spare(store),
        is_sound=lambda: events.repairs % 2 == 0,
    )


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
    if "default" in {workspace.id for workspace in catalog.workspaces()} and not _lacks_key(catalog, settings):
        return {}
    # Of several processes that start on an empty store one makes it.
    with catalog.changing():
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
        if _lacks_key(catalog, settings):
            catalog.add_key("default", name="TURNOUT_API_KEY", secret=settings.api_key)
        return generated


def _lacks_key(catalog: Catalog, settings: Settings) -> bool:
    return bool(settings.api_key) and catalog.key_of(settings.api_key) is None


def _on_flush(telemetry: Telemetry, statistics: Statistics, reviewers: Sequence[Reviewer]) -> Callable[[Flush], None]:
    def count(flush: Flush) -> None:
        telemetry.count_flush(flush.events, flush.seconds)
        if flush.touched:
            statistics.touched(flush.touched)
        if flush.classified:
            for reviewer in reviewers:
                reviewer.touched(flush.classified)

    return count
