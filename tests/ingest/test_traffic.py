"""The rules: which reasons make which class, for which types, and what an allow list changes."""

from __future__ import annotations

import itertools

import pytest

from turnout.errors import InvalidInput
from turnout.ingest.traffic import CLASSIFIED, ONLINE_REASONS, RULES, Allowed, classify, network_of
from turnout.model import EVENT_TYPES, FACTS, REASONS, TRAFFIC_CLASSES

SOON = "soon_after_delivery"
#: Of a class that its reasons make, of opens and of clicks; and of people watching a show.
CLASSES = [
    ((), "human", "human", "human"),
    (("head_request",), "prefetch", "prefetch", "prefetch"),
    (("prefetch_header",), "prefetch", "prefetch", "prefetch"),
    (("hidden_link",), "scanner", "scanner", "scanner"),
    (("allowed",), "human", "human", "human"),
    (("mail_proxy",), "proxy", "proxy", "proxy"),
    (("link_preview",), "preview", "preview", "preview"),
    (("known_scanner",), "scanner", "scanner", "scanner"),
    (("known_bot",), "bot", "bot", "bot"),
    (("headless_browser",), "bot", "bot", "bot"),
    # Apps use the libraries that scripts use.
    (("http_client",), "bot", "bot", "human"),
    # A program that hides what it is may be a person's, unless it comes within seconds.
    (("bare_agent",), "human", "human", "human"),
    (("no_agent",), "human", "human", "human"),
    ((SOON,), "human", "scanner", "human"),
    ((SOON, "bare_agent"), "prefetch", "scanner", "human"),
    ((SOON, "no_agent"), "prefetch", "scanner", "human"),
    (("many_links_at_once",), "scanner", "scanner", "scanner"),
    (("near_hidden_link",), "scanner", "scanner", "scanner"),
    (("many_recipients_at_once",), "scanner", "scanner", "scanner"),
    # The first that fits decides.
    (("allowed", "known_bot", "many_links_at_once", SOON), "human", "human", "human"),
    (("allowed", "head_request"), "prefetch", "prefetch", "prefetch"),
    (("mail_proxy", "many_recipients_at_once", SOON), "proxy", "proxy", "proxy"),
    (("hidden_link", "link_preview"), "scanner", "scanner", "scanner"),
    (("known_bot", "many_links_at_once"), "bot", "bot", "bot"),
]


@pytest.mark.parametrize(("reasons", "opened", "clicked", "watched"), CLASSES)
def test_the_class_follows_from_the_reasons(reasons, opened, clicked, watched):
    for order in itertools.islice(itertools.permutations(reasons), 24):
        assert classify("opened", order) == opened
        assert classify("clicked", list(order)) == clicked
        assert classify("watched", set(order)) == watched


def test_every_reason_is_in_a_rule_or_says_nothing_alone():
    given = {reason for rule in RULES for reason in rule.given}
    assert given == set(REASONS) - {"said"}
    assert {rule.then for rule in RULES} == set(TRAFFIC_CLASSES)
    assert not ONLINE_REASONS & FACTS


@pytest.mark.parametrize("kind", sorted(set(EVENT_TYPES) - CLASSIFIED))
def test_what_no_request_causes_is_human(kind):
    assert {classify(kind, (reason,)) for reason in REASONS} == {"human"}


def test_allow_lists():
    allowed = Allowed(("Our-Monitor",), ("203.0.113.0/24", "2001:db8:1::/48", "198.51.100.7", "nonsense"))
    assert allowed.covers("Mozilla/5.0 our-monitor/2", "")
    assert not allowed.covers("Mozilla/5.0 monitor", "")
    for ip in ("203.0.113.9", "203.0.113.9:4711", "[2001:db8:1:2::3]:443", "::ffff:203.0.113.9", "198.51.100.7"):
        assert allowed.covers("", ip), ip
    for ip in ("203.0.114.9", "2001:db8:2::1", "198.51.100.8", "", "203.0.113", "x"):
        assert not allowed.covers("", ip), ip


def test_a_network_is_written_as_cidr():
    assert str(network_of(" 203.0.113.77/24 ")) == "203.0.113.0/24"
    with pytest.raises(InvalidInput, match="no network"):
        network_of("203.0.113.0/33")
