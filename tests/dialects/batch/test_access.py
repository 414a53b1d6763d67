"""Who may ask the older API and how often, and how it says no: one body, whatever went wrong."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from turnout.app import House
from turnout.dialects.batch import limits, stats
from turnout.dialects.limits import Limit
from turnout.errors import Overloaded, StoreError, TooLarge

GROUP = {"since": "2026-03-01", "until": "2026-03-10"}


def campaign(tenant: Any) -> str:
    found: str = tenant.client.put("/v1/campaigns/c", json={}).json()["token"]
    return found


def refused(answer: httpx.Response, status: int, code: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert list(body) == ["code", "message"]
    assert type(body["code"]) is int
    assert body["code"] == code
    assert body["message"]
    message: str = body["message"]
    return message


# ---- keys -------------------------------------------------------------------------------------------


def test_the_key_and_the_app(tenant: Any, make_tenant: Any, url: str) -> None:
    token, mine = campaign(tenant), tenant.workspace.access_key
    theirs = make_tenant()
    right = {"X-Authorization": tenant.key}

    def ask(app: str, headers: dict[str, str], version: str = "1.1") -> httpx.Response:
        return httpx.get(f"{url}/{version}/{app}/campaigns/stats/{token}", headers=headers)

    # documented: Content-Type on a GET; clients leave it out
    for headers in (right, {**right, "Content-Type": "application/json"}, {"x-authorization": tenant.key}):
        for version in ("1.0", "1.1"):
            assert ask(mine, headers, version).status_code == 200
    for headers in (
        {},
        {"X-Authorization": ""},
        {"X-Authorization": "wrong"},
        {"X-Authorization": f"Bearer {tenant.key}"},
        {"Authorization": f"Bearer {tenant.key}"},
        {"X-API-Key": tenant.key},
    ):
        message = refused(ask(mine, headers), 401, 10)
        assert tenant.key not in message
        # no key, no word about the app
        assert refused(ask("nothing", headers), 401, 10) == message
    for app in ("nothing", theirs.workspace.access_key, tenant.workspace.id, "x" * 5000, "%00", "%ff", "é"):
        refused(ask(app, right), 404, 20)
    refused(ask(mine, {"X-Authorization": theirs.key}), 404, 20)


@pytest.mark.parametrize("app", ["DEV5893B498B8A1A24670EE326F7AA", "DEV"])
def test_keys_of_apps_under_development(tenant: Any, url: str, app: str) -> None:
    for path in ("campaigns/stats/x", "campaigns/list", "campaigns/x", "transactional/stats/x"):
        answer = httpx.get(f"{url}/1.1/{app}/{path}", headers={"X-Authorization": tenant.key})
        assert "LIVE" in refused(answer, 403, 12)
        refused(httpx.get(f"{url}/1.1/{app}/{path}"), 401, 10)


def test_a_revoked_key(tenant: Any, house: House, url: str) -> None:
    key, secret = house.services.catalog.add_key(tenant.workspace.id)
    path = f"{url}/1.1/{tenant.workspace.access_key}/campaigns/list"
    assert httpx.get(path, headers={"X-Authorization": secret}).status_code == 200
    house.services.catalog.revoke_key(tenant.workspace.id, key.id)
    message = refused(httpx.get(path, headers={"X-Authorization": secret}), 401, 10)
    assert secret not in message


READS = {
    "campaigns.stats": "/campaigns/stats/{token}",
    "campaigns.list": "/campaigns/list",
    "campaigns.details": "/campaigns/{token}",
    "transactional.stats": "/transactional/stats/g?since=2026-03-01&until=2026-03-10",
}
WRITES = {
    "campaigns.update": "/campaigns/update/{token}",
    "campaigns.create": "/campaigns/create",
    "campaigns.delete": "/campaigns/delete/{token}",
}


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [
        (("read",), {*READS}),
        (("admin",), {*READS, *WRITES}),
        (("ingest",), set()),
        *(((name,), {name}) for name in (*READS, *WRITES)),
    ],
)
def test_permissions(tenant: Any, house: House, url: str, scopes: tuple[str, ...], allowed: set[str]) -> None:
    token = campaign(tenant)
    _, key = house.services.catalog.add_key(tenant.workspace.id, scopes=scopes)
    for name, path in (READS | WRITES).items():
        answer = httpx.request(
            "GET" if name in READS else "POST",
            f"{url}/1.1/{tenant.workspace.access_key}{path.format(token=token)}",
            headers={"X-Authorization": key},
            **({} if name in READS else {"content": b'{"name": 1}' if name == "campaigns.create" else b"{}"}),
        )
        if name not in allowed:
            refused(answer, 403, 12)
        elif name == "campaigns.create":
            refused(answer, 400, 30)
        else:
            assert answer.status_code == 200, (name, answer.text)


# ---- bad requests -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "token", ["nothing", "0" * 32, "x" * 5000, "%00", "%ff", "d9d5e5a52ca08110d4893af3254ec21b%00", "c", "..%2f..", "é"]
)
def test_unknown_tokens(tenant: Any, client: Any, token: str) -> None:
    campaign(tenant)
    for path in ("/campaigns/stats/", "/campaigns/"):
        refused(client.get(f"{path}{token}"), 404, 20)
    for path in ("/campaigns/update/", "/campaigns/delete/"):
        refused(client.post(f"{path}{token}", {}), 404, 20)


def test_unknown_paths_and_verbs(tenant: Any, client: Any, url: str) -> None:
    token = campaign(tenant)
    for answer in (
        client.get("/campaigns"),
        client.get("/campaigns/stats"),
        client.get("/campaigns/stats/"),
        client.get(f"/campaigns/stats/{token}/"),
        client.get(f"/campaigns/stats/{token}/more"),
        client.get("/nothing"),
        client.post(f"/campaigns/stats/{token}", {}),
        client.post("/campaigns/list", {}),
        client.get("/campaigns/create"),
        client.get(f"/campaigns/delete/{token}"),
        httpx.get(f"{url}/1.1"),
        httpx.get(f"{url}/1.1/%ff/%00"),
        httpx.get(f"{url}/1.x/{tenant.workspace.access_key}/campaigns/list", headers={"X-Authorization": tenant.key}),
        httpx.get(f"{url}/1.¹/{tenant.workspace.access_key}/campaigns/list", headers={"X-Authorization": tenant.key}),
    ):
        refused(answer, 404, 20)
    assert client.get(f"/campaigns/{token}").status_code == 200


def test_parameters_that_are_not_known_are_not_looked_at(tenant: Any, client: Any) -> None:
    token = campaign(tenant)
    for path in (f"/campaigns/stats/{token}", f"/campaigns/{token}", "/campaigns/list"):
        assert client.get(path, since="soon", platform="ios", x="\0").status_code == 200


def test_a_failure_within_has_the_same_shape(tenant: Any, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"/campaigns/stats/{campaign(tenant)}"

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(stats, "days", fail)
    error: Exception = Overloaded("not now", retry_after_s=7)
    answer = client.get(path)
    refused(answer, 503, 2)
    assert answer.headers["Retry-After"] == "7"
    error = StoreError("the store is broken")
    refused(client.get(path), 500, 0)
    error = RuntimeError("a secret")
    assert "secret" not in refused(client.get(path), 500, 0)
    error = TooLarge("too much")
    refused(client.get(path), 400, 31)
    monkeypatch.undo()
    assert client.get(path).json()["detail"] == []


# ---- how often --------------------------------------------------------------------------------------


def test_clients_that_pace_themselves_are_never_refused() -> None:
    # 60 requests and a minute's rest; one request a second
    assert limits.LIMIT.requests >= 60 * 5
    assert limits.LIMIT.window_s == 60


def test_past_the_limit(client_of: Any, make_tenant: Any, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # A window of thirty years doesn't turn over while the test runs.
    monkeypatch.setattr(limits, "LIMIT", Limit("requests", 4, 10**9))
    tenant, other = make_tenant(), make_tenant()
    mine, theirs = client_of(tenant), client_of(other)
    token = campaign(tenant)
    assert mine.get(f"/campaigns/stats/{token}").status_code == 200
    assert mine.get("/campaigns/list").status_code == 200
    refused(mine.get("/campaigns/stats/nothing"), 404, 20)  # a bad request counts too
    refused(httpx.get(f"{url}/1.1/{tenant.workspace.access_key}/campaigns/list"), 401, 10)  # nobody's does not
    assert mine.orchestration().status_code == 400
    for answer in (mine.get(f"/campaigns/stats/{token}"), mine.get("/campaigns/list"), mine.post("/campaigns/create")):
        refused(answer, 429, 60)
        assert int(answer.headers["Retry-After"]) > 5
    newer = mine.orchestration()
    assert (newer.status_code, newer.json()["error_code"]) == (429, "TOO_MANY_REQUESTS")
    assert mine.get("/transactional/stats/g", **GROUP).status_code == 200
    assert theirs.get("/campaigns/list").status_code == 200


def test_nobody_is_asked_to_wait_less_than_the_document_says(
    tenant: Any, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LIMIT", Limit("requests", 0, 1))
    answer = client.get("/campaigns/list")
    refused(answer, 429, 60)
    assert answer.headers["Retry-After"] == "5"
