"""Amazon SES: what an envelope holds, whose topics are taken, and what each notice says of each recipient."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from typing import Any

import msgspec
import pytest
from tests.capture.webhooks.deliveries import NOW, delivery, endures, events, one, wrongs
from tests.capture.webhooks.payload_bodies import body
from tests.capture.webhooks.topics import (
    ARN,
    CERTIFICATE_URL,
    SUBSCRIBE_URL,
    Sns,
    certificate,
    published,
    subscription,
)

from turnout.capture.webhooks import registry
from turnout.capture.webhooks.contract import Delivery, Parsed, Provider, Unreadable
from turnout.capture.webhooks.ses import provider
from turnout.errors import Overloaded, Unauthenticated

PUBLISHED = {notice["eventType"]: notice for notice in body("ses-published")}


def notice(kind: str, **details: Any) -> dict[str, Any]:
    """The documented notice of a kind, with other details in its own object."""
    told: dict[str, Any] = json.loads(json.dumps(PUBLISHED[kind]))
    where = {"DeliveryDelay": "deliveryDelay", "Rendering Failure": "failure"}.get(kind, kind.lower())
    told[where] |= details
    return told


def check(ses: Provider, request: Delivery) -> None:
    assert ses.verify is not None
    ses.verify(request)


def take(request: Delivery, asked: Sns | None = None) -> Parsed:
    """Check and parse as the receiver does."""
    ses = provider(asked or Sns())
    check(ses, request)
    return ses.parse(request)


def parse(told: Any, **options: str) -> Parsed:
    return provider(Sns()).parse(delivery(told, **options))


def test_an_envelope_says_what_its_message_says() -> None:
    asked = Sns()
    event = one(take(delivery(published(notice("Click")), topics=f"arn:other, {ARN}"), asked))
    assert (event.type, event.recipient, event.campaign) == ("clicked", "recipient@example.com", "spring")
    assert event.time == dt.datetime(2017, 8, 9, 23, 51, 25, 570000, dt.UTC)
    assert event.url == "http://docs.aws.amazon.com/ses/latest/DeveloperGuide/send-email-smtp.html"
    assert event.params == {"samplekey0": "samplevalue0", "samplekey1": "samplevalue1"}
    assert (event.ip, event.channel) == ("192.0.2.1", "email")
    assert asked.asked == [CERTIFICATE_URL]


def test_it_is_checked_whether_or_not_the_hook_has_a_secret() -> None:
    ses = provider(Sns())
    assert (ses.always_verifies, ses.blocks) == (True, True)
    forged = published(notice("Open")) | {"Message": json.dumps(notice("Click"))}
    for secret in ("", "some secret"):
        with pytest.raises(Unauthenticated, match="not right"):
            check(ses, delivery(forged, secret=secret))


def test_a_topic_of_somebody_else_is_refused_where_the_hook_names_its_own() -> None:
    foreign = published(notice("Open"), TopicArn="arn:aws:sns:us-east-1:999999999999:Theirs")
    with pytest.raises(Unauthenticated, match="topic"):
        take(delivery(foreign, topics=ARN))
    assert one(take(delivery(foreign))).type == "opened"


def test_a_subscription_to_a_topic_of_the_hooks_is_confirmed() -> None:
    asked = Sns()
    parsed = take(delivery(subscription(), topics=ARN), asked)
    assert (parsed.answer, parsed.said, parsed.ignored) == ("subscribed", [], 1)
    assert asked.asked == [CERTIFICATE_URL, SUBSCRIBE_URL]


@pytest.mark.parametrize("topics", ["", "arn:aws:sns:us-east-1:123456789012:MyTopic2", ARN[:-1]])
def test_any_other_is_kept_until_the_hook_names_its_topic(topics: str) -> None:
    asked = Sns()
    with pytest.raises(Unreadable, match="MyTopic"):
        take(delivery(subscription(), topics=topics), asked)
    assert asked.asked == [CERTIFICATE_URL]
    # Replayed, when the hook names it.
    assert provider(asked).parse(delivery(subscription(), topics=ARN)).answer == "subscribed"


def test_nothing_is_confirmed_that_sns_did_not_sign() -> None:
    asked = Sns()
    with pytest.raises(Unauthenticated):
        take(delivery(subscription() | {"Signature": "AAAA"}, topics=ARN), asked)
    assert SUBSCRIBE_URL not in asked.asked


def test_a_confirmation_that_sns_can_not_give_now_comes_again() -> None:
    with pytest.raises(Overloaded):
        provider(Sns(500)).parse(delivery(subscription(), topics=ARN))


def test_an_end_of_a_subscription_is_not_undone() -> None:
    asked = Sns()
    parsed = take(delivery(subscription("UnsubscribeConfirmation"), topics=ARN), asked)
    assert (parsed.ignored, asked.asked) == (1, [CERTIFICATE_URL])


def test_what_is_not_signed_is_taken_only_where_the_hook_says_so() -> None:
    raw = notice("Open")
    for options in ({}, {"raw": "true"}, {"topics": ARN}):
        with pytest.raises(Unauthenticated, match="raw"):
            take(delivery(raw, **options))
    assert one(take(delivery(raw, raw="unsigned"))).type == "opened"
    # An envelope is held to its signature all the same.
    with pytest.raises(Unauthenticated):
        take(delivery(published(raw) | {"Signature": "AAAA"}, raw="unsigned"))


@pytest.mark.parametrize(
    ("message", "ignored", "unread"),
    [
        ("Successfully validated SNS topic for Amazon SES event publishing.", 1, 0),
        ({"notificationType": "AmazonSnsSubscriptionSucceeded", "message": "…"}, 1, 0),
        ({"notificationType": "Received", "mail": {}}, 1, 0),
        ("Hello world!", 0, 1),
        ("", 0, 1),
        ({"eventType": "Levitation"}, 0, 1),
    ],
)
def test_a_message_that_is_no_event_is_known_or_kept(message: Any, ignored: int, unread: int) -> None:
    parsed = take(delivery(published(message)))
    assert (parsed.said, parsed.ignored, len(parsed.unread)) == ([], ignored, unread)


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        ({"bounceType": "Permanent"}, ("bounced", "hard", "")),
        ({"bounceType": "Transient", "bounceSubType": "MailboxFull"}, ("bounced", "soft", "")),
        ({"bounceType": "Undetermined", "bounceSubType": "Undetermined"}, ("bounced", "soft", "")),
        ({"bounceType": "Permanent", "bounceSubType": "Suppressed"}, ("bounced", "hard", "")),
        ({"bounceType": "Permanent", "bounceSubType": "OnAccountSuppressionList"}, ("rejected", "", "permanent")),
    ],
)
def test_what_a_bounce_is(details: dict[str, Any], expected: tuple[str, str, str]) -> None:
    event = one(parse(notice("Bounce", **details)))
    assert (event.type, event.bounce, event.failure) == expected
    assert (event.properties or {}).items() >= {
        "smtp_code": "5.1.1", "diagnostic_code": "smtp; 550 5.1.1 user unknown", "bounce_type": details["bounceType"],
    }.items()  # fmt: skip


def test_a_complaint_of_the_suppression_list_is_nobodys() -> None:
    assert one(parse(notice("Complaint"))).type == "complained"
    assert one(parse(notice("Complaint", complaintSubType="OnAccountSuppressionList"))).type == "rejected"


@pytest.mark.parametrize(
    ("new", "old", "kind"),
    [
        ({"unsubscribeAll": True}, {}, "unsubscribed"),
        ({"topicSubscriptionStatus": [{"topicName": "a", "subscriptionStatus": "OptOut"}]}, {}, "unsubscribed"),
        ({"topicSubscriptionStatus": [{"topicName": "a", "subscriptionStatus": "OptIn"}]}, {}, "performed"),
        (
            {"topicSubscriptionStatus": [{"topicName": "a", "subscriptionStatus": "OptOut"}]},
            {"topicSubscriptionStatus": [{"topicName": "a", "subscriptionStatus": "OptOut"}]},
            "performed",
        ),
    ],
)
def test_preferences_are_left_or_taken_up(new: dict[str, Any], old: dict[str, Any], kind: str) -> None:
    event = one(parse(notice("Subscription", newTopicPreferences=new, oldTopicPreferences=old)))
    assert (event.type, event.name) == (kind, "subscribed" if kind == "performed" else "")


def test_each_recipient_has_an_event_and_its_own_diagnosis() -> None:
    both = [
        {"emailAddress": "a@example.com", "status": "5.1.1"},
        {"emailAddress": "B <b@example.com>", "status": "5.2.2"},
    ]
    made = events(parse(notice("Bounce", bouncedRecipients=[*both, both[0]])))
    assert [(e.recipient, (e.properties or {})["smtp_code"]) for e in made] == [
        ("a@example.com", "5.1.1"), ("b@example.com", "5.2.2"),
    ]  # fmt: skip
    assert made[0].id != made[1].id


def test_who_of_several_clicked_is_not_known() -> None:
    told, sent = notice("Click"), notice("Send")
    for each in (told, sent):
        each["mail"]["destination"] = ["a@example.com", "b@example.com"]
    event = one(parse(told))
    assert (event.recipient, (event.properties or {})["destinations"]) == ("", "2")
    assert [e.recipient for e in events(parse(sent))] == ["a@example.com", "b@example.com"]


@pytest.mark.parametrize(
    ("tags", "headers", "campaign", "found"),
    [
        ({"campaign": ["spring"], "ses:configuration-set": ["set"]}, [], "of-hook", "spring"),
        ({"campaign_id": ["7"]}, [], "", "7"),
        ({"ses:configuration-set": ["set"]}, [{"name": "X-Campaign-ID", "value": "spring"}], "", "spring"),
        ({"ses:configuration-set": ["set"]}, [{"name": "Subject", "value": "campaign"}, 7], "", "set"),
        ({"ses:configuration-set": ["set"]}, [], "of-hook", ""),
        ([], "x", "", ""),
    ],
)
def test_where_the_campaign_is_found(tags: Any, headers: Any, campaign: str, found: str) -> None:
    told = notice("Open")
    told["mail"] |= {"tags": tags, "headers": headers}
    request = delivery(told)
    hook = msgspec.structs.replace(request.hook, campaign=campaign)
    assert one(provider(Sns()).parse(dataclasses.replace(request, hook=hook))).campaign == found


def test_both_ways_of_telling_are_one_event_and_another_instant_is_another() -> None:
    event_type, notification = notice("Bounce"), notice("Bounce", feedbackId="other")
    notification["notificationType"] = notification.pop("eventType")
    first = one(take(delivery(published(event_type)))).id
    again = published(notification, MessageId="another publication", Timestamp=NOW.isoformat())
    assert one(take(delivery(again))).id == first
    assert one(parse(notice("Bounce", timestamp="2017-08-05T00:41:02.670Z"))).id != first


@pytest.mark.parametrize("kind", ["Bounce", "Click"])
def test_whatever_comes_is_an_event_or_kept(kind: str) -> None:
    ses = provider(Sns())
    told = {name: value for name, value in notice(kind).items() if name != "mail"}
    told["mail"] = {"timestamp": "2017-08-05T00:40:02.012Z", "messageId": "m", "destination": ["a@example.com"],
                    "headers": [{"name": "X-Campaign", "value": "c"}], "tags": {"campaign": ["spring"]}}  # fmt: skip
    for wrong in wrongs(told):
        endures(ses, delivery(wrong))


def test_whatever_an_envelope_holds_is_kept() -> None:
    for made in (published({"eventType": "Send"}), subscription()):
        for wrong in wrongs(made):
            endures(provider(Sns()), delivery(wrong, topics=ARN))


def test_a_topic_is_subscribed_to_and_heard_over_http(tenant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    now = dt.datetime.now(dt.UTC)
    lasting = certificate(start=now - dt.timedelta(days=1), end=now + dt.timedelta(days=1))
    asked = Sns(body=lasting)
    monkeypatch.setitem(registry.PROVIDERS, "ses", provider(asked))
    made = tenant.client.post("/v1/hooks", json={"provider": "ses", "options": {"topics": ARN}}).json()
    at = {"Timestamp": now.isoformat()}

    def post(told: dict[str, Any]) -> Any:
        # As SNS does: JSON that is called text.
        headers = {
            "content-type": "text/plain; charset=UTF-8",
            "authorization": "",
            "x-amz-sns-message-type": told["Type"],
        }
        return tenant.client.post(made["url"], content=json.dumps(told), headers=headers)

    confirmed = post(subscription(**at))
    assert (confirmed.status_code, confirmed.text) == (200, "subscribed")
    assert asked.asked == [CERTIFICATE_URL, SUBSCRIBE_URL]
    for expected in ({"accepted": 1, "duplicates": 0}, {"accepted": 0, "duplicates": 1}):
        answer = post(published(notice("Click"), "2", **at))
        assert answer.status_code == 200
        assert answer.json().items() >= expected.items()
    forged = published(notice("Open"), **at) | {"Message": json.dumps(notice("Delivery"))}
    assert post(forged).status_code == 401
    assert post(notice("Open") | {"Type": "Notification"}).status_code == 401
    foreign = subscription(TopicArn="arn:aws:sns:us-east-1:123456789012:Another", **at)
    assert post(foreign).json()["quarantined"] == 1
    assert tenant.stats("clicked,opened,delivered")["totals"] == {"clicked": 1, "opened": 0, "delivered": 0}
    (letter,) = tenant.client.get("/v1/deadletters").json()["letters"]
    assert "Another" in letter["reason"]
