"""What Turnout counts about itself, for Prometheus. No workspace's name or data is in here."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

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
