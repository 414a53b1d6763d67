"""Persons leave and every number stays: held to /v1/stats, asked before and after."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from functools import partial
from urllib.parse import quote

import pytest

from turnout import privacy
from turnout.errors import Overloaded
from turnout.privacy import Daily
from turnout.store import erasure
from turnout.store.retention import Retention

ANNA, BEN, CARA = "Anna@Mail.example", "ben@mail.example", "r1"
START = 1_759_658_400  # 2025-10-05 10:00 UTC

CLICKED = f"https://shop.example/?u={quote(ANNA, safe='')}"

#: What is asked before and after: metrics, and what they are grouped by.
QUESTIONS = [
    ("sent,delivered,opened,clicked,unique_sent,unique_opened,unique_clicked,open_rate,click_rate", {}),
    ("sent,opened,unique_opened,clicked,unique_clicked", {"dimensions": "campaign,day"}),
    ("opened,unique_opened,clicked,unique_clicked", {"dimensions": "country,device,browser"}),
    ("opened,unique_opened,sent,unique_sent", {"dimensions": "recipient_domain"}),
    ("unique_opened,unique_clicked", {"from_": "2025-10-05T10:07:00Z", "to": "2025-10-05T11:11:00Z"}),
    ("unique_sent,unique_opened", {"dimensions": "hour", "timezone": "Asia/Kathmandu"}),
    ("revenue,conversions,purchased", {"dimensions": "campaign"}),
    ("conversions,revenue,conversion_rate", {}),
    ("viewers,login_viewers,peak_concurrent_viewers,viewing_time_s", {"dimensions": "campaign"}),
    ("clicked,unique_clicked", {"dimensions": "param"}),
    ("clicked", {"dimensions": "link_title,traffic", "traffic": "all"}),
]

FEW = QUESTIONS[:3]


def story(recipient, minute=0, number=0):
    """What one person gets and does in two campaigns, in a show and in the shop."""
    at = START + minute * 60

    def event(kind, after_s=0, **said):
        given = {"type": kind, "time": at + after_s, "recipient": recipient, "id": f"{kind}-{after_s}-{number}"}
        if kind not in ("purchased", "app_opened"):
            given["campaign"] = "spring"
        return {**given, **said}

    place = {"ip": "192.0.2.7", "user_agent": f"Mail/1 ({recipient})", "country": "DE", "device": "phone"}
    return [
        event("sent", channel="email", message="m1", properties={"first_name": f"name of {recipient}"}),
        event("delivered", 1),
        event("opened", 60, **place),
        event("opened", 7200, **place),
        event("clicked", 90, url=CLICKED, link_title="Shop", params={"u": recipient, "x": "1"}, **place),
        event("clicked", 95, link=f"for-{recipient}", **place),
        event("purchased", 600, amount="12.50", currency="EUR", order=f"order-{recipient}-1"),
        event("purchased", 660, amount="12.50", currency="EUR", order=f"order-{recipient}-1"),
        event("sent", 1000, campaign="autumn", send_id=f"send-{recipient}"),
        event("opened", 2000, campaign="autumn"),
        event("watched", 3000, campaign="show", duration_s=600),
        event("watched", 3300, campaign="show", duration_s=600),
        event("liked", 3301, campaign="show"),
    ]


@pytest.fixture
def told(tenant):
    """A workspace with the stories of three persons, and one order that is told again."""
    for name in ("spring", "autumn"):
        goals = [{"event": "purchased", "window_s": 86_400, "after": "sent"}]
        assert tenant.client.put(f"/v1/campaigns/{name}", json={"goals": goals}).status_code == 201
    for number, recipient in enumerate((ANNA, BEN, CARA)):
        tenant.send(*story(recipient, number * 7, number))
    again = {"type": "converted", "campaign": "spring", "time": START + 900, "amount": "12.50", "currency": "EUR"}
    tenant.send({**again, "recipient": BEN, "order": f"order-{ANNA}-1"})
    return tenant


def numbers(tenant, questions=QUESTIONS):
    found = []
    for metrics, query in questions:
        answer = tenant.stats(metrics, **query)
        rows = sorted(map(json.dumps, answer["rows"]))
        found.append((metrics, query, rows, answer["totals"], answer["meta"]["excluded"]))
    return found


def erase(tenant, recipient, **query):
    return tenant.client.delete(f"/v1/recipients/{quote(recipient, safe='')}", params=query)


def everything(tenant):
    """All that can be had of the events, as text."""
    return tenant.client.get("/v1/events", params={"format": "ndjson"}).text


def test_a_person_leaves_and_every_number_stays(told, make_tenant):
    other = make_tenant()
    other.send(*story(ANNA))
    before = numbers(told)
    theirs = {line for line in everything(told).splitlines() if BEN in line and "Anna" not in line}
    assert len(theirs) == 12
    assert erase(told, "nobody@mail.example").json() == {"events": 0, "mentions": 0, "letters": 0}
    answer = erase(told, ANNA)
    assert answer.status_code == 200
    assert answer.json()["events"] == 13
    assert numbers(told) == before
    left = everything(told)
    for trace in (ANNA, ANNA.lower(), quote(ANNA, safe=""), "Mail/1 (Anna"):
        assert trace not in left
    assert theirs <= set(left.splitlines())
    assert told.client.post("/v1/check", json={}).json()["differences"] == []
    assert other.stats("sent", recipient=ANNA)["totals"]["sent"] == 2


def test_all_events_of_a_person_get_one_new_name_with_the_old_domain(told):
    assert erase(told, ANNA).json() == {"events": 13, "mentions": 3, "letters": 0}
    rows = [json.loads(line) for line in everything(told).splitlines()]
    mine = [row for row in rows if row.get("recipient", "").startswith(erasure.PSEUDONYM)]
    assert len(mine) == 13
    (name,) = {row["recipient"] for row in mine}
    assert name.endswith("@Mail.example")
    pseudonym = name.partition("@")[0]
    assert {row.get("order") for row in mine if row["type"] == "purchased"} == {f"order-{pseudonym}-1"}
    assert {row.get("link") for row in mine} == {None, f"for-{pseudonym}"}
    assert {row.get("send_id") for row in mine} == {None, f"send-{pseudonym}"}
    for field in ("ip", "user_agent", "properties"):
        assert not any(row.get(field) for row in mine)
    # Ben's order was Anna's, and still counts once.
    assert [row["order"] for row in rows if row["type"] == "converted"] == [f"order-{pseudonym}-1"]
    # Who is gone is gone already; what is sent again is known; what is new is of somebody new.
    assert erase(told, ANNA).json() == {"events": 0, "mentions": 0, "letters": 0}
    assert told.send(*story(ANNA, 0, 0)) == {"accepted": 0, "duplicates": 13, "rejected": []}
    before = told.stats("unique_sent")["totals"]["unique_sent"]
    told.send({"type": "sent", "campaign": "spring", "time": START, "recipient": ANNA})
    assert told.stats("unique_sent")["totals"]["unique_sent"] == before + 1


def test_a_short_id_is_taken_out_of_what_only_they_have(told):
    click = {"type": "clicked", "campaign": "spring", "time": START, "url": "https://shop.example/r1"}
    told.send({**click, "recipient": CARA}, {**click, "recipient": BEN})
    before = numbers(told, FEW)
    assert erase(told, CARA).json()["mentions"] == 0
    assert numbers(told, FEW) == before
    rows = [json.loads(line) for line in everything(told).splitlines()]
    assert CARA not in {row.get("recipient") for row in rows}
    assert [row["url"] for row in rows if "/r1" in row.get("url", "")] == ["https://shop.example/r1"] * 2
    assert not any(row.get("link") == "for-r1" or row.get("order") == "order-r1-1" for row in rows)
    erase(told, BEN, domain="drop")
    found = told.stats("unique_sent", dimensions="recipient_domain")["rows"]
    assert {row["recipient_domain"]: row["unique_sent"] for row in found} == {"": 2, "mail.example": 1}


def test_a_number_that_is_an_id_becomes_a_text_and_other_numbers_stay(tenant):
    params = {"of": 4711, "all": [4711, 4711, -4711], "price": 4711.5, "said": "4711, 14711", "ö": 'a "\\'}
    tenant.send(
        {"type": "clicked", "campaign": "c", "time": START, "recipient": "4711", "id": "own", "params": params},
        {"type": "clicked", "campaign": "c", "time": START, "recipient": "4915112345", "id": "long"},
        {
            "type": "clicked", "campaign": "c", "time": START, "recipient": BEN, "id": "other",
            "properties": {"friend": 4915112345, "at": 4915112345.25, "note": "of 4915112345"},
        },
    )  # fmt: skip
    before = numbers(tenant, [("clicked,unique_clicked", {"dimensions": "param"})])
    assert erase(tenant, "4711").json()["events"] == 1
    assert erase(tenant, "4915112345").json()["events"] == 1
    rows = {row["recipient"]: row for row in map(json.loads, everything(tenant).splitlines())}
    friend = rows.pop(BEN)["properties"]["friend"]
    assert set(rows) >= {friend}
    (left,) = [row for row in rows.values() if "params" in row]
    name = left["recipient"]
    assert left["params"] == {
        "of": name, "all": [name, name, -4711], "price": 4711.5, "said": f"{name}, 1{name}", "ö": 'a "\\',
    }  # fmt: skip
    assert numbers(tenant, [("clicked,unique_clicked", {"dimensions": "param"})]) == before


def test_nobody_who_left_stays_in_a_file_of_what_came_in(house, tenant):
    who = f"{tenant.workspace.id}@mail.example"
    tenant.send({"type": "opened", "campaign": "c", "time": START, "recipient": who})
    assert erase(tenant, who).json()["events"] == 1
    held = b"".join(file.read_bytes() for file in (house.services.settings.data / "spool").glob("*.spool"))
    assert who.encode() not in held


@pytest.mark.parametrize("path", ["/v1/recipients/", "/v1/recipients/" + "x" * 513, "/v1/recipients/a%00b"])
def test_an_id_that_nobody_has_is_refused(tenant, path):
    answer = tenant.client.delete(path)
    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == "id"


def test_only_an_admin_erases(make_tenant):
    client = make_tenant(scopes=("ingest", "read")).client
    assert client.delete("/v1/recipients/x").status_code == 403
    assert client.post("/v1/retention", json={}).status_code == 403


# ---- retention ------------------------------------------------------------------------------------


def in_days(house, days):
    """The services, so many days after the stories."""
    now = dt.datetime.fromtimestamp(START, dt.UTC) + dt.timedelta(days=days)
    return dataclasses.replace(house.services, now=lambda: now)


def keep_for(house, tenant, days):
    return house.services.catalog.change_workspace(tenant.workspace.id, retention_days=days)


def test_what_is_past_its_time_goes_and_every_number_stays(house, told, monkeypatch):
    monkeypatch.setattr(privacy, "Retention", partial(Retention, part_events=20))
    recent = {"type": "opened", "campaign": "spring", "time": START + 40 * 86_400, "ip": "192.0.2.9", "recipient": BEN}
    told.send(recent)
    before = numbers(told)
    workspace, services = keep_for(house, told, 30), in_days(house, 60)
    expected = privacy.retain(services, workspace, dry_run=True)
    assert ANNA in everything(told)
    done = privacy.retain(services, workspace)
    assert done == expected
    # Cara and Anna; Ben opened ten days after the cut.
    assert (done.cleared, done.recipients) == (15, 2)
    assert numbers(told) == before
    rows = [json.loads(line) for line in everything(told).splitlines()]
    assert {row["recipient"] for row in rows if not row["recipient"].startswith(erasure.PSEUDONYM)} == {BEN}
    assert len({row["recipient"] for row in rows}) == 3
    assert {row.get("ip") for row in rows} == {None, "192.0.2.9"}
    assert told.client.post("/v1/check", json={}).json()["differences"] == []
    nothing = privacy.retain(services, workspace)
    assert (nothing.cleared, nothing.recipients) == (0, 0)


def test_nothing_expires_where_nobody_said_when(house, told):
    assert privacy.retain(in_days(house, 10_000), told.workspace).recipients == 0
    assert told.client.post("/v1/retention", json={}).json() == {
        "retention_days": 0, "before": None, "cleared": 0, "recipients": 0, "dry_run": False,
    }  # fmt: skip
    assert ANNA in everything(told)


def test_retention_is_run_by_the_api(told):
    told.client.patch("/v1/workspaces", json={"retention_days": 1}).raise_for_status()
    look = told.client.post("/v1/retention", json={"dry_run": True}).json()
    assert (look["recipients"], look["dry_run"]) == (3, True)
    assert told.client.post("/v1/retention", json={}).json()["recipients"] == 3
    left = everything(told)
    assert BEN not in left
    assert "Mail/1" not in left
    # What is also in an event of somebody else stays as it is, or it would count as something else there.
    assert {json.loads(line)["order"] for line in left.splitlines() if ANNA in line} == {f"order-{ANNA}-1"}


def test_a_day_s_run_comes_once_a_day_and_after_a_change(house, make_tenant):
    mine, other = make_tenant(), make_tenant()
    seen = []
    keep_for(house, mine, 30)

    def look(daily, day):
        daily._services = in_days(house, day)
        daily.look()

    def run(services, workspace, is_wanted):
        seen.append((workspace.id, services.now().day))

    daily = Daily(house.services, run=run)
    for day in (0, 0, 1):
        look(daily, day)
    keep_for(house, mine, 10)
    look(daily, 1)
    assert [day for name, day in seen if name == mine.workspace.id] == [5, 6, 6]
    assert other.workspace.id not in {name for name, _ in seen}


def test_a_run_ends_between_two_parts_where_the_server_stops(house, told, monkeypatch):
    monkeypatch.setattr(privacy, "Retention", partial(Retention, part_events=1))
    workspace, services = keep_for(house, told, 30), in_days(house, 60)
    turns = iter([True, True])
    with pytest.raises(Overloaded):
        privacy.retain(services, workspace, is_wanted=lambda: next(turns, False))
    left = privacy.retain(services, workspace, dry_run=True)
    assert (left.cleared, left.recipients > 0) == (0, True)
    assert privacy.retain(services, workspace).recipients == left.recipients


def test_a_daily_run_is_told_that_it_is_to_end(house, told):
    keep_for(house, told, 30)
    found = []
    daily = Daily(in_days(house, 60), run=lambda services, workspace, is_wanted: found.append(is_wanted))
    daily.look()
    assert {is_wanted() for is_wanted in found} == {True}
    daily.close()
    assert {is_wanted() for is_wanted in found} == {False}
