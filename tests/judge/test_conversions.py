"""The judge judged: conversions and revenue that a person has from docs/attribution.md, without a server."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.judge import Asked
from tests.judge.cases import REVENUE
from tests.judge.small import BASE_MS, DAY, HOUR, MINUTE_MS, NAMED, SENT, SHORT, bought, court, event, number, table

# ---- conversions ------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("name", REVENUE)
@pytest.mark.parametrize("kind", ["clicked", "converted"])
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
