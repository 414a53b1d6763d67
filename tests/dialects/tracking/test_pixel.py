"""GET /o/{token}.gif over HTTP: always the same picture; an open where the token says of what."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from turnout.capture.pixel import PICTURE
from turnout.capture.tokens import Claim, Purpose, sign

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def token(tenant: Any, purpose: Purpose = "recipient", **said: Any) -> str:
    claim = Claim(**{"workspace": tenant.workspace.id, "campaign": "c", **said})
    return sign(claim, tenant.workspace.signing_secret, purpose)


@pytest.fixture
def load(url: str) -> Callable[..., httpx.Response]:
    """Asks as a mail program would, and insists on the picture."""

    def ask(path: str, method: str = "GET", **headers: str) -> httpx.Response:
        answer = httpx.request(method, url + path, headers={"User-Agent": BROWSER, **headers})
        assert answer.status_code == 200, path
        assert answer.headers["content-type"] == "image/gif"
        assert answer.headers["content-length"] == "43"
        assert answer.headers["cache-control"] == "no-store, no-cache, must-revalidate, private"
        assert answer.content == (PICTURE if method != "HEAD" else b"")
        return answer

    return ask


def test_the_picture_is_one_transparent_point():
    signature, width, height, flags = struct.unpack("<6sHHB", PICTURE[:11])
    assert (signature, width, height) == (b"GIF89a", 1, 1)
    assert flags & 0x80  # it has a palette, of two colours
    assert PICTURE[19:23] == b"!\xf9\x04\x01"  # the first of which is transparent
    assert PICTURE[-1:] == b";"
    assert len(PICTURE) == 43


def test_an_open_is_counted_for_who_opened(tenant, load):
    said = {"recipient": "ann", "message": "m", "variation": "v", "send_id": "s", "profile": "p", "channel": "email"}
    load(f"/o/{token(tenant, **said)}.gif")
    load(f"/o/{token(tenant, **said)}.gif?cache=1", Purpose="prefetch")
    found = tenant.stats("opened,opened_direct,unique_opened", traffic="all")["totals"]
    assert found == {"opened": 2, "opened_direct": 2, "unique_opened": 1}
    events = tenant.client.get("/v1/events", params={"format": "csv"}).text
    assert "prefetch_header" in events
    assert BROWSER in events
    for dimension in ("message", "variation", "profile", "channel"):
        rows = tenant.stats("opened", dimensions=dimension, traffic="all")["rows"]
        assert rows == [{dimension: said[dimension], "opened": 2}]


def test_nothing_else_is_an_open_and_all_get_the_picture(tenant, make_tenant, load):
    good = token(tenant, recipient="ann")
    load(f"/o/{good}.gif", "HEAD")
    load(f"/o/{good}", "GET")
    load(f"/o/{good}.gif", "POST")
    stranger = make_tenant()
    for bad in (
        good[:-1], f"{good}A", "x", "%00", "a.gif", "..%2F..", token(tenant, "target"), token(tenant, campaign=""),
        token(tenant, expires_s=1), token(tenant, workspace="nowhere"), token(stranger, workspace=tenant.workspace.id),
    ):  # fmt: skip
        load(f"/o/{bad}.gif")
    for path in ("/o/.gif", "/o/", "/o/a/b.gif", "/o"):
        if path != "/o":
            load(path)
    assert tenant.stats("opened", traffic="all")["totals"] == {"opened": 0}
    assert stranger.stats("opened", traffic="all")["totals"] == {"opened": 0}
