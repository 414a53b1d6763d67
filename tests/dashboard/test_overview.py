"""All campaigns, over a real socket: what the page shows is what /v1/stats answers; hostile names stay text."""

from __future__ import annotations

import html
import json
import re
import shlex
from typing import Any

import pytest

from turnout.dashboard import overview
from turnout.dashboard.listing import PAGE_ROWS

METRICS = "sent,unique_opened,open_rate,unique_clicked,click_rate,conversions,revenue,viewers"


def cells(text: str) -> dict[str, str]:
    """The values of cells by their names, as they are in the page."""
    found = re.findall(r'data-name="([^"]*)" data-value="([^"]*)"', text)
    return {name: html.unescape(value) for name, value in found}


def listed(page: str) -> dict[str, dict[str, str]]:
    """The cells of each campaign, in the order of the page."""
    rows = page.split('<tr data-campaign="')[1:]
    return {html.unescape(row.split('"')[0]): cells(row.split("</tr>")[0]) for row in rows}


def said(value: Any) -> str:
    """A value of /v1/stats as a cell has it."""
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


@pytest.mark.parametrize(
    "view",
    [
        {},
        {"timezone": "Asia/Kolkata", "from": "2026-11-11", "to": "2026-11-15", "traffic": "all"},
        {"timezone": "America/New_York", "to": "2026-11-12T06:30:00", "traffic": "scanner,bot"},
    ],
)
def test_the_page_says_what_the_api_answers(sampled, visit, view):
    page = visit(sampled).get("/", params=view).text
    answer = sampled.client.get(
        "/v1/stats", params={"metrics": METRICS, "dimensions": "campaign", **view}
    ).json()  # fmt: skip
    found = listed(page)
    assert len(found) == len(sampled.client.get("/v1/campaigns").json()["campaigns"])
    names = [name for name in METRICS.split(",") if name != "viewers" or answer["totals"]["viewers"]]
    rows = {row["campaign"]: row for row in answer["rows"]}
    assert rows
    for campaign, values in found.items():
        row = rows.get(campaign)
        nothing = {name: None if name.endswith("_rate") else {} if name == "revenue" else 0 for name in names}
        assert values == {name: said((row or nothing)[name]) for name in names}, campaign
    totals = cells(page.split('id="totals"')[1].split("</dl>")[0])
    assert totals == {"campaigns": str(len(found))} | {name: said(answer["totals"][name]) for name in names}
    everything = sampled.stats(
        "events",
        dimensions="traffic",
        **{"from_" if name == "from" else name: value for name, value in view.items()} | {"traffic": "all"},
    )
    left_out = sum(row["events"] for row in everything["rows"] if row["traffic"] not in answer["meta"]["traffic"])
    assert (f"{left_out:,} events of other traffic are not counted" in page) is bool(left_out)


def test_totals_of_what_was_found_count_everybody_once(sampled, visit):
    page = visit(sampled).get("/", params={"tag": "sale", "metrics": "unique_clicked,sent", "sort": "-sent"}).text
    found = listed(page)
    answer = sampled.stats("unique_clicked,sent", campaign=",".join(found))
    totals = cells(page.split('id="totals"')[1].split("</dl>")[0])
    assert totals == {"campaigns": str(len(found))} | {name: said(value) for name, value in answer["totals"].items()}
    # Whoever clicked in two campaigns is one person.
    assert int(totals["unique_clicked"]) < sum(int(one["unique_clicked"]) for one in found.values())
    sent = [int(one["sent"]) for one in found.values()]
    assert sent == sorted(sent, reverse=True)
    assert "<title>Clicked a day" in page or "<title>Opened a day" in page


def test_too_many_to_be_counted_together_are_not_all_there_are(tenant, visit, monkeypatch):
    """The totals of all campaigns are not those of what was found."""
    monkeypatch.setattr(overview, "LIMIT_FILTER_VALUES", PAGE_ROWS)
    event = {"type": "sent", "recipient": "a", "time": "2026-11-10T10:00:00Z"}
    tenant.send(*({**event, "campaign": f"c{number}"} for number in range(PAGE_ROWS + 1)))
    tenant.send(*({**event, "campaign": "other", "recipient": f"r{number}"} for number in range(9)))
    page = visit(tenant).get("/", params={"q": "c", "metrics": "sent"}).text
    totals = cells(page.split('id="totals"')[1].split("</dl>")[0])
    assert totals == {"campaigns": str(PAGE_ROWS + 1), "sent": str(PAGE_ROWS)}
    assert "too many campaigns to be counted together" in page
    few = visit(tenant).get("/", params={"q": "other"}).text
    assert "too many campaigns" not in few


def test_dates_stay_until_a_range_is_chosen(sampled, visit):
    client = visit(sampled)
    page = client.get("/", params={"from": "2026-11-11", "to": "2026-11-15"}).text
    assert "2026-11-11 to 2026-11-14, days in Europe/Berlin" in " ".join(page.split())
    assert '<option value="" selected>Own dates</option>' in page
    assert 'name="from" value="2026-11-11"' in page
    # As the form sends it, once a range is chosen beside them.
    asked = {"from": "2026-11-11", "to": "2026-11-15", "range": "all", "metrics": "events"}
    everything = cells(client.get("/", params=asked).text.split('id="totals"')[1].split("</dl>")[0])["events"]
    assert everything == said(sampled.stats("events")["totals"]["events"])


def test_money_is_sorted_in_the_commonest_currency_and_says_so(sampled, visit):
    client = visit(sampled)
    page = client.get("/", params={"sort": "-revenue"}).text
    euros = [float(json.loads(one["revenue"]).get("EUR", 0)) for one in listed(page).values()]
    assert euros == sorted(euros, reverse=True)
    assert euros[0] > 0
    assert "Sorted by amounts in EUR" in page
    assert 'aria-sort="descending"><a href="/?sort=revenue"' in page


def test_pages_hold_every_campaign_once(tenant, visit):
    count = 2 * PAGE_ROWS + 3
    events = [
        {"type": "sent", "campaign": f"c{number:03}", "recipient": "a", "time": "2026-11-10T10:00:00Z"}
        for number in range(count)
    ]
    tenant.send(*events, events[7] | {"recipient": "b"})
    client, found, address = visit(tenant), [], "/?sort=-sent&q=c"
    for _ in range(3):
        page = client.get(address).text
        found += listed(page)
        following = re.search(r'rel="next" href="([^"]*)"', page)
        address = html.unescape(following[1]) if following else ""
    assert address == ""
    assert sorted(found) == [f"c{number:03}" for number in range(count)]
    assert found[0] == "c007"
    assert "No campaign is like that" in client.get("/", params={"q": "nowhere"}).text


@pytest.mark.parametrize(
    "query",
    [{"range": "8d"}, {"sort": "campaign"}, {"timezone": "Mars/Base"}, {"traffic": "x"}, {"page": "x"}, {"from": "x"},
     {"from": "2026-11-11", "to": "2026-11-10"}, {"metrics": "sent,x"}, {"status": "<b>"}, {"q": "a" * 300}],
)  # fmt: skip
def test_what_can_not_be_is_said_on_a_page_of_whoever_asked(tenant, visit, query):
    tenant.send({"type": "sent", "campaign": "c", "recipient": "a", "time": "2026-11-10T10:00:00Z"})
    answer = visit(tenant).get("/", params=query)
    assert answer.status_code == 400
    assert "<b>" not in answer.text
    assert tenant.workspace.name in answer.text


def test_a_first_visit_says_how_to_begin_and_what_it_says_works(tenant, visit, url):
    client = visit(tenant)
    page = client.get("/").text
    line = html.unescape(page.split('id="first-curl">')[1].split("</pre>")[0])
    words = shlex.split(line)
    assert words[:2] == ["curl", f"{url}/v1/events"]
    headers = dict(words[place + 1].split(": ", 1) for place, word in enumerate(words) if word == "-H")
    headers["Authorization"] = headers["Authorization"].replace("$KEY", tenant.key)
    answer = client.post(words[1], content=words[words.index("-d") + 1], headers=headers)
    assert answer.json()["accepted"] == 1
    assert list(listed(client.get("/").text)) == ["first"]


def test_an_order_is_kept_where_there_are_many_campaigns_but_no_number_is(tenant, visit, monkeypatch):
    monkeypatch.setattr("turnout.dashboard.orders.KEPT_FROM_CAMPAIGNS", 2)

    def sent(campaign: str, recipient: str) -> dict[str, object]:
        return {"type": "sent", "campaign": campaign, "recipient": recipient, "time": "2026-11-10T10:00:00Z"}

    tenant.send(sent("a", "1"), sent("a", "2"), sent("b", "1"))
    client = visit(tenant)
    for more, counts in ((), {"a": "2", "b": "1"}), (("3", "4"), {"b": "3", "a": "2"}):
        if more:
            tenant.send(*(sent("b", recipient) for recipient in more))
        page = client.get("/", params={"sort": "-sent", "metrics": "sent"}).text
        # What is on one page is in order, too.
        assert list(listed(page).items()) == [(name, {"sent": count}) for name, count in counts.items()]
        assert cells(page.split('id="totals"')[1].split("</dl>")[0])["sent"] == str(3 + len(more))


def test_one_workspace_never_sees_another(sampled, tenant, visit):
    tenant.send({"type": "sent", "campaign": "mine", "recipient": "a", "time": "2026-11-10T10:00:00Z"})
    page = visit(tenant).get("/", params={"metrics": "events"}).text
    assert listed(page) == {"mine": {"events": "1"}}
    assert "newsletter" not in page
