"""The comparison's page against the API, and how campaigns are chosen for it."""

from __future__ import annotations

import datetime as dt
import json
from urllib.parse import parse_qs, urlsplit

from tests.dashboard.reading import Page, read, values, words

PAGE = "/dashboard/compare"

#: When the sample's sends were; each at a whole quarter of an hour.
SENT = {"spring-sale": "2026-11-06T08:30:00Z", "sms-flash": "2026-11-13T10:00:00Z"}


def page(client, *ids, status=200, **query) -> Page:
    answer = client.get(PAGE, params={"id": list(ids), **query})
    assert answer.status_code == status, answer.text
    return read(answer.text)


def test_points_of_the_curves_are_the_api_s_numbers(sampled, visit):
    found = page(visit(sampled), *SENT, metric="click_rate", traffic="all")
    rows = {row[0].value: row[1:] for row in found.rows["progress"]}
    assert len(rows) == 14
    for label, hours in (("1 h", 1), ("3 days", 72)):
        for (campaign, sent), cell in zip(SENT.items(), rows[label], strict=True):
            to = dt.datetime.fromisoformat(sent) + dt.timedelta(hours=hours)
            said = sampled.stats("click_rate", campaign=campaign, to=to.isoformat(), traffic="all")["totals"]
            assert (cell.name, json.loads(cell.value)) == ("click_rate", said["click_rate"]), (campaign, label)


def test_totals_and_rates_are_the_api_s_with_their_intervals(sampled, visit):
    found = page(visit(sampled), *SENT, metric="click_rate", traffic="all", timezone="Asia/Kolkata")
    names = "sent,delivered,unique_opened,unique_clicked,unique_conversions,revenue"
    rates = "open_rate,click_rate,conversion_rate"
    said = sampled.stats(f"{names},{rates}", dimensions="campaign", campaign=",".join(SENT), traffic="all")
    by_id = {row["campaign"]: row for row in said["rows"]}
    for campaign, totals, shares in zip(SENT, found.rows["totals"], found.rows["rates"], strict=True):
        for name in names.split(","):
            assert json.loads(values(totals)[name]) == by_id[campaign][name]
        for name in rates.split(","):
            assert json.loads(values(shares)[name]) == by_id[campaign][name]
    assert values(found.rows["totals"][0])["sent_at"] == "2026-11-06 14:00"
    # Wilson's interval by its formula.
    shown = values(found.rows["rates"][0])
    z, n, p = 1.959964, by_id["spring-sale"]["open_rate_denominator"], json.loads(shown["open_rate"])
    middle, half = p + z * z / (2 * n), z * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    low, high = ((middle + side * half) / (1 + z * z / n) for side in (-1, 1))
    assert shown["open_rate_interval"] == f"{low * 100:.1f} % to {high * 100:.1f} %"


def test_campaigns_are_added_and_left_out_by_links(sampled, visit):
    client = visit(sampled)
    found = page(client, "spring-sale", find="LIVE")
    assert "one more campaign" in words(found)
    assert "panel" not in " ".join(found.rows)
    added = [where for label, where in found.links if label.startswith("Add Live")]
    assert [parse_qs(urlsplit(where).query)["id"] for where in added] == [
        ["spring-sale", "live-show-12"],
        ["spring-sale", "live-show-11"],
    ]
    (without, _) = [where for label, where in page(client, *SENT, status=400, metric="x").links if label == "Leave out"]
    assert parse_qs(urlsplit(without).query)["id"] == ["sms-flash"]
    assert "No campaign is called so" in words(page(client, find="zzz"))


def test_what_cannot_be_compared_is_said(sampled, tenant, visit):
    client = visit(sampled)
    assert "has not been sent yet" in words(page(client, "spring-sale", "summer-preview"))
    for query, said in (
        ({"metric": "revenue"}, "Unknown metric to compare 'revenue'"),
        ({"length": "years"}, "Unknown length 'years'"),
        ({"timezone": "Mars/X"}, "Unknown time zone 'Mars/X'"),
        ({"traffic": "robots"}, "Unknown traffic class 'robots'"),
    ):
        assert said in words(page(client, *SENT, status=400, **query))
    page(client, "spring-sale", "nothing", status=404)
    # Another workspace's campaigns are not there.
    assert visit(tenant).get(PAGE, params={"id": list(SENT)}).status_code == 404


def test_at_most_eight(tenant, visit):
    for place in range(9):
        tenant.client.put(f"/v1/campaigns/c{place}", json={"title": "<b>Same</b>"}).raise_for_status()
    client = visit(tenant)
    assert "At most 8 campaigns" in words(page(client, *(f"c{place}" for place in range(9)), status=400))
    assert client.get(PAGE, params={"id": [f"c{place}" for place in range(8)]}).status_code == 200
    assert "<b>" not in client.get(PAGE, params={"id": ["c1", "c2"]}).text


def test_a_campaign_without_a_start_counts_from_its_first_send(tenant, visit):
    when = dt.datetime(2026, 10, 5, 9, 3, tzinfo=dt.UTC)
    for campaign, later in (("a", 0), ("b", 7)):
        at = when + dt.timedelta(days=later)
        tenant.send(
            {
                "type": "queued",
                "time": (at - dt.timedelta(hours=5)).isoformat(),
                "campaign": campaign,
                "recipient": "r",
            },
            {"type": "sent", "time": at.isoformat(), "campaign": campaign, "recipient": "r"},
            {
                "type": "opened",
                "time": (at + dt.timedelta(minutes=50)).isoformat(),
                "campaign": campaign,
                "recipient": "r",
            },
            {
                "type": "opened",
                "time": (at + dt.timedelta(hours=2)).isoformat(),
                "campaign": campaign,
                "recipient": "s",
            },
        )
    found = page(visit(tenant), "a", "b")
    assert [cell.value for cell in found.rows["progress"][0]] == ["1 h", "1", "1"]
    assert [cell.value for cell in found.rows["progress"][2]] == ["3 h", "2", "2"]
    assert values(found.rows["totals"][1])["sent_at"] == "2026-10-12 09:03"
