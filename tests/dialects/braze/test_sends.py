"""GET /sends/data_series: the series of a campaign, of one of its sends alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

D1, D2 = "2026-10-05", "2026-10-06"
Sample = Callable[[str], dict[str, Any]]


def put(tenant: Any, name: str = "c", **fields: Any) -> str:
    answer = tenant.client.put(f"/v1/campaigns/{name}", json=fields)
    assert answer.status_code in (200, 201), answer.text
    found: str = answer.json()["uuid"]
    return found


def days(tenant: Any, one: str, send_id: str, length: int = 2, ending_at: str = "2026-10-07") -> list[dict[str, Any]]:
    query = {"campaign_id": one, "send_id": send_id, "length": str(length), "ending_at": ending_at}
    answer = tenant.client.get("/sends/data_series", params=query)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert list(body) == ["message", "data"]
    assert body["message"] == "success"
    found: list[dict[str, Any]] = body["data"]
    return found


def test_a_day_has_the_documented_keys(tenant: Any, sample: Sample) -> None:
    one = put(tenant, channels=["ios_push"], messages=[{"id": "m", "title": "Hello", "channel": "ios_push"}])
    day, _ = days(tenant, one, "s")
    (entry,) = day["messages"]["ios_push"]
    # documented, but for the identifier, which clients insist on in other series
    assert [key for key in entry if key != "variation_api_id"] == sample("documented_canvas")["send"]
    assert (list(entry)[1], entry["variation_name"]) == ("variation_api_id", "Hello")
    whole = tenant.client.get("/campaigns/data_series", params={"campaign_id": one, "length": "1"}).json()["data"][0]
    assert list(day) == list(whole)


def test_channels_have_the_counters_of_a_send_once(tenant: Any) -> None:
    one = put(tenant, channels=["email", "sms", "whatsapp", "webhook", "in_app"])
    messages = days(tenant, one, "s")[0]["messages"]
    first = {key: list(entries[0])[2:6] for key, entries in messages.items()}
    assert first == {
        "webhook": ["sent", "delivered", "undelivered", "delivery_failed"],
        "email": ["sent", "undelivered", "delivery_failed", "opens"],
        "sms": ["sent", "undelivered", "sent_to_carrier", "delivered"],
        "whats_app": ["sent", "undelivered", "delivery_failed", "delivered"],
        "trigger_in_app_message": ["impressions", "clicks", "first_button_clicks", "second_button_clicks"],
    }
    assert all(len(entries[0]) == len(set(entries[0])) for entries in messages.values())


def test_only_events_of_the_send_count(tenant: Any) -> None:
    goals = [{"event": "purchased", "window_s": 2 * 86_400}]
    one = put(tenant, channels=["ios_push"], goals=goals)
    push = {"campaign": "c", "channel": "ios_push"}
    first, second = {"send_id": "s1", **push}, {"send_id": "s2", **push}
    tenant.send(
        *({"type": "sent", "recipient": who, "time": f"{D1}T08:00:00Z", **first} for who in "xyz"),
        {"type": "delivered", "recipient": "x", "time": f"{D1}T08:01:00Z", **first},
        {"type": "bounced", "recipient": "y", "time": f"{D1}T08:01:00Z", **first},
        {"type": "failed", "recipient": "z", "time": f"{D1}T08:01:00Z", **first},
        {"type": "sent", "recipient": "x", "time": f"{D2}T08:00:00Z", **second},
        {"type": "opened", "open": "direct", "recipient": "x", "time": f"{D2}T08:01:00Z", **second},
        {"type": "opened", "open": "direct", "recipient": "x", "time": f"{D2}T08:02:00Z", **push},  # of no send
        # to the latest send that the person got
        {"type": "purchased", "recipient": "y", "amount": 2, "time": f"{D2}T07:00:00Z"},
        {"type": "purchased", "recipient": "x", "amount": 5, "time": f"{D2}T09:00:00Z"},
    )
    names = (
        "sent", "delivered", "undelivered", "delivery_failed", "direct_opens", "total_opens", "unique_recipients",
        "conversions", "conversions_by_send_time", "revenue",
    )  # fmt: skip

    def rows(send_id: str) -> list[list[Any]]:
        found = days(tenant, one, send_id)
        return [[day["messages"]["ios_push"][0][name] for name in names] for day in found]

    assert rows("s1") == [[3, 1, 1, 1, 0, 0, 3, 0, 1, 0.0], [0, 0, 0, 0, 0, 0, 0, 1, 0, 2.0]]
    assert rows("s2") == [[0] * 9 + [0.0], [1, 0, 0, 0, 1, 1, 1, 1, 1, 5.0]]
    assert rows("never") == [[0] * 9 + [0.0]] * 2
    totals = [(day["unique_recipients"], day["conversions"], day["revenue"]) for day in days(tenant, one, "s1")]
    assert totals == [(3, 0, 0.0), (0, 1, 2.0)]


def test_a_control_group_has_nothing_more(tenant: Any) -> None:
    one = put(tenant, channels=["email"], variations=[{"id": "a"}, {"id": "z", "control": True}])
    _, control = days(tenant, one, "s")[0]["messages"]["email"]
    assert list(control)[:4] == ["variation_name", "variation_api_id", "enrolled", "revenue"]


REFUSED: list[tuple[dict[str, str | None], str]] = [
    ({"send_id": None}, "send_id must be a string of the send api identifier"),
    ({"send_id": ""}, "send_id must be a string of the send api identifier"),
    ({"send_id": "a\0b"}, "send_id must be a string of the send api identifier"),
    ({"send_id": "s" * 5000}, "send_id must be a string of the send api identifier"),
    ({"campaign_id": "c"}, "campaign_id must be a string of the campaign api identifier"),
    ({"length": None}, "length must be between 1 and 100"),
    ({"length": "101"}, "length must be between 1 and 100"),
    ({"ending_at": "soon"}, "ending_at must be an ISO 8601 datetime"),
]


def test_what_is_refused(tenant: Any) -> None:
    good = {"campaign_id": put(tenant), "send_id": "s", "length": "7"}
    for changes, message in REFUSED:
        query = {name: value for name, value in {**good, **changes}.items() if value is not None}
        answer = tenant.client.get("/sends/data_series", params=query)
        assert (answer.status_code, answer.json()) == (400, {"message": message}), changes
