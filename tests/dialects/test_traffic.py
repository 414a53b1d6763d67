"""Every answer with statistics says which traffic counts in it, and our own how much did not."""

from __future__ import annotations

import datetime as dt
import json

import httpx
import pytest

from turnout.dialects.contract import Shown
from turnout.dialects.registry import ROOMS

VENDORS = [room for room in ROOMS if room.example is not None]


@pytest.mark.parametrize("room", VENDORS, ids=[room.name for room in VENDORS])
def test_a_vendor_s_answer_says_it_beside_its_body(house, url, make_tenant, room):
    tenant, now = make_tenant(), dt.datetime.now(dt.UTC)
    fields = {"title": "Spring", "channels": ["email"], "started_at": (now - dt.timedelta(days=2)).isoformat()}
    assert tenant.client.put("/v1/campaigns/spring", json=fields).status_code in (200, 201)
    at = (now - dt.timedelta(days=1)).isoformat()
    tenant.send({"type": "sent", "time": at, "campaign": "spring", "recipient": "a"})
    campaign = house.services.catalog.campaign(tenant.workspace.id, "spring")
    example = room.example(Shown(tenant.workspace, tenant.key, (campaign,), now))
    answer = httpx.get(f"{url}{example.path}", headers=example.headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["X-Turnout-Traffic"] == "human,proxy"
    refused = httpx.get(f"{url}{example.path}".replace(tenant.key, "nobody"))
    assert "X-Turnout-Traffic" not in refused.headers


def test_our_own_say_it_in_every_format(tenant):
    for traffic in ("human", "scanner", "scanner", "prefetch"):
        tenant.send({"type": "clicked", "time": "2026-10-05T10:00:00Z", "campaign": "c", "traffic": traffic,
                     "recipient": "a", "id": f"{traffic}{dt.datetime.now(dt.UTC)}"})  # fmt: skip
    for form in ("json", "csv", "ndjson", "parquet"):
        answer = tenant.client.get("/v1/stats", params={"metrics": "clicked", "format": form})
        assert answer.headers["X-Turnout-Traffic"] == "human,proxy"
        assert answer.headers["X-Turnout-Excluded"] == "prefetch=1,preview=0,scanner=2,bot=0"
    answer = tenant.client.get("/v1/stats", params={"metrics": "clicked", "traffic": "all"})
    assert answer.headers["X-Turnout-Traffic"] == "human,proxy,prefetch,preview,scanner,bot"
    assert answer.headers["X-Turnout-Excluded"] == ""
    assert tenant.client.get("/v1/campaigns/c/recipients").headers["X-Turnout-Traffic"] == "human,proxy"
    exported = tenant.client.get("/v1/events", params={"traffic": "scanner", "format": "csv"})
    assert exported.headers["X-Turnout-Traffic"] == "scanner"
    assert "X-Turnout-Traffic" not in tenant.client.get("/v1/campaigns").headers


def test_what_can_t_be_allowed_is_refused(tenant):
    for body, field in (
        ({"allow_networks": ["203.0.113.0/33"]}, "allow_networks"),
        ({"allow_networks": ["0.0.0.0/0"]}, "allow_networks"),
        ({"allow_agents": [" M "]}, "allow_agents"),
        ({"allow_agents": ["x" * 257]}, "allow_agents"),
        ({"addresses": "some"}, "addresses"),
        ({"retention_days": -1}, "retention_days"),
    ):
        answer = tenant.client.patch("/v1/workspaces", json=body)
        assert answer.status_code == 400, body
        assert field in answer.json()["error"]["field"] + answer.json()["error"]["message"]


def test_a_policy_holds_from_the_moment_it_is_set(tenant):
    said = {
        "type": "clicked",
        "time": "2026-10-05T10:00:00Z",
        "campaign": "c",
        "recipient": "a",
        "user_agent": "curl/8",
    }
    tenant.send({**said, "ip": "8.8.8.8"})
    chosen = {"addresses": "truncated", "allow_networks": ["8.8.0.0/16"]}
    assert tenant.client.patch("/v1/workspaces", json=chosen).status_code == 200
    tenant.send({**said, "ip": "8.8.8.9"}, {**said, "ip": "203.0.113.9"}, {**said, "ip": "office"})
    found = [(event.get("ip"), event["traffic"]) for event in _exported(tenant)]
    assert sorted(found, key=str) == [
        ("203.0.113.0", "bot"), ("8.8.8.0", "human"), ("8.8.8.8", "bot"), (None, "bot"),
    ]  # fmt: skip


def _exported(tenant):
    return [json.loads(line) for line in tenant.client.get("/v1/events").text.splitlines()]
