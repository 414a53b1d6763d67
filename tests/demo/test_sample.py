"""The sample: what it promises of every moment and seed, checked over a few of each."""

import datetime as dt
from collections import Counter
from functools import cache
from typing import Any

import msgspec
import pytest

from turnout.demo.sample import sample
from turnout.model import BEHAVIOURS, EVENT_TYPES, TRAFFIC_CLASSES, CampaignFields, Event

NOW = dt.datetime(2026, 10, 25, 14, 7, 33, 250_000, tzinfo=dt.UTC)
MOMENTS = (NOW, NOW.replace(hour=0, minute=0, second=5), dt.datetime(2028, 2, 29, 23, 59, 59, tzinfo=dt.UTC))


@cache
def events(now: dt.datetime = NOW, seed: int = 7) -> tuple[dict[str, Any], ...]:
    return tuple(sample(now, seed).events())


def count(name: str, now: dt.datetime = NOW, seed: int = 7) -> Counter[str]:
    """Events of a campaign by type, and its bounces by kind."""
    found: Counter[str] = Counter()
    for event in events(now, seed):
        if event.get("campaign") == name:
            found[event["type"]] += 1
            if "bounce" in event:
                found[f"bounced {event['bounce']}"] += 1
    return found


def test_every_event_is_what_the_server_takes() -> None:
    decode = msgspec.json.Decoder(Event).decode
    for event in events():
        decoded = decode(msgspec.json.encode(event))
        assert isinstance(decoded.time, dt.datetime)
        assert decoded.recipient
        assert decoded.campaign or decoded.type in BEHAVIOURS


def test_campaigns_are_what_the_server_takes() -> None:
    bodies = sample(NOW).campaigns
    decoded = [msgspec.convert(body, CampaignFields) for body in bodies]
    for fields in ("id", "number"):
        assert len({getattr(body, fields) for body in decoded}) == len(decoded)
    for fields in ("uuid", "token", "key"):
        given = [getattr(body, fields) for body in decoded if getattr(body, fields)]
        assert len(set(given)) == len(given)


def test_events_and_campaigns_name_the_same_things() -> None:
    bodies = {body["id"]: body for body in sample(NOW).campaigns}
    for event in events():
        if "campaign" not in event:
            continue
        body = bodies[event["campaign"]]
        for field, known in (("message", "messages"), ("variation", "variations")):
            assert event.get(field) is None or event[field] in [entry["id"] for entry in body[known]]
        assert event.get("channel") is None or event["channel"] in body["channels"]
    quiet = bodies.keys() - {event.get("campaign") for event in events()}
    assert quiet == {"summer-preview"}


def test_clicks_in_mails_say_where_the_link_stands() -> None:
    there: dict[str, set[tuple[int, str]]] = {}
    for event in events():
        if event["type"] == "clicked" and event.get("channel") == "email":
            there.setdefault(event["message"], set()).add((event["position"], event["link"]))
    assert there == {
        "m1": {(1, "hero"), (2, "linen"), (3, "shoes"), (4, "voucher"), (5, "hero"), (6, "footer-shop")},
        "welcome": {(1, "profile"), (2, "tour")},
        "tips": {(1, "tips"), (2, "first-order")},
    }


def test_everything_that_can_happen_happens() -> None:
    assert {event["type"] for event in events()} == set(EVENT_TYPES)
    assert {event.get("traffic", "human") for event in events()} == set(TRAFFIC_CLASSES)
    said = {(name, str(value)) for event in events() for name, value in event.items()}
    for name, value in (
        ("bounce", "hard"),
        ("bounce", "soft"),
        ("failure", "permanent"),
        ("failure", "temporary"),
        ("open", "direct"),
        ("open", "influenced"),
        ("target", "link"),
        ("target", "body"),
        ("target", "button_1"),
        ("target", "button_2"),
        ("keyword", "stop"),
        ("keyword", "help"),
        ("goal", "0"),
        ("goal", "1"),
        ("currency", "EUR"),
        ("currency", "USD"),
        ("anonymous", "True"),
        ("opted_in", "False"),
    ):
        assert (name, value) in said


@pytest.mark.parametrize("now", MOMENTS)
def test_it_lies_within_three_weeks_and_ends_before_now(now: dt.datetime) -> None:
    times = [dt.datetime.fromisoformat(event["time"]) for event in events(now)]
    assert times == sorted(times)
    assert now - dt.timedelta(days=21) <= times[0]
    assert times[-1] <= now - dt.timedelta(seconds=59)
    assert 25_000 <= len(times) <= 40_000


@pytest.mark.parametrize("now", MOMENTS)
@pytest.mark.parametrize("seed", [7, 8])
def test_the_promised_numbers(now: dt.datetime, seed: int) -> None:
    sale = count("spring-sale", now, seed)
    assert (sale["enrolled"], sale["skipped"], sale["sent"], sale["deferred"]) == (400, 60, 3600, 45)
    assert (sale["bounced hard"], sale["bounced soft"], sale["delivered"]) == (36, 54, 3510)
    assert (sale["unsubscribed"], sale["complained"], sale["converted"]) == (18, 4, 40)
    push = count("app-push", now, seed)
    assert (push["sent"], push["bounced"], push["failed"]) == (2800, 84, 30)
    text = count("sms-flash", now, seed)
    assert (text["queued"], text["sent"], text["rejected"]) == (1200, 1200, 18)
    assert (text["carrier_accepted"], text["failed"], text["delivered"]) == (1182, 32, 1150)
    assert (text["replied"], text["unsubscribed"]) == (30, 15)
    assert count("cards", now, seed)["sent"] == 900
    everything = events(now, seed)
    assert sum(event.get("opted_in", False) for event in everything) == 2240
    for show, viewers, guests in (("live-show-11", 620, 170), ("live-show-12", 1000, 340)):
        watched = [event for event in everything if event.get("campaign") == show and event["type"] == "watched"]
        assert len({event["recipient"] for event in watched}) == viewers
        assert len({event["recipient"] for event in watched if event.get("anonymous")}) == guests


def test_nobody_opens_what_did_not_arrive() -> None:
    got = {(e["campaign"], e["message"], e["recipient"]) for e in events() if e["type"] == "delivered"}
    for event in events():
        if event["type"] in ("opened", "clicked", "complained") and event.get("channel") in ("email", "sms"):
            assert (event["campaign"], event["message"], event["recipient"]) in got


def test_one_viewer_is_at_two_places_at_once() -> None:
    """The case in which adding up durations and counting concurrent viewers must differ."""
    until: dict[str, dt.datetime] = {}
    overlapping = 0
    watched = [event for event in events() if event["type"] == "watched"]
    spans = []
    for event in watched:
        end = dt.datetime.fromisoformat(event["time"])
        spans.append((end - dt.timedelta(seconds=event["duration_s"]), end, event["recipient"]))
    for start, end, viewer in sorted(spans):
        overlapping += viewer in until and start < until[viewer]
        until[viewer] = max(end, until.get(viewer, end))
    assert overlapping > 20


def test_ids_are_unique() -> None:
    assert len({event["id"] for event in events()}) == len(events())
    orders = [event["order"] for event in events() if "order" in event]
    assert len(set(orders)) == len(orders)


def test_the_seed_decides() -> None:
    assert tuple(sample(NOW).events()) == events()
    assert events(NOW, 8) != events()


def test_a_later_sample_of_a_day_only_goes_on() -> None:
    """So loading it again adds what is new: the rest are duplicates by their ids."""
    later = {event["id"]: event for event in events(NOW + dt.timedelta(hours=5))}
    assert len(later) > len(events())
    assert all(later[event["id"]] == event for event in events())


def test_a_moment_needs_a_zone() -> None:
    with pytest.raises(ValueError, match="zone"):
        sample(NOW.replace(tzinfo=None))
