"""What the tests of this room share: the samples, and a way to ask."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

SAMPLES = Path(__file__).parent / "samples"


@pytest.fixture
def sample() -> Callable[[str], dict[str, Any]]:
    """A documented row by its name; each says where it comes from."""

    def load(name: str) -> dict[str, Any]:
        body: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))
        assert body["source"] in ("live", "documented", "ours")
        assert body["note"]
        row: dict[str, Any] = body["row"]
        return row

    return load


@pytest.fixture
def get(url: str) -> Callable[..., httpx.Response]:
    """One request as the vendor's clients make it: `get(tenant, "statistics", "campaignIds[]=1")`."""

    def ask(tenant: Any, what: str, query: str = "") -> httpx.Response:
        return httpx.get(f"{url}/rest/campaign/{what}?{query}{'&' if query else ''}access-token={tenant.key}")

    return ask


@pytest.fixture
def rows(get: Callable[..., httpx.Response]) -> Callable[..., list[dict[str, Any]]]:
    """The rows of a page, insisting on the shape of the answer."""

    def ask(tenant: Any, what: str, query: str = "") -> list[dict[str, Any]]:
        answer = get(tenant, what, query)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/json; charset=UTF-8"
        body = answer.json()
        assert isinstance(body, list)
        assert int(answer.headers["x-pagination-total-count"]) >= len(body)
        return body

    return ask


@pytest.fixture
def put() -> Callable[..., int]:
    """Declare a campaign; its number."""

    def declare(tenant: Any, name: str, **fields: Any) -> int:
        answer = tenant.client.put(f"/v1/campaigns/{name}", json=fields)
        assert answer.status_code in (200, 201), answer.text
        number: int = answer.json()["number"]
        return number

    return declare
