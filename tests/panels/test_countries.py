"""The map and its table: every country in its place, the numbers of /v1/stats, nothing left out in silence."""

from __future__ import annotations

import html
import itertools
import re

import pytest

from turnout.charts.world import countries, world
from turnout.panels import countries as panel
from turnout.panels import view as views
from turnout.stats.answer import Answer


def drawn(house, tenant, rows=None, **query):
    """The panel of the sale; over the rows of an answer of ours where those are given."""
    tenant.stats("events", campaign="spring-sale")
    found = house.services.catalog.campaign(tenant.workspace.id, "spring-sale")
    view = views.read(house.services, tenant.workspace, found, query)
    if rows is None:
        return panel.draw(view, house.services.statistics.ask)
    totals = {name: sum(row[name] for row in rows) for name in rows[0] if name != "country"}

    def ask(question):
        asked = {one.dimension: one.values for one in question.filters}.get("country")
        told = [row for row in rows if asked is None or row["country"] in asked]
        return Answer(question, told, {name: sum(row[name] for row in told) for name in totals}, len(told))

    return panel.draw(view, ask)


def row(country: str, people: int) -> dict[str, object]:
    return {"country": country, "unique_clicked": people, "clicked": people, "unique_opened": people, "opened": people}


@pytest.mark.parametrize("query", [{}, {"from": "2026-11-06T12:00:00", "to": "2026-11-08", "timezone": "Asia/Kolkata"}])
def test_every_country_has_the_number_of_the_api(house, sampled, query):
    metrics = "unique_clicked,clicked,unique_opened,opened"
    told = sampled.stats(metrics, campaign="spring-sale", dimensions="country", **query)
    expected = {row["country"]: row for row in told["rows"]}
    shown = drawn(house, sampled, **query)
    for row in shown.table.rows:
        code = next((one.code for one in countries().values() if one.name == row["country"]), "")
        assert all(row[name] == expected[code][name] for name in metrics.split(","))
    assert len(shown.table.rows) == len(expected)
    assert shown.table.total == told["totals"]
    svg = house.services.renderer.svg(shown.spec)
    on_map = dict(re.findall(r'aria-label="([^"]+?) · ([\d,]+) clicked"', html.unescape(svg)))
    assert on_map == {
        countries()[code].name: f"{row['unique_clicked']:,}"
        for code, row in expected.items()
        if code and row["unique_clicked"]
    }


def test_who_is_not_on_the_map_is_told(house, sampled):
    rows = [row("DE", 40), row("", 9), row("ZZ", 7), row("AQ", 2)]
    shown = drawn(house, sampled, rows)
    assert shown.words == (
        "9 of 58 people clicked where no country is known.",
        "Not on the map: ZZ 7 and Antarctica 2.",
    )
    assert [one["country"] for one in shown.table.rows] == ["Germany", "ZZ", "Antarctica", "Not known"]


def test_who_did_nothing_of_what_the_map_is_of_has_no_colour(house, sampled):
    shown = drawn(house, sampled, [row("DE", 40), {**row("FR", 0), "unique_opened": 5, "opened": 6}])
    assert [one["country"] for one in shown.table.rows] == ["Germany", "France"]
    svg = house.services.renderer.svg(shown.spec)
    assert "Germany · 40 clicked" in svg
    assert "France ·" not in svg


def test_the_whole_world_is_one_drawing_of_bounded_size(house, sampled):
    rows = [row(code, 10_000 // place) for place, code in enumerate(countries(), 1)]
    rows.sort(key=lambda one: -one["unique_clicked"])
    shown = drawn(house, sampled, rows)
    assert len(house.services.renderer.svg(shown.spec)) < 120_000
    assert len(house.services.renderer.svg(drawn(house, sampled, rows[:40]).spec)) < 80_000
    assert len(shown.table.rows) == panel.LIMIT_ROWS + 1
    rest = rows[panel.LIMIT_ROWS :]
    assert shown.table.rows[-1]["country"] == f"{len(rest)} other countries"
    assert shown.table.rows[-1]["unique_clicked"] == sum(one["unique_clicked"] for one in rest)


@pytest.mark.parametrize(
    ("least", "most", "edges", "labels"),
    [
        (1, 1, [], ["all"]),
        (3, 4, [], ["all"]),
        (1, 9, [2, 5], ["up to 1", "2 to 4", "5 and more"]),
        (15, 128, [20, 50, 100], ["up to 19", "20 to 49", "50 to 99", "100 and more"]),
        (1, 400, [20, 50, 100, 200], ["up to 19", "20 to 49", "50 to 99", "100 to 199", "200 and more"]),
        (1, 7000, [10, 100, 1000], ["up to 9", "10 to 99", "100 to 999", "1,000 and more"]),
    ],
)  # fmt: skip
def test_steps_of_the_colour_are_round_numbers(least, most, edges, labels):
    assert panel.bounds(least, most) == edges
    assert panel.labels(edges) == labels


def test_every_country_has_a_name_and_all_but_the_empty_ones_a_place():
    assert len(countries()) == 250
    nowhere = [code for code in countries() if code not in world().shapes and code not in world().places]
    # Nobody lives on Bouvet and Heard; Antarctica is left out.
    assert nowhere == ["AQ", "BV", "HM"]
    assert world().shapes.keys() - countries().keys() == {""}
    points = [*world().places.values(), *itertools.chain.from_iterable(_rings())]
    assert all(0 <= x <= 640 and 0 <= y <= world().height_px for x, y in points)
    assert all(ring[0] == ring[-1] for ring in _rings())


def _rings() -> list[list[tuple[float, float]]]:
    return [ring for polygons in world().shapes.values() for polygon in polygons for ring in polygon]
