"""SparkPost (Bird): an array of events, each as `{"msys": {"<class>_event": {…}}}`; an empty `msys` tries the address.

| `type` | event |
|---|---|
| injection | queued |
| delivery | delivered |
| delay | deferred |
| bounce, out_of_band | bounced by `bounce_class`: hard 10 and 30; soft 1, 20 to 24, 40, 70, blocks 50 to 54 |
| the same, of class 25 or 26 | rejected, permanent: the sender's own policy |
| the same, of class 80, 90 | performed `subscribed`, unsubscribed: these are answers, not failures |
| the same, of class 60, 100 | nothing: automatic answers |
| policy_rejection, generation_rejection | rejected, permanent |
| generation_failure | failed, permanent |
| open, amp_open; initial_open, amp_initial_open | opened, see below |
| click, amp_click | clicked |
| spam_complaint | complained |
| list_unsubscribe, link_unsubscribe | unsubscribed |
| sms_status, relay_*, ab_test_*, success, error | nothing: no statistic, or no person |

Openings: a message may have two pixels, and whoever reads it to the end loads both, so counting both counts once too
often. `open`, the lower one, counts; the hook's option `opens` may say `initial_open` or `both`.

Machines: `user_agent_parsed.is_prefetched` is prefetch, `is_proxy` is proxy. Campaign: `campaign_id`, else what
`rcpt_meta` names. Recipient: `raw_rcpt_to`, which keeps its case. `ip_address` is the reader's only in openings and
clicks, so no other event takes it.

Identity: class, message (or transmission), recipient, time, link, address and agent; `event_id` is kept, not needed.

Signature: none. SparkPost sends basic authentication or a bearer token, which the hook's secret is held against.

Source: SparkPost's sample events and webhooks reference (developers.sparkpost.com), the table of bounce
classification codes (support.sparkpost.com). Times come as epoch seconds and as ISO 8601.
"""

from __future__ import annotations

from collections.abc import Iterable

from turnout.capture.webhooks import mail, reading
from turnout.capture.webhooks.contract import Delivery, Parsed, Provider, identity
from turnout.capture.webhooks.reading import Object, Unclear, Uncounted
from turnout.capture.webhooks.signatures import require_credential

NAME = "sparkpost"

_TYPES: dict[str, Object] = {
    "injection": {"type": "queued"},
    "delivery": {"type": "delivered"},
    "delay": {"type": "deferred"},
    "bounce": {"type": "bounced"},
    "out_of_band": {"type": "bounced"},
    "policy_rejection": {"type": "rejected", "failure": "permanent"},
    "generation_rejection": {"type": "rejected", "failure": "permanent"},
    "generation_failure": {"type": "failed", "failure": "permanent"},
    "open": {"type": "opened"},
    "initial_open": {"type": "opened"},
    "click": {"type": "clicked"},
    "spam_complaint": {"type": "complained"},
    "list_unsubscribe": {"type": "unsubscribed"},
    "link_unsubscribe": {"type": "unsubscribed"},
}

_UNCOUNTED = frozenset({"sms_status", "success", "error", "ab_test_completed", "ab_test_cancelled"})

_HARD = {"type": "bounced", "bounce": "hard"}
_SOFT = {"type": "bounced", "bounce": "soft"}
_POLICY = {"type": "rejected", "failure": "permanent"}

#: What a message came back for; a class that is not here is soft, since the address may be good.
_BOUNCE_CLASSES: dict[str, Object | None] = {
    "10": _HARD,
    "30": _HARD,
    "25": _POLICY,
    "26": _POLICY,
    "60": None,
    "80": {"type": "performed", "name": "subscribed"},
    "90": {"type": "unsubscribed"},
    "100": None,
}

_REQUESTED = frozenset({"opened", "clicked"})

#: Which events count as openings, by the hook's option `opens`.
_OPENS = {"open": {"open"}, "initial_open": {"initial_open"}, "both": {"open", "initial_open"}}


def parse(delivery: Delivery) -> Parsed:
    """A batch of events."""
    counted = _OPENS.get(delivery.hook.options.get("opens", ""), _OPENS["open"])
    return reading.read(reading.parts(delivery.body), lambda wrapped: _events(wrapped, counted))


def _events(wrapped: Object, counted: set[str]) -> Iterable[Object]:
    told = _unwrapped(wrapped)
    said = reading.word(told.get("type"), "type")
    kind = said.removeprefix("amp_")
    if kind in _UNCOUNTED or kind.startswith(("relay_", "inbound")) or (kind in _OPENS and kind not in counted):
        raise Uncounted
    if kind not in _TYPES:
        raise Unclear(f"unknown event '{said}'")
    fields = _TYPES[kind]
    if fields["type"] == "bounced":
        fields = _bounced(reading.text(told.get("bounce_class")))
    recipient = mail.address(told.get("raw_rcpt_to") or told.get("rcpt_to"))
    fields = fields | {
        "channel": "email",
        "time": reading.moment(told.get("timestamp"), "timestamp"),
        "recipient": recipient,
        **_campaign(told),
        **(_request(told) if fields["type"] in _REQUESTED else {}),
        "properties": _properties(said, told),
    }
    yield fields | {"id": _identity(said, told, fields)}


def _unwrapped(wrapped: Object) -> Object:
    inside = wrapped.get("msys")
    if not isinstance(inside, dict):
        raise Unclear("no event: 'msys' is missing or no object")
    if not inside or "relay_message" in inside:
        raise Uncounted
    if len(inside) > 1:
        raise Unclear("more than one event in one 'msys'")
    (told,) = inside.values()
    if not isinstance(told, dict):
        raise Unclear("an event is an object")
    return told


def _bounced(bounce_class: str) -> Object:
    fields = _BOUNCE_CLASSES.get(bounce_class, _SOFT)
    if fields is None:
        raise Uncounted
    return fields


def _campaign(told: Object) -> Object:
    named = reading.variables(reading.inner(told, "rcpt_meta"))
    return named | reading.filled({"campaign": reading.campaign(told.get("campaign_id"))})


def _request(told: Object) -> Object:
    country = reading.inner(told, "geo_ip").get("country")
    fields = reading.request(told.get("ip_address"), told.get("user_agent"), country)
    agent = reading.inner(told, "user_agent_parsed")
    if reading.is_true(agent.get("is_prefetched")):
        fields["traffic"] = "prefetch"
    elif reading.is_true(agent.get("is_proxy")):
        fields["traffic"] = "proxy"
    if url := reading.web_address(told.get("target_link_url")):
        fields["url"] = url
    if title := reading.text(told.get("target_link_name")):
        fields["link_title"] = title
    return fields


def _properties(said: str, told: Object) -> Object:
    return reading.properties(
        NAME,
        said,
        event_id=told.get("event_id"),
        message_id=told.get("message_id"),
        transmission_id=told.get("transmission_id"),
        smtp_code=told.get("error_code"),
        reason=told.get("raw_reason") or told.get("reason"),
        bounce_class=told.get("bounce_class"),
        template_id=told.get("template_id"),
        feedback_type=told.get("fbtype"),
    )


def _identity(said: str, told: Object, fields: Object) -> str:
    message = reading.first(told.get("message_id"), told.get("transmission_id"))
    seen = (fields.get("url", ""), fields.get("link_title", ""), fields.get("ip", ""), fields.get("user_agent", ""))
    return identity(NAME, said, message, fields["recipient"], fields["time"], *seen)


PROVIDER = Provider(
    name=NAME,
    title="SparkPost (Bird)",
    parse=parse,
    verify=require_credential,
    options={
        "opens": "Which pixel counts as an opening: open (the lower one; the default), initial_open (the upper), both.",
        "header": "Name of the header that carries the secret, if it is not Authorization.",
    },
    setup=(
        "In SparkPost, under Configuration, Webhooks, create a webhook with this address and all email events. Choose "
        "basic auth and give the hook the secret user:password. campaign_id says whose a message is."
    ),
)
