"""Devices, mailboxes, places: the numbers of /v1/stats, and others together as a count of their events would say."""

from __future__ import annotations

import pytest

from turnout.panels import naming, ranking
from turnout.panels import view as views
from turnout.panels.registry import PANELS

DIMENSIONS = {"devices": "device", "systems": "os", "browsers": "browser", "cities": "city", "networks": "network"}


def seen(house, tenant, campaign, **query):
    """A view of a campaign, and how it asks."""
    tenant.stats("events", campaign=campaign)
    found = house.services.catalog.campaign(tenant.workspace.id, campaign)
    return views.read(house.services, tenant.workspace, found, query), house.services.statistics.ask


def clicked(person: int, number: int, **more: object) -> dict[str, object]:
    return {
        "type": "clicked",
        "time": f"2026-11-02T{number % 24:02}:30:00Z",
        "campaign": "spread",
        "id": f"{person}-{number}",
        "recipient": f"p{person}",
        "traffic": "human",
        **more,
    }


@pytest.mark.parametrize("panel", DIMENSIONS)
@pytest.mark.parametrize("query", [{}, {"traffic": "all", "from": "2026-11-06", "to": "2026-11-08"}])
def test_every_row_is_that_of_the_api(house, sampled, panel, query):
    dimension = DIMENSIONS[panel]
    metrics = "unique_clicked,clicked,unique_opened,opened"
    told = sampled.stats(metrics, campaign="spring-sale", dimensions=dimension, **query)
    expected = {row[dimension] or ranking.NOT_KNOWN: row for row in told["rows"] if any(list(row.values())[1:])}
    shown = PANELS[panel].draw(*seen(house, sampled, "spring-sale", **query))
    # The sample knows devices and browsers, and nothing of the rest.
    if expected.keys() <= {ranking.NOT_KNOWN}:
        assert (shown.table.rows, shown.spec) == ((), None)
        assert dimension not in ("device", "browser")
        assert f"'{dimension}'" in shown.empty
        return
    assert not shown.empty
    assert {row[dimension] for row in shown.table.rows} == expected.keys()
    for row in shown.table.rows:
        assert all(row[name] == expected[row[dimension]][name] for name in metrics.split(","))
    assert shown.table.total == told["totals"]
    known = [row["unique_clicked"] for row in shown.table.rows if row[dimension] != ranking.NOT_KNOWN]
    assert known == sorted(known, reverse=True)


def test_clicks_that_name_nobody_are_counted_as_clicks(house, tenant):
    """Links on a poster: there are devices and countries, and no recipients."""
    found = {"device": "mobile", "country": "DE"}
    nameless = [{**clicked(0, number, **found), "recipient": ""} for number in range(3)]
    tenant.send(*nameless, {**clicked(0, 9, country="FR"), "recipient": ""})
    devices, countries = (PANELS[name].draw(*seen(house, tenant, "spread")) for name in ("devices", "countries"))
    numbers = [(row["device"], row["clicked"], row["unique_clicked"]) for row in devices.table.rows]
    assert numbers == [("Mobile", 3, 0), ("Not known", 1, 0)]
    assert devices.words == ("1 of 4 clicks happened where no device is known.",)
    assert devices.alt == "Clicks, by device: Mobile 3 · 75.0 % and Not known 1 · 25.0 %."
    assert [(row["country"], row["clicked"]) for row in countries.table.rows] == [("Germany", 3), ("France", 1)]
    assert countries.alt == "A map of the world: clicks, by country. Germany 3 and France 1."
    # As soon as somebody has a name, people are counted.
    tenant.send(clicked(1, 10, device="tablet"))
    named = PANELS["devices"].draw(*seen(house, tenant, "spread"))
    assert (named.table.rows[0]["device"], named.table.rows[0]["unique_clicked"]) == ("Tablet", 1)
    assert named.alt.startswith("People who clicked, by device: Tablet 1 · 100.0 %")


def test_others_are_people_counted_once(house, tenant):
    # Person p was in cities 0 to p % 20: fifteen of them have names.
    names = [f"City {city:02}" if city < 15 else "" for city in range(20)]
    spread = [clicked(person, city, city=names[city]) for person in range(60) for city in range(person % 20 + 1)]
    tenant.send(*spread, clicked(1, 99, city="City 14", traffic="bot"))
    shown = PANELS["cities"].draw(*seen(house, tenant, "spread"))
    by_city: dict[str, list[str]] = {}
    for event in spread:
        by_city.setdefault(event["city"], []).append(event["recipient"])
    rows = {row["city"]: (row["unique_clicked"], row["clicked"]) for row in shown.table.rows}
    order = sorted((city for city in by_city if city), key=lambda city: (-len(set(by_city[city])), city))
    others = [person for city in order[ranking.LIMIT_SHOWN :] for person in by_city[city]]
    assert list(rows) == [*order[: ranking.LIMIT_SHOWN], "3 other cities", "Not known"]
    for city in order[: ranking.LIMIT_SHOWN]:
        assert rows[city] == (len(set(by_city[city])), len(by_city[city]))
    assert rows["3 other cities"] == (len(set(others)), len(others))
    assert len(set(others)) < sum(len(set(by_city[city])) for city in order[ranking.LIMIT_SHOWN :])
    assert rows["Not known"] == (len(set(by_city[""])), len(by_city[""]))
    assert shown.table.quiet_count == 2
    assert shown.table.total["unique_clicked"] == 60
    assert shown.words == (
        "15 of 60 people clicked where no city is known.",
        "Whoever came with several cities counts in the row of each, and once in the whole.",
    )
    assert shown.excluded["bot"] == 1
    svg = house.services.renderer.svg(shown.spec)
    for city, (people, _) in rows.items():
        assert f'aria-label="{city} {people} · ' in svg


def test_mailboxes_fare_as_the_api_says(house, sampled):
    metrics = "sent,delivered,bounced,complained,delivery_rate,bounce_rate,complaint_rate,open_rate"
    told = sampled.stats(metrics, campaign="spring-sale", dimensions="mailbox_provider", sort="-sent")
    shown = PANELS["mailboxes"].draw(*seen(house, sampled, "spring-sale"))
    names = {"other": "Other domains"}
    expected = [{**row, "mailbox_provider": names.get(name := row["mailbox_provider"], name)} for row in told["rows"]]
    assert list(shown.table.rows) == expected
    assert shown.table.total == told["totals"]
    svg = house.services.renderer.svg(shown.spec)
    for row in expected:
        assert f'aria-label="{row["mailbox_provider"]} · Delivered {row["delivered"]:,}"' in svg
        assert f'aria-label="{row["mailbox_provider"]} · Bounced {row["bounced"]:,}"' in svg
    assert "Neither known" not in svg


def test_only_mail_has_a_mailbox(house, sampled, tenant):
    text = PANELS["mailboxes"].draw(*seen(house, sampled, "sms-flash"))
    assert (text.table.rows, text.spec) == ((), None)
    assert "sends no e-mail" in text.empty
    tenant.client.put("/v1/campaigns/both", json={"channels": ["email", "push"]}).raise_for_status()
    sent = {"type": "sent", "time": "2026-11-02T10:00:00Z", "campaign": "both"}
    people = (("a@gmail.com", "email"), ("b@gmx.de", "push"), ("c", "email"))
    tenant.send(*({**sent, "recipient": recipient, "channel": channel} for recipient, channel in people))
    both = PANELS["mailboxes"].draw(*seen(house, tenant, "both"))
    assert [(row["mailbox_provider"], row["sent"]) for row in both.table.rows] == [("Gmail", 1), ("Not known", 1)]


@pytest.mark.parametrize("panel", [*DIMENSIONS, "mailboxes", "countries"])
def test_a_campaign_without_events_says_what_is_missing(house, sampled, panel):
    shown = PANELS[panel].draw(*seen(house, sampled, "summer-preview"))
    assert not shown.table.rows
    assert shown.spec is None
    assert "known" in shown.empty


def test_names_are_short_and_none_is_twice():
    found = naming.distinct(
        [("a" * 90,), ("a" * 80,), ("",), ("x\ny\0z",), ("Same", "1"), ("Same", "2"), ("Same", "2")]
    )
    assert [len(name) for name in found[:2]] == [naming.LIMIT_NAME, naming.LIMIT_NAME + 2]
    assert found[2:] == ["?", "x y z", "Same", "Same (2)", "Same 2"]
