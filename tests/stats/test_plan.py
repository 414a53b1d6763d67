"""Which tables answer which question, and over which parts of its range."""

from __future__ import annotations

from itertools import pairwise

import pytest

from turnout.stats import calendar, plan
from turnout.stats.calendar import Offsets
from turnout.stats.metrics import METRICS
from turnout.stats.plan import split
from turnout.stats.question import Filter, Question

SLOT = 900_000
T = 1_710_000_000_000 // SLOT * SLOT


def reads(metrics: str, *, zone: str = "UTC", **more: object) -> list[tuple[object, ...]]:
    question = Question("w", tuple(metrics.split(",")), timezone=zone, **more)  # type: ignore[arg-type]
    chosen = plan.plan(question, calendar.offsets(zone))
    return [(read.source, tuple(metric.name for metric in read.metrics), read.ranges) for read in chosen.reads]


OPEN = ((None, None),)
TABLE = {
    "counts of an open range: the rollup alone": (
        reads("sent,opened"),
        [("counts", ("sent", "opened"), OPEN)],
    ),
    "counts between borders of slots: the rollup alone": (
        reads("sent,purchase_value,viewing_time_s", from_ms=T, to_ms=T + 96 * SLOT, dimensions=("day", "campaign")),
        [("counts", ("sent", "purchase_value", "viewing_time_s"), ((T, T + 96 * SLOT),))],
    ),
    "counts of local days, at whatever quarter they begin: the rollup alone": (
        reads("sent", zone="Asia/Kathmandu", from_ms=T, to_ms=T + 96 * SLOT, dimensions=("day",)),
        [("counts", ("sent",), ((T, T + 96 * SLOT),))],
    ),
    "counts with ragged edges: the rollup within, raw at the edges": (
        reads("sent", from_ms=T + 1, to_ms=T + 9 * SLOT + 1),
        [
            ("counts", ("sent",), ((T + SLOT, T + 9 * SLOT),)),
            ("events", ("sent",), ((T + 1, T + SLOT), (T + 9 * SLOT, T + 9 * SLOT + 1))),
        ],
    ),
    "one ragged edge, the other end open": (
        reads("sent", to_ms=T + 1),
        [("counts", ("sent",), ((None, T),)), ("events", ("sent",), ((T, T + 1),))],
    ),
    "less than a slot: raw alone": (
        reads("sent", from_ms=T + 1, to_ms=T + SLOT - 1),
        [("events", ("sent",), ((T + 1, T + SLOT - 1),))],
    ),
    "two slots, neither whole: raw alone": (
        reads("sent", from_ms=T + 1, to_ms=T + SLOT + 1),
        [("events", ("sent",), ((T + 1, T + SLOT + 1),))],
    ),
    "nothing at all: nothing": (reads("sent,unique_sent,peak_concurrent_viewers", from_ms=T, to_ms=T), []),
    "a range before all events: nothing": (reads("sent", from_ms=-5, to_ms=5), []),
    "a range after all events: nothing": (reads("sent", from_ms=10**14, to_ms=2 * 10**14), []),
    "a dimension that the rollup lacks: raw": (
        reads("sent", dimensions=("country",)),
        [("events", ("sent",), OPEN)],
    ),
    "minutes: raw": (reads("sent", dimensions=("minute",)), [("events", ("sent",), OPEN)]),
    "a filter that the rollup lacks: raw": (
        reads("sent", filters=(Filter("link", ("x",)),)),
        [("events", ("sent",), OPEN)],
    ),
    "distinct recipients: raw, over the whole range; the counts beside them still from the rollup": (
        reads("sent,unique_sent", from_ms=T, to_ms=T + SLOT),
        [("counts", ("sent",), ((T, T + SLOT),)), ("events", ("unique_sent",), ((T, T + SLOT),))],
    ),
    "a ratio is its parts": (
        reads("open_rate,delivery_rate"),
        [("counts", ("delivered", "sent"), OPEN), ("events", ("unique_opened", "unique_delivered"), OPEN)],
    ),
    "a peak: intervals": (
        reads("peak_concurrent_viewers,viewers"),
        [("events", ("viewers",), OPEN), ("intervals", ("peak_concurrent_viewers",), OPEN)],
    ),
}


@pytest.mark.parametrize("name", TABLE)
def test_reads(name: str) -> None:
    found, expected = TABLE[name]
    assert found == expected


def test_clocks_that_change_within_a_slot_leave_it_to_raw() -> None:
    # Newfoundland's clocks changed at 00:01 until 2011: 02:31 UTC, in the middle of a slot.
    change = 1_289_097_060_000
    slot = change // SLOT * SLOT
    day = {"from_ms": slot - 4 * SLOT, "to_ms": slot + 8 * SLOT, "zone": "America/St_Johns"}
    assert change % SLOT == 60_000
    assert reads("sent", dimensions=("hour",), **day) == [
        ("counts", ("sent",), ((slot - 4 * SLOT, slot), (slot + SLOT, slot + 8 * SLOT))),
        ("events", ("sent",), ((slot, slot + SLOT),)),
    ]
    # Where local time does not matter, nor do clocks.
    assert reads("sent", dimensions=("campaign",), **day) == [
        ("counts", ("sent",), ((slot - 4 * SLOT, slot + 8 * SLOT),))
    ]
    assert reads("sent", filters=(Filter("day", ("2010-11-06",)),), **day)[1][2] == ((slot, slot + SLOT),)


def test_a_broken_slot_at_the_end_of_the_range() -> None:
    offsets = Offsets((0, 3 * SLOT // 1000 + 60), (0, 3600))
    assert split(0, 4 * SLOT, offsets) == (((0, 3 * SLOT),), ((3 * SLOT, 4 * SLOT),))
    assert split(3 * SLOT, 5 * SLOT, offsets) == (((4 * SLOT, 5 * SLOT),), ((3 * SLOT, 4 * SLOT),))
    assert split(0, 3 * SLOT + 5, offsets) == (((0, 3 * SLOT),), ((3 * SLOT, 3 * SLOT + 5),))


def test_an_offset_that_is_no_whole_slot_leaves_all_to_raw() -> None:
    assert split(0, SLOT, Offsets((0,), (-2670,))) == ((), ((0, SLOT),))
    assert split(0, SLOT, Offsets((0, SLOT // 1000), (0, -2670))) == (((0, SLOT),), ())


@pytest.mark.parametrize(("start", "end"), [(0, 20 * SLOT), (1, 20 * SLOT), (7, 20 * SLOT - 7), (5, 5 + SLOT), (3, 4)])
def test_the_parts_make_up_the_range(start: int, end: int) -> None:
    offsets = Offsets((0, SLOT // 200 + 60, SLOT // 100 + 120), (0, 3600, 0))
    rolled, raw = split(start, end, offsets)
    assert all(one % SLOT == 0 for part in rolled for one in part)
    parts = sorted([*rolled, *raw])
    assert parts[0][0] == start
    assert parts[-1][1] == end
    assert all(before[1] == after[0] for before, after in pairwise(parts))


def excluded(metrics: str, **more: object) -> list[tuple[object, ...]] | None:
    question = Question("w", tuple(metrics.split(",")), **more)  # type: ignore[arg-type]
    chosen = plan.excluded(question, calendar.offsets("UTC"))
    return chosen and [(read.source, tuple(one.name for one in read.metrics), read.ranges) for read in chosen.reads]


def test_what_is_left_out_is_counted_where_it_is_cheapest() -> None:
    assert excluded("sent,revenue", dimensions=("minute",)) == [("counts", ("sent", "revenue"), OPEN)]
    assert excluded("sent,unique_sent") == [("events", ("sent", "unique_sent"), OPEN)]
    assert excluded("sent,peak_concurrent_viewers") == [
        ("events", ("sent",), OPEN),
        ("intervals", ("peak_concurrent_viewers",), OPEN),
    ]
    assert excluded("delivery_rate", from_ms=1) == [("counts", ("delivered", "sent"), ((946_684_800_000, None),))]


def test_where_nothing_is_left_out_nothing_is_asked() -> None:
    assert excluded("sent", traffic=("human", "proxy", "prefetch", "preview", "scanner", "bot")) is None
    assert excluded("unsubscribed,unique_complained") is None
    assert excluded("sent", from_ms=T, to_ms=T) is None


def test_every_metric_is_read_once() -> None:
    chosen = plan.plan(Question("w", tuple(METRICS)[:100]), calendar.offsets("UTC"))
    names = [metric.name for read in chosen.reads for metric in read.metrics]
    assert len(names) == len(set(names))


def credited(metrics: str, *, silent: str = "", **more: object) -> list[tuple[object, ...]]:
    held = plan.Held((1, 2), frozenset({"goal_0", "influenced", "revenue"}), frozenset(silent.split(",")) - {""})
    question = Question("w", tuple(metrics.split(",")), **more)  # type: ignore[arg-type]
    chosen = plan.plan(question, calendar.offsets("UTC"), held=held)
    assert chosen.fills == (1, 2)
    return [
        (read.source, tuple(metric.name for metric in read.metrics), read.by_send, read.with_said)
        for read in chosen.reads
    ]


SENT = {"placed_by": "send"}
CREDITED = {
    "what is said adds to what is credited": (
        credited("conversions"),
        [("counts", ("conversions",), False, False), ("credits", ("conversions",), False, False)],
    ),
    "nothing is credited for that goal": (credited("conversions_1"), [("counts", ("conversions_1",), False, False)]),
    "a recipient may be in both": (credited("unique_conversions"), [("credits", ("unique_conversions",), False, True)]),
    "what is said may leave its variation open": (
        credited("conversions", dimensions=("variation",)),
        [("credits", ("conversions",), False, True)],
    ),
    "also where nothing is credited": (
        credited("conversions_1", dimensions=("variation",)),
        [("credits", ("conversions_1",), False, True)],
    ),
    "an order may be in several": (credited("revenue"), [("credits", ("revenue",), False, True)]),
    "nothing is said": (
        credited("unique_conversions,revenue,conversions", silent="converted,purchased"),
        [("credits", ("unique_conversions", "revenue", "conversions"), False, False)],
    ),
    "something of it may be said": (
        credited("revenue", silent="converted"),
        [("credits", ("revenue",), False, True)],
    ),
    "nothing at all": (credited("conversions_1,opened", silent="converted,opened"), []),
    "nobody says that a user came back": (credited("reengaged"), []),
    "by send: raw, placed": (credited("opened", **SENT), [("events", ("opened",), True, False)]),
    "by send: sending is a time of its own": (
        credited("sent,unique_sent,opened", **SENT),
        [
            ("counts", ("sent",), False, False),
            ("events", ("unique_sent",), False, False),
            ("events", ("opened",), True, False),
        ],
    ),
    "by send: credits know when": (
        credited("conversions", silent="converted", **SENT),
        [("credits", ("conversions",), True, False)],
    ),
    "by send: firsts and peaks don't": (
        credited("new_users,peak_concurrent_viewers", **SENT),
        [("intervals", ("peak_concurrent_viewers",), False, False), ("firsts", ("new_users",), False, False)],
    ),
}


@pytest.mark.parametrize("case", CREDITED)
def test_credits_are_read_alone_beside_or_together(case: str) -> None:
    chosen, wanted = CREDITED[case]
    assert chosen == wanted


def test_what_cannot_be_there_is_not_left_out_either() -> None:
    question = Question("w", ("conversions", "reengaged"))
    held = plan.Held(silent=frozenset({"converted"}))
    assert plan.excluded(question, calendar.offsets("UTC"), held=held) is None
    assert plan.excluded(question, calendar.offsets("UTC")) is not None
