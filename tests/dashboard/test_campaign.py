"""The page of a campaign: who it is, how it is chosen what to see, and what is said when that can't be."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

from tests.dashboard.reading import Page, addresses, read, words

PAGE = "/dashboard/campaign"


def page(client, **query) -> Page:
    answer = client.get(PAGE, params={name.rstrip("_"): value for name, value in query.items()})
    assert answer.status_code == 200, answer.text
    return read(answer.text)


def query_of(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def test_the_head_says_who_it_is_in_the_zone_that_is_seen(sampled, visit):
    client = visit(sampled)
    berlin = words(page(client, id="spring-sale", section="traffic"))
    assert "Frühling für alle ✿" in berlin
    assert "Started 6 Nov 2026, 09:30" in berlin
    assert "1 message and 3 variations" in berlin
    assert "spring newsletter" in berlin
    assert "Europe/Berlin" in berlin
    kolkata = words(page(client, id="spring-sale", section="traffic", timezone="Asia/Kolkata"))
    assert "Started 6 Nov 2026, 14:00" in kolkata


def test_sections_are_those_that_a_campaign_can_have(sampled, visit):
    client = visit(sampled)

    def sections(campaign: str) -> list[str]:
        found = page(client, id=campaign, section="traffic")
        known = ("Summary", "Variations", "Links", "Audience", "Traffic", "Live")
        return [label for label, where in found.links if label in known and "id=" in where]

    assert sections("spring-sale") == ["Summary", "Variations", "Links", "Audience", "Traffic"]
    assert sections("sms-flash") == ["Summary", "Links", "Audience", "Traffic"]
    assert sections("live-show-12") == ["Summary", "Audience", "Traffic", "Live"]
    assert sections("summer-preview") == ["Summary", "Links", "Audience", "Traffic"]
    answer = client.get(PAGE, params={"id": "live-show-12", "section": "live"})
    assert answer.headers["location"] == "/dashboard/show?id=live-show-12"


def test_what_was_chosen_is_in_the_form_and_carried_on(sampled, visit):
    chosen = {
        "from_": "2026-11-06",
        "to": "2026-11-08",
        "timezone": "Asia/Kolkata",
        "traffic": "human",
        "grain": "hour",
        "metrics": ["clicked", "open_rate"],
    }
    found = page(visit(sampled), id="spring-sale", **chosen)
    assert {
        ("from", "2026-11-06"), ("to", "2026-11-08"), ("timezone", "Asia/Kolkata"), ("option", "human"),
        ("option", "hour"), ("metrics", "clicked"), ("metrics", "open_rate"),
    } <= set(found.fields)  # fmt: skip
    assert ("metrics", "opened") not in found.fields
    (links,) = (query_of(where) for where in addresses(found, "Links") if "id=" in where)
    assert links == {
        "id": "spring-sale", "section": "links", "from": "2026-11-06", "to": "2026-11-08", "timezone": "Asia/Kolkata",
        "traffic": "human", "grain": "hour", "metrics": "clicked,open_rate",
    }  # fmt: skip
    # A range by its name takes the place of the dates, and of the grain that suited them.
    (week,) = (query_of(where) for where in addresses(found, "7 days"))
    assert week["range"] == "7d"
    assert not {"from", "to", "grain"} & set(week)
    (files,) = {where for label, where in found.links if label == "CSV" and "panel=funnel" in where}
    assert query_of(files)["timezone"] == "Asia/Kolkata"


def test_another_section_does_not_forget_the_lines_of_the_first(sampled, visit):
    found = page(visit(sampled), id="spring-sale", section="traffic", metrics="clicked,open_rate", range="30d")
    assert {("metrics", "clicked,open_rate"), ("range", "30d"), ("section", "traffic")} <= set(found.fields)


def test_what_cannot_be_shown_is_said_where_it_can_be_chosen_anew(sampled, visit):
    client = visit(sampled)
    wrong = (
        ({"timezone": "Mars/Olympus"}, "Unknown time zone 'Mars/Olympus'"),
        ({"from": "soon"}, "'soon' is not a date or time"),
        ({"from": "2026-11-08", "to": "2026-11-07"}, "The range ends before it starts"),
        ({"metrics": "opend"}, "Unknown metric 'opend'"),
        ({"traffic": "robots"}, "Unknown traffic class 'robots'"),
        ({"grain": "minute"}, "Unknown grain 'minute'"),
        ({"section": "bogus"}, "Unknown section 'bogus'"),
        ({"range": "8d"}, "Unknown range '8d'"),
        ({"timezone": "<script>alert(1)</script>"}, "Unknown time zone '<script>alert(1)</script>'"),
    )
    for query, said in wrong:
        answer = client.get(PAGE, params={"id": "spring-sale", **query})
        assert answer.status_code == 400, query
        assert said in words(read(answer.text)), query
        assert "<script>alert" not in answer.text
        assert "Frühling für alle" in answer.text
        # What was written is still there, to be put right.
        for name, value in query.items():
            if name in ("timezone", "from"):
                assert (name, value) in read(answer.text).fields


def test_a_show_is_known_by_its_viewers(sampled, visit):
    found = page(visit(sampled), id="live-show-12")
    shown = {cell.name: (json.loads(cell.value), cell.text) for cell in found.cards}
    said = sampled.stats(",".join(shown), campaign="live-show-12")["totals"]
    assert {name: value for name, (value, _) in shown.items()} == {name: said[name] for name in shown}
    assert list(shown)[:3] == ["viewers", "peak_concurrent_viewers", "viewing_time_s"]
    assert shown["viewers"][1] == f"{said['viewers']:,}"


def test_a_choice_that_no_list_has_is_still_the_one_that_is_made(sampled, visit):
    found = page(visit(sampled), id="spring-sale", section="traffic", traffic="bot,human")
    assert ("option", "bot,human") in found.fields
    found = page(visit(sampled), id="sms-flash", metrics="unique_sent")
    assert ("metrics", "unique_sent") in found.fields


def test_there_are_only_campaigns_of_the_own_workspace(sampled, tenant, visit):
    for name in ("spring-sale", "", "nothing", "a\0b", "x" * 5000):
        assert visit(tenant).get(PAGE, params={"id": name}).status_code == 404


def test_a_campaign_without_events_or_title_has_a_page(tenant, visit):
    tenant.client.put("/v1/campaigns/new", json={"channels": ["email"] * 1})
    client = visit(tenant)
    for section in ("summary", "variations", "links", "audience", "traffic"):
        assert "new" in words(page(client, id="new", section=section))


def test_texts_of_users_are_texts(tenant, visit):
    hostile = '"><img src=x onerror=alert(1)>\u202e{{ 7*7 }}'
    fields = {"title": hostile, "description": hostile, "type": hostile, "tags": [hostile], "channels": [hostile]}
    tenant.client.put("/v1/campaigns/evil", json=fields).raise_for_status()
    answer = visit(tenant).get(PAGE, params={"id": "evil", "section": "traffic"})
    assert answer.status_code == 200
    assert "<img" not in answer.text
    assert words(read(answer.text)).count("{{ 7*7 }}") >= 5
