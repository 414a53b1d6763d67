"""A workspace as its users see it: our own API, the judge beside it, and each room as its vendor's clients ask it."""

from __future__ import annotations

import base64
import datetime as dt
import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import jwt
from tests.dialects.agreement.story import CAMPAIGNS, DAY, DAYS, START_MS, what_happened
from tests.judge import EPOCH, Asked, Judge, Verdict
from tests.judge.hearing import Asker, hold

from turnout.app import House


@dataclass(frozen=True)
class Workspace:
    """The events in one workspace, and everybody who tells of them."""

    zone: str
    asker: Asker
    court: Judge
    access_key: str
    signing_secret: str
    ids: dict[str, dict[str, Any]]
    _judged: dict[Asked, Verdict] = field(default_factory=dict)

    @cached_property
    def key(self) -> str:
        return self.asker.headers["Authorization"].removeprefix("Bearer ")

    def get(self, path: str, headers: dict[str, str] | None = None, **query: Any) -> Any:
        answer = self.asker.client.get(path, params=query, headers=headers or {})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def judged(self, asked: Asked) -> Verdict:
        """The judge's word, with which our own API agrees."""
        if asked not in self._judged:
            self._judged[asked] = self.court.ask(asked)
            hold(self.asker.ask(asked), self._judged[asked])
        return self._judged[asked]

    # One method a room: the part of its answer that holds numbers.

    def braze(self, path: str = "/campaigns/data_series", campaign: str = "", **query: Any) -> list[dict[str, Any]]:
        """Days of the workspace's zone, each with `time`."""
        query = {"length": DAYS + 3, "ending_at": self._day(DAYS + 3), **query}
        if campaign:
            query["campaign_id"] = self.ids[campaign]["uuid"]
        found: list[dict[str, Any]] = self.get(path, self.asker.headers, **query)["data"]
        return found

    def batch(self, campaign: str) -> list[dict[str, Any]]:
        """UTC days of the send."""
        path = f"/1.1/{self.access_key}/campaigns/stats/{self.ids[campaign]['token']}"
        found: list[dict[str, Any]] = self.get(path, {"X-Authorization": self.key})["detail"]
        return found

    def orchestration(self, campaign: str) -> list[dict[str, Any]]:
        """The same of the newer API."""
        headers = {"Authorization": f"Bearer {self.key}", "X-Batch-Project": self.access_key}
        query = {"orchestration_id": campaign, "from": "2026-10-01", "to": "2026-10-31"}
        found: list[dict[str, Any]] = self.get("/2.11/orchestrations/stats", headers, **query)["details"]
        return found

    def emailconsul(self, path: str, **query: str) -> list[dict[str, Any]]:
        period = {"period_from": "2026-09-01T00:00:00.000Z", "period_to": "2026-10-31T23:59:59.999Z", "limit": "10000"}
        found: list[dict[str, Any]] = self.get(f"/tracking/{path}", {"X-API-Key": self.key}, **period, **query)["data"]
        return found

    def intarget(self, what: str, campaign: str, zone: str = "") -> list[dict[str, Any]]:
        """Rows of each message; with a zone, of each of its days (`day`) on which anything was sent."""
        asked = {"campaignIds[]": CAMPAIGNS[campaign]["number"], "perPage": 1000, "access-token": self.key}
        if not zone:
            return list(self.get(f"/rest/campaign/{what}", **asked))
        found = []
        for number in range(DAYS):
            first = dt.datetime.fromisoformat(self._day(number)).replace(tzinfo=ZoneInfo(zone))
            ends = {"sendFrom": first.isoformat(), "sendTo": (first + dt.timedelta(seconds=86_399)).isoformat()}
            found += [{"day": self._day(number), **row} for row in self.get(f"/rest/campaign/{what}", **asked, **ends)]
        return found

    def shoplive(self, from_ms: int, to_ms: int) -> list[dict[str, Any]]:
        """A row for each show; both ends are in the range."""
        now = int(time.time())
        claims = {"accessKey": self.access_key, "iat": now, "exp": now + 300}
        token = jwt.encode(claims, base64.b64decode(self.signing_secret), algorithm="HS256")
        ends = {name: f"{_moment(at):%Y-%m-%dT%H:%M:%SZ}" for name, at in (("from", from_ms), ("to", to_ms))}
        path = f"/v2/{self.access_key}/campaign/stats"
        found: list[dict[str, Any]] = self.get(path, {"Authorization": f"Bearer {token}"}, **ends)["results"]
        return found

    @staticmethod
    def _day(number: int) -> str:
        return f"{_moment(START_MS + number * DAY):%Y-%m-%d}"


def _moment(at_ms: int) -> dt.datetime:
    return EPOCH + dt.timedelta(milliseconds=at_ms)


def furnished(house: House, client: httpx.Client, zone: str) -> Workspace:
    """A new workspace in which everything has happened."""
    catalog = house.services.catalog
    made = catalog.add_workspace(f"agree-{len(catalog.workspaces())}", timezone=zone)
    _, key = catalog.add_key(made.id)
    asker, court = Asker(client, made.id, {"Authorization": f"Bearer {key}"}), Judge()
    ids = {}
    for name, fields in CAMPAIGNS.items():
        asker.put(name, fields)
        court.put(name, fields)
        ids[name] = client.get(f"/v1/campaigns/{name}", headers=asker.headers).json()
    events = what_happened()
    assert asker.post(events) == court.post(events) == (len(events), 0)
    return Workspace(zone, asker, court, made.access_key, made.signing_secret, ids)
