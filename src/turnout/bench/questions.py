"""How long a question takes over stores of two sizes, and what a store takes in disk, memory and start.

Every question goes over HTTP, on one connection, one after another; `uncached` ones to a server that
keeps no answers. A question about one campaign is asked of every campaign in turn.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import msgspec

from turnout.bench.cached import busiest
from turnout.bench.disk import active_bytes
from turnout.bench.findings import Budget, Finding, finding
from turnout.bench.load import drive, fetch, request
from turnout.bench.processes import API_KEY, Server, disk_bytes, rest
from turnout.bench.rounds import Ground

GROUP = "questions"

_COUNTS = "sent,delivered,opened,clicked,bounced"
_UNIQUES = "unique_sent,unique_delivered,unique_opened,unique_clicked"

#: Odd minutes within the ninety days of the stream, so that neither end is on a slot or a day.
_RANGE = {"from": "2025-08-14T09:07:11Z", "to": "2025-10-03T16:52:43Z"}

_STEADY = Budget("p99 / p50", 4.0)
_GROWTH = Budget("ratio", 1.5)
_MIB = 1024 * 1024


@dataclass(frozen=True)
class Asked:
    """A question: its query, and of which campaigns it is asked (none: of all at once)."""

    name: str
    query: dict[str, str]
    of: str = ""
    limit_ms: float | None = None
    may_grow: bool = False


QUESTIONS = (
    Asked("counts, one campaign", {"metrics": _COUNTS}, "each", 10.0, True),
    Asked("counts, all campaigns", {"metrics": _COUNTS, "dimensions": "campaign"}, "", 10.0, True),
    Asked("daily uniques, one campaign", {"metrics": _UNIQUES, "dimensions": "day"}, "each", 15.0, True),
    Asked("daily uniques, largest campaign", {"metrics": _UNIQUES, "dimensions": "day"}, "largest"),
    Asked("whole-campaign uniques, one campaign", {"metrics": _UNIQUES}, "each", 15.0, True),
    Asked("whole-campaign uniques, largest", {"metrics": _UNIQUES}, "largest"),
    Asked(
        "overview: all campaigns with uniques",
        {"metrics": f"{_COUNTS},{_UNIQUES}", "dimensions": "campaign"}, "", 100.0,
    ),
    Asked("per link, largest campaign", {"metrics": "clicked,unique_clicked", "dimensions": "link"}, "largest"),
    Asked("by country, largest campaign", {"metrics": "clicked,unique_clicked", "dimensions": "country"}, "largest"),
)  # fmt: skip

_ANY_RANGE = Asked("uniques of an arbitrary range, per event in it", {"metrics": _UNIQUES, **_RANGE})


def measure(ground: Ground) -> Iterator[Finding]:
    """The findings, as they come: those of each size, then how they grew."""
    data = ground.site.fresh("questions")
    sizes = [size for size in (ground.sizes.events, ground.sizes.large_events) if size]
    medians: dict[int, dict[str, float]] = {size: {} for size in sizes}
    held = 0
    for size in sizes:
        _fill(ground, data, size - held, seed=size)
        held = max(size, held)
        with ground.site.turnout(data, TURNOUT_CACHE_ENTRIES="0") as server:
            rest(server, ground.sizes.quiet_s)
            for found in uncached(ground, server, size):
                medians[size][found.what] = found.measured.p50
                yield found
            yield from process(server, size)
        yield from disk(data, size)
        yield from known(ground, data, size)
    if len(sizes) == 2:
        yield from growth(GROUP, medians, sizes[0], sizes[1])


def growth(
    group: str, medians: dict[int, dict[str, float]], smaller: int, larger: int, *, budgeted: bool = True
) -> Iterator[Finding]:
    """How the medians of the uncached questions grew from one size to another."""
    for one in QUESTIONS:
        yield finding(
            f"{group}, {words(larger)} against {words(smaller)}", one.name, "ms", [medians[larger][one.name]],
            against=f"at {words(smaller)}", reference=[medians[smaller][one.name]],
            budgets=(_GROWTH,) if budgeted and one.may_grow else (),
        )  # fmt: skip


def _fill(ground: Ground, data: Path, count: int, seed: int) -> None:
    if count <= 0:
        return
    with ground.site.turnout(data) as server:
        ground.note(f"loading {words(count)} events")
        ground.load(server, count, seed)
        rest(server, ground.sizes.quiet_s)


def uncached(ground: Ground, server: Server, size: int, within: str = GROUP) -> Iterator[Finding]:
    """Every question to a server that keeps no answers."""
    campaigns = busiest(server, ground.sizes.campaigns)
    group = f"{within}, {words(size)} events, uncached"
    for one in QUESTIONS:
        ground.note(f"{one.name} over {words(size)}")
        budgets = (Budget("value", one.limit_ms), _STEADY) if one.limit_ms else ()
        yield finding(group, one.name, "ms", _ask(ground, server, one, campaigns), budgets=budgets)
    events = _events_in_range(server)
    nanoseconds = [1e6 * ms / events for ms in _ask(ground, server, _ANY_RANGE, campaigns)]
    yield finding(group, _ANY_RANGE.name, "ns", nanoseconds, budgets=(Budget("value", 120.0),))


def known(ground: Ground, data: Path, size: int, within: str = GROUP, **settings: str) -> Iterator[Finding]:
    """The same questions to a server that keeps answers, once it has them."""
    with ground.site.turnout(data, **settings) as server:
        rest(server, ground.sizes.quiet_s)
        campaigns = busiest(server, ground.sizes.campaigns)
        for one in QUESTIONS:
            ground.note(f"{one.name} over {words(size)}, cached")
            drive(server.address, _requests(one, campaigns), 1)
            latencies = _ask(ground, server, one, campaigns)
            yield finding(f"{within}, {words(size)} events, cached", one.name, "ms", latencies)


def process(server: Server, size: int, within: str = "store") -> Iterator[Finding]:
    """What its start took, and what memory it holds now."""
    group = f"{within}, {words(size)} events"
    yield finding(group, "start on the existing store", "s", [server.start_s], budgets=(Budget("value", 2.0),))
    resident = server.resident_bytes()
    if resident is not None:
        yield finding(group, "resident memory", "MiB", [resident / _MIB], budgets=(Budget("value", 1024.0),))


def disk(data: Path, size: int, within: str = "store") -> Iterator[Finding]:
    """What the store takes, while no server owns it."""
    group = f"{within}, {words(size)} events"
    active, whole = active_bytes(data), disk_bytes(data)
    yield finding(group, "disk an event", "bytes", [active / size], budgets=(Budget("value", 40.0),))
    yield finding(group, "disk an event, with parts that merges replaced", "bytes", [whole / size])


def _ask(ground: Ground, server: Server, one: Asked, campaigns: Sequence[str]) -> list[float]:
    """Latencies in ms, of up to `asks` questions within `asks_limit_s`; the first few are not counted."""
    messages = itertools.cycle(_requests(one, campaigns))
    drive(server.address, itertools.islice(messages, 3), 1)
    found = drive(server.address, itertools.islice(messages, ground.sizes.asks), 1, ground.sizes.asks_limit_s)
    return [1000 * seconds for seconds in found.latencies_s]


def _requests(one: Asked, campaigns: Sequence[str]) -> list[bytes]:
    chosen = {"each": campaigns, "largest": campaigns[:1], "": ("",)}[one.of]
    queries = [{**one.query, **({"campaign": name} if name else {})} for name in chosen]
    return [request("GET", f"/v1/stats?{urlencode(query)}", key=API_KEY) for query in queries]


def _events_in_range(server: Server) -> int:
    query = urlencode({"metrics": "events", "traffic": "all", **_RANGE})
    answer = msgspec.json.decode(fetch(server.address, request("GET", f"/v1/stats?{query}", key=API_KEY)))
    return max(int(answer["totals"]["events"]), 1)


def words(count: int) -> str:
    """The number as a person says it."""
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if count >= size:
            return f"{count / size:g} {letter}"
    return str(count)
