"""The judge judged: conversions and revenue that a person has from docs/attribution.md, without a server."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.judge import Asked
from tests.judge.small import BASE_MS, DAY, HOUR, MINUTE_MS, NAMED, SENT, SHORT, bought, court, event, number, table

# ---- conversions ------------------------------------------------------------------------------------


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
    "said of another goal": ([SENT, bought(5), event("converted", 6, goal=1)], SHORT, 1),
    "a goal that is only said": ([SENT, event("converted", 5)], {**SHORT, "event": "converted"}, 1),
}  # fmt: skip


@pytest.mark.parametrize("name", CONVERSIONS)
def test_conversions(name: str) -> None:
    events, goal, wanted = CONVERSIONS[name]
    assert number(court(events, goal), "conversions") == wanted


def test_goals_are_their_own() -> None:
    events = [SENT, bought(5), event("performed", 6, name="x"), event("converted", 7, goal=3)]
    judge = court(events, SHORT, {"event": "performed", "window_s": 300}, {"event": "performed", "window_s": 360})
    assert [number(judge, name) for name in ("conversions", "conversions_1", "conversions_2", "conversions_3")] == [
        1, 0, 1, 1,
    ]  # fmt: skip


def test_a_goal_says_purchased_three_days_after_sent_unless_it_says_more() -> None:
    judge = court([SENT, bought(3 * DAY)], {"event": "purchased"})
    assert number(judge, "conversions") == 1
    assert number(court([SENT, bought(3 * DAY + 1)], {"event": "purchased"}), "conversions") == 0


def test_one_purchase_for_two_campaigns() -> None:
    judge = court([SENT, event("sent", 1, campaign="d"), bought(5)], SHORT)
    judge.put("d", {"goals": [SHORT]})
    assert table(judge, "conversions", "campaign") == {"c": 1, "d": 1}
    assert number(judge, "conversions") == 2
    assert number(judge, "unique_conversions") == 1
    assert number(judge, "revenue") == {"USD": Decimal(10)}


def test_a_credited_event_is_of_its_own_time_and_recipient_and_of_its_touch() -> None:
    sent = event("sent", 0, message="m", channel="push", country="DE", ip="10.0.0.1", send_id="s", traffic="proxy")
    purchase = bought(25 * HOUR, country="IN", message="x", product="q", ip="10.0.0.2", device="phone")
    judge = court([sent, purchase], {**SHORT, "window_s": 172_800})
    for name, value in {
        "day": "2026-10-06", "recipient": "ann", "message": "m", "channel": "push", "send_id": "s", "variation": "",
        "campaign": "c", "traffic": "proxy", "country": "", "device": "", "product": "", "ip": "", "link": "",
    }.items():  # fmt: skip
        assert table(judge, "conversions", name) == {value: 1}, name


def test_what_a_conversion_leaves_open_is_of_the_latest_message_received() -> None:
    sent = event("sent", 0, channel="push", message="m", variation="a", traffic="bot")
    said = [event("converted", 99 * DAY), event("converted", 5, variation="b", country="DE"), event("converted", -1)]
    wanted = {("push", "m", "a", ""): 1, ("", "", "b", "DE"): 1, ("", "", "", ""): 1}
    # Whether or not there is a goal, and whoever caused the message.
    for goals in ([], [SHORT], [{**SHORT, "after": "opened"}]):
        judge = court([sent, *said, event("delivered", 6, message="n")], *goals)
        assert table(judge, "conversions", "channel", "message", "variation", "country") == wanted
    # The plain count is of what the event says.
    assert table(judge, "converted", "message") == {"": 3}
    seen = [event("impression", 2, message="n", send_id="s"), event("impression", 4, message="n", send_id="t")]
    judge = court([sent, seen[0], event("enrolled", 3, message="o"), seen[1], event("converted", 5)])
    assert table(judge, "conversions", "message", "send_id") == {("o", ""): 1}


def test_only_the_traffic_that_is_asked_for_exists() -> None:
    judge = court([SENT, event("sent", 1, traffic="bot"), bought(11, traffic="bot"), bought(10)], SHORT)
    assert number(judge, "conversions") == 1
    assert number(judge, "conversions", traffic=("bot",)) == 1
    # Of both, the bot's touch is the later one, and the person's purchase the first.
    assert table(judge, "conversions", "traffic", traffic=("human", "bot")) == {"bot": 1}
    assert table(judge, "conversions", "minute", traffic=("human", "bot")) == {"2026-10-05T00:10:00+00:00": 1}
    assert judge.ask(Asked(("conversions",))).excluded["bot"] == 0
    judge.post([event("converted", 3, traffic="bot")])
    assert number(judge, "conversions") == 1
    assert judge.ask(Asked(("conversions",))).excluded["bot"] == 1


def test_ranges_and_filters_choose_among_credits() -> None:
    judge = court([SENT, bought(2), bought(4), event("sent", 6, channel="sms"), bought(7)], SHORT)
    assert number(judge, "conversions") == 2
    # The purchase at 4 isn't the first, though it is the first in the range.
    assert number(judge, "conversions", from_ms=BASE_MS + 3 * MINUTE_MS, to_ms=BASE_MS + 5 * MINUTE_MS) == 0
    assert number(judge, "conversions", filters=(("channel", ("",)),)) == 1
    assert number(judge, "conversions", filters=(("channel", ("sms",)), ("recipient", ("ann",)))) == 1


def test_conversion_events_are_all_of_them() -> None:
    events = [SENT, bought(2), bought(4, 7), bought(5, order="o"), bought(6, order="o"), bought(11)]
    judge = court([*events, event("converted", 8, amount=1), event("converted", 8, "bob", goal=1)], SHORT)
    assert number(judge, "conversion_events") == 4
    assert number(judge, "unique_conversion_events") == 1
    assert number(judge, "conversion_value") == {"USD": Decimal(5 + 7 + 5 + 1)}


# ---- revenue ----------------------------------------------------------------------------------------

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
    "an order that another goal says": (
        [SENT, bought(2, 4, order="o"), event("converted", 3, order="o", amount=2, goal=1)], 4,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REVENUE)
@pytest.mark.parametrize("kind", ["purchased", "clicked", "converted"])
def test_revenue_is_within_the_window_of_the_first_goal_whatever_that_is_about(name: str, kind: str) -> None:
    events, wanted = REVENUE[name]
    found = number(court(events, {**SHORT, "event": kind}), "revenue")
    assert found == ({"USD": Decimal(wanted)} if wanted else {})


def test_revenue_without_a_goal_is_of_what_names_the_campaign() -> None:
    assert number(court([SENT, bought(2, 2), bought(3, 3, **NAMED)]), "revenue") == {"USD": Decimal(3)}


def test_revenue_is_of_its_touch_or_of_itself() -> None:
    purchases = [bought(2, 2, message="x", country="DE"), bought(2, 3, message="y", country="DE", **NAMED)]
    plain = bought(3, 7, country="DE", **NAMED)
    judge = court([event("sent", 0, message="m"), *purchases, plain], {**SHORT, "window_s": 150})
    wanted = {("m", ""): {"USD": 2}, ("y", "DE"): {"USD": 3}, ("m", "DE"): {"USD": 7}}
    assert table(judge, "revenue", "message", "country") == wanted
