"""Resend: whose signature is right, whom an event is about, and what it says."""

from __future__ import annotations

import base64
import datetime as dt
from typing import Any

import pytest
from standardwebhooks import Webhook
from tests.capture.webhooks.deliveries import NOW, delivery, endures, events, one, wrongs
from tests.capture.webhooks.payload_bodies import body

from turnout.capture.webhooks.resend import PROVIDER, parse, verify
from turnout.errors import Unauthenticated

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OLDER = "whsec_" + base64.b64encode(b"an older key of this hook").decode()
BODY = b'{"type": "email.sent"}'


def headers(secret: str = SECRET, prefix: str = "svix", at: dt.datetime = NOW, signed: bytes = BODY) -> dict[str, str]:
    return {
        f"{prefix}-id": "msg_1",
        f"{prefix}-timestamp": str(int(at.timestamp())),
        f"{prefix}-signature": Webhook(secret).sign("msg_1", at, signed.decode()),
    }


@pytest.mark.parametrize("prefix", ["svix", "webhook"])
@pytest.mark.parametrize("secret", [SECRET, SECRET.removeprefix("whsec_")])
def test_a_right_signature_is_taken_under_either_name(prefix: str, secret: str) -> None:
    verify(delivery(BODY, headers=headers(prefix=prefix), secret=secret))


def test_one_right_signature_among_several_is_enough() -> None:
    both = headers() | {"svix-signature": f"v1a,x {headers(OLDER)['svix-signature']} {headers()['svix-signature']}"}
    verify(delivery(BODY, headers=both, secret=SECRET))


@pytest.mark.parametrize(
    "given",
    [
        {},
        headers(OLDER),
        headers(signed=b'{"type": "email.opened"}'),
        headers(at=NOW - dt.timedelta(minutes=6)),
        headers(at=NOW + dt.timedelta(minutes=6)),
        headers() | {"svix-id": "msg_2"},
        headers() | {"svix-timestamp": str(int(NOW.timestamp()) + 1)},
        headers() | {"svix-timestamp": "now"},
        headers() | {"svix-signature": ""},
        headers() | {"svix-signature": "v1,ü"},
        headers() | {"svix-signature": headers()["svix-signature"].replace("v1,", "v2,")},
        headers() | {"svix-signature": "v1,x " * 10 + headers()["svix-signature"]},
    ],
)
def test_any_other_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(Unauthenticated):
        verify(delivery(BODY, headers=given, secret=SECRET))


def test_a_secret_that_is_no_key_refuses_everything() -> None:
    with pytest.raises(Unauthenticated, match="secret"):
        verify(delivery(BODY, headers=headers(), secret="whsec_not base64!"))


def test_a_click_says_what_its_request_was() -> None:
    event = one(parse(delivery(body("resend-clicked"))))
    assert (event.type, event.recipient, event.ip) == ("clicked", "delivered@resend.dev", "122.115.53.11")
    assert event.time == dt.datetime(2024, 11, 24, 5, 0, 57, 163000, dt.UTC)
    assert event.url == "https://resend.com"
    assert event.user_agent.startswith("Mozilla/5.0")
    assert event.campaign == "8b146471-e88e-4322-86af-016cd36fd216"
    assert event.properties is not None
    assert event.properties["message_id"] == "56761188-7520-42d8-8898-ff6fc54ce618"


@pytest.mark.parametrize(("kind", "bounce"), [("Permanent", "hard"), ("Transient", "soft"), ("Undetermined", "soft")])
def test_only_what_is_permanent_is_hard(kind: str, bounce: str) -> None:
    told = body("resend-bounced")
    told["data"]["bounce"]["type"] = kind
    event = one(parse(delivery(told)))
    assert (event.bounce, (event.properties or {})["bounce_type"]) == (bounce, kind)


def test_who_of_several_opened_a_message_is_not_known() -> None:
    told = body("resend-opened")
    told["data"]["to"] = ["a@example.com", "b@example.com"]
    assert one(parse(delivery(told))).recipient == ""
    told["type"] = "email.delivered"
    assert [event.recipient for event in events(parse(delivery(told)))] == ["a@example.com", "b@example.com"]


def test_a_repetition_is_the_same_event_and_a_second_opening_is_not() -> None:
    delivered, opened = body("resend-delivered"), body("resend-opened")
    first = [one(parse(delivery(told))).id for told in (delivered, opened)]
    for told in (delivered, opened):
        told["created_at"] = "2026-02-22T23:59:00Z"
    again = [one(parse(delivery(told, headers={"svix-id": "msg_other"}))).id for told in (delivered, opened)]
    assert first[0] == again[0]
    assert first[1] != again[1]


@pytest.mark.parametrize("tags", [{"campaign_id": "spring"}, [{"name": "campaign", "value": "spring"}]])
def test_a_tag_says_the_campaign_before_the_broadcast(tags: Any) -> None:
    told = body("resend-sent")
    told["data"]["tags"] = tags
    assert one(parse(delivery(told))).campaign == "spring"


@pytest.mark.parametrize("name", ["resend-clicked", "resend-bounced"])
def test_whatever_comes_is_an_event_or_kept(name: str) -> None:
    for wrong in wrongs(body(name)):
        endures(PROVIDER, delivery(wrong))
