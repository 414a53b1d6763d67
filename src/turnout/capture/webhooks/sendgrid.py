"""SendGrid's Event Webhook: an array of events, each with the fields of its kind and the sender's own.

| `event` | event |
|---|---|
| processed | queued |
| deferred, delivered | deferred, delivered |
| bounce | bounced: soft where `type` is blocked, else hard; without a type soft where `status` begins with 4 |
| dropped | rejected, permanent: it was not tried |
| open | opened; `sg_machine_open` makes it traffic `prefetch` |
| click | clicked |
| spamreport | complained |
| unsubscribe, group_unsubscribe | unsubscribed |
| group_resubscribe | performed `subscribed` |
| account_status_change | nothing: it is not about a message |

Campaign: the unique argument `campaign` or `campaign_id`, else `singlesend_id`, else `marketing_campaign_id`, else the
first category. `message` and `variation` are unique arguments, too. The recipient is `email`. `ip` is the recipient's
in what recipients do, and otherwise the machine's that sends, which is kept as a property.

Identity: event, message, address, time, link with its place in the message, and attempt. The message is
`sg_message_id`, or `smtp-id` where that is missing, as in some bounces. `sg_event_id` may change in a repetition, so it
is only kept.

Signature: ECDSA over the time and the body, checked with the verification key as the hook's secret. SendGrid repeats
for a day and more, and it is not documented whether with a new time, so the window is two days. The OAuth that it
offers beside that is not spoken.

Source: twilio.com/docs/sendgrid: Event Webhook Reference, Getting Started with the Event Webhook Security Features. Not
verified: `account_status_change`.
"""

from __future__ import annotations

import base64
import binascii
import functools
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from turnout.capture.webhooks import reading, signatures
from turnout.capture.webhooks.contract import Delivery, Parsed, Provider, Said, Unread, identity
from turnout.errors import Unauthenticated

#: It repeats what failed for a day and more, and does not say that it signs anew each time. An old signature does no
#: harm: whatever it signs is known by its meaning.
_REPLAY_WINDOW_S = 172_800

#: What each kind says in our words.
_FIELDS: dict[str, dict[str, str]] = {
    "processed": {"type": "queued"},
    "deferred": {"type": "deferred"},
    "delivered": {"type": "delivered"},
    "bounce": {"type": "bounced"},
    "dropped": {"type": "rejected", "failure": "permanent"},
    "open": {"type": "opened"},
    "click": {"type": "clicked"},
    "spamreport": {"type": "complained"},
    "unsubscribe": {"type": "unsubscribed"},
    "group_unsubscribe": {"type": "unsubscribed"},
    "group_resubscribe": {"type": "performed", "name": "subscribed"},
}

#: Of these `ip` is the recipient's; of the others it is the machine that sends.
_BY_A_RECIPIENT = frozenset({"open", "click", "unsubscribe", "group_unsubscribe", "group_resubscribe"})

#: What happens to the account, not to a message.
_OF_THE_ACCOUNT = frozenset({"account_status_change"})

#: Where a campaign is named, the sender's own word first.
_CAMPAIGN = ("campaign", "campaign_id", "singlesend_id", "marketing_campaign_id")

_KEPT = (
    "sg_event_id", "sg_message_id", "smtp-id", "reason", "response", "status", "attempt", "type",
    "bounce_classification", "asm_group_id", "marketing_campaign_name", "singlesend_name",
)  # fmt: skip


def verify(delivery: Delivery) -> None:
    """Unauthenticated unless the key of the hook signed the time and the body (ECDSA of P-256 with SHA-256)."""
    signature = signatures.unbase64(signatures.header(delivery, "x-twilio-email-event-webhook-signature"))
    timestamp = signatures.header(delivery, "x-twilio-email-event-webhook-timestamp")
    signatures.require_fresh(timestamp, delivery, _REPLAY_WINDOW_S)
    try:
        _key(delivery.hook.secret).verify(signature, timestamp.encode() + delivery.body, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise Unauthenticated("the signature is not right") from None


@functools.lru_cache(maxsize=256)
def _key(secret: str) -> ec.EllipticCurvePublicKey:
    """The verification key as SendGrid shows it: base64, with or without the lines of a PEM file around it."""
    lines = [line for line in secret.split("\n") if not line.startswith("-----")]
    try:
        found = load_der_public_key(base64.b64decode("".join("".join(lines).split()), validate=True))
    except (ValueError, binascii.Error):
        raise Unauthenticated("the secret of this hook is no public key in base64") from None
    if not isinstance(found, ec.EllipticCurvePublicKey):
        raise Unauthenticated("the secret of this hook is no key of an elliptic curve")
    return found


def parse(delivery: Delivery) -> Parsed:
    """The events of a body. Unreadable if it isn't JSON."""
    parsed = Parsed()
    for one, source in reading.objects(delivery.body):
        if one is None:
            parsed.unread.append(Unread(source, "this part is not a JSON object"))
            continue
        kind = one.get("event")
        if not isinstance(kind, str) or kind not in _FIELDS:
            if isinstance(kind, str) and kind in _OF_THE_ACCOUNT:
                parsed.ignored += 1
            else:
                parsed.unread.append(Unread(source, f"unknown event '{reading.text(kind, 100)}'"))
            continue
        parsed.said.append(Said(_event(kind, one), source))
    return parsed


def _event(kind: str, one: dict[str, Any]) -> dict[str, Any]:
    message = reading.text(one.get("sg_message_id")) or reading.text(one.get("smtp-id"))
    email, url = reading.text(one.get("email"), 512), reading.text(one.get("url"), 8192)
    at = _seconds(one.get("timestamp"))
    place = reading.within(one, "url_offset")
    by_a_recipient = kind in _BY_A_RECIPIENT
    address = reading.text(one.get("ip"), 64)
    return reading.said(
        **_FIELDS[kind],
        # Not of sg_event_id, which a repetition may bring anew.
        id=identity(
            "sendgrid", kind, message, email, *map(reading.text, (at, url, place.get("index"), one.get("attempt")))
        ),
        time=at,
        channel="email",
        recipient=email,
        campaign=_campaign(one),
        message=reading.text(one.get("message"), 256),
        variation=reading.text(one.get("variation") or one.get("marketing_campaign_split_id"), 256),
        bounce=_bounce(one) if kind == "bounce" else "",
        url=url,
        ip=address if by_a_recipient else "",
        user_agent=reading.text(one.get("useragent"), 2048),
        traffic="prefetch" if kind == "open" and one.get("sg_machine_open") is True else None,
        properties=reading.said(
            provider="sendgrid",
            provider_event=kind,
            sending_ip="" if by_a_recipient else address,
            categories=_categories(one),
            place=reading.said(index=place.get("index"), type=reading.text(place.get("type"))),
            **{name.replace("-", "_"): reading.text(one.get(name)) for name in _KEPT},
        ),
    )


def _seconds(value: object) -> object:
    """Epoch seconds, which old events have as text; anything else is left for the check of events to refuse."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16 else value


def _bounce(one: dict[str, Any]) -> str:
    """A `blocked` message was refused for now, or for what it was; the address may be good."""
    kind = reading.text(one.get("type"))
    if kind:
        return "soft" if kind == "blocked" else "hard"
    return "soft" if reading.text(one.get("status")).startswith("4") else "hard"


def _categories(one: dict[str, Any]) -> list[str]:
    found = one.get("category")
    several = found if isinstance(found, list) else [found]
    return [text for part in several[:10] if (text := reading.text(part))]


def _campaign(one: dict[str, Any]) -> str:
    named = next((text for name in _CAMPAIGN if (text := reading.text(one.get(name), 256))), "")
    return named or next((category[:256] for category in _categories(one)), "")


PROVIDER = Provider(
    "sendgrid",
    "SendGrid",
    parse,
    verify=verify,
    setup=(
        "In SendGrid, under Settings > Mail Settings > Event Webhooks, make a webhook with this address as its Post "
        "URL and choose the events. Turn on Signature Verification there, and give its verification key as the hook's "
        "secret."
    ),
)
