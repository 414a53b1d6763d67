"""Every page in a real browser: nothing that axe finds in light or dark, no word on the console, phones, keyboard, and
names that want to be markup. A screenshot of each is kept in `test-output/`, or where TURNOUT_SCREENSHOTS says.

A new page is a line in `PAGES`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page

#: What a screenshot is called, and where the page is. `ID` is a mailing, `SHOW` a live show.
PAGES = {
    "sign-in": "/sign-in",
    "overview": "/",
    "overview-sorted": "/?sort=-revenue&tag=sale&range=365d",
    "campaign": "/dashboard/campaign?id=spring-sale",
    "campaign-variations": "/dashboard/campaign?id=spring-sale&section=variations",
    "campaign-links": "/dashboard/campaign?id=spring-sale&section=links",
    "campaign-audience": "/dashboard/campaign?id=spring-sale&section=audience",
    "campaign-traffic": "/dashboard/campaign?id=spring-sale&section=traffic",
    "campaign-live": "/dashboard/campaign?id=live-show-12&section=live",
    "show": "/dashboard/show?id=live-show-12",
    "compare": "/dashboard/compare?id=spring-sale&id=onboarding",
    "links": "/dashboard/links",
    "reports": "/dashboard/reports",
    "connect": "/dashboard/connect",
    "settings": "/dashboard/settings",
    "error": "/dashboard/campaign?id=nobody",
}

#: Pages whose answer is not 200.
STATUS = {"error": 404}

#: Names that a page must take for text; the last ones try its layout.
HOSTILE = {
    "<script>window.hit=1</script>": "<script>window.hit=1</script>",
    '"><img src=x onerror=window.hit=2>': '"><img src=x onerror=window.hit=2>',
    "javascript:window.hit=3": "{{ 7*7 }}</title><svg onload=window.hit=4>",
    "\u202eevil": "\u202e\u2066abc 100% \u05d0\u05d1\u05d2 \u0627\u0644\u0639\u0631\u0628\u064a\u0629",
    "long": "W" * 2000,
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈" * 40,
}

SCREENSHOTS = Path(os.environ.get("TURNOUT_SCREENSHOTS", "test-output")).resolve()

AXE = {"resultTypes": ["violations"]}
CONTRAST = {"resultTypes": ["violations"], "runOnly": ["color-contrast"]}


class Desk:
    """One page of the browser, with the words that came to its console."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.context, self.url = context, url
        self.page: Page = context.new_page()
        self.said: list[str] = []
        self.page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.said.append(f"error: {error}"))

    def enter(self, key: str) -> None:
        """Sign in, without the form."""
        with httpx.Client(base_url=self.url) as client:
            client.post("/sign-in", data={"key": key})
            cookie = client.cookies["turnout_session"]
        self.context.add_cookies([{"name": "turnout_session", "value": cookie, "url": self.url}])

    def go(self, path: str, *, width: int = 1280, dark: bool = False) -> int:
        """Open a page; its status."""
        self.page.set_viewport_size({"width": width, "height": 900})
        self.page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
        self.said.clear()
        answer = self.page.goto(self.url + path)
        assert answer is not None
        return answer.status

    def complaints(self) -> list[str]:
        """What the console said that somebody should mend; the browser itself tells of an answer that is an error."""
        return [text for text in self.said if text.startswith(("error", "warning")) and "Failed to load" not in text]

    def overflow(self) -> list[Any]:
        """How much wider than the screen the document is, and what makes it so."""
        found: list[Any] = self.page.evaluate("""() => {
            const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
            if (wide <= 0) return [];
            const past = [...document.body.querySelectorAll("*")].filter(one => {
                for (let up = one; up !== document.body; up = up.parentElement)
                    if (getComputedStyle(up).overflowX !== "visible") return false;
                return one.getBoundingClientRect().right > innerWidth;
            });
            return [wide, ...past.slice(0, 5).map(one => one.outerHTML.slice(0, 200))];
        }""")
        return found

    def violations(self, options: dict[str, Any]) -> list[str]:
        """What axe finds: the rule, and the first elements."""
        found = Axe().run(self.page, options=options).response["violations"]
        return [f"{one['id']}: {[node['html'][:200] for node in one['nodes'][:3]]}" for one in found]


@pytest.fixture(scope="module")
def desk(browser: Browser, url: str) -> Iterator[Desk]:
    context = browser.new_context()
    context.set_default_timeout(15_000)
    yield Desk(context, url)
    context.close()


@pytest.fixture
def inside(desk: Desk, sampled: Any) -> Desk:
    """The desk, signed in to the workspace of the samples."""
    desk.enter(sampled.key)
    return desk


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_fit_for_everybody(desk, sampled, name):
    if name == "sign-in":
        desk.context.clear_cookies()
    else:
        desk.enter(sampled.key)
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    assert desk.go(PAGES[name]) == STATUS.get(name, 200)
    assert desk.violations(AXE) == []
    desk.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)
    # The same page in the dark: only colours differ.
    desk.page.emulate_media(color_scheme="dark")
    assert desk.violations(CONTRAST) == []
    desk.page.screenshot(path=SCREENSHOTS / f"{name}-dark.png", full_page=True)
    desk.page.emulate_media(color_scheme="light")
    desk.page.set_viewport_size({"width": 390, "height": 844})
    assert desk.overflow() == []
    desk.page.screenshot(path=SCREENSHOTS / f"{name}-phone.png", full_page=True)
    assert desk.complaints() == []


def test_whoever_has_no_mouse_gets_everywhere_and_sees_where_they_are(inside):
    inside.go("/")
    page = inside.page
    page.keyboard.press("Tab")
    skip = page.locator("a.skip")
    assert skip.evaluate("one => one === document.activeElement && one.getBoundingClientRect().top >= 0")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.name") == "q"
    seen = set()
    for _ in range(60):
        seen.add(page.evaluate("document.activeElement.outerHTML.slice(0, 80)"))
        outline = page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)")
        assert outline >= 2, page.evaluate("document.activeElement.outerHTML")
        page.keyboard.press("Tab")
    assert len(seen) >= 40


def test_a_mark_says_its_value_to_the_pointer_and_to_the_keyboard(inside):
    inside.go("/dashboard/campaign?id=spring-sale")
    page, tip = inside.page, inside.page.locator(".tip")
    chart = page.locator("#funnel figure.chart")
    marks = chart.locator("[aria-roledescription='bar']")
    said = [mark.get_attribute("aria-label") for mark in marks.all()]
    assert not tip.is_visible()
    marks.nth(1).hover()
    assert tip.inner_text() == said[1]
    chart.focus()
    for key, wanted in (("Home", 0), ("ArrowRight", 1), ("End", -1), ("ArrowDown", -1), ("ArrowLeft", -2)):
        page.keyboard.press(key)
        assert tip.inner_text() == said[wanted], key
    assert tip.is_visible()
    box = tip.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 1280
    page.keyboard.press("Escape")
    assert not tip.is_visible()


def test_on_paper_there_is_nothing_to_click_and_one_last_row(inside):
    page = inside.page
    clickable = "button, input, select, summary, .button, .chip[href], .files a"
    for path in ("/", "/dashboard/campaign?id=spring-sale"):
        inside.go(path)
        seen = page.locator(clickable).locator("visible=true")
        assert seen.count() > 5
        page.emulate_media(media="print")
        left = seen.evaluate_all("all => all.map(one => one.outerHTML)")
        last = page.locator("tfoot").evaluate_all("all => all.map(one => getComputedStyle(one).display)")
        page.emulate_media(media="screen")
        assert left == []
    assert set(last) == {"table-row-group"}


def test_filters_ticks_and_lines_to_copy(inside):
    page = inside.page
    inside.go("/?sort=-sent")
    page.select_option("select[name=tag]", "sale")
    page.wait_for_url("**/?sort=-sent&tag=sale")
    compare, boxes = page.locator("button[data-least]"), page.locator("input[name=id]")
    assert compare.is_disabled()
    ids = [boxes.nth(place).get_attribute("value") for place in range(2)]
    boxes.nth(0).check()
    assert compare.is_disabled()
    boxes.nth(1).check()
    compare.click()
    page.wait_for_url("**/dashboard/compare?" + urlencode([("id", one) for one in ids]))
    inside.context.grant_permissions(["clipboard-read", "clipboard-write"])
    inside.go("/dashboard/connect")
    page.locator(".copied button").first.click()
    page.wait_for_function("document.querySelector('.copied button').textContent === 'Copied'")
    wanted = page.locator(".copied pre.code").first.inner_text().strip()
    assert page.evaluate("navigator.clipboard.readText()") == wanted
    inside.context.clear_permissions()


def test_names_that_want_to_be_markup_stay_names(desk, tenant):
    for name, title in HOSTILE.items():
        tenant.client.put(
            "/v1/campaigns/" + httpx.URL(path="/" + name).raw_path.decode()[1:].replace("/", "%2F").replace("?", "%3F"),
            json={"title": title, "tags": [title[:256]], "channels": [name]},
        ).raise_for_status()
        tenant.send(
            {"type": "sent", "campaign": name, "recipient": name, "time": "2026-11-10T10:00:00Z"},
            {
                "type": "clicked", "campaign": name, "recipient": name, "time": "2026-11-10T11:00:00Z",
                "url": "javascript:window.hit=5", "link_title": title, "link": name, "browser": name, "device": name,
                "message": name, "variation": name,
            },
        )  # fmt: skip
    desk.enter(tenant.key)
    names = list(HOSTILE)
    paths = ["/", f"/?{urlencode({'q': names[0], 'tag': names[1]})}", "/dashboard/links", "/dashboard/connect",
             f"/dashboard/compare?{urlencode([('id', name) for name in names])}",
             f"/dashboard/show?{urlencode({'id': names[1]})}"]  # fmt: skip
    for name in names:
        paths.append(f"/dashboard/campaign?{urlencode({'id': name})}")
    paths += [f"/dashboard/campaign?{urlencode({'id': name, 'section': 'links'})}" for name in names[:3]]
    for path in paths:
        assert desk.go(path, width=390) == 200, path
        assert desk.page.evaluate("window.hit") is None, path
        assert desk.page.evaluate("document.querySelectorAll('main script, main img, main [onload]').length") == 0, path
        assert desk.page.evaluate("[...document.links].filter(one => !/^https?:$/.test(one.protocol)).length") == 0
        assert desk.complaints() == [], path
        assert desk.overflow() == [], path
    desk.go("/")
    titles = desk.page.locator("th.name a bdi").all_text_contents()
    assert sorted(titles) == sorted(HOSTILE.values())
