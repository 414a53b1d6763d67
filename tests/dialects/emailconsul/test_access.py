"""Who may ask, and how the room says no: the documented statuses with the documented words, whatever went wrong."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from tests.dialects.emailconsul.conftest import CUSTOM, LINK_DAYS, LINKS, PERIOD, PIXEL_DAYS, PIXELS

from turnout.app import House
from turnout.dialects.emailconsul.routes import ROOM
from turnout.errors import Overloaded, StoreError, TooLarge
from turnout.stats.run import Statistics

STATS = (LINKS, LINK_DAYS, PIXELS, PIXEL_DAYS)
PREFIXES = ("", "/api/v1.0")


def refused(answer: httpx.Response, status: int, details: str | None = None) -> None:
    words = {
        400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 500: "Internal server error",
    }  # fmt: skip
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert body.pop("message") == words[status]
    if status == 500:
        assert body == {}
    else:
        assert list(body) == ["details"]
        assert details is None or body["details"] == details


# ---- keys -------------------------------------------------------------------------------------------


def test_every_way_to_send_a_key(tenant: Any, stranger: httpx.Client) -> None:
    for headers in (
        {"X-API-Key": tenant.key},
        {"x-api-key": f"{tenant.key}"},
        {"Authorization": f"Bearer {tenant.key}"},
        {"Authorization": f"bearer  {tenant.key}"},
        {"Authorization": tenant.key},
        {"X-API-Key": tenant.key, "Authorization": "Bearer wrong"},
        {"X-API-Key": "", "Authorization": tenant.key},
    ):
        for prefix in PREFIXES:
            for path in STATS:
                assert stranger.get(f"{prefix}{path}", params=PERIOD, headers=headers).status_code == 200, headers
            assert stranger.get(f"{prefix}{CUSTOM}", headers=headers).status_code == 200, headers


def test_wrong_keys(tenant: Any, stranger: httpx.Client) -> None:
    for headers in (
        {},
        {"X-API-Key": "wrong"},
        {"X-API-Key": "wrong", "Authorization": f"Bearer {tenant.key}"},
        {"Authorization": f"Basic {tenant.key}"},
        {"Authorization": f"Token {tenant.key}"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer wrong"},
        {"X-API-Key": tenant.key + "x"},
        {"X-API-Key": tenant.workspace.access_key},
        {"X-API-Key": b"\xff\xfe"},
        {"X-API-Key": "x" * 5000},
    ):
        for path in (*STATS, CUSTOM, f"{CUSTOM}/1"):
            refused(stranger.get(path, headers=headers), 401)  # type: ignore[arg-type]
    refused(stranger.get(LINKS, params={**PERIOD, "api_key": tenant.key}), 401)
    refused(stranger.post(CUSTOM, json={}), 401)


def test_a_revoked_key(tenant: Any, house: House, stranger: httpx.Client) -> None:
    key, secret = house.services.catalog.add_key(tenant.workspace.id)
    headers = {"X-API-Key": secret}
    assert stranger.get(LINKS, params=PERIOD, headers=headers).status_code == 200
    house.services.catalog.revoke_key(tenant.workspace.id, key.id)
    answer = stranger.get(LINKS, params=PERIOD, headers=headers)
    refused(answer, 401)
    assert secret not in answer.text


@pytest.mark.parametrize(
    ("scopes", "aggregated", "pixel_days", "listing", "adding"),
    [
        (("read",), 200, 200, 200, 403),
        (("admin",), 200, 200, 200, 201),
        (("ingest",), 403, 403, 403, 403),
        (("tracking.link.stats.aggregated",), 200, 403, 403, 403),
        (("tracking.pixel.stats.timeseries",), 403, 200, 403, 403),
        (("tracking.link.custom",), 403, 403, 200, 201),
    ],
)
def test_permissions(
    tenant: Any,
    house: House,
    url: str,
    scopes: tuple[str, ...],
    aggregated: int,
    pixel_days: int,
    listing: int,
    adding: int,
) -> None:
    _, key = house.services.catalog.add_key(tenant.workspace.id, scopes=scopes)
    with httpx.Client(base_url=url, headers={"X-API-Key": key}, params=PERIOD) as client:
        for prefix in PREFIXES:
            answers = {
                client.get(f"{prefix}{LINKS}"): aggregated,
                client.get(f"{prefix}{PIXEL_DAYS}"): pixel_days,
                client.get(f"{prefix}{CUSTOM}"): listing,
                client.post(f"{prefix}{CUSTOM}", json={"title": "T", "redirection_url": "https://x.org"}): adding,
            }
            for answer, status in answers.items():
                if status == 403:
                    refused(answer, 403)
                assert answer.status_code == status


# ---- bad requests -----------------------------------------------------------------------------------

WITHOUT_FROM = {"period_to": PERIOD["period_to"]}
WITHOUT_TO = {"period_from": PERIOD["period_from"]}


@pytest.mark.parametrize("path", STATS)
def test_bad_requests(client: httpx.Client, path: str) -> None:
    refused(client.get(path), 400, "period_from is required")
    refused(client.get(path, params=WITHOUT_FROM), 400, "period_from is required")
    refused(client.get(path, params=WITHOUT_TO), 400, "period_to is required")
    for changes in (
        {"period_from": "soon"},
        {"period_to": "2026-13-01"},
        {"period_to": "x" * 2000},
        {"period_from": "2027-01-01"},
        {"group": "traffic"},
        {"group": "campaign"},
        {"group": "\0"},
        {"group": "x" * 2000},
        {"campaign_id": "a b"},
        {"campaign_id": "'; DROP TABLE events"},
        {"subscriber_id": "a/b"},
        {"subscriber_id": "a\0@x.org"},
    ):
        refused(client.get(path, params={**PERIOD, **changes}), 400)
    bad_bytes = "&".join(f"{name}={value}" for name, value in PERIOD.items()) + "&campaign_id=%ff%fe"
    refused(client.get(f"{path}?{bad_bytes}"), 400)
    assert client.get(f"{path}?{bad_bytes.replace('campaign_id', 'unknown')}").status_code == 200


@pytest.mark.parametrize("path", [LINKS, PIXELS])
def test_bad_pages_and_orders(client: httpx.Client, path: str) -> None:
    for changes in (
        {"offset": "-1"}, {"offset": "x"}, {"offset": "9" * 400}, {"offset": "2147483649"}, {"offset": "1.0"},
        {"limit": "-1"}, {"limit": "all"}, {"limit": "9" * 400},
        {"sort": "clicks"}, {"sort": "campaign_id"}, {"sort": "-"}, {"sort": "count desc"}, {"sort": "\0"},
        {"sort": "country", "group": "campaign_id"}, {"sort": "clicked", "group": "campaign_id"},
    ):  # fmt: skip
        refused(client.get(path, params={**PERIOD, **changes}), 400)


def test_what_pixels_and_series_have_not(client: httpx.Client) -> None:
    for path in (PIXELS, PIXEL_DAYS):
        for group in ("device", "country", "ip", "browser", "custom_link_title", "params"):
            refused(client.get(path, params={**PERIOD, "group": group}), 400)
        assert client.get(path, params={**PERIOD, "profile_id": "\0"}).status_code == 200
    for path in (LINK_DAYS, PIXEL_DAYS):  # documented without: not looked at
        answer = client.get(path, params={**PERIOD, "offset": "x", "limit": "x", "sort": "x"})
        assert answer.json() == {"data": []}


def test_the_widest_period(client: httpx.Client, click: Any) -> None:
    click()
    period = {"period_from": "0001-01-01", "period_to": "9999-12-31T23:59:59.999999999-23:59"}
    for path, row in ((LINKS, {"count": 1}), (LINK_DAYS, {"date": "2026-10-05", "count": 1})):
        assert client.get(path, params=period).json()["data"] == [row]


def test_unknown_paths_and_verbs(client: httpx.Client) -> None:
    for prefix in PREFIXES:
        for path in ("/tracking", "/tracking/link/stats", "/tracking/link/stats/other", f"{LINKS}/"):
            refused(client.get(f"{prefix}{path}"), 404)
        for verb, path in (("POST", LINKS), ("DELETE", LINK_DAYS), ("PUT", CUSTOM), ("POST", f"{CUSTOM}/1")):
            refused(client.request(verb, f"{prefix}{path}"), 404)


def test_what_the_store_can_t_do(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(error: Exception) -> None:
        def fail(*_: Any) -> None:
            raise error

        monkeypatch.setattr(Statistics, "ask", fail)

    for error in (Overloaded("busy"), StoreError("engine code 1"), RuntimeError("a secret")):
        failing(error)
        for path in STATS:
            refused(client.get(path, params=PERIOD), 500)
    failing(TooLarge("the question took longer than the time limit"))
    refused(client.get(LINKS, params=PERIOD), 400, "the question took longer than the time limit")


def test_every_route_is_there_twice() -> None:
    paths = [(route.method, route.path) for route in ROOM.routes]
    plain = [(method, path) for method, path in paths if path.startswith("/tracking/")]
    assert len(plain) == 9
    assert sorted(paths) == sorted([*plain, *((method, f"/api/v1.0{path}") for method, path in plain)])
    assert all(route.scopes for route in ROOM.routes)
