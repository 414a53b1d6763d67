"""The settings in a browser: a key is made, copied once and revoked; every section can be used by everybody."""

from __future__ import annotations

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe

SECTIONS = ("workspace", "keys", "webhooks", "letters", "traffic", "privacy", "server")


@pytest.fixture
def page(context, tenant, url):
    """Signed in, with an eye on what the browser complains about."""
    page = context.new_page()
    page.complaints = []
    page.on("console", lambda message: page.complaints.append(message.text) if message.type == "error" else None)
    page.goto(f"{url}/sign-in")
    page.fill("#key", tenant.key)
    page.click("form.fields button")
    return page


def test_a_key_is_made_copied_and_revoked(page, context, url):
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=url)
    page.goto(f"{url}/dashboard/settings?section=keys")
    page.locator("input[name=name]").fill("news \u202eredaer")
    page.get_by_role("button", name="Make the key").click()
    secret = page.locator("#secret").inner_text()
    assert secret not in page.url
    page.locator(".copied", has=page.locator("#secret")).get_by_role("button").click()
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == secret
    asked = {"Authorization": f"Bearer {secret}"}
    assert httpx.get(f"{url}/v1/campaigns", headers=asked).status_code == 200
    page.get_by_role("link", name="I have it").click()
    row = page.locator("tr", has_text="news")
    assert row.locator("td").nth(1).inner_text() == "read"
    assert row.locator("time").count() == 2
    assert secret not in page.content()
    row.get_by_role("link", name="Revoke").click()
    page.get_by_role("button", name="Revoke it").click()
    page.get_by_text("Whoever still uses it is refused").wait_for()
    assert httpx.get(f"{url}/v1/campaigns", headers=asked).status_code == 401
    assert page.complaints == []


def test_every_section_is_for_everybody_and_for_phones(page, tenant, url):
    made = tenant.client.post("/v1/hooks", json={"provider": "postmark", "name": "x" * 200}).json()
    httpx.post(made["url"], content=b"nonsense")
    found = {}
    page.set_viewport_size({"width": 390, "height": 800})
    for section in (*SECTIONS, f"webhooks&hook={made['id']}", "webhooks&provider=cloudevents"):
        page.goto(f"{url}/dashboard/settings?section={section}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, section
        # What the others are made of is on these.
        if section in ("keys", "letters", "webhooks&provider=cloudevents"):
            violations = Axe().run(page).response["violations"]
            found |= {(section, one["id"]): one["nodes"][0]["html"] for one in violations}
    assert found == {}
    assert page.complaints == []
