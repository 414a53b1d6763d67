"""Mailgun: a signature that covers no event, what a failure is, and whose campaign it was."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import hmac
import json
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from tests.capture.webhooks.deliveries import NOW, delivery, endures, one, wrongs
from tests.capture.webhooks.payload_bodies import body

from turnout.capture.webhooks.contract import Delivery, Unreadable
from turnout.capture.webhooks.mailgun import PROVIDER, WINDOW_S, Tokens, parse, verify
from turnout.errors import Unauthenticated

SECRET = "key-of-the-webhooks"


def signed(told: Any, token: str, at: dt.datetime = NOW, secret: str = SECRET) -> dict[str, Any]:
    timestamp = str(int(at.timestamp()))
    signature = hmac.new(secret.encode(), (timestamp + token).encode(), hashlib.sha256).hexdigest()
    return told | {"signature": {"timestamp": timestamp, "token": token, "signature": signature}}


def request(told: Any, hook: str = "h") -> Delivery:
    made = delivery(told, secret=SECRET)
    return dataclasses.replace(made, hook=msgspec.structs.replace(made.hook, id=hook))


def test_a_token_is_good_for_one_event_and_its_repetitions() -> None:
    delivered, opened = body("mailgun-delivered"), body("mailgun-opened-by-apple")
    verify(request(signed(delivered, "token-1")))
    verify(request(signed(delivered, "token-1")))
    reordered = json.dumps(signed(delivered, "token-1"), sort_keys=True, indent=2).encode()
    verify(request(reordered))
    with pytest.raises(Unauthenticated, match="another event"):
        verify(request(signed(opened, "token-1")))
    verify(request(signed(opened, "token-1"), hook="another hook"))
    verify(request(signed(opened, "token-2")))


def test_a_wrong_signature_uses_up_no_token() -> None:
    delivered, opened = body("mailgun-delivered"), body("mailgun-opened-by-apple")
    with pytest.raises(Unauthenticated, match="not right"):
        verify(request(signed(opened, "token-3", secret="other")))
    verify(request(signed(delivered, "token-3")))


def test_tokens_are_forgotten_oldest_first() -> None:
    tokens = Tokens(limit=2)
    assert all(tokens.use("h", token, 1) for token in ("a", "b", "c"))
    assert not tokens.use("h", "c", 2)
    assert tokens.use("h", "a", 2)


@pytest.mark.parametrize("late_s", [-WINDOW_S, 0, WINDOW_S])
def test_a_repetition_may_come_hours_later(late_s: int) -> None:
    at = NOW - dt.timedelta(seconds=late_s)
    verify(request(signed(body("mailgun-delivered"), f"late {late_s}", at)))


@pytest.mark.parametrize("late_s", [-WINDOW_S - 1, WINDOW_S + 1])
def test_but_not_later_than_mailgun_repeats(late_s: int) -> None:
    at = NOW - dt.timedelta(seconds=late_s)
    with pytest.raises(Unauthenticated, match="too old"):
        verify(request(signed(body("mailgun-delivered"), f"late {late_s}", at)))


@pytest.mark.parametrize(
    "change",
    [
        {"timestamp": str(int(NOW.timestamp()) - 1)},
        {"timestamp": ""},
        {"timestamp": []},
        {"token": "token-4x"},
        {"token": None},
        {"signature": ""},
        {"signature": {"a": 1}},
        {"signature": "ü"},
    ],
)
def test_any_other_signature_is_refused(change: dict[str, Any]) -> None:
    told = signed(body("mailgun-delivered"), "token-4")
    told["signature"] |= change
    with pytest.raises(Unauthenticated):
        verify(request(told))


@pytest.mark.parametrize("wrong", [b"", b"7", b"[]", b"{}", b'{"signature": 7}', b"\xff", b"[" * 100_000])
def test_a_body_without_a_signature_is_refused(wrong: bytes) -> None:
    with pytest.raises(Unauthenticated):
        verify(request(wrong))


def test_a_legacy_webhook_is_known_and_kept() -> None:
    fields = signed({}, "token-5")["signature"] | {"event": "opened", "recipient": "a@example.com"}
    form = dataclasses.replace(
        request(urlencode(fields).encode()), headers={"content-type": "application/x-www-form-urlencoded"}
    )
    verify(form)
    with pytest.raises(Unreadable, match="legacy"):
        parse(form)
    other = urlencode(fields | {"event": "clicked"}).encode()
    with pytest.raises(Unauthenticated, match="another event"):
        verify(dataclasses.replace(form, body=other))
    with pytest.raises(Unauthenticated):
        verify(dataclasses.replace(form, body=b"a=1&" * 1000))


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"severity": "permanent", "reason": "bounce"}, ("bounced", "hard", "")),
        ({"severity": "permanent", "reason": "generic"}, ("bounced", "hard", "")),
        ({"severity": "permanent", "reason": "old"}, ("bounced", "soft", "")),
        ({"severity": "permanent", "delivery-status": {"bounce-type": "soft"}}, ("bounced", "soft", "")),
        ({"severity": "permanent", "reason": "suppress-unsubscribe"}, ("rejected", "", "permanent")),
        ({"severity": "temporary", "reason": "suppress-bounce"}, ("deferred", "", "")),
    ],
)
def test_what_a_failure_is(more: dict[str, Any], expected: tuple[str, str, str]) -> None:
    told = body("mailgun-bounced")
    told["event-data"].pop("reason")
    told["event-data"] |= more
    event = one(parse(request(told)))
    assert (event.type, event.bounce, event.failure) == expected


@pytest.mark.parametrize(
    ("bot", "traffic"), [("apple", "prefetch"), ("gmail", "proxy"), ("generic", "bot"), ("new", "bot"), ("", None)]
)
def test_a_machine_that_mailgun_saw_is_one(bot: str, traffic: str | None) -> None:
    told = body("mailgun-opened-by-apple")
    told["event-data"]["client-info"]["bot"] = bot
    event = one(parse(request(told)))
    assert (event.traffic, event.user_agent, event.ip, event.country) == (traffic, "Mozilla/5.0", "192.0.2.7", "US")


@pytest.mark.parametrize(
    ("named", "hook", "campaign"),
    [
        ({"user-variables": {"campaign": "spring"}, "tags": ["t"]}, "", "spring"),
        ({"user-variables": {"campaign_id": 7}, "campaigns": [{"id": "old"}]}, "", "7"),
        ({"user-variables": [], "campaigns": [{"id": "old", "name": "Old"}], "tags": ["t"]}, "", "old"),
        ({"tags": ["t", "u"]}, "", "t"),
        ({"tags": ["t", "u"]}, "of-hook", ""),
        ({"tags": []}, "", ""),
    ],
)
def test_where_the_campaign_is_found(named: dict[str, Any], hook: str, campaign: str) -> None:
    told = body("mailgun-delivered")
    told["event-data"] |= named
    made = request(told)
    made = dataclasses.replace(made, hook=msgspec.structs.replace(made.hook, campaign=hook))
    assert one(parse(made)).campaign == campaign


def test_two_clicks_at_one_instant_are_two_where_they_lead_elsewhere() -> None:
    told = body("mailgun-clicked")
    first = one(parse(request(told)))
    assert first.time == dt.datetime(2026, 2, 3, 19, 28, 20, 125000, dt.UTC)
    told["event-data"] |= {"id": "other", "url": "https://example.com/else"}
    assert one(parse(request(told))).id != first.id


def test_what_is_kept_of_an_unknown_event_has_no_signature() -> None:
    told = signed(body("mailgun-delivered"), "token-6")
    told["event-data"]["event"] = "levitated"
    (unread,) = parse(request(told)).unread
    assert "levitated" in unread.error
    assert b"token-6" not in unread.source
    assert b"levitated" in parse(request(unread.source)).unread[0].source


@pytest.mark.parametrize("name", ["mailgun-clicked", "mailgun-bounced"])
def test_whatever_comes_is_an_event_or_kept(name: str) -> None:
    for wrong in wrongs(body(name)):
        endures(PROVIDER, request(wrong))
