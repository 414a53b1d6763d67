"""Segment: the calls of its spec, as its webhook destinations pass them on.

A call, an array of them (a batch), or `{"batch": [...]}` enters; events leave.

| call | event |
|---|---|
| track Email Sent, Email Delivered, Email Opened | sent, delivered, opened |
| Email Link Clicked | clicked, with link_id as link and link_url as url |
| Email Bounced, Email Marked as Spam, Unsubscribed | bounced, complained, unsubscribed |
| Push Notification Received, … Tapped, … Bounced | delivered, opened, bounced |
| Application Opened | app_opened |
| Order Completed | purchased: order_id, revenue (else total, else subtotal), currency |
| any other track | performed, of the event's name |
| page, screen | performed `page_viewed`, `screen_viewed` |
| identify, group, alias | — |

Identity: messageId, which stays the same when a call is sent again; without one what the call says. Recipient: userId,
else the email among the traits or properties, else anonymousId (an anonymous one). Campaign of what is about a
message: properties.campaign_id, campaign_name, campaign.name, else context.campaign.name. What a person did anywhere
has none, since goals find out whose it is; UTM words become properties.

Signature: X-Signature, HMAC-SHA1 with the shared secret in hexadecimal, over the body; of a batch over its FIRST event
only. So the others are only as safe as the address is secret: turn batching off where that is not enough.

Source: segment.com/docs (github.com/segmentio/segment-docs): connections/spec/{track,common,email,mobile,ecommerce/v2}
and connections/destinations/catalog/{webhooks,actions-webhook}. Email Sent is not in the spec, but what several
sources call it.
"""

from __future__ import annotations

from typing import Any

from turnout.capture.webhooks import money, reading, signatures
from turnout.capture.webhooks.contract import Delivery, Parsed, Provider, Unreadable, identity
from turnout.capture.webhooks.reading import Unclear, Uncounted, inner, text
from turnout.errors import Unauthenticated

_EMAIL, _PUSH = {"channel": "email"}, {"channel": "push"}

_MESSAGES: dict[str, dict[str, str]] = {
    "email sent": {"type": "sent", **_EMAIL},
    "email delivered": {"type": "delivered", **_EMAIL},
    "email opened": {"type": "opened", **_EMAIL},
    "email link clicked": {"type": "clicked", **_EMAIL},
    "email bounced": {"type": "bounced", **_EMAIL},
    "email marked as spam": {"type": "complained", **_EMAIL},
    "unsubscribed": {"type": "unsubscribed", **_EMAIL},
    "push notification received": {"type": "delivered", **_PUSH},
    "push notification tapped": {"type": "opened", **_PUSH},
    "push notification bounced": {"type": "bounced", **_PUSH},
}

#: Whose address and program the context has, rather than those of the server that sent the message.
_BY_A_PERSON = frozenset({"opened", "clicked", "complained", "unsubscribed", "app_opened", "performed", "purchased"})

_IGNORED = frozenset({"identify", "group", "alias"})
_VIEWS = {"page": "page_viewed", "screen": "screen_viewed"}
_TIMES = ("timestamp", "originalTimestamp", "sentAt", "receivedAt", "sent_at", "received_at")
_PRICES = ("revenue", "total", "subtotal")


def verify(delivery: Delivery) -> None:
    """Unauthenticated unless the shared secret signed this body, or the first event of this batch."""
    given = signatures.header(delivery, "x-signature")
    signed = delivery.body
    if delivery.body.lstrip()[:1] == b"[":
        try:
            signed = reading.parts(delivery.body)[0].source
        except (Unreadable, IndexError):
            raise Unauthenticated("the batch has no first event that could be signed") from None
    signatures.require_hex(given, delivery.hook.secret, signed, "sha1")


def parse(delivery: Delivery) -> Parsed:
    """One event of each call that is counted. Raises Unreadable for what is no call."""
    return reading.read(reading.batch(delivery.body, "batch"), lambda call: [_event(call, delivery)])


def _event(call: dict[str, Any], delivery: Delivery) -> dict[str, Any]:
    kind = reading.word(call.get("type") or call.get("action"), "type").lower()
    if kind in _IGNORED:
        raise Uncounted
    said, context = inner(call.get("properties")), inner(call.get("context"))
    if kind == "track":
        name = reading.word(call.get("event"), "event")
        made = _tracked(name, said, context)
    elif kind in _VIEWS:
        name = text(call.get("name") or said.get("name")) or kind
        made = {"type": "performed", "name": _VIEWS[kind], "properties": said, **_page(said, context)}
    else:
        raise Unclear(f"a call of the type '{kind}' is not known")
    if made["type"] in _BY_A_PERSON:
        made |= reading.request(context.get("ip"), context.get("userAgent") or context.get("user_agent"))
    person = _person(call, said, context)
    own = text(call.get("messageId") or call.get("message_id"), reading.ID_LIMIT)
    at = next(filter(None, (call.get(each) for each in _TIMES)), None)
    event: dict[str, Any] = {
        "id": identity(
            "segment", *([own] if own else [kind, name, reading.canonical(person), at, reading.canonical(said)])
        ),
        "time": delivery.now if at is None else reading.moment(at, "timestamp"),
        **person,
        **made,
    }
    about = reading.properties("segment", name, message_id=said.get("email_id"), **_utm(context))
    event["properties"] = {**made.get("properties", {}), **about}
    return reading.filled(event)


def _tracked(name: str, said: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:
    known = _MESSAGES.get(name.lower())
    if known is not None:
        made: dict[str, Any] = {**known, **_campaign(said, context)}
        if made["type"] == "clicked":
            made |= {
                "url": reading.web_address(said.get("link_url")),
                "link": text(said.get("link_id"), reading.TEXT_LIMIT),
            }
        return made
    if name.lower() == "application opened":
        return {"type": "app_opened"}
    if name.lower() == "order completed":
        return _order(said)
    return {"type": "performed", "name": name, "properties": said}


def _campaign(said: dict[str, Any], context: dict[str, Any]) -> dict[str, str]:
    return {
        "campaign": reading.campaign(
            said.get("campaign_id"),
            said.get("campaign_name"),
            inner(said, "campaign").get("name"),
            inner(context, "campaign").get("name"),
        ),
        "message": text(said.get("message_id")),
        "variation": text(said.get("variation_id")),
    }


def _order(said: dict[str, Any]) -> dict[str, Any]:
    price = reading.first(*(money.amount(said.get(name)) for name in _PRICES))
    if not price:
        raise Unclear("the order has no revenue, total or subtotal that is a number")
    products = said.get("products")
    return {
        "type": "purchased",
        "amount": price,
        "currency": text(said.get("currency")).upper(),
        "order": text(said.get("order_id"), reading.ID_LIMIT),
        # A long cart would be over what properties may hold, and the order would be lost for it.
        "properties": said | ({"products": len(products)} if isinstance(products, list) else {}),
    }


def _page(said: dict[str, Any], context: dict[str, Any]) -> dict[str, str]:
    return {"url": reading.web_address(said.get("url") or inner(context, "page").get("url"))}


def _person(call: dict[str, Any], said: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:
    known = reading.person(
        call.get("userId"),
        call.get("user_id"),
        inner(context, "traits").get("email"),
        inner(call, "traits").get("email"),
        said.get("email"),
    )
    if known:
        return {"recipient": known}
    guest = reading.person(call.get("anonymousId"), call.get("anonymous_id"))
    return {"recipient": guest, "anonymous": True} if guest else {}


def _utm(context: dict[str, Any]) -> dict[str, object]:
    campaign = inner(context, "campaign")
    return {f"utm_{name}": campaign.get(name) for name in ("name", "source", "medium", "term", "content")}


PROVIDER = Provider(
    name="segment",
    title="Segment",
    parse=parse,
    verify=verify,
    setup=(
        "Add a Webhooks destination (or Webhooks Actions) with this address, and the hook's secret as its shared "
        "secret. Of a batch Segment signs only the first event."
    ),
)
