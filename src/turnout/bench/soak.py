"""Full speed for minutes: single events, hundreds and ten thousands at once, with memory and spool watched.

A server that keeps something of every request grows without end, and shows it here. What may grow is the filter
of known ids: it doubles, so it may take up to twice its 4.8 bytes for each new id.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from turnout.bench.findings import Budget, Finding, finding
from turnout.bench.load import drive
from turnout.bench.processes import Server, disk_bytes
from turnout.bench.rounds import END, Ground, post
from turnout.demo.traffic import generate
from turnout.settings import Settings

GROUP = "soak"

#: Requests of each size, again and again: by their number most are single events, by their events most are large.
_MIX = ((10_000, 1), (100, 30), (1, 300))
_CONNECTIONS = 32

#: More than can be sent in an hour; the stream is made while it is sent.
_EVENTS = 1_000_000_000

_MIB = 1024 * 1024
_FILTER_BYTES_AN_ID = 9.6
_GROWTH = Budget("value", 64.0)
_RESIDENT = Budget("value", 1024.0)


@dataclass
class _Sample:
    """One look at the server: seconds since the start, what was sent by then, and bytes of memory and spool."""

    at_s: float
    sent: int
    resident: int
    spool: int


@dataclass
class _Supply:
    """The requests, counted as they are taken."""

    campaigns: int
    seed: int
    events: int = 0
    requests: int = 0

    def __iter__(self) -> Iterator[bytes]:
        lines = generate(_EVENTS, campaigns=self.campaigns, end=END, seed=self.seed)
        while True:
            for size, times in _MIX:
                for _ in range(times):
                    group = list(islice(lines, size))
                    if not group:
                        return
                    self.events += len(group)
                    self.requests += 1
                    yield post(b"\n".join(group))


@dataclass
class _Watch:
    """Looks at a server once a second, in a thread of its own."""

    look: Callable[[], _Sample]
    samples: list[_Sample] = field(default_factory=list)

    def __enter__(self) -> _Watch:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.samples.append(self.look())

    def _run(self) -> None:
        while not self._stop.is_set():
            self.samples.append(self.look())
            self._stop.wait(1.0)


def measure(ground: Ground) -> Iterator[Finding]:
    """The findings, once the time is over."""
    data = ground.site.fresh(GROUP)
    limit_s = 60 * ground.sizes.minutes
    with ground.site.turnout(data) as server:
        ground.note(f"{ground.sizes.minutes:g} minutes at full speed")
        supply = _Supply(ground.sizes.campaigns, seed=1)
        with _Watch(_looking(server, data, supply)) as watch:
            load = drive(server.address, supply, _CONNECTIONS, limit_s)
    yield from _findings(watch.samples, supply, load.seconds, min(120.0, limit_s / 5))


def _looking(server: Server, data: Path, supply: _Supply) -> Callable[[], _Sample]:
    started = time.perf_counter()

    def look() -> _Sample:
        return _Sample(
            at_s=time.perf_counter() - started,
            sent=supply.events,
            resident=server.resident_bytes() or 0,
            spool=disk_bytes(data / "spool"),
        )

    return look


def _findings(samples: list[_Sample], supply: _Supply, seconds: float, settled_s: float) -> Iterator[Finding]:
    """What is held after `settled_s` is what is held against the end: the median of a tenth of the time each."""
    group = f"{GROUP}, {seconds / 60:.1f} minutes"
    yield finding(group, "events of all sizes", "events/s", [supply.events / seconds])
    yield finding(group, "requests", "requests/s", [supply.requests / seconds])
    later = [sample for sample in samples if sample.at_s >= settled_s] or samples[-1:]
    tenth = max(len(later) // 10, 1)
    before, after = (
        sorted(part, key=lambda one: one.resident)[len(part) // 2] for part in (later[:tenth], later[-tenth:])
    )
    grown = after.resident - before.resident
    allowed = _FILTER_BYTES_AN_ID * (after.sent - before.sent)
    yield finding(
        group, "resident memory, at most", "MiB", [max(one.resident for one in samples) / _MIB], budgets=(_RESIDENT,)
    )
    yield finding(group, f"resident memory, grown after {settled_s:.0f} s", "MiB", [grown / _MIB])
    yield finding(
        group, "the same, less what the filter of new ids may take", "MiB",
        [(grown - allowed) / _MIB], budgets=(_GROWTH,),
    )  # fmt: skip
    limit = Budget("value", Settings.spool_limit_bytes / _MIB)
    yield finding(group, "spool, at most", "MiB", [max(one.spool for one in samples) / _MIB], budgets=(limit,))
