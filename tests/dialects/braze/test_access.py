"""Who may ask and how often, and how the room says no: one body, one set of headers, whatever went wrong."""

from __future__ import annotations

import datetime as dt
import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from turnout.app import House
from turnout.dialects.braze import limits, routes
from turnout.dialects.braze.access import KEY_BODY_LIMIT_BYTES
from turnout.dialects.braze.limits import SERIES_LIMIT, SHARED_LIMIT, limit_of
from turnout.dialects.braze.routes import ROUTES
from turnout.dialects.limits import Limit, Limiter
from turnout.errors import Overloaded
from turnout.model import CampaignFields

RATE_HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
SERIES = "/campaigns/data_series"


def campaign(tenant: Any) -> str:
    found: str = tenant.client.put("/v1/campaigns/c", json={"channels": ["email"]}).json()["uuid"]
    return found


def refused(answer: httpx.Response, status: int, message: str) -> None:
    assert (answer.status_code, answer.json()) == (status, {"message": message})
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-cache"
    for name in RATE_HEADERS:
        assert name in answer.headers


# ---- keys -------------------------------------------------------------------------------------------


def test_both_ways_to_send_a_key(tenant: Any, url: str) -> None:
    query = {"campaign_id": campaign(tenant), "length": "1"}
    for headers, more in (
        ({"Authorization": f"Bearer {tenant.key}"}, {}),
        ({"Authorization": f"bearer  {tenant.key}"}, {}),
        ({}, {"api_key": tenant.key}),
        ({"Authorization": f"Bearer {tenant.key}"}, {"api_key": "another"}),
    ):
        answer = httpx.get(f"{url}{SERIES}", params={**query, **more}, headers=headers)
        assert answer.status_code == 200, (headers, more)


@pytest.mark.parametrize(
    ("headers", "query", "sent"),
    [
        ({}, "", ""),
        ({"Authorization": "Bearer wrong-key"}, "", "wrong-key"),  # live: the key comes back as it was sent
        ({"Authorization": 'Bearer "quoted"'}, "", '"quoted"'),
        ({"Authorization": "Basic d3Jvbmc="}, "", ""),
        ({}, "?api_key=wrong%20key", "wrong key"),
    ],
)
def test_a_wrong_key(url: str, headers: dict[str, str], query: str, sent: str) -> None:
    for path in (SERIES, "/campaigns/list"):
        answer = httpx.get(f"{url}{path}{query}", headers=headers)
        refused(answer, 401, f"Invalid API key: {sent}")
        assert [answer.headers[name] for name in RATE_HEADERS] == ["", "", ""]


def test_a_key_in_a_body(tenant: Any, url: str) -> None:
    """Clients of 2020 send a JSON body with a GET. The key in it counts only where nothing else has one."""

    def asked(body: bytes, query: str = "", **headers: str) -> int:
        with httpx.Client() as client:
            return client.request("GET", f"{url}/canvas/list{query}", content=body, headers=headers).status_code

    good = json.dumps({"api_key": tenant.key, "page": 0}).encode()
    assert asked(good) == 200
    assert asked(good, **{"Content-Type": "application/json"}) == 200
    assert asked(good, "?api_key=") == 200
    assert asked(good, "?api_key=wrong") == 401
    assert asked(good, Authorization="Bearer wrong") == 401
    for bad in (
        b"{", b"[]", b"null", b"\xff\xfe", b"{}", b'{"api_key": 7}', b'{"api_key": null}', b'{"api_key": "wrong"}',
        b"[" * 8000, good + b" " * KEY_BODY_LIMIT_BYTES,
    ):  # fmt: skip
        assert asked(bad) == 401

    def chunks() -> Iterator[bytes]:
        yield good[:10]
        yield good[10:]

    with httpx.Client() as client:
        assert client.request("GET", f"{url}/canvas/list", content=chunks()).status_code == 200
        # a key is looked for in no body of a path that needs none
        assert client.request("GET", f"{url}/canvas/nothing", content=good).status_code == 404


def test_a_wrong_key_in_a_body_comes_back_as_it_was_sent(url: str) -> None:
    with httpx.Client() as client:
        answer = client.request("GET", f"{url}/campaigns/list", content=b'{"api_key": "wrong\\u00e9"}')
    refused(answer, 401, "Invalid API key: wrong\u00e9")


PATHS = sorted(route.path for route in ROUTES)


def test_the_paths() -> None:
    assert PATHS == [
        "/campaigns/data_series", "/campaigns/details", "/campaigns/list", "/canvas/data_series",
        "/canvas/data_summary", "/canvas/details", "/canvas/list", "/kpi/dau/data_series", "/kpi/mau/data_series",
        "/kpi/new_users/data_series", "/kpi/uninstalls/data_series", "/sends/data_series",
    ]  # fmt: skip


def test_permissions(tenant: Any, house: House) -> None:
    """documented: the permission is the path with dots."""
    one = house.services.catalog.put_campaign(tenant.workspace.id, "c", CampaignFields(type="Canvas")).uuid
    query = {"campaign_id": one, "canvas_id": one, "send_id": "s", "length": "1"}
    permissions = {path: path[1:].replace("/", ".") for path in PATHS}

    def asked(path: str, *scopes: str) -> httpx.Response:
        _, key = house.services.catalog.add_key(tenant.workspace.id, scopes=scopes)
        found: httpx.Response = tenant.client.get(path, params=query, headers={"Authorization": f"Bearer {key}"})
        assert found.headers["X-RateLimit-Limit"]
        return found

    for path, permission in permissions.items():
        others = tuple(one for one in permissions.values() if one != permission)
        for enough in ((permission,), (permission, "ingest"), ("read",), ("admin",)):
            assert asked(path, *enough).status_code == 200, (path, enough)
        for too_little in (("ingest",), others, ()):
            refused(asked(path, *too_little), 403, "You do not have permission to access this resource")


def test_every_path_asks_for_a_key(url: str) -> None:
    with httpx.Client(base_url=url) as client:
        for path in PATHS:
            refused(client.get(path), 401, "Invalid API key: ")


def test_a_revoked_key(tenant: Any, house: House, url: str) -> None:
    key, secret = house.services.catalog.add_key(tenant.workspace.id)
    house.services.catalog.revoke_key(tenant.workspace.id, key.id)
    answer = httpx.get(f"{url}/campaigns/list", headers={"Authorization": f"Bearer {secret}"})
    refused(answer, 401, f"Invalid API key: {secret}")


# ---- bad requests -----------------------------------------------------------------------------------

_NO_ID = "campaign_id must be a string of the campaign api identifier"
_BAD_LENGTH = "length must be between 1 and 100"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"campaign_id": None}, _NO_ID),
        ({"campaign_id": ""}, _NO_ID),
        ({"campaign_id": "c"}, _NO_ID),  # our own id is not the one that Braze's clients know
        ({"campaign_id": "x" * 5000}, _NO_ID),
        ({"campaign_id": "3bbc4555-8fa0-4c9b-a5c0-4505edf3e064\0"}, _NO_ID),
        ({"campaign_id": str(uuid.uuid4())}, "Campaign does not exist"),
        ({"length": None}, _BAD_LENGTH),
        ({"length": "0"}, _BAD_LENGTH),
        ({"length": "101"}, _BAD_LENGTH),
        ({"length": "x"}, _BAD_LENGTH),
        ({"ending_at": "soon"}, "ending_at must be an ISO 8601 datetime"),
    ],
)
def test_what_is_refused(tenant: Any, changes: dict[str, str | None], message: str) -> None:
    query = {"campaign_id": campaign(tenant), "length": "7", "ending_at": "2026-10-08", **changes}
    answer = tenant.client.get(SERIES, params={name: value for name, value in query.items() if value is not None})
    refused(answer, 400, message)


def test_an_id_in_capitals_is_the_same(tenant: Any) -> None:
    one = campaign(tenant)
    assert tenant.client.get(SERIES, params={"campaign_id": one.upper(), "length": "1"}).status_code == 200
    set_so = "ABCDEF00-8FA0-4C9B-A5C0-4505EDF3E064"
    tenant.client.put("/v1/campaigns/capitals", json={"uuid": set_so}).raise_for_status()
    for written in (set_so, set_so.lower()):
        answer = tenant.client.get(SERIES, params={"campaign_id": written, "length": "1"})
        assert answer.status_code == 200, written


def test_a_plus_sign_that_arrives_as_a_space(tenant: Any) -> None:
    one = campaign(tenant)
    answer = tenant.client.get(f"{SERIES}?campaign_id={one}&length=1&ending_at=2026-10-08T00:00:00+00:00")
    assert [day["time"] for day in answer.json()["data"]] == ["2026-10-07"]


def test_without_an_end_today_is_the_last_day(tenant: Any) -> None:
    one = campaign(tenant)
    before = dt.datetime.now(dt.UTC).date().isoformat()
    days = tenant.client.get(SERIES, params={"campaign_id": one, "length": "2"}).json()["data"]
    assert days[-1]["time"] in (before, dt.datetime.now(dt.UTC).date().isoformat())


def test_unknown_paths_and_verbs(tenant: Any) -> None:
    refused(tenant.client.get("/campaigns/nothing"), 404, "Invalid URL")
    refused(tenant.client.get("/campaigns/data_series/"), 404, "Invalid URL")
    refused(tenant.client.post(SERIES, json={}), 404, "Invalid URL")


def test_a_campaign_of_another_workspace_does_not_exist(make_tenant: Any) -> None:
    mine, theirs = make_tenant(), make_tenant()
    query = {"campaign_id": campaign(theirs), "length": "1"}
    refused(mine.client.get(SERIES, params=query), 400, "Campaign does not exist")
    assert theirs.client.get(SERIES, params=query).status_code == 200


def test_two_workspaces_may_have_the_same_uuid(make_tenant: Any) -> None:
    one = "3bbc4555-8fa0-4c9b-a5c0-4505edf3e064"
    sent = []
    for index, tenant in enumerate((make_tenant(), make_tenant())):
        tenant.client.put("/v1/campaigns/c", json={"uuid": one, "channels": ["email"]}).raise_for_status()
        event = {"type": "sent", "campaign": "c", "channel": "email", "time": "2026-10-05T08:00:00Z"}
        tenant.send(*({**event, "recipient": str(number)} for number in range(index + 1)))
        answer = tenant.client.get(SERIES, params={"campaign_id": one, "length": "1", "ending_at": "2026-10-06"})
        sent.append(answer.json()["data"][0]["messages"]["email"][0]["sent"])
    assert sent == [1, 2]


def test_a_failure_within_has_the_same_shape(tenant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(routes, "series", fail)
    query = {"campaign_id": campaign(tenant), "length": "1"}
    error: Exception = Overloaded("not now")
    refused(tenant.client.get(SERIES, params=query), 503, "not now")
    error = RuntimeError("a secret")
    answer = tenant.client.get(SERIES, params=query)
    refused(answer, 500, "something went wrong here; it is in the server's log")


# ---- how often --------------------------------------------------------------------------------------


def test_the_hour_seen_live() -> None:
    """live: at 20:10 UTC the header said 1592427600, the next full hour."""
    now = dt.datetime(2020, 6, 17, 20, 10, 13, tzinfo=dt.UTC)
    rate = Limiter().count("w", limit_of("/canvas/details"), now)
    assert (rate.limit, rate.reset_s) == (250_000, 1592427600)


def test_limits_are_the_documented_ones(tenant: Any) -> None:
    now = int(time.time())
    query = {"campaign_id": campaign(tenant), "length": "1"}
    for path, limit in ((SERIES, SERIES_LIMIT), ("/campaigns/list", SHARED_LIMIT)):
        answer = tenant.client.get(path, params=query)
        values = [int(answer.headers[name]) for name in RATE_HEADERS]
        assert values[:2] == [limit.requests, limit.requests - 1]
        assert values[2] % limit.window_s == 0
        assert now < values[2] <= now + 2 * limit.window_s
    assert (SERIES_LIMIT.requests, SERIES_LIMIT.window_s) == (50_000, 60)
    assert (SHARED_LIMIT.requests, SHARED_LIMIT.window_s) == (250_000, 3600)


def test_past_the_limit(make_tenant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # A window of thirty years doesn't turn over while the test runs.
    monkeypatch.setitem(limits._LIMITS, SERIES, Limit("a test's", 3, 10**9))
    mine, other = make_tenant(), make_tenant()
    query = {"campaign_id": campaign(mine), "length": "1"}
    answers = [mine.client.get(SERIES, params=query) for _ in range(2)]
    answers.append(mine.client.get(SERIES, params={"length": "1"}))  # a bad request counts too
    assert [answer.status_code for answer in answers] == [200, 200, 400]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["2", "1", "0"]
    over = mine.client.get(SERIES, params=query)
    refused(over, 429, "Rate limit exceeded")
    assert [over.headers[name] for name in RATE_HEADERS] == ["3", "0", "2000000000"]
    assert mine.client.get("/campaigns/list").status_code == 200
    assert other.client.get(SERIES, params={"campaign_id": campaign(other), "length": "1"}).status_code == 200
