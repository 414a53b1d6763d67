"""Brevo: one event a request, or an array of up to 500 where the webhook is batched; e-mail and SMS.

| `event` (transactional and marketing) | event |
|---|---|
| request, sent | sent |
| delivered, deferred | delivered, deferred |
| hard_bounce, invalid_email | bounced hard |
| soft_bounce | bounced soft |
| blocked | rejected, permanent |
| error | failed, permanent |
| unique_opened, opened | opened |
| unique_proxy_open, proxy_open | opened, prefetch: a privacy proxy loaded it |
| click | clicked |
| spam, complaint | complained |
| unsubscribe | unsubscribed |
| list_addition | performed `subscribed` |
| contact_updated, contact_deleted | nothing: no statistic |

| `msg_status` (SMS) | event |
|---|---|
| sent, accepted, delivered | sent, carrier_accepted, delivered |
| soft_bounce, hard_bounce | bounced |
| replied | replied, with the keyword where it is one |
| rejected; skip | rejected, permanent; skipped |
| unsubscribe, blacklisted; subscribe | unsubscribed; performed `subscribed` |

Openings: a first one has been told twice, as `unique_opened` and as `opened`, so all four names are one kind: message,
recipient and second make an opening, and whichever comes first says its class.

Times: `ts_event` (UTC seconds), else `ts_epoch` (UTC milliseconds), else `ts`, else `date`, which is Central European.
Campaign: `campaign` or `campaign_id` in X-Mailin-custom (JSON, or `name:value|name:value`), else `camp_id` of a
marketing campaign, else, where neither the hook nor its address names one, the first tag.

Identity: kind, message-id (or camp_id), recipient, whole second and link; `id` is that of the webhook.

Signature: none. Brevo sends basic authentication, a bearer token or a header, which the secret is held against.

Source: developers.brevo.com (transactional, marketing and batched webhooks); django-anymail's captures of live bodies.
Not verified: the SMS statuses beyond sent, delivered, soft_bounce and hard_bounce. An account of 2018 had `ts_event` in
its own zone (django-anymail); the documentation says UTC.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from zoneinfo import ZoneInfo

import msgspec

from turnout.capture.webhooks import mail, reading
from turnout.capture.webhooks.contract import Delivery, Parsed, Provider, identity
from turnout.capture.webhooks.reading import Object, Unclear, Uncounted
from turnout.capture.webhooks.signatures import require_credential

NAME = "brevo"

#: The zone of `date`.
ZONE = "Europe/Paris"

_SUBSCRIBED = {"type": "performed", "name": "subscribed"}
_OPENED = {"type": "opened"}
_BY_PROXY = {"type": "opened", "traffic": "prefetch"}
_HARD = {"type": "bounced", "bounce": "hard"}
_SOFT = {"type": "bounced", "bounce": "soft"}

#: Names without underscores and in lower case: they are written both as hard_bounce and as hardBounce.
_EMAIL: dict[str, Object] = {
    "request": {"type": "sent"},
    "sent": {"type": "sent"},
    "delivered": {"type": "delivered"},
    "deferred": {"type": "deferred"},
    "hardbounce": _HARD,
    "invalidemail": _HARD,
    "invalid": _HARD,
    "softbounce": _SOFT,
    "blocked": {"type": "rejected", "failure": "permanent"},
    "error": {"type": "failed", "failure": "permanent"},
    "opened": _OPENED,
    "uniqueopened": _OPENED,
    "proxyopen": _BY_PROXY,
    "uniqueproxyopen": _BY_PROXY,
    "click": {"type": "clicked"},
    "clicked": {"type": "clicked"},
    "spam": {"type": "complained"},
    "complaint": {"type": "complained"},
    "unsubscribe": {"type": "unsubscribed"},
    "unsubscribed": {"type": "unsubscribed"},
    "listaddition": _SUBSCRIBED,
}

_SMS: dict[str, Object] = {
    "sent": {"type": "sent"},
    "accepted": {"type": "carrier_accepted"},
    "delivered": {"type": "delivered"},
    "softbounce": _SOFT,
    "hardbounce": _HARD,
    "replied": {"type": "replied"},
    "reply": {"type": "replied"},
    "rejected": {"type": "rejected", "failure": "permanent"},
    "skip": {"type": "skipped"},
    "skipped": {"type": "skipped"},
    "unsubscribe": {"type": "unsubscribed"},
    "unsubscribed": {"type": "unsubscribed"},
    "blacklisted": {"type": "unsubscribed"},
    "subscribe": _SUBSCRIBED,
}

_UNCOUNTED = frozenset({"contactupdated", "contactdeleted"})

#: The two answers that have a statistic of their own.
_KEYWORDS = {"help": "help", "stop": "stop"}


def parse(delivery: Delivery) -> Parsed:
    """One event or a batch."""
    return reading.read(reading.parts(delivery.body), lambda told: _events(told, delivery))


def _events(told: Object, delivery: Delivery) -> Iterable[Object]:
    if "items" in told:
        raise Unclear("an inbound e-mail: this address is for transactional and marketing webhooks")
    sms = "msg_status" in told
    said = reading.word(told.get("msg_status" if sms else "event"), "msg_status" if sms else "event")
    kind = said.lower().replace("_", "").replace(" ", "")
    if kind in _UNCOUNTED:
        raise Uncounted
    known = (_SMS if sms else _EMAIL).get(kind)
    if known is None:
        raise Unclear(f"unknown event '{said}'")
    recipient = mail.address(told.get("to" if sms else "email"))
    fields = known | {
        "channel": "sms" if sms else "email",
        "time": _time(told),
        "recipient": recipient,
        **_campaign(told, delivery),
        "properties": _properties(said, told),
    }
    if fields["type"] in ("opened", "clicked"):
        fields |= reading.request(None, told.get("user_agent"))
    url = reading.web_address(told.get("link") or told.get("URL")) if fields["type"] == "clicked" else ""
    if url:
        fields["url"] = url
    if fields["type"] == "replied" and (keyword := reading.keyword(told.get("reply"), _KEYWORDS)):
        fields["keyword"] = keyword
    message = reading.text(told.get("message-id") or told.get("messageId") or told.get("camp_id"))
    second = fields["time"].replace(microsecond=0)
    # The class is no part of it: the two notices of one opening are one, whatever each calls it.
    what = (fields["type"], fields.get("bounce", ""), fields.get("name", ""))
    yield fields | {"id": identity(NAME, fields["channel"], *what, message, recipient, second, url)}


def _time(told: Object) -> dt.datetime:
    for name in ("ts_event", "ts_epoch", "ts"):
        if told.get(name):
            return reading.moment(told[name], name)
    local = reading.needed(told.get("date"), "ts_event")
    try:
        moment = dt.datetime.fromisoformat(local)
    except ValueError as problem:
        raise Unclear("date is no time") from problem
    if moment.year < 2:  # What the zone would move out of the calendar.
        raise Unclear("date is no time")
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(ZONE))).astimezone(dt.UTC)


def _campaign(told: Object, delivery: Delivery) -> Object:
    named = reading.variables(_custom(told.get("X-Mailin-custom")))
    marketing = reading.filled({"campaign": reading.campaign(told.get("camp_id"))})
    return mail.otherwise(delivery, _first_tag(told)) | marketing | named


def _custom(value: object) -> Object:
    """What X-Mailin-custom says: a JSON object, or pairs as `name:value|name:value`."""
    if not isinstance(value, str):
        return reading.inner(value)
    if value.lstrip().startswith("{"):
        try:
            return reading.inner(msgspec.json.decode(value))
        except (msgspec.DecodeError, RecursionError):
            return {}
    pairs = [pair.partition(":") for pair in value[:8_192].split("|")]
    return {name.strip().lower(): said for name, _, said in pairs}


def _first_tag(told: Object) -> object:
    """The first of `tags`, or what `tag` says: a word, or an array of them written as JSON."""
    tags = told.get("tags") or told.get("tag")
    if isinstance(tags, str) and tags.lstrip().startswith("["):
        try:
            tags = msgspec.json.decode(tags)
        except (msgspec.DecodeError, RecursionError):
            return ""
    return tags[0] if isinstance(tags, list) and tags else tags


def _properties(said: str, told: Object) -> Object:
    return reading.properties(
        NAME,
        said,
        message_id=told.get("message-id") or told.get("messageId"),
        reason=told.get("reason") or told.get("description"),
        smtp_code=told.get("error_code"),
        campaign_name=told.get("campaign name") or told.get("campaign_name"),
        template_id=told.get("template_id"),
        device_used=told.get("device_used"),
        reply=told.get("reply"),
    )


PROVIDER = Provider(
    name=NAME,
    title="Brevo",
    parse=parse,
    verify=require_credential,
    options={"header": "Name of the header that carries the secret, if it is not Authorization."},
    setup=(
        "In Brevo, create a webhook with this address for transactional or marketing events; it may be batched. Give "
        "it authentication (basic, token or a header of your own), and the hook the same secret. 'campaign' in the "
        "message's X-Mailin-custom header says whose it is; marketing campaigns say it, and else the first tag does."
    ),
)
