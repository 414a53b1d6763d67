"""Counted once, on a real server: whichever way an event comes the second time, at whatever time, by however many."""

from __future__ import annotations

import json
import threading

import httpx
import pytest

LARGE = 700


def event(number: int, **more: object) -> dict[str, object]:
    return {
        "type": "sent",
        "id": f"e{number}",
        "time": "2026-03-05T10:00:00Z",
        "campaign": "spring",
        "recipient": f"r{number}",
        **more,
    }


def send(tenant, body, **headers):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = tenant.client.post("/v1/events", content=content, headers={"Content-Type": "application/json", **headers})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert not found["rejected"]
    return found["accepted"], found["duplicates"]


def lines(events):
    return "\n".join(map(json.dumps, events)).encode()


def counted(tenant):
    totals = tenant.stats("sent,unique_sent")["totals"]
    assert totals["sent"] == totals["unique_sent"]
    return totals["sent"]


def test_within_one_body_the_first_counts(tenant):
    assert send(tenant, [event(1), event(2), event(1, campaign="autumn"), event(2)]) == (2, 2)
    twice = [event(number) for number in range(10, 10 + LARGE)] * 2
    assert send(tenant, lines(twice)) == (LARGE, LARGE)
    rows = tenant.stats("sent", dimensions="campaign")["rows"]
    assert rows == [{"campaign": "spring", "sent": LARGE + 2}]


@pytest.mark.parametrize("is_stored", [True, False])
def test_an_id_is_known_months_later_and_in_another_campaign(tenant, is_stored):
    assert send(tenant, [event(1), event(2)]) == (2, 0)
    if is_stored:
        assert counted(tenant) == 2
    later = {"time": "2026-10-05T10:00:00Z", "campaign": "autumn", "type": "opened", "recipient": "somebody else"}
    assert send(tenant, [event(1, **later), event(3, **later)]) == (1, 1)
    many = [event(number, **later) for number in range(LARGE)]
    assert send(tenant, lines(many)) == (LARGE - 3, 3)
    assert counted(tenant) == 2


@pytest.mark.parametrize("has_id", [True, False])
def test_large_and_small_bodies_mean_the_same_by_an_event(tenant, has_id):
    """They are made into columns in different ways, and must come to the same identity in both."""
    events = [event(number) for number in range(LARGE)]
    if not has_id:
        for one in events:
            del one["id"]
    assert send(tenant, lines(events)) == (LARGE, 0)
    assert send(tenant, events[:5]) == (0, 5)
    assert send(tenant, [dict(reversed(one.items())) for one in events[5:10]]) == (0, 5)
    small = [{**one, "campaign": "autumn"} for one in events[:20]]
    assert send(tenant, small) == ((0, 20) if has_id else (20, 0))
    assert send(tenant, lines([{**one, "campaign": "autumn"} for one in events])) == (
        (0, LARGE) if has_id else (LARGE - 20, 20)
    )


def test_of_many_connections_one_counts(tenant):
    bodies = [[event(number) for number in range(first, first + 40)] for first in (0, 20, 0, 10, 30, 0, 20, 40)]
    receipts = []
    together = threading.Barrier(len(bodies))

    def post(body):
        headers = {"Authorization": f"Bearer {tenant.key}"}
        with httpx.Client(base_url=str(tenant.client.base_url), headers=headers, timeout=60) as client:
            together.wait(20)
            receipts.append(client.post("/v1/events", json=body).json())

    threads = [threading.Thread(target=post, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(receipt["accepted"] for receipt in receipts) == 80
    assert sum(receipt["duplicates"] for receipt in receipts) == 8 * 40 - 80
    assert counted(tenant) == 80


def test_an_exported_event_is_known_by_its_id_and_new_to_another_workspace(make_tenant):
    mine, theirs = make_tenant(), make_tenant()
    assert send(mine, [event(1), event(2)]) == (2, 0)
    exported = mine.client.get("/v1/events").text.splitlines()
    assert all(json.loads(line)["id"].startswith("turnout:") for line in exported)
    assert send(mine, "\n".join(exported).encode()) == (0, 2)
    assert send(theirs, "\n".join(exported).encode()) == (2, 0)
    assert send(theirs, "\n".join(exported).encode()) == (0, 2)
    assert (counted(mine), counted(theirs)) == (2, 2)


def test_what_two_workspaces_are_given_at_once_is_new_to_both(make_tenant):
    """An exported id is the identity itself, so the same in every workspace; yet each knows only its own."""
    exported = [event(number, id=f"turnout:{number:032x}") for number in range(1, 6)]
    tenants = [make_tenant(), make_tenant()]
    assert [send(tenant, exported) for tenant in tenants] == [(5, 0), (5, 0)]
    assert [send(tenant, exported) for tenant in tenants] == [(0, 5), (0, 5)]
    assert [counted(tenant) for tenant in tenants] == [5, 5]
