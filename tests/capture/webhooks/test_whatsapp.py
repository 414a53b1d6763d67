from __future__ import annotations

import hmac
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from tests.capture.webhooks.deliveries import URL, delivery, endures, events, one, wrongs

from turnout.capture.webhooks.contract import Delivery, Unreadable
from turnout.capture.webhooks.whatsapp import PROVIDER
from turnout.errors import Forbidden, Unauthenticated

WAMID = "wamid.HBgLMTY1MDM4Nzk0MzkVAgARGBI3MTE5MjY4MkY1M0Y0NUM1QTIA"

#: documented: developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/status
STATUS = {
    "id": WAMID,
    "status": "sent",
    "timestamp": "1750030073",
    "recipient_id": "16505551234",
    "biz_opaque_callback_data": "spring",
    "conversation": {"id": "a75d17", "expiration_timestamp": "1750116480", "origin": {"type": "marketing"}},
    "pricing": {"billable": True, "pricing_model": "PMP", "type": "regular", "category": "marketing"},
}
ERROR = {
    "code": 131049,
    "title": "This message was not delivered to maintain healthy ecosystem engagement.",
    "message": "This message was not delivered to maintain healthy ecosystem engagement.",
    "error_data": {"details": "In order to maintain a healthy ecosystem engagement, the message failed."},
    "href": "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/",
}

#: documented: …/webhooks/reference/messages/text and …/button
MESSAGE = {
    "context": {"from": "15550783881", "id": WAMID},
    "from": "16505551234",
    "id": "wamid.answer",
    "timestamp": "1750030100",
    "type": "button",
    "button": {"payload": "STOP", "text": "Stop promotions"},
}

#: documented: …/webhooks/reference/user_preferences
PREFERENCE = {
    "wa_id": "16505551234",
    "detail": "User requested to stop marketing messages",
    "category": "marketing_messages",
    "value": "stop",
    "timestamp": "1731705721",
}


def notice(field: str = "messages", **value: Any) -> dict[str, Any]:
    metadata = {"display_phone_number": "15550783881", "phone_number_id": "106540352242922"}
    change = {"field": field, "value": {"messaging_product": "whatsapp", "metadata": metadata, **value}}
    return {"object": "whatsapp_business_account", "entry": [{"id": "102290129340398", "changes": [change]}]}


def status(**fields: Any) -> Delivery:
    return delivery(notice(statuses=[{**STATUS, **fields}]))


def test_a_status_is_an_event_of_the_campaign_that_the_sender_named() -> None:
    event = one(PROVIDER.parse(status()))
    assert (event.type, event.campaign, event.recipient) == ("sent", "spring", "16505551234")
    assert (event.channel, str(event.time)) == ("whatsapp", "2025-06-15 23:27:53+00:00")
    assert event.properties == {
        "provider": "whatsapp", "provider_event": "sent", "message_id": WAMID, "category": "marketing",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"status": "delivered"}, ("delivered", "", "")),
        ({"status": "read"}, ("opened", "", "")),
        ({"status": "played"}, ("performed", "played", "")),
        ({"status": "failed", "errors": [ERROR]}, ("failed", "", "permanent")),
        ({"status": "failed", "errors": [{**ERROR, "code": 130429}]}, ("failed", "", "temporary")),
        ({"status": "failed"}, ("failed", "", "")),
    ],
)
def test_statuses(fields: dict[str, Any], said: tuple[str, str, str]) -> None:
    event = one(PROVIDER.parse(status(**fields)))
    assert (event.type, event.name, event.failure) == said


def test_a_failure_says_why() -> None:
    properties = one(PROVIDER.parse(status(status="failed", errors=[ERROR]))).properties or {}
    assert (properties["error_code"], properties["reason"]) == ("131049", ERROR["error_data"]["details"])


def test_nothing_is_made_up_where_a_message_was_read_at_once() -> None:
    assert [event.type for event in events(PROVIDER.parse(status(status="read")))] == ["opened"]


def test_a_repetition_at_another_time_is_the_same_event() -> None:
    first = one(PROVIDER.parse(status())).id
    assert one(PROVIDER.parse(status(timestamp="1750030099"))).id == first
    assert one(PROVIDER.parse(status(status="delivered"))).id != first
    assert one(PROVIDER.parse(status(id="wamid.other"))).id != first


def test_each_of_a_group_has_events_of_their_own() -> None:
    group = {"recipient_type": "group", "recipient_id": "group-1"}
    both = [{**STATUS, **group, "recipient_participant_id": number} for number in ("1650", "1651")]
    first, second = events(PROVIDER.parse(delivery(notice(statuses=both))))
    assert (first.recipient, second.recipient) == ("1650", "1651")
    assert first.id != second.id


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ('{"campaign": "spring", "message": "m1", "recipient": "u1"}', ("spring", "m1", "u1")),
        ("", ("", "", "16505551234")),
        ('{"campaign": ', ("", "", "16505551234")),
        ({"campaign": "not text"}, ("", "", "16505551234")),
    ],
)
def test_what_the_sender_said_of_its_message(data: object, said: tuple[str, str, str]) -> None:
    event = one(PROVIDER.parse(status(biz_opaque_callback_data=data)))
    assert (event.campaign, event.message, event.recipient) == said


def test_answers_are_replies_and_what_they_say_is_not_kept() -> None:
    event = one(PROVIDER.parse(delivery(notice(messages=[MESSAGE]))))
    assert (event.type, event.keyword, event.recipient) == ("replied", "stop", "16505551234")
    assert event.properties == {
        "provider": "whatsapp", "provider_event": "button", "message_id": "wamid.answer", "in_reply_to": WAMID,
    }  # fmt: skip
    spoken = {**MESSAGE, "type": "text", "text": {"body": "Thank you so much"}, "button": None}
    event = one(PROVIDER.parse(delivery(notice(messages=[spoken]))))
    assert event.keyword == ""
    assert "Thank" not in json.dumps(event.properties)


def test_preferences() -> None:
    event = one(PROVIDER.parse(delivery(notice("user_preferences", user_preferences=[PREFERENCE]))))
    assert (event.type, event.recipient) == ("unsubscribed", "16505551234")
    resumed = {**PREFERENCE, "value": "resume"}
    event = one(PROVIDER.parse(delivery(notice("user_preferences", user_preferences=[resumed]))))
    assert (event.type, event.name) == ("performed", "subscribed")


def test_what_is_about_no_message_is_ignored() -> None:
    template = notice("message_template_status_update", event="APPROVED", message_template_id=1)
    assert PROVIDER.parse(delivery(template)).ignored == 1
    unsupported = {**MESSAGE, "type": "unsupported", "errors": [{"code": 131051}]}
    assert PROVIDER.parse(delivery(notice(messages=[unsupported]))).ignored == 1


def test_one_bad_update_costs_no_other_and_is_kept_as_a_body_by_itself() -> None:
    bad = {**STATUS, "status": "teleported"}
    parsed = PROVIDER.parse(delivery(notice(statuses=[STATUS, bad, 7], messages=[MESSAGE])))
    assert [event.type for event in events(parsed)] == ["sent", "replied"]
    assert [unread.error for unread in parsed.unread] == [
        "the status 'teleported' is not known", "'statuses' holds something that is no object",
    ]  # fmt: skip
    mended = parsed.unread[0].source.replace(b"teleported", b"read")
    assert one(PROVIDER.parse(delivery(mended))).type == "opened"


@pytest.mark.parametrize("body", [b"", b"x", b"7", b"[7]", {"object": "page", "entry": []}, {"entry": []}])
def test_what_is_no_notification(body: Any) -> None:
    with pytest.raises(Unreadable):
        PROVIDER.parse(delivery(body))


def test_nothing_of_a_body_makes_parsing_fail() -> None:
    failed = {**STATUS, "status": "failed", "errors": [ERROR], "biz_opaque_callback_data": '{"campaign": 7}'}
    for body in wrongs(notice(statuses=[failed], messages=[MESSAGE], user_preferences=[PREFERENCE])):
        endures(PROVIDER, delivery(body))


def test_the_app_secret_signs_the_body() -> None:
    assert PROVIDER.verify is not None
    body = json.dumps(notice(statuses=[STATUS])).encode()
    right = {"x-hub-signature-256": f"sha256={hmac.digest(b'secret', body, 'sha256').hex()}"}
    PROVIDER.verify(delivery(body, headers=right, secret="secret"))
    for raw, headers in (
        (body + b" ", right),
        (body, {}),
        (body, {"x-hub-signature-256": right["x-hub-signature-256"].replace("sha256", "sha1")}),
        (body, {"x-hub-signature-256": "sha256="}),
    ):
        with pytest.raises(Unauthenticated):
            PROVIDER.verify(delivery(raw, headers=headers, secret="secret"))


def greeting(
    token: str = "meatyhamhock", challenge: str = "1158201444", mode: str = "subscribe", **options: str
) -> str:
    assert PROVIDER.greet is not None
    query = urlencode({"hub.mode": mode, "hub.challenge": challenge, "hub.verify_token": token})
    return PROVIDER.greet(delivery(b"", url=f"{URL}?{query}", **options))


def test_whoever_knows_the_verify_token_gets_the_challenge_back() -> None:
    assert greeting(verify_token="meatyhamhock") == "1158201444"
    for wrong in ({"token": "x"}, {"mode": "unsubscribe"}, {"challenge": "<script>"}, {"challenge": "1" * 101}):
        with pytest.raises(Forbidden):
            greeting(**{"verify_token": "meatyhamhock", **wrong})
    with pytest.raises(Forbidden):
        greeting(token="")
