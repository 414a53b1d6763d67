"""Clicks by link and by position: the same numbers as the API's, however many links and whatever they are called."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from turnout.app import House
from turnout.panels import clickmap, links, parameters, view
from turnout.panels.contract import Shown
from turnout.panels.links import legible

NOON = dt.datetime(2026, 10, 5, 12, tzinfo=dt.UTC)

Draw = Callable[..., Shown]

#: Half of the sale's clicks, by a clock that is not the workspace's; and every click, machines' too.
VIEWS = [{}, {"from": "2026-11-06", "to": "2026-11-07", "timezone": "Asia/Kolkata"}, {"traffic": "all"}]


@pytest.fixture
def draw(house: House) -> Draw:
    """Draws a panel of a campaign: `draw(clickmap, tenant, "spring", traffic="all")`."""

    def drawn(panel: Any, tenant: Any, campaign: str, **asked: str) -> Shown:
        # Who asks over HTTP waits until all that was sent is there.
        tenant.stats("events")
        services = house.services
        found = services.catalog.campaign(tenant.workspace.id, campaign)
        seen = view.read(services, tenant.workspace, found, asked)
        shown: Shown = panel.draw(seen, services.statistics.ask)
        return shown

    return drawn


def click(number: int, **said: Any) -> dict[str, Any]:
    time = (NOON + dt.timedelta(seconds=number)).isoformat()
    return {"type": "clicked", "campaign": "c", "recipient": "ann", "id": f"c{number}", "time": time, **said}


def numbers(shown: Shown, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in shown.table.rows]


def marks(shown: Shown) -> list[dict[str, Any]]:
    assert shown.spec is not None
    values: list[dict[str, Any]] = shown.spec["data"]["values"]
    return values


@pytest.mark.parametrize("asked", VIEWS)
def test_links_are_those_of_the_statistics(sampled, draw, asked):
    shown = draw(links, sampled, "spring-sale", **asked)
    said = {"campaign": "spring-sale", **asked}
    wanted = sampled.stats("clicked,unique_clicked", dimensions="link", sort="-clicked", **said)
    assert numbers(shown, "link", "clicked", "unique_clicked") == [
        (row["link"], row["clicked"], row["unique_clicked"]) for row in wanted["rows"]
    ]
    assert len(shown.table.rows) == 5
    totals = sampled.stats("clicked,unique_clicked,unique_opened", **said)["totals"]
    assert shown.table.total["unique_clicked"] == totals["unique_clicked"]
    for row in shown.table.rows:
        assert row["of_clickers"] == row["unique_clicked"] / totals["unique_clicked"]
        assert row["of_openers"] == row["unique_clicked"] / totals["unique_opened"]
    assert dict(numbers(shown, "link", "link_title"))["linen"] == "Leinen & Licht"
    assert [mark["clicked"] for mark in marks(shown)] == [row["clicked"] for row in wanted["rows"]]
    assert shown.excluded == wanted["meta"]["excluded"]


@pytest.mark.parametrize("asked", VIEWS)
def test_positions_are_those_of_the_statistics(sampled, draw, asked):
    shown = draw(clickmap, sampled, "spring-sale", **asked)
    wanted = sampled.stats("clicked,unique_clicked", dimensions="position", campaign="spring-sale", **asked)
    rows = sorted(wanted["rows"], key=lambda row: int(row["position"]))
    assert numbers(shown, "position", "clicked", "unique_clicked") == [
        (row["position"], row["clicked"], row["unique_clicked"]) for row in rows
    ]
    # One link at two positions.
    names = dict(numbers(shown, "position", "link_title"))
    assert names["1"] == names["5"] == "Frühling für alle ✿"
    assert sum(row["of_clicks"] for row in shown.table.rows) == pytest.approx(1)
    assert [mark["number"] for mark in marks(shown)] == ["1", "2", "3", "4", "5", "6"]
    assert shown.words == ()


def test_each_message_has_its_own_positions(sampled, draw):
    shown = draw(clickmap, sampled, "onboarding")
    wanted = sampled.stats("clicked", dimensions="message,position", campaign="onboarding")["rows"]
    found = {(row["message"], row["position"]): row["clicked"] for row in shown.table.rows}
    assert found == {(row["message"], row["position"]): row["clicked"] for row in wanted}
    # In the order of the campaign, each from the top, below its title.
    assert list(found) == [("welcome", "1"), ("welcome", "2"), ("tips", "1"), ("tips", "2")]
    assert ["heading" in mark for mark in marks(shown)] == [True, False, False, True, False, False]


def test_where_no_position_is_said_the_targets_are_shown(sampled, draw):
    shown = draw(clickmap, sampled, "cards")
    names = ("link", "body", "button_1", "button_2")
    totals = sampled.stats(",".join(f"clicked_{name}" for name in names), campaign="cards")["totals"]
    assert numbers(shown, "clicked") == [(totals[f"clicked_{name}"],) for name in names]
    assert "/v1/rewrite" in shown.words[0]
    # Links alone tell nothing of places.
    shown = draw(clickmap, sampled, "sms-flash")
    assert (shown.spec, shown.table.rows) == (None, ())
    assert "/v1/rewrite" in shown.empty


@pytest.mark.parametrize("asked", VIEWS)
def test_parameters_are_those_of_the_statistics(sampled, draw, asked):
    shown = draw(parameters, sampled, "spring-sale", **asked)
    said = {"campaign": "spring-sale", "dimensions": "param,param_value", **asked}
    wanted = sampled.stats("clicked,unique_clicked", **said)["rows"]
    found = numbers(shown, "param", "param_value", "clicked", "unique_clicked")
    assert sorted(found) == sorted(tuple(row.values()) for row in wanted)
    assert len(found) == 8
    assert [mark["clicked"] for mark in marks(shown)] == [clicked for _, _, clicked, _ in found]
    assert "4. utm_content=hero" in {mark["link"] for mark in marks(shown)}


def test_links_that_are_not_shown_are_counted_together(tenant, draw):
    many = links.LIMIT_ROWS + 7
    events = [click(number, link=f"l{number:03}", recipient=f"r{number}") for number in range(many)]
    events += [click(1000 + number, link=f"l{number:03}", recipient="bob") for number in range(links.LIMIT_ROWS)]
    # Of the seven that are left, one person clicks on all of them, and has clicked on others too.
    events += [click(2000 + number, link="l001", recipient=f"r{many - 1}") for number in range(3)]
    tenant.send(*events)
    shown = draw(links, tenant, "c")
    *rows, others = shown.table.rows
    assert len(rows) == links.LIMIT_ROWS
    assert (rows[0]["link"], rows[0]["clicked"], rows[0]["unique_clicked"]) == ("l001", 5, 3)
    assert (others["link_title"], others["clicked"], others["unique_clicked"]) == ("7 other links", 7, 7)
    assert sum(row["clicked"] for row in shown.table.rows) == shown.table.total["clicked"] == len(events)
    assert len(marks(shown)) == links.LIMIT_BARS
    assert "57 links had clicks" in shown.words[0]


def test_many_positions_are_drawn_as_far_as_they_can_be_read(tenant, draw):
    events = [click(number, link=f"l{number}", position=number + 1) for number in range(60)]
    events += [click(1000 + number, link="l59", position=60, recipient="bob") for number in range(3)]
    tenant.send(*events, click(2000, link="l59"), click(2001, link="other", position=60))
    shown = draw(clickmap, tenant, "c")
    assert shown.table.row_count == 60
    assert len(shown.table.rows) == clickmap.LIMIT_ROWS
    assert len(marks(shown)) == clickmap.LIMIT_DRAWN
    last = shown.table.rows[-1]
    assert (last["position"], last["clicked"], last["unique_clicked"]) == ("60", 5, 2)
    assert last["link_title"] == "l59 (and 1 more)"
    assert shown.words[0].startswith("1 click of 65 did not say a position.")
    assert marks(shown)[-1]["number"] == "60"


def test_a_link_is_called_by_the_title_it_had_most(tenant, draw):
    tenant.send(
        click(1, link="l", link_title="Old"), click(2, link="l", link_title="New"), click(3, link="l"),
        click(4, link="l", link_title="New"), click(5, url="https://x.org/"), click(6, target="body"),
    )  # fmt: skip
    shown = draw(links, tenant, "c")
    assert dict(numbers(shown, "link", "link_title")) == {
        "l": "New", "https://x.org/": "https://x.org/", "": links.NO_LINK,
    }  # fmt: skip
    assert shown.words == ("2 links had clicks in this range. 1 click named no link.",)
    # Without opens there is no share of them.
    assert "of_openers" not in {column.name for column in shown.table.columns}


def test_nothing_was_clicked(tenant, draw):
    tenant.client.put("/v1/campaigns/c", json={})
    for panel in (links, clickmap, parameters):
        shown = draw(panel, tenant, "c")
        assert (shown.spec, shown.table.rows) == (None, ())
        assert shown.empty


def test_what_users_call_links_is_drawn_whatever_it_is(tenant, draw, house):
    hostile = "</text><script>alert(1)</script>\x01\x1b\n\u202egnp.exe\u2028" + "\U0001f4a5" * 300
    tenant.send(
        click(1, link="datum['a.b']", link_title=hostile, position=1, message="<b>", params={"<script>": hostile}),
        click(2, link="x", link_title="عرض", position=1, message="m", params={"a": "عرض"}),
    )
    for panel in (links, clickmap, parameters):
        shown = draw(panel, tenant, "c")
        svg = house.services.renderer.svg(shown.spec)
        assert "<script" not in svg
        assert "عرض" in svg
        assert house.services.renderer.picture(shown.spec, "png").startswith(b"\x89PNG")


def test_a_name_is_one_legible_line():
    assert legible("a\x00b\n\n c\u202e\u2028d") == "a b c d"
    assert legible("עברית 💥") == "עברית 💥"
    assert (len(legible("x" * 500)), legible("x" * 500)[-1]) == (80, "…")
