"""Pages over many events may show numbers of a moment ago, and say so; the API never does."""

from __future__ import annotations

import pytest

from turnout.stats import recent

PAGES = ("/", "/dashboard/campaign?id=c0", "/dashboard/compare?id=c0&id=c1")


def opened(number: int) -> dict[str, object]:
    return {"type": "opened", "time": "2026-10-05T11:00:00Z", "campaign": "c0", "recipient": f"r{number}"}


@pytest.fixture
def seen(tenant, visit):
    """Two campaigns that were sent, and somebody who looks at them."""
    for name in ("c0", "c1"):
        sent = {"type": "sent", "time": "2026-10-05T10:00:00Z", "campaign": name, "recipient": "r0"}
        tenant.send(sent, {**opened(0), "campaign": name})
    return visit(tenant)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_how_old_its_numbers_are(tenant, seen, monkeypatch, page):
    monkeypatch.setattr(recent, "FROM_EVENTS", 1)
    monkeypatch.setattr(recent, "FROM_S", 0.0)
    monkeypatch.setattr(recent, "SHARE", 1e-9)
    assert "Counted at" not in seen.get(page).text
    tenant.send(opened(1))
    assert "Counted at" in seen.get(page).text
    assert tenant.stats("unique_opened", campaign="c0")["totals"]["unique_opened"] == 2


@pytest.mark.parametrize("page", PAGES)
def test_pages_over_few_events_are_of_the_moment(tenant, seen, page):
    seen.get(page)
    tenant.send(opened(1))
    found = seen.get(page).text
    assert "Counted at" not in found
    assert 'data-name="unique_opened" data-value="2"' in found or "compare" in page
