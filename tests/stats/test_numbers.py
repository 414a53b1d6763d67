"""Numbers that a person can check: peaks, money, what is left out, and days on which clocks change."""

from __future__ import annotations

from typing import Any


def watched(recipient: str, until: str, minutes: float, **more: object) -> dict[str, object]:
    """Watched until a time of 2026-03-29, in UTC."""
    return {
        "type": "watched",
        "campaign": "show",
        "recipient": recipient,
        "time": f"2026-03-29T{until}Z",
        "duration_s": minutes * 60,
        **more,
    }


def column(answer: dict[str, Any], *names: str) -> list[Any]:
    return [row[names[0]] if len(names) == 1 else tuple(row[name] for name in names) for row in answer["rows"]]


PEAK = "peak_concurrent_viewers"


def test_who_leaves_as_another_comes_is_not_there_with_them(tenant: Any) -> None:
    tenant.send(watched("ann", "10:00:00", 10), watched("bob", "10:10:00", 10))
    assert tenant.stats(PEAK)["totals"] == {PEAK: 1}
    tenant.send(watched("eve", "10:00:00.001", 10))
    assert tenant.stats(PEAK)["totals"] == {PEAK: 2}


def test_a_viewer_in_two_windows_is_one(tenant: Any) -> None:
    tenant.send(
        watched("ann", "10:10:00", 10),
        watched("ann", "10:05:00", 5),
        watched("ann", "10:12:00", 4),
        watched("ann", "10:00:00", 10),
        watched("ann", "10:30:00", 10),
    )
    assert tenant.stats(PEAK)["totals"] == {PEAK: 1}
    tenant.send(watched("bob", "10:11:30", 1))
    assert tenant.stats(PEAK)["totals"] == {PEAK: 2}


def test_a_peak_is_of_the_part_inside_the_range(tenant: Any) -> None:
    # Ann leaves after the range, bob came before it, and eve is there after it.
    tenant.send(watched("ann", "11:00:00", 30), watched("bob", "10:20:00", 30), watched("eve", "11:00:00", 15))
    inside = {"from_": "2026-03-29T10:10", "to": "2026-03-29T10:40"}
    assert tenant.stats(PEAK, **inside)["totals"] == {PEAK: 1}
    assert tenant.stats(PEAK)["totals"] == {PEAK: 2}
    assert tenant.stats(PEAK, from_="2026-03-29T10:20", to="2026-03-29T10:30")["totals"] == {PEAK: 0}
    assert tenant.stats(PEAK, to="2026-03-29T10:00")["totals"] == {PEAK: 1}
    assert tenant.stats(PEAK, from_="2026-03-29T10:50")["totals"] == {PEAK: 2}


def test_an_interval_is_in_every_hour_that_it_touches(tenant: Any) -> None:
    # Berlin's clocks go from 2:00 to 3:00 at 1:00 UTC.
    tenant.send(watched("ann", "02:00:00", 90), watched("bob", "01:00:00", 10), watched("eve", "01:00:00.001", 0))
    answer = tenant.stats(f"{PEAK},viewers", dimensions="hour", timezone="Europe/Berlin")
    assert column(answer, "hour", PEAK, "viewers") == [
        ("2026-03-29T01:00:00+01:00", 2, 0),
        ("2026-03-29T03:00:00+02:00", 1, 2),
        ("2026-03-29T04:00:00+02:00", 0, 1),
    ]
    assert answer["totals"] == {PEAK: 2, "viewers": 3}


def test_a_week_of_watching_in_minutes(tenant: Any) -> None:
    tenant.send(watched("ann", "00:00:30", 7 * 1440))
    answer = tenant.stats(PEAK, dimensions="minute", limit="1", offset="10080")
    assert answer["meta"]["rows"] == 10_081
    assert column(answer, "minute") == ["2026-03-29T00:00:00+00:00"]
    assert tenant.stats(PEAK, dimensions="day")["meta"]["rows"] == 8
    by_week = tenant.stats(PEAK, dimensions="week")
    assert column(by_week, "week", PEAK) == [("2026-03-16", 1), ("2026-03-23", 1)]


def test_a_peak_of_some_days(tenant: Any) -> None:
    tenant.send(watched("ann", "00:10:00", 20), watched("bob", "00:05:00", 20), watched("eve", "00:15:00", 10))
    assert tenant.stats(PEAK, day="2026-03-28")["totals"] == {PEAK: 2}
    assert tenant.stats(PEAK, day="2026-03-29")["totals"] == {PEAK: 2}
    assert tenant.stats(PEAK, day="2026-03-30")["totals"] == {PEAK: 0}
    assert tenant.stats(PEAK, day="2026-03-28", timezone="Asia/Tokyo")["totals"] == {PEAK: 0}
    assert tenant.stats(PEAK, month="2026-03", week="2026-03-23", dimensions="day")["meta"]["rows"] == 2


def test_guests_and_those_without_a_name(tenant: Any) -> None:
    tenant.send(
        watched("ann", "10:00:00", 10),
        watched("guest-1", "10:00:00", 10, anonymous=True),
        watched("", "10:00:00", 10),
    )
    answer = tenant.stats(f"viewers,login_viewers,watched,viewing_time_s,average_viewing_time_s,{PEAK}")
    assert answer["totals"] == {
        "viewers": 2,
        "login_viewers": 1,
        "watched": 3,
        "viewing_time_s": 1800,
        "average_viewing_time_s": 900.0,
        "average_viewing_time_s_numerator": 1800,
        "average_viewing_time_s_denominator": 2,
        PEAK: 2,
    }


def opened(number: int, traffic: str, **more: object) -> dict[str, object]:
    return {
        "type": "opened",
        "campaign": "spring",
        "recipient": f"r{number}",
        "time": "2026-03-29T10:00:00Z",
        "traffic": traffic,
        **more,
    }


def test_each_event_is_left_out_once(tenant: Any) -> None:
    tenant.send(
        opened(1, "human"),
        opened(2, "bot"),
        opened(2, "bot", open="influenced"),
        opened(3, "prefetch"),
        {**opened(4, "scanner"), "type": "clicked", "target": "body"},
        {**opened(5, "bot"), "type": "unsubscribed"},
        {**opened(0, "bot"), "recipient": ""},
    )

    def excluded(metrics: str, **query: str) -> dict[str, int]:
        found: dict[str, int] = tenant.stats(metrics, **query)["meta"]["excluded"]
        return {name: count for name, count in found.items() if count}

    assert excluded("opened") == {"prefetch": 1, "bot": 3}
    assert excluded("opened,unique_opened,opened_direct,events") == {"prefetch": 1, "scanner": 1, "bot": 4}
    # A distinct count would not have counted an event of nobody.
    assert excluded("unique_opened") == {"prefetch": 1, "bot": 2}
    assert excluded("opened_influenced") == {"bot": 1}
    assert excluded("opened_influenced,clicked_body") == {"scanner": 1, "bot": 1}
    assert excluded("click_to_open_rate") == {"prefetch": 1, "scanner": 1, "bot": 2}
    assert excluded("unsubscribed") == {}
    assert excluded("unsubscribed,sent") == {}
    assert excluded("opened", traffic="prefetch") == {"human": 1, "bot": 3}
    assert excluded("opened", traffic="all") == {}
    assert excluded("opened", from_="2026-03-29T10:00:00.001Z") == {}
    assert excluded("opened", campaign="autumn") == {}


def test_what_a_peak_leaves_out_is_what_touches_the_range(tenant: Any) -> None:
    tenant.send(
        watched("b1", "11:00:00", 30, traffic="bot"),
        watched("b2", "10:00:00", 30, traffic="bot"),
        watched("b3", "10:40:00", 0, traffic="bot"),
        watched("", "10:40:00", 5, traffic="bot"),
    )
    inside = {"from_": "2026-03-29T10:10", "to": "2026-03-29T10:50"}
    assert tenant.stats(PEAK, **inside)["meta"]["excluded"]["bot"] == 1
    assert tenant.stats("watched", **inside)["meta"]["excluded"]["bot"] == 2
    assert tenant.stats(f"{PEAK},watched", **inside)["meta"]["excluded"]["bot"] == 3
    assert tenant.stats(f"{PEAK},watched", dimensions="hour")["meta"]["excluded"]["bot"] == 4


def test_money_is_exact_and_never_mixed(tenant: Any) -> None:
    def bought(amount: object, **more: object) -> dict[str, object]:
        return {"type": "purchased", "time": "2026-03-29T10:00:00Z", "recipient": "ann", "amount": amount, **more}

    tenant.send(
        bought("0.1", campaign="spring", currency="EUR", order="1"),
        bought("0.2", campaign="spring", currency="EUR", order="2"),
        bought(0.3, campaign="spring", order="3"),
        bought("-0.3", campaign="spring", order="4"),
        bought("999999999999.999999", currency="JPY"),
        bought("0.000001", currency="JPY"),
        bought("7", campaign="spring", currency="EUR", goal=2, order="5"),
    )
    totals = tenant.stats("revenue,purchase_value,revenue_2")["totals"]
    assert totals["revenue"] == {"EUR": "7.3", "USD": "0"}
    assert totals["purchase_value"] == {"EUR": "7.3", "JPY": "1000000000000", "USD": "0"}
    assert totals["revenue_2"] == {}
    # Money that nets to nothing is still a row.
    rows = tenant.stats("purchase_value", dimensions="campaign,day")["rows"]
    assert [row["campaign"] for row in rows] == ["", "spring"]


def test_days_of_23_and_25_hours(tenant: Any) -> None:
    for day, hours in (("2026-03-29", 23), ("2025-10-26", 25)):
        answer = tenant.send(
            *(
                {"type": "sent", "campaign": day, "time": 1_000 * (start + 60 * minute), "recipient": f"{minute}"}
                for start in [{"2026-03-29": 1_774_738_800, "2025-10-26": 1_761_429_600}[day] - 3600]
                for minute in range(0, 27 * 60, 15)
            )
        )
        assert answer["accepted"] == 27 * 4
        rows = tenant.stats("sent,unique_sent", dimensions="day", day=day, campaign=day, timezone="Europe/Berlin")[
            "rows"
        ]
        assert rows == [{"day": day, "sent": hours * 4, "unique_sent": hours * 4}]
        by_hour = tenant.stats("sent", dimensions="hour", day=day, campaign=day, timezone="Europe/Berlin")["rows"]
        assert [row["sent"] for row in by_hour] == [4] * hours
        assert len({row["hour"] for row in by_hour}) == hours


def test_clocks_that_change_within_a_quarter_of_an_hour(tenant: Any) -> None:
    # In 2010 Newfoundland's clocks went from 00:01 back to 23:01 of the day before.
    tenant.send(
        *(
            {"type": "sent", "campaign": "spring", "time": f"2010-11-07T02:{minute}Z", "recipient": minute}
            for minute in ("29:59", "30:00", "30:59.999", "31:00", "44:59", "45:00")
        )
    )
    days = tenant.stats("sent,unique_sent", dimensions="day", timezone="America/St_Johns")["rows"]
    assert days == [
        {"day": "2010-11-06", "sent": 4, "unique_sent": 4},
        {"day": "2010-11-07", "sent": 2, "unique_sent": 2},
    ]
    hours = tenant.stats("sent", dimensions="hour", timezone="America/St_Johns", day="2010-11-06")["rows"]
    assert hours == [
        {"hour": "2010-11-06T23:00:00-02:30", "sent": 1},
        {"hour": "2010-11-06T23:00:00-03:30", "sent": 3},
    ]


def test_the_uniques_of_days_are_not_those_of_the_range(tenant: Any) -> None:
    tenant.send(*(opened(1, "human", time=f"2026-03-{day}T10:00:00Z") for day in (27, 28, 29)))
    answer = tenant.stats("opened,unique_opened", dimensions="day")
    assert column(answer, "unique_opened") == [1, 1, 1]
    assert answer["totals"] == {"opened": 3, "unique_opened": 1}
