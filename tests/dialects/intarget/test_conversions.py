"""GET /rest/campaign/statistic-conversions over real events: the documented row, and every number in it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from turnout.dialects.intarget.wire import conversion_event, conversion_period
from turnout.model import Goal

HOUR, DAY = 3600, 86_400


def at(moment: str, kind: str, **fields: Any) -> dict[str, Any]:
    """An event of October 2026: `at("05 12:00:00", "sent")`."""
    day, time = moment.split()
    return {"type": kind, "recipient": "r", "time": f"2026-10-{day}T{time}Z", **fields}


def deposit(moment: str, amount: str, recipient: str, **fields: Any) -> dict[str, Any]:
    return at(moment, "purchased", amount=amount, recipient=recipient, **fields)


def numbers(row: dict[str, Any]) -> tuple[str, str, str]:
    return row["deposits_count"], row["deposits_amount"], row["converted_users"]


# ---- the documented row -----------------------------------------------------------------------------


def test_the_documented_row_comes_out_of_events(tenant: Any, rows: Any, put: Any, sample: Any) -> None:
    documented = sample("documented_conversions")
    put(
        tenant, "bonus", number=1903, title=documented["campaign_name"], started_at="2025-10-13T13:19:35Z",
        ended_at="2025-10-14T06:00:00Z", goals=[{"event": "purchased", "window_s": DAY, "after": "opened"}],
        messages=[{"id": "m", "title": documented["message_title"], "channel": "email"}],
    )  # fmt: skip
    of = {"campaign": "bonus", "message": "m", "channel": "email"}
    people = [f"p{number}" for number in range(200)]
    # 102 people: 52 of them deposit twice. Together 153 times 121.50, and what is missing.
    deposits = [*people[:102], *people[:52]]
    amounts = [Decimal("121.50")] * 153
    amounts.append(Decimal(documented["deposits_amount"]) - sum(amounts))
    tenant.send(
        *({**of, "type": "sent", "time": "2025-10-13T13:20:00Z", "recipient": who} for who in people),
        *({**of, "type": "opened", "time": "2025-10-13T15:00:00Z", "recipient": who} for who in people[:150]),
        *(
            {"type": "purchased", "time": f"2025-10-14T0{index // 102}:00:00Z", "recipient": who, "amount": str(amount)}
            for index, (who, amount) in enumerate(zip(deposits, amounts, strict=True))
        ),
        # not opened; before it was opened; a day and a second after
        {"type": "purchased", "time": "2025-10-14T01:00:00Z", "recipient": "p199", "amount": "5"},
        {"type": "purchased", "time": "2025-10-13T14:59:59Z", "recipient": "p0", "amount": "5"},
        {"type": "purchased", "time": "2025-10-14T15:00:01Z", "recipient": "p149", "amount": "5"},
    )
    query = "campaignIds[]=1903&sendFrom=2025-10-13%2000:00:00&sendTo=2025-10-14%2023:59:59"
    for asked in (query, "campaignIds[]=1903"):
        (row,) = rows(tenant, "statistic-conversions", asked)
        assert row == documented
        assert list(row) == list(documented)
        assert [type(value) for value in row.values()] == [type(value) for value in documented.values()]


def test_nothing_is_a_zero_in_a_string(tenant: Any, get: Any, put: Any) -> None:
    put(
        tenant, "c", number=7, title="C", started_at="2026-10-05T00:00:00Z", messages=[{"id": "m", "title": "M"}],
        goals=[{"event": "purchased"}],
    )  # fmt: skip
    assert get(tenant, "statistic-conversions").text == (
        '[{"campaign_id":7,"message_title":"M","type":"","campaign_start_at":"2026-10-05 00:00:00+00",'
        '"campaign_stop_at":null,"campaign_name":"C","conversion_event":"Delivered","conversion_period":"3 days",'
        '"deposits_count":"0","deposits_amount":"0.00","converted_users":"0"}]'
    )


# ---- numbers ----------------------------------------------------------------------------------------


def goal(after: str = "delivered", window_s: int = DAY, event: str = "purchased", **fields: Any) -> dict[str, Any]:
    return {"event": event, "after": after, "window_s": window_s, **fields}


def test_deposits_belong_to_the_latest_touch(tenant: Any, rows: Any, put: Any) -> None:
    messages = [{"id": "one", "title": "One"}, {"id": "two", "title": "Two"}]
    put(tenant, "c", messages=messages, goals=[goal()])
    tenant.send(
        at("05 12:00:00", "delivered", campaign="c", message="one", recipient="a"),
        at("05 14:00:00", "delivered", campaign="c", message="two", recipient="a"),
        at("05 12:00:00", "delivered", campaign="c", message="one", recipient="b"),
        deposit("05 13:00:00", "10", "a"),
        deposit("05 13:30:00", "0.105", "a"),
        deposit("05 14:00:00", "7", "a"),
        deposit("06 14:00:00", "5", "a"),
        deposit("06 14:00:01", "100", "a"),
        deposit("05 11:59:59", "100", "b"),
        deposit("06 00:00:00", "2.5", "b", order="o"),
        deposit("06 01:00:00", "2.5", "b", order="o"),
        deposit("06 00:00:00", "100", "stranger"),
    )
    assert [(row["message_title"], *numbers(row)) for row in rows(tenant, "statistic-conversions")] == [
        ("One", "3", "12.60", "2"),  # 10 + 0.105 + 2.5, to the even cent
        ("Two", "2", "12.00", "1"),
    ]


def test_conversions_attributed_elsewhere_count_as_they_are(tenant: Any, rows: Any, put: Any) -> None:
    put(tenant, "c", number=1, goals=[goal(event="converted")])
    tenant.send(
        at("05 12:00:00", "sent", campaign="c", recipient="a"),
        at("25 12:00:00", "converted", campaign="c", recipient="a", amount="20"),
        at("25 12:00:00", "converted", campaign="c", recipient="b", amount="1.5"),
        at("25 12:00:00", "converted", campaign="c", recipient="b", amount="9", goal=1),
        deposit("05 13:00:00", "100", "a"),
    )
    (row,) = rows(tenant, "statistic-conversions")
    assert (row["conversion_event"], *numbers(row)) == ("Deposit Refcode", "2", "21.50", "2")


def test_a_conversion_that_is_all_there_is_has_a_row(tenant: Any, rows: Any, put: Any) -> None:
    put(tenant, "c", title="C", goals=[goal()])
    tenant.send(at("05 12:00:00", "converted", campaign="c", amount="20"))
    assert [(row["message_title"], *numbers(row)) for row in rows(tenant, "statistic-conversions")] == [
        ("C", "1", "20.00", "1")
    ]
    assert rows(tenant, "statistics") == []


def test_a_conversion_that_names_no_message_is_of_the_one_that_was_received(tenant: Any, rows: Any, put: Any) -> None:
    put(tenant, "c", title="C", goals=[goal()])
    of = {"campaign": "c", "channel": "email"}
    tenant.send(
        at("05 12:00:00", "delivered", message="m", **of),
        at("05 12:00:00", "sent", message="m", **of),
        at("05 12:00:00", "sent", message="n", recipient="s", **of),
        at("06 12:00:00", "converted", campaign="c", amount="20"),
    )
    assert [(row["message_title"], *numbers(row)) for row in rows(tenant, "statistic-conversions")] == [
        ("m", "1", "20.00", "1"),
        ("n", "0", "0.00", "0"),
    ]


def test_where_nobody_knows_of_a_send_a_deposit_is_of_the_day_of_its_touch(tenant: Any, rows: Any, put: Any) -> None:
    put(tenant, "c", title="C", goals=[goal(after="opened", window_s=3 * DAY)])
    tenant.send(at("05 12:00:00", "opened", campaign="c"), deposit("07 12:00:00", "3", "r"))
    found = {
        day: [numbers(row) for row in rows(tenant, "statistic-conversions", f"sendFrom={day}&sendTo={day}")]
        for day in ("2026-10-05", "2026-10-06", "2026-10-07")
    }
    assert found == {"2026-10-05": [("1", "3.00", "1")], "2026-10-06": [], "2026-10-07": []}


def test_a_deposit_is_of_the_day_on_which_the_message_of_its_touch_was_sent(tenant: Any, rows: Any, put: Any) -> None:
    """Whatever else of the campaign was sent since (docs/attribution.md)."""
    put(tenant, "c", goals=[goal(after="opened")])
    of = {"campaign": "c", "channel": "email"}
    tenant.send(
        at("05 12:00:00", "sent", message="m", **of),
        at("06 12:00:00", "sent", message="n", **of),
        at("06 13:00:00", "opened", message="m", **of),
        deposit("06 14:00:00", "3", "r"),
    )
    found = {
        day: [(row["message_title"], numbers(row)[0]) for row in rows(tenant, "statistic-conversions", query)]
        for day in ("05", "06")
        for query in [f"sendFrom=2026-10-{day}&sendTo=2026-10-{day}"]
    }
    assert found == {"05": [("m", "1")], "06": [("n", "0")]}


def test_campaigns_without_a_goal_are_not_there(tenant: Any, rows: Any, put: Any) -> None:
    put(tenant, "a", number=1)
    put(tenant, "b", number=2, goals=[goal()])
    tenant.send(*(at("05 12:00:00", "delivered", campaign=name) for name in ("a", "b", "c")))
    assert [row["campaign_id"] for row in rows(tenant, "statistic-conversions")] == [2]
    assert rows(tenant, "statistic-conversions", "campaignIds[]=1") == []


def test_deposits_are_of_the_day_of_the_send(tenant: Any, rows: Any, put: Any) -> None:
    put(tenant, "c", goals=[goal(after="opened", window_s=7 * DAY)])
    tenant.send(
        at("05 12:00:00", "sent", campaign="c", recipient="a"),
        at("06 12:00:00", "opened", campaign="c", recipient="a"),
        at("06 12:00:00", "sent", campaign="c", recipient="b"),
        at("06 13:00:00", "opened", campaign="c", recipient="b"),
        deposit("09 12:00:00", "3", "a"),
        deposit("07 12:00:00", "4", "b"),
        deposit("07 13:00:00", "4", "b"),
    )
    found = {
        day: [numbers(row) for row in rows(tenant, "statistic-conversions", f"sendFrom={day}&sendTo={day}")]
        for day in ("2026-10-04", "2026-10-05", "2026-10-06", "2026-10-07", "2026-10-09")
    }
    assert found == {
        "2026-10-04": [],
        "2026-10-05": [("1", "3.00", "1")],
        "2026-10-06": [("2", "8.00", "1")],
        "2026-10-07": [],
        "2026-10-09": [],
    }


def test_filters_and_pages_are_those_of_statistics(tenant: Any, get: Any, put: Any) -> None:
    for number in (1, 2, 3):
        put(
            tenant, f"c{number}", number=number, goals=[goal()], messages=[{"id": "m"}],
            started_at=f"2026-10-0{number}T10:00:00Z",
        )  # fmt: skip
    for query, wanted in (
        ("startFrom=2026-10-02%2010:00:00", [3, 2]),
        ("startTo=2026-10-02+10:00:00", [2, 1]),
        ("campaignIds[]=1&campaignIds%5B%5D=3", [3, 1]),
        ("perPage=2", [3, 2]),
        ("perPage=2&page=2", [1]),
        ("perPage=2&page=3", []),
    ):
        answer = get(tenant, "statistic-conversions", query)
        assert [row["campaign_id"] for row in answer.json()] == wanted, query
    assert answer.headers["x-pagination-total-count"] == "3"
    assert answer.headers["x-pagination-page-count"] == "2"
    assert "/rest/campaign/statistic-conversions?perPage" not in answer.headers["link"]
    assert "/rest/campaign/statistic-conversions?access-token" in answer.headers["link"]


# ---- money ------------------------------------------------------------------------------------------

MONEY: list[tuple[dict[str, str], str, str]] = [
    ({"EUR": "5"}, "", "5.00"),
    ({"EUR": "5", "USD": "3"}, "", "3.00"),
    ({"EUR": "5", "GBP": "6"}, "", "6.00"),
    ({"EUR": "5", "GBP": "5"}, "", "5.00"),
    ({"EUR": "5", "USD": "3"}, "&currency=EUR", "5.00"),
    ({"EUR": "5", "USD": "3"}, "&currency=eur", "5.00"),
    ({"EUR": "5"}, "&currency=USD", "0.00"),
]


@pytest.mark.parametrize(("amounts", "query", "wanted"), MONEY)
def test_amounts_are_of_one_currency(
    tenant: Any, rows: Any, put: Any, amounts: dict[str, str], query: str, wanted: str
) -> None:
    number = put(tenant, "c", goals=[goal()])
    tenant.send(
        at("05 12:00:00", "delivered", campaign="c"),
        *(deposit("05 13:00:00", amount, "r", currency=code) for code, amount in amounts.items()),
    )
    (row,) = rows(tenant, "statistic-conversions", f"campaignIds[]={number}{query}")
    assert numbers(row) == (str(len(amounts)), wanted, "1")


def test_every_message_of_a_campaign_is_in_the_same_currency(tenant: Any, rows: Any, put: Any) -> None:
    put(tenant, "c", goals=[goal()], messages=[{"id": "one"}, {"id": "two"}])
    tenant.send(
        at("05 12:00:00", "delivered", campaign="c", message="one", recipient="a"),
        at("05 12:00:00", "delivered", campaign="c", message="two", recipient="b"),
        deposit("05 13:00:00", "9", "a", currency="EUR"),
        deposit("05 13:00:00", "2", "b", currency="USD"),
    )
    for query in ("perPage=10", "perPage=1&page=1"):
        assert numbers(rows(tenant, "statistic-conversions", query)[0]) == ("1", "0.00", "1")
    assert numbers(rows(tenant, "statistic-conversions", "perPage=1&page=2")[0]) == ("1", "2.00", "1")


# ---- words ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "event", "wanted"),
    [
        ("delivered", "purchased", "Delivered"),
        ("opened", "purchased", "Opened"),
        ("clicked", "performed", "Clicked"),
        ("sent", "purchased", "Delivered"),
        ("impression", "purchased", "Delivered"),
        ("enrolled", "purchased", "Delivered"),
        ("opened", "converted", "Deposit Refcode"),
    ],
)
def test_conversion_events(after: Any, event: Any, wanted: str) -> None:
    assert conversion_event(Goal(event=event, after=after)) == wanted


@pytest.mark.parametrize(
    ("window_s", "wanted"),
    [
        (DAY, "1 day"),
        (3 * DAY, "3 days"),
        (365 * DAY, "365 days"),
        (12 * HOUR, "12 hours"),
        (36 * HOUR, "36 hours"),
        (HOUR, "1 hour"),
        (90 * 60, "90 minutes"),
        (60, "1 minute"),
        (61, "61 seconds"),
        (1, "1 second"),
    ],
)
def test_conversion_periods(window_s: int, wanted: str) -> None:
    assert conversion_period(window_s) == wanted
