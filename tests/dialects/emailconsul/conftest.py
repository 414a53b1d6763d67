"""What the tests of this room share: a tenant's client with its key where EmailConsul's clients have it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

#: Every event of these tests is in it.
PERIOD = {"period_from": "2026-10-01T00:00:00.000Z", "period_to": "2026-10-31T23:59:59.999Z"}

LINKS = "/tracking/link/stats/aggregated"
LINK_DAYS = "/tracking/link/stats/timeseries"
PIXELS = "/tracking/pixel/stats/aggregated"
PIXEL_DAYS = "/tracking/pixel/stats/timeseries"
CUSTOM = "/tracking/link/custom"


@pytest.fixture
def connect(url: str) -> Iterator[Callable[[Any], httpx.Client]]:
    """Makes a client of a tenant with X-API-Key."""
    clients = []

    def make(tenant: Any) -> httpx.Client:
        clients.append(httpx.Client(base_url=url, headers={"X-API-Key": tenant.key}, timeout=60))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def client(tenant: Any, connect: Callable[[Any], httpx.Client]) -> httpx.Client:
    """The test's own."""
    return connect(tenant)


@pytest.fixture
def stranger(url: str) -> Iterator[httpx.Client]:
    """A client without a key."""
    with httpx.Client(base_url=url, timeout=60) as found:
        yield found


@pytest.fixture
def get(client: httpx.Client) -> Callable[..., dict[str, Any]]:
    """A body of 200: `get(LINKS, group="country")`, over `PERIOD` unless said."""

    def ask(path: str, **query: str) -> dict[str, Any]:
        answer = client.get(path, params={**PERIOD, **query})
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/json"
        body: dict[str, Any] = answer.json()
        return body

    return ask


@pytest.fixture
def click(tenant: Any) -> Callable[..., None]:
    """Sends a click, or several: `click(2, recipient="a@x.org", country="DE")`."""
    numbers = iter(range(1000))

    def send(times: int = 1, **fields: Any) -> None:
        base = {"type": "clicked", "campaign": "c", "time": "2026-10-05T10:00:00Z", **fields}
        tenant.send(*({**base, "id": f"click{next(numbers)}"} for _ in range(times)))

    return send
