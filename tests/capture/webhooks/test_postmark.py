"""Postmark: what its records say, and what is one event."""

from __future__ import annotations

import pytest
from tests.capture.webhooks.deliveries import delivery, endures, one, wrongs

from turnout.capture.webhooks.postmark import PROVIDER

OPEN = {
    "RecordType": "Open", "FirstOpen": True, "Client": {"Family": "Chrome"}, "OS": {"Family": "OS X 10"},
    "UserAgent": "Mozilla/5.0", "Geo": {"CountryISOCode": "rs", "City": "Novi Sad", "IP": "188.2.95.4"},
    "MessageID": "m", "Metadata": {}, "ReceivedAt": "2026-03-17T10:00:00.1234567Z", "Tag": "welcome",
    "Recipient": "ada@example.com",
}  # fmt: skip


def parsed(**fields):
    return one(PROVIDER.parse(delivery({**OPEN, **fields})))


def test_an_opening_brings_its_place_and_its_program():
    found = parsed()
    assert (found.type, found.country, found.city, found.ip) == ("opened", "RS", "Novi Sad", "188.2.95.4")
    assert (found.user_agent, found.os, found.browser) == ("Mozilla/5.0", "", "")
    assert found.properties["first_open"] is True
    assert (parsed(UserAgent="").os, parsed(UserAgent="").browser) == ("OS X 10", "Chrome")
    assert parsed(Geo={"CountryISOCode": "Serbia"}).country == ""


@pytest.mark.parametrize(
    ("fields", "campaign"),
    [
        ({"Metadata": {"campaign": "a", "campaign_id": "b"}}, "a"), ({"Metadata": {"campaign_id": 7}}, "7"),
        ({}, "welcome"), ({"Tag": None}, ""), ({"Tag": "x" * 300}, "x" * 256),
    ],
)  # fmt: skip
def test_the_campaign_is_named_by_metadata_or_tag(fields, campaign):
    assert parsed(**fields).campaign == campaign


def test_who_left_because_of_a_bounce_is_not_counted_for_leaving():
    def changed(**fields):
        return PROVIDER.parse(
            delivery(
                {"RecordType": "SubscriptionChange", "ChangedAt": "2026-03-17T10:00:00Z", "Recipient": "a", **fields}
            )
        )

    assert one(changed(SuppressSending=True, SuppressionReason="ManualSuppression")).type == "unsubscribed"
    assert one(changed(SuppressSending=False)).name == "subscribed"
    for reason in ("HardBounce", "SpamComplaint"):
        assert changed(SuppressSending=True, SuppressionReason=reason).ignored == 1


def test_an_event_is_known_by_its_meaning():
    first = parsed().id
    assert parsed(FirstOpen=False, Tag="other").id == first
    for other in (
        {"RecordType": "Click"}, {"MessageID": "n"}, {"Recipient": "b@example.com"}, {"ID": 2},
        {"ReceivedAt": "2026-03-17T10:00:01Z"}, {"OriginalLink": "https://a.example"},
    ):  # fmt: skip
        assert parsed(**other).id != first, other


def test_nothing_in_a_body_makes_it_fail():
    for body in wrongs(OPEN):
        endures(PROVIDER, delivery(body))
