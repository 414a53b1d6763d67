"""WhatsApp Cloud API: what became of messages, and what people answered.

The notifications of a WhatsApp Business account enter: entries, each with changes, each with statuses, messages or
preferences. Events of the channel `whatsapp` leave.

| what it says | event |
|---|---|
| statuses[].status sent, delivered | sent, delivered |
| read | opened |
| played | performed, named `played`: a voice message was listened to, which `read` has told already |
| failed | failed: temporary for the errors that Meta says to try again later, else permanent |
| messages[] | replied, with the keyword stop, help or start |
| user_preferences[].value stop, resume | unsubscribed; performed, named `subscribed` |
| messages of the types system, unsupported, unknown, request_welcome; every other field (templates, account …) | — |

Nothing is made up: a `read` without a `delivered` before it stays one event, which is what Meta sends to whoever has
the chat open. The order in which notifications come does not matter. What a person wrote is not kept.

Identity: (message id, status, person), since the time is that of the notification and a repetition may have another;
for preferences (person, category, value, time). Campaign: `biz_opaque_callback_data` of the sent message: the
campaign's id, or JSON such as {"campaign": "spring", "message": "m1", "recipient": "u1"}. `failed` comes without it
where Meta leaves it out, and is then of the hook's campaign.

Signature: X-Hub-Signature-256, `sha256=` and HMAC-SHA256 with the app secret over the body, in hexadecimal. The
address is made sure of by a GET with the verify token.

Source: developers.facebook.com/documentation/business-messaging/whatsapp/webhooks: reference/messages/status,
reference/messages/text and …/button, reference/user_preferences, and the overview (May 2026). Not verified: which
error codes are temporary is from Meta's list of codes as commonly quoted.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec

from turnout.capture.webhooks import reading, signatures
from turnout.capture.webhooks.contract import Delivery, Parsed, Provider, Unreadable, identity
from turnout.capture.webhooks.reading import Unclear, Uncounted, inner, items, text
from turnout.errors import Forbidden, Unauthenticated

_OBJECT = "whatsapp_business_account"

#: Meta sends up to 1,000 updates at once.
UPDATES_LIMIT = 20_000

#: A challenge is a number; what else is sent back is never longer.
CHALLENGE_LIMIT = 100

#: Rate limits, outages and numbers that are being registered.
_LATER = frozenset({4, 80007, 130429, 131000, 131016, 131048, 131056, 131057, 133004, 133016})

_STATUSES: dict[str, dict[str, str]] = {
    "sent": {"type": "sent"},
    "delivered": {"type": "delivered"},
    "read": {"type": "opened"},
    "played": {"type": "performed", "name": "played"},
    "failed": {"type": "failed"},
}

#: Notices of WhatsApp itself, and what it could not show.
_NO_ANSWER = frozenset({"system", "unsupported", "unknown", "request_welcome"})

_KEYWORDS = {
    **dict.fromkeys(("stop", "unsubscribe", "cancel", "end", "quit", "stop promotions"), "stop"),
    **dict.fromkeys(("help", "info"), "help"),
    **dict.fromkeys(("start", "subscribe"), "start"),
}


def verify(delivery: Delivery) -> None:
    """Unauthenticated unless the app secret signed this body."""
    method, _, given = signatures.header(delivery, "x-hub-signature-256").partition("=")
    if method.strip().lower() != "sha256":
        raise Unauthenticated("the signature is not one of SHA-256")
    signatures.require_hex(given, delivery.hook.secret, delivery.body)


def greet(delivery: Delivery) -> str:
    """The challenge, for whoever knows the verify token; Forbidden for others."""
    wanted = delivery.hook.options.get("verify_token", "")
    challenge = delivery.query.get("hub.challenge", "")
    if delivery.query.get("hub.mode") != "subscribe" or not wanted:
        raise Forbidden("this is not a subscription, or the hook has no verify_token")
    if not signatures.same(delivery.query.get("hub.verify_token", ""), wanted):
        raise Forbidden("the verify token is not right")
    if len(challenge) > CHALLENGE_LIMIT or not challenge.isascii() or not challenge.isalnum():
        raise Forbidden("the challenge is not a number or word")
    return challenge


def parse(delivery: Delivery) -> Parsed:
    """One event of each status, message or preference. Raises Unreadable for what is no such notification."""
    parsed = Parsed()
    count = 0
    for part in reading.parts(delivery.body):
        body = reading.inner(part.told)
        if body.get("object") != _OBJECT or not isinstance(body.get("entry"), list):
            raise Unreadable(f"the body is no notification of a '{_OBJECT}'")
        for entry in body["entry"]:
            for change in items(inner(entry).get("changes")):
                updates = _updates(inner(change))
                parsed.ignored += not updates
                count += len(updates)
                if count > UPDATES_LIMIT:
                    raise Unreadable(f"more than {UPDATES_LIMIT} updates")
                for kind, update in updates:
                    reading.tell(parsed, _alone(kind, update), partial(_events, kind, update))
    return parsed


def _updates(change: dict[str, Any]) -> list[tuple[str, Any]]:
    value = inner(change.get("value"))
    return [(kind, update) for kind in _READERS for update in items(value.get(kind))]


def _alone(kind: str, update: object) -> bytes:
    """A notification of one update."""
    return msgspec.json.encode({"object": _OBJECT, "entry": [{"changes": [{"value": {kind: [update]}}]}]})


def _events(kind: str, update: object) -> list[dict[str, Any]]:
    if not isinstance(update, dict):
        raise Unclear(f"'{kind}' holds something that is no object")
    return [reading.filled({"channel": "whatsapp", **_READERS[kind](update)})]


def _status(update: dict[str, Any]) -> dict[str, Any]:
    wamid = reading.needed(update.get("id"), "id")
    status = reading.word(update.get("status"), "status")
    kind = _STATUSES.get(status)
    if kind is None:
        raise Unclear(f"the status '{status}' is not known")
    # To a group, `recipient_id` is the group's, and each participant has statuses of their own.
    person = reading.person(
        update.get("recipient_participant_id"), update.get("recipient_id"), update.get("recipient_user_id")
    )
    error = inner(next(iter(items(update.get("errors"))), None))
    event: dict[str, Any] = {
        **kind,
        "id": identity("whatsapp", wamid, status, person),
        "time": _moment(update),
        "recipient": person,
        **_opaque(update.get("biz_opaque_callback_data")),
        "properties": reading.properties(
            "whatsapp",
            status,
            message_id=wamid,
            error_code=error.get("code"),
            error=error.get("title"),
            reason=inner(error.get("error_data")).get("details") or error.get("message"),
            category=inner(update.get("pricing")).get("category"),
        ),
    }
    if status == "failed" and error:
        event["failure"] = "temporary" if text(error.get("code")) in _LATER_TEXT else "permanent"
    return event


_LATER_TEXT = frozenset(str(code) for code in _LATER)


def _opaque(data: object) -> dict[str, str]:
    """What the sender said of its message: the campaign, or an object that names more."""
    said = text(data, 4096)
    if not said.startswith("{"):
        return reading.filled({"campaign": reading.campaign(said)})
    try:
        found = msgspec.json.decode(said)
    except (msgspec.DecodeError, RecursionError):
        return {}
    known = reading.variables(inner(found))
    return known | reading.filled({"recipient": reading.person(inner(found).get("recipient"))})


def _message(update: dict[str, Any]) -> dict[str, Any]:
    wamid = reading.needed(update.get("id"), "id")
    kind = text(update.get("type"))
    if kind in _NO_ANSWER:
        raise Uncounted
    words = reading.first(inner(update, "text").get("body"), inner(update, "button").get("text"))
    return {
        "type": "replied",
        "id": identity("whatsapp", wamid, "replied"),
        "time": _moment(update),
        "recipient": reading.person(update.get("from"), update.get("from_user_id")),
        "keyword": reading.keyword(words, _KEYWORDS),
        "properties": reading.properties(
            "whatsapp", kind or "message", message_id=wamid, in_reply_to=inner(update.get("context")).get("id")
        ),
    }


def _preference(update: dict[str, Any]) -> dict[str, Any]:
    value = reading.word(update.get("value"), "value")
    made = {"stop": {"type": "unsubscribed"}, "resume": {"type": "performed", "name": "subscribed"}}.get(value)
    if made is None:
        raise Unclear(f"the preference '{value}' is not known")
    person = reading.needed(update.get("wa_id") or update.get("user_id"), "wa_id")
    category, moment = text(update.get("category")), _moment(update)
    return {
        **made,
        "id": identity("whatsapp", "preference", person, category, value, moment),
        "time": moment,
        "recipient": person,
        "properties": reading.properties("whatsapp", value, category=category, reason=update.get("detail")),
    }


def _moment(update: dict[str, Any]) -> Any:
    return reading.moment(update.get("timestamp"), "timestamp")


_READERS = {"statuses": _status, "messages": _message, "user_preferences": _preference}


PROVIDER = Provider(
    name="whatsapp",
    title="WhatsApp Cloud API (Meta)",
    parse=parse,
    verify=verify,
    greet=greet,
    options={"verify_token": "the word that Meta has to know before the address is subscribed"},
    setup=(
        "Give this address as the callback URL of your Meta app, with the hook's verify_token, and subscribe to "
        "`messages` (and `user_preferences`). The hook's secret is the app secret. Name the campaign in "
        "biz_opaque_callback_data when you send."
    ),
)
