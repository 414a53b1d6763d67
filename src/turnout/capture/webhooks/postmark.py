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

from typing import Any

from turnout.capture.webhooks import reading, signatures
from turnout.capture.webhooks.contract import Delivery, Parsed, Provider, Said, Unread, identity

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
    """The record of a body, or of each part of an array of them. Unreadable if it isn't JSON."""
    parsed = Parsed()
    for one, source in reading.objects(delivery.body):
        kind = reading.text(one.get("RecordType"), 100) if one is not None else ""
        if one is None:
            parsed.unread.append(Unread(source, "this part is not a JSON object"))
        elif kind not in _TIME:
            parsed.unread.append(Unread(source, f"unknown RecordType '{kind}'"))
        elif (fields := _fields(kind, one)) is None:
            parsed.unread.append(Unread(source, f"unknown Type '{reading.text(one.get('Type'), 100)}' of a bounce"))
        elif not fields:
            parsed.ignored += 1
        else:
            parsed.said.append(Said(_event(kind, one, fields), source))
    return parsed


def _fields(kind: str, one: dict[str, Any]) -> dict[str, str] | None:
    """What a record is in our words; nothing if it has no statistic, None if it isn't known."""
    if kind == "Bounce":
        return _BOUNCES.get(reading.text(one.get("Type")))
    if kind == "SubscriptionChange":
        if one.get("SuppressSending") is not True:
            return _SUBSCRIBED
        return {} if one.get("SuppressionReason") in _FOLLOWING else {"type": "unsubscribed"}
    return {"type": {"Delivery": "delivered", "SpamComplaint": "complained", "Open": "opened"}.get(kind, "clicked")}


def _event(kind: str, one: dict[str, Any], fields: dict[str, str]) -> dict[str, Any]:
    recipient = reading.text(one.get("Recipient") or one.get("Email"), 512)
    at = one.get(_TIME[kind])
    url = reading.text(one.get("OriginalLink"), 8192)
    agent = reading.text(one.get("UserAgent"), 2048)
    client = reading.text(reading.within(one, "Client").get("Family"), 256)
    system = reading.text(reading.within(one, "OS").get("Family"), 256)
    geo, metadata = reading.within(one, "Geo"), reading.within(one, "Metadata")
    return reading.said(
        **fields,
        id=identity("postmark", kind, *map(reading.text, (one.get("MessageID"), recipient, at, url, one.get("ID")))),
        time=at,
        channel="email",
        recipient=recipient,
        campaign=reading.text(metadata.get("campaign") or metadata.get("campaign_id") or one.get("Tag"), 256),
        message=reading.text(metadata.get("message"), 256),
        variation=reading.text(metadata.get("variation"), 256),
        url=url,
        ip=reading.text(geo.get("IP"), 64),
        user_agent=agent,
        country=_country(geo.get("CountryISOCode")),
        city=reading.text(geo.get("City"), 256),
        # One program has one name here, whoever told of it: the user agent's, where there is one.
        os="" if agent else system,
        browser="" if agent else client,
        properties=reading.said(
            provider="postmark",
            provider_event=kind,
            tag=reading.text(one.get("Tag")),
            first_open=one.get("FirstOpen") if isinstance(one.get("FirstOpen"), bool) else None,
            client=client,
            system=system,
            region=reading.text(geo.get("Region")),
            **{_snake(name): reading.text(one.get(name)) for name in _KEPT},
        ),
    )


def _country(value: object) -> str:
    found = reading.text(value, 3).upper()
    return found if len(found) == 2 and found.isascii() and found.isalpha() else ""


def _snake(name: str) -> str:
    """MessageID is message_id."""
    parts = "".join(f"_{letter}" if letter.isupper() else letter for letter in name.replace("ID", "Id"))
    return parts.lower().strip("_")


PROVIDER = Provider(
    "postmark",
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
