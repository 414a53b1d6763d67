"""Who may do what: keys, scopes, and walls between workspaces, tried on every route there is."""

from __future__ import annotations

import re

import httpx
import pytest

from turnout.dialects.native.routes import ROUTES
from turnout.dialects.registry import ROOMS
from turnout.store.catalog import digest_of

PROTECTED = [route for route in ROUTES if route.scopes]
OPEN = [route for route in ROUTES if not route.scopes]


def address(route, name="spring"):
    return re.sub(r"\{\w+(:path)?\}", name, route.path)


def identify(route):
    return f"{route.method} {route.path}"


@pytest.mark.parametrize("route", PROTECTED, ids=identify)
@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer nonsense", "Basic dGVzdA==", "tk_x"])
def test_no_route_answers_without_a_key(url, route, header):
    headers = {} if header is None else {"Authorization": header}
    answer = httpx.request(route.method, url + address(route), headers=headers)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "unauthenticated"
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("route", OPEN, ids=identify)
def test_open_routes_tell_nothing_of_anyone(tenant, url, route):
    tenant.send({"type": "sent", "time": "2026-10-05T10:00:00Z", "campaign": "secret-name", "recipient": "secret-r"})
    answer = httpx.request(route.method, url + address(route))
    assert answer.status_code == 200
    assert "secret-" not in answer.text
    assert tenant.workspace.id not in answer.text


@pytest.mark.parametrize("route", PROTECTED, ids=identify)
def test_a_key_without_the_scope_is_refused(make_tenant, route):
    for scope in {"ingest", "read"} - set(route.scopes):
        tenant = make_tenant(scopes=(scope,))
        answer = tenant.client.request(route.method, address(route))
        assert answer.status_code == 403, answer.text
        assert answer.json()["error"]["code"] == "forbidden"
    for scope in route.scopes:
        tenant = make_tenant(scopes=(scope,))
        assert tenant.client.request(route.method, address(route)).status_code not in (401, 403) or (
            "(commands on this machine)" in route.summary
        )


@pytest.mark.parametrize("route", PROTECTED, ids=identify)
def test_one_workspace_never_sees_anothers_data(make_tenant, route):
    owner, stranger = make_tenant(), make_tenant()
    event = {"type": "opened", "time": "2026-10-05T10:00:00Z", "campaign": "hidden", "recipient": "private@x.example"}
    owner.send(event, {**event, "link_title": "classified"})
    owner.client.put("/v1/campaigns/hidden", json={"title": "classified", "tags": ["classified"]})
    before = owner.stats("events")["totals"]
    body = {"metrics": "events", "dimensions": "campaign"} if route.path == "/v1/stats" else None
    answer = stranger.client.request(route.method, address(route, "hidden"), params=body)
    for secret in ("classified", "private@", owner.workspace.id, owner.workspace.access_key):
        assert secret not in answer.text
    if "{id" in route.path and route.method in ("GET", "DELETE"):
        # Who is not there is erased already, and nothing is said of whether somebody else has them.
        assert answer.status_code == (200 if "recipients" in route.path and route.method == "DELETE" else 404)
    assert owner.stats("events")["totals"] == before
    assert owner.client.get("/v1/campaigns/hidden").json()["title"] == "classified"


def test_the_same_id_in_two_workspaces_is_two_events(make_tenant):
    event = {"type": "sent", "time": "2026-10-05T10:00:00Z", "campaign": "c", "recipient": "r", "id": "1"}
    one, other = make_tenant(), make_tenant()
    assert one.send(event)["accepted"] == other.send(event)["accepted"] == 1
    exported = one.client.get("/v1/events").json()["id"]
    assert other.send({**event, "id": exported})["accepted"] == 1, "an identity of one says nothing to the other"
    assert one.stats("sent")["totals"] == {"sent": 1}


def test_another_workspaces_key_cannot_be_revoked(make_tenant):
    owner, stranger = make_tenant(), make_tenant()
    key = owner.client.get("/v1/keys").json()["keys"][0]["id"]
    assert stranger.client.delete(f"/v1/keys/{key}").status_code == 404
    assert owner.client.get("/v1/keys").status_code == 200


def test_a_key_is_shown_once_kept_as_a_digest_and_ends_when_revoked(house, tenant, url):
    made = tenant.client.post("/v1/keys", json={"name": "reporting", "scopes": ["read"]})
    assert made.status_code == 201
    key, secret = made.json()["id"], made.json()["secret"]
    listed = tenant.client.get("/v1/keys").text
    assert secret not in listed
    assert digest_of(secret) not in listed
    kept = house.services.engine.query("SELECT body FROM catalog WHERE kind = 'key'", None, "TSVRaw").decode()
    assert secret not in kept
    assert digest_of(secret) in kept
    headers = {"Authorization": f"Bearer {secret}"}
    assert httpx.get(f"{url}/v1/campaigns", headers=headers).status_code == 200
    assert tenant.client.delete(f"/v1/keys/{key}").json()["revoked_at"]
    assert httpx.get(f"{url}/v1/campaigns", headers=headers).status_code == 401


def test_an_unknown_scope_is_refused_with_the_nearest(tenant):
    answer = tenant.client.post("/v1/keys", json={"scopes": ["reed"]})
    assert answer.status_code == 400
    assert "read" in answer.json()["error"]["hint"]


def test_the_local_token_acts_for_any_workspace_it_names(house, tenant, url):
    headers = {
        "Authorization": f"Bearer {house.services.local_token}",
        "X-Turnout-Workspace": tenant.workspace.id,
    }
    tenant.send({"type": "sent", "time": "2026-10-05T10:00:00Z", "campaign": "c"})
    answer = httpx.get(f"{url}/v1/stats", params={"metrics": "sent"}, headers=headers)
    assert answer.json()["totals"] == {"sent": 1}
    headers["X-Turnout-Workspace"] = "no-such"
    assert httpx.get(f"{url}/v1/campaigns", headers=headers).status_code == 404


def test_workspaces_are_made_only_by_commands_on_this_machine(house, tenant, url):
    assert tenant.client.post("/v1/workspaces", json={"id": "mine"}).status_code == 403
    headers = {"Authorization": f"Bearer {house.services.local_token}"}
    name = f"made-{tenant.workspace.id}"
    made = httpx.post(f"{url}/v1/workspaces", json={"id": name, "timezone": "Asia/Kolkata"}, headers=headers)
    assert made.status_code == 201
    key = made.json()["api_key"]
    mine = httpx.get(f"{url}/v1/workspaces", headers={"Authorization": f"Bearer {key}"}).json()["workspaces"]
    assert [one["id"] for one in mine] == [name]
    assert httpx.post(f"{url}/v1/workspaces", json={"id": name}, headers=headers).status_code == 409
    assert (
        httpx.post(f"{url}/v1/workspaces", json={"id": "x", "timezone": "No/Where"}, headers=headers).status_code == 400
    )


def test_a_workspaces_zone_is_the_default_of_its_questions(tenant):
    tenant.send({"type": "sent", "time": "2026-10-05T20:00:00Z", "campaign": "c"})
    assert tenant.stats("sent", dimensions="day")["rows"][0]["day"] == "2026-10-05"
    changed = tenant.client.patch("/v1/workspaces", json={"timezone": "Asia/Kolkata"})
    assert changed.json()["timezone"] == "Asia/Kolkata"
    answer = tenant.stats("sent", dimensions="day")
    assert answer["rows"][0]["day"] == "2026-10-06"
    assert answer["meta"]["timezone"] == "Asia/Kolkata"


def test_every_route_is_in_a_room_once():
    seen = [(route.method, route.path) for room in ROOMS for route in room.routes]
    assert len(seen) == len(set(seen))
