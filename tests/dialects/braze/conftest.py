"""What the tests of this room share: the samples, and a campaign to ask about."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

SAMPLES = Path(__file__).parent / "samples"

Ask = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def sample() -> Callable[[str], dict[str, Any]]:
    """A recorded or documented body by its name; each says where it comes from."""

    def load(name: str) -> dict[str, Any]:
        body: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))
        assert body["source"] in ("live", "documented", "ours")
        assert body["note"]
        return body

    return load


@pytest.fixture
def ask() -> Callable[..., list[dict[str, Any]]]:
    """The days of a series: `ask(client, uuid, length, ending_at)`."""

    def days(client: httpx.Client, uuid: str, length: int = 3, ending_at: str = "2026-10-08") -> list[dict[str, Any]]:
        query = {"campaign_id": uuid, "length": str(length), "ending_at": ending_at}
        answer = client.get("/campaigns/data_series", params=query)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/json"
        body = answer.json()
        assert list(body) == ["message", "data"]
        assert body["message"] == "success"
        found: list[dict[str, Any]] = body["data"]
        return found

    return days
