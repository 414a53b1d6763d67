"""What the tests of this room share: shows of a workspace, and tokens made by hand."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
import re
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


# ---- campaign objects -------------------------------------------------------------------------------

#: documented: the properties of the object's parts, in their order.
META = [
    "campaignId", "campaignKey", "accessKey", "shoplivePlayerUrl", "title", "description", "campaignStatus", "rerun",
    "userCount", "likeCount", "rehearsalPasscode", "serveReplay", "logoImageUrl", "brand", "preCampaignVideoUrl",
    "preCampaignImageUrl", "postCampaignImageUrl", "backgroundImageUrl", "ieUnsupportImageUrl", "tags",
    "scheduledStartAt", "scheduledEndAt", "campaignStartedAt", "campaignEndedAt", "createdAt", "updatedAt",
]  # fmt: skip
#: documented: these are never null.
NEVER_NULL = {
    "campaignId": str, "campaignKey": str, "accessKey": str, "shoplivePlayerUrl": str, "title": str,
    "campaignStatus": str, "rerun": bool, "rehearsalPasscode": str, "serveReplay": bool, "preCampaignImageUrl": str,
    "postCampaignImageUrl": str, "backgroundImageUrl": str, "ieUnsupportImageUrl": str, "scheduledStartAt": str,
    "createdAt": str, "updatedAt": str,
}  # fmt: skip
SECOND = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)


def ago(**span: float) -> str:
    return (NOW - dt.timedelta(**span)).strftime("%Y-%m-%dT%H:%M:%SZ")


def live(kind: str, recipient: str, time: str, campaign: str, **more: Any) -> dict[str, Any]:
    more = {"duration_s": 10, **more} if kind == "watched" else more
    return {"type": kind, "campaign": campaign, "recipient": recipient, "time": time, **more}


def create(shop: Shop, meta: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    answer = shop.client.post(shop.path(""), json={"campaignMeta": {"title": "a show", **(meta or {})}, **more})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    check(body)
    return body


def update(shop: Shop, key: str, **meta: Any) -> dict[str, Any]:
    answer = shop.client.put(shop.path(f"/{key}"), json={"campaignMeta": meta})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    check(body)
    return body


def meta_of(shop: Shop, key: str) -> dict[str, Any]:
    answer = shop.get(f"/{key}")
    assert answer.status_code == 200, answer.text
    check(answer.json())
    found: dict[str, Any] = answer.json()["campaignMeta"]
    return found


def check(body: dict[str, Any]) -> None:
    """The object's keys in their order, and what the document says of their types."""
    assert list(body) == ["campaignMeta", "stream", "campaignProductList", "seller"]
    meta = body["campaignMeta"]
    assert list(meta) == META
    for key, kind in NEVER_NULL.items():
        assert type(meta[key]) is kind, key
    for key in ("scheduledStartAt", "scheduledEndAt", "campaignStartedAt", "campaignEndedAt", "createdAt", "updatedAt"):
        assert meta[key] is None or SECOND.fullmatch(meta[key]), key
    assert list(body["stream"]) == [
        "streamUrl", "streamKey", "videoAspectRatio", "liveUrl", "liveUrls", "previewLiveUrl",
    ]  # fmt: skip
    assert body["campaignProductList"] == []
