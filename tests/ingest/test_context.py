"""What is found out about events from what they say of their requests, alone and in bulk."""

from __future__ import annotations

import datetime as dt
import json

import msgspec
import pytest
from tests.ingest.test_agents import GMAIL, IMESSAGE, IPHONE, PEOPLE, WINDOWS, YAHOO

from turnout.capture.events import batch_of
from turnout.ingest import bulk, steps
from turnout.ingest.context import Context
from turnout.ingest.deliveries import SAMPLED_OF_BATCH, Deliveries
from turnout.ingest.group import Share, decode, encode
from turnout.ingest.traffic import RULE_VERSION
from turnout.model import Event, Workspace
from turnout.settings import Settings

NOW = dt.datetime(2026, 10, 5, 12, tzinfo=dt.UTC)
CHROME = f"{WINDOWS} Chrome/140.0.0.0 Safari/537.36"
OUTLOOK = "Mozilla/4.0 (compatible; ms-office; MSOffice 16)"
US = "8.8.8.8"


@pytest.fixture(scope="module")
def context():
    found = Context(Settings())
    yield found
    found.close()


def workspace(**chosen):
    return Workspace(id="w", access_key="a", signing_secret="s", created_at=NOW, **chosen)


def seen(context, *, kind="clicked", after_s=0.0, chosen=None, **said):
    """An event that says this, `after_s` from now, as the steps leave it."""
    event = Event(type=kind, time=NOW + dt.timedelta(seconds=after_s), campaign="c", message="m", **said)
    batch = steps.prepare("w", [(0, event)], NOW, context.of(workspace(**(chosen or {}))))
    assert not batch.rejected
    return batch.events[0]


def test_a_person_s_request_says_where_and_with_what(context):
    event = seen(context, user_agent=CHROME, ip=US)
    assert (event.traffic, event.reasons, event.rule_version) == ("human", (), RULE_VERSION)
    assert (event.device, event.os, event.browser, event.browser_version) == ("desktop", "Windows", "Chrome", "140")
    assert (event.country, event.city, event.network, event.ip) == ("US", "", "", US)


def test_what_the_sender_says_stands(context):
    said = {
        "device": "phone", "os": "Sailfish", "browser": "Ours", "browser_version": "1", "country": "DE", "city": "Ulm",
        "network": "home", "traffic": "human",
    }  # fmt: skip
    event = seen(context, user_agent="curl/8", ip=US, **said)
    assert {name: getattr(event, name) for name in said} == said
    assert event.reasons == ("http_client", "said")
    unclear = seen(context, user_agent=CHROME, browser="Ours")
    assert (unclear.browser, unclear.browser_version) == ("Ours", "")


@pytest.mark.parametrize(("user_agent", "program"), [(GMAIL, "Gmail"), (YAHOO, "Yahoo Mail")])
@pytest.mark.parametrize("kind", ["opened", "clicked"])
def test_of_a_proxy_s_request_only_the_mailbox_is_the_reader_s(context, user_agent, program, kind):
    event = seen(context, kind=kind, user_agent=user_agent, ip=US)
    assert (event.traffic, event.reasons) == ("proxy", ("mail_proxy",))
    assert (event.browser, event.device, event.os, event.country) == (program, "", "", "")
    assert event.ip == US


def test_a_proxy_that_the_sender_names_is_nowhere_either(context):
    event = seen(context, kind="opened", user_agent=CHROME, ip=US, traffic="prefetch")
    assert (event.traffic, event.device, event.country) == ("prefetch", "", "")


def test_desktop_outlook_and_the_other_mail_programs_are_people(context):
    for user_agent in PEOPLE:
        for kind in ("opened", "clicked"):
            assert seen(context, kind=kind, user_agent=user_agent, ip=US).traffic == "human", user_agent


def test_mail_on_a_phone_is_opened_by_its_mail_program(context):
    view = f"{IPHONE} Mobile/15E148"
    assert seen(context, kind="opened", user_agent=view).browser == "Apple Mail"
    assert seen(context, kind="opened", user_agent=view, channel="in_app").browser == "iOS WebView"
    assert seen(context, user_agent=view).browser == "iOS WebView"


def test_facts_of_the_request_decide(context):
    for reason, kind in (("head_request", "prefetch"), ("prefetch_header", "prefetch"), ("hidden_link", "scanner")):
        event = seen(context, user_agent=CHROME, reasons=(reason,))
        assert (event.traffic, event.reasons) == (kind, (reason,))
    assert seen(context, user_agent=IMESSAGE).traffic == "preview"


def test_nobody_allows_or_names_itself(context):
    event = seen(context, user_agent="curl/8", reasons=("allowed", "said", "mail_proxy"))
    assert (event.traffic, event.reasons) == ("bot", ("http_client",))
    without = seen(context, reasons=("allowed", "many_links_at_once"))
    assert (without.traffic, without.reasons) == ("scanner", ("many_links_at_once",))


def test_allow_lists_are_the_workspace_s(context):
    ours = {"allow_agents": ("CURL",), "allow_networks": ("203.0.113.0/24",), "addresses": "none"}
    assert seen(context, user_agent="curl/8", chosen=ours).traffic == "human"
    assert seen(context, user_agent="curl/8", chosen=ours).reasons == ("http_client", "allowed")
    assert seen(context, user_agent="Wget/1", ip="203.0.113.9", chosen=ours).traffic == "human"
    assert seen(context, user_agent="Wget/1", ip="203.0.114.9", chosen=ours).traffic == "bot"
    assert seen(context, user_agent="curl/8").traffic == "bot"
    # A friendly network's mail is still read through a proxy, which is elsewhere.
    proxy = seen(context, user_agent=GMAIL, ip=US, chosen={"allow_networks": ("8.8.8.0/24",)})
    assert (proxy.traffic, proxy.country) == ("human", "")
    head = seen(context, user_agent="curl/8", reasons=("head_request",), chosen=ours)
    assert head.traffic == "prefetch"


@pytest.mark.parametrize(
    ("policy", "ip", "kept"),
    [
        ("full", "203.0.113.77:80", "203.0.113.77"),
        ("full", "anything", "anything"),
        ("truncated", "8.8.8.8", "8.8.8.0"),
        ("truncated", "[2001:4860:4860::8888]:1", "2001:4860:4860::"),
        ("truncated", "anything", ""),
        ("none", "8.8.8.8", ""),
        ("none", "anything", ""),
    ],
)
def test_the_policy_says_what_is_kept_of_an_address(context, policy, ip, kept):
    for kind, traffic in (("clicked", None), ("sent", None), ("opened", "human"), ("opened", "proxy")):
        event = seen(context, kind=kind, ip=ip, traffic=traffic, chosen={"addresses": policy})
        assert event.ip == kept
    # It was looked at before.
    assert seen(context, user_agent=CHROME, ip=ip, chosen={"addresses": policy}).country == (
        "US" if ip in ("8.8.8.8", "[2001:4860:4860::8888]:1") else ""
    )


def test_who_sends_events_is_not_who_they_are_about(context):
    for kind in ("sent", "delivered", "bounced", "replied"):
        event = seen(context, kind=kind, user_agent="python-requests/2", ip=US)
        assert (event.traffic, event.reasons) == ("human", ())
    for kind in ("unsubscribed", "complained"):
        assert seen(context, kind=kind, user_agent="python-requests/2").traffic == "bot"


# ---- soon after the delivery ----------------------------------------------------------------------


def delivered(context, recipient, *, kind="delivered", at_s=0.0):
    seen(context, kind=kind, after_s=at_s, recipient=recipient)


@pytest.mark.parametrize(
    ("kind", "user_agent", "after_s", "traffic"),
    [
        ("opened", "Mozilla/5.0", 9, "prefetch"),
        ("opened", "Mozilla/5.0", 20, "prefetch"),
        ("opened", "Mozilla/5.0", -1, "prefetch"),
        ("opened", "Mozilla/5.0", 24 * 60, "human"),
        ("opened", "Mozilla/5.0", 21, "human"),
        ("opened", "", 9, "prefetch"),
        ("opened", CHROME, 9, "human"),
        ("opened", OUTLOOK, 1, "human"),
        ("opened", GMAIL, 9, "proxy"),
        ("clicked", CHROME, 1, "scanner"),
        ("clicked", CHROME, 5, "scanner"),
        ("clicked", CHROME, 6, "human"),
        ("clicked", "", 1, "scanner"),
        ("clicked", IMESSAGE, 1, "preview"),
        ("watched", CHROME, 1, "human"),
    ],
)
def test_seconds_after_the_delivery(context, kind, user_agent, after_s, traffic):
    recipient = f"{kind}{user_agent}{after_s}"
    delivered(context, recipient)
    more = {"duration_s": 1.0} if kind == "watched" else {}
    event = seen(
        context, kind=kind, after_s=after_s, recipient=recipient, user_agent=user_agent, ip="198.51.100.1", **more
    )
    assert event.traffic == traffic
    others = seen(
        context, kind=kind, after_s=after_s, recipient="other", user_agent=user_agent, ip="198.51.100.1", **more
    )
    assert "soon_after_delivery" not in others.reasons


def test_the_last_word_on_a_delivery_is_believed(context):
    delivered(context, "late", kind="sent", at_s=-100)
    delivered(context, "late", at_s=-1)
    assert seen(context, recipient="late", user_agent=CHROME).traffic == "scanner"
    other = context.of(Workspace(id="other", access_key="a", signing_secret="s", created_at=NOW))
    event = Event(type="clicked", time=NOW, campaign="c", message="m", recipient="late", user_agent=CHROME)
    assert steps.prepare("other", [(0, event)], NOW, other).events[0].traffic == "human"


def test_old_deliveries_are_not_remembered(context):
    delivered(context, "old", at_s=-3600)
    assert seen(context, recipient="old", user_agent=CHROME, after_s=-3599).traffic == "human"


def test_the_memory_has_an_end():
    deliveries = Deliveries(limit=100)
    for number in range(1000):
        deliveries.note("w", "c", "m", f"r{number}", 10**15)
    known = [
        number
        for number in range(1000)
        if deliveries.is_soon("w", "clicked", "c", "m", f"r{number}", 10**15 + 1_000_000)
    ]
    assert 50 <= len(known) <= 100
    assert known[-1] == 999


# ---- in bulk --------------------------------------------------------------------------------------


def body(events):
    return "\n".join(json.dumps(event) for event in events).encode()


def lines(count=2000):
    """Deliveries of now, and opens and clicks of all sorts that follow them."""
    agents = [CHROME, "Mozilla/5.0", "", GMAIL, "curl/8", OUTLOOK, *PEOPLE]
    found = []
    for number in range(count):
        event = {"campaign": "c", "message": "m", "recipient": f"r{number % 200}@ex.org", "id": f"e{number}"}
        if number < 200:
            more = {"type": "delivered", "time": NOW.isoformat()}
        else:
            at = NOW + dt.timedelta(seconds=number % 30)
            more = {"type": ("opened", "clicked", "watched")[number % 3], "time": at.isoformat(), "duration_s": 1}
            more |= {"user_agent": agents[number % len(agents)], "ip": ("", US, "9.9.9.9", "x")[number % 4]}
            more |= [{}, {"traffic": "bot"}, {"reasons": ["hidden_link"]}, {}, {}][number % 5]
        found.append(event | more)
    return found


@pytest.mark.parametrize("policy", ["full", "truncated", "none"])
def test_bulk_finds_what_one_by_one_finds(policy):
    chosen = workspace(addresses=policy, allow_agents=("thunderbird",))
    events = [msgspec.convert(one, Event) for one in lines()]
    one_by_one = steps.prepare("w", enumerate(events), NOW, Context(Settings()).of(chosen))
    at_once = bulk.bulk("w", body(lines()), 10_000, NOW, Context(Settings()).of(chosen))
    assert at_once is not None
    assert at_once.digests == one_by_one.digests
    rows = [row for records in at_once.pack().records for row in records.to_pylist()]
    assert len({row["traffic"] for row in rows}) == 5
    for row, other in zip(rows, (row for one in one_by_one.pack().records for row in one.to_pylist()), strict=True):
        assert {name: value or None for name, value in row.items()} == {
            name: value or None for name, value in other.items()
        }


def test_identities_do_not_depend_on_what_is_found():
    event = {"type": "clicked", "time": NOW.isoformat(), "campaign": "c", "user_agent": "curl/8", "ip": US}
    found = {
        batch_of("w", body([event]), 10, NOW, look).digests[0]
        for look in (steps.UNSEEN, Context(Settings()).of(workspace(addresses="none", allow_agents=("curl",))))
    }
    assert len(found) == 1


def test_of_many_deliveries_the_last_are_remembered():
    context = Context(Settings())
    sent = [
        {"type": "sent", "time": NOW.isoformat(), "campaign": "c", "message": "m", "recipient": f"r{n}", "id": f"{n}"}
        for n in range(3000)
    ]
    assert bulk.bulk("w", body(sent), 10_000, NOW, context.of(workspace())) is not None
    assert seen(context, recipient="r2999", user_agent=CHROME, after_s=1).traffic == "scanner"
    assert seen(context, recipient=f"r{3000 - SAMPLED_OF_BATCH}", user_agent=CHROME, after_s=1).traffic == "scanner"
    assert seen(context, recipient="r0", user_agent=CHROME, after_s=1).traffic == "human"


@pytest.mark.parametrize("said", [{"user_agent": "curl/8"}, {"traffic": "bot"}])
def test_reasons_that_are_said_again_and_again_are_read_back_from_the_spool(context, said):
    given = ("soon_after_delivery",) * 32
    batch = steps.prepare(
        "w",
        [(0, Event(type="clicked", time=NOW, campaign="c", reasons=given, **said))],
        NOW,
        context.of(workspace()),
    )
    share = Share()
    share.add(batch, None)
    (event,) = decode(encode({"w": share}))["w"].events
    assert event.reasons.count("soon_after_delivery") == 1


# ---- over HTTP ------------------------------------------------------------------------------------


def test_what_was_found_is_asked_for_by_dimension(tenant):
    times = (f"2026-10-05T10:00:{second:02d}Z" for second in range(60))
    for user_agent, ip in ((CHROME, US), (GMAIL, US), (f"{IPHONE} Version/17.1 Mobile/15E148 Safari/604.1", "9.9.9.9"),
                           ("curl/8", "211.231.100.1"), ("", "211.231.100.1")):  # fmt: skip
        tenant.send(
            {"type": "clicked", "time": next(times), "campaign": "c", "recipient": "a@gmail.com", "ip": ip,
             "user_agent": user_agent}
        )  # fmt: skip

    def rows(dimension: str, **query: str) -> dict[str, int]:
        return {
            row[dimension]: row["clicked"] for row in tenant.stats("clicked", dimensions=dimension, **query)["rows"]
        }

    assert rows("os") == {"": 2, "Windows": 1, "iOS": 1}
    assert rows("device") == {"": 2, "desktop": 1, "mobile": 1}
    assert rows("browser_version", browser="Safari,Chrome") == {"140": 1, "17.1": 1}
    assert rows("country", traffic="all") == {"": 1, "KR": 2, "US": 2}
    assert rows("reason", traffic="all") == {"": 2, "http_client": 1, "mail_proxy": 1, "no_agent": 1}
    assert rows("reason", traffic="all", reason="mail_proxy,") == {"": 2, "mail_proxy": 1}
    assert rows("traffic", reason="http_client", traffic="all") == {"bot": 1}
    assert rows("mailbox_provider") == {"Gmail": 4}
    assert tenant.stats("clicked")["meta"]["excluded"]["bot"] == 1
