"""What a cluster needs, computed from what one machine was measured to do: `python -m turnout.bench.scaling` prints it.

Constants enter, each with its source; tables leave, as docs/scaling.md has them between its marks: with the page's path
behind it the command writes them there (a test holds the two together). Nothing is measured here. Times are CPU time of
the measuring machine's cores unless a name says otherwise.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Literal

Kind = Literal["measured", "computed", "assumed"]


@dataclass(frozen=True)
class Constant:
    """A number of the model: its unit, whether it was measured, and where or why."""

    value: float
    unit: str
    kind: Kind
    source: str


#: A short run of 22 November 2026 while others used the machine: CPU time, which that raises by up to a half.
_NOISY = "short run, busy machine, 22 Nov 2026"
_PERFORMANCE = "docs/performance.md, 22 Nov 2026"

DISK_BYTES = Constant(26.6, "bytes an event", "measured", f"{_PERFORMANCE}: raw and rollup at 100 M")
JSON_BYTES = Constant(208, "bytes an event", "measured", "the benchmark's bodies; gzip makes 37 of them")
ARROW_BYTES = Constant(176, "bytes an event", "measured", "one insert of 10,000 of them, as it goes to the server")
FRONT_US = Constant(20, "µs an event", "measured", f"a Turnout process in front of a server; {_NOISY}")
STORE_US = Constant(10.8, "µs an event", "measured", f"{_PERFORMANCE}: 13.6 of the whole server less 2.8 of Python")
INSERT_US = Constant(3.8, "µs a row", "measured", f"inserts of 100,000 rows, one at a time, with the rollup; {_NOISY}")
MERGED = Constant(1.85, "rows", "measured", "merged for each inserted, 10 M rows of 100 inserts")
LOOK_NS = Constant(35, "ns a stored event", "measured", f"one look for 2,000 to 10,000 new ids, 1 to 16 M; {_NOISY}")
LOOK_FEW_NS = Constant(3.3, "ns a stored event", "measured", f"one look for 1 to 10 new ids, 4 and 16 M; {_NOISY}")
PLACE_US = Constant(
    3,
    "µs an event",
    "measured",
    f"a look at campaign, type and time only: new events of now, 100,000 at 16 M; {_NOISY}",
)
PLACE_OLD_US = Constant(
    250, "µs an event", "measured", f"the same for 10,000 old events of any time at 16 M: a granule each; {_NOISY}"
)
KAFKA_US = Constant(12, "µs a message", "measured", f"from the topic's block to events and counts; {_NOISY}")
FILTER_BYTES = Constant(2.6, "bytes an id", "measured", f"{_PERFORMANCE}: known ids, 251 MiB at 100 M; 5.0 in its file")
LEARN_MS = Constant(6, "ms", "measured", f"of ClickHouse, to hear that nothing new is stored, 1 and 5 M; {_NOISY}")
LEARN_US = Constant(0.35, "µs an id", "measured", f"of a process, to hear of 100,000 ids of any process; {_NOISY}")
LEARN_STORE_US = Constant(
    0.4, "µs an id", "measured", f"of ClickHouse, to tell of them, and of all at a start; {_NOISY}"
)
START_US = Constant(
    0.15, "µs an id", "measured", f"of a process, to read all ids at its first start, 1 and 5 M; {_NOISY}"
)
COUNTS_MS = Constant(12.8, "ms, p50", "measured", f"{_PERFORMANCE}: counts, one campaign, 100 M")
COUNTS_P99_MS = Constant(23.5, "ms, p99", "measured", "the same")
KEPT_MS = Constant(17.2, "ms, p50", "measured", f"{_PERFORMANCE}: daily uniques that are kept, 100 M")
KEPT_P99_MS = Constant(28.3, "ms, p99", "measured", "the same")
RAW_NS = Constant(257, "ns an event", "measured", f"uniqExact(recipient) of 1.3 M events; {_NOISY}")
DAILY_NS = Constant(441, "ns an event", "measured", f"the same by day and type; {_NOISY}")
GROUP_NS = Constant(34, "ns an event", "measured", f"counts by two columns of raw; {_NOISY}")

CORES = Constant(16, "cores a node", "assumed", "like those of the measuring machine")
NODE_DISK_BYTES = Constant(4e12, "bytes a node", "assumed", "NVMe; used up to 60 %, merges and mutations need the rest")
NODE_MEMORY_BYTES = Constant(64e9, "bytes a node", "assumed", "one question gets up to half of it")
REPLICAS = Constant(2, "a shard", "assumed", "quorum 2: both have a row before it is acknowledged")
BATCH = Constant(
    100_000,
    "events an insert",
    "computed",
    "the drain's limit; a process inserts when its oldest event is a second old",
)
BUSY = Constant(0.6, "of a core", "assumed", "how busy a Turnout process is kept; it uses one core, and a little more")
GROUP = Constant(20_000, "events a look", "computed", "the writer's limit (`_GROUP_LIMIT_EVENTS`)")
QUERY_SPEED = Constant(8, "cores", "assumed", "what one question gets of a node: half of it")
QUORUM_MS = Constant(50, "ms an insert", "assumed", "Keeper and the second replica, beside the rows' own time")
FAN_OUT_MS = Constant(5, "ms a question", "assumed", "connections, the plan on each shard, merging small answers")
SET_BYTES = Constant(48, "bytes a person", "assumed", "16 of a hash in a table that is a quarter to a half full")
KEEPER_OPS = Constant(25, "writes a part", "assumed", "block number, log, part, quorum, cleaning up; both replicas")
KEEPER_LIMIT = Constant(10_000, "writes/s", "assumed", "three nodes on fast disks")
PERSONS = Constant(0.3, "persons an event", "assumed", "in one campaign: a send, a delivery, some opens")
LARGEST = Constant(0.18, "of all events", "measured", f"{_PERFORMANCE}: the largest of 200 campaigns")
FIXED_MS = Constant(8, "ms a statement", "measured", f"{_PERFORMANCE}: the engine's analysis, 7 to 9")
PATIENCE_S = Constant(
    5, "s", "assumed", "how long people wait for a number of the largest campaign that nobody asked before"
)
SPENT_ON_LOOKS = Constant(0.25, "of a node's cores", "assumed", "for looking ids up; the rest writes and answers")
SPENT_ON_WRITES = Constant(0.5, "of a node's cores", "assumed", "for inserts and merges")

STORED = tuple(10**power for power in range(6, 13))
RATES = tuple(10**power for power in range(3, 7))
_SHARDS = (1, 4, 16, 64)

DOOR_SHARE = Constant(
    0.05, "of a core", "computed", "spent at most on hearing of new ids at the door (`_SHARE_OF_TIME`)"
)
ID_LIMIT = Constant(4e8, "ids", "computed", "the setting TURNOUT_KNOWN_IDS_LIMIT by default")
QUESTION_LIMIT_S = Constant(30, "s", "computed", "the setting TURNOUT_QUERY_TIMEOUT_S by default")


def constants() -> dict[str, Constant]:
    """Every constant, by its name, in the order in which they are written."""
    return {name: value for name, value in globals().items() if isinstance(value, Constant)}


def shards_to_hold(stored: float) -> int:
    """Shards whose disks take so many events."""
    return max(1, math.ceil(stored * DISK_BYTES.value / (NODE_DISK_BYTES.value * 0.6)))


def processes(rate: float) -> int:
    """Turnout processes that take so many events a second: one core each can use, and two, so that one may stop. Each
    hears of the ids of all of them."""
    left = BUSY.value - rate * LEARN_US.value / 1e6
    return max(2, math.ceil(rate * FRONT_US.value / 1e6 / left))


def learn_cores(rate: float) -> tuple[float, float]:
    """Cores of each process, and of ClickHouse for all of them, that new ids cost which every process hears of: right
    before each insert, and at most every so often at the door."""
    count = processes(rate)
    each = rate * LEARN_STORE_US.value / 1e6 + LEARN_MS.value / 1e3 / flush_s(rate) + DOOR_SHARE.value
    return rate * LEARN_US.value / 1e6, count * each


def flush_s(rate: float) -> float:
    """How old events may get in the spool so that the inserts of all processes take half of each second in turns."""
    by_turns = processes(rate) * QUORUM_MS.value / 500
    full = BATCH.value * processes(rate) / rate
    return max(1.0, min(by_turns, full))


def shards_to_write(rate: float) -> int:
    """Shards that insert so many events a second: by their cores, and since quorum inserts into a shard take turns."""
    by_cores = math.ceil(rate * STORE_US.value / 1e6 / (CORES.value * SPENT_ON_WRITES.value))
    # Each insert is split over all shards, so each shard takes part in all of them: what is left is for the rows.
    left = 1 - processes(rate) / flush_s(rate) * QUORUM_MS.value / 1000
    by_turns = math.ceil(rate * INSERT_US.value / 1e6 / left)
    return max(1, by_cores, by_turns)


def parts(rate: float, shards: int) -> float:
    """Parts a second in all shards: each insert makes one of events and one of counts in every shard."""
    return processes(rate) / flush_s(rate) * shards * 2


def look_cores(stored: float, rate: float, shards: int) -> float:
    """Cores of each shard that look up ids, if the whole of one workspace's store is asked about each group."""
    return rate / GROUP.value * stored / shards * LOOK_NS.value / 1e9


def shards_to_look(stored: float, rate: float) -> int:
    """Shards that are enough for the looks."""
    return max(1, math.ceil(look_cores(stored, rate, 1) / (CORES.value * SPENT_ON_LOOKS.value)))


def slowest_of(shards: int, median: float, p99: float) -> tuple[float, float]:
    """Median and p99 of the slowest of so many answers, each log-normal by its own median and p99, independent."""
    sigma = math.log(p99 / median) / NormalDist().inv_cdf(0.99)

    def at(probability: float) -> float:
        return median * math.exp(sigma * NormalDist().inv_cdf(probability ** (1 / shards)))

    return at(0.5), at(0.99)


def raw_ms(events: float, ns: float, shards: int) -> float:
    """A question over raw events that lie evenly on the shards."""
    fixed = FIXED_MS.value + (FAN_OUT_MS.value if shards > 1 else 0)
    return events * ns / 1e6 / shards / QUERY_SPEED.value + fixed


def shards_to_answer(stored: float) -> int:
    """Shards that count the daily uniques of the largest campaign anew while somebody waits."""
    return max(1, math.ceil(stored * LARGEST.value * DAILY_NS.value / 1e9 / QUERY_SPEED.value / PATIENCE_S.value))


def of_constants() -> Iterator[str]:
    """The constants as a table."""
    rows = [[f"`{name}`", f"{one.value:,g} {one.unit}", one.kind, one.source] for name, one in constants().items()]
    yield from table(["constant", "is", "", "source"], rows)


def of_stores() -> Iterator[str]:
    """By events stored: disks, shards, memory, and the four kinds of questions."""
    rows = []
    for stored in STORED:
        shards = shards_to_hold(stored)
        fan_out = FAN_OUT_MS.value if shards > 1 else 0
        counts, counts_p99 = slowest_of(shards, COUNTS_MS.value, COUNTS_P99_MS.value)
        kept, kept_p99 = slowest_of(shards, KEPT_MS.value, KEPT_P99_MS.value)
        largest = stored * LARGEST.value
        rows.append(
            [
                power(stored),
                size(stored * DISK_BYTES.value * REPLICAS.value),
                f"{shards}",
                f"{shards_to_answer(stored)}",
                size(stored * FILTER_BYTES.value),
                f"{counts + fan_out:.0f} ({counts_p99 + fan_out:.0f}) ms",
                f"{kept + fan_out:.0f} ({kept_p99 + fan_out:.0f}) ms",
                time(raw_ms(largest, DAILY_NS.value, shards)),
                time(raw_ms(largest, RAW_NS.value, shards)),
                time(raw_ms(largest, GROUP_NS.value, shards)),
                time(raw_ms(stored, RAW_NS.value, shards)),
            ]
        )
    yield from table(
        [
            "events",
            "disk, all replicas",
            "shards, by disk",
            f"by {PATIENCE_S.value:g} s for daily uniques anew",
            "a filter of all ids",
            "counts, one campaign, p50 (p99)",
            "uniques that are kept",
            "largest campaign, anew: daily uniques",
            "its whole uniques",
            "its counts, any grouping",
            "people in all events",
        ],
        rows,
    )


def of_rates() -> Iterator[str]:
    """By events a second: processes, cores, network, disk and Keeper."""
    rows = []
    for rate in RATES:
        shards = shards_to_write(rate)
        rows.append(
            [
                power(rate),
                f"{processes(rate)} ({rate * FRONT_US.value / 1e6:.2g} cores)",
                f"{flush_s(rate):.2g} s",
                f"{shards}",
                f"{rate * STORE_US.value * REPLICAS.value / 1e6:.2g}",
                f"{rate * (JSON_BYTES.value + ARROW_BYTES.value) / 1e6:.3g} MB/s",
                f"{rate * DISK_BYTES.value * (1 + MERGED.value) / 1e6 / shards:.2g} MB/s",
                f"{learn_cores(rate)[0]:.2g}, {learn_cores(rate)[1]:.2g}",
                f"{rate * KAFKA_US.value * REPLICAS.value / 1e6:.2g}",
                f"{rate * PLACE_US.value / 1e6:.2g} (old events {rate * PLACE_OLD_US.value / 1e6:.2g})",
                f"{rate * 86_400 / 1e9:.3g} × 10^9",
            ]
        )
    yield from table(
        [
            "events/s",
            "Turnout: processes",
            "flush age",
            "shards, by writing",
            "cores of ClickHouse, all replicas",
            "network, to Turnout and on",
            "disk writes, a node",
            "hearing of new ids: cores of each process, and of ClickHouse",
            "instead of Turnout: cores for Kafka's views",
            "of them for looks by place",
            "events a day",
        ],
        rows,
    )


def of_looks() -> Iterator[str]:
    """The filter of each process by events stored; and shards if every id is looked up in the whole of a workspace
    instead, by events stored and a second."""
    rows = []
    for stored in STORED:
        held = size(stored * FILTER_BYTES.value)
        read_s = stored * max(START_US.value, LEARN_STORE_US.value / QUERY_SPEED.value) / 1e6
        cells = [power(stored), held if stored <= ID_LIMIT.value else f"{held} (by default none)", time(read_s * 1000)]
        for rate in RATES:
            needed = shards_to_look(stored, rate)
            cells.append(f"{needed}" if needed <= shards_to_hold(stored) else f"**{needed:,}**")
        seconds = stored * LOOK_NS.value / 1e9
        least_s = seconds / CORES.value / shards_to_hold(stored)
        cells += [time(seconds * 1000), time(least_s * 1000) + (" (fails)" if least_s > QUESTION_LIMIT_S.value else "")]
        cells.append(time(stored * LOOK_FEW_NS.value / 1e6 / CORES.value / shards_to_hold(stored)))
        rows.append(cells)
    yield from table(
        [
            "events",
            "filter: memory of a process",
            "its first start",
            *(f"without: shards at {power(rate)}/s" for rate in RATES),
            "one look for 20,000 ids: CPU",
            "at best, on the shards that disks ask for",
            "for one id",
        ],
        rows,
    )


def of_keeper() -> Iterator[str]:
    """Writes to Keeper a second, by events a second and shards."""
    rows = []
    for rate in RATES:
        cells = [power(rate)]
        for shards in _SHARDS:
            writes = parts(rate, shards) * KEEPER_OPS.value
            cells.append(f"{writes:,.0f}" if writes <= KEEPER_LIMIT.value else f"**{writes:,.0f}**")
        rows.append(cells)
    yield from table(["events/s", *(f"shards: {shards}" for shards in _SHARDS)], rows)


def of_hot_campaigns() -> Iterator[str]:
    """One large campaign, by shards: whole-campaign uniques counted anew, and the set of its persons a shard."""
    rows = []
    for events in (10**8, 10**9, 10**10):
        for shards in _SHARDS:
            persons = events * PERSONS.value / shards
            rows.append(
                [
                    power(events),
                    f"{shards}",
                    time(raw_ms(events, RAW_NS.value, shards)),
                    time(raw_ms(events, DAILY_NS.value, shards)),
                    size(persons * SET_BYTES.value)
                    + (" (too much)" if persons * SET_BYTES.value > NODE_MEMORY_BYTES.value / 2 else ""),
                    time(raw_ms(events, RAW_NS.value, 1)),
                ]
            )
    yield from table(
        ["events", "shards", "uniques anew", "daily uniques anew", "set of persons, a shard", "keyed by campaign"], rows
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table of Markdown."""
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield f"| {' | '.join(row)} |"


def power(number: float) -> str:
    """A power of ten as one."""
    return f"10^{round(math.log10(number))}"


def size(count: float) -> str:
    """Bytes in the unit that people say."""
    for unit, name in ((1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB")):
        if count >= unit:
            return f"{count / unit:.3g} {name}"
    return f"{count / 1e3:.3g} kB"


def time(ms: float) -> str:
    """A time in the unit that people say."""
    if ms < 1000:
        return f"{ms:.3g} ms"
    return (
        f"{ms / 1000:.3g} s" if ms < 120_000 else f"{ms / 60_000:.3g} min" if ms < 7_200_000 else f"{ms / 3.6e6:.3g} h"
    )


#: The tables, by the names of their marks in the page.
TABLES = {
    "constants": of_constants,
    "stores": of_stores,
    "rates": of_rates,
    "looks": of_looks,
    "keeper": of_keeper,
    "hot": of_hot_campaigns,
}


def fill(page: str) -> str:
    """The page with each table between its marks, `<!-- NAME -->` and `<!-- / -->`. KeyError for an unknown name."""

    def made(found: re.Match[str]) -> str:
        return f"<!-- {found[1]} -->\n\n" + "\n".join(TABLES[found[1]]()) + "\n\n<!-- / -->"

    return re.sub(r"<!-- (\w+) -->.*?<!-- / -->", made, page, flags=re.DOTALL)


def main(paths: Sequence[str]) -> None:
    """Print every table, or write them into a page."""
    if paths:
        page = Path(paths[0])
        page.write_text(fill(page.read_text(encoding="utf-8")), encoding="utf-8")
        return
    for name, lines in TABLES.items():
        sys.stdout.write(f"{name}\n\n" + "\n".join(lines()) + "\n\n")


if __name__ == "__main__":
    main(sys.argv[1:])
