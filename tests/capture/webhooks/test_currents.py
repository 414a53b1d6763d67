from __future__ import annotations

import json
from typing import Any

import pytest
from tests.capture.webhooks.deliveries import delivery, endures, events, one, wrongs

from turnout.capture.webhooks.contract import Unreadable
from turnout.capture.webhooks.currents import PROVIDER
from turnout.errors import Unauthenticated

UUID = "f47ac10b-58cc-4372-a567-0e02b2c3d479"

#: documented: github.com/Appboy/currents-examples, sample-data/Custom HTTP/users/messages/email/Open.json
OPENED = {
    "event_type": "users.messages.email.Open",
    "id": UUID,
    "properties": {
        "app_group_id": UUID,
        "browser": "Chrome Mobile iOS",
        "campaign_id": UUID,
        "campaign_name": "campaign_name",
        "canvas_id": UUID,
        "canvas_step_id": UUID,
        "canvas_variation_id": UUID,
        "device_class": "desktop",
        "dispatch_id": "639a35d192b0df004d06514c",
        "email_address": "example@braze.com",
        "esp": "SendGrid",
        "is_amp": True,
        "machine_open": "true",
        "mailbox_provider": "mailbox_provider",
        "message_variation_id": UUID,
        "message_variation_name": "message_variation_name",
        "send_id": "send_id",
        "user_agent": "Mozilla/5.0",
    },
    "time": 2033802504,
    "user": {
        "device_id": "device_id",
        "external_user_id": "external_user_id",
        "timezone": "America/New_York",
        "user_id": "639a35d192b0df004d06514c",
    },
}

#: documented: …/users/behaviors/Purchase.json
PURCHASE = {
    "event_type": "users.behaviors.Purchase",
    "id": UUID,
    "properties": {
        "app_id": UUID,
        "currency": "USD",
        "platform": "android",
        "price": 3.14,
        "product_id": "product_id",
        "purchase_properties": {"listProperty": ["a"], "numberProperty": 1},
    },
    "time": 2033802504,
    "user": {"external_user_id": "external_user_id", "user_id": "639a35d192b0df004d06514c"},
}


def told(kind: str, **properties: Any) -> dict[str, Any]:
    """An event of that type with the properties that all have, and these."""
    place = {"campaign_id": "c1", "message_variation_id": "v1", "send_id": "s1"}
    return {**OPENED, "event_type": kind, "properties": {**place, **properties}}


def test_an_open_by_a_machine() -> None:
    event = one(PROVIDER.parse(delivery({"events": [OPENED]})))
    assert (event.type, event.open, event.traffic, event.channel) == ("opened", "direct", "prefetch", "email")
    assert (event.campaign, event.variation, event.send_id) == (UUID, UUID, "send_id")
    assert (event.recipient, event.user_agent) == ("external_user_id", "Mozilla/5.0")
    assert str(event.time) == "2034-06-13 09:08:24+00:00"
    assert "example@braze.com" not in json.dumps(event.properties)


@pytest.mark.parametrize(
    ("kind", "properties", "said"),
    [
        ("email.Send", {}, {"type": "sent", "channel": "email"}),
        ("email.Delivery", {}, {"type": "delivered"}),
        ("email.Open", {"machine_open": None}, {"type": "opened", "traffic": None}),
        ("email.Bounce", {"bounce_reason": "550"}, {"type": "bounced", "bounce": "hard"}),
        ("email.SoftBounce", {}, {"type": "bounced", "bounce": "soft"}),
        ("email.Deferral", {}, {"type": "deferred"}),
        ("email.Retry", {}, {"type": "deferred"}),
        ("email.Abort", {}, {"type": "skipped"}),
        ("email.MarkAsSpam", {}, {"type": "complained"}),
        ("email.Unsubscribe", {}, {"type": "unsubscribed"}),
        (
            "email.Click",
            {"url": "https://a.example/x", "link_id": "l1", "link_alias": "Buy", "is_suspected_bot_click": True},
            {"type": "clicked", "url": "https://a.example/x", "link": "l1", "link_title": "Buy", "traffic": "bot"},
        ),
        ("email.Click", {"is_suspected_bot_click": None}, {"type": "clicked", "traffic": None, "target": ""}),
        ("sms.CarrierSend", {}, {"type": "carrier_accepted", "channel": "sms"}),
        ("sms.DeliveryFailure", {}, {"type": "failed", "failure": "permanent"}),
        ("sms.Rejection", {}, {"type": "rejected", "failure": "permanent"}),
        ("sms.ShortLinkClick", {"url": "https://a.example"}, {"type": "clicked", "url": "https://a.example"}),
        ("sms.InboundReceive", {"action": "Unsubscribed", "message_body": "stop"}, {"keyword": "stop"}),
        ("sms.InboundReceive", {"action": "Help"}, {"type": "replied", "keyword": "help"}),
        ("sms.InboundReceive", {"action": None}, {"type": "replied", "keyword": ""}),
        ("whatsapp.Read", {}, {"type": "opened", "channel": "whatsapp"}),
        ("whatsapp.Failure", {"provider_error_code": "30005"}, {"type": "failed"}),
        ("rcs.Delivery", {}, {"type": "delivered", "channel": "rcs"}),
        ("line.Send", {}, {"type": "sent", "channel": "line"}),
        ("pushnotification.Send", {"platform": "ios"}, {"type": "sent", "channel": "ios_push"}),
        ("pushnotification.Open", {"platform": "android"}, {"type": "opened", "channel": "android_push"}),
        ("pushnotification.InfluencedOpen", {}, {"type": "opened", "open": "influenced", "channel": "push"}),
        ("pushnotification.Bounce", {"platform": "web"}, {"type": "bounced", "channel": "web_push"}),
        ("inappmessage.Impression", {}, {"type": "impression", "channel": "in_app"}),
        ("inappmessage.Click", {"button_id": "1"}, {"type": "clicked", "target": "button_2"}),
        ("inappmessage.Click", {}, {"type": "clicked", "target": "body"}),
        ("banner.Dismiss", {}, {"type": "dismissed", "channel": "banner"}),
        ("contentcard.Click", {}, {"type": "clicked", "target": "", "channel": "content_cards"}),
        ("webhook.Failure", {"is_terminal": True}, {"type": "failed", "channel": "webhook"}),
        ("webhook.Failure", {"is_terminal": False}, {"type": "deferred", "failure": ""}),
        ("smokesignal.Send", {}, {"type": "sent", "channel": "smokesignal"}),
    ],
)
def test_message_engagement(kind: str, properties: dict[str, Any], said: dict[str, Any]) -> None:
    event = one(PROVIDER.parse(delivery({"events": [told(f"users.messages.{kind}", **properties)]})))
    assert {name: getattr(event, name) for name in said} == said
    assert (event.campaign, event.variation, event.send_id) == ("c1", "v1", "s1")


@pytest.mark.parametrize(
    ("kind", "properties", "said"),
    [
        ("campaigns.Conversion", {"conversion_behavior_index": 2}, {"type": "converted", "goal": 2, "campaign": "c1"}),
        ("campaigns.Conversion", {}, {"type": "converted", "goal": 0}),
        ("campaigns.EnrollInControl", {}, {"type": "enrolled", "variation": "v1"}),
        ("behaviors.CustomEvent", {"name": "signup", "custom_properties": {"plan": "pro"}}, {"name": "signup"}),
        ("behaviors.app.SessionStart", {}, {"type": "app_opened"}),
        ("behaviors.Uninstall", {}, {"type": "performed", "name": "uninstalled"}),
        (
            "behaviors.subscriptiongroup.StateChange",
            {"subscription_status": "Unsubscribed", "channel": "email"},
            {"type": "performed", "name": "unsubscribed", "channel": "email"},
        ),
    ],
)
def test_what_people_did(kind: str, properties: dict[str, Any], said: dict[str, Any]) -> None:
    event = one(PROVIDER.parse(delivery([told(f"users.{kind}", **properties)])))
    assert {name: getattr(event, name) for name in said} == said


def test_a_canvas_has_steps_and_variations() -> None:
    of_canvas = {"campaign_id": None, "canvas_id": "j1", "canvas_step_id": "step", "canvas_variation_id": "b"}
    event = one(PROVIDER.parse(delivery(told("users.messages.email.Send", **of_canvas))))
    assert (event.campaign, event.message, event.variation) == ("j1", "step", "b")
    entered = told("users.canvas.Entry", **of_canvas, in_control_group=True)
    assert one(PROVIDER.parse(delivery(entered))).type == "enrolled"
    entered = told("users.canvas.Entry", **of_canvas, in_control_group=False)
    assert PROVIDER.parse(delivery(entered)).ignored == 1


def test_a_purchase() -> None:
    event = one(PROVIDER.parse(delivery(PURCHASE)))
    assert (event.type, str(event.amount), event.currency, event.product) == ("purchased", "3.14", "USD", "product_id")
    assert event.properties is not None
    assert event.properties["numberProperty"] == 1
    free = {**PURCHASE, "properties": {**PURCHASE["properties"], "price": None}}  # type: ignore[dict-item]
    assert [unread.error for unread in PROVIDER.parse(delivery(free)).unread] == ["the price is no number"]


def test_an_event_that_is_sent_again_is_the_same() -> None:
    first = one(PROVIDER.parse(delivery(OPENED))).id
    assert one(PROVIDER.parse(delivery({"events": [{**OPENED, "time": 2033802505}]}))).id == first
    assert one(PROVIDER.parse(delivery({**OPENED, "id": "another"}))).id != first
    bare = {name: value for name, value in OPENED.items() if name != "id"}
    shuffled = {**bare, "properties": dict(reversed(OPENED["properties"].items()))}  # type: ignore[attr-defined]
    assert one(PROVIDER.parse(delivery(bare))).id == one(PROVIDER.parse(delivery(shuffled))).id
    assert one(PROVIDER.parse(delivery(bare))).id != one(PROVIDER.parse(delivery({**bare, "time": 2033802505}))).id


def test_new_events_about_messages_are_kept_and_others_are_ignored() -> None:
    kinds = ("users.messages.email.Admired", "users.behaviors.Location", "agentconsole.ToolInvocation", "users.Orphan")
    parsed = PROVIDER.parse(delivery({"events": [told(kind) for kind in kinds]}))
    assert parsed.ignored == 3
    assert [unread.error for unread in parsed.unread] == ["the event 'users.messages.email.Admired' is not known"]
    later = parsed.unread[0].source.replace(b"Admired", b"Open")
    assert one(PROVIDER.parse(delivery(later))).type == "opened"


def test_one_bad_event_costs_no_other() -> None:
    parsed = PROVIDER.parse(delivery({"events": [OPENED, {**OPENED, "time": "soon"}, None, {}, PURCHASE]}))
    assert [event.type for event in events(parsed)] == ["opened", "purchased"]
    assert len(parsed.unread) == 3


@pytest.mark.parametrize("body", [b"", b"{", b"7", {"events": 7}])
def test_what_is_no_batch(body: Any) -> None:
    with pytest.raises(Unreadable):
        PROVIDER.parse(delivery(body))


def test_nothing_of_a_body_makes_parsing_fail() -> None:
    for body in wrongs({"events": [OPENED]}):
        endures(PROVIDER, delivery(body))
    clicked = told("users.messages.inappmessage.Click", url="https://a.example", button_id="1", action="Help")
    converted = told("users.campaigns.Conversion", conversion_behavior_index=1)
    for body in wrongs([clicked, converted, PURCHASE]):
        endures(PROVIDER, delivery(body))


def test_the_token_is_a_bearer() -> None:
    assert PROVIDER.verify is not None
    PROVIDER.verify(delivery({}, headers={"authorization": "Bearer t0ken"}, secret="t0ken"))
    for headers in ({}, {"authorization": "Bearer other"}, {"authorization": "Bearer "}):
        with pytest.raises(Unauthenticated):
            PROVIDER.verify(delivery({}, headers=headers, secret="t0ken"))
