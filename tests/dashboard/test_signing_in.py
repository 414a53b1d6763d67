"""Signing in and out, over a real socket: who gets a session, who keeps it, where it leads."""

from __future__ import annotations

import httpx
import pytest

from turnout.dashboard.session import AGE_S, RENEWED_AFTER_S, Session, sessions_of


def token_of(page: str) -> str:
    return page.split('name="form_token" value="')[1].split('"')[0]


def test_a_key_opens_the_dashboard_and_signing_out_closes_it(tenant, visit):
    client = visit(tenant)
    first = client.get("/")
    assert first.status_code == 200
    assert tenant.key not in first.text + str(client.cookies)
    assert client.get("/sign-in").headers["location"] == "/"
    cookie = client.cookies["turnout_session"]
    # Another session's token is of no use, and the session goes on.
    assert client.post("/sign-out", data={"form_token": token_of(visit(tenant).get("/").text)}).status_code == 403
    answer = client.post("/sign-out", data={"form_token": token_of(client.get("/").text)})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert "turnout_session" not in client.cookies
    # The cookie is of no more use, whoever kept it.
    answer = httpx.get(f"{client.base_url}/", cookies={"turnout_session": cookie})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert "Your visit is over" in httpx.get(f"{client.base_url}/sign-in", cookies={"turnout_session": cookie}).text


def test_who_is_not_signed_in_comes_back_to_where_they_wanted(tenant, url):
    answer = httpx.get(f"{url}/dashboard/campaign?id=a%20b")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=%2Fdashboard%2Fcampaign%3Fid%3Da%2520b"
    assert 'name="next" value="/dashboard/campaign?id=a%20b"' in httpx.get(url + answer.headers["location"]).text
    signed = httpx.post(f"{url}/sign-in", data={"key": f" {tenant.key}\n", "next": "/dashboard/campaign?id=a%20b"})
    assert signed.headers["location"] == "/dashboard/campaign?id=a%20b"


@pytest.mark.parametrize(
    "onward",
    ["https://evil.example/", "//evil.example", "//[", "/\\evil.example", "\\\\evil", "evil", "/\t/evil.example",
     "/dashboard/\\\\evil", "javascript:alert(1)", "/sign-out", "/dashboard/" + "a" * 5000],
)  # fmt: skip
def test_signing_in_leads_to_no_other_site(tenant, url, onward):
    answer = httpx.post(f"{url}/sign-in", data={"key": tenant.key, "next": onward})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert 'name="next" value=""' in httpx.get(f"{url}/sign-in", params={"next": onward}).text


def test_a_key_that_is_wrong_revoked_or_may_not_read_opens_nothing(make_tenant, house, url):
    blind = make_tenant(scopes=("ingest",))
    made, revoked = house.services.catalog.add_key(blind.workspace.id)
    house.services.catalog.revoke_key(blind.workspace.id, made.id)
    for key, status, words in (
        ("guessed", 401, "not known"),
        ("", 401, "not known"),
        (revoked, 401, "not known"),
        (blind.key, 403, "may not read"),
    ):
        answer = httpx.post(f"{url}/sign-in", data={"key": key})
        assert (answer.status_code, words in answer.text) == (status, True)
        assert "set-cookie" not in answer.headers
        assert not key or key not in answer.text


def test_a_session_ends_with_its_key(tenant, house, visit):
    client = visit(tenant)
    for key in house.services.catalog.keys(tenant.workspace.id):
        house.services.catalog.revoke_key(tenant.workspace.id, key.id)
    assert client.get("/").status_code == 303


def test_a_session_is_renewed_while_somebody_is_there(tenant, house, url):
    sessions, key = sessions_of(house.services), house.services.catalog.keys(tenant.workspace.id)[0].id
    now_s = int(house.services.now().timestamp())
    for age_s, renewed in ((RENEWED_AFTER_S - 60, False), (RENEWED_AFTER_S + 1, True), (AGE_S + 1, False)):
        cookie = sessions.cookie(Session("name", key, now_s - age_s, now_s - age_s))
        answer = httpx.get(f"{url}/sign-in", cookies={"turnout_session": cookie})
        assert answer.status_code == (200 if age_s > AGE_S else 303)
        answer = httpx.get(f"{url}/", cookies={"turnout_session": cookie})
        assert ("set-cookie" in answer.headers) is renewed
        if renewed:
            again = sessions.read(answer.cookies["turnout_session"], now_s)
            assert again is not None
            assert (again.name, again.begun_s) == ("name", now_s - age_s)
            assert again.at_s >= now_s


def test_over_https_a_neighbour_s_cookie_opens_nothing(tenant, served_with):
    url, behind = served_with(proxy_hops=1), {"X-Forwarded-Proto": "https"}
    answer = httpx.post(f"{url}/sign-in", data={"key": tenant.key}, headers=behind)
    cookie = answer.headers["set-cookie"].partition("=")[2].partition(";")[0]
    # A site below the same domain may set this one, and not the other.
    for name, status in (("turnout_session", 303), ("__Host-turnout_session", 200)):
        headers = {**behind, "Cookie": f"{name}={cookie}"}
        assert httpx.get(f"{url}/dashboard/settings", headers=headers).status_code == status


def test_guessing_ends_and_whoever_was_in_before_goes_on(tenant, served_with, make_tenant):
    # Addresses of this machine are not counted: a proxy in front says that it is another.
    url = served_with(attempts_limit_per_minute=3, proxy_hops=1)
    away = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https"}
    other = make_tenant()
    first = httpx.post(f"{url}/sign-in", data={"key": tenant.key}, headers=away)
    assert first.headers["set-cookie"].startswith("__Host-turnout_session=")
    assert "secure" in first.headers["set-cookie"].lower()
    for _ in range(3):
        assert httpx.post(f"{url}/sign-in", data={"key": "guess"}, headers=away).status_code == 401
    # From now on a good guess and a bad one are answered alike.
    answers = [httpx.post(f"{url}/sign-in", data={"key": key}, headers=away) for key in ("guess", other.key)]
    assert [answer.status_code for answer in answers] == [429, 429]
    assert all(0 < int(answer.headers["retry-after"]) <= 60 for answer in answers)
    assert httpx.post(f"{url}/sign-in", data={"key": tenant.key}, headers=away).status_code == 303


def test_signing_in_is_refused_to_a_form_of_another_site(tenant, url):
    answer = httpx.post(f"{url}/sign-in", data={"key": tenant.key}, headers={"Origin": "https://evil.example"})
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)
