"""The frame of the pages: colours, headers, files of ours, and what is said when something goes wrong."""

from __future__ import annotations

import html
import re
from decimal import Decimal

import httpx
import pytest

from turnout.charts.theme import COLOURS
from turnout.dashboard import pages


def style() -> str:
    body, kind = pages.static("ground.css") or (b"", "")
    assert kind == "text/css"
    return body.decode()


def test_the_style_sheet_has_the_colours_of_the_charts_in_light_and_in_dark():
    light, dark = style().split("@media (prefers-color-scheme: dark)", 1)
    dark = dark.split("/* ---- ground ---- */", 1)[0]
    found = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", part)) for part in (light, dark)]
    for colour in COLOURS:
        assert (found[0][colour.name], found[1][colour.name]) == (colour.light, colour.dark), colour.name


#: A form of a schedule whose reports nobody would have.
REPORT = {"action": "add", "every": "day", "weekday": "monday", "at": "08:00", "timezone": "UTC", "range": "7d"}
REPORT |= {"format": "pdf"}


@pytest.mark.parametrize(
    ("path", "fields", "words"),
    [
        ("settings", {"action": "add-hook", "provider": "zzzz"}, "Unknown provider 'zzzz'."),
        ("reports", REPORT, "The reports would go nowhere."),
        ("links", {"action": "add", "url": "nowhere", "campaign": "a"}, "http"),
    ],
)
def test_every_form_says_what_is_wrong_in_sentences(tenant, visit, path, fields, words):
    client = visit(tenant)
    token = client.get(f"/dashboard/{path}").text.split('name="form_token" value="')[1].split('"')[0]
    answer = client.post(f"/dashboard/{path}", data={"form_token": token, **fields})
    assert answer.status_code == 400
    _, alert = answer.text.split('role="alert"', 1)
    said = html.unescape(re.sub("<[^>]+>", "", alert.partition(">")[2].partition("</p>")[0]))
    assert said[0].isupper()
    assert said.endswith(".")
    assert words in said


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ("a <b>", "a <b>"),
        (12, "12"),
        (0.1, "0.1"),
        ({"EUR": Decimal("1.50")}, '{"EUR":"1.50"}'),
        ({}, "{}"),
    ],
)
def test_a_cell_carries_what_the_api_says(value, text):
    assert pages.raw(value) == text


def test_a_value_stays_with_its_unit():
    assert pages.tied("EUR 1.00 + USD 2.00") == "EUR\xa01.00\xa0+ USD\xa02.00"


@pytest.mark.parametrize("name", ["ground.css", "turnout.css", "dashboard.js", "favicon.svg"])
def test_files_of_ours_are_kept_for_good_at_an_address_of_their_own(url, name):
    answer = httpx.get(url + pages.address_of(name))
    assert (answer.status_code, answer.headers["x-content-type-options"]) == (200, "nosniff")
    assert "immutable" in answer.headers["cache-control"]
    assert answer.content == (pages.static(name) or (b"",))[0]


@pytest.mark.parametrize("name", ["nothing.css", "..%2Fpages.py", "%2e%2e/templates/base.html", ".", "__init__.py"])
def test_no_other_file_is_served(url, name):
    assert httpx.get(f"{url}/dashboard/static/{name}").status_code in (303, 404)


@pytest.mark.parametrize(
    "path", ["/", "/sign-in", "/dashboard/campaign?id=no", "/dashboard/connect", "/dashboard/nothing"]
)
def test_every_page_says_what_it_may_load(tenant, visit, path):
    answer = visit(tenant).get(path, follow_redirects=True)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["referrer-policy"] == "same-origin"
    # Nothing that the policy would refuse.
    foreign = r'<(script|link|img)[^>]* (src|href)="(?!/dashboard/static/)|<script>|<style| style=| on[a-z]+='
    assert not re.search(foreign, answer.text)


def test_what_went_wrong_is_said_in_the_frame_of_whoever_asked(tenant, visit, url):
    answer = visit(tenant).get("/dashboard/campaign", params={"id": "<b>&\u202e"})
    assert answer.status_code == 404
    assert "No campaign &#39;&lt;b&gt;&amp;" in answer.text
    assert "Sign out" in answer.text
    # And nobody else's.
    answer = httpx.post(f"{url}/sign-in", data={"key": "x"}, headers={"Origin": "https://evil.example"})
    assert (answer.status_code, "Sign out" in answer.text) == (403, False)


@pytest.mark.parametrize("body", [b"\xff", b"a=%00", b"&".join(b"a=1" for _ in range(300))])
def test_what_is_no_form_is_refused(url, body):
    answer = httpx.post(f"{url}/sign-in", content=body)
    assert answer.status_code == 400


def test_a_form_is_bounded(url):
    answer = httpx.post(f"{url}/sign-in", content=b"key=" + b"a" * pages.FORM_LIMIT_BYTES)
    assert answer.status_code == 413
