"""The page of a live show: its numbers are the API's, and many who look cost what one does."""

from __future__ import annotations

import datetime as dt
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.conftest import Tenant
from tests.dashboard.reading import read, values, words

from turnout.dashboard import show
from turnout.panels.live_charts import PEAK, REACTIONS

SHOW = "live-show-12"
NAMES = (PEAK, "viewers", "login_viewers", "average_viewing_time_s", *REACTIONS)


def version(html: str) -> str:
    found = re.search(r'data-version="(\w+)"', html)
    assert found is not None
    return found[1]


def watch(tenant: Tenant, viewers: range, campaign: str = "show") -> None:
    """Beacons of viewers who watched the last ten seconds."""
    said = [{"type": "watched", "recipient": f"guest-{one}", "duration_s": 10} for one in viewers]
    assert tenant.client.post(f"/v1/live/{campaign}", json=said).status_code == 200


@pytest.mark.parametrize(
    "query",
    [{}, {"timezone": "Asia/Kolkata", "traffic": "all", "from": "2026-11-15T18:35:00Z", "to": "2026-11-15T19:00:00Z"}],
)
def test_the_page_says_what_the_api_says(sampled, visit, query):
    answer = visit(sampled).get("/dashboard/show", params={"id": SHOW, **query})
    assert answer.status_code == 200
    page = read(answer.text)
    asked = {f"{name}_" if name == "from" else name: value for name, value in query.items()}
    totals = sampled.stats(",".join(NAMES), campaign=SHOW, **asked)["totals"]
    assert {cell.name: float(cell.value) for cell in page.cards[1:]} == {name: totals[name] for name in NAMES}
    assert (page.cards[0].name, page.cards[0].value) == ("viewers", "0")
    told = sampled.stats(PEAK, dimensions="minute", campaign=SHOW, limit="1000", **asked)["rows"]
    told = {row["minute"]: str(row[PEAK]) for row in told}
    rows = [values(row) for row in page.rows["concurrency"]]
    assert len(rows) > 20
    assert all(row[PEAK] == told.get(row["minute"], "0") for row in rows)
    assert f"({query.get('timezone', 'Europe/Berlin')})" in words(page)
    assert answer.text.count("<svg") == 4  # with the sign in the header
    assert "Off air" in words(page)
    # Files of the same, in the same view.
    assert any("panel=concurrency" in where and "format=csv" in where for _, where in page.links)


def test_the_part_that_changes_has_no_charts_for_who_has_them(sampled, visit):
    client = visit(sampled)
    page = client.get("/dashboard/show", params={"id": SHOW}).text
    first = client.get("/dashboard/show/now", params={"id": SHOW})
    assert first.status_code == 200
    assert "<html" not in first.text
    assert first.text.count("<svg") == 3
    assert version(first.text) == version(page)
    second = client.get("/dashboard/show/now", params={"id": SHOW, "have": version(first.text)})
    assert "<svg" not in second.text
    assert read(second.text).cards == read(first.text).cards
    other = client.get("/dashboard/show/now", params={"id": SHOW, "have": "0000"})
    assert other.text.count("<svg") == 3


def test_many_who_look_are_one_question_and_it_sees_what_was_acknowledged(tenant, visit, monkeypatch):
    asked = []
    real = show.presence
    monkeypatch.setattr(show, "presence", lambda view, ask: asked.append(view.campaign.id) or real(view, ask))
    tenant.client.put("/v1/campaigns/show", json={"channels": ["live"]}).raise_for_status()
    watch(tenant, range(7))
    client = visit(tenant)
    with ThreadPoolExecutor(8) as pool:
        pages = list(pool.map(lambda _: client.get("/dashboard/show/now", params={"id": "show"}).text, range(24)))
    assert asked == ["show"]
    # The charts come in once, the same for all.
    assert len({(read(page).cards[0].value, version(page)) for page in pages}) == 1
    assert read(pages[0]).cards[0].value == "7"
    assert "Live" in words(read(pages[0]))
    # Another view of it is another answer.
    zoned = client.get("/dashboard/show/now", params={"id": "show", "timezone": "Asia/Tokyo"}).text
    assert asked == ["show", "show"]
    assert "(Asia/Tokyo)" in zoned


def test_a_new_viewer_is_there_once_the_answer_is_too_old(tenant, visit, monkeypatch):
    monkeypatch.setattr(show, "NUMBERS_AGE_S", 0)
    monkeypatch.setattr(show, "CHARTS_AGE_S", 0)
    monkeypatch.setattr("turnout.dashboard.shared.SHARE", 1000)
    tenant.client.put("/v1/campaigns/show", json={"channels": ["live"]}).raise_for_status()
    client = visit(tenant)
    assert "No likes" in client.get("/dashboard/show", params={"id": "show"}).text
    watch(tenant, range(3))
    first = client.get("/dashboard/show/now", params={"id": "show"}).text
    watch(tenant, range(3, 5))
    liked = [{"type": "liked", "recipient": "guest-1", "quantity": 12}]
    tenant.client.post("/v1/live/show", json=liked).raise_for_status()
    second = client.get("/dashboard/show/now", params={"id": "show", "have": version(first)}).text
    assert [read(part).cards[0].value for part in (first, second)] == ["3", "5"]
    assert values(read(second).cards)["liked_quantity"] == "12"
    assert "12 in the last minute" in words(read(second))
    # What is drawn has changed, so it comes although there was something before.
    assert "<svg" in second


def test_it_says_when_it_was_in_the_zone_that_is_chosen(tenant, visit):
    tenant.client.put("/v1/campaigns/show", json={}).raise_for_status()
    now = dt.datetime.now(dt.UTC)
    text = words(read(visit(tenant).get("/dashboard/show", params={"id": "show", "timezone": "Asia/Kolkata"}).text))
    found = re.search(r"as of (\d\d):(\d\d):(\d\d) \(Asia/Kolkata\)", text)
    assert found is not None
    at_s = int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3])
    local = now.astimezone(dt.timezone(dt.timedelta(hours=5, minutes=30)))
    assert (at_s - (local.hour * 3600 + local.minute * 60 + local.second)) % 86_400 < 60


def test_text_of_users_is_never_markup(tenant, visit):
    hostile = "<script>alert(1)</script>\u202e"
    tenant.client.put("/v1/campaigns/show", json={"title": hostile}).raise_for_status()
    said = [{"type": "product_clicked", "recipient": "guest-1", "product": "<img src=x onerror=alert(2)>"}]
    tenant.client.post("/v1/live/show", json=said).raise_for_status()
    client = visit(tenant)
    for path in ("/dashboard/show", "/dashboard/show/now"):
        html = client.get(path, params={"id": "show"}).text
        assert "<script>alert" not in html
        assert "<img" not in html
        assert "&lt;img src=x" in html


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 404),
        ({"id": "none"}, 404),
        ({"id": SHOW, "timezone": "Mars/Olympus"}, 400),
        ({"id": SHOW, "traffic": "ghosts"}, 400),
        ({"id": SHOW, "from": "2026-11-16", "to": "2026-11-15"}, 400),
        ({"id": SHOW, "range": "7 days"}, 400),
    ],
)
def test_what_there_is_not_is_said(sampled, visit, query, status):
    client = visit(sampled)
    for path in ("/dashboard/show", "/dashboard/show/now"):
        assert client.get(path, params=query).status_code == status


def test_nobody_sees_another_workspace_s_show(sampled, tenant, visit):
    assert visit(tenant).get("/dashboard/show", params={"id": SHOW}).status_code == 404
    # Of the same name they are two.
    tenant.client.put(f"/v1/campaigns/{SHOW}", json={}).raise_for_status()
    watch(tenant, range(2), SHOW)
    mine = read(visit(tenant).get("/dashboard/show/now", params={"id": SHOW}).text)
    theirs = read(visit(sampled).get("/dashboard/show/now", params={"id": SHOW}).text)
    assert (mine.cards[0].value, theirs.cards[0].value) == ("2", "0")
