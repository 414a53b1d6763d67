"""The judge judged: opens, first times, days of sends and the rest, from docs/attribution.md by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.judge import MEASURES, Asked, Judge
from tests.judge.small import BASE_MS, DAY, MINUTE_MS, NAMED, SENT, SHORT, bought, court, event, number, table

# ---- opens that a message led to --------------------------------------------------------------------


def test_the_window_of_influence_is_the_workspaces() -> None:
    events = [SENT, event("app_opened", 2), event("sent", 10, "bob"), event("app_opened", 10.5, "bob")]
    assert number(court(events, influence_window_s=30), "influenced_opens") == 1


def test_reengaged_is_of_the_first_opening() -> None:
    judge = court([event("sent", 0, message="m"), event("app_opened", 2 * DAY, country="DE")], dormant_s=60)
    assert table(judge, "reengaged", "day", "message", "country") == {("2026-10-07", "m", ""): 1}
    assert number(judge, "unique_reengaged") == 1


# ---- first times ------------------------------------------------------------------------------------


def test_new_users_are_new_once() -> None:
    judge = court([event("app_opened", 0), event("app_opened", DAY), event("app_opened", DAY, "bob", campaign="c")])
    assert table(judge, "new_users", "day") == {"2026-10-05": 1, "2026-10-06": 1}
    assert number(judge, "new_users") == 2
    assert number(judge, "new_users", from_ms=BASE_MS + MINUTE_MS) == 1
    assert number(judge, "new_users", filters=(("campaign", ("c",)),)) == 1
    assert number(judge, "new_users", traffic=("bot",)) == 0


def test_new_login_viewers() -> None:
    shows = [
        event("watched", 0, duration_s=5, anonymous=True),
        event("watched", DAY, duration_s=5),
        event("watched", 2 * DAY, campaign="d", duration_s=5),
        event("watched", 2 * DAY, "bob", campaign="d", duration_s=3 * 86_400),
        event("watched", 3 * DAY, "eve", campaign="d", duration_s=5, anonymous=True),
    ]
    judge = court(shows)
    assert table(judge, "new_login_viewers", "campaign") == {"c": 1, "d": 1}
    assert number(judge, "new_login_viewers", filters=(("campaign", ("d",)),)) == 1


# ---- the day of the send ----------------------------------------------------------------------------


def by_send(judge: Judge, name: str, **asked: Any) -> dict[Any, Any]:
    return table(judge, name, "day", placed_by="send", **asked)


def test_events_by_the_day_of_their_message() -> None:
    events = [
        event("sent", 0, message="m"), event("sent", DAY, message="n"), event("opened", 2 * DAY, message="m"),
        event("opened", 2 * DAY), event("opened", 2 * DAY, "bob", message="m"), event("opened", -DAY, message="m"),
        event("opened", 2 * DAY, message="o"), event("opened", 2 * DAY, traffic="proxy", message="n"),
    ]  # fmt: skip
    # Of m; of the latest; bob was sent none; before any; o was not sent; of n.
    wanted = {"2026-10-05": 1, "2026-10-06": 2, "2026-10-07": 2, "2026-10-04": 1}
    assert by_send(court(events), "opened") == wanted
    until = BASE_MS + DAY * MINUTE_MS
    assert number(court(events), "opened", placed_by="send", from_ms=BASE_MS, to_ms=until) == 1
    # Whoever sent it, the message went out on its day.
    assert by_send(court(events), "opened", traffic=("proxy",)) == {"2026-10-06": 1}


def test_cards_are_sent_when_they_are_first_seen() -> None:
    seen = [event("impression", day * DAY, message="m") for day in range(3)]
    again = event("impression", 2 * DAY, message="m", send_id="s")
    other = event("impression", DAY, message="n", traffic="bot")
    assert by_send(court(seen), "impression") == {"2026-10-05": 3}
    judge = court([*seen, again, other, event("clicked", 3 * DAY, message="m"), event("clicked", 3 * DAY)])
    assert by_send(judge, "clicked") == {"2026-10-05": 1, "2026-10-06": 1}


def test_conversions_by_the_day_of_their_touch() -> None:
    goal = {"event": "purchased", "after": "opened", "window_s": 999_999}
    events = [event("sent", 0, message="n"), event("sent", DAY, message="m"), event("opened", 2 * DAY, message="n")]
    for purchase in (bought(4 * DAY), bought(4 * DAY, message="m", campaign="c")):
        # What was opened decides, not what was sent last.
        assert by_send(court([*events, purchase], goal), "conversions") == {"2026-10-05": 1}
    unnamed = [*events[:2], event("opened", 2 * DAY)]
    assert by_send(court([*unnamed, bought(4 * DAY)], goal), "conversions") == {"2026-10-06": 1}
    assert by_send(court([*events, bought(4 * DAY)], goal), "revenue") == {"2026-10-05": {"USD": Decimal(5)}}
    # A purchase that names the campaign is revenue by itself: of the latest message.
    assert by_send(court([*events, bought(4 * DAY, **NAMED)], goal), "revenue") == {"2026-10-06": {"USD": Decimal(5)}}
    # So is what is said, unless it says which message it is of, or nobody received one.
    said = [event("converted", 4 * DAY), event("converted", 4 * DAY, message="m"), event("converted", 4 * DAY, "bob")]
    assert by_send(court([*events, *said], goal), "conversions") == {
        "2026-10-06": 2, "2026-10-09": 1,
    }  # fmt: skip
    # Opened, but never sent: then it is the opening that is known.
    assert by_send(court([events[2], bought(4 * DAY)], goal), "conversions") == {"2026-10-07": 1}


def test_behaviour_peaks_and_first_times_have_no_message() -> None:
    events = [SENT, bought(DAY), event("watched", 2 * DAY + 5, duration_s=60)]
    events.append(event("app_opened", 2 * DAY, **NAMED))
    assert by_send(court(events), "purchased") == {"2026-10-06": 1}
    assert by_send(court(events), "watched") == by_send(court(events), "app_opened") == {"2026-10-05": 1}
    for name in ("peak_concurrent_viewers", "new_login_viewers", "new_users"):
        assert by_send(court(events), name) == {"2026-10-07": 1}


# ---- several values of one event --------------------------------------------------------------------


def test_parameters_of_links() -> None:
    clicks = [
        event("clicked", 0, params={"a": "x", "b": "y", "n": 1}),
        event("clicked", 1, params={"a": "y", "b": "y"}),
        event("clicked", 2),
    ]
    judge = court(clicks)
    assert table(judge, "clicked", "param") == {"a": 2, "b": 2, "n": 1}
    assert table(judge, "clicked", "param_value") == {"x": 1, "y": 2, "1": 1}
    assert table(judge, "clicked", "param", "param_value") == {
        ("a", "x"): 1, ("a", "y"): 1, ("b", "y"): 2, ("n", "1"): 1,
    }  # fmt: skip
    assert judge.ask(Asked(("clicked",), ("param",))).totals == {"clicked": 3}
    wanted = (("param", ("a",)), ("param_value", ("y",)))
    # Any of them will do, each for itself; or the two of one parameter, where parameters make the rows.
    assert number(judge, "clicked", filters=wanted) == 2
    found = judge.ask(Asked(("clicked",), ("param",), wanted))
    assert found.rows == [{"param": "a", "clicked": 1}]
    assert found.totals == {"clicked": 1}


def test_what_can_be_left_out_is_what_is_said() -> None:
    events = [
        event(kind, 1, traffic="bot", **more)
        for kind, more in [
            ("converted", {"amount": 1}), ("converted", {"goal": 1}), ("opened", {"open": "influenced"}),
            ("opened", {}), ("app_opened", {}), ("watched", {"duration_s": 1}),
            ("purchased", {"amount": 1, "campaign": "c"}), ("purchased", {"amount": 1}), ("sent", {}),
        ]
    ]  # fmt: skip
    judge = court(events, SHORT)
    found = {name: judge.ask(Asked((name,))).excluded["bot"] for name in MEASURES}
    assert {
        name: found[name]
        for name in (
            "conversions", "conversions_1", "conversion_events", "conversion_value", "revenue", "influenced_opens",
            "total_opens", "reengaged", "new_users", "new_login_viewers",
        )
    } == {
        "conversions": 1, "conversions_1": 1, "conversion_events": 1, "conversion_value": 1, "revenue": 2,
        "influenced_opens": 1, "total_opens": 2, "reengaged": 0, "new_users": 1, "new_login_viewers": 1,
    }  # fmt: skip
