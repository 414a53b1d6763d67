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

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from turnout.capture.webhooks import mail, reading, signatures
from turnout.capture.webhooks.contract import Delivery, Parsed, Provider, identity
from turnout.capture.webhooks.reading import Object, Unclear, Uncounted, text
from turnout.errors import Unauthenticated

NAME = "sendgrid"

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
    """The events of a body. Raises Unreadable if it isn't JSON."""
    return reading.read(reading.parts(delivery.body), lambda told: [_event(told)])


def _event(told: Object) -> Object:
    kind = reading.word(told.get("event"), "event")
    if kind in _OF_THE_ACCOUNT:
        raise Uncounted
    if kind not in _FIELDS:
        raise Unclear(f"unknown event '{kind}'")
    message = reading.first(told.get("sg_message_id"), told.get("smtp-id"), limit=reading.VALUE_LIMIT)
    recipient, url = mail.address(told.get("email")), text(told.get("url"), reading.URL_LIMIT)
    at, place = told.get("timestamp"), reading.inner(told, "url_offset")
    by_a_recipient = kind in _BY_A_RECIPIENT
    # Not of sg_event_id, which a repetition may bring anew. Of the time as it is written: a number, or its digits.
    seen = (str(at), url, place.get("index"), told.get("attempt"))
    return reading.filled(
        {
            **_FIELDS[kind],
            **_campaign(told),
            **reading.request(told.get("ip") if by_a_recipient else None, told.get("useragent")),
            "id": identity(NAME, kind, message, recipient, *(text(each, reading.URL_LIMIT) for each in seen)),
            "time": reading.moment(at, "timestamp"),
            "channel": "email",
            "recipient": recipient,
            "bounce": _bounce(told) if kind == "bounce" else "",
            "url": reading.web_address(url),
            "traffic": "prefetch" if kind == "open" and told.get("sg_machine_open") is True else None,
            "properties": _properties(kind, told),
        }
    )


def _properties(kind: str, told: Object) -> Object:
    place = reading.inner(told, "url_offset")
    more = {
        "categories": _categories(told),
        "place": reading.filled({"index": place.get("index"), "type": text(place.get("type"))}),
    }
    return reading.filled(more) | reading.properties(
        NAME,
        kind,
        sending_ip=None if kind in _BY_A_RECIPIENT else told.get("ip"),
        **{name.replace("-", "_"): told.get(name) for name in _KEPT},
    )


def _bounce(told: Object) -> str:
    """A `blocked` message was refused for now, or for what it was; the address may be good."""
    kind = text(told.get("type"))
    if kind:
        return "soft" if kind == "blocked" else "hard"
    return "soft" if text(told.get("status")).startswith("4") else "hard"


def _categories(told: Object) -> list[str]:
    found = told.get("category")
    several = found if isinstance(found, list) else [found]
    return [category for part in several[:10] if (category := text(part, reading.VALUE_LIMIT))]


def _campaign(told: Object) -> Object:
    """Campaign, message and variation: the sender's own words first, a category last."""
    split = {
        "campaign": reading.campaign(told.get("singlesend_id"), told.get("marketing_campaign_id")),
        "variation": told.get("marketing_campaign_split_id"),
    }
    return reading.filled({"campaign": reading.first(*_categories(told))}) | reading.variables(told, split)


PROVIDER = Provider(
    NAME,
    "SendGrid",
    parse,
    verify=verify,
    setup=(
        "In SendGrid, under Settings > Mail Settings > Event Webhooks, make a webhook with this address as its Post "
        "URL and choose the events. Turn on Signature Verification there, and give its verification key as the hook's "
        "secret."
    ),
)
