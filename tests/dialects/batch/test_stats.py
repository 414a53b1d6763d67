"""GET campaigns/stats/{token}: the documented bodies, days, who counts, versions."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

TOKEN = "d9d5e5a52ca08110d4893af3254ec21b"

# documented: the body of a campaign
PLAIN = (
    '{"campaign_token":"d9d5e5a52ca08110d4893af3254ec21b","detail":[{"date":"2015-11-20","sent":754,"sent_optins":521,'
    '"direct_open":102,"influenced_open":98,"reengaged":12,"errors":0}]}'
)
# documented: the body of an A/B test
TEST = (
    '{"campaign_token":"aae13559e0493c0b350c547533f5b28f","detail":[{"date":"2016-03-29","sent":972,"direct_open":98,'
    '"influenced_open":75,"reengaged":36,"errors":0,"versions":{"a":{"sent":486,"sent_optins":459,"direct_open":67,'
    '"influenced_open":46,"reengaged":24},"b":{"sent":486,"sent_optins":451,"direct_open":31,"influenced_open":29,'
    '"reengaged":12}}}]}'
)


def put(tenant: Any, campaign: str = "c", **fields: Any) -> str:
    answer = tenant.client.put(f"/v1/campaigns/{campaign}", json=fields)
    assert answer.is_success, answer.text
    token: str = answer.json()["token"]
    return token


def detail(client: Any, token: str) -> list[dict[str, Any]]:
    answer = client.get(f"/campaigns/stats/{token}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert list(body) == ["campaign_token", "detail"]
    assert body["campaign_token"] == token
    found: list[dict[str, Any]] = body["detail"]
    return found


# ---- the documented bodies --------------------------------------------------------------------------


def test_the_documented_campaign(client: Any, tenant: Any, push: Any) -> None:
    put(tenant, token=TOKEN)
    events = push("c", "2015-11-20T10:00:00Z", "r", sent=754, optins=521, direct=102, influenced=98, reengaged=12)
    tenant.send(*events)
    assert client.get(f"/campaigns/stats/{TOKEN}").text == PLAIN


@pytest.mark.parametrize(
    "variations",
    [
        [{"id": "a"}, {"id": "b"}],
        [{"id": "red", "name": "B"}, {"id": "control", "control": True}, {"id": "blue", "name": "A"}],
    ],
)
def test_the_documented_test(client: Any, tenant: Any, push: Any, variations: list[dict[str, Any]]) -> None:
    token = "aae13559e0493c0b350c547533f5b28f"
    put(tenant, token=token, variations=variations)
    a = next(one["id"] for one in variations if "a" in (one["id"], one.get("name", "").lower()))
    b = next(one["id"] for one in variations if "b" in (one["id"], one.get("name", "").lower()))
    at = "2016-03-29T10:00:00Z"
    tenant.send(
        *push("c", at, "a", sent=486, optins=459, direct=67, influenced=46, reengaged=24, variation=a),
        *push("c", at, "b", sent=486, optins=451, direct=31, influenced=29, reengaged=12, variation=b),
    )
    assert client.get(f"/campaigns/stats/{token}").text == TEST


def test_nothing_was_sent_yet(client: Any, tenant: Any) -> None:
    assert detail(client, put(tenant)) == []
    assert detail(client, put(tenant, "t", variations=[{"id": "a"}, {"id": "b"}])) == []


# ---- days -------------------------------------------------------------------------------------------


def test_days_are_utc_ascending_and_only_those_with_a_counter(client_of: Any, make_tenant: Any, push: Any) -> None:
    tenant = make_tenant(timezone="Pacific/Auckland")
    token = put(tenant)
    tenant.send(
        *push("c", "2026-10-09T23:59:59Z", "late", sent=3),
        *push("c", "2026-10-05T00:00:00Z", "early", sent=2, errors=1),
        {"type": "delivered", "campaign": "c", "recipient": "x", "time": "2026-10-07T10:00:00Z"},
        {"type": "bounced", "campaign": "c", "recipient": "y", "time": "2026-10-10T10:00:00Z"},
    )
    found = detail(client_of(tenant), token)
    assert [(day["date"], day["sent"], day["errors"]) for day in found] == [
        ("2026-10-05", 2, 1),
        ("2026-10-09", 3, 0),
        ("2026-10-10", 0, 1),
    ]


def test_what_a_push_led_to_is_of_the_day_of_the_push(client: Any, tenant: Any) -> None:
    token = put(tenant)
    of_push = {"campaign": "c", "recipient": "ann"}
    tenant.send(
        {"type": "sent", "time": "2026-10-05T23:30:00Z", **of_push},
        {"type": "opened", "time": "2026-10-07T08:00:00Z", **of_push},
        {"type": "sent", "time": "2026-10-06T10:00:00Z", "campaign": "c", "recipient": "bob"},
        {"type": "bounced", "time": "2026-10-08T10:00:00Z", "campaign": "c", "recipient": "bob"},
        {"type": "sent", "time": "2026-10-06T23:00:00Z", "campaign": "c", "recipient": "cy"},
        {"type": "app_opened", "time": "2026-10-07T01:00:00Z", "recipient": "cy"},
        # never sent to: of its own day
        {"type": "opened", "time": "2026-10-09T10:00:00Z", "campaign": "c", "recipient": "dan"},
    )
    rows = [tuple(day.values()) for day in detail(client, token)]
    assert rows == [
        ("2026-10-05", 1, 0, 1, 0, 0, 0),
        ("2026-10-06", 2, 0, 0, 1, 1, 1),
        ("2026-10-09", 0, 0, 1, 0, 0, 0),
    ]


# ---- who counts -------------------------------------------------------------------------------------


def test_people_count_once_a_day_and_robots_never(client: Any, tenant: Any) -> None:
    token = put(tenant)
    sends = [
        {"type": "sent", "campaign": "c", "recipient": name, "time": "2026-10-05T10:00:00Z", "opted_in": name != "ann"}
        for name in ("ann", "bob", "cy", "dan")
    ]
    opens = [
        {"type": "opened", "campaign": "c", "recipient": name, "time": f"2026-10-05T1{hour}:00:00Z", "traffic": traffic}
        for name, hour, traffic in (
            ("ann", 1, "human"),
            ("ann", 2, "human"),
            ("bob", 1, "proxy"),
            ("cy", 1, "prefetch"),
            ("dan", 1, "bot"),
        )
    ]
    tenant.send(*sends, *opens)
    (day,) = detail(client, token)
    assert (day["sent"], day["sent_optins"], day["direct_open"]) == (4, 3, 2)


def test_an_open_that_says_it_was_influenced(client: Any, tenant: Any) -> None:
    token = put(tenant)
    of_push = {"campaign": "c", "recipient": "ann"}
    tenant.send(
        {"type": "sent", "time": "2026-10-05T10:00:00Z", **of_push},
        {"type": "opened", "open": "influenced", "time": "2026-10-05T10:30:00Z", **of_push},
    )
    (day,) = detail(client, token)
    assert (day["direct_open"], day["influenced_open"]) == (0, 1)


def test_influence_ends_after_three_hours(client: Any, tenant: Any) -> None:
    token = put(tenant)
    for name, moment in (("ann", "12:59:59"), ("bob", "13:00:01")):
        tenant.send(
            {"type": "sent", "time": "2026-10-05T10:00:00Z", "campaign": "c", "recipient": name},
            {"type": "app_opened", "time": f"2026-10-05T{moment}Z", "recipient": name},
        )
    (day,) = detail(client, token)
    assert (day["sent"], day["influenced_open"]) == (2, 1)


@pytest.mark.parametrize("kind", ["bounced", "rejected", "failed"])
def test_whatever_was_not_taken_is_an_error(client: Any, tenant: Any, kind: str) -> None:
    token = put(tenant)
    tenant.send(
        *({"type": kind, "campaign": "c", "recipient": name, "time": "2026-10-05T10:00:00Z"} for name in ("ann", "bob"))
    )
    (day,) = detail(client, token)
    assert day == {
        "date": "2026-10-05", "sent": 0, "sent_optins": 0, "direct_open": 0, "influenced_open": 0, "reengaged": 0,
        "errors": 2,
    }  # fmt: skip


def test_every_number_is_an_integer(client: Any, tenant: Any, push: Any) -> None:
    token = put(tenant)
    tenant.send(*push("c", "2026-10-05T10:00:00Z", "r", sent=3, optins=2, direct=1))
    (day,) = detail(client, token)
    assert all(type(value) is int for key, value in day.items() if key != "date")


# ---- versions ---------------------------------------------------------------------------------------


def test_a_version_without_numbers_is_there_all_the_same(client: Any, tenant: Any, push: Any) -> None:
    token = put(tenant, variations=[{"id": "one"}, {"id": "two"}])
    tenant.send(*push("c", "2026-10-05T10:00:00Z", "r", sent=3, optins=1, variation="two"))
    (day,) = detail(client, token)
    assert list(day) == ["date", "sent", "direct_open", "influenced_open", "reengaged", "errors", "versions"]
    nothing = {"sent": 0, "sent_optins": 0, "direct_open": 0, "influenced_open": 0, "reengaged": 0}
    assert day["versions"] == {"a": nothing, "b": {**nothing, "sent": 3, "sent_optins": 1}}
    assert list(day["versions"]) == ["a", "b"]


def test_one_variation_beside_a_control_group_is_no_test(client: Any, tenant: Any, push: Any) -> None:
    token = put(tenant, variations=[{"id": "one"}, {"id": "held", "control": True}])
    tenant.send(*push("c", "2026-10-05T10:00:00Z", "r", sent=3, variation="one"))
    (day,) = detail(client, token)
    assert "versions" not in day
    assert "sent_optins" in day


def test_variations_that_only_events_name(client: Any, tenant: Any, push: Any) -> None:
    tenant.send(
        *push("c", "2026-10-05T10:00:00Z", "r", sent=3, variation="x"),
        *push("c", "2026-10-06T10:00:00Z", "s", sent=1, variation="y"),
        *push("c", "2026-10-06T10:00:00Z", "t", sent=5),
    )
    token = tenant.client.get("/v1/campaigns/c").json()["token"]
    found = detail(client, token)
    assert [(day["sent"], *(one["sent"] for one in day["versions"].values())) for day in found] == [
        (3, 3, 0),
        (6, 0, 1),
    ]


def test_three_versions(client: Any, tenant: Any, push: Any) -> None:
    token = put(tenant, variations=[{"id": "x"}, {"id": "y"}, {"id": "z"}])
    for count, arm in enumerate("xyz", start=1):
        tenant.send(*push("c", "2026-10-05T10:00:00Z", arm, sent=count, variation=arm))
    (day,) = detail(client, token)
    assert {letter: one["sent"] for letter, one in day["versions"].items()} == {"a": 1, "b": 2, "c": 3}
    assert day["sent"] == 6


# ---- addressing, keeping ----------------------------------------------------------------------------


def test_a_token_in_capitals_or_escaped_is_the_same(client: Any, tenant: Any, push: Any) -> None:
    put(tenant, token=TOKEN)
    tenant.send(*push("c", "2026-10-05T10:00:00Z", "r", sent=3))
    expected = client.get(f"/campaigns/stats/{TOKEN}").json()
    assert expected["detail"][0]["sent"] == 3
    for written in (TOKEN.upper(), "".join(f"%{ord(letter):02x}" for letter in TOKEN)):
        assert client.get(f"/campaigns/stats/{written}").json() == expected
    capitals = TOKEN.upper().replace("D", "E")
    put(tenant, "set in capitals", token=capitals)
    assert client.get(f"/campaigns/stats/{capitals.lower()}").json() == {"campaign_token": capitals, "detail": []}


def test_another_workspace_s_campaign_is_unknown(client_of: Any, make_tenant: Any, push: Any) -> None:
    mine, theirs = make_tenant(), make_tenant()
    token = put(theirs)
    theirs.send(*push("c", "2026-10-05T10:00:00Z", "r", sent=3))
    assert client_of(theirs).get(f"/campaigns/stats/{token}").json()["detail"][0]["sent"] == 3
    answer = client_of(mine).get(f"/campaigns/stats/{token}")
    assert (answer.status_code, answer.json()["code"]) == (404, 20)
    # the same token in both workspaces: each sees its own
    put(mine, token=token)
    mine.send(*push("c", "2026-10-05T10:00:00Z", "r", sent=1))
    assert client_of(mine).get(f"/campaigns/stats/{token}").json()["detail"][0]["sent"] == 1


def test_a_kept_answer_is_never_stale(client: Any, tenant: Any, push: Any) -> None:
    token = put(tenant)
    for day in range(1, 4):
        tenant.send(*push("c", f"2026-10-0{day}T10:00:00Z", f"r{day}-", sent=day))
        for _ in range(2):
            assert [row["sent"] for row in detail(client, token)] == list(range(1, day + 1))
    changed = tenant.client.get("/v1/campaigns/c").json() | {"variations": [{"id": "x"}, {"id": "y"}]}
    fields = {key: changed[key] for key in ("token", "variations")}
    put(tenant, **fields)
    assert all("versions" in row for row in detail(client, token))
    other = uuid.uuid4().hex
    put(tenant, token=other)
    assert client.get(f"/campaigns/stats/{token}").status_code == 404
    assert json.loads(client.get(f"/campaigns/stats/{other}").text)["campaign_token"] == other
