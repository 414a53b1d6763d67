"""`turnout reclassify`: what would change, what did, and nothing the second time."""

from __future__ import annotations

import json

import pytest

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)
LATER_RULES = {"allow_agents": ["AcmeMonitor"]}


def click(campaign: str, second: int, link: str, agent: str = CHROME) -> dict[str, object]:
    return {
        "type": "clicked", "time": f"2026-10-05T10:00:0{second}Z", "campaign": campaign, "message": "m1",
        "recipient": "ada@example.com", "link": link, "user_agent": agent, "ip": "203.0.113.7",
    }  # fmt: skip


@pytest.fixture
def kept(command):
    """Three links at once in spring, a monitor of our own in autumn, and what no rule is about."""
    command.tenant.send(
        *(click("spring", 1, link) for link in ("a", "b", "c")),
        click("autumn", 1, "a", "curl/8.5.0 AcmeMonitor"),
        {"type": "clicked", "time": "2026-10-05T10:00:00Z", "campaign": "winter", "recipient": "bob", "link": "a"},
    )
    command.tenant.client.patch("/v1/workspaces", json=LATER_RULES).raise_for_status()
    return command


def clicks(command) -> dict[str, int]:
    found = command.tenant.stats("clicked", dimensions="traffic", traffic="all")
    return {row["traffic"]: row["clicked"] for row in found["rows"]}


def test_history_is_classified_anew(kept):
    assert clicks(kept) == {"human": 4, "bot": 1}
    dry = kept("reclassify", "--dry-run")
    assert dry.code == 0, dry.err
    assert dry.out.startswith("looked at 4 events of 3 campaigns: 4 would be of another class, 0 would be explained")
    assert clicks(kept) == {"human": 4, "bot": 1}

    done = kept("reclassify")
    assert done.code == 0, done.err
    lines = [line.split() for line in done.out.splitlines()]
    assert lines[0][:4] == ["looked", "at", "4", "events"]
    assert ["human", "scanner", "3"] in lines
    assert ["bot", "human", "1"] in lines
    assert ["many_links_at_once", "3"] in lines
    assert ["allowed", "1"] in lines
    assert clicks(kept) == {"human": 2, "scanner": 3}
    assert kept("check").code == 0

    again = json.loads(kept("reclassify", "--json").out)
    assert (again["events"], again["changed"], again["classes"]) == (4, 0, [])


def test_only_what_is_named_is_looked_at(kept):
    spring = json.loads(kept("reclassify", "--campaign", "spring", "--dry-run", "--json").out)
    assert spring == {
        "campaigns": 1, "dry_run": True, "events": 3, "changed": 3,
        "classes": [{"from": "human", "to": "scanner", "events": 3}], "reasons": {"many_links_at_once": 3},
    }  # fmt: skip
    early = json.loads(kept("reclassify", "--to", "2026-10-05T10:00:01Z", "--dry-run", "--json").out)
    assert early["events"] == 0
    assert json.loads(kept("reclassify", "--since", "1m", "--dry-run", "--json").out)["events"] == 0
    assert json.loads(kept("reclassify", "--since", "9999w", "--dry-run", "--json").out)["events"] == 4


def test_what_can_t_be_meant_is_said(kept):
    wrong = kept("reclassify", "--since", "yesterday")
    assert wrong.code == 2
    assert "'yesterday' is no age" in wrong.err
    assert kept("reclassify", "--since", "1d", "--from", "2026-10-05").code == 2
    unknown = kept("reclassify", "--campaign", "sprign")
    assert unknown.code == 2
    assert "no campaign 'sprign'" in unknown.err
    refused = kept.tenant.client.post("/v1/reclassify", json={"from": "2026-10-06", "to": "2026-10-05"})
    assert refused.status_code == 400


def test_only_admins_may(make_tenant):
    reader = make_tenant(scopes=("read", "ingest"))
    assert reader.client.post("/v1/reclassify", json={}).status_code == 403
