from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from tests.capture.webhooks.deliveries import NOW, URL, delivery, endures, events, one, wrongs

from turnout.capture.webhooks.cloudevents import PROVIDER
from turnout.capture.webhooks.contract import Delivery, Unreadable
from turnout.errors import Unauthenticated
from turnout.model import Event

#: documented: the attributes of github.com/cloudevents/spec, cloudevents/formats/json-format.md; the data is ours
OPENED = {
    "specversion": "1.0",
    "type": "com.acme.email.opened.v1",
    "source": "/mycontext",
    "id": "C234-1234-1234",
    "time": "2018-04-05T17:31:00Z",
    "subject": None,
    "comexampleextension1": "value",
    "comexampleothervalue": 5,
    "unsetextension": None,
    "datacontenttype": "application/json",
    "data": {"campaign": "spring", "recipient": "u1", "appinfoA": "abc", "appinfoB": 123, "appinfoC": True},
}
STRUCTURED = {"content-type": "application/cloudevents+json; charset=UTF-8"}
BATCHED = {"content-type": "Application/CloudEvents-Batch+JSON"}

#: documented: …/bindings/http-protocol-binding.md, 3.1.4
BINARY = {
    "ce-specversion": "1.0",
    "ce-type": "com.acme.email.opened.v1",
    "ce-time": "2018-04-05T17:31:00Z",
    "ce-id": "C234-1234-1234",
    "ce-source": "/mycontext",
    "ce-comexampleextension1": "value",
    "content-type": "application/json; charset=utf-8",
}

#: documented: twilio.com/docs/events/event-types/messaging/outbound-message, whose content type is not one
FOREIGN = {
    "specversion": "1.0",
    "type": "com.twilio.messaging.message.delivered",
    "source": "AB00000000000000000000000001",
    "id": "NO00000000000000000000000001",
    "dataschema": "https://events-schemas.twilio.com/Messaging.MessageStatus/8",
    "datacontenttype": "2025-10-08T07:17:02.363Z",
    "data": {"messageSid": "SM1", "timestamp": "2025-01-01T00:00:00.000Z", "to": "+15558675310"},
}


def read(envelope: dict[str, Any], **options: str) -> Event:
    return one(PROVIDER.parse(delivery(envelope, headers=STRUCTURED, **options)))


def binary(data: Any = OPENED["data"], **headers: str) -> Delivery:
    return delivery(data, headers=BINARY | {name.replace("_", "-"): value for name, value in headers.items()})


def test_structured() -> None:
    event = read(OPENED)
    assert (event.type, event.campaign, event.recipient) == ("opened", "spring", "u1")
    assert str(event.time) == "2018-04-05 17:31:00+00:00"
    assert event.properties == {
        "appinfoA": "abc", "appinfoB": 123, "appinfoC": True, "comexampleextension1": "value",
        "comexampleothervalue": 5, "provider": "cloudevents", "provider_event": "com.acme.email.opened.v1",
        "source": "/mycontext", "event_id": "C234-1234-1234",
    }  # fmt: skip


def test_the_modes_say_the_same() -> None:
    structured = read(OPENED).id
    assert one(PROVIDER.parse(binary())).id == structured
    assert one(PROVIDER.parse(delivery(OPENED, headers={"content-type": "application/json"}))).id == structured
    batch = PROVIDER.parse(delivery([OPENED, {**OPENED, "id": "2"}], headers=BATCHED))
    assert [event.id == structured for event in events(batch)] == [True, False]
    event = one(PROVIDER.parse(binary()))
    assert (event.type, event.campaign, str(event.time)) == ("opened", "spring", "2018-04-05 17:31:00+00:00")


def test_source_and_id_are_the_identity() -> None:
    first = read(OPENED).id
    assert read({**OPENED, "time": "2019-01-01T00:00:00Z", "data": {"campaign": "autumn"}}).id == first
    assert read({**OPENED, "id": "2"}).id != first
    assert read({**OPENED, "source": "/other"}).id != first


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("com.acme.email.opened", "opened"),
        ("com.acme.email.opened.v2", "opened"),
        ("MessageBounced", "bounced"),
        ("acme/mail/click", "clicked"),
        ("com.acme.shop.product_clicked", "product_clicked"),
        ("com.acme.ProductClicked", "product_clicked"),
        ("com.twilio.messaging.message.undelivered", "bounced"),
        ("whatsapp:read", "opened"),
        ("unsubscribe", "unsubscribed"),
    ],
)
def test_the_last_word_of_a_type(kind: str, said: str) -> None:
    assert read({**OPENED, "type": kind}).type == said


def test_options_come_first_and_a_type_of_ours_in_the_data_next() -> None:
    kind = "com.acme.email.opened.v1"
    assert read(OPENED, **{f"type.{kind}": "impression"}).type == "impression"
    assert read({**OPENED, "data": {"type": "clicked", "campaign": "c"}}).type == "clicked"
    ignored = PROVIDER.parse(delivery(OPENED, headers=STRUCTURED, **{f"type.{kind}": "ignored"}))
    assert (ignored.ignored, ignored.said) == (1, [])
    wrong = PROVIDER.parse(delivery(OPENED, headers=STRUCTURED, **{f"type.{kind}": "opend"}))
    assert wrong.unread[0].error == f"the hook's options map '{kind}' to 'opend', which is no type of events"


def test_a_type_that_is_not_known_is_kept_unless_an_option_says_what_it_is() -> None:
    odd = {**OPENED, "type": "com.acme.invoice.printed"}
    parsed = PROVIDER.parse(delivery(odd, headers=STRUCTURED))
    assert "type.com.acme.invoice.printed" in parsed.unread[0].error
    assert json.loads(parsed.unread[0].source) == odd
    event = read(odd, other="performed")
    assert (event.type, event.name) == ("performed", "com.acme.invoice.printed")
    assert PROVIDER.parse(delivery(odd, headers=STRUCTURED, other="ignored")).ignored == 1


def test_usual_names_of_fields_are_known_and_numbers_are_ids_too() -> None:
    data = {"user_id": 42, "campaign_id": "c", "link_url": "https://a.example", "colour": "red", "country": "de"}
    event = read({**OPENED, "data": data})
    assert (event.recipient, event.campaign, event.url, event.country) == ("42", "c", "https://a.example", "DE")
    assert event.properties is not None
    assert event.properties["colour"] == "red"
    assert "user_id" not in event.properties
    bought = {"amount": 19.990000000000002, "currency": "eur", "order_id": 7, "properties": {"coupon": "x"}}
    event = read({**OPENED, "type": "com.acme.purchased", "data": bought})
    assert (str(event.amount), event.currency, event.order) == ("19.99", "EUR", "7")
    assert event.properties is not None
    assert event.properties["coupon"] == "x"


def test_the_data_can_not_say_what_the_envelope_says_or_the_rules_find() -> None:
    data = {"campaign": "c", "id": "mine", "reasons": ["allowed"], "rule_version": 9, "traffic": "bot"}
    event = read({**OPENED, "data": data})
    assert (event.reasons, event.rule_version, event.traffic) == ((), 0, "bot")
    assert event.id == read(OPENED).id


def test_the_subject_is_what_the_option_says() -> None:
    about = {**OPENED, "subject": "u7", "data": {"campaign": "c"}}
    assert read(about, subject="recipient").recipient == "u7"
    assert read({**about, "data": {"recipient": "u1"}}, subject="recipient").recipient == "u1"
    assert (read(about).properties or {})["subject"] == "u7"


def test_the_time_is_the_event_s_else_the_data_s_else_when_it_came() -> None:
    assert str(one(PROVIDER.parse(delivery([FOREIGN]))).time) == "2025-01-01 00:00:00+00:00"
    untimed = {name: value for name, value in OPENED.items() if name != "time"}
    assert read(untimed).time == NOW
    assert read(untimed).id == read(OPENED).id


def test_data_in_other_forms() -> None:
    encoded = base64.b64encode(json.dumps(OPENED["data"]).encode()).decode()
    bare = {name: value for name, value in OPENED.items() if name not in ("data", "datacontenttype")}
    event = read({**bare, "data_base64": encoded, "datacontenttype": "application/json"})
    assert event.campaign == "spring"
    # Without a content type it may not be taken for JSON.
    assert read({**bare, "data_base64": encoded}).campaign == ""
    assert (read({**bare, "data": "<much wow='xml'/>"}).properties or {})["data"] == "<much wow='xml'/>"
    assert one(PROVIDER.parse(binary(b"", content_type=""))).type == "opened"
    assert one(PROVIDER.parse(binary(b"\x00\xff", content_type="image/png"))).type == "opened"


def test_headers_are_percent_encoded() -> None:
    event = one(
        PROVIDER.parse(binary(ce_euro="Euro%20%E2%82%AC%20%F0%9F%98%80", ce_quoted='"a \\" b"', ce_half="100%"))
    )
    properties = event.properties or {}
    assert (properties["euro"], properties["quoted"], properties["half"]) == ("Euro € 😀", 'a " b', "100%")
    parsed = PROVIDER.parse(binary(ce_bad="%C0%A0"))
    assert [unread.error for unread in parsed.unread] == ["an attribute is not percent-encoded UTF-8"]


def test_what_is_unread_of_binary_mode_is_a_body_by_itself() -> None:
    parsed = PROVIDER.parse(binary(ce_type="com.acme.printed"))
    again = delivery(parsed.unread[0].source, headers={"content-type": BINARY["content-type"]}, other="performed")
    event = one(PROVIDER.parse(again))
    assert (event.name, event.campaign, event.id) == ("com.acme.printed", "spring", read(OPENED).id)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"specversion": "0.3"}, "specversion is '0.3', not 1.0"),
        ({"specversion": None}, "specversion is missing or no text"),
        ({"id": ""}, "id is missing or no text"),
        ({"source": []}, "source is missing or no text"),
        ({"type": None}, "type is missing or no text"),
        ({"time": "yesterday"}, "time is no time"),
        ({"data": None, "data_base64": "%"}, "data_base64 is not base64"),
        ({"data": None, "data_base64": 7}, "data_base64 is not base64"),
        ({"data": None, "data_base64": "e30x"}, "the data calls itself JSON and is not"),
    ],
)
def test_what_is_no_cloudevent(changed: dict[str, Any], error: str) -> None:
    parsed = PROVIDER.parse(delivery([{**OPENED, **changed}, OPENED], headers=BATCHED))
    assert [event.id for event in events(parsed)] == [read(OPENED).id]
    (unread,) = parsed.unread
    assert unread.error.startswith(error)


def test_formats_that_are_not_spoken() -> None:
    for kind in ("application/cloudevents+avro", "application/cloudevents", "application/cloudevents-batch+xml"):
        with pytest.raises(Unreadable, match="is not spoken"):
            PROVIDER.parse(delivery(OPENED, headers={"content-type": kind}))
    for body in (b"", b"x", b"7", b"[" * 100_000):
        with pytest.raises(Unreadable):
            PROVIDER.parse(delivery(body, headers=STRUCTURED))


def test_nothing_of_a_body_makes_parsing_fail() -> None:
    data = {"user_id": "u", "campaign_id": "c", "amount": 3.5, "quantity": 2, "ip": "192.0.2.1", "params": {"a": "b"}}
    for body in wrongs([{**OPENED, "data": data}]):
        endures(PROVIDER, delivery(body, headers=BATCHED))
    for name in BINARY:
        for value in ("", "x" * 20_000, "%", "%FF", '"', '"\\"', "0.3"):
            endures(PROVIDER, delivery(data, headers={**BINARY, name: value}))


def test_the_secret_comes_as_a_bearer_or_in_the_query() -> None:
    assert PROVIDER.verify is not None
    PROVIDER.verify(delivery({}, headers={"authorization": "Bearer t0ken"}, secret="t0ken"))
    PROVIDER.verify(delivery({}, url=f"{URL}?access_token=t0ken", secret="t0ken"))
    for headers, url in (({}, URL), ({"authorization": "Bearer x"}, URL), ({}, f"{URL}?access_token=x")):
        with pytest.raises(Unauthenticated):
            PROVIDER.verify(delivery({}, headers=headers, url=url, secret="t0ken"))
