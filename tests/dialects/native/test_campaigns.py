"""The registry of campaigns, as design's example speaks it."""

from __future__ import annotations

from urllib.parse import quote

import pytest

SPRING = {
    "id": "spring",
    "title": "Spring promo",
    "type": "Email",
    "channels": ["email"],
    "tags": ["sale"],
    "draft": False,
    "archived": False,
    "uuid": "3bbc4555-8fa0-4c9b-a5c0-4505edf3e064",
    "token": "d9d5e5a52ca08110d4893af3254ec21b",
    "key": "1234fef8e8e3",
    "number": 111,
    "scheduled_at": "2026-03-17T10:00:00Z",
    "started_at": "2026-03-17T10:04:21Z",
    "ended_at": None,
    "messages": [{"id": "m1", "title": "Spring Promo - 25% Discount", "channel": "email"}],
    "variations": [
        {"id": "a", "name": "Variant 1", "control": False},
        {"id": "ctl", "name": "Control Group", "control": True},
    ],
    "goals": [
        {"event": "purchased", "name": "", "window_s": 259200, "after": "sent"},
        {"event": "performed", "name": "signup", "window_s": 86400, "after": "opened"},
    ],
}


def test_what_is_put_is_got(tenant):
    put = tenant.client.put("/v1/campaigns/spring", json=SPRING)
    assert put.status_code == 201
    got = tenant.client.get("/v1/campaigns/spring").json()
    assert {name: got[name] for name in SPRING} == SPRING
    assert got["first_event_at"] is None
    assert got == put.json()
    assert tenant.client.put("/v1/campaigns/spring", json=SPRING).status_code == 200


def test_what_is_left_out_is_generated_and_then_stays(tenant):
    first = tenant.client.put("/v1/campaigns/x", json={}).json()
    assert first["title"] == "x"
    assert len(first["uuid"]) == 36
    again = tenant.client.put("/v1/campaigns/x", json={"title": "Renamed"}).json()
    assert again["title"] == "Renamed"
    for name in ("uuid", "token", "key", "number", "created_at"):
        assert again[name] == first[name]
    assert again["updated_at"] > first["updated_at"]


@pytest.mark.parametrize("title", ["", "   ", "\u3000\t"])
def test_a_title_that_nobody_could_see_is_none(tenant, title):
    assert tenant.client.put("/v1/campaigns/x", json={"title": title}).json()["title"] == "x"
    assert tenant.client.put("/v1/campaigns/x", json={"title": " A b "}).json()["title"] == " A b "


def test_what_events_added_stays_when_a_title_is_set(tenant):
    event = {"type": "sent", "time": "2026-10-05T10:00:00Z", "campaign": "x", "recipient": "r"}
    tenant.send({**event, "channel": "email", "message": "m", "variation": "a"})
    put = tenant.client.put("/v1/campaigns/x", json={"title": "Named", "tags": ["t"]}).json()
    assert (put["channels"], put["messages"][0]["id"], put["variations"][0]["id"]) == (["email"], "m", "a")
    assert tenant.client.put("/v1/campaigns/x", json={"tags": []}).json()["tags"] == []


@pytest.mark.parametrize("kind", ["uuid", "token", "key", "number"])
def test_an_identifier_belongs_to_one_campaign(tenant, kind):
    tenant.client.put("/v1/campaigns/one", json={kind: SPRING[kind]})
    answer = tenant.client.put("/v1/campaigns/two", json={kind: SPRING[kind]})
    assert answer.status_code == 409
    assert answer.json()["error"]["field"] == kind
    assert tenant.client.get("/v1/campaigns/two").status_code == 404


def test_the_same_identifiers_may_be_in_two_workspaces(make_tenant):
    for tenant in (make_tenant(), make_tenant()):
        assert tenant.client.put("/v1/campaigns/spring", json=SPRING).status_code == 201


def test_listing_searches_filters_and_pages(tenant):
    for number in range(25):
        body = {"title": f"Promo {number}", "tags": ["even"] if number % 2 == 0 else [], "archived": number == 3}
        tenant.client.put(f"/v1/campaigns/c{number:02}", json={**body, "channels": ["email"] if number < 5 else []})

    def ids(**query):
        answer = tenant.client.get("/v1/campaigns", params=query).json()
        return [one["id"] for one in answer["campaigns"]], answer["total"]

    assert ids(limit=3, offset=22) == (["c22", "c23", "c24"], 25)
    assert ids(search="promo 1")[1] == 11
    assert ids(search="C24") == (["c24"], 1)
    assert ids(tag="even")[1] == 13
    assert ids(channel="email")[1] == 5
    assert ids(archived="false")[1] == 24
    assert ids(offset=100) == ([], 25)


@pytest.mark.parametrize("name", ["ünïcode ✿", "with space", "a/b", "a%2Fb", "c?d", "a.b"])
def test_ids_are_free_strings(tenant, name):
    path = f"/v1/campaigns/{quote(name, safe='')}"
    assert tenant.client.put(path, json={}).status_code == 201
    assert tenant.client.get(path).json()["id"] == name


def test_a_deleted_campaign_is_forgotten_its_events_stay_and_new_ones_bring_it_back(tenant):
    event = {"type": "sent", "time": "2026-10-05T10:00:00Z", "campaign": "spring", "recipient": "a"}
    tenant.send(event)
    assert tenant.client.delete("/v1/campaigns/spring").status_code == 204
    assert tenant.client.get("/v1/campaigns/spring").status_code == 404
    assert tenant.stats("sent", campaign="spring")["totals"] == {"sent": 1}
    tenant.send({**event, "recipient": "b"})
    assert tenant.client.get("/v1/campaigns/spring").json()["events"] == 2


def test_the_registry_outlives_a_restart(turnout_process, tmp_path):
    server = turnout_process(tmp_path)
    with server.client() as client:
        put = client.put("/v1/campaigns/spring", json=SPRING).json()
        client.put("/v1/campaigns/gone", json={})
        client.delete("/v1/campaigns/gone")
        made = client.post("/v1/keys", json={"name": "later", "scopes": ["read"]}).json()
    server.process.kill()
    server.process.wait()
    server = turnout_process(tmp_path)
    with server.client() as client:
        got = client.get("/v1/campaigns").json()
        assert [one["id"] for one in got["campaigns"]] == ["spring"]
        assert got["campaigns"][0] == put
        client.headers["Authorization"] = f"Bearer {made['secret']}"
        assert client.get("/v1/campaigns/spring").status_code == 200
        assert client.put("/v1/campaigns/spring", json={}).status_code == 403


@pytest.mark.parametrize(
    ("name", "kind", "meant"),
    [
        ("3bbc4555-8fa0-4c9b-a5c0-4505edf3e064", "uuid", "3bbc4555-8fa0-4c9b-a5c0-4505edf3e064"),
        ("d9d5e5a52ca08110d4893af3254ec21b", "token", "d9d5e5a52ca08110d4893af3254ec21b"),
        ("1234fef8e8e3", "key", "1234fef8e8e3"),
        ("1903", "number", 1903),
    ],
)
def test_an_id_that_is_written_like_an_identifier_is_that_one(tenant, name, kind, meant):
    tenant.send({"type": "sent", "time": "2026-10-05T12:00:00Z", "campaign": name, "recipient": "a"})
    found = tenant.client.get(f"/v1/campaigns/{name}").json()
    assert found[kind] == meant
    # it is taken by another: then one is generated, as for any other id
    other = tenant.client.put("/v1/campaigns/other", json={kind: meant})
    assert other.status_code == 409
    tenant.client.delete(f"/v1/campaigns/{name}")
    tenant.client.put("/v1/campaigns/other", json={kind: meant})
    again = tenant.client.put(f"/v1/campaigns/{name}", json={}).json()
    assert again[kind] not in (meant, None, "", 0)


def test_properties_and_description_are_kept(tenant):
    given = {"description": "For spring", "properties": {"brief": {"owner": "ann", "tags": [1, None, 2.5]}}}
    assert tenant.client.put("/v1/campaigns/spring", json=given).status_code == 201
    found = tenant.client.get("/v1/campaigns/spring").json()
    assert {name: found[name] for name in given} == given


def test_windows_of_a_workspace_are_set_within_bounds(tenant):
    for name, good, bad in (("influence_window_s", 1800, 0), ("dormant_s", 2_592_000, 31_536_001)):
        assert tenant.client.patch("/v1/workspaces", json={name: good}).json()[name] == good
        refused = tenant.client.patch("/v1/workspaces", json={name: bad})
        assert (refused.status_code, refused.json()["error"]["field"]) == (400, name)
