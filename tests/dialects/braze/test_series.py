"""GET /campaigns/data_series over real events: the shapes seen live, and every number in them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from turnout.app import House
from turnout.dialects.braze import routes

D1, D2, D3 = "2026-10-05", "2026-10-06", "2026-10-07"
Sample = Callable[[str], dict[str, Any]]


def put(tenant: Any, name: str, **fields: Any) -> str:
    """Declare a campaign; its uuid."""
    answer = tenant.client.put(f"/v1/campaigns/{name}", json=fields)
    assert answer.status_code in (200, 201), answer.text
    found: str = answer.json()["uuid"]
    return found


def shape(value: Any) -> Any:
    """Keys in their order, and the types of the values."""
    if isinstance(value, dict):
        return [(key, shape(one)) for key, one in value.items()]
    if isinstance(value, list):
        return [shape(one) for one in value]
    return type(value).__name__


# ---- shapes -----------------------------------------------------------------------------------------


def test_a_day_without_a_test_is_as_seen_live(tenant: Any, ask: Any, sample: Sample) -> None:
    live = sample("live_email_day")["day"]
    (arm,) = live["messages"]["email"]
    one = put(tenant, "c", channels=["email", "sms"], messages=[{"id": arm["variation_api_id"], "channel": "email"}])
    (day,) = ask(tenant.client, one, 1, "2022-09-02")
    assert day == live
    assert shape(day) == shape(live)


def test_a_day_of_a_test_is_as_seen_live(tenant: Any, ask: Any, sample: Sample) -> None:
    live = sample("live_push_test_day")["day"]
    variations = [
        {"id": arm["variation_api_id"], "name": arm["variation_name"], "control": "enrolled" in arm}
        for arm in live["messages"]["ios_push"]
    ]
    one = put(tenant, "c", channels=["ios_push"], variations=variations)
    (day,) = ask(tenant.client, one, 1, "2022-09-02")
    assert day == live
    assert shape(day) == shape(live)


def test_every_channel_has_its_counters(tenant: Any, ask: Any, sample: Sample) -> None:
    wanted = sample("documented_counters")["counters"]
    block = list(sample("live_push_test_day")["day"]["messages"]["ios_push"][0])[7:]
    one = put(tenant, "c", channels=list(wanted))
    test = put(tenant, "t", channels=list(wanted), variations=[{"id": "a"}, {"id": "b"}])
    (day,) = ask(tenant.client, one, 1)
    assert list(day["messages"]) == list(wanted)
    for key, counters in wanted.items():
        (entry,) = day["messages"][key]
        # documented: an in-app message has the block with or without a test
        assert list(entry) == ["variation_api_id", *counters, *(block if key == "trigger_in_app_message" else [])]
        uuid.UUID(entry["variation_api_id"])
    (day,) = ask(tenant.client, test, 1)
    for key, counters in wanted.items():
        for entry in day["messages"][key]:
            assert list(entry) == ["variation_name", "variation_api_id", *counters, *block]


def test_every_day_is_there_and_ascends(tenant: Any, ask: Any) -> None:
    one = put(tenant, "c", channels=["email"])
    tenant.send({"type": "sent", "campaign": "c", "channel": "email", "recipient": "r", "time": f"{D2}T12:00:00Z"})
    days = ask(tenant.client, one, 100, "2026-10-08")
    assert len(days) == 100
    assert [day["time"] for day in days] == sorted({day["time"] for day in days})
    assert (days[0]["time"], days[-1]["time"]) == ("2026-06-30", D3)
    assert [day["time"] for day in days if day["messages"]["email"][0]["sent"]] == [D2]
    assert len({str(shape(day)) for day in days}) == 1


def test_a_campaign_seen_only_in_events(tenant: Any, ask: Any) -> None:
    tenant.send({"type": "sent", "campaign": "new", "channel": "whatsapp", "recipient": "r", "time": f"{D1}T12:00:00Z"})
    one = tenant.client.get("/v1/campaigns/new").json()["uuid"]
    day = ask(tenant.client, one)[0]
    assert [(key, entry["sent"]) for key, (entry,) in day["messages"].items()] == [("whats_app", 1)]


# ---- numbers ----------------------------------------------------------------------------------------

# (channel, fields of an event, the counters that one such event makes 1). Whatever is not named stays 0.
FEEDS: list[tuple[str, dict[str, Any], set[str]]] = [
    ("email", {"type": "sent"}, {"sent"}),
    ("email", {"type": "sent", "traffic": "bot"}, {"sent"}),
    ("email", {"type": "delivered"}, {"delivered"}),
    ("email", {"type": "opened"}, {"opens", "unique_opens"}),
    ("email", {"type": "opened", "traffic": "proxy"}, {"opens", "unique_opens"}),
    ("email", {"type": "opened", "traffic": "prefetch"}, {"opens", "unique_opens", "machine_open"}),
    ("email", {"type": "clicked"}, {"clicks", "unique_clicks"}),
    ("email", {"type": "clicked", "traffic": "proxy"}, {"clicks", "unique_clicks"}),
    ("email", {"type": "clicked", "traffic": "scanner"}, set()),
    ("email", {"type": "clicked", "traffic": "bot"}, set()),
    ("email", {"type": "bounced", "bounce": "hard"}, {"bounces"}),
    ("email", {"type": "bounced"}, {"bounces"}),
    ("email", {"type": "bounced", "bounce": "soft"}, set()),
    ("email", {"type": "rejected", "failure": "permanent"}, {"bounces"}),
    ("email", {"type": "rejected", "failure": "temporary"}, set()),
    ("email", {"type": "unsubscribed"}, {"unsubscribes"}),
    ("email", {"type": "unsubscribed", "traffic": "bot"}, {"unsubscribes"}),
    ("email", {"type": "complained"}, {"reported_spam"}),
    ("email", {"type": "queued"}, set()),
    ("email", {"type": "deferred"}, set()),
    ("email", {"type": "skipped"}, set()),
    ("ios_push", {"type": "sent"}, {"sent"}),
    ("ios_push", {"type": "opened", "open": "direct"}, {"direct_opens", "total_opens"}),
    ("ios_push", {"type": "opened", "open": "influenced"}, {"total_opens"}),
    ("android_push", {"type": "clicked", "target": "body"}, {"body_clicks"}),
    ("kindle_push", {"type": "bounced", "bounce": "hard"}, {"bounces"}),
    ("web_push", {"type": "clicked"}, set()),
    ("sms", {"type": "sent"}, {"sent"}),
    ("sms", {"type": "carrier_accepted"}, {"sent_to_carrier"}),
    ("sms", {"type": "delivered"}, {"delivered"}),
    ("sms", {"type": "rejected", "failure": "temporary"}, {"rejected"}),
    ("sms", {"type": "failed"}, {"delivery_failed"}),
    ("sms", {"type": "clicked"}, {"clicks"}),
    ("sms", {"type": "clicked", "traffic": "preview"}, set()),
    ("sms", {"type": "replied", "keyword": "stop"}, {"opt_out"}),
    ("sms", {"type": "replied", "keyword": "help"}, {"help"}),
    ("sms", {"type": "replied", "keyword": "yes"}, set()),
    ("whatsapp", {"type": "sent"}, {"sent"}),
    ("whatsapp", {"type": "delivered"}, {"delivered"}),
    ("whatsapp", {"type": "failed"}, {"failed"}),
    ("whatsapp", {"type": "opened"}, {"read"}),
    ("content_card", {"type": "sent"}, {"sent"}),
    ("content_card", {"type": "impression"}, {"total_impressions", "unique_impressions"}),
    ("content_card", {"type": "clicked"}, {"total_clicks", "unique_clicks"}),
    ("content_card", {"type": "dismissed"}, {"total_dismissals", "unique_dismissals"}),
    ("webhook", {"type": "sent"}, {"sent"}),
    ("webhook", {"type": "failed", "failure": "permanent"}, {"errors"}),
    ("in_app", {"type": "impression"}, {"impressions", "unique_recipients"}),
    ("in_app", {"type": "clicked", "target": "body"}, {"clicks"}),
    ("in_app", {"type": "clicked"}, {"clicks"}),
    ("in_app", {"type": "clicked", "target": "button_1"}, {"first_button_clicks"}),
    ("in_app", {"type": "clicked", "target": "button_2"}, {"second_button_clicks"}),
]


def test_which_event_feeds_which_counter(tenant: Any, ask: Any) -> None:
    """Each row of the table is a campaign of its own; all are sent at once."""
    tenant.send(
        *(
            {"campaign": f"c{index}", "channel": channel, "recipient": "r", "time": f"{D1}T12:00:00Z", **fields}
            for index, (channel, fields, _) in enumerate(FEEDS)
        )
    )
    campaigns = tenant.client.get("/v1/campaigns").json()["campaigns"]
    uuids = {one["id"]: one["uuid"] for one in campaigns}
    for index, (channel, fields, wanted) in enumerate(FEEDS):
        (day,) = ask(tenant.client, uuids[f"c{index}"], 1, D2)
        entries = [entry for entries in day["messages"].values() for entry in entries]
        fed = {key: value for entry in entries for key, value in entry.items() if isinstance(value, int) and value}
        assert fed == dict.fromkeys(wanted, 1), (channel, fields)


def test_uniques_are_of_the_day_and_do_not_add_up(tenant: Any, ask: Any) -> None:
    one = put(
        tenant, "c", channels=["email"], messages=[{"id": "m1", "channel": "email"}, {"id": "m2", "channel": "email"}]
    )
    common = {"campaign": "c", "channel": "email"}
    tenant.send(
        *(
            {"type": kind, "message": message, "recipient": who, "time": f"{day}T{hour:02}:00:00Z", **common}
            for kind, message, who, day, hour in [
                ("sent", "m1", "x", D1, 8), ("sent", "m1", "y", D1, 8), ("sent", "m2", "x", D1, 9),
                ("sent", "m1", "x", D2, 8),
                ("opened", "m1", "x", D1, 10), ("opened", "m1", "x", D1, 11), ("opened", "m1", "y", D1, 11),
                ("opened", "m1", "x", D2, 10), ("opened", "m2", "x", D2, 10),
                ("clicked", "m1", "x", D2, 10), ("clicked", "m1", "x", D2, 11),
            ]
        )
    )  # fmt: skip
    days = ask(tenant.client, one)
    assert [day["unique_recipients"] for day in days] == [2, 1, 0]
    keys = ("sent", "opens", "unique_opens", "clicks", "unique_clicks")
    rows = [[[entry[key] for key in keys] for entry in day["messages"]["email"]] for day in days]
    assert rows == [
        [[2, 3, 2, 0, 0], [1, 0, 0, 0, 0]],
        [[1, 1, 1, 2, 1], [0, 1, 1, 0, 0]],
        [[0, 0, 0, 0, 0], [0, 0, 0, 0, 0]],
    ]


def test_uniques_are_exact_where_events_write_the_channel_in_several_ways(tenant: Any, ask: Any) -> None:
    one = put(tenant, "c", channels=["email"])
    tenant.send(
        *(
            {"type": "opened", "campaign": "c", "channel": word, "recipient": who, "time": f"{D1}T{hour:02}:00:00Z"}
            for hour, (word, who) in enumerate(
                [("email", "x"), ("E-Mail", "x"), ("mail", "y"), ("", "y"), ("email", "z")]
            )
        )
    )
    entry = ask(tenant.client, one)[0]["messages"]["email"][0]
    assert (entry["opens"], entry["unique_opens"]) == (5, 3)


def test_a_test_with_a_control_group(tenant: Any, ask: Any) -> None:
    variations = [
        {"id": "a", "name": "Variant 1"},
        {"id": "b", "name": "Variant 2"},
        {"id": "z", "name": "Control Group", "control": True},
    ]
    one = put(tenant, "c", channels=["ios_push"], variations=variations)
    of = {"campaign": "c"}
    push = {**of, "channel": "ios_push"}
    tenant.send(
        {"type": "sent", "variation": "a", "recipient": "x", "time": f"{D1}T08:00:00Z", **push},
        {"type": "sent", "variation": "a", "recipient": "x", "time": f"{D1}T09:00:00Z", **push},
        {"type": "sent", "variation": "b", "recipient": "y", "time": f"{D1}T08:00:00Z", **push},
        {"type": "enrolled", "campaign": "c", "variation": "z", "recipient": "c1", "time": f"{D1}T08:00:00Z"},
        {"type": "enrolled", "campaign": "c", "recipient": "c2", "time": f"{D1}T08:00:00Z"},
        {"type": "opened", "variation": "b", "recipient": "y", "open": "direct", "time": f"{D1}T08:10:00Z", **push},
        # said elsewhere to be conversions: of x once and of the control group once, of y a second kind
        {"type": "converted", "variation": "a", "recipient": "x", "amount": "10.10", "time": f"{D2}T08:00:00Z", **of},
        {"type": "converted", "variation": "z", "recipient": "c1", "amount": 99, "time": f"{D2}T08:00:00Z", **of},
        {"type": "converted", "goal": 2, "recipient": "y", "amount": 7, "time": f"{D2}T08:00:00Z", **of},
        {
            "type": "converted", "variation": "a", "recipient": "x", "amount": 5, "currency": "EUR",
            "time": f"{D3}T08:00:00Z", **of,
        },
    )  # fmt: skip
    first, second, third = ask(tenant.client, one)
    names = ["Variant 1", "Variant 2", "Control Group"]
    assert [entry["variation_name"] for entry in first["messages"]["ios_push"]] == names

    def column(day: dict[str, Any], key: str) -> list[Any]:
        return [entry.get(key) for entry in day["messages"]["ios_push"]]

    assert column(first, "sent") == [2, 1, None]
    assert column(first, "direct_opens") == [0, 1, None]
    assert column(first, "enrolled") == [None, None, 2]
    assert column(first, "unique_recipients") == [1, 1, 2]
    assert column(first, "conversions") == [0, 0, 0]
    assert column(first, "conversions_by_send_time") == [2, 0, 1]
    assert column(first, "conversions2_by_send_time") == [0, 1, 0]
    assert column(second, "conversions") == [1, 0, 1]
    assert column(second, "conversions2") == [0, 1, 0]
    assert column(second, "conversions_by_send_time") == [0, 0, 0]
    assert column(second, "revenue") == [10.1, 0.0, 99.0]
    assert column(third, "conversions") == [1, 0, 0]
    assert column(third, "revenue") == [0.0, 0.0, 0.0]  # euros are no dollars
    # a day's totals leave the control group out
    assert (first["unique_recipients"], second["unique_recipients"]) == (2, 0)
    assert (first["conversions_by_send_time"], first["conversions2_by_send_time"]) == (2, 1)
    assert (second["conversions"], second["conversions2"], second["revenue"]) == (1, 1, 10.1)
    assert (third["conversions"], third["revenue"]) == (1, 0.0)


def test_goals_turn_what_recipients_did_into_conversions(tenant: Any, ask: Any) -> None:
    goals = [
        {"event": "purchased", "window_s": 86_400},
        {"event": "performed", "name": "signup", "window_s": 172_800, "after": "opened"},
    ]
    one = put(tenant, "c", channels=["email"], goals=goals)
    mail = {"campaign": "c", "channel": "email"}
    tenant.send(
        {"type": "sent", "recipient": "x", "time": f"{D1}T12:00:00Z", **mail},
        {"type": "sent", "recipient": "y", "time": f"{D1}T12:00:00Z", **mail},
        {"type": "opened", "recipient": "y", "time": f"{D2}T12:00:00Z", **mail},
        # before the mail; then an order, told twice; then another, which is money but no second conversion
        {"type": "purchased", "recipient": "x", "amount": 4, "time": f"{D1}T11:00:00Z"},
        {"type": "purchased", "recipient": "x", "amount": "2.50", "order": "o", "time": f"{D1}T13:00:00Z"},
        {"type": "purchased", "recipient": "x", "amount": "2.50", "order": "o", "time": f"{D1}T14:00:00Z"},
        {"type": "purchased", "recipient": "x", "amount": "1.25", "order": "p", "time": f"{D2}T11:00:00Z"},
        {"type": "purchased", "recipient": "y", "amount": 50, "time": f"{D2}T12:00:01Z"},  # a second late
        {"type": "purchased", "recipient": "nobody", "amount": 50, "time": f"{D1}T13:00:00Z"},
        {"type": "performed", "name": "signup", "recipient": "x", "time": f"{D2}T13:00:00Z"},  # never opened
        {"type": "performed", "name": "other", "recipient": "y", "time": f"{D2}T13:00:00Z"},
        {"type": "performed", "name": "signup", "recipient": "y", "time": f"{D3}T13:00:00Z"},
    )  # fmt: skip
    days = ask(tenant.client, one)
    assert [day["conversions"] for day in days] == [1, 0, 0]
    assert [day["conversions_by_send_time"] for day in days] == [1, 0, 0]
    assert [day["conversions1"] for day in days] == [0, 0, 1]
    # the day on which it was sent, not the one on which it was opened
    assert [day["conversions1_by_send_time"] for day in days] == [1, 0, 0]
    assert [day["revenue"] for day in days] == [2.5, 1.25, 0.0]


def test_total_opens_are_also_those_that_a_push_led_to(tenant: Any, ask: Any) -> None:
    one = put(tenant, "c", channels=["ios_push", "email"])
    push = {"campaign": "c", "channel": "ios_push"}
    tenant.send(
        *({"type": "sent", "recipient": who, "time": f"{D1}T12:00:00Z", **push} for who in "wxyz"),
        {"type": "opened", "open": "direct", "recipient": "w", "time": f"{D1}T12:10:00Z", **push},
        {"type": "app_opened", "recipient": "w", "time": f"{D1}T12:10:00Z"},  # by the push: once
        {"type": "app_opened", "recipient": "x", "time": f"{D1}T14:59:00Z"},  # by itself, within three hours
        {"type": "app_opened", "recipient": "x", "time": f"{D1}T14:59:30Z"},
        {"type": "app_opened", "recipient": "y", "time": f"{D1}T15:00:01Z"},
        {"type": "opened", "open": "influenced", "recipient": "z", "time": f"{D2}T01:00:00Z", **push},
        {"type": "app_opened", "recipient": "nobody", "time": f"{D1}T12:10:00Z"},
    )
    days = [day["messages"]["ios_push"][0] for day in ask(tenant.client, one)]
    assert [(day["direct_opens"], day["total_opens"]) for day in days] == [(1, 2), (0, 1), (0, 0)]


def test_what_the_control_group_does_is_its_own_however_it_was_written(tenant: Any, ask: Any) -> None:
    variations = [{"id": "a", "name": "Variant 1"}, {"id": "z", "name": "Control Group", "control": True}]
    goals = [{"event": "purchased", "window_s": 86_400}]
    one = put(tenant, "c", channels=["email"], variations=variations, goals=goals)
    tenant.send(
        {
            "type": "sent", "campaign": "c", "channel": "email", "variation": "a", "recipient": "x",
            "time": f"{D1}T08:00:00Z",
        },
        {"type": "enrolled", "campaign": "c", "recipient": "y", "time": f"{D1}T08:00:00Z"},
        *({"type": "purchased", "recipient": who, "amount": 2, "time": f"{D1}T09:00:00Z"} for who in "xy"),
    )  # fmt: skip
    day = ask(tenant.client, one)[0]
    entries = [(one["conversions"], one["revenue"]) for one in day["messages"]["email"]]
    assert entries == [(1, 2.0), (1, 2.0)]
    assert (day["conversions"], day["conversions_by_send_time"], day["revenue"]) == (1, 1, 2.0)


def test_days_are_those_of_the_workspace(make_tenant: Any, ask: Any) -> None:
    kolkata = make_tenant(timezone="Asia/Kolkata")
    one = put(kolkata, "c", channels=["email"])
    kolkata.send(
        *(
            {"type": "sent", "campaign": "c", "channel": "email", "recipient": time, "time": time}
            for time in ("2026-10-05T18:29:59Z", "2026-10-05T18:30:00Z", "2026-10-06T18:29:59Z", "2026-10-06T18:30:00Z")
        ),
        {"type": "converted", "campaign": "c", "recipient": "2026-10-05T18:29:59Z", "time": "2026-10-05T18:30:00Z"},
    )
    days = ask(kolkata.client, one)
    assert [day["time"] for day in days] == [D1, D2, D3]
    assert [day["messages"]["email"][0]["sent"] for day in days] == [1, 2, 1]
    assert [day["unique_recipients"] for day in days] == [1, 2, 1]
    assert [day["conversions"] for day in days] == [0, 1, 0]
    assert [day["conversions_by_send_time"] for day in days] == [1, 0, 0]


def test_a_day_of_25_hours(make_tenant: Any, ask: Any) -> None:
    york = make_tenant(timezone="America/New_York")
    one = put(york, "c", channels=["email"])
    york.send(
        *(
            {"type": "sent", "campaign": "c", "channel": "email", "recipient": time, "time": time}
            for time in ("2026-11-01T03:59:59Z", "2026-11-01T04:00:00Z", "2026-11-02T04:59:59Z", "2026-11-02T05:00:00Z")
        )
    )
    days = ask(york.client, one, 3, "2026-11-03")
    assert [(day["time"], day["messages"]["email"][0]["sent"]) for day in days] == [
        ("2026-10-31", 1), ("2026-11-01", 2), ("2026-11-02", 1),
    ]  # fmt: skip


def test_recipients_of_a_day_where_some_channels_are_viewed(tenant: Any, ask: Any) -> None:
    one = put(tenant, "c", channels=["email", "in_app"])
    tenant.send(
        {"type": "sent", "campaign": "c", "channel": "email", "recipient": "x", "time": f"{D1}T08:00:00Z"},
        {"type": "impression", "campaign": "c", "channel": "in_app", "recipient": "x", "time": f"{D1}T09:00:00Z"},
        {"type": "impression", "campaign": "c", "channel": "in_app", "recipient": "y", "time": f"{D1}T09:00:00Z"},
    )
    assert ask(tenant.client, one)[0]["unique_recipients"] == 2


# ---- what is kept -----------------------------------------------------------------------------------


def test_an_answer_is_kept_until_something_changes(
    tenant: Any, ask: Any, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = put(tenant, "c", channels=["email"])
    event = {"type": "sent", "campaign": "c", "channel": "email", "time": f"{D1}T08:00:00Z"}
    asked = []
    real = routes.series
    monkeypatch.setattr(routes, "series", lambda *arguments: asked.append(1) or real(*arguments))

    def sent() -> int:
        found: int = ask(tenant.client, one)[0]["messages"]["email"][0]["sent"]
        return found

    assert (sent(), sent(), len(asked)) == (0, 0, 1)
    tenant.send({**event, "recipient": "x"})
    assert (sent(), sent(), len(asked)) == (1, 1, 2)
    tenant.send({**event, "recipient": "x"})  # a duplicate changes nothing
    assert (sent(), len(asked)) in ((1, 2), (1, 3))
    put(tenant, "c", uuid=one, channels=["email"], variations=[{"id": "a", "name": "A"}, {"id": "b", "name": "B"}])
    names = [entry["variation_name"] for entry in ask(tenant.client, one)[0]["messages"]["email"]]
    assert names == ["A", "B", ""]
    tenant.client.patch("/v1/workspaces", json={"timezone": "Pacific/Auckland"}).raise_for_status()
    assert sent() == 0  # it is the evening of that day there now, in the entry of the events without a variation
    assert [day["messages"]["email"][2]["sent"] for day in ask(tenant.client, one)] == [1, 0, 0]
