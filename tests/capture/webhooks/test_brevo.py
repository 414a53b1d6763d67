"""Brevo: openings told twice, five ways to say a time, and campaigns in tags and headers."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import msgspec
import pytest
from tests.capture.webhooks.deliveries import delivery, endures, events, one, wrongs
from tests.capture.webhooks.payload_bodies import body

from turnout.capture.webhooks.brevo import PROVIDER, parse

OPENED = {"email": "a@example.com", "message-id": "<m@x>", "ts_event": 1604933654}


def told(event: str, **more: Any) -> dict[str, Any]:
    return {"event": event, **OPENED, **more}


@pytest.mark.parametrize("pair", [("unique_opened", "opened"), ("proxy_open", "unique_proxy_open")])
def test_an_opening_that_is_told_twice_is_one(pair: tuple[str, str]) -> None:
    first, second = events(parse(delivery([told(event, id=n) for n, event in enumerate(pair)])))
    assert first.id == second.id
    assert first.traffic == second.traffic == ("prefetch" if "proxy" in pair[0] else None)
    later = one(parse(delivery(told(pair[1], ts_event=1604933655))))
    assert later.id != first.id


def test_a_bounce_is_no_other_bounce() -> None:
    hard, soft, invalid = events(parse(delivery([told(e) for e in ("hard_bounce", "softBounce", "invalid_email")])))
    assert [event.bounce for event in (hard, soft, invalid)] == ["hard", "soft", "hard"]
    assert hard.id == invalid.id != soft.id


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ({"ts_event": 1604933654, "ts_epoch": 1, "ts": 1}, "2020-11-09T14:54:14"),
        ({"ts_epoch": 1604933654123, "ts": 1, "date": "x"}, "2020-11-09T14:54:14.123"),
        ({"ts_event": None, "ts": "1604933654"}, "2020-11-09T14:54:14"),
        ({"date": "2020-11-09 15:54:14"}, "2020-11-09T14:54:14"),
        ({"date": "2020-07-09 15:54:14"}, "2020-07-09T13:54:14"),
        ({"date": "2020-07-09T15:54:14Z"}, "2020-07-09T15:54:14"),
    ],
)
def test_a_time_in_utc_comes_before_the_one_of_central_europe(times: dict[str, Any], expected: str) -> None:
    event = one(parse(delivery({"event": "opened", "email": "a@example.com", "message-id": "m", **times})))
    assert event.time == dt.datetime.fromisoformat(expected).replace(tzinfo=dt.UTC)


@pytest.mark.parametrize("times", [{}, {"date": "0001-01-01 00:00:00"}, {"date": "9999-12-32"}, {"ts_event": 1e300}])
def test_what_has_no_time_is_kept(times: dict[str, Any]) -> None:
    parsed = parse(delivery({"event": "opened", "email": "a@example.com", **times}))
    assert (len(parsed.said), len(parsed.unread)) == (0, 1)


@pytest.mark.parametrize(
    ("named", "campaign"),
    [
        ({"X-Mailin-custom": '{"campaign": "spring"}', "camp_id": 12, "tags": ["t"]}, "spring"),
        ({"X-Mailin-custom": "message:m2|campaign_id:spring", "tags": ["t"]}, "spring"),
        ({"X-Mailin-custom": "{broken", "camp_id": 12, "tags": ["t"]}, "12"),
        ({"X-Mailin-custom": "some_custom_header"}, ""),
        ({"tags": ["t", "u"]}, "t"),
        ({"tag": '["t","u"]'}, "t"),
        ({"tag": "t"}, "t"),
        ({"tag": "[broken"}, ""),
        ({"tags": {"t": 1}}, ""),
    ],
)
def test_where_the_campaign_is_found(named: dict[str, Any], campaign: str) -> None:
    request = delivery(told("opened", **named))
    hook = msgspec.structs.replace(request.hook, campaign="")
    assert one(parse(dataclasses.replace(request, hook=hook))).campaign == campaign


def test_a_tag_does_not_come_before_the_hooks_campaign() -> None:
    assert one(parse(delivery(told("opened", tags=["t"])))).campaign == ""


def test_a_marketing_click_says_where_it_led() -> None:
    click = next(e for e in events(parse(delivery(body("brevo-marketing")))) if e.type == "clicked")
    assert (click.url, click.campaign, click.target) == ("https://myCampaignUrl.net", "12", "")
    assert (click.properties or {})["campaign_name"] == "My First Campaign"


def test_an_sms_is_one_and_its_answer_has_a_keyword() -> None:
    made = events(parse(delivery(body("brevo-sms"))))
    assert {event.channel for event in made} == {"sms"}
    assert [(e.keyword, e.recipient) for e in made if e.type == "replied"] == [("stop", "918076001713")]


def test_whatever_comes_is_an_event_or_kept() -> None:
    for each in (body("brevo-transactional")[15], body("brevo-marketing")[1], body("brevo-sms")[4]):
        for wrong in wrongs(each):
            endures(PROVIDER, delivery(wrong))
