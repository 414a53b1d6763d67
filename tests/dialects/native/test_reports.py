"""Reports over the API: one now, and those that are made by the clock."""

from __future__ import annotations

import pytest

from turnout.panels.registry import PANELS

WEEKLY = {"campaigns": ["spring"], "every": "week", "weekday": "friday", "at": "07:30", "folder": True}


@pytest.fixture(autouse=True)
def _a_short_report(monkeypatch):
    """One panel; what the others show in a report is tested with reports."""
    monkeypatch.setattr("turnout.reports.document.PANELS", {"funnel": PANELS["funnel"]})


def test_a_report_is_a_file_of_the_api_s_numbers(sampled):
    query = {"from": "2026-11-06", "to": "2026-11-08", "traffic": "all", "timezone": "America/New_York"}
    answer = sampled.client.get("/v1/campaigns/spring-sale/report.html", params=query)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-disposition"].endswith('-spring-sale.html"')
    assert "sandbox" in answer.headers["content-security-policy"]
    clicked = sampled.stats("unique_clicked", campaign="spring-sale", **query)["totals"]["unique_clicked"]
    assert f'data-name="unique_clicked">{clicked:,}<' in answer.text
    assert "6 Nov 2026 – 7 Nov 2026 (America/New_York)" in answer.text
    printed = sampled.client.get("/v1/campaigns/sms-flash/report.pdf")
    assert (printed.headers["content-type"], printed.content[:5]) == ("application/pdf", b"%PDF-")


@pytest.mark.parametrize(
    ("address", "status", "words"),
    [
        ("nowhere/report.html", 404, "no campaign"),
        ("spring/report.docx", 404, "there are html, pdf"),
        ("spring/report.html?range=7days", 400, "did you mean"),
        ("spring/report.html?timezone=Mars", 400, "time zone"),
        ("spring/report.html?form=pdf", 400, "unknown parameter"),
        ("spring/report.pdf?metrics=opned", 400, "did you mean 'opened'"),
    ],
)
def test_what_can_t_be_reported_is_said(tenant, address, status, words):
    tenant.client.put("/v1/campaigns/spring", json={})
    answer = tenant.client.get(f"/v1/campaigns/{address}")
    assert answer.status_code == status
    assert words in answer.text


def test_a_schedule_is_made_shown_asked_for_and_deleted(tenant):
    client = tenant.client
    client.put("/v1/campaigns/spring", json={})
    answer = client.post("/v1/reports", json=WEEKLY)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made["when"] == "every Friday at 07:30 (UTC)"
    assert made["next_at"][11:] == "07:30:00Z"
    assert (made["last"], made["attempt"]) == (None, None)
    listed = client.get("/v1/reports").json()
    assert listed == {"reports": [made], "mail": False}
    assert client.get(f"/v1/reports/{made['id']}").json() == made
    assert client.post(f"/v1/reports/{made['id']}/run").status_code == 202
    assert client.delete(f"/v1/reports/{made['id']}").status_code == 204
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/run")):
        assert client.request(method, f"/v1/reports/{made['id']}{path}").status_code == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"campaigns": ["autumn"]}, "campaigns"),
        ({"campaigns": [f"c{number}" for number in range(21)]}, "campaigns"),
        ({"to": ["ada@example.com"]}, "to"),
        ({"folder": False}, "to"),
        ({"at": "24:00"}, "at"),
        ({"day": 32}, "day"),
        ({"weekday": "caturday"}, "weekday"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"subject": "a\nb"}, "subject"),
        ({"id": "mine"}, "id"),
    ],
)
def test_a_wrong_schedule_names_its_field(tenant, change, field):
    tenant.client.put("/v1/campaigns/spring", json={})
    answer = tenant.client.post("/v1/reports", json={**WEEKLY, **change})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert field in f"{error['field']} {error['message']}"
    assert tenant.client.get("/v1/reports").json()["reports"] == []


def test_who_may_read_sees_and_changes_nothing(make_tenant):
    reader = make_tenant(scopes=("read",)).client
    assert reader.get("/v1/reports").status_code == 200
    assert reader.post("/v1/reports", json={"folder": True}).status_code == 403
    assert reader.post("/v1/reports/abc/run").status_code == 403
    assert reader.delete("/v1/reports/abc").status_code == 403
    writer = make_tenant(scopes=("ingest",)).client
    assert writer.get("/v1/reports").status_code == 403
    assert writer.get("/v1/campaigns/spring/report.html").status_code == 403


def test_another_workspace_s_reports_do_not_exist(make_tenant):
    mine, other = make_tenant().client, make_tenant().client
    made = mine.post("/v1/reports", json={"folder": True}).json()
    for method, path in (("GET", ""), ("POST", "/run"), ("DELETE", "")):
        assert other.request(method, f"/v1/reports/{made['id']}{path}").status_code == 404
    assert other.get("/v1/reports").json()["reports"] == []
    assert mine.get(f"/v1/reports/{made['id']}").json() == made
