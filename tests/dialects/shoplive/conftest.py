"""What the tests of this room share: shows of a workspace, and tokens made by hand."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

Event = dict[str, Any]


def sign(key: bytes, claims: object, header: object | None = None, digest: Any = hashlib.sha256) -> str:
    """A compact JWT, put together by hand."""
    parts = [json.dumps(part).encode() for part in (header or {"alg": "HS256", "typ": "JWT"}, claims)]
    text = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
    signature = hmac.new(key, text.encode(), digest).digest()
    return f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def key_of(secret: str) -> bytes:
    """The key that a stock client makes of a secret: its base64, decoded."""
    return base64.b64decode(secret.replace("-", "+").replace("_", "/") + "=" * (-len(secret) % 4))


@dataclass(frozen=True)
class Shop:
    """A workspace as a client of this room sees it."""

    tenant: Any
    client: httpx.Client

    @property
    def access_key(self) -> str:
        found: str = self.tenant.workspace.access_key
        return found

    def path(self, rest: str) -> str:
        return f"/v2/{self.access_key}/campaign{rest}"

    def claims(self, **more: object) -> dict[str, object]:
        now = int(time.time())
        return {"accessKey": self.access_key, "iat": now, "exp": now + 300, **more}

    def put(self, name: str, **fields: Any) -> dict[str, Any]:
        """Declare a campaign with our own API."""
        answer = self.tenant.client.put(f"/v1/campaigns/{name}", json=fields)
        assert answer.status_code in (200, 201), answer.text
        found: dict[str, Any] = answer.json()
        return found

    def get(self, rest: str, **query: object) -> httpx.Response:
        return self.client.get(self.path(rest), params={name.removesuffix("_"): str(v) for name, v in query.items()})

    def stats(self, from_: str, to: str, **query: object) -> list[dict[str, Any]]:
        answer = self.get("/stats", from_=from_, to=to, **query)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/json"
        body = answer.json()
        assert list(body) == ["results"]
        found: list[dict[str, Any]] = body["results"]
        return found

    def search(self, **query: object) -> tuple[list[str], int]:
        """The keys of a page, and how many there are."""
        answer = self.get("", **query)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert list(body) == ["results", "totalCount"]
        return [one["campaignMeta"]["campaignKey"] for one in body["results"]], body["totalCount"]


@pytest.fixture
def make_shop(make_tenant: Callable[..., Any], url: str) -> Any:
    """Makes workspaces, with a client that carries a token."""
    clients = []

    def make() -> Shop:
        tenant = make_tenant()
        shop = Shop(tenant, httpx.Client(base_url=url, timeout=60))
        shop.client.headers["Authorization"] = f"Bearer {sign(key_of(tenant.workspace.signing_secret), shop.claims())}"
        clients.append(shop.client)
        return shop

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def shop(make_shop: Callable[[], Shop]) -> Shop:
    """A fresh workspace."""
    return make_shop()


def refused(answer: httpx.Response, status: int, code: int, message: str | None = None) -> None:
    """The one shape of errors."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert list(body) == ["_s", "_e"]
    assert body["_s"] == code, body
    assert isinstance(body["_e"], str)
    if message is not None:
        assert body["_e"] == message
    assert answer.headers["content-type"] == "application/json"
