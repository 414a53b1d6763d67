"""GET /rest/campaign/statistics over real events: the documented row, and every number in it."""

from __future__ import annotations

from typing import Any

import pytest

DAY = "2026-10-05"
COUNTERS = (
    "skipped", "sent", "delivered", "opened", "clicked", "bounced", "softBounced", "complaint", "rejected",
    "unsubscribed", "failed", "temporaryFailed",
)  # fmt: skip


def people(count: int, **fields: Any) -> list[dict[str, Any]]:
    """One such event of each of the first `count` people."""
    return [{"time": "2025-03-17T10:05:00Z", **fields, "recipient": f"p{at}"} for at in range(count)]


def event(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, "campaign": "c", "recipient": "r", "time": f"{DAY}T12:00:00Z", **fields}


def numbers(row: dict[str, Any]) -> dict[str, int]:
    """The counters that are not 0."""
    return {key: row[key] for key in COUNTERS if row[key]}


# ---- the documented row -----------------------------------------------------------------------------


def test_the_documented_row_comes_out_of_events(tenant: Any, rows: Any, put: Any, sample: Any) -> None:
    documented = sample("documented_statistics")
    put(
        tenant, "spring", number=111, title="Spring", type="Promo", started_at="2025-03-17T10:04:21Z",
        messages=[{"id": "m1", "title": documented["message_title"], "channel": "email"}],
    )  # fmt: skip
    of = {"campaign": "spring", "message": "m1", "channel": "email"}
    tenant.send(
        *people(5, type="skipped", **of),
        *people(12500, type="sent", **of),
        *people(12340, type="delivered", **of),
        *people(5870, type="opened", **of),
        *people(900, type="opened", time="2025-03-18T09:00:00Z", **of),  # again
        *people(1422, type="clicked", **of),
        *people(73, type="bounced", bounce="soft", **of),
        *people(87, type="bounced", bounce="hard", **of),
        *people(4, type="complained", **of),
        *people(12, type="rejected", **of),
        *people(27, type="unsubscribed", **of),
        *people(85, type="failed", failure="permanent", **of),
        *people(13, type="failed", failure="temporary", **of),
    )
    (row,) = rows(tenant, "statistics", "campaignIds[]=111")
    assert row == documented
    assert list(row) == list(documented)
    assert [type(value) for value in row.values()] == [type(value) for value in documented.values()]


def test_the_bytes_are_json_without_escapes(tenant: Any, get: Any, put: Any) -> None:
    put(
        tenant,
        "c",
        number=7,
        title="Ünï — ✓ </script>",
        type="Email",
        messages=[{"id": "m"}],
        started_at=f"{DAY}T00:00:00Z",
    )
    assert get(tenant, "statistics").text == (
        '[{"campaign_id":7,"message_title":"Ünï — ✓ </script>","type":"Email",'
        '"campaign_start_at":"2026-10-05 00:00:00+00",'
        '"skipped":0,"sent":0,"delivered":0,"opened":0,"clicked":0,"bounced":0,"softBounced":0,"complaint":0,'
        '"rejected":0,"unsubscribed":0,"failed":0,"temporaryFailed":0}]'
    )


# ---- numbers ----------------------------------------------------------------------------------------

# (channel, fields of an event, what one such event counts). Whatever is not named stays 0.
FEEDS: list[tuple[str, dict[str, Any], set[str]]] = [
    ("email", {"type": "skipped"}, {"skipped"}),
    ("email", {"type": "sent"}, {"sent"}),
    ("email", {"type": "sent", "traffic": "bot"}, {"sent"}),
    ("email", {"type": "delivered"}, {"delivered"}),
    ("email", {"type": "opened"}, {"opened"}),
    ("email", {"type": "opened", "traffic": "proxy"}, {"opened"}),
    ("email", {"type": "opened", "traffic": "prefetch"}, set()),
    ("email", {"type": "opened", "traffic": "bot"}, set()),
    ("push", {"type": "opened", "open": "direct"}, {"opened"}),
    ("ios_push", {"type": "opened"}, {"opened"}),
    ("sms", {"type": "opened"}, set()),
    ("whatsapp", {"type": "opened"}, set()),
    ("carrier_pigeon", {"type": "opened"}, set()),
    ("", {"type": "opened"}, {"opened"}),
    ("email", {"type": "clicked"}, {"clicked"}),
    ("sms", {"type": "clicked", "target": "link"}, {"clicked"}),
    ("email", {"type": "clicked", "traffic": "scanner"}, set()),
    ("email", {"type": "bounced", "bounce": "hard"}, {"bounced"}),
    ("email", {"type": "bounced", "bounce": "soft"}, {"bounced", "softBounced"}),
    ("email", {"type": "bounced"}, {"bounced"}),
    ("email", {"type": "complained"}, {"complaint"}),
    ("email", {"type": "complained", "traffic": "bot"}, {"complaint"}),
    ("email", {"type": "rejected"}, {"rejected"}),
    ("email", {"type": "rejected", "failure": "temporary"}, {"rejected"}),
    ("email", {"type": "unsubscribed"}, {"unsubscribed"}),
    ("email", {"type": "unsubscribed", "traffic": "scanner"}, {"unsubscribed"}),
    ("sms", {"type": "failed", "failure": "permanent"}, {"failed"}),
    ("sms", {"type": "failed"}, {"failed"}),
    ("sms", {"type": "failed", "failure": "temporary"}, {"temporaryFailed"}),
    ("email", {"type": "queued"}, set()),
    ("email", {"type": "deferred"}, set()),
    ("sms", {"type": "carrier_accepted"}, set()),
    ("card", {"type": "impression"}, set()),
    ("sms", {"type": "replied", "keyword": "stop"}, set()),
]


def test_every_event_feeds_its_counters(tenant: Any, rows: Any) -> None:
    names = [f"{at:02} {channel} {fields}" for at, (channel, fields, _) in enumerate(FEEDS)]
    tenant.send(
        *(
            {**event("", **fields), "campaign": name, "channel": channel}
            for name, (channel, fields, _) in zip(names, FEEDS, strict=True)
        )
    )
    wanted = {name: dict.fromkeys(counted, 1) for name, (_, _, counted) in zip(names, FEEDS, strict=True)}
    found = {row["message_title"]: numbers(row) for row in rows(tenant, "statistics", "perPage=100")}
    assert found == wanted


def test_opens_clicks_and_goodbyes_are_people_and_the_rest_events(tenant: Any, rows: Any) -> None:
    kinds = ("sent", "delivered", "opened", "clicked", "complained", "unsubscribed", "bounced", "skipped")
    tenant.send(
        *(
            event(kind, channel="email", recipient=who, time=f"{DAY}T12:00:0{at}Z")
            for kind in kinds
            for at, who in enumerate(("a", "b", "a", "a"))
        )
    )
    (row,) = rows(tenant, "statistics")
    assert numbers(row) == {
        "skipped": 4, "sent": 4, "delivered": 4, "opened": 2, "clicked": 2, "bounced": 4, "complaint": 4,
        "unsubscribed": 2,
    }  # fmt: skip


def test_a_person_counts_in_each_message(tenant: Any, rows: Any) -> None:
    tenant.send(*(event("opened", channel="email", message=message) for message in ("a", "b", "")))
    assert [numbers(row) for row in rows(tenant, "statistics")] == [{"opened": 1}] * 3


# ---- which rows -------------------------------------------------------------------------------------


def test_rows_are_messages_in_their_order(tenant: Any, rows: Any, put: Any) -> None:
    messages = [{"id": "z", "title": "First", "channel": "email"}, {"id": "a", "title": "Second", "channel": "sms"}]
    put(tenant, "c", number=5, title="Campaign", messages=messages, channels=["email", "sms"], type="Promo")
    tenant.send(
        event("sent", message="a"),
        event("sent", message="new", channel="push"),
        event("sent"),
        event("sent", message="z"),
        event("delivered", message="z"),
    )
    found = rows(tenant, "statistics")
    assert [(row["message_title"], row["type"]) for row in found] == [
        ("First", "Email"),
        ("Second", "SMS"),
        ("new", "Push"),  # untitled, and not the only one
        ("Campaign", "Promo"),  # names no message; of the campaign's three channels we don't know which
    ]
    assert [row["campaign_id"] for row in found] == [5] * 4
    assert numbers(found[0]) == {"sent": 1, "delivered": 1}


def test_an_untitled_message_that_is_the_only_one_is_called_like_its_campaign(tenant: Any, rows: Any, put: Any) -> None:
    put(tenant, "c", title="Campaign")
    tenant.send(event("sent", message="m", channel="email"))
    (row,) = rows(tenant, "statistics")
    assert (row["message_title"], row["type"]) == ("Campaign", "Email")


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({}, ""),
        ({"channels": ["email"]}, "Email"),
        ({"channels": ["email"], "type": "Newsletter"}, "Email"),
        ({"channels": ["ios_push", "android_push"]}, "Push"),
        ({"channels": ["sms", "email"]}, "SMS"),
        ({"channels": ["sms", "email"], "type": "e-mail"}, "Email"),
        ({"type": "Email"}, "Email"),
        ({"type": "web push"}, "Push"),
        ({"type": "Newsletter"}, "Newsletter"),
        ({"channels": ["whats_app"]}, "WhatsApp"),
        ({"channels": ["in-app"]}, "In-App"),
        ({"channels": ["content_card"]}, "Content Card"),
        ({"channels": ["viber"]}, "Viber"),
        ({"channels": ["line"]}, "LINE"),
    ],
)
def test_channels_are_written_as_the_vendor_does(
    tenant: Any, rows: Any, put: Any, fields: dict[str, Any], wanted: str
) -> None:
    put(tenant, "c", messages=[{"id": "m"}], started_at=f"{DAY}T00:00:00Z", **fields)
    (row,) = rows(tenant, "statistics")
    assert row["type"] == wanted


def test_what_has_not_begun_or_has_no_message_is_not_there(tenant: Any, rows: Any, put: Any) -> None:
    put(tenant, "planned", messages=[{"id": "m"}], scheduled_at=f"{DAY}T00:00:00Z")
    put(tenant, "begun", title="Begun", messages=[{"id": "m"}], started_at=f"{DAY}T00:00:00Z")
    put(tenant, "empty", started_at=f"{DAY}T00:00:00Z")
    tenant.send(
        event("watched", campaign="show", duration_s=10, channel="live"),
        event("enrolled", campaign="held", variation="ctl"),
        event("purchased", campaign="shop", amount=5),
    )
    found = rows(tenant, "statistics")
    assert [(row["message_title"], numbers(row)) for row in found] == [("Begun", {})]


def test_the_latest_start_is_first(tenant: Any, rows: Any, put: Any) -> None:
    for name, number, hour in (("a", 3, 10), ("b", 9, 12), ("c", 4, 12), ("d", 1, 11)):
        put(tenant, name, number=number, messages=[{"id": "m"}], started_at=f"{DAY}T{hour}:00:00Z")
    put(tenant, "e", number=2)
    tenant.send(event("opened", campaign="e", time=f"{DAY}T11:30:00.750Z"), event("sent", campaign="e"))
    assert [(row["campaign_id"], row["campaign_start_at"]) for row in rows(tenant, "statistics")] == [
        (9, "2026-10-05 12:00:00+00"),
        (4, "2026-10-05 12:00:00+00"),
        (2, "2026-10-05 11:30:00+00"),  # its first event
        (1, "2026-10-05 11:00:00+00"),
        (3, "2026-10-05 10:00:00+00"),
    ]


# ---- filters ----------------------------------------------------------------------------------------


@pytest.fixture
def four(tenant: Any, put: Any) -> Any:
    """Campaigns 1 to 4, each a day after the other, all at 10:00:00.5 UTC."""
    for number in (1, 2, 3, 4):
        started = f"2026-10-0{number}T12:00:00.5+02:00"
        put(tenant, f"c{number}", number=number, messages=[{"id": "m"}], started_at=started)
    return tenant


STARTS = {
    "startFrom=2026-10-02%2010:00:00": [4, 3, 2],
    "startFrom=2026-10-02+10:00:00": [4, 3, 2],
    "startFrom=2026-10-02%2010%3A00%3A01": [4, 3],
    "startTo=2026-10-02%2010:00:00": [2, 1],
    "startTo=2026-10-02%2009:59:59": [1],
    "startFrom=2026-10-02%2000:00:00&startTo=2026-10-03%2023:59:59": [3, 2],
    "startFrom=2026-10-02&startTo=2026-10-03": [3, 2],
    "startFrom=2026-10-02T12:00:00%2B02:00&startTo=2026-10-02T12:00:00+02:00": [2],
    "startFrom=2026-10-03%2000:00:00&startTo=2026-10-02%2000:00:00": [],
    "startFrom=0001-01-01%2000:00:00&startTo=9999-12-30%2023:59:59": [4, 3, 2, 1],
    "startFrom=9000-01-01%2000:00:00": [],
    "startFrom=&startTo=": [4, 3, 2, 1],
    "startFrom=2026-10-01&startFrom=2026-10-04": [4],
    "campaignIds[]=1&campaignIds[]=3": [3, 1],
    "campaignIds%5B%5D=1&campaignIds%5b%5d=3": [3, 1],
    "campaignIds[0]=1&campaignIds[1]=3": [3, 1],
    "campaignIds%5B7%5D=4": [4],
    "campaignIds=2": [2],
    "campaignIds[]=2&campaignIds[]=2": [2],
    "campaignIds[]=2&campaignIds[]=99": [2],
    "campaignIds[]=99": [],
    "campaignIds[]=999999999999999999": [],
    "campaignIds[]=-1": [],
    "campaignIds[]=0": [],
    "campaignIds[]=": [4, 3, 2, 1],
    "campaignIds[]=1&campaignIds[]=3&startFrom=2026-10-02": [3],
    "unknown=1&fields=sent&startFrom[]=2026": [4, 3, 2, 1],
}


def test_filters_by_start_and_campaign(four: Any, rows: Any) -> None:
    assert {query: [row["campaign_id"] for row in rows(four, "statistics", query)] for query in STARTS} == STARTS
