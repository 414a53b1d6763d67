from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import urlencode

import pytest
from tests.capture.webhooks.deliveries import NOW, URL, delivery, endures, one, wrongs

from turnout.capture.webhooks.contract import Delivery, Unreadable
from turnout.capture.webhooks.reading import FORM_LIMIT_BYTES
from turnout.capture.webhooks.twilio import PROVIDER
from turnout.errors import Unauthenticated

assert PROVIDER.verify is not None
VERIFY = PROVIDER.verify

SID = "SM1342fe1b2c904d1ab04f0fc7a58abca9"

#: documented: twilio.com/docs/messaging/guides/track-outbound-message-status
SENT = {
    "AccountSid": "ACxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "From": "+15017250604",
    "MessageSid": SID,
    "MessageStatus": "sent",
    "SmsSid": SID,
    "SmsStatus": "sent",
}

#: documented: twilio.com/docs/events/event-types/messaging/outbound-message
STREAMED = {
    "specversion": "1.0",
    "type": "com.twilio.messaging.message.delivered",
    "source": "AB00000000000000000000000001",
    "id": "NO00000000000000000000000001",
    "data": {
        "messageSid": SID,
        "timestamp": "2025-01-01T00:00:00.000Z",
        "accountSid": "AC00000000000000000000000000000001",
        "from": "+15017250604",
        "to": "+15558675310",
        "messageStatus": "DELIVERED",
        "tags": {"campaign_name": "Spring Sale 2022", "message_type": "cart_abandoned"},
    },
}


def form(url: str = URL, **fields: str) -> Delivery:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return delivery(urlencode({**SENT, "To": "+15558675310", **fields}).encode(), headers=headers, url=url)


def test_a_status_is_an_event_of_the_campaign_in_the_address() -> None:
    event = one(PROVIDER.parse(form(url=f"{URL}?campaign=spring&message=m1&variation=a&send_id=s")))
    assert (event.type, event.channel, event.recipient) == ("sent", "sms", "+15558675310")
    assert (event.message, event.variation, event.send_id, event.time) == ("m1", "a", "s", NOW)
    assert event.properties is not None
    assert event.properties["message_id"] == SID


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        ("accepted", "", ("queued", "", "")),
        ("scheduled", "", ("queued", "", "")),
        ("queued", "", ("queued", "", "")),
        ("sending", "", ("queued", "", "")),
        ("delivered", "", ("delivered", "", "")),
        ("partially_delivered", "", ("delivered", "", "")),
        ("undelivered", "30003", ("bounced", "soft", "")),
        ("undelivered", "30006", ("bounced", "hard", "")),
        ("failed", "30008", ("failed", "", "")),
        ("failed", "21635", ("failed", "", "permanent")),
        ("read", "", ("opened", "", "")),
        ("canceled", "", ("skipped", "", "")),
    ],
)
def test_statuses(status: str, code: str, said: tuple[str, str, str]) -> None:
    event = one(PROVIDER.parse(form(MessageStatus=status, ErrorCode=code)))
    assert (event.type, event.bounce, event.failure) == said


def test_a_message_is_queued_and_delivered_once_however_often_it_is_told() -> None:
    def identity(**fields: str) -> str:
        return one(PROVIDER.parse(form(**fields))).id

    queued = {identity(MessageStatus=status) for status in ("accepted", "queued", "sending")}
    assert len(queued) == 1
    assert identity(MessageStatus="sent") != identity(MessageStatus="delivered")
    assert identity(MessageStatus="delivered", RawDlrDoneDate="2603171000") == identity(MessageStatus="delivered")
    assert identity(MessageSid="SM2") != identity()
    streamed = one(PROVIDER.parse(delivery([STREAMED])))
    assert streamed.id == identity(MessageStatus="delivered")
    assert one(PROVIDER.parse(delivery([{**STREAMED, "id": "another"}]))).id == streamed.id


def test_event_streams_bring_a_time_and_tags() -> None:
    event = one(PROVIDER.parse(delivery([STREAMED])))
    assert (event.type, event.campaign, event.recipient) == ("delivered", "Spring Sale 2022", "+15558675310")
    assert str(event.time) == "2025-01-01 00:00:00+00:00"
    other = {**STREAMED, "type": "com.twilio.voice.call.initiated"}
    assert PROVIDER.parse(delivery([other, STREAMED])).ignored == 1


@pytest.mark.parametrize(
    ("to", "sender", "prefix", "channel", "person"),
    [
        ("whatsapp:+15558675310", "whatsapp:+14155238886", "whatsapp", "whatsapp", "+15558675310"),
        ("+15558675310", "rcs:brand_x1y2_agent", "", "rcs", "+15558675310"),
        ("rcs:+15558675310", "MG1", "", "rcs", "+15558675310"),
        ("+15558675310", "+15017250604", "", "sms", "+15558675310"),
    ],
)
def test_the_channel_is_in_the_addresses(to: str, sender: str, prefix: str, channel: str, person: str) -> None:
    event = one(PROVIDER.parse(form(To=to, From=sender, ChannelPrefix=prefix)))
    assert (event.channel, event.recipient) == (channel, person)


@pytest.mark.parametrize(
    ("fields", "keyword"),
    [
        ({"Body": "Stop."}, "stop"),
        ({"Body": " HELP "}, "help"),
        ({"Body": "yes"}, "start"),
        ({"Body": "please stop writing", "OptOutType": "STOP"}, "stop"),
        ({"Body": "When do you open?"}, ""),
        ({"Body": ""}, ""),
    ],
)
def test_answers_are_replies_of_the_sender_and_what_they_wrote_is_not_kept(
    fields: dict[str, str], keyword: str
) -> None:
    said = {
        "MessageSid": "SM9",
        "SmsStatus": "received",
        "From": "whatsapp:+15558675310",
        "To": "whatsapp:+1",
        **fields,
    }
    request = delivery(urlencode(said).encode())
    event = one(PROVIDER.parse(request))
    assert (event.type, event.keyword, event.recipient) == ("replied", keyword, "+15558675310")
    assert event.channel == "whatsapp"
    assert fields["Body"] not in (event.properties or {}).values() or not fields["Body"]
    assert one(PROVIDER.parse(request)).id == event.id


def test_what_is_not_known_is_unread_as_a_whole() -> None:
    for fields in ({"MessageStatus": "teleported"}, {"MessageSid": "", "SmsSid": ""}):
        request = form(**fields)
        parsed = PROVIDER.parse(request)
        assert not parsed.said
        assert [unread.source for unread in parsed.unread] == [request.body]
    for body in (b"", b"\xff\xfe=1", b"a=1&" * FORM_LIMIT_BYTES, b"&".join(b"a%d=1" % n for n in range(600)), b"[1"):
        with pytest.raises(Unreadable):
            PROVIDER.parse(delivery(body))


def test_nothing_of_a_body_makes_parsing_fail() -> None:
    for body in wrongs([STREAMED]):
        endures(PROVIDER, delivery(body))
    for field in (*SENT, "To"):
        for value in ("", "x" * 20_000, "\0", "😀", "whatsapp:"):
            endures(PROVIDER, form(**{field: value}))


def signed(request: Delivery, over: str) -> Delivery:
    signature = base64.b64encode(hmac.digest(b"12345", over.encode(), "sha1")).decode()
    headers = {**request.headers, "x-twilio-signature": signature}
    return delivery(request.body, headers=headers, url=request.url, secret="12345")


def test_the_signature_of_the_documentation() -> None:
    # documented: twilio.com/docs/usage/security, the worked example with the auth token 12345.
    fields = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675309",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
    }
    headers = {
        "x-twilio-signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
        "content-type": "application/x-www-form-urlencoded",
    }
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    VERIFY(delivery(urlencode(fields).encode(), headers=headers, url=url, secret="12345"))
    shuffled = dict(reversed(fields.items()))
    VERIFY(delivery(urlencode(shuffled).encode(), headers=headers, url=url, secret="12345"))
    with pytest.raises(Unauthenticated):
        VERIFY(delivery(urlencode(fields | {"Digits": "9"}).encode(), headers=headers, url=url, secret="12345"))
    with pytest.raises(Unauthenticated):
        VERIFY(delivery(urlencode(fields).encode(), headers=headers, url=f"{url}&x", secret="12345"))


@pytest.mark.parametrize("called", ["https://t.example/h?campaign=a%20b", "https://t.example:443/h?campaign=a%20b"])
@pytest.mark.parametrize("seen", ["https://t.example/h?campaign=a%20b", "http://t.example/h?campaign=a%20b"])
def test_a_proxy_may_have_changed_scheme_and_port(called: str, seen: str) -> None:
    request = form(url=seen)
    fields = {**SENT, "To": "+15558675310"}
    VERIFY(signed(request, called + "".join(name + fields[name] for name in sorted(fields))))


def test_json_is_signed_by_its_hash_in_the_address() -> None:
    body = b'[{"specversion": "1.0"}]'
    url = f"{URL}?bodySHA256={hashlib.sha256(body).hexdigest()}"
    request = delivery(body, headers={"content-type": "application/json"}, url=url)
    VERIFY(signed(request, url))
    with pytest.raises(Unauthenticated, match="hash of the body"):
        VERIFY(signed(delivery(body + b" ", headers=dict(request.headers), url=url), url))
    with pytest.raises(Unauthenticated, match="bodySHA256"):
        VERIFY(signed(delivery(body, headers=dict(request.headers)), URL))
    with pytest.raises(Unauthenticated):
        VERIFY(form())
