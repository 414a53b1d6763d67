"""Small cases with the numbers that a person has from docs/attribution.md: for the judge, and for the product.

Each is about the campaign "c" alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.judge.small import DAY, NAMED, SENT, SHORT, bought, event

#: What happened, the goal, and how often the goal was reached.
CONVERSIONS: dict[str, tuple[list[dict[str, Any]], dict[str, Any], int]] = {
    "nothing": ([], SHORT, 0),
    "within the window": ([SENT, bought(5)], SHORT, 1),
    "at its last millisecond": ([SENT, bought(10)], SHORT, 1),
    "a millisecond later": ([SENT, bought(10 + 1 / 60_000)], SHORT, 0),
    "at the instant of the touch": ([SENT, bought(0)], SHORT, 1),
    "before the touch": ([SENT, bought(-1 / 60_000)], SHORT, 0),
    "by somebody else": ([SENT, bought(5, recipient="bob")], SHORT, 0),
    "by nobody": ([event("sent", 0, ""), bought(5, recipient="")], SHORT, 0),
    "twice after one touch": ([SENT, bought(5), bought(6)], SHORT, 1),
    "after each of two touches": ([SENT, bought(1), event("sent", 2), bought(3)], SHORT, 2),
    "late for the first touch, in time for the second": ([SENT, event("sent", 8), bought(15)], SHORT, 1),
    "only the latest touch counts": (
        [event("opened", 0), event("enrolled", 5), bought(14)], {**SHORT, "after": "opened"}, 1,
    ),
    "two touches at one instant are one": ([SENT, event("sent", 0, message="m"), bought(5)], SHORT, 1),
    "another type of touch": ([event("delivered", 0), bought(5)], SHORT, 0),
    "the type that the goal names": ([event("delivered", 0), bought(5)], {**SHORT, "after": "delivered"}, 1),
    "put in the control group, whatever the goal names": ([event("enrolled", 0), bought(5)], SHORT, 1),
    "touched by another campaign": ([event("sent", 0, campaign="d"), bought(5)], SHORT, 0),
    "naming the campaign": ([SENT, bought(5, campaign="c")], SHORT, 1),
    "naming another campaign": ([SENT, bought(5, campaign="d")], SHORT, 0),
    "another behaviour": ([SENT, event("app_opened", 5)], SHORT, 0),
    "a name": ([SENT, event("performed", 5, name="x")], {**SHORT, "event": "performed", "name": "x"}, 1),
    "another name": ([SENT, event("performed", 5, name="y")], {**SHORT, "event": "performed", "name": "x"}, 0),
    "any name": ([SENT, event("performed", 5, name="y")], {**SHORT, "event": "performed"}, 1),
    "no behaviour, of the campaign": ([SENT, event("clicked", 5)], {**SHORT, "event": "clicked"}, 1),
    "no behaviour, of another one": ([SENT, event("clicked", 5, campaign="d")], {**SHORT, "event": "clicked"}, 0),
    "an event that is its own touch": ([event("opened", 0)], {**SHORT, "event": "opened", "after": "opened"}, 1),
    "an impression again is no touch": (
        [event("impression", 0, message="m"), event("impression", 8, message="m"), bought(15)],
        {**SHORT, "after": "impression"}, 0,
    ),
    "an impression of another message is": (
        [event("impression", 0, message="m"), event("impression", 8, message="n"), bought(15)],
        {**SHORT, "after": "impression"}, 1,
    ),
    "an impression of another send is": (
        [event("impression", 0, send_id="s"), event("impression", 8, send_id="t"), bought(15)],
        {**SHORT, "after": "impression"}, 1,
    ),
    "an order twice after two touches": (
        [SENT, bought(1, order="o"), event("sent", 2), bought(3, order="o")], SHORT, 1,
    ),
    "an order that began before the touch": ([bought(-5, order="o"), SENT, bought(5, order="o")], SHORT, 0),
    "an order that somebody else began": (
        [SENT, bought(1, order="o", recipient="bob"), bought(5, order="o")], SHORT, 0,
    ),
    "an order in another campaign is another": (
        [SENT, bought(1, order="o", campaign="d"), bought(5, order="o")], SHORT, 1,
    ),
    "said": ([event("converted", 5)], SHORT, 1),
    "said twice": ([SENT, event("converted", 5), event("converted", 6)], SHORT, 2),
    "said of nobody": ([event("converted", 5, "")], SHORT, 1),
    "said and done": ([SENT, bought(5), event("converted", 6)], SHORT, 1),
    "done, and said long after": ([SENT, bought(5), event("converted", 9 * DAY)], SHORT, 1),
    "done, and said of the next touch": ([SENT, bought(5), event("sent", 6), event("converted", 7)], SHORT, 2),
    "said at the instant of the touch": ([SENT, bought(5), event("converted", 0)], SHORT, 1),
    "said just before it": ([SENT, bought(5), event("converted", -1 / 60_000)], SHORT, 2),
    "said at the instant of the next": (
        [SENT, bought(5), event("sent", 6), bought(7), event("converted", 6)], SHORT, 2,
    ),
    "said of another goal": ([SENT, bought(5), event("converted", 6, goal=1)], SHORT, 1),
    "a goal that is only said": ([SENT, event("converted", 5)], {**SHORT, "event": "converted"}, 1),
}  # fmt: skip

REVENUE: dict[str, tuple[list[dict[str, Any]], int]] = {
    "of what names the campaign, whenever": ([bought(99, 2, **NAMED)], 2),
    "of all that names none within the window": ([SENT, bought(2, 2), bought(10, 3), bought(11, 4)], 5),
    "of what names none, and nobody": ([SENT, bought(2, 2, recipient="")], 0),
    "of what names the campaign, and nobody": ([bought(2, 2, recipient="", **NAMED)], 2),
    "said": ([event("converted", 1, amount=4), event("converted", 1, amount=8, goal=1)], 4),
    "said and done both count": ([SENT, bought(2, 2), event("converted", 3, amount=4)], 6),
    "an order that names the campaign twice": (
        [bought(2, 2, order="o", **NAMED), bought(3, 4, order="o", **NAMED)], 2,
    ),
    "an order that names none twice": ([SENT, bought(3, 4, order="o"), bought(2, 2, order="o")], 2),
    "an order that began before the touch": ([SENT, bought(3, 4, order="o"), bought(-2, 2, order="o")], 0),
    "an order that names the campaign, and none": (
        [SENT, bought(2, 4, order="o"), bought(3, 2, order="o", **NAMED)], 2,
    ),
    "an order that is said, and names none": (
        [SENT, bought(2, 4, order="o"), event("converted", 3, order="o", amount=2)], 2,
    ),
    "an order that names the campaign as if it were of a goal": (
        [SENT, bought(2, 4, order="o"), bought(3, 2, order="o", goal=2, **NAMED)], 2,
    ),
    "an order that is said to be worth nothing": (
        [SENT, bought(2, 4, order="o"), event("converted", 3, order="o")], 4,
    ),
    "an order that another goal says": (
        [SENT, bought(2, 4, order="o"), event("converted", 3, order="o", amount=2, goal=1)], 4,
    ),
}  # fmt: skip

OPENED, APP = event("opened", 3), event("app_opened", 2)
OPENS: dict[str, tuple[list[dict[str, Any]], int, int]] = {
    # what happened, influenced opens, all opens
    "an app opened in time": ([SENT, APP], 1, 1),
    "naming the campaign": ([SENT, {**APP, "campaign": "c"}], 1, 1),
    "naming another": ([SENT, {**APP, "campaign": "d"}], 0, 0),
    "at the last millisecond": ([SENT, event("app_opened", 180)], 1, 1),
    "a millisecond later": ([SENT, event("app_opened", 180 + 1 / 60_000)], 0, 0),
    "once for each touch": ([SENT, APP, event("app_opened", 3), event("sent", 5), event("app_opened", 6)], 2, 2),
    "a direct open as well": ([SENT, APP, OPENED], 0, 1),
    "a direct open of whatever goal": ([SENT, APP, event("opened", 3, goal=2)], 0, 1),
    "a direct open at the instant of the next message": ([SENT, APP, event("sent", 5), event("opened", 5)], 1, 2),
    "a direct open much later": ([SENT, APP, event("opened", 9 * DAY)], 0, 1),
    "a direct open of the next message": ([SENT, APP, event("sent", 5), event("opened", 6)], 1, 2),
    "said": ([event("opened", 1, open="influenced")], 1, 1),
    "said, not twice": ([SENT, APP, event("opened", 1, open="influenced")], 1, 1),
    "said twice": ([SENT, event("opened", 1, open="influenced"), event("opened", 2, open="influenced")], 2, 2),
    "an open of another campaign": ([SENT, APP, {**OPENED, "campaign": "d"}], 1, 1),
    "held back": ([event("enrolled", 0), APP], 0, 0),
    "delivered only": ([event("delivered", 0), APP], 0, 0),
    "before it was sent": ([SENT, event("app_opened", -1)], 0, 0),
}  # fmt: skip

REENGAGED: dict[str, tuple[list[dict[str, Any]], int]] = {
    "after two weeks": ([event("app_opened", -14 * DAY - 1), SENT, APP], 1),
    "a millisecond after two weeks": ([event("app_opened", -14 * DAY - 1 / 60_000), SENT, APP], 1),
    "at the very end of them": ([event("app_opened", -14 * DAY), SENT, APP], 0),
    "lately": ([event("app_opened", -1), SENT, APP], 0),
    "never before": ([SENT, APP], 1),
    "at the instant of the message": ([SENT, event("app_opened", 0)], 1),
    "on the third day": ([SENT, event("app_opened", 3 * DAY)], 1),
    "on the fourth": ([SENT, event("app_opened", 3 * DAY + 1)], 0),
    "with a direct open": ([SENT, APP, OPENED], 1),
    "by the latest message": ([SENT, event("sent", 1), APP, event("app_opened", 3)], 1),
    "twice within two weeks is not twice": ([SENT, APP, event("sent", 5), event("app_opened", 6)], 1),
    "twice in a month is": ([SENT, APP, event("sent", 15 * DAY), event("app_opened", 15 * DAY)], 2),
    "what names another campaign is no opening": ([event("app_opened", -1, campaign="d"), SENT, APP], 1),
}  # fmt: skip

AFTER_OPENED = {"event": "purchased", "window_s": 30 * 86_400, "after": "opened"}
CONVERTED = "conversions"
M, N = event("sent", 0, message="m"), event("sent", 1, message="n")

#: What happened, what is asked by the time of the send, and how many there are of each minute.
PLACED: dict[str, tuple[list[dict[str, Any]], str, dict[float, int]]] = {
    "of its message": ([M, N, event("opened", 5, message="m")], "opened", {0: 1}),
    "of the latest of its message": (
        [M, event("sent", 1, message="m"), event("opened", 5, message="m")], "opened", {1: 1},
    ),
    "naming none, of the latest of any": (
        [M, N, event("opened", 5)], "opened", {1: 1},
    ),
    "at the instant of the message": ([SENT, event("opened", 0)], "opened", {0: 1}),
    "at the instant of the next": ([SENT, event("sent", 3), event("opened", 3)], "opened", {3: 1}),
    "just before the next": ([SENT, event("sent", 3), event("opened", 3 - 1 / 60_000)], "opened", {0: 1}),
    "before any": ([SENT, event("opened", -2)], "opened", {-2: 1}),
    "of a message that nobody sent": ([M, event("opened", 5, message="n")], "opened", {5: 1}),
    "of somebody else": ([SENT, event("opened", 5, "bob")], "opened", {5: 1}),
    "of nobody": ([event("sent", 0, ""), event("opened", 5, "")], "opened", {5: 1}),
    "whoever sent it": ([event("sent", 0, traffic="bot"), event("opened", 5)], "opened", {0: 1}),
    "of being put in the control group": ([event("enrolled", 0), bought(5, **NAMED)], "purchased", {0: 1}),
    "of a card that was seen": (
        [event("impression", 0, send_id="s"), event("impression", 2, send_id="t"), event("clicked", 5)],
        "clicked", {0: 1},
    ),
    "of another card that was seen": (
        [event("impression", 0, message="m"), event("impression", 2, message="n"), event("clicked", 5)],
        "clicked", {2: 1},
    ),
    "cards that are seen again": ([event("impression", at) for at in (0, 2, 4)], "impression", {0: 3}),
    "what was bought is of the touch's message": (
        [M, event("opened", 1, message="m"), event("sent", 2, message="n"), bought(5)],
        CONVERTED, {0: 1},
    ),
    "also where it names another": (
        [M, event("opened", 1, message="m"), event("sent", 2, message="n"),
        bought(5, message="n", **NAMED)], CONVERTED, {0: 1},
    ),
    "of a touch that names none": (
        [M, N, event("opened", 2), bought(5)], CONVERTED, {1: 1},
    ),
    "of a touch whose message nobody sent": (
        [M, event("opened", 1, message="n"), bought(5)], CONVERTED, {1: 1},
    ),
    "what is said is of the latest message": (
        [M, event("opened", 1, message="m"), event("sent", 2, message="n"),
        event("converted", 5)], CONVERTED, {2: 1},
    ),
    "or of the one that it names": (
        [M, event("sent", 2, message="n"), event("converted", 5, message="m")],
        CONVERTED, {0: 1},
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """What happened, the goals of "c", a metric, and its number for "c"; by the time of the send a number a minute."""

    events: list[dict[str, Any]]
    metric: str
    wanted: Any
    goals: list[dict[str, Any]] = field(default_factory=list)
    placed_by: str = "event"


def cases() -> Iterator[tuple[str, Case]]:
    """Every case by its name."""
    for name, (events, goal, wanted) in CONVERSIONS.items():
        yield f"conversions, {name}", Case(events, "conversions", wanted, [goal])
    for name, (events, wanted) in REVENUE.items():
        yield f"revenue, {name}", Case(events, "revenue", {"USD": Decimal(wanted)} if wanted else {}, [SHORT])
    for name, (events, influenced, total) in OPENS.items():
        yield f"influenced opens, {name}", Case(events, "influenced_opens", influenced)
        yield f"all opens, {name}", Case(events, "total_opens", total)
    for name, (events, wanted) in REENGAGED.items():
        yield f"reengaged, {name}", Case(events, "reengaged", wanted)
    for name, (events, metric, wanted) in PLACED.items():
        yield f"by send, {name}", Case(events, metric, wanted, [AFTER_OPENED], "send")


CASES = dict(cases())
