"""Campaigns: made, changed, told of, listed, deleted."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Any

import pytest

from turnout.app import House

# documented, but for the token and its date
DETAILS = (
    '{"campaign_token":"TOKEN","from_api":true,"dev_only":false,"created_date":"CREATED","name":"Test campaign",'
    '"live":true,"push_time":"2017-07-05T13:32:30","gcm_collapse_key":"default","targeting":{"segments":["NEW",'
    '"ENGAGED","ONE_TIME"]},"messages":[{"language":"en","title":"Hello!","body":"How\'s it going?"}]}'
)
PAYLOAD = {
    "name": "Test campaign",
    "live": True,
    "push_time": "2017-07-05T13:32:30",
    "gcm_collapse_key": "default",
    "targeting": {"segments": ["NEW", "ENGAGED", "ONE_TIME"]},
    "messages": [{"language": "en", "title": "Hello!", "body": "How's it going?"}],
}
MINIMAL = {"name": "minimal", "live": False, "push_time": "now", "messages": [{"language": "fr", "body": "Salut !"}]}


def create(client: Any, **changes: Any) -> str:
    answer = client.post("/campaigns/create", {**PAYLOAD, **changes})
    assert answer.status_code == 201, answer.text
    assert list(answer.json()) == ["campaign_token"]
    token: str = answer.json()["campaign_token"]
    assert re.fullmatch("[0-9a-f]{32}", token)
    return token


def details(client: Any, token: str) -> dict[str, Any]:
    answer = client.get(f"/campaigns/{token}")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def listed(client: Any, **query: str) -> list[str]:
    answer = client.get("/campaigns/list", **query)
    assert answer.status_code == 200, answer.text
    assert isinstance(answer.json(), list)
    return [one["name"] for one in answer.json()]


def refused(answer: Any, code: int, word: str = "") -> None:
    assert answer.status_code == 400, answer.text
    assert answer.json()["code"] == code
    assert word in answer.json()["message"]


# ---- create and details -----------------------------------------------------------------------------


def test_a_campaign_comes_back_as_it_was_made(client: Any, tenant: Any, house: House) -> None:
    token = create(client)
    made = house.services.catalog.find(tenant.workspace.id, "token", token)
    assert made is not None
    created = made.created_at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S")
    answer = client.get(f"/campaigns/{token}")
    assert answer.text == DETAILS.replace("TOKEN", token).replace("CREATED", created)
    # and it is a campaign like any other
    own = tenant.client.get(f"/v1/campaigns/{token}").json()
    assert (own["title"], own["draft"], own["channels"]) == ("Test campaign", False, ["push"])
    assert dt.datetime.fromisoformat(own["scheduled_at"]) == dt.datetime(2017, 7, 5, 13, 32, 30, tzinfo=dt.UTC)


def test_its_token_is_what_events_call_it(client: Any, tenant: Any, push: Any) -> None:
    token = create(client)
    assert client.get(f"/campaigns/stats/{token}").json() == {"campaign_token": token, "detail": []}
    tenant.send(*push(token, "2026-10-05T10:00:00Z", "r", sent=3))
    assert client.get(f"/campaigns/stats/{token}").json()["detail"][0]["sent"] == 3
    assert details(client, token)["messages"] == PAYLOAD["messages"]


def test_pushed_now(client: Any) -> None:
    before = dt.datetime.now(dt.UTC).replace(microsecond=0, tzinfo=None)
    answer = client.post("/campaigns/create", MINIMAL)
    found = details(client, answer.json()["campaign_token"])
    assert before <= dt.datetime.fromisoformat(found["push_time"]) <= dt.datetime.now(dt.UTC).replace(tzinfo=None)
    assert list(found) == [
        "campaign_token", "from_api", "dev_only", "created_date", "name", "live", "push_time", "messages"
    ]  # fmt: skip
    assert (found["live"], found["messages"]) == (False, MINIMAL["messages"])


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("2026-10-05T10:00:00", "2026-10-05T10:00:00"),
        ("2026-10-05T10:00:00Z", "2026-10-05T10:00:00"),
        ("2026-10-05t10:00:00.250z", "2026-10-05T10:00:00"),
        ("2026-10-05T10:00:00+02:00", "2026-10-05T08:00:00"),
        ("2026-10-05 10:00:00", "2026-10-05T10:00:00"),
        ("2000-01-01T00:00:00", "2000-01-01T00:00:00"),
        ("2099-12-31T23:59:59", "2099-12-31T23:59:59"),
    ],
)
def test_push_times(client: Any, sent: str, shown: str) -> None:
    assert details(client, create(client, push_time=sent))["push_time"] == shown


def test_a_local_push_time(client: Any) -> None:
    payload = {key: value for key, value in PAYLOAD.items() if key != "push_time"}
    answer = client.post("/campaigns/create", {**payload, "local_push_time": "2026-10-05T10:00:00"})
    found = details(client, answer.json()["campaign_token"])
    assert found["local_push_time"] == "2026-10-05T10:00:00"
    assert "push_time" not in found
    (entry,) = client.get("/campaigns/list").json()
    assert list(entry)[-1] == "local_push_time"


def test_other_keys_are_kept_as_they_are(client: Any) -> None:
    more = {
        "labels": ["a", "b"],
        "custom_payload": '{"x": 1}',
        "media": {"picture": "https://example.com/ü.png", "deep": [1, 2.5, None, {"e": "🎉"}]},
        "dev_only": True,
        "campaign_token": "mine",
        "created_date": "never",
    }
    found = details(client, create(client, **more))
    assert {key: found[key] for key in ("labels", "custom_payload", "media")} == {
        key: more[key] for key in ("labels", "custom_payload", "media")
    }
    assert found["campaign_token"] != "mine"
    assert found["dev_only"] is False
    keys = list(found)
    assert keys[:8] == [*("campaign_token", "from_api", "dev_only", "created_date"), *list(PAYLOAD)[:4]]
    assert keys[-2:] == ["targeting", "messages"]


@pytest.mark.parametrize(
    ("changes", "code", "word"),
    [
        ({"name": None}, 30, "name"),
        ({"live": None}, 30, "live"),
        ({"push_time": None}, 30, "push_time"),
        ({"messages": None}, 30, "messages"),
        ({"messages": [{"title": "no body"}]}, 30, "messages.body"),
        ({"name": ""}, 31, "name"),
        ({"name": " "}, 31, "name"),
        ({"name": 7}, 31, "name"),
        ({"name": "x" * 2049}, 31, "name"),
        ({"live": "true"}, 31, "live"),
        ({"live": 1}, 31, "live"),
        ({"push_time": "soon"}, 31, "push_time"),
        ({"push_time": 1760000000}, 31, "push_time"),
        ({"push_time": "2026-02-30T10:00:00"}, 31, "push_time"),
        ({"push_time": "2026-10-05T24:00:01"}, 31, "push_time"),
        ({"push_time": "2026-10-05T10:00:00+99:99"}, 31, "push_time"),
        ({"push_time": "1999-12-31T23:59:59"}, 31, "push_time"),
        ({"push_time": "9999-12-31T23:59:59-14:00"}, 31, "push_time"),
        ({"push_time": "0001-01-01T00:00:00+14:00"}, 31, "push_time"),
        ({"local_push_time": "2026-10-05T10:00:00"}, 31, "local_push_time"),
        ({"push_time": None, "local_push_time": "now"}, 31, "local_push_time"),
        ({"messages": []}, 31, "messages"),
        ({"messages": {}}, 31, "messages"),
        ({"messages": ["Hello"]}, 31, "messages"),
        ({"messages": [{"body": 1}]}, 31, "messages.body"),
        ({"messages": [{"body": "x", "title": []}]}, 31, "messages.title"),
        ({"messages": [{"body": "x"}] * 1001}, 31, "messages"),
        ({"targeting": "all"}, 31, "targeting"),
    ],
)
def test_what_is_refused(client: Any, changes: dict[str, Any], code: int, word: str) -> None:
    payload = {key: value for key, value in {**PAYLOAD, **changes}.items() if value is not None}
    refused(client.post("/campaigns/create", payload), code, f"'{word}'")
    assert listed(client) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nothing",
        b"null",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b'{"name": "\xff"}',
        b'{"name": "\\ud800"}',
        b'{"name": "\\u0000"}',
        b'{"name": "a\0"}',
        b'{"x": 1e999}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"\x1f\x8b\x08\x00",
    ],
)
def test_bodies_that_are_no_object(client: Any, body: bytes) -> None:
    token = create(client)
    refused(client.post("/campaigns/create", content=body), 32)
    refused(client.post(f"/campaigns/update/{token}", content=body), 32)


def test_a_number_that_can_t_be_written_again(client: Any) -> None:
    body = json.dumps(PAYLOAD)[:-1].encode() + b', "x": 123456789012345678901234567890}'
    answer = client.post("/campaigns/create", content=body)
    assert answer.status_code == 400 or details(client, answer.json()["campaign_token"])["x"]


def test_a_body_that_is_too_large(client: Any) -> None:
    refused(client.post("/campaigns/create", {**PAYLOAD, "x": "x" * (1 << 20)}), 31)


# ---- update -----------------------------------------------------------------------------------------


def test_an_update_changes_what_it_has(client: Any, tenant: Any, push: Any) -> None:
    token = create(client, labels=["a"])
    tenant.send(*push(token, "2026-10-05T10:00:00Z", "r", sent=3, message="m", variation="v"))
    before = details(client, token)
    answer = client.post(f"/campaigns/update/{token}", {"live": False})
    assert (answer.status_code, answer.json()) == (200, {"campaign_token": token})
    assert details(client, token) == {**before, "live": False}
    changes = {
        "name": "Another", "live": True, "push_time": "2026-10-05T10:00:00", "messages": [{"body": "Bye"}],
        "targeting": {}, "priority": "high",
    }  # fmt: skip
    client.post(f"/campaigns/update/{token}", changes)
    assert details(client, token) == {**before, **changes}
    assert client.post(f"/campaigns/update/{token}", {}).status_code == 200
    assert details(client, token) == {**before, **changes}
    # what events said of it has stayed
    own = tenant.client.get(f"/v1/campaigns/{token}").json()
    assert [one["id"] for one in own["messages"]] == ["m"]
    assert [one["id"] for one in own["variations"]] == ["v"]


def test_an_update_may_change_the_kind_of_push_time(client: Any) -> None:
    token = create(client)
    client.post(f"/campaigns/update/{token}", {"local_push_time": "2026-10-05T10:00:00"})
    found = details(client, token)
    assert (found["local_push_time"], "push_time" in found) == ("2026-10-05T10:00:00", False)
    client.post(f"/campaigns/update/{token}", {"push_time": "2026-10-06T10:00:00"})
    found = details(client, token)
    assert (found["push_time"], "local_push_time" in found) == ("2026-10-06T10:00:00", False)


def test_an_update_keeps_all_that_this_api_does_not_know(client: Any, tenant: Any) -> None:
    fields = {
        "title": "Spring", "description": "about", "type": "Push", "tags": ["t"], "draft": True, "archived": True,
        "scheduled_at": "2026-03-17T10:00:00Z", "started_at": "2026-03-17T10:04:21Z",
        "ended_at": "2026-03-18T00:00:00Z",
        "uuid": "3bbc4555-8fa0-4c9b-a5c0-4505edf3e064", "key": "1234fef8e8e3", "number": 111, "channels": ["push"],
        "messages": [{"id": "m1", "title": "Hello", "channel": "push"}], "variations": [{"id": "a", "name": "A"}],
        "goals": [{"event": "purchased", "window_s": 3600}], "properties": {"mine": [1]},
    }  # fmt: skip
    before = tenant.client.put("/v1/campaigns/spring", json=fields).json()
    assert client.post(f"/campaigns/update/{before['token']}", {"live": True}).status_code == 200
    after = tenant.client.get("/v1/campaigns/spring").json()
    changed = {key for key in after if after[key] != before[key]}
    assert changed == {"draft", "archived", "updated_at", "properties"}
    assert (after["draft"], after["archived"], after["properties"]["mine"]) == (False, False, [1])
    assert details(client, before["token"])["from_api"] is False


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"name": None}, 31), ({"live": "no"}, 31), ({"messages": [{}]}, 30), ({"push_time": "x"}, 31), ([], 32)],
)
def test_what_an_update_refuses(client: Any, changes: Any, code: int) -> None:
    token = create(client)
    before = details(client, token)
    refused(client.post(f"/campaigns/update/{token}", changes), code)
    assert details(client, token) == before


# ---- campaigns that were not made here --------------------------------------------------------------


def test_what_is_known_of_a_campaign_from_elsewhere(client: Any, tenant: Any) -> None:
    fields = {
        "title": "Spring", "type": "Trigger", "started_at": "2026-03-17T12:04:21+02:00",
        "messages": [{"id": "m1", "title": "Hello"}, {"id": "m2"}],
    }  # fmt: skip
    token = tenant.client.put("/v1/campaigns/c", json=fields).json()["token"]
    found = details(client, token)
    assert list(found) == [
        "campaign_token", "from_api", "dev_only", "created_date", "trigger", "name", "live", "push_time", "messages"
    ]  # fmt: skip
    assert found | {"created_date": ""} == {
        "campaign_token": token, "from_api": False, "dev_only": False, "created_date": "", "trigger": {},
        "name": "Spring", "live": True, "push_time": "2026-03-17T10:04:21",
        "messages": [{"title": "Hello"}, {"title": "m2"}],
    }  # fmt: skip
    other = tenant.client.put("/v1/campaigns/d", json={}).json()["token"]
    assert list(details(client, other)) == [*list(found)[:4], "name", "live"]


@pytest.mark.parametrize("properties", [{"batch": 1}, {"batch": {"payload": []}}, {"batch": {"from_api": "yes"}}])
def test_properties_that_somebody_else_wrote(client: Any, tenant: Any, properties: dict[str, Any]) -> None:
    token = tenant.client.put("/v1/campaigns/c", json={"properties": properties}).json()["token"]
    assert details(client, token)["from_api"] is False
    assert client.post(f"/campaigns/update/{token}", {"x": 1}).status_code == 200
    assert details(client, token)["x"] == 1


# ---- list -------------------------------------------------------------------------------------------


def test_an_entry_of_the_list(client: Any) -> None:
    token = create(client)
    (entry,) = client.get("/campaigns/list").json()
    created = entry["created_date"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", created)
    assert list(entry.items()) == [
        ("campaign_token", token), ("from_api", True), ("dev_only", False), ("created_date", created),
        ("name", "Test campaign"), ("live", True), ("push_time", "2017-07-05T13:32:30"),
    ]  # fmt: skip


def test_pages_the_newest_first(client: Any, tenant: Any) -> None:
    for number in range(103):
        tenant.client.put(f"/v1/campaigns/c{number:03}", json={}).raise_for_status()
    newest = [f"c{number:03}" for number in range(102, -1, -1)]
    assert listed(client) == newest[:10]
    assert listed(client, from_="5", limit="3") == newest[5:8]
    assert listed(client, limit="100") == newest[:100]
    assert listed(client, from_="100", limit="100") == newest[100:]
    assert listed(client, from_="103") == listed(client, from_="9" * 5000) == []
    assert listed(client, from_="0" * 20 + "5", limit="3") == newest[5:8]


def test_only_some_of_them(client: Any, tenant: Any) -> None:
    create(client, name="made running")
    create(client, name="made draft", live=False)
    tenant.client.put("/v1/campaigns/set", json={"title": "set running"})
    tenant.client.put("/v1/campaigns/draft", json={"title": "set draft", "draft": True})
    tenant.client.put("/v1/campaigns/old", json={"title": "put away", "archived": True})
    wanted = {
        (): ["put away", "set draft", "set running", "made draft", "made running"],
        (("live", "true"),): ["set running", "made running"],
        (("live", "false"),): ["put away", "set draft", "made draft"],
        (("from_api", "true"),): ["made draft", "made running"],
        (("from_api", "False"),): ["put away", "set draft", "set running"],
        (("from_api", "true"), ("live", "true")): ["made running"],
        (("from_api", "true"), ("from_", "1"), ("limit", "5")): ["made running"],
    }
    for query, names in wanted.items():
        assert listed(client, **dict(query)) == names, query


@pytest.mark.parametrize(
    "query",
    [
        {"from_": "-1"}, {"from_": "x"}, {"from_": "1.5"}, {"from_": "\u0661"},
        {"limit": "0"}, {"limit": "101"}, {"limit": "-1"}, {"limit": "9" * 5000},
        {"live": "maybe"}, {"from_api": "2"}, {"live": "\0"},
    ],
)  # fmt: skip
def test_what_a_list_refuses(client: Any, query: dict[str, str]) -> None:
    refused(client.get("/campaigns/list", **query), 31)


def test_an_empty_workspace(client: Any) -> None:
    answer = client.get("/campaigns/list")
    assert (answer.status_code, answer.text) == (200, "[]")


# ---- delete -----------------------------------------------------------------------------------------


def test_a_deleted_campaign_is_unknown(client: Any, tenant: Any, push: Any) -> None:
    token, other = create(client), create(client, name="other")
    tenant.send(*push(token, "2026-10-05T10:00:00Z", "r", sent=3))
    assert client.get(f"/campaigns/stats/{token}").json()["detail"]
    answer = client.post(f"/campaigns/delete/{token}")
    assert (answer.status_code, answer.json()) == (200, {"campaign_token": token})
    for answer in (
        client.get(f"/campaigns/stats/{token}"),
        client.get(f"/campaigns/{token}"),
        client.post(f"/campaigns/update/{token}", {"live": False}),
        client.post(f"/campaigns/delete/{token}"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, 20)
    assert [one["campaign_token"] for one in client.get("/campaigns/list").json()] == [other]


def test_an_event_brings_a_deleted_campaign_back(client: Any, tenant: Any, push: Any) -> None:
    token = create(client)
    tenant.send(*push(token, "2026-10-05T10:00:00Z", "r", sent=3))
    client.post(f"/campaigns/delete/{token}").raise_for_status()
    tenant.send(*push(token, "2026-10-06T10:00:00Z", "late", sent=1))
    days = client.get(f"/campaigns/stats/{token}").json()["detail"]
    assert [(day["date"], day["sent"]) for day in days] == [("2026-10-05", 3), ("2026-10-06", 1)]
    found = details(client, token)
    assert (found["from_api"], found["name"], "messages" in found) == (False, token, False)


def test_another_workspace_s_campaign_is_unknown(client_of: Any, make_tenant: Any) -> None:
    mine, theirs = client_of(make_tenant()), client_of(make_tenant())
    token = create(theirs)
    for answer in (
        mine.get(f"/campaigns/{token}"),
        mine.post(f"/campaigns/update/{token}", {"live": False}),
        mine.post(f"/campaigns/delete/{token}"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, 20)
    assert listed(mine) == []
    assert details(theirs, token)["live"] is True
