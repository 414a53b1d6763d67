"""A server in a process of its own, and one set of events that every client reads back in its vendor's words."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

#: Campaigns of e-mail: more than one page of any client's.
MAILS = 105


@dataclass(frozen=True)
class Served:
    """A running `turnout serve`: its address, and the credentials of its one workspace."""

    url: str
    api_key: str = "client-api-key"
    access_key: str = "client-access-key"
    signing_secret: str = "Y2xpZW50cyBzaWduIHdpdGggdGhlIGRlY29kZWQgYnl0ZXM="

    def client(self) -> httpx.Client:
        """A client of Turnout's own API."""
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {self.api_key}"}, timeout=60)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory, new_store: Callable[[], str]) -> Iterator[Served]:
    """A real server process on a fresh directory."""
    data: Path = tmp_path_factory.mktemp("clients")
    names = Served("")
    process = subprocess.Popen(
        [sys.executable, "-m", "turnout", "serve", "--data", str(data), "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={
            **os.environ,
            "TURNOUT_STORE": new_store(),
            "TURNOUT_API_KEY": names.api_key,
            "TURNOUT_ACCESS_KEY": names.access_key,
            "TURNOUT_SIGNING_SECRET": names.signing_secret,
        },
    )
    assert process.stdout is not None
    try:
        said = []
        for line in process.stdout:
            said.append(line)
            if "http://" in line:
                yield Served("http://" + line.split("http://", 1)[1].split()[0].rstrip("/.,"))
                return
        raise AssertionError(f"turnout serve ended: {''.join(said)}")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _mails() -> list[dict[str, Any]]:
    """Campaign `mail-007` goes to 1 + 7 % 4 people at minute 7, some of whom open it and click in it."""
    found = []
    for number in range(MAILS):
        name = f"mail-{number:03}"
        of = {"campaign": name, "message": "m", "channel": "email"}
        when = f"2026-10-05T{number // 60:02}:{number % 60:02}"
        for person in range(1 + number % 4):
            who = {**of, "recipient": f"p{person}@example.com"}
            found.append({**who, "type": "sent", "time": f"{when}:00Z"})
            found.append({**who, "type": "delivered", "time": f"{when}:01Z"})
            if person < number % 3:
                found.append({**who, "type": "opened", "time": f"{when}:10Z"})
                found.append({**who, "type": "opened", "time": f"{when}:20Z"})
            if person < number % 2:
                found.append({**who, "type": "clicked", "time": f"{when}:30Z", "country": "DE", "link": "cta"})
                found.append({**who, "type": "clicked", "time": f"{when}:40Z", "country": "FR", "link": "cta"})
    return found


def _push() -> list[dict[str, Any]]:
    """Pushed to six people on one day and to three on another; two opened it, one install was gone."""
    of = {"campaign": "push", "channel": "ios_push"}
    found: list[dict[str, Any]] = []
    for day, people in (("2026-10-06", 6), ("2026-10-08", 3)):
        for person in range(people):
            who = {**of, "recipient": f"u{person}"}
            found.append({**who, "type": "sent", "time": f"{day}T09:00:00Z", "opted_in": person % 2 == 0})
            if person < 2:
                found.append({**who, "type": "opened", "open": "direct", "time": f"{day}T09:05:00Z"})
    found.append({**of, "recipient": "u5", "type": "bounced", "bounce": "hard", "time": "2026-10-06T09:00:05Z"})
    return found


def _show() -> list[dict[str, Any]]:
    """Three viewers, one of them a guest, two of them at the same time."""
    of = {"campaign": "show", "channel": "live"}

    def watched(who: str, until: str, seconds: int, **fields: Any) -> dict[str, Any]:
        time = f"2026-10-07T{until}Z"
        return {**of, "type": "watched", "recipient": who, "time": time, "duration_s": seconds, **fields}

    return [
        watched("v1", "20:10:00", 600),
        watched("v2", "20:08:00", 120),
        watched("guest", "20:20:00", 300, anonymous=True),
        {**of, "type": "liked", "recipient": "v1", "time": "2026-10-07T20:05:00Z", "quantity": 7},
        {**of, "type": "liked", "recipient": "v2", "time": "2026-10-07T20:07:00Z"},
        {**of, "type": "chatted", "recipient": "v2", "time": "2026-10-07T20:07:30Z"},
    ]


@pytest.fixture(scope="session")
def posted(served: Served) -> list[dict[str, Any]]:
    """Every event there is, all of them accepted."""
    events = [*_mails(), *_push(), *_show()]
    with served.client() as client:
        answer = client.post("/v1/events", json=events)
        assert answer.json()["accepted"] == len(events), answer.text
        answer = client.put("/v1/campaigns/show", json={"title": "Show", "type": "live", "key": "1234fef8e8e3"})
        assert answer.status_code == 200, answer.text
    return events


@pytest.fixture(scope="session")
def campaigns(served: Served, posted: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What the vendors' identifiers of the campaigns are, by our own."""
    assert posted
    with served.client() as client:
        found = client.get("/v1/campaigns", params={"limit": 1000}).json()["campaigns"]
    return {one["id"]: one for one in found}
