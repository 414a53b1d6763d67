"""turnout.js in a real browser, on a page of another origin, with a player that really plays.

What happened is known: the page notes by its own clock when the player played. What Turnout counts is held against it.
"""

from __future__ import annotations

import datetime as dt
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from tests.dialects.shoplive.conftest import key_of, sign

#: A canvas that is drawn on is the player's stream: no file, no codec, and it plays at once.
PAGE = """<!doctype html><meta charset="utf-8"><title>show</title>
<video muted playsinline></video><canvas width="64" height="36"></canvas>
<a href="#" data-turnout-product="sku-1"><b>shirt</b></a><p data-turnout-banner>banner</p>
<script>
  const video = document.querySelector("video"), canvas = document.querySelector("canvas");
  const paint = canvas.getContext("2d");
  setInterval(() => { paint.fillStyle = `hsl(${Math.random() * 360} 90% 50%)`; paint.fillRect(0, 0, 64, 36) }, 50);
  video.srcObject = canvas.captureStream(10);
</script>
<script src="SERVER/turnout.js" data-campaign="show" data-key="KEY" data-interval-s="1" ATTRIBUTES></script>
"""


@pytest.fixture(scope="module")
def shop():
    """A web server of another origin: `shop(html)` is the address of a page."""
    pages: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = pages.get(self.path)
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", "text/html")
            # No code is made of text, and nothing may be reached but the two servers.
            self.send_header(
                "Content-Security-Policy",
                "default-src 'none'; script-src 'unsafe-inline' http://127.0.0.1:*; connect-src http://127.0.0.1:*; "
                "media-src mediastream:",
            )
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def put(html: str) -> str:
        path = f"/{len(pages)}"
        pages[path] = html.encode()
        return f"http://localhost:{server.server_port}{path}"

    yield put
    server.shutdown()
    server.server_close()


class Show:
    """A workspace with a show, and the pages that play it."""

    def __init__(self, tenant: Any, server: str, put: Callable[[str], str]) -> None:
        self.tenant, self._server, self._put = tenant, server, put
        self.pages: list[Any] = []
        tenant.client.put("/v1/campaigns/show", json={"key": "1234fef8e8e3"}).raise_for_status()

    def page(self, context: Any, attributes: str = "") -> Any:
        html = PAGE.replace("SERVER", self._server).replace("KEY", self.tenant.workspace.access_key)
        opened = context.new_page()
        opened.goto(self._put(html.replace("ATTRIBUTES", attributes)))
        self.pages.append(opened)
        return opened

    def totals(self) -> dict[str, Any]:
        metrics = (
            "viewers,login_viewers,viewing_time_s,peak_concurrent_viewers,liked_quantity,product_clicked,banner_clicked"
        )
        found: dict[str, Any] = self.tenant.stats(metrics, campaign="show")["totals"]
        return found

    def until(self, found: Callable[[dict[str, Any]], bool], within_s: float = 8) -> dict[str, Any]:
        """The totals, once they are as they must become."""
        ends = time.monotonic() + within_s
        while not found(totals := self.totals()) and time.monotonic() < ends:
            self._wait()
        return totals

    def _wait(self) -> None:
        """A little; what a test has to say about requests is heard only while a page waits."""
        for page in self.pages:
            if not page.is_closed():
                page.wait_for_timeout(250)
                return
        time.sleep(0.25)


@pytest.fixture
def show(tenant, url, shop):
    return Show(tenant, url, shop)


def play(page: Any) -> None:
    """Play, and note from when on it does."""
    page.evaluate("""async () => {
        const playing = new Promise(done => video.addEventListener("playing", done, { once: true }));
        await video.play();
        if (video.readyState < 3) await playing;
        window.played ??= 0;
        window.from = performance.now();
    }""")


def pause(page: Any) -> float:
    """Pause, and return for how many seconds it has played in all."""
    found: float = page.evaluate("""async () => {
        video.pause();
        window.played += performance.now() - window.from;
        return window.played / 1000;
    }""")
    return found


def close(first: float, second: float) -> bool:
    return abs(first - second) < 0.35


def test_what_was_played_is_what_is_counted(context, show):
    """Played, paused, played again, and without data for a while: a viewer who waits does not watch."""
    page = show.page(context)
    play(page)
    page.wait_for_timeout(1200)
    pause(page)
    page.wait_for_timeout(500)
    play(page)
    page.wait_for_timeout(400)
    # What a browser tells of an empty buffer.
    page.evaluate("""() => {
        Object.defineProperty(video, "readyState", { get: () => 2, configurable: true });
        video.dispatchEvent(new Event("waiting"));
        window.played += performance.now() - window.from;
    }""")
    page.wait_for_timeout(500)
    page.evaluate("""() => {
        delete video.readyState;
        video.dispatchEvent(new Event("playing"));
        window.from = performance.now();
    }""")
    page.wait_for_timeout(300)
    seconds = pause(page)
    totals = show.until(lambda found: close(found["viewing_time_s"], seconds))
    assert close(totals["viewing_time_s"], seconds), (totals, seconds)
    assert totals | {"viewers": 1, "login_viewers": 0, "peak_concurrent_viewers": 1} == totals
    # A guest is a random id; nothing else is kept.
    assert page.evaluate("localStorage['turnout.guest']").startswith("guest-")
    assert context.cookies() == []
    assert page.evaluate("Object.keys(localStorage)") == ["turnout.guest"]


def test_lost_repeated_and_unanswered_heartbeats_count_once(context, show):
    """Of four beacons one is lost, one arrives though the page never learns, one is sent twice by the network."""
    page = show.page(context)
    met = []

    def meddle(route):
        number = len(met)
        met.append(route.request.post_data)
        if number == 0:
            route.abort()
        elif number == 1:
            httpx.post(route.request.url, content=route.request.post_data)
            route.abort()
        else:
            httpx.post(route.request.url, content=route.request.post_data)
            route.continue_()

    page.route("**/v1/live/**", meddle)
    play(page)
    page.wait_for_timeout(3300)
    seconds = pause(page)
    totals = show.until(lambda found: close(found["viewing_time_s"], seconds))
    assert close(totals["viewing_time_s"], seconds), (totals, seconds)
    assert len(met) >= 3
    assert totals["viewers"] == 1


def test_what_was_played_offline_comes_later_with_its_own_time(context, show):
    page = show.page(context)
    context.set_offline(True)
    play(page)
    page.wait_for_timeout(2500)
    seconds = pause(page)
    assert show.totals()["viewing_time_s"] == 0
    page.wait_for_timeout(500)
    context.set_offline(False)
    totals = show.until(lambda found: close(found["viewing_time_s"], seconds))
    assert close(totals["viewing_time_s"], seconds), (totals, seconds)
    lines = show.tenant.client.get("/v1/events", params={"campaign": "show"}).text.splitlines()
    slots = sorted((json.loads(line) for line in lines), key=lambda event: event["time"])
    assert [slot["duration_s"] for slot in slots][:2] == [1, 1]


def test_two_tabs_of_one_guest_are_one_viewer_until_both_are_closed(context, show):
    """The one is paused, the other closed: what it watched until then goes out with it."""
    first, second = show.page(context), show.page(context)
    play(first)
    first.wait_for_timeout(400)
    play(second)
    first.wait_for_timeout(1300)
    from_ms = first.evaluate("performance.timeOrigin + window.from")
    pause(first)
    # Long enough that the last, partial slot of the second is missed if it doesn't come.
    first.wait_for_timeout(500)
    until_ms = second.evaluate("performance.timeOrigin + performance.now()")
    with second.expect_event("close"):
        second.close(run_before_unload=True)
    seconds = (until_ms - from_ms) / 1000
    totals = show.until(lambda found: close(found["viewing_time_s"], seconds))
    assert close(totals["viewing_time_s"], seconds), (totals, seconds)
    assert totals | {"viewers": 1, "peak_concurrent_viewers": 1} == totals


def test_a_signed_viewer_and_a_guest_watch_at_once(context, show):
    """Where tokens are required. The vendor's API that asks for the same says the same."""
    workspace = show.tenant.workspace
    show.tenant.client.patch("/v1/workspaces", json={"live_tokens": "required"}).raise_for_status()
    token = sign(workspace.signing_secret.encode(), {"sub": "anna", "exp": int(time.time()) + 60})
    guest, anna = show.page(context), show.page(context, f'data-token="{token}"')
    play(guest)
    play(anna)
    guest.wait_for_timeout(1200)
    seconds = pause(guest) + pause(anna)
    totals = show.until(lambda found: found["viewers"] == 2 and close(found["viewing_time_s"], seconds))
    assert close(totals["viewing_time_s"], seconds), (totals, seconds)
    assert totals | {"viewers": 2, "login_viewers": 1, "peak_concurrent_viewers": 2} == totals
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    key = sign(key_of(workspace.signing_secret), {"accessKey": workspace.access_key, "exp": int(time.time()) + 60})
    answer = show.tenant.client.get(
        f"/v2/{workspace.access_key}/campaign/stats",
        params={"from": (now - dt.timedelta(days=6)).isoformat(), "to": (now + dt.timedelta(days=1)).isoformat()},
        headers={"Authorization": f"Bearer {key}"},
    )
    (found,) = answer.json()["results"]
    assert (found["totalViewers"], found["totalLoginViewers"], found["peakConcurrentViewers"]) == (2, 1, 2)
    # In whole seconds.
    assert abs(found["totalViewingTime"] - seconds) < 0.85


def test_likes_and_clicks_are_counted_once(context, show):
    page = show.page(context, 'data-player="none"')
    met = []

    def lose_the_first_answer(route):
        met.append(route.request.post_data)
        if len(met) == 1:
            httpx.post(route.request.url, content=route.request.post_data)
            route.abort()
        else:
            route.continue_()

    page.route("**/v1/live/**", lose_the_first_answer)
    page.click("b")
    page.click("p")
    page.evaluate("for (let n = 0; n < 5; n++) turnout.like(); turnout.like(3)")
    wanted = {"liked_quantity": 8, "product_clicked": 1, "banner_clicked": 1}
    totals = show.until(lambda found: found | wanted == found)
    assert totals | wanted == totals
    for _ in range(100):
        if len(met) >= 2:
            break
        page.wait_for_timeout(100)
    # What is confirmed is not sent again.
    sent = len(met)
    assert sent >= 2
    page.wait_for_timeout(1500)
    assert len(met) == sent
    assert show.totals() | wanted == totals


def test_a_player_without_a_media_element_and_a_viewer_who_logs_in(context, show):
    page = show.page(context, 'data-player="none"')
    page.evaluate("turnout.start()")
    page.wait_for_timeout(600)
    page.evaluate("turnout.identify('anna')")
    page.wait_for_timeout(600)
    page.evaluate("turnout.stop()")
    totals = show.until(lambda found: found["viewers"] == 2 and found["viewing_time_s"] > 1.1)
    assert totals | {"viewers": 2, "login_viewers": 1} == totals
    assert 1.1 < totals["viewing_time_s"] < 2
