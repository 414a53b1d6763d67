"""Who is signed in: cookies that are good, forged, old, of a revoked key, of another site. Most without a server."""

from __future__ import annotations

import base64
from collections import OrderedDict
from dataclasses import replace

import msgspec
import pytest
from starlette.requests import Request
from starlette.responses import Response

from turnout.dashboard import session
from turnout.dashboard.session import AGE_S, ENDED_LIMIT, LIFE_S, Session, Sessions
from turnout.errors import Forbidden
from turnout.settings import Settings

NOW_S = 1_790_000_000


def made(secret: bytes = b"secret") -> Sessions:
    return Sessions(secret, OrderedDict())


def asked(**headers: str) -> Request:
    given = {"host": "stats.example", **{name.replace("_", "-"): value for name, value in headers.items()}}
    raw = [(name.encode(), value.encode()) for name, value in given.items()]
    return Request({"type": "http", "method": "POST", "scheme": "http", "path": "/", "headers": raw})


def test_a_cookie_says_whose_session_it_is():
    sessions = made()
    begun = sessions.begin("k1", NOW_S)
    assert sessions.read(sessions.cookie(begun), NOW_S + 5) == begun
    assert sessions.begin("k1", NOW_S).name != begun.name


@pytest.mark.parametrize("cookie", ["", ".", "a.b", "é.ü", "=" * 5000, "eyJ9.", "\x00.\x00"])
def test_what_is_no_cookie_of_ours_is_nobody(cookie):
    assert made().read(cookie, NOW_S) is None


def test_no_other_key_secret_or_purpose_makes_a_cookie():
    sessions = made()
    begun = sessions.begin("k1", NOW_S)
    said, _, mac = sessions.cookie(begun).partition(".")
    other = msgspec.json.encode(msgspec.structs.replace(begun, key="k2"))
    forged = base64.urlsafe_b64encode(other).rstrip(b"=").decode()
    assert sessions.read(f"{forged}.{mac}", NOW_S) is None
    assert sessions.read(f"{said}.{sessions.form_token(begun)}", NOW_S) is None
    assert made(b"another").read(f"{said}.{mac}", NOW_S) is None
    assert sessions.form_token(begun) != sessions.form_token(sessions.begin("k1", NOW_S))


def test_a_session_ends_when_nobody_was_there_and_at_last_anyway():
    sessions = made()
    begun = sessions.begin("k1", NOW_S)
    cookie = sessions.cookie(begun)
    assert sessions.read(cookie, NOW_S + AGE_S - 1)
    assert sessions.read(cookie, NOW_S + AGE_S) is None
    # A clock that was put back a little is no reason to send people away; one that says next year is.
    assert sessions.read(cookie, NOW_S - 30)
    assert sessions.read(cookie, NOW_S - 3600) is None
    latest = sessions.renewed(begun, NOW_S + LIFE_S - 10)
    assert sessions.read(sessions.cookie(latest), NOW_S + LIFE_S - 1) == latest
    assert sessions.read(sessions.cookie(latest), NOW_S + LIFE_S) is None


def test_who_signed_out_stays_out_whichever_of_their_cookies_comes():
    sessions = made()
    begun = sessions.begin("k1", NOW_S)
    sessions.end(begun)
    for cookie in (sessions.cookie(begun), sessions.cookie(sessions.renewed(begun, NOW_S + 100))):
        assert sessions.read(cookie, NOW_S + 100) is None
    for number in range(ENDED_LIMIT):
        sessions.end(Session(str(number), "k1", NOW_S, NOW_S))
    assert len(sessions.ended) == ENDED_LIMIT


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site", "origin": "http://stats.example"},
        {"sec_fetch_site": "same-site"},
        {"origin": "http://evil.example"},
        {"origin": "http://stats.example.evil.example"},
        {"origin": "http://stats.example:8080"},
        # A sandboxed frame, over plain http, where browsers don't say more.
        {"origin": "null"},
    ],
)
def test_a_form_of_another_site_is_refused(headers):
    with pytest.raises(Forbidden):
        session.must_be_ours(asked(**headers), Settings())


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://stats.example"},
        {"origin": "https://Stats.example", "sec_fetch_site": "same-origin"},
        {"origin": "https://public.example"},
    ],
)
def test_a_form_of_ours_is_not(headers):
    session.must_be_ours(asked(**headers), replace(Settings(), public_url="https://public.example"))


@pytest.mark.parametrize(
    ("secure", "beginning", "attributes"),
    [
        (False, "turnout_session=", {"httponly", "path=/", "samesite=lax"}),
        (True, "__Host-turnout_session=", {"httponly", "path=/", "samesite=lax", "secure"}),
    ],
)
def test_a_browser_shows_the_cookie_to_no_script_and_no_other_site(secure, beginning, attributes):
    sessions, response = made(), Response()
    session.keep(response, sessions, sessions.begin("k1", NOW_S), secure=secure)
    cookie = response.headers["set-cookie"]
    assert cookie.startswith(beginning)
    found = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert found - {f"max-age={AGE_S}"} == attributes
