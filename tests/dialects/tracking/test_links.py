"""GET /r/{code} over HTTP: a redirect and a click, or a page."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest

BROWSER = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)

Follow = Callable[..., httpx.Response]


@pytest.fixture
def follow(url: str) -> Follow:
    """Asks as anybody's browser would, without a key."""

    def ask(address: str, method: str = "GET", **headers: str) -> httpx.Response:
        return httpx.request(method, httpx.URL(url).join(address), headers={"User-Agent": BROWSER, **headers})

    return ask


def add(tenant: Any, **fields: Any) -> dict[str, Any]:
    answer = tenant.client.post("/v1/links", json={"url": "https://x.org/a", "campaign": "c", **fields})
    assert answer.status_code in (200, 201), answer.text
    found: dict[str, Any] = answer.json()
    return found


def events(tenant: Any) -> list[dict[str, Any]]:
    answer = tenant.client.get("/v1/events", params={"format": "ndjson"})
    return [json.loads(line) for line in answer.text.splitlines()]


def test_a_click_is_counted_for_who_clicked(tenant, follow):
    link = add(tenant, title="Shop", message="m", recipients=["ann", "bob"], send_id="s", variation="v")
    for one in link["addresses"]:
        answer = follow(f"{one['tracked_url']}?a=1&a=2&b=x")
        assert answer.status_code == 302
        assert answer.headers["location"] == "https://x.org/a?a=1&a=2&b=x"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "strict-origin-when-cross-origin"
        assert answer.content == b""
    follow(link["tracked_url"])
    assert tenant.stats("clicked,unique_clicked", campaign="c")["totals"] == {"clicked": 3, "unique_clicked": 2}
    ann = next(one for one in events(tenant) if one.get("recipient") == "ann")
    wanted = {
        "type": "clicked", "target": "link", "campaign": "c", "message": "m", "send_id": "s", "variation": "v",
        "link": link["id"], "url": "https://x.org/a?a=1&a=2&b=x", "params": {"a": ["1", "2"], "b": "x"},
        "link_title": "Shop", "ip": "127.0.0.1", "user_agent": BROWSER,
    }  # fmt: skip
    assert {name: ann.get(name) for name in wanted} == wanted


def test_head_never_counts(tenant, follow):
    link = add(tenant)
    answer = follow(link["tracked_url"], "HEAD")
    assert (answer.status_code, answer.headers["location"]) == (302, "https://x.org/a")
    assert events(tenant) == []


def test_what_is_known_of_the_request_is_kept(tenant, follow):
    follow(add(tenant)["tracked_url"], **{"Sec-Purpose": "prefetch"})
    follow(add(tenant, hidden=True)["tracked_url"])
    assert sorted(reason for one in events(tenant) for reason in one["reasons"]) == ["hidden_link", "prefetch_header"]


def test_the_address_of_a_client_behind_a_proxy(tenant, served_with):
    link, elsewhere = add(tenant), served_with(proxy_hops=1)
    address = f"{elsewhere}/r/{link['code']}"
    httpx.get(address, headers={"User-Agent": BROWSER, "X-Forwarded-For": "8.8.8.8, 203.0.113.7"})
    (click,) = events(tenant)
    assert click["ip"] == "203.0.113.7"


def test_pages(tenant, follow):
    gone = add(tenant)
    tenant.client.delete(f"/v1/links/{gone['id']}")
    over = add(tenant, expires_at="2020-01-01T00:00:00Z")
    for address, status in (
        ("/r/no-such-link", 404), ("/r/%3Cscript%3Ealert(1)%3C/script%3E", 404), ("/r/%22%3E%3Cb%3E", 400),
        ("/r/", 404), ("/r/s.nonsense", 400), ("/r/x/y", 404), (gone["tracked_url"], 410), (over["tracked_url"], 410),
    ):  # fmt: skip
        answer = follow(address)
        assert answer.status_code == status, address
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "location" not in answer.headers
        assert "script" not in answer.text
        assert "alert" not in answer.text
        style = re.search("<style>(.*)</style>", answer.text)
        assert style is not None
        digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
        policy = f"default-src 'none'; style-src 'sha256-{digest}'; frame-ancestors 'none'"
        assert answer.headers["content-security-policy"] == policy
        assert follow(address, "HEAD").status_code == status
    posted = follow(gone["tracked_url"], "POST")
    assert (posted.status_code, posted.headers["allow"]) == (405, "GET, HEAD")
    assert events(tenant) == []


def test_links_of_other_rooms_work_and_are_counted_there(tenant, follow):
    key = {"X-API-Key": tenant.key}
    made = tenant.client.post(
        "/tracking/link/custom",
        json={"title": "Shop", "redirection_url": "https://x.org/shop", "params_suffix": "utm_source=mail"},
        headers=key,
    ).json()["data"]
    answer = follow(f"/r/{made['id']}?size=9")
    assert answer.headers["location"] == "https://x.org/shop?utm_source=mail&size=9"
    follow(f"/r/{made['id']}?size=9")
    tenant.client.patch(f"/tracking/link/custom/{made['id']}", json={"title": "Store"}, headers=key)
    day = events(tenant)[0]["time"][:10]
    span = {"period_from": day, "period_to": day}
    for group, wanted in (
        ("custom_link_title", [{"custom_link_title": "Store", "count": 2}]),
        ("params", [{"params_name": "size", "params_value": "9", "count": 2}]),
    ):
        counted = tenant.client.get("/tracking/link/stats/aggregated", params={**span, "group": group}, headers=key)
        assert counted.status_code == 200, counted.text
        assert counted.json()["data"] == wanted


def test_no_workspace_s_token_is_good_in_another(tenant, make_tenant, follow):
    code = f"c{uuid.uuid4().hex[:8]}"
    mine, theirs = add(tenant, code=code), add(make_tenant(), recipients=["eve"])
    follow(f"{mine['tracked_url']}.{theirs['addresses'][0]['token']}")
    (click,) = events(tenant)
    assert "recipient" not in click
