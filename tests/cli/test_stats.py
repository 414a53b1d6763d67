"""`turnout stats`: the API's numbers, on a page and as JSON."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def spring(command):
    """Two days of an e-mail campaign with a gap between them; an open by a prefetcher."""
    events = []
    for day, count in ((1, 10), (3, 4)):
        for number in range(count):
            one = {"campaign": "spring", "recipient": f"{day}-{number}", "channel": "email"}
            when = f"2026-10-0{day}T10:00:{number:02d}Z"
            events += [{"type": "sent", "time": when, **one}, {"type": "delivered", "time": when, **one}]
    reader = {"campaign": "spring", "recipient": "1-0", "time": "2026-10-01T23:30:00Z"}
    events += [
        {"type": "opened", "open": "direct", **reader},
        {"type": "opened", "open": "direct", **reader, "time": "2026-10-01T11:00:00Z"},
        {"type": "opened", **reader, "traffic": "prefetch"},
        {"type": "bounced", "bounce": "hard", **reader},
        {"type": "purchased", "amount": "19.90", "currency": "EUR", "order": "1", **reader},
    ]
    command.tenant.send(*events)
    command.tenant.client.put(
        "/v1/campaigns/spring", json={"title": "Frühling", "type": "Email", "channels": ["email"]}
    )
    return command


def cells(out, start):
    """The words of the line that begins with `start`."""
    return next(line.split() for line in out.splitlines() if line.strip().startswith(start))


def test_what_only_machines_did_is_said_to_be_left_out(command):
    event = {"campaign": "c", "recipient": "ann", "time": "2026-10-01T10:00:00Z"}
    command.tenant.send({"type": "sent", **event}, {"type": "clicked", **event, "traffic": "bot"})
    assert "counted: human and proxy traffic; left out: 1 bot" in command("stats", "c").out


def test_a_page_has_the_funnel_and_the_days(spring):
    result = spring("stats", "spring")
    assert result.code == 0, result.err
    assert result.out.startswith("Frühling\nspring · Email · email\n")
    assert "33 events from 2026-10-01 10:00 to 2026-10-03 10:00 (UTC)" in result.out
    assert "counted: human and proxy traffic; left out: 1 prefetch" in result.out
    assert cells(result.out, "delivered") == ["delivered", "14", "14", "100.0", "%", "of", "sent", "█▁▄"]
    assert cells(result.out, "opened") == ["opened", "2", "1", "7.14", "%", "of", "delivered", "█▁▁"]
    assert cells(result.out, "hard") == ["hard", "1", "█▁▁"]
    assert cells(result.out, "revenue:") == ["revenue:", "EUR", "19.90"]
    assert cells(result.out, "2026-10-01")[:4] == ["2026-10-01", "10", "10", "1"]
    assert "clicked" not in result.out
    assert "viewers" not in result.out
    assert "\x1b" not in result.out


def test_days_are_those_of_the_zone_that_is_asked_for(spring):
    result = spring("stats", "spring", "--timezone", "Asia/Kolkata", "--metrics", "opened")
    assert cells(result.out, "2026-10-02") == ["2026-10-02", "1"]


def test_json_is_what_the_api_answers(spring):
    query = {"metrics": "sent,unique_opened", "dimensions": "day", "campaign": "spring", "limit": "1000"}
    asked = ("stats", "spring", "--metrics", query["metrics"], "--dimensions", "day", "--json")
    assert spring(*asked).out.rstrip("\n") == spring.tenant.client.get("/v1/stats", params=query).text


def test_the_page_and_its_json_say_the_same(spring):
    answer = json.loads(spring("stats", "spring", "--json").out)
    assert answer["meta"]["dimensions"] == ["day"]
    assert (answer["totals"]["sent"], answer["totals"]["unique_opened"]) == (14, 1)
    assert [row["sent"] for row in answer["rows"]] == [10, 4]


def test_a_table_of_ones_own_has_its_order_filter_and_totals(spring):
    options = ("--metrics", "sent,opened,open_rate", "--dimensions", "recipient_domain,channel", "--sort", "-opened")
    result = spring("stats", "spring", *options, "--filter", "channel=,email", "--traffic", "all")
    assert result.code == 0, result.err
    assert cells(result.out, "in all") == ["in", "all", "14", "3", "7.14", "%"]
    assert "counted: human and proxy and prefetch" in result.out


def test_the_range_is_half_open(spring):
    result = spring("stats", "spring", "--from", "2026-10-01", "--to", "2026-10-03")
    assert cells(result.out, "sent")[:3] == ["sent", "10", "10"]
    assert "range: 2026-10-01T00:00:00+00:00 up to 2026-10-03T00:00:00+00:00" in result.out
    empty = spring("stats", "spring", "--from", "2026-11-01")
    assert empty.code == 0
    assert "no events in this range" in empty.out


def test_by_send_everything_is_of_the_day_of_its_message(spring):
    result = spring("stats", "spring", "--by", "send", "--timezone", "Europe/Paris")
    assert "on the day of the message that it belongs to" in result.out
    # What bounced at 23:30 in UTC did so on the next day in Paris, but the message was sent on the first.
    assert cells(result.out, "2026-10-01")[3] == "1"
    assert cells(spring("stats", "spring", "--timezone", "Europe/Paris").out, "2026-10-01")[3] == "0"
    refused = spring("stats", "spring", "--by", "moon")
    assert refused.code == 2
    assert "by" in refused.err


def test_the_overview_has_a_line_a_campaign_latest_first(spring):
    spring.tenant.send(
        {"type": "watched", "time": "2026-10-09T10:00:00Z", "campaign": "show", "recipient": "v", "duration_s": 60},
        {"type": "app_opened", "time": "2026-10-01T10:00:00Z", "recipient": "v"},
    )
    spring.tenant.client.put("/v1/campaigns/idea", json={"title": "An idea", "draft": True})
    result = spring("stats")
    assert result.code == 0, result.err
    names = [line.split()[0] for line in result.out.splitlines() if line.startswith(("spring", "show"))]
    assert names == ["show", "spring"]
    assert cells(result.out, "spring")[:5] == ["spring", "Frühling", "2026-10-03", "10:00", "14"]
    assert "without events here: idea" in result.out
    assert json.loads(spring("stats", "--json").out)["totals"]["sent"] == 14


def test_long_ranges_show_their_last_days(spring):
    result = spring("stats", "spring", "--limit", "1")
    assert "2026-10-03  " in result.out
    assert "2026-10-01  " not in result.out
    assert "… and 1 days before; --limit 2 shows them" in result.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("sprign",), "no campaign 'sprign'\n  did you mean 'spring'?"),
        (("spring", "--metrics", "openned"), "unknown metric 'openned'\n  did you mean 'opened'?"),
        (("spring", "--from", "soon"), "'soon' is not a date or time"),
        (("spring", "--timezone", "Mars/Base"), "unknown time zone 'Mars/Base'"),
        (("spring", "--filter", "country"), "--filter: 'country' is not DIMENSION=VALUES"),
        (("spring", "--sort", "clicked", "--metrics", "sent"), "can't sort by 'clicked'"),
    ],
)
def test_what_can_t_be_answered_is_said(spring, arguments, words):
    result = spring("stats", *arguments)
    assert result.code == 2
    assert words in result.err
    assert result.out == ""


def test_a_campaign_may_have_any_name(command):
    name = "a/b, c?&ü\u202e%2C"
    command.tenant.send({"type": "sent", "time": "2026-10-01T10:00:00Z", "campaign": name})
    result = command("stats", name)
    assert result.code == 0, result.err
    assert cells(result.out, "sent")[:2] == ["sent", "1"]
    assert "\u202e" not in result.out
