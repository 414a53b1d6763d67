"""What the tests of this room share: a client of either API, and events by the hundred."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

Event = dict[str, Any]


class Client:
    """One workspace as both of Batch's APIs see it."""

    def __init__(self, url: str, tenant: Any) -> None:
        self._app = f"/1.1/{tenant.workspace.access_key}"
        older = {"X-Authorization": tenant.key}
        newer = {"Authorization": f"Bearer {tenant.key}", "X-Batch-Project": "project_0664hxvwffvbpn278gxdyhsadddqgna6"}
        self._older = httpx.Client(base_url=url, headers=older, timeout=60)
        self._newer = httpx.Client(base_url=url, headers=newer, timeout=60)

    def get(self, path: str, **query: str) -> httpx.Response:
        """GET of the older API: `get("/campaigns/list", limit="5")` (`from_` is `from`)."""
        return self._older.get(f"{self._app}{path}", params=_query(query))

    def post(self, path: str, body: object = None, content: bytes | None = None) -> httpx.Response:
        """POST of the older API."""
        if content is not None:
            return self._older.post(f"{self._app}{path}", content=content)
        return self._older.post(f"{self._app}{path}", json=body)

    def orchestration(self, version: str = "2.11", **query: str) -> httpx.Response:
        """Statistics of an orchestration."""
        return self._newer.get(f"/{version}/orchestrations/stats", params=_query(query))

    def close(self) -> None:
        """Let go of the connections."""
        self._older.close()
        self._newer.close()


def _query(query: dict[str, str]) -> dict[str, str]:
    return {name.removesuffix("_"): value for name, value in query.items()}


@pytest.fixture
def client_of(url: str) -> Iterator[Callable[[Any], Client]]:
    """Makes clients: `client_of(tenant)`."""
    made: list[Client] = []

    def make(tenant: Any) -> Client:
        made.append(Client(url, tenant))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(client_of: Callable[[Any], Client], tenant: Any) -> Client:
    """A client of the test's own workspace."""
    return client_of(tenant)


@pytest.fixture
def push() -> Callable[..., list[Event]]:
    """Events of one push, so many of each kind (see `_push`)."""
    return _push


def _push(
    campaign: str,
    moment: str,
    who: str,
    *,
    sent: int,
    optins: int = 0,
    direct: int = 0,
    influenced: int = 0,
    reengaged: int = 0,
    errors: int = 0,
    **more: Any,
) -> list[Event]:
    """`sent` recipients of a push at `moment`, called `who` and a number.

    The first `direct` open it, the next `influenced` open the app an hour later instead. All of these but
    the last `reengaged` had opened the app a day before, so they were not dormant. `errors` others bounce.
    """
    at = dt.datetime.fromisoformat(moment)
    early, late = (at - dt.timedelta(days=1)).isoformat(), (at + dt.timedelta(hours=1)).isoformat()
    found: list[Event] = []
    for number in range(sent):
        of_push = {"campaign": campaign, "recipient": f"{who}{number}", **more}
        found.append({"type": "sent", "time": moment, "opted_in": number < optins, **of_push})
        if number < direct:
            found.append({"type": "opened", "open": "direct", "time": late, **of_push})
        elif number < direct + influenced:
            found.append({"type": "app_opened", "time": late, "recipient": f"{who}{number}"})
            if number < direct + influenced - reengaged:
                found.append({"type": "app_opened", "time": early, "recipient": f"{who}{number}"})
    for number in range(errors):
        found.append({"type": "bounced", "time": moment, "campaign": campaign, "recipient": f"{who}x{number}", **more})
    return found
