"""Amazon SES through SNS: event publishing (`eventType`) and identity notifications (`notificationType`).

| type | event |
|---|---|
| Send | sent, one for each destination |
| Delivery | delivered, one for each of `recipients` |
| DeliveryDelay | deferred, one for each of `delayedRecipients` |
| Bounce | bounced, one for each of `bouncedRecipients`: Permanent is hard; Transient and Undetermined are soft |
| Bounce or Complaint of subtype OnAccountSuppressionList | rejected, permanent: SES did not try |
| Complaint | complained, one for each of `complainedRecipients` |
| Reject | rejected, permanent |
| Rendering Failure | failed, permanent |
| Open, Click | opened, clicked |
| Subscription | unsubscribed where all or a further topic is left, else performed `subscribed` |
| Received, AmazonSnsSubscriptionSucceeded, the text by which SES tries a topic | nothing |

Campaign: the message tag `campaign` or `campaign_id`, else the header X-Campaign or X-Campaign-Id, else, where neither
the hook nor its address names one, the configuration set. An opening or click of a message to several destinations
names nobody, since SES does not say who it was. The tags of a link become the click's `params`.

Identity: type, mail.messageId, recipient, time and link. The MessageId of SNS is that of one publication, and the same
bounce may be told by both kinds of notification.

Signature: that of SNS (`sns.py`), for every hook, with or without a secret. The topics that the hook's option `topics`
names may be subscribed to, and where it names any, notices of others are refused. With raw delivery SNS signs nothing:
the option `raw` must say that the address alone is trusted.

Source: docs.aws.amazon.com/ses (contents and examples of event data and of notifications that SES publishes to SNS).
"""

from __future__ import annotations

import functools
from collections.abc import Iterable

from turnout.capture.webhooks import mail, reading, sns
from turnout.capture.webhooks.contract import Delivery, Parsed, Provider, Unread, Unreadable, identity
from turnout.capture.webhooks.reading import Object, Unclear, Uncounted
from turnout.errors import Unauthenticated

NAME = "ses"

#: What the option `raw` says where notices without a signature are taken.
UNSIGNED = "unsigned"

#: Tags of one link that are kept.
LINK_TAGS_LIMIT = 50

#: Type → the event, the object that says more, and in it where the recipients are.
_TYPES: dict[str, tuple[Object, str, str]] = {
    "Send": ({"type": "sent"}, "send", ""),
    "Delivery": ({"type": "delivered"}, "delivery", "recipients"),
    "DeliveryDelay": ({"type": "deferred"}, "deliveryDelay", "delayedRecipients"),
    "Bounce": ({"type": "bounced"}, "bounce", "bouncedRecipients"),
    "Complaint": ({"type": "complained"}, "complaint", "complainedRecipients"),
    "Reject": ({"type": "rejected", "failure": "permanent"}, "reject", ""),
    "Rendering Failure": ({"type": "failed", "failure": "permanent"}, "failure", ""),
    "RenderingFailure": ({"type": "failed", "failure": "permanent"}, "failure", ""),
    "Open": ({"type": "opened"}, "open", ""),
    "Click": ({"type": "clicked"}, "click", ""),
    "Subscription": ({"type": "unsubscribed"}, "subscription", ""),
}

#: These have no time of their own: it is that of the message.
_AT_SENDING = frozenset({"Send", "Reject", "Rendering Failure", "RenderingFailure"})

_UNCOUNTED = frozenset({"Received", "AmazonSnsSubscriptionSucceeded"})

#: How the text begins that SES publishes to see whether it may.
_TRIAL = "Successfully validated SNS topic"

_NOT_TRIED = "OnAccountSuppressionList"


def verify(delivery: Delivery, certificates: sns.Certificates) -> None:
    """Unauthenticated unless SNS signed it, for a topic of the hook's, or the hook takes what is not signed."""
    told = sns.verify(delivery, certificates)
    if told is None:
        if delivery.hook.options.get("raw") != UNSIGNED:
            raise Unauthenticated(f"the body has no signature of SNS, and the hook's option raw is not '{UNSIGNED}'")
    elif told.kind == "Notification" and told.topic not in (_topics(delivery) or {told.topic}):
        raise Unauthenticated("the topic is not one of the hook's")


def _topics(delivery: Delivery) -> set[str]:
    return set(delivery.hook.options.get("topics", "").replace(",", " ").split())


def parse(delivery: Delivery, fetch: sns.Fetch) -> Parsed:
    """What SES says in an envelope of SNS or without one; a subscription to one of the hook's topics is confirmed."""
    told = sns.envelope(delivery.body)
    if told is None:
        return reading.read(reading.parts(delivery.body), lambda notice: _events(notice, delivery))
    if told.kind == "UnsubscribeConfirmation":
        return Parsed(ignored=1, answer="unsubscribed")
    if told.kind == "SubscriptionConfirmation":
        if told.topic not in _topics(delivery):
            raise Unreadable(
                f"a subscription to {told.topic[: reading.NAME_LIMIT]}, which is not in the hook's option topics: "
                "name it there and replay this, or subscribe again"
            )
        sns.subscribe(told, fetch)
        return Parsed(ignored=1, answer="subscribed")
    if told.message.startswith(_TRIAL):
        return Parsed(ignored=1)
    try:
        return reading.read(reading.parts(told.message.encode()), lambda notice: _events(notice, delivery))
    except Unreadable as unreadable:
        return Parsed(unread=[Unread(delivery.body, f"the message in the envelope: {unreadable}")])


def _events(told: Object, delivery: Delivery) -> Iterable[Object]:
    kind = reading.word(told.get("eventType") or told.get("notificationType"), "eventType")
    if kind in _UNCOUNTED:
        raise Uncounted
    if kind not in _TYPES:
        raise Unclear(f"unknown event '{kind}'")
    fields, where, list_of = _TYPES[kind]
    message, details = reading.inner(told, "mail"), reading.inner(told, where)
    identifier = reading.needed(message.get("messageId"), "mail.messageId")
    at = message.get("timestamp") if kind in _AT_SENDING else details.get("timestamp")
    fields = fields | _specifics(kind, details) | {"channel": "email", "time": reading.moment(at, "timestamp")}
    fields |= _campaign(message, delivery)
    for recipient, diagnosis in _recipients(fields["type"], reading.items(details.get(list_of)), message):
        key = identity(NAME, where, identifier, recipient, fields["time"], fields.get("url", ""))
        told_by = _properties(kind, identifier, message, details, diagnosis)
        yield fields | {"recipient": recipient, "id": key, "properties": told_by}


def _specifics(kind: str, details: Object) -> Object:
    """What only this kind of event says."""
    if kind in ("Bounce", "Complaint") and _NOT_TRIED in (
        details.get("bounceSubType"),
        details.get("complaintSubType"),
    ):
        return {"type": "rejected", "failure": "permanent"}
    if kind == "Bounce":
        return {"bounce": "hard" if details.get("bounceType") == "Permanent" else "soft"}
    if kind in ("Open", "Click"):
        return reading.request(details.get("ipAddress"), details.get("userAgent")) | _link(details)
    if kind == "Subscription" and not _left(details):
        return {"type": "performed", "name": "subscribed"}
    return {}


def _link(details: Object) -> Object:
    url, tags = reading.web_address(details.get("link")), reading.inner(details, "linkTags")
    params = {
        reading.text(name): reading.text(values[0])
        for name, values in list(tags.items())[:LINK_TAGS_LIMIT]
        if isinstance(values, list) and values
    }
    return ({"url": url} if url else {}) | ({"params": params} if params else {})


def _left(details: Object) -> bool:
    """Whether a change of preferences leaves all topics, or one that was not left before."""
    new, old = reading.inner(details, "newTopicPreferences"), reading.inner(details, "oldTopicPreferences")
    return new.get("unsubscribeAll") is True or bool(_topics_left(new) - _topics_left(old))


def _topics_left(preferences: Object) -> set[str]:
    topics = [topic for topic in reading.items(preferences.get("topicSubscriptionStatus")) if isinstance(topic, dict)]
    return {reading.text(topic.get("topicName")) for topic in topics if topic.get("subscriptionStatus") == "OptOut"}


def _recipients(kind: str, listed: list[object], message: Object) -> list[tuple[str, Object]]:
    """Each recipient with what is said of it alone. One of several who opened or clicked can't be told."""
    if not listed:
        named = mail.addresses(reading.items(message.get("destination")))
        return [("", {})] if kind in ("opened", "clicked") and len(named) > 1 else [(each, {}) for each in named]
    if len(listed) > mail.RECIPIENTS_LIMIT:
        raise Unclear(f"more than {mail.RECIPIENTS_LIMIT} recipients are named")
    found: dict[str, Object] = {}
    for each in listed:
        said = reading.inner(each) if isinstance(each, dict) else {}
        found.setdefault(mail.address(said.get("emailAddress") if said else each), said)
    return list(found.items())


def _campaign(message: Object, delivery: Delivery) -> Object:
    tags = reading.inner(message, "tags")
    sets = reading.items(tags.get("ses:configuration-set"))
    named = reading.variables(tags, mail.headers(message.get("headers")))
    return mail.otherwise(delivery, sets[0] if sets else "") | named


def _properties(kind: str, identifier: str, message: Object, details: Object, diagnosis: Object) -> Object:
    destinations = len(reading.items(message.get("destination")))
    return reading.properties(
        NAME,
        kind,
        message_id=identifier,
        feedback_id=details.get("feedbackId"),
        bounce_type=details.get("bounceType"),
        bounce_subtype=details.get("bounceSubType"),
        smtp_code=diagnosis.get("status"),
        diagnostic_code=diagnosis.get("diagnosticCode") or details.get("smtpResponse"),
        feedback_type=details.get("complaintFeedbackType"),
        complaint_subtype=details.get("complaintSubType"),
        delay_type=details.get("delayType"),
        reason=details.get("reason") or details.get("errorMessage"),
        template=details.get("templateName"),
        contact_list=details.get("contactList"),
        destinations=destinations if destinations > 1 else None,
    )


def provider(fetch: sns.Fetch = sns.fetch) -> Provider:
    """SES, asking SNS by `fetch`."""
    return Provider(
        name=NAME,
        title="Amazon SES (through SNS)",
        parse=functools.partial(parse, fetch=fetch),
        verify=functools.partial(verify, certificates=sns.Certificates(fetch)),
        always_verifies=True,
        blocks=True,
        options={
            "topics": "ARNs of the SNS topics that may be subscribed to, with commas between them.",
            "raw": f"'{UNSIGNED}' takes raw delivery, which SNS does not sign: whoever knows the address is believed.",
        },
        setup=(
            "In SES, publish the events of your configuration set to an SNS topic. Name the topic's ARN in this hook's "
            "option topics, then subscribe this address to the topic over HTTPS, without raw delivery; it confirms "
            "itself. It needs no secret. The message tag 'campaign' says whose a message is."
        ),
    )


PROVIDER = provider()
