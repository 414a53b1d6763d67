"""Every line of the page works as it is, with nothing but the key in the environment."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from typing import Any

import httpx
import pytest
from tests.dashboard.reading import read, words

from turnout.dialects.registry import ROOMS

VENDORS = [room.name for room in ROOMS if room.title]

#: What a shell that ends where anything goes wrong does before a line; curl then says so, too.
STRICT = 'set -euo pipefail; curl() { command curl --fail-with-body --noproxy "*" "$@"; }; '


def lines(page: str) -> list[tuple[str, str]]:
    """The lines for a shell, each with whose it is."""
    found = re.findall(r'<pre class="code" data-shell="(\w+)">(.*?)</pre>', page, re.DOTALL)
    return [(whose, html.unescape(code)) for whose, code in found]


@pytest.fixture
def run(tmp_path):
    """Runs a line in a shell that has the key, and reads the JSON that it prints."""
    for program in ("bash", "curl", "openssl"):
        if shutil.which(program) is None:
            if os.environ.get("CI"):
                pytest.fail(f"no {program} on this machine")
            pytest.skip(f"no {program} on this machine")
    event = {"type": "sent", "time": "2026-11-18T09:30:00Z", "campaign": "hello", "recipient": "ann"}
    (tmp_path / "events.ndjson").write_text(json.dumps(event) + "\n")

    def go(code: str, key: str) -> Any:
        environment = {"PATH": os.environ["PATH"], "KEY": key}
        done = subprocess.run(
            ["bash", "-c", STRICT + code], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=30
        )
        assert done.returncode == 0, (code, done.stdout, done.stderr)
        return json.loads(done.stdout)

    return go


def test_every_line_works_with_the_key_alone(sampled, visit, run):
    answer = visit(sampled).get("/dashboard/connect")
    assert answer.status_code == 200
    vendors = [(whose, code) for whose, code in lines(answer.text) if whose != "own"]
    assert [whose for whose, _ in vendors] == VENDORS
    said = {whose: run(code, sampled.key) for whose, code in vendors}
    # Each is the vendor's own shape, with numbers of the sample in it.
    assert said["braze"]["data"][0]["messages"]["email"][0]["sent"] >= 0
    assert said["batch"]["detail"]
    assert said["emailconsul"]["meta"]["count"] > 0
    assert said["intarget"][0]["sent"] == 3600
    assert "results" in said["shoplive"]


def test_the_first_steps_are_taken_one_after_the_other(tenant, visit, run):
    page = visit(tenant).get("/dashboard/connect").text
    own = [code for _, code in lines(page)]
    # Without a campaign the vendors have nothing to be asked about, and the page says what to do.
    assert {whose for whose, _ in lines(page)} == {"own"}
    assert "Send a first event" in words(read(page))
    said = [run(code, tenant.key) for code in own]
    assert [one.get("accepted") for one in said] == [1, None, None, None, 1, None, 1]
    assert said[1]["totals"] == {"opened": 1, "unique_opened": 1}
    assert "/r/" in said[2]["tracked_url"]
    assert said[3]["id"] == "first-show"
    assert "/hooks/" in said[5]["url"]
    totals = tenant.stats("opened,sent,watched", traffic="all")["totals"]
    assert totals == {"opened": 1, "sent": 1, "watched": 1}
    # Now there is something to ask about.
    assert {whose for whose, _ in lines(visit(tenant).get("/dashboard/connect").text)} == {"own", *VENDORS}


def test_no_secret_is_on_the_page(sampled, visit):
    page = visit(sampled).get("/dashboard/connect").text
    assert sampled.workspace.access_key in page
    assert sampled.key not in page
    assert sampled.workspace.signing_secret not in page
    # Nor anything that it signed.
    assert "eyJ" not in page
    for room in ROOMS:
        if room.title:
            assert f"{len(room.routes)} routes are answered" in words(read(page))


def test_the_base_is_where_people_reach_it(sampled, served_with):
    where = served_with(public_url="https://stats.example.com/")
    with httpx.Client(base_url=where) as client:
        client.post("/sign-in", data={"key": sampled.key})
        # The cookie is for https alone there, as the public address is.
        client.cookies = httpx.Cookies(dict(client.cookies.items()))
        page = client.get("/dashboard/connect").text
    assert "https://stats.example.com/v1/events" in page
    assert '<script src="https://stats.example.com/turnout.js"' in html.unescape(page)
    assert where not in page
