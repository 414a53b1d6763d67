"""How a store grows: loaded through the import route to three sizes, ten times as many events each time.

At each size: what loading took, disk, start, ten questions uncached and cached, and the memory that the server
holds after them. Nothing is asked before the server is idle: merges and what else goes on behind are done by then.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from turnout.bench import questions
from turnout.bench.findings import Finding, finding
from turnout.bench.processes import rest
from turnout.bench.rounds import Ground

GROUP = "scale"

#: A question that is too slow or too heavy is measured as that, and not refused.
_PATIENT = {"TURNOUT_QUERY_TIMEOUT_S": "600", "TURNOUT_QUERY_MEMORY_LIMIT_BYTES": "0"}


def measure(ground: Ground) -> Iterator[Finding]:
    """The findings, as they come: those of each size, then how the questions grew."""
    data = ground.site.fresh(GROUP)
    medians: dict[int, dict[str, float]] = {}
    held = 0
    for size in ground.sizes.scales:
        yield from _load(ground, data, size - held, size)
        held = size
        medians[size] = {}
        with ground.site.turnout(data, TURNOUT_CACHE_ENTRIES="0", **_PATIENT) as server:
            rest(server, ground.sizes.quiet_s)
            for found in questions.uncached(ground, server, size, GROUP):
                medians[size][found.what] = found.measured.p50
                yield found
            yield from questions.process(server, size, GROUP)
        yield from questions.disk(data, size, GROUP)
        yield from questions.known(ground, data, size, GROUP, **_PATIENT)
    first = ground.sizes.scales[0]
    for before, after in pairwise(ground.sizes.scales):
        yield from questions.growth(GROUP, medians, before, after, budgeted=False)
    if len(ground.sizes.scales) > 2:
        yield from questions.growth(GROUP, medians, first, ground.sizes.scales[-1], budgeted=True)


def _load(ground: Ground, data: Path, count: int, size: int) -> Iterator[Finding]:
    words = questions.words(size)
    with ground.site.turnout(data) as server:
        ground.note(f"loading up to {words} events")
        rate = ground.load(server, count, seed=size)
        ground.note(f"merging {words} events")
        seconds = rest(server, ground.sizes.quiet_s)
    group = f"{GROUP}, loading up to {words} events"
    yield finding(group, "over HTTP, 10,000 events a request, their making included", "events/s", [rate])
    yield finding(group, "processor time of the server, merges included", "µs an event", [1e6 * seconds / count])
