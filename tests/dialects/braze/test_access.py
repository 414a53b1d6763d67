"""Who may ask and how often, and how the room says no: one body, one set of headers, whatever went wrong."""

from __future__ import annotations

import datetime as dt
import time
import uuid
from typing import Any

import httpx
import pytest

from turnout.app import House
from turnout.dialects.braze import routes
from turnout.dialects.braze.kept import Bodies
from turnout.dialects.braze.limits import SERIES_LIMIT, SHARED_LIMIT, Limit, Limiter
from turnout.errors import Overloaded

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


@pytest.mark.parametrize(
    ("scopes", "series", "listing"),
    [
        (("read",), 200, 200),
        (("admin",), 200, 200),
        (("ingest",), 403, 403),
        (("campaigns.data_series",), 200, 403),
        (("campaigns.list",), 403, 200),
        (("campaigns.details", "ingest"), 403, 403),
    ],
)
def test_permissions(tenant: Any, house: House, url: str, scopes: tuple[str, ...], series: int, listing: int) -> None:
    query = {"campaign_id": campaign(tenant), "length": "1"}
    _, key = house.services.catalog.add_key(tenant.workspace.id, scopes=scopes)
    for path, status in ((SERIES, series), ("/campaigns/list", listing)):
        answer = httpx.get(f"{url}{path}", params=query, headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == status
        if status == 403:
            refused(answer, 403, "You do not have permission to access this resource")
            assert answer.headers["X-RateLimit-Limit"]


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


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def test_windows_begin_on_the_clock() -> None:
    limiter = Limiter({"/fast": Limit("fast", 2, 60)}, Limit("shared", 3, 3600))
    first = limiter.count("w", "/fast", at("2020-06-17T20:10:59+00:00"))
    assert (first.limit, first.remaining, first.exceeded) == (2, 1, False)
    assert first.reset_s == at("2020-06-17T20:11:00+00:00").timestamp()
    assert not limiter.count("w", "/fast", at("2020-06-17T20:10:59+00:00")).exceeded
    for _ in range(3):
        over = limiter.count("w", "/fast", at("2020-06-17T20:10:59+00:00"))
        assert (over.remaining, over.exceeded) == (0, True)
    assert not limiter.count("w", "/fast", at("2020-06-17T20:11:00+00:00")).exceeded
    # other paths share one limit, and another workspace has its own
    shared = [limiter.count("w", path, at("2020-06-17T20:10:59+00:00")) for path in ("/a", "/b", "/a", "/b")]
    assert [one.exceeded for one in shared] == [False, False, False, True]
    assert shared[0].reset_s == at("2020-06-17T21:00:00+00:00").timestamp()
    assert not limiter.count("v", "/a", at("2020-06-17T20:10:59+00:00")).exceeded


def test_the_hour_seen_live() -> None:
    """live: at 20:xx UTC the header said 1592427600, the next full hour."""
    rate = Limiter().count("w", "/campaigns/list", at("2020-06-17T20:10:00+00:00"))
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


def test_past_the_limit(make_tenant: Any, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    # A window of thirty years doesn't turn over while the test runs.
    limiter = Limiter({SERIES: Limit("data_series", 3, 10**9)})
    monkeypatch.setitem(routes._states, house.services.statistics, routes._State(limiter, Bodies()))
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


# ---- kept bodies ------------------------------------------------------------------------------------


def test_kept_bodies_are_bounded_and_of_their_version() -> None:
    bodies = Bodies(limit_bytes=10, body_limit_bytes=6)
    bodies.put("a", 1, b"aaaa")
    bodies.put("b", 1, b"bbbb")
    assert bodies.get("a", 1) == b"aaaa"
    assert bodies.get("a", 2) is None
    bodies.put("c", 1, b"cccc")  # the least recently used goes
    assert [bodies.get(key, 1) for key in "abc"] == [b"aaaa", None, b"cccc"]
    bodies.put("a", 2, b"aaaaaaa")  # too long to keep, and the old one is no longer right
    assert (bodies.get("a", 1), bodies.get("a", 2)) == (None, None)
    for number in range(100):
        bodies.put("d", number, b"dddd")
    assert bodies.get("d", 99) == b"dddd"
    assert bodies.get("c", 1) == b"cccc"
