"""What Turnout counts about itself, for Prometheus. No workspace's name or data is in here."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

_EVENTS = (1, 10, 100, 1000, 10_000, 100_000)
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Standing(Protocol):
    """What waits where, as the writer says it."""

    @property
    def waiting_events(self) -> int: ...
    @property
    def spool_events(self) -> int: ...
    @property
    def spool_bytes(self) -> int: ...
    @property
    def spool_age_s(self) -> float: ...
    @property
    def filter_ids(self) -> int: ...
    @property
    def filter_bytes(self) -> int: ...
    @property
    def damaged_bytes(self) -> int: ...


class Telemetry:
    """The counters of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.accepted = Counter("turnout_events_accepted", "Events counted.", registry=self.registry)
        self.duplicates = Counter("turnout_events_duplicate", "Events known already.", registry=self.registry)
        self.rejected = Counter(
            "turnout_events_rejected", "Events refused, by reason.", ["reason"], registry=self.registry
        )
        self.requests = Counter(
            "turnout_requests", "Requests answered.", ["room", "route", "status"], registry=self.registry
        )
        self.request_seconds = Histogram(
            "turnout_request_seconds",
            "Time to answer.",
            ["room", "route"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._in_the_spool()
        self._at_the_door()
        self._of_hooks()
        self._in_the_store()
        self._at_the_easel()
        # Resident memory, processor time, open files: under the names that every exporter gives them.
        ProcessCollector(registry=self.registry)

    def _in_the_spool(self) -> None:
        registry = self.registry
        self._gauges: dict[str, Gauge] = {
            name: Gauge(f"turnout_{metric}", help, registry=registry)
            for name, metric, help in (
                ("waiting_events", "events_waiting", "Events taken and not yet durable."),
                ("spool_events", "spool_events", "Events that are durable in the spool and not yet in the store."),
                ("spool_bytes", "spool_bytes", "Bytes of the spool that are not yet in the store."),
                ("spool_age_s", "spool_age_seconds", "How long the oldest spooled event has waited for the store."),
                ("filter_ids", "filter_ids", "Ids in the filter of known ones; 0 until it is filled."),
                ("filter_bytes", "filter_bytes", "Memory of the filter of known ids."),
                ("damaged_bytes", "spool_damaged_bytes", "Bytes of the spool that were found damaged."),
            )
        }
        self.commit_events = Histogram(
            "turnout_commit_events",
            "Events of one group that was spooled and acknowledged.",
            buckets=_EVENTS,
            registry=registry,
        )
        self.commit_seconds = Histogram(
            "turnout_commit_seconds",
            "Time from the beginning of a group's deduplication until it is durable.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.flush_events = Histogram(
            "turnout_flush_events", "Events of one insert into the store.", buckets=_EVENTS, registry=registry
        )
        self.flush_seconds = Histogram(
            "turnout_flush_seconds", "Time of one insert into the store.", buckets=_SECONDS, registry=registry
        )

    def watch(self, standing: Callable[[], Standing]) -> None:
        """Show what a writer's `standing` says, at every scrape."""
        for name, gauge in self._gauges.items():
            gauge.set_function(partial(_read, standing, name))

    def count_commit(self, accepted: int, duplicates: int, seconds: float) -> None:
        """A group was acknowledged."""
        self.accepted.inc(accepted)
        self.duplicates.inc(duplicates)
        if accepted:
            self.commit_events.observe(accepted)
            self.commit_seconds.observe(seconds)

    def count_flush(self, events: int, seconds: float) -> None:
        """A part of the spool was stored."""
        self.flush_events.observe(events)
        self.flush_seconds.observe(seconds)

    def _at_the_door(self) -> None:
        registry = self.registry
        self.refused = Counter(
            "turnout_requests_refused",
            "Requests refused for now: over a rate (rate_limited), or for want of room (overloaded).",
            ["room", "reason"],
            registry=registry,
        )
        self.unauthenticated = Counter(
            "turnout_requests_unauthenticated", "Requests without good credentials.", ["room"], registry=registry
        )
        self.tracked_late = Counter(
            "turnout_tracked_late",
            "Clicks and opens whose sender was served before they were on disk; they are recorded afterwards.",
            ["what"],
            registry=registry,
        )
        self.tracked_lost = Counter(
            "turnout_tracked_lost",
            "Clicks and opens that could not be recorded, though tried again.",
            ["what"],
            registry=registry,
        )
        self.requests_in_flight = Gauge("turnout_requests_in_flight", "Requests under way.", registry=registry)
        self.body_bytes_in_flight = Gauge(
            "turnout_body_in_flight_bytes", "Bytes of bodies that are read or worked on.", registry=registry
        )

    def _of_hooks(self) -> None:
        registry = self.registry
        self.webhook_events = Counter(
            "turnout_webhook_events",
            "What providers told: accepted, duplicates, ignored (it has no statistic) or quarantined (dead letters).",
            ["provider", "outcome"],
            registry=registry,
        )
        self.webhooks_refused = Counter(
            "turnout_webhook_requests_refused",
            "Requests to a hook that were not taken, by reason.",
            ["provider", "reason"],
            registry=registry,
        )
        self.dead_letters_dropped = Counter(
            "turnout_deadletters_dropped", "Dead letters that had to go for newer ones.", registry=registry
        )

    def count_webhook(self, provider: str, **outcomes: int) -> None:
        """A provider's request was answered: so many events of each outcome."""
        for outcome, count in outcomes.items():
            self.webhook_events.labels(provider, outcome).inc(count)

    def _in_the_store(self) -> None:
        registry = self.registry
        self.store_sound = Gauge(
            "turnout_store_sound",
            "1, or 0 where part of the store is lost or damaged and raw events answer alone: run turnout check.",
            registry=registry,
        )
        self.engine_seconds = Histogram(
            "turnout_engine_seconds",
            "Time of one statement of the engine; of a stream, until its first rows.",
            ["kind"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.engine_errors = Counter(
            "turnout_engine_errors", "Statements that failed, by what it meant.", ["kind", "error"], registry=registry
        )
        self.question_seconds = Histogram(
            "turnout_question_seconds",
            "Time to answer a question: from the cache, from the rollup and kept figures, or with raw events.",
            ["source"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.erased_recipients = Counter(
            "turnout_recipients_erased", "Persons taken out of the events, by why.", ["by"], registry=registry
        )
        self.cleared_events = Counter(
            "turnout_events_cleared", "Events past their time that lost what came with the request.", registry=registry
        )
        self.table_rows = Gauge("turnout_table_rows", "Rows on disk.", ["table"], registry=registry)
        self.table_parts = Gauge("turnout_table_parts", "Parts on disk.", ["table"], registry=registry)
        self.table_bytes = Gauge("turnout_table_bytes", "Bytes on disk.", ["table"], registry=registry)
        self.disk_free_bytes = Gauge(
            "turnout_disk_free_bytes", "Free bytes of the disk that the data is on.", registry=registry
        )

    def _at_the_easel(self) -> None:
        registry = self.registry
        self.drawing_seconds = Histogram(
            "turnout_drawing_seconds",
            "Time to draw a chart or set a document, from when it is wanted; what is remembered is not counted.",
            ["kind"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.drawings_failed = Counter(
            "turnout_drawings_failed", "Charts and documents that were not made.", ["kind"], registry=registry
        )

    def drew(self, kind: str, seconds: float, failed: bool) -> None:
        """A drawing was made, or failed, after so long."""
        self.drawing_seconds.labels(kind).observe(seconds)
        if failed:
            self.drawings_failed.labels(kind).inc()

    def ran(self, kind: str, seconds: float, error: str) -> None:
        """A statement of the engine took so long; `error` is empty, or what it failed with."""
        self.engine_seconds.labels(kind).observe(seconds)
        if error:
            self.engine_errors.labels(kind, error).inc()

    def answered(self, source: str, seconds: float) -> None:
        """A question was answered, from the cache, the rollup or raw events."""
        self.question_seconds.labels(source).observe(seconds)

    def erased(self, by: str, recipients: int, cleared: int = 0) -> None:
        """Persons were erased by a `request` or by `retention`, which also cleared events."""
        self.erased_recipients.labels(by).inc(recipients)
        self.cleared_events.inc(cleared)

    def holds(self, table: str, rows: int, parts: int, size_bytes: int) -> None:
        """A table of the store is so large."""
        self.table_rows.labels(table).set(rows)
        self.table_parts.labels(table).set(parts)
        self.table_bytes.labels(table).set(size_bytes)


def _read(standing: Callable[[], Standing], name: str) -> float:
    return float(getattr(standing(), name))
