"""SparkPost: classes of bounces, two pixels, machines, and bodies that are none."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from tests.capture.webhooks.deliveries import delivery, endures, events, one, wrongs
from tests.capture.webhooks.payload_bodies import body

from turnout.capture.webhooks.contract import Unreadable
from turnout.capture.webhooks.sparkpost import PROVIDER, parse
from turnout.errors import Unauthenticated


def sample(kind: str, **more: Any) -> dict[str, Any]:
    """The documented event of a kind, in its wrapping, with other words in it."""
    for wrapped in body("sparkpost-samples"):
        for inside in wrapped["msys"].values():
            if inside["type"] == kind:
                inside |= more
                return dict(wrapped)
    raise AssertionError(kind)


@pytest.mark.parametrize(
    ("bounce_class", "expected"),
    [
        ("10", ("bounced", "hard", "")),
        ("30", ("bounced", "hard", "")),
        ("1", ("bounced", "soft", "")),
        ("22", ("bounced", "soft", "")),
        ("50", ("bounced", "soft", "")),
        ("54", ("bounced", "soft", "")),
        (70, ("bounced", "soft", "")),
        ("25", ("rejected", "", "")),
        ("90", ("unsubscribed", "", "")),
        ("80", ("performed", "", "subscribed")),
        ("1000", ("bounced", "soft", "")),
        (None, ("bounced", "soft", "")),
    ],
)
@pytest.mark.parametrize("kind", ["bounce", "out_of_band"])
def test_the_class_says_what_came_back(kind: str, bounce_class: Any, expected: tuple[str, str, str]) -> None:
    event = one(parse(delivery([sample(kind, bounce_class=bounce_class)])))
    assert (event.type, event.bounce, event.name) == expected


@pytest.mark.parametrize("bounce_class", ["60", "100"])
def test_an_automatic_answer_is_no_bounce(bounce_class: str) -> None:
    parsed = parse(delivery([sample("bounce", bounce_class=bounce_class)]))
    assert (parsed.said, parsed.ignored) == ([], 1)


@pytest.mark.parametrize(
    ("agent", "traffic"),
    [
        ({"is_prefetched": True, "is_proxy": True}, "prefetch"),
        ({"is_proxy": True}, "proxy"),
        ({"is_proxy": "true"}, "proxy"),
        ({"is_proxy": False, "is_prefetched": False}, None),
        ("Mozilla", None),
    ],
)
def test_a_machine_that_sparkpost_saw_is_one(agent: Any, traffic: str | None) -> None:
    assert one(parse(delivery([sample("open", user_agent_parsed=agent)]))).traffic == traffic


def test_the_address_is_the_readers_only_where_somebody_read() -> None:
    click, delivered = events(parse(delivery([sample("click"), sample("delivery")])))
    assert (click.ip, click.country, click.url, click.link_title) == (
        "127.0.0.1", "US", "http://example.com", "Example Link Name",
    )  # fmt: skip
    assert (delivered.ip, delivered.country, delivered.recipient) == ("", "", "Recipient@example.com")


@pytest.mark.parametrize(("opens", "counted"), [("", 1), ("open", 1), ("initial_open", 1), ("both", 2), ("x", 1)])
def test_an_opening_by_two_pixels_counts_once_unless_both_are_asked_for(opens: str, counted: int) -> None:
    parsed = parse(delivery([sample("open"), sample("initial_open")], opens=opens))
    assert (len({event.id for event in events(parsed)}), parsed.ignored) == (counted, 2 - counted)
    if opens == "initial_open":
        assert (events(parsed)[0].properties or {})["provider_event"] == "initial_open"


def test_what_differs_is_another_event_and_an_id_alone_is_not() -> None:
    first = one(parse(delivery([sample("click")]))).id
    assert one(parse(delivery([sample("click", event_id="1", num_retries="9")]))).id == first
    for other in ({"timestamp": "1460989508"}, {"message_id": "x"}, {"target_link_url": "http://a.example"}):
        assert one(parse(delivery([sample("click", **other)]))).id != first


def test_times_come_as_digits_and_as_words() -> None:
    worded, counted = (one(parse(delivery([sample("open", timestamp=at)]))) for at in (
        "2016-04-18T14:25:07.000+00:00", "1460989507",
    ))  # fmt: skip
    assert (worded.time, worded.id) == (counted.time, counted.id)


def test_a_campaign_is_named_by_the_transmission_or_its_metadata() -> None:
    meta = {"campaign": "spring", "message": "m2", "variation": "b"}
    event = one(parse(delivery([sample("open", rcpt_meta=meta)])))
    assert (event.campaign, event.message, event.variation) == ("Example Campaign Name", "m2", "b")
    assert one(parse(delivery([sample("open", campaign_id="", rcpt_meta=meta)]))).campaign == "spring"
    assert one(parse(delivery([sample("open", campaign_id=None)]))).campaign == ""


def test_the_secret_is_what_basic_authentication_carries() -> None:
    assert PROVIDER.verify is not None
    right = "Basic " + base64.b64encode(b"user:password").decode()
    PROVIDER.verify(delivery([], headers={"authorization": right}, secret="user:password"))
    for wrong in ("", "Basic dXNlcjpvdGhlcg==", "Bearer other", "user:other"):
        with pytest.raises(Unauthenticated):
            PROVIDER.verify(delivery([], headers={"authorization": wrong}, secret="user:password"))


@pytest.mark.parametrize("wrong", [b"", b"[", b"7", b'"x"', b"\xff", b"[" * 100_000])
def test_what_is_no_json_can_not_be_read(wrong: bytes) -> None:
    with pytest.raises(Unreadable):
        parse(delivery(wrong))


def test_whatever_comes_is_an_event_or_kept() -> None:
    for kind in ("click", "bounce"):
        for wrong in wrongs([sample(kind)]):
            endures(PROVIDER, delivery(wrong))
