"""What is counted: every group against plain Python over the events that were sent."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from tests.dialects.emailconsul.conftest import LINK_DAYS, LINKS, PERIOD, PIXEL_DAYS, PIXELS

Get = Callable[..., dict[str, Any]]
Event = dict[str, Any]

#: The documented fields of each group.
FIELDS = {
    "campaign_id": ["campaign_id"],
    "subscriber_id": ["subscriber_id"],
    "device": ["device"],
    "country": ["country"],
    "ip": ["ip"],
    "browser": ["browser"],
    "custom_link_title": ["custom_link_title"],
    "params": ["params_name", "params_value"],
}

#: What an event calls the field.
NAMES = {"campaign_id": "campaign", "subscriber_id": "recipient", "custom_link_title": "link_title"}


def some_events(seed: int, kind: str = "clicked", count: int = 150) -> list[Event]:
    """Events of three days with every field now and then left out."""
    chance = random.Random(seed)
    found = []
    for number in range(count):
        moment = f"2026-10-{chance.choice(('05', '06', '09'))}T{chance.randrange(24):02}:{chance.randrange(60):02}:00Z"
        event: Event = {"type": kind, "id": f"{kind}{number}", "time": moment}
        event["campaign"] = chance.choice(["spring-2025", "summer_2025", "c.3"])
        values: dict[str, list[Any]] = {
            "recipient": ["ann@x.org", "bob+n@x.org", "u.3", "u-4", ""],
            "device": ["Mobile", "Desktop", ""],
            "country": ["DE", "US", "BR", ""],
            "ip": ["192.0.2.1", "2001:db8::1", ""],
            "browser": ["Chrome 120", "Safari 17.1", ""],
            "profile": ["brand", "other", ""],
        }
        if kind == "clicked":
            values["link_title"] = ["Buy now", "Größe wählen", ""]
            values["params"] = [
                {"utm_source": "news", "utm_term": "a b"}, {"utm_source": "news"}, {"utm_source": ""}, {"n": 1}, None,
            ]  # fmt: skip
        event.update((name, chance.choice(choices)) for name, choices in values.items())
        found.append({name: value for name, value in event.items() if value not in ("", None)})
    return found


def keys_of(event: Event, group: str) -> Iterator[tuple[str, ...]]:
    """The rows that an event adds to."""
    if group == "params":
        yield from ((name, str(value)) for name, value in event.get("params", {}).items())
    else:
        yield (event.get(NAMES.get(group, group), ""),)


def expected(events: list[Event], group: str) -> list[dict[str, Any]]:
    """The rows, the largest count first, equal ones by their values."""
    counts = Counter(key for event in events for key in keys_of(event, group))
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return [{**dict(zip(FIELDS[group], key, strict=True)), "count": number} for key, number in ordered]


def expected_days(events: list[Event], group: str) -> list[dict[str, Any]]:
    """The rows, by date, then by their values."""
    counts = Counter((event["time"][:10], *key) for event in events for key in keys_of(event, group))
    names = ["date", *FIELDS[group]]
    return [{**dict(zip(names, key, strict=True)), "count": number} for key, number in sorted(counts.items())]


# ---- shapes -----------------------------------------------------------------------------------------


def test_every_group(tenant: Any, get: Get) -> None:
    events = some_events(1)
    tenant.send(*events)
    for group, fields in FIELDS.items():
        body = get(LINKS, group=group)
        assert list(body) == ["data", "meta"]
        assert list(body["meta"]) == ["count", "offset", "limit"]
        for row in body["data"]:
            assert list(row) == [*fields, "count"]
            assert [type(value) for value in row.values()] == [*(str for _ in fields), int]
        wanted = expected(events, group)
        assert len(wanted) > 2
        assert body == {"data": wanted, "meta": {"count": len(wanted), "offset": 0, "limit": 50}}


def test_every_group_by_day(tenant: Any, get: Get) -> None:
    events = some_events(2)
    tenant.send(*events)
    for group, fields in FIELDS.items():
        body = get(LINK_DAYS, group=group)
        assert list(body) == ["data"]
        for row in body["data"]:
            assert list(row) == ["date", *fields, "count"]
            assert type(row["count"]) is int
        assert body["data"] == expected_days(events, group)


def test_the_examples(tenant: Any, get: Get) -> None:
    """ours: the bodies of the notes, number for number."""
    clicks = [("spring-2025", 120), ("summer_2025", 40)]
    tenant.send(
        *(
            {
                "type": "clicked", "campaign": campaign, "id": f"{campaign}{number}", "time": "2026-10-05T10:00:00Z",
                "params": {"utm_source": "newsletter"} if number < 17 and campaign == "spring-2025" else {},
            }
            for campaign, count in clicks
            for number in range(count)
        )
    )  # fmt: skip
    assert get(LINKS, group="campaign_id") == {
        "data": [{"campaign_id": "spring-2025", "count": 120}, {"campaign_id": "summer_2025", "count": 40}],
        "meta": {"count": 2, "offset": 0, "limit": 50},
    }
    assert get(LINKS, group="params") == {
        "data": [{"params_name": "utm_source", "params_value": "newsletter", "count": 17}],
        "meta": {"count": 1, "offset": 0, "limit": 50},
    }
    assert get(LINKS) == {"data": [{"count": 160}], "meta": {"count": 1, "offset": 0, "limit": 50}}
    assert get(LINK_DAYS) == {"data": [{"date": "2026-10-05", "count": 160}]}


def test_the_bytes(client: Any, click: Any) -> None:
    click(link_title='Größe"\\\u2028')
    answer = client.get(LINKS, params={**PERIOD, "group": "custom_link_title"})
    wanted = '{"data":[{"custom_link_title":"Größe\\"\\\\\u2028","count":1}],"meta":{"count":1,"offset":0,"limit":50}}'
    assert answer.content == wanted.encode()


def test_nothing_to_count(get: Get) -> None:
    assert get(LINKS) == {"data": [{"count": 0}], "meta": {"count": 1, "offset": 0, "limit": 50}}
    assert get(LINKS, period_from="1990-01-01", period_to="1991-01-01")["data"] == [{"count": 0}]
    assert get(LINKS, group="ip") == {"data": [], "meta": {"count": 0, "offset": 0, "limit": 50}}
    assert get(LINKS, group="ip", period_from="1990-01-01", period_to="1991-01-01")["meta"]["count"] == 0
    assert get(LINK_DAYS) == {"data": []}
    assert get(PIXELS) == {"data": [{"count": 0}], "meta": {"count": 1, "offset": 0, "limit": 50}}
    assert get(PIXEL_DAYS) == {"data": []}


def test_the_same_under_the_other_path(tenant: Any, get: Get) -> None:
    tenant.send(*some_events(3, count=20), *some_events(3, "opened", count=20))
    for path in (LINKS, LINK_DAYS, PIXELS, PIXEL_DAYS):
        body = get(path, group="campaign_id")
        assert len(body["data"]) > 2
        assert get(f"/api/v1.0{path}", group="campaign_id") == body


# ---- pages and orders -------------------------------------------------------------------------------


def test_pages_are_the_whole_and_never_overlap(tenant: Any, get: Get) -> None:
    people = [f"u{number:03}" for number in range(103)]
    tenant.send(
        *(
            {
                "type": "clicked", "campaign": "c", "recipient": name, "id": f"{name}{time}",
                "time": "2026-10-05T10:00:00Z",
            }
            for index, name in enumerate(people)
            for time in range(1 + index % 3)
        )
    )  # fmt: skip
    wanted = sorted(
        ({"subscriber_id": name, "count": 1 + index % 3} for index, name in enumerate(people)),
        key=lambda row: (-int(str(row["count"])), row["subscriber_id"]),
    )
    found: list[dict[str, Any]] = []
    while True:
        body = get(LINKS, group="subscriber_id", offset=str(len(found)), limit="10")
        assert body["meta"] == {"count": 103, "offset": len(found), "limit": 10}
        assert [type(value) for value in body["meta"].values()] == [int, int, int]
        if not body["data"]:
            break
        found += body["data"]
    assert found == wanted
    # past the end, far past it, no rows at all, and more than there may be
    for query, meta in (
        ({"offset": "103"}, {"count": 103, "offset": 103, "limit": 50}),
        ({"offset": "2147483648"}, {"count": 103, "offset": 2147483648, "limit": 50}),
        ({"limit": "0"}, {"count": 103, "offset": 0, "limit": 0}),
    ):
        assert get(LINKS, group="subscriber_id", **query) == {"data": [], "meta": meta}
    body = get(LINKS, group="subscriber_id", limit="999999999")
    assert body == {"data": wanted, "meta": {"count": 103, "offset": 0, "limit": 100_000}}
    assert get(LINKS, offset="1") == {"data": [], "meta": {"count": 1, "offset": 1, "limit": 50}}
    assert get(LINKS, limit="0") == {"data": [], "meta": {"count": 1, "offset": 0, "limit": 0}}


def test_orders(tenant: Any, get: Get) -> None:
    events = some_events(4)
    tenant.send(*events)

    def ordered(group: str, sort: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = get(LINKS, group=group, sort=sort)["data"]
        return found

    for group, fields in FIELDS.items():
        rows = expected(events, group)
        by_values = sorted(rows, key=lambda row, fields=fields: [row[name] for name in fields])
        assert ordered(group, "-count") == rows
        assert ordered(group, "count") == sorted(by_values, key=lambda row: row["count"])
        assert ordered(group, group) == by_values
        assert ordered(group, f"-{group}") == by_values[::-1]
        for name in fields:
            upwards = sorted(by_values, key=lambda row, name=name: row[name])
            assert ordered(group, name) == upwards
            downwards = sorted(by_values, key=lambda row, name=name: row[name], reverse=True)
            assert ordered(group, f"-{name}") == downwards


def test_more_groups_than_a_page_or_a_question_holds(tenant: Any, get: Get) -> None:
    events = [
        {
            "type": "clicked", "campaign": "c", "recipient": f"user{number:06}", "id": f"many{number}",
            "time": "2026-10-05T10:00:00Z",
        }
        for number in range(100_001)
    ]  # fmt: skip
    tenant.send(*events)
    body = get(LINKS, group="subscriber_id", offset="100000", limit="5")
    assert body == {
        "data": [{"subscriber_id": "user100000", "count": 1}],
        "meta": {"count": 100_001, "offset": 100_000, "limit": 5},
    }
    body = get(LINKS, group="subscriber_id", limit="200000")
    assert body["meta"] == {"count": 100_001, "offset": 0, "limit": 100_000}
    assert [row["subscriber_id"] for row in body["data"]] == [f"user{number:06}" for number in range(100_000)]
    # a series has no pages: rather than a part of it there is none
    answer = tenant.client.get(LINK_DAYS, params={**PERIOD, "group": "subscriber_id"})
    assert answer.status_code == 400
    assert answer.json() == {
        "message": "Bad Request",
        "details": "there are more than 100000 rows: ask for a shorter period",
    }
    assert get(LINK_DAYS)["data"] == [{"date": "2026-10-05", "count": 100_001}]


# ---- filters and bounds -----------------------------------------------------------------------------


def test_filters(tenant: Any, get: Get) -> None:
    names = {**NAMES, "profile_id": "profile"}
    events, opens = some_events(5), some_events(5, "opened")
    tenant.send(*events, *opens)

    def left(found: list[Event], query: dict[str, str]) -> list[Event]:
        return [event for event in found if all(event.get(names[name]) == value for name, value in query.items())]

    for query in (
        {"campaign_id": "spring-2025"},
        {"subscriber_id": "bob+n@x.org"},
        {"profile_id": "brand"},
        {"campaign_id": "summer_2025", "subscriber_id": "u.3", "profile_id": "other"},
    ):
        clicks = left(events, query)
        assert 0 < len(clicks) < len(events)
        assert get(LINKS, **query)["data"] == [{"count": len(clicks)}]
        for group in FIELDS:
            assert get(LINKS, group=group, **query)["data"] == expected(clicks, group)
            assert get(LINK_DAYS, group=group, **query)["data"] == expected_days(clicks, group)
        seen = left(opens, {name: value for name, value in query.items() if name != "profile_id"})  # pixels have none
        for group in ("campaign_id", "subscriber_id"):
            assert get(PIXELS, group=group, **query)["data"] == expected(seen, group)
            assert get(PIXEL_DAYS, group=group, **query)["data"] == expected_days(seen, group)


def test_filters_that_match_nothing(tenant: Any, get: Get) -> None:
    tenant.send(*some_events(6, count=10))
    for query in ({"campaign_id": "nothing"}, {"subscriber_id": "no@x.org"}, {"profile_id": "p' OR 1=1 --"}):
        assert get(LINKS, **query)["data"] == [{"count": 0}]
        assert get(LINKS, group="ip", **query) == {"data": [], "meta": {"count": 0, "offset": 0, "limit": 50}}
    # an empty parameter is none, and unknown ones aren't looked at
    assert get(LINKS, campaign_id="", subscriber_id="", profile_id="", group="", sort="", nonsense="1")["data"] == [
        {"count": 10}
    ]


def test_an_unencoded_plus_sign_of_an_address(tenant: Any, get: Get, client: Any) -> None:
    events = some_events(7)
    tenant.send(*events)
    wanted = sum(event.get("recipient") == "bob+n@x.org" for event in events)
    query = "&".join(f"{name}={value}" for name, value in PERIOD.items())
    body = client.get(f"{LINKS}?{query}&subscriber_id=bob+n@x.org").json()
    assert body["data"] == [{"count": wanted}]


def test_both_ends_are_in_the_period(click: Any, get: Get) -> None:
    for time in ("09:59:59.999", "10:00:00.000", "10:00:00.001", "10:59:59.999", "11:00:00.000", "11:00:00.001"):
        click(time=f"2026-10-05T{time}Z")

    def count(starts: str, ends: str) -> int:
        body = get(LINKS, period_from=f"2026-10-05T{starts}", period_to=f"2026-10-05T{ends}")
        return int(body["data"][0]["count"])

    assert count("10:00:00.000Z", "11:00:00.000Z") == 4
    assert count("10:00:00.001Z", "10:59:59.999Z") == 2
    assert count("10:00:00.0001Z", "11:00:00.0009Z") == 3
    assert count("11:00:00.000Z", "11:00:00.000Z") == 1
    assert count("12:00:00.000+02:00", "11:00:00") == 4
    # a connector that cuts a range into pieces which end just before the next counts every click once
    assert count("09:00:00.000000Z", "09:59:59.999999Z") + count("10:00:00.000000Z", "11:59:59.999999Z") == 6


def test_a_date_alone_is_its_whole_day(click: Any, get: Get) -> None:
    for time in (
        "2026-10-04T23:59:59.999Z",
        "2026-10-05T00:00:00Z",
        "2026-10-06T23:59:59.999Z",
        "2026-10-07T00:00:00Z",
    ):
        click(time=time)
    assert get(LINKS, period_from="2026-10-05", period_to="2026-10-06")["data"] == [{"count": 2}]
    assert get(LINK_DAYS, period_from="2026-10-05", period_to="2026-10-06")["data"] == [
        {"date": "2026-10-05", "count": 1},
        {"date": "2026-10-06", "count": 1},
    ]


def test_days_are_utc_whatever_the_workspace_s_zone(make_tenant: Any, connect: Any) -> None:
    tenant = make_tenant(timezone="Asia/Kolkata")
    tenant.send({"type": "clicked", "campaign": "c", "time": "2026-10-05T23:00:00Z"})
    body = connect(tenant).get(LINK_DAYS, params=PERIOD).json()
    assert body["data"] == [{"date": "2026-10-05", "count": 1}]


# ---- what counts ------------------------------------------------------------------------------------


def test_people_and_their_proxies_count(tenant: Any, get: Get) -> None:
    classes = ["human", "proxy", "prefetch", "preview", "scanner", "bot"]
    for kind in ("clicked", "opened"):
        tenant.send(
            *(
                {"type": kind, "campaign": name, "id": f"{kind}{name}", "traffic": name, "time": "2026-10-05T10:00:00Z"}
                for name in classes
            )
        )  # fmt: skip
    for path in (LINKS, PIXELS):
        rows = get(path, group="campaign_id")["data"]
        assert rows == [{"campaign_id": "human", "count": 1}, {"campaign_id": "proxy", "count": 1}]
        assert get(path)["data"] == [{"count": 2}]


def test_clicks_are_rows_not_people_and_a_repeated_event_is_one(tenant: Any, get: Get) -> None:
    event = {"type": "clicked", "campaign": "c", "recipient": "a", "time": "2026-10-05T10:00:00Z"}
    tenant.send(event, {**event, "time": "2026-10-05T10:00:01Z"}, {**event, "target": "button_1"}, event)
    tenant.send(event)
    for other in ("sent", "delivered", "opened", "converted"):
        tenant.send({**event, "type": other})
    assert get(LINKS)["data"] == [{"count": 3}]
    assert get(PIXELS)["data"] == [{"count": 1}]


def test_a_click_is_in_a_row_for_each_of_its_parameters(click: Any, get: Get) -> None:
    click(params={"a": "1", "b": "1", "c": ["x", 2], "d": True, "e": None})
    click(params={"a": "1", "b": "2"})
    click()
    rows = get(LINKS, group="params")
    found = {(row["params_name"], row["params_value"]): row["count"] for row in rows["data"]}
    assert found == {
        ("a", "1"): 2, ("b", "1"): 1, ("b", "2"): 1, ("c", '["x",2]'): 1, ("d", "true"): 1, ("e", "null"): 1,
    }  # fmt: skip
    assert rows["meta"]["count"] == 6


def test_new_events_are_in_the_next_answer(tenant: Any, get: Get, click: Any) -> None:
    for number in range(3):
        for path in (LINKS, LINK_DAYS):
            assert sum(row["count"] for row in get(path)["data"]) == number
            assert sum(row["count"] for row in get(path)["data"]) == number
        click()


def test_another_workspace_s_clicks_are_not_counted(make_tenant: Any, connect: Any) -> None:
    mine, theirs = make_tenant(), make_tenant()
    theirs.send(*some_events(8), *some_events(8, "opened"))
    query = {**PERIOD, "group": "campaign_id", "campaign_id": "spring-2025"}
    for path in (LINKS, LINK_DAYS, PIXELS, PIXEL_DAYS):
        assert connect(mine).get(path, params=query).json()["data"] == []
        assert connect(theirs).get(path, params=query).json()["data"]
