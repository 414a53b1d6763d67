"""Twilio: what became of SMS, WhatsApp and RCS messages, and what people answered.

Status callbacks enter, forms of one message and one status each; also incoming messages, and the JSON arrays of
Event Streams. Events of the channels `sms`, `whatsapp`, `rcs` … leave.

| MessageStatus | event |
|---|---|
| accepted, scheduled, queued, sending | queued, once a message |
| sent | sent |
| delivered, partially_delivered | delivered, once a message |
| undelivered | bounced: hard where the error code says that the number can't receive, else soft |
| failed | failed; permanent for the same codes |
| read | opened |
| canceled | skipped |
| received, or a Body without MessageStatus | replied, with the keyword stop, help or start |

Identity: (MessageSid, what it says of the message), since a callback has no id and no time of its own; so the same
status by Event Streams is the same event. The time is when the callback came: `RawDlrDoneDate` is in the carrier's
zone, which nobody tells, and is only kept as a property. Event Streams bring a time. What a person wrote is not kept.

Campaign: the query of the StatusCallback address (`?campaign=spring&message=m1`; also variation, send_id and
recipient), or the tags of Event Streams. The recipient is `To` (of an incoming message `From`) without its channel.

Signature: X-Twilio-Signature, base64 of HMAC-SHA1 with the auth token, over the address and the sorted fields of the
form; for JSON over the address alone, which carries the body's hash as bodySHA256. A proxy in front may have changed
scheme or port, so both schemes are tried, with and without a port.

Source: twilio.com/docs/messaging/guides/track-outbound-message-status, …/outbound-message-status-in-status-callbacks,
…/webhook-request, /docs/events/event-types/messaging/outbound-message, /docs/api/errors, and the changelog of 14
February 2023 (RawDlrDoneDate). Not verified: OptOutType, error codes other than 30003, 30006 and 21635, the tags of
Event Streams' messages, `canceled`, `partially_delivered`.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from turnout.capture.webhooks import reading, signatures
from turnout.capture.webhooks.contract import Delivery, Parsed, Provider, Unreadable, identity
from turnout.capture.webhooks.reading import Part, Unclear, Uncounted, text
from turnout.errors import Unauthenticated

_STATUSES = {
    "accepted": "queued", "scheduled": "queued", "queued": "queued", "sending": "queued",
    "sent": "sent",
    "delivered": "delivered", "partially_delivered": "delivered",
    "undelivered": "bounced",
    "failed": "failed",
    "read": "opened",
    "canceled": "skipped",
}  # fmt: skip

#: Error codes of numbers that will never receive: invalid, a landline, unknown, blocked, unsubscribed.
_NEVER = frozenset({"21211", "21610", "21614", "21635", "30004", "30005", "30006"})

#: What Twilio takes for a wish of the person's, where it doesn't say so itself (OptOutType).
_KEYWORDS = {
    **dict.fromkeys(("stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"), "stop"),
    **dict.fromkeys(("help", "info"), "help"),
    **dict.fromkeys(("start", "yes", "unstop"), "start"),
}

_STREAM = "com.twilio.messaging."
_ADDRESS = re.compile(r"(https?)://([^/?#]*?)(:[0-9]*)?(?=[/?#]|$)(.*)", re.DOTALL)
_PREFIXED = re.compile(r"([a-z_]+):(.*)", re.DOTALL)
_OF_QUERY = ("message", "variation", "send_id")


def verify(delivery: Delivery) -> None:
    """Unauthenticated unless the auth token signed this address with these fields, or with the hash of this body."""
    given = signatures.header(delivery, "x-twilio-signature").strip()
    claimed = delivery.query.get("bodySHA256", "")
    if claimed:
        signatures.require_same(claimed.lower(), hashlib.sha256(delivery.body).hexdigest(), "hash of the body")
        fields = ""
    elif _is_form(delivery):
        try:
            pairs = sorted(set(reading.form(delivery.body)))
        except Unreadable as problem:
            raise Unauthenticated(str(problem)) from None
        fields = "".join(name + value for name, value in pairs)
    else:
        raise Unauthenticated("a body that is no form has to come with bodySHA256 in the address")
    secret = delivery.hook.secret
    wanted = [base64.b64encode(signatures.digest(secret, url + fields, "sha1")) for url in _addresses(delivery.url)]
    if not any(signatures.same(given, each) for each in wanted):
        raise Unauthenticated("the signature is not right (is the public address of the server the one Twilio calls?)")


def _addresses(url: str) -> Iterator[str]:
    """The address as it may have been before a proxy changed its scheme or port."""
    parts = _ADDRESS.fullmatch(url)
    if parts is None:
        yield url
        return
    _, host, port, rest = parts.groups()
    for scheme, usual in (("https", ":443"), ("http", ":80")):
        for each in dict.fromkeys((port or "", "", usual)):
            yield f"{scheme}://{host}{each}{rest}"


def _is_form(delivery: Delivery) -> bool:
    if "json" in delivery.headers.get("content-type", ""):
        return False
    return delivery.body.lstrip()[:1] not in (b"{", b"[")


def parse(delivery: Delivery) -> Parsed:
    """One event of a form, or one of each message of an array. Raises Unreadable for what is neither."""
    if not _is_form(delivery):
        return reading.read(reading.parts(delivery.body), lambda part: [_event(_fields(part), delivery)])
    fields: dict[str, Any] = dict(reading.form(delivery.body))
    if not fields:
        raise Unreadable("the form is empty")
    return reading.read([Part(fields, delivery.body)], lambda part: [_event(part, delivery)])


def _fields(part: dict[str, Any]) -> dict[str, Any]:
    """An event of Event Streams under the names that callbacks have; anything else has them already."""
    if "specversion" not in part:
        return part
    kind = text(part.get("type"))
    data = part.get("data")
    if not kind.startswith(_STREAM) or not isinstance(data, dict):
        raise Uncounted
    incoming = kind.startswith(f"{_STREAM}inbound-message.")
    tags = reading.inner(data.get("tags"))
    return {
        "MessageSid": data.get("messageSid"),
        "MessageStatus": "received" if incoming else text(data.get("messageStatus")).lower(),
        "To": data.get("to"),
        "From": data.get("from"),
        "Body": data.get("body"),
        "ErrorCode": data.get("errorCode"),
        "MessagingServiceSid": data.get("messagingServiceSid"),
        "RawDlrDoneDate": data.get("rawDlrDoneDate"),
        "time": data.get("timestamp") or part.get("time"),
        "campaign": tags.get("campaign") or tags.get("campaign_name"),
        "message": tags.get("message"),
    }


def _event(fields: Mapping[str, Any], delivery: Delivery) -> dict[str, Any]:
    sid = reading.needed(fields.get("MessageSid") or fields.get("SmsSid"), "MessageSid")
    status = text(fields.get("MessageStatus") or fields.get("SmsStatus")).lower()
    asked = {name: value for name in _OF_QUERY if (value := text(delivery.query.get(name)))}
    if status in ("received", "receiving") or (not fields.get("MessageStatus") and "Body" in fields):
        event = _common(fields, "From", sid, "received", delivery) | asked | _reply(fields)
        return event | {"id": identity("twilio", sid, "replied")}
    if not status:
        raise Unclear("neither a status (MessageStatus) nor an incoming message (Body)")
    kind = _STATUSES.get(status)
    if kind is None:
        raise Unclear(f"the status '{status}' is not known")
    event = _common(fields, "To", sid, status, delivery) | asked | {"type": kind}
    event["id"] = identity("twilio", sid, kind)
    never = text(fields.get("ErrorCode")) in _NEVER
    if kind == "bounced":
        event["bounce"] = "hard" if never else "soft"
    elif kind == "failed" and never:
        event["failure"] = "permanent"
    if person := reading.person(delivery.query.get("recipient")):
        event["recipient"] = person
    return event


def _common(fields: Mapping[str, Any], who: str, sid: str, status: str, delivery: Delivery) -> dict[str, Any]:
    """What every event says. `who` names the field with the person's number."""
    channel, number = _apart(reading.person(fields.get(who)))
    event: dict[str, Any] = {
        "time": reading.moment(fields["time"], "timestamp") if fields.get("time") else delivery.now,
        "recipient": number,
        # The sender's end says the channel too: RCS has a brand there, and a plain number at the person's end.
        "channel": text(fields.get("ChannelPrefix"))
        or channel
        or _apart(text(fields.get("To" if who == "From" else "From")))[0]
        or "sms",
        "campaign": reading.campaign(fields.get("campaign")),
        "message": text(fields.get("message")),
        "properties": reading.properties(
            "twilio",
            status,
            message_id=sid,
            error_code=fields.get("ErrorCode"),
            reason=fields.get("ChannelStatusMessage") or fields.get("ErrorMessage"),
            sender=fields.get("From" if who == "To" else "To"),
            messaging_service=fields.get("MessagingServiceSid"),
            carrier_done=fields.get("RawDlrDoneDate"),
            in_reply_to=fields.get("OriginalRepliedMessageSid"),
        ),
    }
    return reading.filled(event)


def _reply(fields: Mapping[str, Any]) -> dict[str, Any]:
    keyword = reading.keyword(reading.first(fields.get("OptOutType"), fields.get("Body")), _KEYWORDS)
    reply = {
        "type": "replied",
        "id": identity("twilio", reading.needed(fields.get("MessageSid"), "MessageSid"), "replied"),
    }
    return reply | ({"keyword": keyword} if keyword else {})


def _apart(address: str) -> tuple[str, str]:
    """`whatsapp:+15551234` as its channel and the rest."""
    prefixed = _PREFIXED.fullmatch(address)
    return (prefixed[1], prefixed[2].strip()) if prefixed else ("", address)


PROVIDER = Provider(
    name="twilio",
    title="Twilio (SMS, WhatsApp, RCS)",
    parse=parse,
    verify=verify,
    setup=(
        "Give this address as the StatusCallback of your messages or of the Messaging Service, with the campaign in "
        "its query: ?campaign=spring&message=m1. The hook's secret is the account's auth token. For answers of "
        "people, give it as the webhook for incoming messages, too."
    ),
    headers=("content-type",),
)
