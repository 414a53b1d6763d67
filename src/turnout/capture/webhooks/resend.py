"""Resend: one event a request, signed in the scheme of Standard Webhooks (Resend sends them through Svix).

| `type` | event |
|---|---|
| email.scheduled, email.queued | queued |
| email.sent | sent |
| email.delivered | delivered |
| email.delivery_delayed | deferred |
| email.bounced | bounced: hard where `bounce.type` is Permanent, else soft (Transient, Undetermined) |
| email.suppressed | rejected, permanent: it was not tried |
| email.failed | failed, permanent |
| email.opened, email.clicked | opened, clicked |
| email.complained | complained |
| email.received, contact.*, domain.*, suppression.*, inbox.* | nothing: no statistic |

Recipient: each address in `to`, which the documentation calls the impacted recipients. An opening or click of a message
to several of them names nobody, since it can't be known who it was. Campaign: the tag `campaign` or `campaign_id`
(tags come as an object, or as an array of names and values), else the broadcast.

Identity: type, email_id and recipient, where it can happen to an e-mail only once; with the time and link for what can
happen again. The svix-id is stable, but is not needed.

Signature: HMAC-SHA256 of "id.timestamp.body" in base64, with the key that `whsec_` precedes; several signatures, of
old and new keys, may stand side by side.

Source: resend.com/docs/webhooks (event types, body parameters, verify), the types of Resend's own Node library, and
the specification of Standard Webhooks. Not verified: `open` with an address and agent, which only clicks document.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

from turnout.capture.webhooks import mail, reading
from turnout.capture.webhooks.contract import Delivery, Parsed, Provider, identity
from turnout.capture.webhooks.reading import Object, Unclear, Uncounted
from turnout.capture.webhooks.signatures import digest, require_fresh, same, unbase64
from turnout.errors import Unauthenticated

NAME = "resend"

#: Keys may be changed while both are in use; this many signatures of one request are looked at.
SIGNATURES_LIMIT = 10

_TYPES: dict[str, Object] = {
    "email.scheduled": {"type": "queued"},
    "email.queued": {"type": "queued"},
    "email.sent": {"type": "sent"},
    "email.delivered": {"type": "delivered"},
    "email.delivery_delayed": {"type": "deferred"},
    "email.bounced": {"type": "bounced"},
    "email.suppressed": {"type": "rejected", "failure": "permanent"},
    "email.failed": {"type": "failed", "failure": "permanent"},
    "email.opened": {"type": "opened"},
    "email.clicked": {"type": "clicked"},
    "email.complained": {"type": "complained"},
}

_UNCOUNTED = ("email.received", "contact.", "domain.", "suppression.", "inbox.")

#: What can happen to one e-mail more than once, so that the time is part of what it is.
_AGAIN = frozenset({"deferred", "opened", "clicked"})


def verify(delivery: Delivery) -> None:
    """Unauthenticated unless one of the signatures is right and the time is near."""
    identifier = _header(delivery, "id")
    timestamp = _header(delivery, "timestamp")
    require_fresh(timestamp, delivery)
    key = unbase64(delivery.hook.secret.strip().removeprefix("whsec_"), "secret of this hook")
    message = f"{identifier}.{timestamp}.".encode() + delivery.body
    expected = base64.b64encode(digest(key, message))
    given = _header(delivery, "signature").split()[:SIGNATURES_LIMIT]
    # All of them are compared: how long it takes says nothing.
    right = [same(value, expected) for version, _, value in (each.partition(",") for each in given) if version == "v1"]
    if not any(right):
        raise Unauthenticated("the signature is not right")


def _header(delivery: Delivery, name: str) -> str:
    value = delivery.headers.get(f"svix-{name}") or delivery.headers.get(f"webhook-{name}")
    if not value:
        raise Unauthenticated(f"the request has no header 'svix-{name}'")
    return value


def parse(delivery: Delivery) -> Parsed:
    """One event, or a dead letter's worth of several."""
    return reading.read(reading.parts(delivery.body), _events)


def _events(told: Object) -> Iterable[Object]:
    kind = reading.word(told.get("type"), "type")
    if kind.startswith(_UNCOUNTED):
        raise Uncounted
    if kind not in _TYPES:
        raise Unclear(f"unknown event '{kind}'")
    data = reading.inner(told.get("data"))
    email = reading.needed(data.get("email_id"), "data.email_id")
    fields = _TYPES[kind] | {"channel": "email"} | _details(kind, told, data) | _campaign(data)
    told_by = reading.properties(NAME, kind, **_why(data), message_id=email, template_id=data.get("template_id"))
    again = (fields["time"], fields.get("url", "")) if fields["type"] in _AGAIN else ()
    for recipient in _recipients(fields["type"], data):
        key = identity(NAME, kind, email, recipient, *again)
        yield fields | {"recipient": recipient, "id": key, "properties": told_by}


def _recipients(kind: str, data: Object) -> list[str]:
    """Whom it happened to. One of several who opened or clicked can't be told from the others."""
    to = data.get("to")
    named = mail.addresses(to if isinstance(to, list) else [to])
    return [""] if kind in ("opened", "clicked") and len(named) > 1 else named


def _details(kind: str, told: Object, data: Object) -> Object:
    """When it happened, and what only this kind of event says."""
    if kind == "email.bounced":
        hard = reading.text(reading.inner(data, "bounce").get("type")).lower() == "permanent"
        return {"time": reading.moment(told.get("created_at"), "created_at"), "bounce": "hard" if hard else "soft"}
    request = reading.inner(data, "click" if kind == "email.clicked" else "open")
    at = request.get("timestamp")
    fields: Object = {"time": reading.moment(told.get("created_at") if at is None else at, "created_at")}
    if kind in ("email.clicked", "email.opened"):
        fields |= reading.request(request.get("ipAddress"), request.get("userAgent"))
    if kind == "email.clicked" and (url := reading.web_address(request.get("link"))):
        fields["url"] = url
    return fields


def _why(data: Object) -> dict[str, object]:
    """Why it bounced, was not tried or failed, in Resend's words."""
    bounce, suppressed = reading.inner(data, "bounce"), reading.inner(data, "suppressed")
    codes = reading.items(bounce.get("diagnosticCode"))
    return {
        "reason": bounce.get("message") or suppressed.get("message") or reading.inner(data, "failed").get("reason"),
        "bounce_type": bounce.get("type") or suppressed.get("type"),
        "bounce_subtype": bounce.get("subType"),
        "diagnostic_code": codes[0] if codes else None,
    }


def _campaign(data: Object) -> Object:
    tags: Any = data.get("tags")
    if isinstance(tags, list):
        tags = {reading.text(tag.get("name")): tag.get("value") for tag in tags if isinstance(tag, dict)}
    named = reading.variables(reading.inner(tags), mail.headers(data.get("headers")))
    return reading.filled({"campaign": reading.campaign(data.get("broadcast_id"))}) | named


PROVIDER = Provider(
    name=NAME,
    title="Resend",
    parse=parse,
    verify=verify,
    setup=(
        "In Resend, under Webhooks, add an endpoint with this address and choose the email events. Its signing secret "
        "(whsec_…) is this hook's secret. Tag messages with 'campaign' to say whose they are; broadcasts say it."
    ),
)
