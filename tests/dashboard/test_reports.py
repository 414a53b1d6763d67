"""The page of reports: what it shows, what its form makes, and who may."""

from __future__ import annotations

import re

import httpx
import pytest

from turnout.dashboard.reports import fields_of
from turnout.dashboard.settings_forms import Form
from turnout.errors import InvalidInput
from turnout.panels.registry import PANELS

PAGE = "/dashboard/reports"
SAID = {
    "action": "add", "of": "ids", "campaigns": "spring\n\n<b>bold</b>\n", "tag": "ignored", "every": "week",
    "weekday": "friday", "day": "1", "at": "07:30", "timezone": "Asia/Kolkata", "range": "7d", "format": "pdf",
    "folder": "yes", "to": "", "subject": '"><script>alert(1)</script>',
}  # fmt: skip


@pytest.fixture(autouse=True)
def _a_short_report(monkeypatch):
    """One panel; what the others show in a report is tested with reports."""
    monkeypatch.setattr("turnout.reports.document.PANELS", {"funnel": PANELS["funnel"]})


def token(client: httpx.Client) -> str:
    return client.get(PAGE).text.split('name="form_token" value="')[1].split('"')[0]


def test_a_schedule_is_made_run_and_deleted_by_its_forms(tenant, visit):
    tenant.client.put("/v1/campaigns/spring", json={})
    tenant.client.put("/v1/campaigns/%3Cb%3Ebold%3C%2Fb%3E", json={})
    client = visit(tenant)
    answer = client.post(PAGE, data={**SAID, "form_token": token(client)})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}?done=added"), answer.text
    (made,) = tenant.client.get("/v1/reports").json()["reports"]
    assert made["campaigns"] == ["spring", "<b>bold</b>"]
    assert (made["tag"], made["format"], made["when"]) == ("", "pdf", "every Friday at 07:30 (Asia/Kolkata)")
    page = client.get(f"{PAGE}?done=added").text
    assert "The report is scheduled." in page
    assert "every Friday at 07:30 (Asia/Kolkata)" in page
    for written in ("<b>bold", "<script>alert"):
        assert written not in page
    asked = {"form_token": token(client), "id": made["id"]}
    assert client.post(PAGE, data={**asked, "action": "delete"}).headers["location"] == f"{PAGE}?done=deleted"
    assert client.post(PAGE, data={**asked, "action": "run"}).status_code == 404
    assert tenant.client.get("/v1/reports").json()["reports"] == []


def test_what_is_wrong_is_said_and_nothing_is_lost(tenant, visit):
    client = visit(tenant)
    answer = client.post(PAGE, data={**SAID, "form_token": token(client)})
    assert answer.status_code == 400
    assert "No campaign &#39;spring&#39;." in answer.text
    assert re.search(r'name="of" value="ids" checked', answer.text)
    assert "spring\n\n&lt;b&gt;bold&lt;/b&gt;" in answer.text
    assert 'value="Asia/Kolkata"' in answer.text
    assert 'value="&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"' in answer.text
    assert client.post(PAGE, data={"form_token": token(client), "action": "explode"}).status_code == 400


def test_no_other_site_and_no_reader_changes_anything(make_tenant, visit):
    tenant = make_tenant()
    client = visit(tenant)
    assert client.post(PAGE, data={**SAID, "form_token": "forged"}).status_code == 403
    elsewhere = {"origin": "https://evil.example"}
    assert client.post(PAGE, data={**SAID, "form_token": token(client)}, headers=elsewhere).status_code == 403
    reader = visit(make_tenant(scopes=("read",)))
    page = reader.get(PAGE)
    assert page.status_code == 200
    assert "Schedule a report" not in page.text
    assert "on the server" not in page.text
    assert reader.post(PAGE, data=SAID).status_code == 403
    assert tenant.client.get("/v1/reports").json()["reports"] == []


def test_a_report_is_looked_at_or_kept(sampled, visit):
    client = visit(sampled)
    seen = client.get("/dashboard/report", params={"id": "sms-flash", "traffic": "all"})
    assert seen.headers["content-disposition"] == "inline"
    assert "default-src 'none'" in seen.headers["content-security-policy"]
    assert seen.text == sampled.client.get("/v1/campaigns/sms-flash/report.html", params={"traffic": "all"}).text or (
        re.sub(r"Made [^<]*", "", seen.text)
        == re.sub(r"Made [^<]*", "", sampled.client.get("/v1/campaigns/sms-flash/report.html?traffic=all").text)
    )
    kept = client.get("/dashboard/report", params={"id": "sms-flash", "form": "html"})
    assert kept.headers["content-disposition"].endswith('-sms-flash.html"')
    assert client.get("/dashboard/report", params={"id": "nowhere"}).status_code == 404
    assert client.get("/dashboard/report", params={"id": "sms-flash", "form": "exe"}).status_code == 404
    assert client.get("/dashboard/report", params={"id": "sms-flash", "range": "8d"}).status_code == 400


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"day": "first"}, "day"),
        ({"day": "32"}, "day"),
        ({"every": "hour"}, "every"),
        ({"campaigns": " \n "}, "campaigns"),
        ({"of": "tag", "tag": ""}, "tag"),
        ({"subject": "x" * 201}, "subject"),
        ({"to": " ".join(f"a{number}@example.com" for number in range(21))}, "to"),
    ],
)
def test_a_form_that_is_no_schedule_names_its_field(change, field):
    with pytest.raises(InvalidInput) as error:
        fields_of(Form({name: [value] for name, value in {**SAID, **change}.items()}))
    assert error.value.field == field


def test_addresses_may_be_written_as_people_do():
    found = fields_of(Form({name: [value] for name, value in {**SAID, "to": "a@x.org, b@x.org;\nc@x.org"}.items()}))
    assert found.to == ("a@x.org", "b@x.org", "c@x.org")
    assert found.folder
    assert fields_of(Form({name: [value] for name, value in SAID.items() if name != "folder"})).folder is False
