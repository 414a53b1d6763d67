"""The page of a live show in a browser: beacons come in, and what stands there follows without being loaded again."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from turnout.dashboard import pages, show

VIEWERS = "#viewers-now strong"


@pytest.fixture(autouse=True)
def _often(monkeypatch):
    """Everything as often as the page's script asks at most."""
    for name in ("IDLE_POLL_S", "LIVE_POLL_S", "NUMBERS_AGE_S", "CHARTS_AGE_S"):
        monkeypatch.setattr(show, name, 1)
    monkeypatch.setattr("turnout.dashboard.shared.SHARE", 1000)
    # A machine that does much else besides takes its time.
    expect.set_options(timeout=20_000)
    yield
    expect.set_options(timeout=5_000)


@pytest.fixture
def signed_in(context, tenant, url):
    """Signed in, with a show that nobody watches yet; its script asks twice as often as it does elsewhere."""
    body, _ = pages.static("show.js") or (b"", "")
    assert b"FEWEST_MS = 2000" in body
    hurried = body.decode().replace("FEWEST_MS = 2000", "FEWEST_MS = 1000")
    context.route("**/show.js*", lambda route: route.fulfill(body=hurried, content_type="text/javascript"))
    tenant.client.put("/v1/campaigns/show", json={"title": "The show", "channels": ["live"]}).raise_for_status()
    page = context.new_page()
    page.goto(f"{url}/sign-in")
    page.fill("#key", tenant.key)
    page.click("form.fields button")
    return page


def watch(tenant, count: int) -> None:
    said: list[dict[str, object]] = [
        {"type": "watched", "recipient": f"guest-{one}", "duration_s": 5} for one in range(count)
    ]
    said.append({"type": "liked", "recipient": "guest-0", "quantity": count})
    tenant.client.post("/v1/live/show", json=said).raise_for_status()


def test_the_numbers_follow_the_beacons(signed_in, context, tenant, url):
    page, complaints = signed_in, []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(f"{url}/dashboard/show?id=show")
    expect(page.locator(VIEWERS)).to_have_text("0")
    expect(page.locator("#show-state")).to_contain_text("Off air")
    page.evaluate("window.stayed = document.querySelector('#show')")
    watch(tenant, 3)
    expect(page.locator(VIEWERS)).to_have_text("3")
    expect(page.locator("#show-state")).to_contain_text("Live")
    expect(page.locator("#concurrency figure")).to_be_visible()
    # What is open stays open when newer charts come, and who points at a mark reads it.
    page.locator("#concurrency-numbers summary").click()
    page.evaluate("document.activeElement.blur()")
    before = page.locator("#show-charts").get_attribute("data-version")
    watch(tenant, 5)
    expect(page.locator(VIEWERS)).to_have_text("5")
    expect(page.locator("#show-cards [data-name=liked_quantity]")).to_have_text("8")
    expect(page.locator("#show-charts")).not_to_have_attribute("data-version", before)
    expect(page.locator("#concurrency-numbers")).to_have_attribute("open", "")
    page.locator("#concurrency figure").focus()
    page.keyboard.press("End")
    expect(page.locator(".tip")).to_contain_text("5 viewers at once")
    # While somebody reads the charts they stay as they are; the numbers go on.
    before = page.locator("#show-charts").get_attribute("data-version")
    watch(tenant, 6)
    expect(page.locator(VIEWERS)).to_have_text("6")
    assert page.locator("#show-charts").get_attribute("data-version") == before
    assert page.evaluate("window.stayed === document.querySelector('#show')")
    found = Axe().run(page).response["violations"]
    assert {one["id"]: one["nodes"][0]["html"] for one in found} == {}
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert complaints == []


def test_it_says_when_it_can_not_ask_and_goes_on_when_it_can(signed_in, context, tenant, url):
    page, asked = signed_in, []
    page.on("request", lambda request: asked.append(request.url) if "/show/now" in request.url else None)
    page.goto(f"{url}/dashboard/show?id=show")
    trouble = page.locator("#show-trouble")
    expect(trouble).to_be_hidden()
    page.route("**/dashboard/show/now*", lambda route: route.abort())
    expect(trouble).to_contain_text("does not answer")
    page.unroute("**/dashboard/show/now*")
    watch(tenant, 2)
    # A page that nobody sees asks nothing; one that is seen again asks at once.
    page.evaluate("""() => {
        Object.defineProperty(document, "hidden", { get: () => window.away, configurable: true });
        window.away = true;
        document.dispatchEvent(new Event("visibilitychange"));
    }""")
    asked.clear()
    page.wait_for_timeout(1400)
    assert asked == []
    page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator(VIEWERS)).to_have_text("2")
    expect(trouble).to_be_hidden()
    # Who is signed out is told so, and isn't asked for any more.
    context.clear_cookies()
    expect(trouble).to_contain_text("Load it again")
    asked.clear()
    page.wait_for_timeout(1400)
    assert asked == []


def test_without_a_script_the_page_loads_itself_again(browser, tenant, url, signed_in):
    with browser.new_context(java_script_enabled=False, storage_state=signed_in.context.storage_state()) as plain:
        page = plain.new_page()
        page.goto(f"{url}/dashboard/show?id=show")
        expect(page.locator(VIEWERS)).to_have_text("0")
        watch(tenant, 4)
        expect(page.locator(VIEWERS)).to_have_text("4")
