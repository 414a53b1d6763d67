"""Signing in and out: who gets a session, who keeps it, who can't make one up."""

from __future__ import annotations

import httpx
import pytest


def test_a_key_opens_the_dashboard_and_signing_out_closes_it(tenant, visit):
    client = visit(tenant)
    assert client.get("/").status_code == 200
    cookie = client.cookies["turnout_session"]
    page = client.get("/").text
    token = page.split('name="form_token" value="')[1].split('"')[0]
    assert client.post("/sign-out", data={"form_token": token}).headers["location"] == "/sign-in"
    # The cookie is of no more use, whoever kept it.
    assert httpx.get(f"{client.base_url}/", cookies={"turnout_session": cookie}).status_code == 303


def test_who_is_not_signed_in_comes_back_to_where_they_wanted(tenant, url):
    answer = httpx.get(f"{url}/dashboard/campaign?id=a%20b")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=%2Fdashboard%2Fcampaign%3Fid%3Da%2520b"
    signed = httpx.post(f"{url}/sign-in", data={"key": tenant.key, "next": "/dashboard/campaign?id=a%20b"})
    assert signed.headers["location"] == "/dashboard/campaign?id=a%20b"


@pytest.mark.parametrize("onward", ["https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil", "evil"])
def test_signing_in_leads_to_no_other_site(tenant, url, onward):
    answer = httpx.post(f"{url}/sign-in", data={"key": tenant.key, "next": onward})
    assert answer.headers["location"] == "/"
