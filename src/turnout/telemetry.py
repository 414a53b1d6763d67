"""What Turnout counts about itself, for Prometheus. No workspace's name or data is in here."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Telemetry:
    """The counters of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.accepted = Counter("turnout_events_accepted", "Events counted.", registry=self.registry)
        self.duplicates = Counter("turnout_events_duplicate", "Events known already.", registry=self.registry)
        self.rejected = Counter(
            "turnout_events_rejected", "Events refused, by reason.", ["reason"], registry=self.registry
        )
        self.waiting = Gauge("turnout_events_waiting", "Events taken and not yet durable.", registry=self.registry)
        self.flush_events = Histogram(
            "turnout_flush_events",
            "Events of one group write.",
            buckets=(1, 10, 100, 1000, 10_000, 100_000),
            registry=self.registry,
        )
        self.flush_seconds = Histogram(
            "turnout_flush_seconds", "Time of one group write.", buckets=_SECONDS, registry=self.registry
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
        self._at_the_door()
        self._in_the_store()
        # Resident memory, processor time, open files: under the names that every exporter gives them.
        ProcessCollector(registry=self.registry)

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
        self.requests_in_flight = Gauge("turnout_requests_in_flight", "Requests under way.", registry=registry)
        self.body_bytes_in_flight = Gauge(
            "turnout_body_in_flight_bytes", "Bytes of bodies that are read or worked on.", registry=registry
        )

    def _in_the_store(self) -> None:
        registry = self.registry
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
            "Time to answer a question, by where the answer came from: cache, rollup, raw, or both.",
            ["source"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.table_rows = Gauge("turnout_table_rows", "Rows on disk.", ["table"], registry=registry)
        self.table_parts = Gauge("turnout_table_parts", "Parts on disk.", ["table"], registry=registry)
        self.table_bytes = Gauge("turnout_table_bytes", "Bytes on disk.", ["table"], registry=registry)
        self.disk_free_bytes = Gauge(
            "turnout_disk_free_bytes", "Free bytes of the data directory's disk.", registry=registry
        )

    def ran(self, kind: str, seconds: float, error: str) -> None:
        """A statement of the engine took so long; `error` is empty, or what it failed with."""
        self.engine_seconds.labels(kind).observe(seconds)
        if error:
            self.engine_errors.labels(kind, error).inc()

    def holds(self, table: str, rows: int, parts: int, size_bytes: int) -> None:
        """A table of the store is so large."""
        self.table_rows.labels(table).set(rows)
        self.table_parts.labels(table).set(parts)
        self.table_bytes.labels(table).set(size_bytes)
