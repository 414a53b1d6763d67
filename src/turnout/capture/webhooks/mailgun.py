"""Mailgun: one event a request, as `{"signature": {…}, "event-data": {…}}`.

| `event` | event |
|---|---|
| accepted | queued |
| rejected | rejected, permanent |
| delivered | delivered |
| failed, severity temporary | deferred |
| failed, severity permanent | bounced: hard; soft where `bounce-type` says so or the reason is `old` (given up) |
| the same with reason suppress-… | rejected, permanent: it was not tried |
| opened, clicked | opened, clicked |
| complained, unsubscribed | complained, unsubscribed |
| stored, list_… | nothing: no statistic |

Machines: `client-info.bot` is `apple` (prefetch), `gmail` (proxy) or `generic` (bot). Campaign: the user variable
`campaign` or `campaign_id`, else the first of `campaigns`, else, where neither the hook nor its address names one, the
first tag. Recipient: `recipient`.

Identity: event, severity, the message's Message-Id, recipient, time (microseconds) and link; `id` is kept, not needed.

Signature: HMAC-SHA256 with the webhook signing key over timestamp and token, in the body. It does not cover the event,
so a token is good for one event only: the same one again is a repetition, another one with it is refused. Mailgun
repeats for eight hours, and it is not documented whether with a new timestamp, so the window is nine. Which tokens
were used is forgotten with a restart.

The form-encoded webhooks of before 2018 are signed alike; they are kept as dead letters.

Source: documentation.mailgun.com (webhook payloads, securing webhooks, open and click bot detection). Not verified:
`delivery-status.bounce-type`, and the reasons beyond those that the payload page shows.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

import xxhash

from turnout.capture.webhooks import mail, reading
from turnout.capture.webhooks.contract import Delivery, Parsed, Provider, Unreadable, identity
from turnout.capture.webhooks.reading import Object, Part, Unclear, Uncounted
from turnout.capture.webhooks.signatures import require_fresh, require_hex
from turnout.errors import Unauthenticated

NAME = "mailgun"

#: Mailgun repeats a refused webhook for about eight hours.
WINDOW_S = 9 * 3600

#: Tokens whose use is remembered, over all hooks; about 15 MB. The oldest are forgotten first.
TOKENS_LIMIT = 100_000

_TYPES: dict[str, Object] = {
    "accepted": {"type": "queued"},
    "rejected": {"type": "rejected", "failure": "permanent"},
    "delivered": {"type": "delivered"},
    "failed": {"type": "bounced"},
    "opened": {"type": "opened"},
    "clicked": {"type": "clicked"},
    "complained": {"type": "complained"},
    "unsubscribed": {"type": "unsubscribed"},
}

_UNCOUNTED = frozenset({"stored", "list_member_uploaded", "list_member_upload_error", "list_uploaded"})

_BOTS = {"apple": "prefetch", "gmail": "proxy"}


class Tokens:
    """Which event each token came with, the last `limit` of them."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._seen: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._lock = threading.Lock()

    def use(self, hook: str, token: str, event: int) -> bool:
        """Whether a hook's token is new, or came with this event before."""
        with self._lock:
            known = self._seen.setdefault((hook, token), event)
            if len(self._seen) > self._limit:
                self._seen.popitem(last=False)
            return known == event


_tokens = Tokens(TOKENS_LIMIT)


def verify(delivery: Delivery) -> None:
    """Unauthenticated unless the signature is right, not too old, and its token was used for no other event."""
    signature, event = _signed_form(delivery.body) if _is_form(delivery) else _signed(delivery.body)
    timestamp, token = _word(signature, "timestamp"), _word(signature, "token")
    require_hex(_word(signature, "signature"), delivery.hook.secret, timestamp + token)
    require_fresh(timestamp, delivery, WINDOW_S)
    if not _tokens.use(delivery.hook.id, token, xxhash.xxh3_64_intdigest(reading.canonical(event))):
        raise Unauthenticated("the token of the signature was used for another event")


def _signed(body: bytes) -> tuple[Object, Any]:
    try:
        told = reading.inner(reading.decoded(body))
    except Unreadable as problem:
        raise Unauthenticated("the body carries no signature: it is no JSON object") from problem
    return reading.inner(told, "signature"), told.get("event-data")


def _signed_form(body: bytes) -> tuple[Object, Any]:
    try:
        pairs = reading.form(body)
    except Unreadable as problem:
        raise Unauthenticated(f"the body carries no signature: {problem}") from problem
    event = sorted(pair for pair in pairs if pair[0] not in ("timestamp", "token", "signature"))
    return dict(reversed(pairs)), event  # Of a name that is there twice, the first.


def _word(signature: Object, name: str) -> str:
    value = reading.text(signature.get(name))
    if not value:
        raise Unauthenticated(f"the signature has no {name}")
    return value


def _is_form(delivery: Delivery) -> bool:
    return reading.media_type(delivery.headers.get("content-type", "")) == "application/x-www-form-urlencoded"


def parse(delivery: Delivery) -> Parsed:
    """One event. What is kept of one that is not understood is the event without its signature."""
    if _is_form(delivery):
        raise Unreadable("a legacy, form-encoded webhook: set up a webhook of today's kind, which is JSON")
    told = [_unsigned(part) for part in reading.parts(delivery.body)]
    return reading.read(told, lambda part: _events(part, delivery))


def _unsigned(part: Part) -> Part:
    event = {name: value for name, value in reading.inner(part.told).items() if name != "signature"}
    return Part.of(event) if event else part


def _events(part: Object, delivery: Delivery) -> Iterable[Object]:
    told = part.get("event-data")
    if not isinstance(told, dict):
        raise Unclear("'event-data' is missing or no object")
    kind = reading.word(told.get("event"), "event")
    if kind in _UNCOUNTED:
        raise Uncounted
    if kind not in _TYPES:
        raise Unclear(f"unknown event '{kind}'")
    fields = _failed(told) if kind == "failed" else _TYPES[kind]
    fields = fields | {
        "channel": "email",
        "time": reading.moment(told.get("timestamp"), "timestamp"),
        "recipient": mail.address(told.get("recipient")),
        **_campaign(told, delivery),
        **(_request(kind, told) if kind in ("opened", "clicked") else {}),
        "properties": _properties(kind, told),
    }
    message = reading.text(reading.inner(told, "message", "headers").get("message-id"), reading.VALUE_LIMIT)
    severity, url = reading.text(told.get("severity")), reading.text(told.get("url"), reading.URL_LIMIT)
    yield fields | {"id": identity(NAME, kind, severity, message, fields["recipient"], fields["time"], url)}


def _failed(told: Object) -> Object:
    severity, reason = reading.word(told.get("severity"), "severity"), reading.text(told.get("reason"))
    if severity == "temporary":
        return {"type": "deferred"}
    if severity != "permanent":
        raise Unclear(f"unknown severity '{severity}'")
    if reason.startswith("suppress-"):
        return {"type": "rejected", "failure": "permanent"}
    soft = reason == "old" or reading.text(reading.inner(told, "delivery-status").get("bounce-type")) == "soft"
    return {"type": "bounced", "bounce": "soft" if soft else "hard"}


def _request(kind: str, told: Object) -> Object:
    client = reading.inner(told, "client-info")
    country = reading.inner(told, "geolocation").get("country")
    fields = reading.request(told.get("ip"), client.get("user-agent"), country)
    if bot := reading.text(client.get("bot")).lower():
        fields["traffic"] = _BOTS.get(bot, "bot")
    if kind == "clicked" and (url := reading.web_address(told.get("url"))):
        fields["url"] = url
    return fields


def _campaign(told: Object, delivery: Delivery) -> Object:
    listed = [campaign.get("id") for campaign in reading.items(told.get("campaigns")) if isinstance(campaign, dict)]
    named = reading.variables(reading.inner(told, "user-variables"), {"campaign": listed})
    tags = reading.items(told.get("tags"))
    return mail.otherwise(delivery, tags[0] if tags else "") | named


def _properties(kind: str, told: Object) -> Object:
    status = reading.inner(told, "delivery-status")
    return reading.properties(
        NAME,
        kind,
        event_id=told.get("id"),
        message_id=reading.inner(told, "message", "headers").get("message-id"),
        smtp_code=status.get("code"),
        diagnostic_code=status.get("message") or status.get("description"),
        bounce_code=status.get("bounce-code") or status.get("enhanced-code"),
        severity=told.get("severity"),
        reason=told.get("reason") or reading.inner(told, "reject").get("reason"),
        bot=reading.inner(told, "client-info").get("bot"),
        test_mode=reading.inner(told, "flags").get("is-test-mode") is True,
    )


PROVIDER = Provider(
    name=NAME,
    title="Mailgun",
    parse=parse,
    verify=verify,
    headers=("content-type",),
    setup=(
        "In Mailgun, under Sending, Webhooks, add this address for every event type. The HTTP webhook signing key, "
        "from the account's API security page, is this hook's secret. A variable 'campaign' (v:campaign) on a message "
        "says whose it is; without one, its first tag does."
    ),
)
