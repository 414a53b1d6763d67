"""Postmark: one record a request, told apart by its `RecordType`.

| `RecordType` and `Type` | event |
|---|---|
| Delivery, Open, Click, SpamComplaint | delivered, opened, clicked, complained |
| Bounce: HardBounce | bounced hard |
| SoftBounce, Blocked, Undeliverable, Unknown | bounced soft |
| Transient, DnsError, OpenRelayTest | deferred: it is tried again |
| SpamNotification, SpamComplaint | complained |
| Unsubscribe; Subscribe | unsubscribed; performed `subscribed` |
| BadEmailAddress, ManuallyDeactivated, Unconfirmed, VirusNotification, DMARCPolicy | rejected, permanent |
| SMTPApiError, TemplateRenderingFailed | failed, permanent |
| AutoResponder, AddressChange, ChallengeVerification, InboundError | nothing: answers of machines, or not sent |
| SubscriptionChange: SuppressSending | unsubscribed; nothing after a HardBounce or SpamComplaint, told by itself |
| SubscriptionChange without it | performed `subscribed` |

Campaign: `campaign` or `campaign_id` of the message's Metadata, else its Tag; `message` and `variation` are of the
Metadata, too. The recipient is `Recipient` or `Email`. `FirstOpen` is kept as a property, since unique openings are
counted here. Country, city and address are Postmark's `Geo`; program and system are found from the user agent, so that
one program has one name, and are Postmark's where there is none.

Identity: record, MessageID, recipient, time, link, and the ID that bounces and complaints have.

Signature: none. Postmark sends basic authentication or a header of yours, which the secret is held against.

Source: postmarkapp.com/developer: the page of each webhook, and the bounce types of the Bounce API.
"""

from __future__ import annotations

from turnout.capture.webhooks import mail, reading, signatures
from turnout.capture.webhooks.contract import Delivery, Parsed, Provider, identity
from turnout.capture.webhooks.reading import Object, Unclear, Uncounted, text

NAME = "postmark"

#: When each kind of record happened.
_TIME = {
    "Delivery": "DeliveredAt",
    "Bounce": "BouncedAt",
    "SpamComplaint": "BouncedAt",
    "Open": "ReceivedAt",
    "Click": "ReceivedAt",
    "SubscriptionChange": "ChangedAt",
}

_SUBSCRIBED = {"type": "performed", "name": "subscribed"}
_HARD = {"type": "bounced", "bounce": "hard"}
_SOFT = {"type": "bounced", "bounce": "soft"}
_REJECTED = {"type": "rejected", "failure": "permanent"}
_FAILED = {"type": "failed", "failure": "permanent"}

#: What each type of bounce is in our words; empty ones are answers of machines, which have no statistic.
_BOUNCES: dict[str, dict[str, str]] = {
    "HardBounce": _HARD,
    "SoftBounce": _SOFT,
    "Blocked": _SOFT,
    "Unknown": _SOFT,
    "Undeliverable": _SOFT,
    "Transient": {"type": "deferred"},
    "DnsError": {"type": "deferred"},
    "OpenRelayTest": {"type": "deferred"},
    "Unsubscribe": {"type": "unsubscribed"},
    "Subscribe": _SUBSCRIBED,
    "SpamNotification": {"type": "complained"},
    "SpamComplaint": {"type": "complained"},
    "BadEmailAddress": _REJECTED,
    "ManuallyDeactivated": _REJECTED,
    "Unconfirmed": _REJECTED,
    "VirusNotification": _REJECTED,
    "DMARCPolicy": _REJECTED,
    "SMTPApiError": _FAILED,
    "TemplateRenderingFailed": _FAILED,
    "AutoResponder": {},
    "AddressChange": {},
    "ChallengeVerification": {},
    "InboundError": {},
}

#: Suppressions that follow from a bounce or a complaint, which has a record of its own.
_FOLLOWING = frozenset({"HardBounce", "SpamComplaint"})

_KEPT = (
    "MessageID", "MessageStream", "ServerID", "ID", "Type", "TypeCode", "Name", "Description", "Details", "Origin",
    "SuppressionReason", "ClickLocation", "Platform", "ReadSeconds", "Subject",
)  # fmt: skip


def parse(delivery: Delivery) -> Parsed:
    """The record of a body, or of each part of an array of them. Raises Unreadable if it isn't JSON."""
    return reading.read(reading.parts(delivery.body), lambda told: [_event(told)])


def _fields(kind: str, told: Object) -> Object:
    """What a record is in our words. Raises Uncounted if it has no statistic, Unclear if it isn't known."""
    if kind not in _TIME:
        raise Unclear(f"unknown RecordType '{kind}'")
    if kind == "Bounce":
        bounce = text(told.get("Type"))
        if bounce not in _BOUNCES:
            raise Unclear(f"unknown Type '{bounce}' of a bounce")
        if not _BOUNCES[bounce]:
            raise Uncounted
        return _BOUNCES[bounce]
    if kind == "SubscriptionChange":
        if told.get("SuppressSending") is not True:
            return _SUBSCRIBED
        if text(told.get("SuppressionReason")) in _FOLLOWING:
            raise Uncounted
        return {"type": "unsubscribed"}
    return {"type": {"Delivery": "delivered", "SpamComplaint": "complained", "Open": "opened"}.get(kind, "clicked")}


def _event(told: Object) -> Object:
    kind = reading.word(told.get("RecordType"), "RecordType")
    fields = _fields(kind, told)
    recipient = mail.address(told.get("Recipient") or told.get("Email"))
    at, url = told.get(_TIME[kind]), text(told.get("OriginalLink"), reading.URL_LIMIT)
    geo, seen = reading.inner(told, "Geo"), (told.get("MessageID"), recipient, str(at), url, told.get("ID"))
    request = reading.request(geo.get("IP"), told.get("UserAgent"), geo.get("CountryISOCode"))
    tag = reading.filled({"campaign": text(told.get("Tag"))})
    # One program has one name here, whoever told of it: the user agent's, where there is one.
    program = {} if "user_agent" in request else {"os": _family(told, "OS"), "browser": _family(told, "Client")}
    return reading.filled(
        {
            **fields,
            **tag,
            **reading.variables(reading.inner(told, "Metadata")),
            **request,
            **program,
            "id": identity(NAME, kind, *(text(each, reading.URL_LIMIT) for each in seen)),
            "time": reading.moment(at, _TIME[kind]),
            "channel": "email",
            "recipient": recipient,
            "url": reading.web_address(url),
            "city": text(geo.get("City")),
            "properties": _properties(kind, told, geo),
        }
    )


def _properties(kind: str, told: Object, geo: Object) -> Object:
    first_open = told.get("FirstOpen")
    more = {"first_open": first_open if isinstance(first_open, bool) else None}
    return reading.filled(more) | reading.properties(
        NAME,
        kind,
        tag=told.get("Tag"),
        client=_family(told, "Client"),
        system=_family(told, "OS"),
        region=geo.get("Region"),
        **{_snake(name): told.get(name) for name in _KEPT},
    )


def _family(told: Object, name: str) -> str:
    return text(reading.inner(told, name).get("Family"))


def _snake(name: str) -> str:
    """MessageID is message_id."""
    parts = "".join(f"_{letter}" if letter.isupper() else letter for letter in name.replace("ID", "Id"))
    return parts.lower().strip("_")


PROVIDER = Provider(
    NAME,
    "Postmark",
    parse,
    verify=signatures.require_credential,
    options={"header": "The name of a header of your own that carries the secret; Authorization without it."},
    setup=(
        "In Postmark, under your server's message stream > Webhooks, add a webhook with this address and choose the "
        "events. It signs nothing: set Basic auth credentials there and give user:password as the hook's secret, or a "
        "header of your own and its value."
    ),
)
