"""Every number of a campaign's page is the one that /v1/stats gives for the same question, and so is every number of
its files."""

from __future__ import annotations

import calendar
import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import httpx
import pytest
from tests.dashboard.reading import Cell, Page, read, values

from turnout.panels.countries import country_name
from turnout.panels.ranking import NOT_KNOWN
from turnout.panels.registry import PANELS
from turnout.stats.mailboxes import OTHER
from turnout.stats.metrics import DIMENSIONS, METRICS

Stats = Callable[..., dict[str, Any]]

#: Sections, and the view that each is held against the API in: days of India, a few hours, everything ever. Drawing
#: all of them in each would take long.
VIEWS = (
    (
        {"timezone": "Asia/Kolkata", "from": "2026-11-06", "to": "2026-11-09"},
        ("summary", "variations", "links", "audience", "traffic"),
    ),
    (
        {"timezone": "America/New_York", "from": "2026-11-06T04:30", "to": "2026-11-07T01:15", "traffic": "human"},
        ("summary",),
    ),
    ({"traffic": "all"}, ("variations", "traffic")),
)


class Held:
    """The panels of a page beside the API's answers to the same view."""

    def __init__(self, client: httpx.Client, campaign: str, view: dict[str, str], page: Page) -> None:
        self._client, self._campaign, self._view, self.page = client, campaign, view, page
        self.checked = 0

    def ask(self, metrics: Iterable[str], *dimensions: str, **more: str) -> dict[str, Any]:
        query = {
            "metrics": ",".join(metrics), "dimensions": ",".join(dimensions), "campaign": self._campaign,
            "limit": "100000", **self._view, **more,
        }  # fmt: skip
        answer = self._client.get("/v1/stats", params=query)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def same(self, cells: Iterable[Cell], said: dict[str, Any]) -> None:
        for cell in cells:
            if cell.name in METRICS:
                assert json.loads(cell.value or "null") == said[cell.name], cell
                self.checked += 1

    def totals(self, cells: list[Cell]) -> None:
        names = dict.fromkeys(cell.name for cell in cells if cell.name in METRICS)
        if names:
            self.same(cells, self.ask(names)["totals"])

    def rows(self, panel: str, *dimensions: str, named: Callable[[str], str] = str) -> None:
        """A row of the page for each of the API's, and nothing in those that it has beside them."""
        rows = self.page.rows[panel]
        dimensions = dimensions or tuple(cell.name for cell in rows[0] if cell.name in DIMENSIONS)
        answer = self.ask((cell.name for cell in rows[0] if cell.name in METRICS), *dimensions)
        said = {tuple(named(row[name]) for name in dimensions): row for row in answer["rows"]}
        for row in rows:
            key = tuple(values(row)[name] for name in dimensions)
            found = said.pop(key, None)
            if found is None:
                assert not any(json.loads(cell.value or "0") for cell in row if cell.name in METRICS), row
            else:
                self.same(row, found)
        assert not said, f"{panel} lacks {list(said)}"
        self.same(self.page.foot.get(panel, ()), answer["totals"])


def in_words(name: str) -> str:
    return {"": NOT_KNOWN, OTHER: "Other domains"}.get(name, name)


def funnel(held: Held) -> None:
    held.totals([cell for row in held.page.rows["funnel"] for cell in row])


def variations(held: Held, names: dict[str, str]) -> None:
    rows = held.page.rows["variations"]
    metrics = {cell.name for row in rows for cell in row if cell.name in METRICS}
    said = {names[row["variation"]]: row for row in held.ask(metrics, "variation")["rows"] if row["variation"]}
    for row in rows:
        held.same(row, said[values(row)["variation"]])
        people, of = (json.loads(cell.value) for cell in row if cell.name in METRICS)
        # Of fewer than did it there is no rate: the range begins after most of them were sent to.
        assert json.loads(values(row)["value"] or "null") == (people / of if 0 < of >= people else None)


DAYS = {name.lower(): day for name, day in zip(calendar.day_abbr, calendar.day_name, strict=True)}


def hours(held: Held) -> None:
    counts: Counter[tuple[str, str, str]] = Counter()
    for row in held.ask(("opened", "clicked"), "hour")["rows"]:
        local = datetime.fromisoformat(row["hour"])
        for name in ("opened", "clicked"):
            counts[name, f"{local:%A}", f"{local:%H}:00"] += row[name]
    below: Counter[str] = Counter()
    for row in held.page.rows["hours"]:
        hour = values(row)["hour_of_day"].partition("–")[0]
        for cell in row[1:]:
            metric, _, day = cell.name.partition("_")
            assert int(cell.value) == counts.pop((metric, DAYS[day], hour), 0), row
            below[cell.name] += int(cell.value)
            held.checked += 1
    assert not +counts
    assert below == Counter({cell.name: int(cell.value) for cell in held.page.foot["hours"][1:]})


def excluded(held: Held) -> None:
    metrics = ("opened", "clicked")
    classes = {row["traffic"]: row for row in held.ask(metrics, "traffic", traffic="all")["rows"]}
    reasons = {
        (row["traffic"], row["reason"]): row for row in held.ask(metrics, "traffic", "reason", traffic="all")["rows"]
    }
    for row in held.page.rows["excluded"]:
        given = values(row)
        said = classes.get(given["traffic"]) if given["reason"] == "any" else reasons[given["traffic"], given["reason"]]
        held.same(row, said or dict.fromkeys(metrics, 0))
    held.same(held.page.foot["excluded"], held.ask(metrics, traffic="all")["totals"])


#: How each panel is held against the API; those of shows are on a page of their own.
CHECKS: dict[str, Callable[[Held], None]] = {
    "funnel": funnel,
    "series": lambda held: held.rows("series"),
    "revenue": lambda held: held.rows("revenue"),
    "variations": lambda held: variations(held, {"a": "Flowers", "b": "Price first", "control": "Control Group"}),
    "links": lambda held: held.rows("links", "link"),
    "clickmap": lambda held: held.rows("clickmap", "position"),
    "parameters": lambda held: held.rows("parameters"),
    "countries": lambda held: held.rows("countries", named=lambda code: country_name(code) if code else NOT_KNOWN),
    "hours": hours,
    "excluded": excluded,
    **{
        name: lambda held, name=name: held.rows(name, named=in_words)  # type: ignore[misc]
        for name in ("devices", "systems", "browsers", "mailboxes", "cities", "networks")
    },
}


def test_every_panel_of_the_page_is_held_against_the_api():
    assert set(CHECKS) == {panel.name for panel in PANELS.values() if panel.section != "live"}


def pages(client: httpx.Client, campaign: str, view: dict[str, str], sections: Iterable[str]) -> Page:
    """The sections as one."""
    found = Page()
    for section in sections:
        answer = client.get("/dashboard/campaign", params={"id": campaign, "section": section, **view})
        assert answer.status_code == 200, answer.text
        page = read(answer.text)
        found.rows |= page.rows
        found.foot |= page.foot
        found.cards += page.cards
        found.links += page.links
        found.text += page.text
    return found


@pytest.mark.parametrize(("view", "sections"), VIEWS, ids=("days", "hours", "ever"))
def test_the_page_says_what_the_api_says(sampled, visit, view, sections):
    page = pages(visit(sampled), "spring-sale", view, sections)
    held = Held(sampled.client, "spring-sale", view, page)
    for name in page.rows:
        held.checked = 0
        CHECKS[name](held)
        assert held.checked, name
    # Every panel of these sections has something to say about this campaign, but for what it doesn't know.
    expected = {panel.name for panel in PANELS.values() if panel.section in sections}
    assert set(page.rows) >= expected - {"cities", "networks", "systems"}
    held.checked = 0
    held.totals(page.cards)
    assert held.checked >= 10 or "summary" not in sections


def test_what_was_left_out_is_what_the_api_left_out(sampled, visit):
    view, _ = VIEWS[0]
    page = read(visit(sampled).get("/dashboard/campaign", params={"id": "spring-sale", **view}).text)
    names = [cell.name for cell in page.cards]
    meta = Held(sampled.client, "spring-sale", view, page).ask(names)["meta"]
    left_out = sum(meta["excluded"].values())
    assert left_out
    assert f"{left_out:,} events did not count, as machine traffic" in page.text


def test_people_who_were_left_out_are_not_called_machines(sampled, visit):
    client = visit(sampled)
    for path, query in (
        ("/dashboard/campaign", {"id": "spring-sale", "section": "traffic"}),
        ("/dashboard/compare", {"id": ["spring-sale", "onboarding"]}),
    ):
        page = read(client.get(path, params={**query, "traffic": "bot"}).text)
        assert "events of other traffic did not count" in page.text, path
        assert "as machine traffic" not in page.text, path


def test_files_hold_what_the_page_shows(sampled, visit):
    client, (view, _) = visit(sampled), VIEWS[0]
    for section in ("summary", "variations", "traffic"):
        query = {"id": "spring-sale", "section": section, **view}
        page = read(client.get("/dashboard/campaign", params=query).text)
        addresses = [where for label, where in page.links if label == "CSV"]
        assert len(addresses) == len(page.rows)
        for (panel, rows), where in zip(page.rows.items(), addresses, strict=True):
            assert f"panel={panel}&" in where
            _, *written = csv.reader(io.StringIO(client.get(where).content.decode("utf-8-sig")))
            assert written == [[in_csv(cell) for cell in row] for row in rows], panel


def in_csv(cell: Cell) -> str:
    if cell.value.startswith("{"):
        return "; ".join(f"{code} {amount}" for code, amount in json.loads(cell.value).items())
    is_formula = cell.value[:1] in ("=", "+", "-", "@") and not cell.name.startswith("of")
    return f"'{cell.value}" if is_formula else cell.value


def test_a_show_s_panels_say_what_the_api_says(sampled, visit):
    client = visit(sampled)
    for panel, dimension in (("concurrency", "minute"), ("reactions", "minute")):
        where = {"id": "live-show-12", "panel": panel, "timezone": "Asia/Kolkata", "format": "csv"}
        rows = list(
            csv.DictReader(io.StringIO(client.get("/dashboard/panel", params=where).content.decode("utf-8-sig")))
        )
        metrics = [name for name in rows[0] if name in METRICS]
        said = Held(sampled.client, "live-show-12", {"timezone": "Asia/Kolkata"}, Page()).ask(metrics, dimension)
        by_label = {row[dimension]: row for row in said["rows"]}
        assert len(rows) > 30
        for row in rows:
            found = by_label.get(row[dimension], dict.fromkeys(metrics, 0))
            assert {name: int(row[name]) for name in metrics} == {name: found[name] for name in metrics}
