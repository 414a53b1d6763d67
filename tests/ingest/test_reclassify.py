"""Who is human, found anew: against a judge that is loops over a list of events, on the real store."""

from __future__ import annotations

import ipaddress
import random
from collections import Counter

import pytest

from turnout.ingest import reclassify, traffic
from turnout.model import REASONS
from turnout.store import revision, slices
from turnout.store.engine import rows
from turnout.store.events import FIRST_MS, LAST_MS, Cells

#: A minute before a slot of the rollup begins.
START_S = 1_791_190_740

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
CURL = "curl/8.5.0"
OURS = "Mozilla/5.0 (compatible; AcmeMonitor/1.0; +bot) it's \\odd\tünï"
AGENTS = (CHROME, CHROME, CHROME, GMAIL, CURL, OURS, "Mozilla/5.0", "")
ADDRESSES = (*(["203.0.113.7"] * 4), "198.51.100.9", "198.51.100.0", "2001:db8::5", "no address'", "")

ALLOW = {"allow_agents": ["acmemonitor"], "allow_networks": ["198.51.100.8/30", "2001:db8::/32"]}


def random_events(seed: int, count: int) -> list[dict[str, object]]:
    """Few recipients, links and seconds, so that everything is near something."""
    dice = random.Random(seed)
    events = []
    for number in range(count):
        kind = dice.choice(("sent", "delivered", "opened", "opened", "clicked", "clicked", "clicked", "unsubscribed"))
        event: dict[str, object] = {
            "type": kind,
            "campaign": dice.choice(("spring", "spring", "spring", "sümmer '\\")),
            "message": dice.choice(("", "m1")),
            "recipient": dice.choice((*(f"r{n}" for n in range(30)), *(["r0", "r1", "r2"] * 5), "")),
            "time": START_S + dice.randrange(45_000, 75_000) / 1000,
            "id": f"{seed}-{number}",
            "send_id": f"{number}",
        }
        if kind not in ("sent", "delivered"):
            event |= {"user_agent": dice.choice(AGENTS), "ip": dice.choice(ADDRESSES)}
            if dice.random() < 0.05:
                event["traffic"] = dice.choice(("human", "bot"))
        if kind == "clicked":
            where = dice.choice(("a", "b", "c", "d"))
            event |= {"link": where} if dice.random() < 0.5 else {"url": f"https://shop.example/{where}"}
            if dice.random() < 0.04:
                event["reasons"] = ["hidden_link"]
        events.append({name: value for name, value in event.items() if value != ""})
    return events


def judged(event: dict[str, object], events: list[dict[str, object]]) -> tuple[str, set[str]] | None:
    """The class of an event and its reasons; None for one that rules are not about."""
    kind, agent, ip = event["type"], event.get("user_agent", ""), event.get("ip", "")
    if kind in ("sent", "delivered") or "traffic" in event:
        return None
    if not (agent or ip or event.get("reasons")):
        return None
    found = set(event.get("reasons", ()))
    found |= set(traffic.agent_reasons(agent)) if agent or ip else set()
    if "acmemonitor" in agent.lower() or (_is_address(ip) and _in_networks(ip)):
        found.add("allowed")
    ms = _ms(event)
    mine = [other for other in events if "recipient" in event and _person(other) == _person(event)]
    if kind in ("opened", "clicked"):
        within = {"opened": 20_000, "clicked": 5_000}[kind]
        for other in mine:
            if other["type"] in ("sent", "delivered") and -2_000 <= ms - _ms(other) <= within:
                found.add("soon_after_delivery")
            if (
                other["type"] == "clicked"
                and "hidden_link" in other.get("reasons", ())
                and abs(ms - _ms(other)) <= 20_000
                and not (kind == "clicked" and "hidden_link" in event.get("reasons", ()))
            ):
                found.add("near_hidden_link")
    if kind == "clicked":
        followed = [other for other in mine if other["type"] == "clicked"]
        if any(
            len({_link(two) for two in followed if 0 <= _ms(two) - _ms(one) <= 2_000}) >= 3
            for one in followed
            if 0 <= ms - _ms(one) <= 2_000
        ):
            found.add("many_links_at_once")
        if _is_placed(event):
            there = [two for two in events if _is_placed(two) and _place(two) == _place(event)]
            if any(
                len({two["recipient"] for two in there if 0 <= _ms(two) - _ms(one) <= 10_000}) > 10
                for one in there
                if 0 <= ms - _ms(one) <= 10_000
            ):
                found.add("many_recipients_at_once")
    return traffic.classify(kind, found), found


def _ms(event):
    return round(event["time"] * 1000)


def _link(click):
    return click.get("link", click.get("url"))


def _is_address(ip):
    try:
        ipaddress.ip_address(ip)
    except ValueError:
        return False
    return True


def _in_networks(ip):
    return any(ipaddress.ip_address(ip) in ipaddress.ip_network(one) for one in ALLOW["allow_networks"])


def _person(event):
    return event["campaign"], event.get("message"), event.get("recipient")


def _is_placed(click):
    ip = click.get("ip", "")
    if click["type"] != "clicked":
        return False
    proxied = "mail_proxy" in traffic.agent_reasons(click.get("user_agent", ""))
    return bool(ip and "recipient" in click) and not ip.endswith(".0") and not proxied


def _place(click):
    return click["campaign"], click["ip"]


def stored(house, workspace) -> dict[str, tuple[str, set[str], int]]:
    found = rows(
        house.services.engine,
        "SELECT send_id, traffic, reasons, rule_version FROM events WHERE workspace = {workspace:String}",
        {"workspace": workspace},
    )
    return {
        send_id: (kind, {name for bit, name in enumerate(REASONS) if bits >> bit & 1}, version)
        for send_id, kind, bits, version in found
    }


def everything(tenant) -> Cells:
    return Cells(tenant.workspace.id, (), FIRST_MS, LAST_MS)


def workspace_of(house, tenant):
    return house.services.catalog.workspace(tenant.workspace.id)


@pytest.mark.parametrize(
    ("seed", "slice_events", "write_events", "kinds"), [(1, 500_000, 500_000, 255), (2, 80, 90, 3)]
)
def test_the_store_finds_what_loops_find(house, tenant, monkeypatch, seed, slice_events, write_events, kinds):
    # Slices are by time, and what matters to an event may be in the next.
    monkeypatch.setattr(slices, "SLICE_EVENTS", slice_events)
    monkeypatch.setattr(reclassify, "WRITE_EVENTS", write_events)
    monkeypatch.setattr(revision, "KINDS_AT_ONCE", kinds)
    events = random_events(seed, 500)
    tenant.client.patch("/v1/workspaces", json=ALLOW).raise_for_status()
    tenant.send(*events)
    services = house.services
    services.writer.settle(tenant.workspace.id)
    before = stored(house, tenant.workspace.id)
    workspace = workspace_of(house, tenant)

    dry = services.reclassifier.run(workspace, everything(tenant), dry_run=True)
    assert stored(house, tenant.workspace.id) == before
    report = services.reclassifier.run(workspace, everything(tenant))
    assert report == dry

    after = stored(house, tenant.workspace.id)
    expected = {event["send_id"]: judged(event, events) for event in events}
    looked = {name: one for name, one in expected.items() if one is not None}
    assert {name: after[name][:2] for name in looked} == looked
    assert {after[name][2] for name in looked} == {traffic.RULE_VERSION}
    assert all(after[name] == before[name] for name in expected if name not in looked)

    assert report.looked == len(looked)
    assert report.changed == sum(after[name] != before[name] for name in after) > 5
    assert report.classes == Counter(
        (before[name][0], after[name][0]) for name in sorted(after) if before[name][0] != after[name][0]
    )
    assert report.reasons == Counter(reason for _, reasons in looked.values() for reason in reasons)
    # The rules were all tried.
    assert set(report.reasons) >= {
        "soon_after_delivery", "many_links_at_once", "near_hidden_link", "many_recipients_at_once", "allowed",
        "mail_proxy", "http_client", "bare_agent", "no_agent", "hidden_link",
    }  # fmt: skip
    again = services.reclassifier.run(workspace, everything(tenant))
    assert (again.changed, again.classes, again.reasons) == (0, {}, report.reasons)
    assert tenant.client.post("/v1/check", json={}).json()["differences"] == []
    counted = tenant.stats("events", dimensions="traffic", traffic="all")["rows"]
    assert {row["traffic"]: row["events"] for row in counted} == Counter(one[0] for one in after.values())


def classify_again(house, tenant):
    house.services.writer.settle(tenant.workspace.id)
    return house.services.reclassifier.run(workspace_of(house, tenant), everything(tenant))


def test_what_is_not_kept_any_more_is_not_held_against_an_event(house, tenant):
    change = tenant.client.patch
    change("/v1/workspaces", json={"addresses": "none", "allow_networks": ["203.0.113.0/24"]}).raise_for_status()
    opened = {"type": "opened", "campaign": "spring", "time": START_S}
    tenant.send(
        {**opened, "id": "1", "send_id": "nothing", "ip": "198.51.100.1"},
        {**opened, "id": "2", "send_id": "friend", "ip": "203.0.113.9", "user_agent": CURL},
        {**opened, "id": "3", "send_id": "tool", "ip": "198.51.100.1", "user_agent": CURL},
    )
    expected = {
        "nothing": ("human", {"no_agent"}, traffic.RULE_VERSION),
        "friend": ("human", {"allowed", "http_client"}, traffic.RULE_VERSION),
        "tool": ("bot", {"http_client"}, traffic.RULE_VERSION),
    }
    assert classify_again(house, tenant).changed == 0
    assert stored(house, tenant.workspace.id) == expected
    # Nobody is allowed any more, wherever they came from.
    change("/v1/workspaces", json={"allow_networks": []}).raise_for_status()
    assert classify_again(house, tenant).classes == {("human", "bot"): 1}
    # A person was erased: what their program was found to be stays, though it can't be found again.
    erase = "ALTER TABLE events UPDATE user_agent = '' WHERE workspace = {w:String} SETTINGS mutations_sync = 2"
    house.services.engine.execute(erase, {"w": tenant.workspace.id})
    assert classify_again(house, tenant).changed == 0
    assert stored(house, tenant.workspace.id)["tool"] == expected["tool"]


def test_what_is_cut_off_an_address_does_not_let_its_neighbours_in(house, tenant):
    networks = ["203.0.113.0/25", "2001:db8::/64", "198.51.100.0/24"]
    choose = {"addresses": "truncated", "allow_networks": networks}
    tenant.client.patch("/v1/workspaces", json=choose).raise_for_status()
    addresses = {
        "friend": "203.0.113.5", "neighbour": "203.0.113.200", "near": "2001:db8:0:1::7", "office": "198.51.100.7",
    }  # fmt: skip
    for name, ip in addresses.items():
        opened = {"type": "opened", "campaign": "spring", "time": START_S, "user_agent": CURL}
        tenant.send({**opened, "id": name, "send_id": name, "ip": ip})
    assert classify_again(house, tenant).changed == 0
    found = {name: kind for name, (kind, *_) in stored(house, tenant.workspace.id).items()}
    assert found == {"friend": "human", "neighbour": "bot", "near": "bot", "office": "human"}


def test_what_was_stored_before_there_were_rules_is_classified_unless_its_sender_did(house, tenant):
    clicked = {"type": "clicked", "campaign": "spring", "time": START_S, "recipient": "ada", "user_agent": CURL}
    tenant.send(
        {**clicked, "id": "1", "send_id": "plain"}, {**clicked, "id": "2", "send_id": "said"},
        {**clicked, "id": "3", "send_id": "rules of tomorrow", "user_agent": CHROME},
    )  # fmt: skip
    house.services.writer.settle(tenant.workspace.id)
    old = """
        ALTER TABLE events UPDATE rule_version = 0, traffic = if(send_id = 'said', 'preview', 'human'),
            reasons = if(send_id = 'rules of tomorrow', bitShiftLeft(1, 30), 0)
        WHERE workspace = {w:String} SETTINGS mutations_sync = 2"""
    changed = Cells(tenant.workspace.id, ("spring",), FIRST_MS, LAST_MS)
    house.services.writer.exclusively(
        lambda: house.services.events.amend([(old, {"w": tenant.workspace.id})], [changed])
    )
    assert classify_again(house, tenant).classes == {("human", "bot"): 1}
    assert stored(house, tenant.workspace.id) == {
        "plain": ("bot", {"http_client"}, traffic.RULE_VERSION),
        "said": ("preview", set(), 0),
        "rules of tomorrow": ("human", set(), traffic.RULE_VERSION),
    }
