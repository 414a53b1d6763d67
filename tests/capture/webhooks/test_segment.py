from __future__ import annotations

import hmac
import json
from typing import Any

import pytest
from tests.capture.webhooks.deliveries import NOW, delivery, endures, events, one, wrongs

from turnout.capture.webhooks.contract import Unreadable
from turnout.capture.webhooks.segment import PROVIDER
from turnout.errors import Unauthenticated

AGENT = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_10_2) AppleWebKit/537.36 (KHTML, like Gecko) Safari/537.36"

#: documented: segment.com/docs/connections/spec/email, in its own spelling of the common fields
CLICKED = {
    "user_id": "019mr8mf4r",
    "action": "track",
    "event": "Email Link Clicked",
    "context": {"ip": "67.207.109.102", "user_agent": AGENT, "traits": {"email": "joanna@example.com"}},
    "properties": {
        "email_id": "18vzF7u3z",
        "email_subject": "First shirt on us!",
        "campaign_id": "123",
        "campaign_name": "New Customer Discount",
        "link_id": "101",
        "link_url": "https://shirts.example?promo=NEWCUSTOMER",
    },
}

#: documented: segment.com/docs/connections/spec/track
TRACKED = {
    "anonymousId": "23adfd82-aa0f-45a7-a756-24f2a7a4c895",
    "context": {
        "library": {"name": "analytics.js", "version": "2.11.1"},
        "page": {"path": "/academy/", "title": "Analytics Academy", "url": "https://segment.example/academy/"},
        "userAgent": AGENT,
        "ip": "108.0.78.21",
        "campaign": {"name": "autumn", "source": "news"},
    },
    "event": "Course Clicked",
    "integrations": {},
    "messageId": "ajs-f8ca1e4de5024d9430b3928bd8ac6b96",
    "properties": {"title": "Intro to Analytics"},
    "receivedAt": "2015-12-12T19:11:01.266Z",
    "sentAt": "2015-12-12T19:11:01.169Z",
    "timestamp": "2015-12-12T19:11:01.249Z",
    "type": "track",
    "userId": "AiUGstSDIg",
    "originalTimestamp": "2015-12-12T19:11:01.152Z",
}

#: documented: segment.com/docs/connections/spec/ecommerce/v2
ORDER = {
    "checkout_id": "fksdjfsdjfisjf9sdfjsd9f",
    "order_id": "50314b8e9bcf000000000000",
    "total": 27.50,
    "subtotal": 22.50,
    "revenue": 22.50,
    "coupon": "hasbros",
    "currency": "usd",
    "products": [{"sku": "45790-32", "price": 19, "quantity": 1}, {"sku": "46493-32", "price": 3, "quantity": 2}],
}


def track(event: str, properties: dict[str, Any], **call: Any) -> dict[str, Any]:
    return {**TRACKED, "event": event, "properties": properties, **call}


def test_a_click_on_a_link_of_an_email() -> None:
    event = one(PROVIDER.parse(delivery(CLICKED)))
    assert (event.type, event.channel, event.campaign, event.recipient) == ("clicked", "email", "123", "019mr8mf4r")
    assert (event.url, event.link) == ("https://shirts.example?promo=NEWCUSTOMER", "101")
    assert (event.ip, event.user_agent, event.time) == ("67.207.109.102", AGENT, NOW)
    assert event.properties == {
        "provider": "segment", "provider_event": "Email Link Clicked", "message_id": "18vzF7u3z",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Email Delivered", ("delivered", "email")),
        ("Email Opened", ("opened", "email")),
        ("email bounced", ("bounced", "email")),
        ("Email Marked as Spam", ("complained", "email")),
        ("Unsubscribed", ("unsubscribed", "email")),
        ("Push Notification Received", ("delivered", "push")),
        ("Push Notification Tapped", ("opened", "push")),
        ("Push Notification Bounced", ("bounced", "push")),
    ],
)
def test_events_about_messages(name: str, said: tuple[str, str]) -> None:
    push = {"campaign": {"medium": "Push", "name": "Referral Flow"}}
    event = one(PROVIDER.parse(delivery(track(name, push))))
    assert (event.type, event.channel) == said
    assert event.campaign == "Referral Flow"
    assert one(PROVIDER.parse(delivery(track(name, {})))).campaign == "autumn"


def test_the_address_of_a_server_that_delivers_says_nothing_of_the_person() -> None:
    event = one(PROVIDER.parse(delivery(track("Email Delivered", {}))))
    assert (event.ip, event.user_agent) == ("", "")


def test_an_order_is_a_purchase_of_no_campaign() -> None:
    event = one(PROVIDER.parse(delivery(track("Order Completed", ORDER))))
    assert (event.type, str(event.amount), event.currency) == ("purchased", "22.5", "USD")
    assert (event.order, event.campaign) == ("50314b8e9bcf000000000000", "")
    assert event.properties is not None
    assert (event.properties["products"], event.properties["utm_name"]) == (2, "autumn")
    without = {name: value for name, value in ORDER.items() if name not in ("revenue", "products")}
    assert str(one(PROVIDER.parse(delivery(track("Order Completed", without)))).amount) == "27.5"
    rounded = {"revenue": 19.990000000000002}
    assert str(one(PROVIDER.parse(delivery(track("Order Completed", rounded)))).amount) == "19.99"
    parsed = PROVIDER.parse(delivery(track("Order Completed", {"revenue": "free"})))
    assert [unread.error for unread in parsed.unread] == [
        "the order has no revenue, total or subtotal that is a number"
    ]


def test_any_other_track_is_what_the_person_did() -> None:
    event = one(PROVIDER.parse(delivery(TRACKED)))
    assert (event.type, event.name, event.recipient, event.campaign) == (
        "performed", "Course Clicked", "AiUGstSDIg", "",
    )  # fmt: skip
    assert str(event.time) == "2015-12-12 19:11:01.249000+00:00"
    assert event.properties is not None
    assert event.properties["title"] == "Intro to Analytics"
    assert one(PROVIDER.parse(delivery(track("Application Opened", {})))).type == "app_opened"


def test_calls_that_are_no_track() -> None:
    page = {**TRACKED, "type": "page", "name": "Academy", "event": None}
    event = one(PROVIDER.parse(delivery(page)))
    assert (event.type, event.name, event.url) == ("performed", "page_viewed", "https://segment.example/academy/")
    parsed = PROVIDER.parse(delivery([{**TRACKED, "type": kind} for kind in ("identify", "group", "alias", "dance")]))
    assert (parsed.ignored, [unread.error for unread in parsed.unread]) == (
        3, ["a call of the type 'dance' is not known"],
    )  # fmt: skip


def test_who_it_is() -> None:
    def person(**call: Any) -> tuple[str, bool]:
        event = one(PROVIDER.parse(delivery({**TRACKED, **call})))
        return event.recipient, event.anonymous

    assert person() == ("AiUGstSDIg", False)
    assert person(userId=7) == ("7", False)
    assert person(userId=None, context={"traits": {"email": " a@example.com"}}) == ("a@example.com", False)
    assert person(userId=None) == ("23adfd82-aa0f-45a7-a756-24f2a7a4c895", True)
    assert person(userId=None, anonymousId=None) == ("", False)


def test_a_call_that_is_sent_again_is_the_same_event() -> None:
    again = {**TRACKED, "sentAt": "2015-12-12T20:00:00Z", "receivedAt": "2015-12-12T20:00:01Z"}
    again["timestamp"] = "2015-12-12T19:11:02Z"  # Segment corrects it by when it was sent
    batch = {"batch": [again], "sentAt": "2015-12-12T20:00:00Z"}
    assert len({one(PROVIDER.parse(delivery(body))).id for body in (TRACKED, again, [again], batch)}) == 1
    assert (
        one(PROVIDER.parse(delivery({**TRACKED, "messageId": "ajs-2"}))).id != one(PROVIDER.parse(delivery(TRACKED))).id
    )
    # Without a messageId it is what it says.
    assert one(PROVIDER.parse(delivery(CLICKED))).id == one(PROVIDER.parse(delivery(CLICKED))).id
    other = {**CLICKED, "user_id": "another"}
    assert one(PROVIDER.parse(delivery(other))).id != one(PROVIDER.parse(delivery(CLICKED))).id


@pytest.mark.parametrize("body", [b"", b"x", b"7", b'"track"'])
def test_what_is_no_call(body: bytes) -> None:
    with pytest.raises(Unreadable):
        PROVIDER.parse(delivery(body))


def test_nothing_of_a_body_makes_parsing_fail() -> None:
    for body in wrongs([CLICKED]):
        endures(PROVIDER, delivery(body))
    for body in wrongs({"batch": [track("Order Completed", ORDER)]}):
        endures(PROVIDER, delivery(body))


def test_the_shared_secret_signs_the_body_and_of_a_batch_the_first_event() -> None:
    assert PROVIDER.verify is not None

    def compact(value: Any) -> bytes:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()

    def signature(message: bytes) -> dict[str, str]:
        return {"x-signature": hmac.digest(b"secret", message, "sha1").hex()}

    whole, batch = compact(TRACKED), compact([TRACKED, CLICKED])
    PROVIDER.verify(delivery(whole, headers=signature(whole), secret="secret"))
    PROVIDER.verify(delivery(batch, headers=signature(whole), secret="secret"))
    for body, headers in (
        (whole + b" ", signature(whole)),
        (compact([CLICKED, TRACKED]), signature(whole)),
        (b"[]", signature(b"")),
        (b"[", signature(b"")),
        (whole, {}),
    ):
        with pytest.raises(Unauthenticated):
            PROVIDER.verify(delivery(body, headers=headers, secret="secret"))


def test_every_call_of_a_batch_is_an_event_of_its_own() -> None:
    parsed = PROVIDER.parse(delivery([TRACKED, CLICKED, 7]))
    assert [event.type for event in events(parsed)] == ["performed", "clicked"]
    assert [unread.source for unread in parsed.unread] == [b"7"]
