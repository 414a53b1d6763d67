"""The settings over a real socket: who sees what, what forms change, and what is shown once and never again."""

from __future__ import annotations

import html
import logging
import re
from dataclasses import replace

import httpx
import pytest
from tests.dashboard.reading import read, words

from turnout.capture.webhooks import postmark
from turnout.capture.webhooks.registry import PROVIDERS
from turnout.dashboard import settings, settings_hooks

SETTINGS = "/dashboard/settings"
BOUNCE = {
    "RecordType": "Bounce", "ID": 7, "Type": "HardBounce", "MessageID": "m", "Email": "ada@example.com",
    "BouncedAt": "2026-03-17T10:00:00Z",
}  # fmt: skip


class Visit:
    """One who is signed in: `see` a section, `send` a form."""

    def __init__(self, client):
        self.client = client
        self.token = re.search('name="form_token" value="([^"]+)"', client.get(SETTINGS).text)[1]

    def see(self, section, **query):
        answer = self.client.get(SETTINGS, params={"section": section, **query})
        assert answer.status_code == 200, answer.text
        return answer.text

    def send(self, action, **fields):
        return self.client.post(SETTINGS, data={"form_token": self.token, "action": action, **fields})


@pytest.fixture
def enter(visit):
    """Signs in: `enter(tenant)`."""
    return lambda tenant: Visit(visit(tenant))


def workspace_form(**changes):
    return {
        "name": "Acme", "timezone": "UTC", "influence_window_s": "3", "influence_window_s.unit": "hours",
        "dormant_s": "14", "dormant_s.unit": "days", "live_tokens": "optional", **changes,
    }  # fmt: skip


def known(tenant):
    (found,) = tenant.client.get("/v1/workspaces").json()["workspaces"]
    return found


def secret_of(page, name="secret"):
    return html.unescape(re.search(f'<pre class="code" id="{name}"[^>]*>([^<]+)</pre>', page)[1])


# ---- who sees what --------------------------------------------------------------------------------------------------


def test_a_reader_sees_what_is_set_and_no_key_hook_secret_or_form(house, make_tenant, url):
    reader = make_tenant(scopes=("read",))
    catalog = house.services.catalog
    catalog.add_key(reader.workspace.id, name="the sender's")
    with httpx.Client(base_url=url) as client:
        client.post("/sign-in", data={"key": reader.key})
        for section in ("workspace", "traffic", "privacy"):
            page = client.get(SETTINGS, params={"section": section})
            assert page.status_code == 200
            assert 'name="action"' not in page.text
            assert reader.workspace.signing_secret not in page.text
            assert "section=keys" not in page.text
        assert reader.workspace.access_key in client.get(SETTINGS).text
        token = re.search('name="form_token" value="([^"]+)"', client.get(SETTINGS).text)[1]
        for section in ("keys", "webhooks", "letters", "server"):
            refused = client.get(SETTINGS, params={"section": section})
            assert refused.status_code == 403
            assert "the sender" not in refused.text
        form = {"form_token": token, "action": "add-key", "scopes": "admin"}
        assert client.post(SETTINGS, data=form).status_code == 403
    assert len(catalog.keys(reader.workspace.id)) == 2


def test_another_workspace_s_things_are_not_there(house, make_tenant, enter):
    mine, other = make_tenant(), make_tenant()
    key = house.services.catalog.keys(other.workspace.id)[0]
    hook = other.client.post("/v1/hooks", json={"provider": "postmark", "name": "theirs"}).json()
    httpx.post(hook["url"], content=b"nonsense")
    (letter,) = other.client.get("/v1/deadletters").json()["letters"]
    me = enter(mine)
    for section in ("keys", "webhooks", "letters"):
        page = me.see(section, revoke=key.id)
        assert key.id not in page
        assert "theirs" not in page
    assert me.client.get(SETTINGS, params={"section": "webhooks", "hook": hook["id"]}).status_code == 404
    assert me.client.get(SETTINGS, params={"section": "letters", "letter": letter["id"]}).status_code == 404
    assert me.send("revoke-key", id=key.id).status_code == 404
    assert me.send("revoke-hook", id=hook["id"]).status_code == 404
    assert me.send("drop", id=letter["id"]).status_code == 404
    assert me.send("drop", all="yes").status_code == 303
    assert other.client.get("/v1/deadletters").json()["total"] == 1
    assert other.client.get("/v1/stats", params={"metrics": "sent"}).status_code == 200


def test_a_form_of_another_session_or_site_changes_nothing(tenant, enter):
    me = enter(tenant)
    before = known(tenant)
    me.token = me.token[:-2] + ("aa" if me.token[-2:] != "aa" else "bb")
    assert me.send("workspace", **workspace_form()).status_code == 403
    me = enter(tenant)
    form = {"form_token": me.token, "action": "workspace", **workspace_form()}
    strange = me.client.post(SETTINGS, data=form, headers={"Origin": "https://evil.example"})
    assert strange.status_code == 403
    assert known(tenant) == before


def test_what_is_no_section_and_no_action(tenant, enter):
    me = enter(tenant)
    assert me.client.get(SETTINGS, params={"section": "../secrets"}).status_code == 404
    assert me.send("shutdown").status_code == 400
    # An address names what is said, it does not say it.
    assert "Your key was stolen" not in me.see("keys", said="Your key was stolen", understood="<b>1")


@pytest.mark.parametrize(
    "strange", ["\0", "\ud800".encode("utf-8", "surrogatepass"), "x" * 9000, "' OR 1=1 --", "-1", "<b>"]
)
def test_hostile_addresses_are_answered(tenant, enter, strange):
    me = enter(tenant)
    for query in (
        {"section": strange},
        *({"section": "keys", name: strange} for name in ("revoke", "said")),
        *({"section": "webhooks", name: strange} for name in ("hook", "provider")),
        *({"section": "letters", name: strange} for name in ("letter", "understood", "more", "drop")),
        {"section": "letters", "list": "yes", "provider": strange, "reason": strange, "after": strange},
    ):
        answer = me.client.get(SETTINGS, params=query)
        assert answer.status_code in (200, 400, 404), query
        if strange == "<b>":
            assert "<b>" not in answer.text
    for action in ("revoke-key", "revoke-hook", "drop", "replay"):
        fields = {"id": strange, "provider": strange, "reason": strange, "after": strange}
        assert me.send(action, **fields).status_code in (303, 400, 404), action


# ---- the workspace --------------------------------------------------------------------------------------------------


def test_the_workspace_is_set_as_by_the_api(tenant, enter):
    me = enter(tenant)
    assert 'value="3"' in me.see("workspace")
    sent = workspace_form(
        name="Übung <b>", timezone="Asia/Kathmandu", influence_window_s="90", live_tokens="required",
        **{"influence_window_s.unit": "minutes"},
    )  # fmt: skip
    answer = me.send("workspace", **sent)
    assert answer.status_code == 303
    now = known(tenant)
    assert (now["name"], now["timezone"], now["influence_window_s"]) == ("Übung <b>", "Asia/Kathmandu", 5400)
    assert (now["dormant_s"], now["live_tokens"]) == (1_209_600, "required")
    page = me.client.get(answer.headers["location"]).text
    assert "Saved." in page
    assert "Übung &lt;b&gt;" in page
    assert "Times are in Asia/Kathmandu." in page
    assert tenant.workspace.signing_secret not in page


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"name": " "}, "Name: a workspace needs one"),
        ({"timezone": "Europe/Berlim"}, "Unknown time zone &#39;Europe/Berlim&#39;. Did you mean"),
        ({"influence_window_s": "31", "influence_window_s.unit": "days"}, "from 1 second to 30 days"),
        ({"influence_window_s": "0"}, "from 1 second to 30 days"),
        ({"dormant_s": "1e9"}, "a whole number is needed"),
        ({"dormant_s.unit": "fortnights"}, "there is no unit"),
        ({"live_tokens": "never"}, "there is no &#39;never&#39;"),
    ],
)
def test_what_is_wrong_is_said_beside_the_form_and_nothing_is_lost(tenant, enter, changes, wrong):
    me = enter(tenant)
    before = known(tenant)
    answer = me.send("workspace", **workspace_form(**{"name": "Kept in the form", **changes}))
    assert answer.status_code == 400
    assert wrong in answer.text
    assert 'aria-invalid="true"' in answer.text or "unit" in wrong
    if "name" not in changes:
        assert 'value="Kept in the form"' in answer.text
    assert known(tenant) == before


def test_traffic_rules_are_held_to_the_api_s(tenant, enter):
    me = enter(tenant)
    fields = {"addresses": "truncated", "allow_agents": "AcmeApp\r\n\r\n AcmeApp \r\nReader/2", "allow_networks": ""}
    for text, wrong in (("0.0.0.0/0", "is every address there is"), ("10.0.0.0/8\nfoo", "is no network")):
        answer = me.send("traffic", **{**fields, "allow_networks": text})
        assert answer.status_code == 400
        assert wrong in answer.text
        assert html.escape(text) in answer.text
        told = tenant.client.patch("/v1/workspaces", json={"allow_networks": text.split("\n")}).json()["error"]
        assert html.escape(told["message"], quote=False) in html.unescape(answer.text).replace("<", "&lt;")
    assert "at least 3 characters" in me.send("traffic", **{**fields, "allow_agents": "ab"}).text
    assert "there is no &#39;some&#39;" in me.send("traffic", **{**fields, "addresses": "some"}).text
    assert (
        "at most 1000 of them"
        in me.send("traffic", **{**fields, "allow_agents": "\n".join(map(str, range(9999)))}).text
    )
    assert known(tenant)["addresses"] == "full"
    assert me.send("traffic", **{**fields, "allow_networks": "203.0.113.0/24"}).status_code == 303
    now = known(tenant)
    assert (now["addresses"], now["allow_agents"]) == ("truncated", ["AcmeApp", "Reader/2"])
    assert now["allow_networks"] == ["203.0.113.0/24"]
    page = me.see("traffic")
    assert f"turnout reclassify --workspace {tenant.workspace.id}" in page
    assert me.send("traffic", **{**fields, "allow_agents": ""}).status_code == 303
    assert known(tenant)["allow_agents"] == []


def test_less_is_kept_only_after_it_was_said_what_goes(tenant, enter):
    tenant.send(
        {"type": "sent", "time": "2020-01-01T00:00:00Z", "campaign": "old", "recipient": "ada@example.com"},
        {"type": "clicked", "time": "2020-01-02T00:00:00Z", "campaign": "old", "recipient": "bob", "ip": "203.0.113.7"},
    )
    me = enter(tenant)
    asked = me.send("privacy", retention_days="30")
    assert asked.status_code == 200
    told = words(read(asked.text))
    assert "2 people who did nothing since are erased" in told
    assert "1 events lose addresses" in told
    assert known(tenant)["retention_days"] == 0
    # What was confirmed is that number, and no other.
    assert me.send("privacy", retention_days="20", confirmed="30").status_code == 200
    assert known(tenant)["retention_days"] == 0
    assert me.send("privacy", retention_days="30", confirmed="30").status_code == 303
    assert known(tenant)["retention_days"] == 30
    # To keep more takes nothing out.
    assert me.send("privacy", retention_days="365").status_code == 303
    assert me.send("privacy", retention_days="0").status_code == 303
    assert known(tenant)["retention_days"] == 0
    assert "from 0 to 36,500" in me.send("privacy", retention_days="99999").text


# ---- keys -----------------------------------------------------------------------------------------------------------


def test_a_key_s_secret_is_in_one_answer_and_nowhere_else(tenant, enter, caplog):
    me = enter(tenant)
    with caplog.at_level(logging.DEBUG):
        made = me.send("add-key", name="<i>sender</i>", scopes="ingest", permissions="campaigns.list, a.b")
    assert made.status_code == 200
    assert made.headers["cache-control"] == "no-store"
    assert "<i>" not in made.text
    secret = secret_of(made.text)
    assert httpx.get(f"{me.client.base_url}/v1/keys", headers={"Authorization": f"Bearer {secret}"}).status_code == 403
    (key,) = [one for one in tenant.client.get("/v1/keys").json()["keys"] if one["name"] == "<i>sender</i>"]
    assert key["scopes"] == ["ingest", "campaigns.list", "a.b"]
    assert key["last_used_at"]
    listed = me.see("keys")
    assert key["id"] in listed
    assert secret not in listed
    assert secret not in caplog.text
    assert all(secret not in value for value in made.headers.values())


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({}, "Scopes: say what the key may do"),
        ({"scopes": "root"}, "Unknown scope"),
        ({"permissions": "a..b"}, "is no permission"),
        ({"scopes": "read", "name": "x" * 300}, "Name: at most 256 characters"),
    ],
)
def test_a_key_that_is_none_is_not_made(tenant, enter, fields, wrong):
    me = enter(tenant)
    answer = me.send("add-key", **fields)
    assert answer.status_code == 400
    assert wrong in answer.text
    assert len(tenant.client.get("/v1/keys").json()["keys"]) == 1


def test_revoking_asks_first_and_ends_the_key_at_once(tenant, enter):
    me = enter(tenant)
    secret = secret_of(me.send("add-key", name="leaving", scopes="read").text)
    (key,) = [one for one in tenant.client.get("/v1/keys").json()["keys"] if one["name"] == "leaving"]
    asked = me.see("keys", revoke=key["id"])
    assert "Revoke this key?" in asked
    assert "ends this visit" not in asked
    assert "No other key" not in asked
    theirs = {"Authorization": f"Bearer {secret}"}
    assert httpx.get(f"{me.client.base_url}/v1/campaigns", headers=theirs).status_code == 200
    assert me.send("revoke-key", id=key["id"]).headers["location"].endswith("said=revoked")
    assert httpx.get(f"{me.client.base_url}/v1/campaigns", headers=theirs).status_code == 401
    assert "1 revoked" in me.see("keys")
    assert "Revoke this key?" not in me.see("keys", revoke=key["id"])


def test_of_very_many_keys_the_newest_are_shown_and_it_is_said(house, tenant, enter, monkeypatch):
    monkeypatch.setattr(settings, "ROWS_LIMIT", 2)
    for name in ("second", "third"):
        house.services.catalog.add_key(tenant.workspace.id, name=name)
    page = enter(tenant).see("keys")
    assert len(re.findall(r'<tr data-id="', page)) == 2
    assert "The newest 2 of 3 keys." in page
    assert "third" in page


def test_nobody_locks_themselves_out_unawares(tenant, enter):
    me, elsewhere = enter(tenant), enter(tenant)
    (own,) = tenant.client.get("/v1/keys").json()["keys"]
    asked = me.see("keys", revoke=own["id"])
    assert "revoking it ends this visit" in asked
    assert f"turnout keys add --workspace {tenant.workspace.id}" in asked
    me.send("add-key", name="another", scopes="admin")
    assert "turnout keys add" not in me.see("keys", revoke=own["id"])
    ended = me.send("revoke-key", id=own["id"])
    assert ended.headers["location"] == "/sign-in"
    assert "turnout_session" not in me.client.cookies
    for visit in (me, elsewhere):
        assert visit.client.get(SETTINGS).headers["location"].startswith("/sign-in")


def test_a_key_of_the_environment_is_said_to_be_one(house, url):
    """With a revoked one there the server would not start."""
    with httpx.Client(base_url=url) as client:
        client.post("/sign-in", data={"key": "test-api-key"})
        (key,) = [one for one in house.services.catalog.keys("default") if one.name == "TURNOUT_API_KEY"]
        page = client.get(SETTINGS, params={"section": "keys", "revoke": key.id}).text
    assert "Take it out there as well" in page


# ---- webhooks -------------------------------------------------------------------------------------------------------


def test_a_hook_s_address_is_shown_once_and_what_comes_to_it_always(tenant, enter):
    me = enter(tenant)
    assert "There are none." in me.see("webhooks")
    assert 'name="option.header"' in me.see("webhooks", provider="postmark")
    fields = {"provider": "postmark", "name": "<u>news</u>", "secret": "u:p", "option.header": ""}
    made = me.send("add-hook", campaign="spring", **fields)
    assert made.status_code == 200
    assert made.headers["cache-control"] == "no-store"
    assert "In Postmark," in made.text
    assert "<u>" not in made.text
    address = secret_of(made.text, "address")
    token = address.rpartition("/")[2]
    for auth, status in ((("u", "p"), 200), (("u", "p"), 200), (("u", "wrong"), 401)):
        assert httpx.post(address, json=BOUNCE, auth=auth).status_code == status
    assert tenant.stats("bounced_hard", campaign="spring")["totals"] == {"bounced_hard": 1}
    (hook,) = tenant.client.get("/v1/hooks").json()["hooks"]
    for page in (me.see("webhooks"), me.see("webhooks", hook=hook["id"])):
        assert token not in page
        assert "u:p" not in page
        assert "ada@example.com" not in page
    shown = re.findall(r'data-name="(\w+)" data-value="(\d+)"', me.see("webhooks", hook=hook["id"]))
    told = [
        (name, str(one[name]))
        for one in hook["deliveries"]["recent"]
        for name in ("accepted", "duplicates", "ignored", "quarantined")
    ]
    assert shown == told
    (row,) = re.findall(r'<tr data-id="\w+">(.*?)</tr>', me.see("webhooks"), re.S)
    assert dict(re.findall(r'data-name="(\w+)" data-value="(\d+)"', row)) == {
        name: str(hook["deliveries"][name]) for name in ("accepted", "quarantined", "refused")
    }
    assert "Revoke this webhook?" in me.see("webhooks", hook=hook["id"], revoke="yes")
    assert me.send("revoke-hook", id=hook["id"]).status_code == 303
    assert httpx.post(address, json=BOUNCE, auth=("u", "p")).status_code == 404
    assert "1 revoked" in me.see("webhooks")


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"provider": "postmerk"}, "Unknown provider"),
        ({"provider": "postmark", "option.heder": "x"}, "Unknown option of postmark"),
        ({"provider": "cloudevents", "options": "type.a"}, "is not NAME=VALUE"),
        ({"provider": "postmark", "secret": "x" * 5000}, "Secret: at most 4096 characters"),
    ],
)
def test_a_hook_that_is_none_is_not_made(tenant, enter, fields, wrong):
    answer = enter(tenant).send("add-hook", **fields)
    assert answer.status_code == 400
    assert wrong in answer.text
    assert "x" * 5000 not in answer.text
    assert tenant.client.get("/v1/hooks").json()["hooks"] == []


def test_options_of_any_name_are_taken_a_line_each(tenant, enter):
    lines = "type.com.acme.seen=opened\r\ntype.com.acme.gone=ignored"
    made = enter(tenant).send("add-hook", provider="cloudevents", options=lines, **{"option.other": "ignored"})
    assert made.status_code == 200
    (hook,) = tenant.client.get("/v1/hooks").json()["hooks"]
    assert hook["options"] == {"type.com.acme.seen": "opened", "type.com.acme.gone": "ignored", "other": "ignored"}


# ---- dead letters ---------------------------------------------------------------------------------------------------


@pytest.fixture
def hook(tenant):
    """A hook with five dead letters for two reasons, one of which says all of the other."""
    made = tenant.client.post("/v1/hooks", json={"provider": "postmark"}).json()
    for kind, count in (("Teleport", 3), ("Teleport' twice, or 'T", 2)):
        for number in range(count):
            httpx.post(made["url"], json={"RecordType": kind, "n": number, "x": "<script>alert(1)</script>"})
    return made


def waiting(page):
    found = re.findall(r'<bdi>(unknown RecordType [^<]*)</bdi>.*?data-name="letters" data-value="(\d+)"', page, re.S)
    return {html.unescape(reason): int(count) for reason, count in found}


def test_dead_letters_are_counted_listed_opened_and_deleted_by_reason(tenant, enter, hook):
    me = enter(tenant)
    first, other = "unknown RecordType 'Teleport'", "unknown RecordType 'Teleport' twice, or 'T'"
    assert waiting(me.see("letters")) == {first: 3, other: 2}
    listed = me.see("letters", list="yes", provider="postmark", reason=first)
    (letters, *_) = [re.findall(r"letter=(\w+)", listed)]
    assert len(letters) == 3
    opened = me.see("letters", letter=letters[0])
    assert "&lt;script&gt;alert(1)" in opened
    assert "<script>alert" not in opened
    assert hook["url"].rpartition("/")[2] not in opened
    # Asked first; then this reason's, not those in which it also stands.
    assert "Delete these dead letters?" in me.see("letters", drop="yes", provider="postmark", reason=first)
    assert me.send("drop").status_code == 404
    assert me.send("drop", provider="postmark", reason=first).status_code == 303
    assert waiting(me.see("letters")) == {other: 2}
    (last, *_) = tenant.client.get("/v1/deadletters").json()["letters"]
    assert me.send("drop", id=last["id"]).status_code == 303
    assert waiting(me.see("letters")) == {other: 1}
    assert me.send("drop", all="yes").status_code == 303
    assert "all that providers told was understood" in me.see("letters")


def test_letters_are_parsed_again_and_it_says_what_came_of_it(tenant, enter, monkeypatch):
    monkeypatch.setattr(settings_hooks, "REPLAY_LIMIT", 2)
    monkeypatch.setattr(settings_hooks, "_PAGE_LETTERS", 2)
    made = tenant.client.post("/v1/hooks", json={"provider": "postmark", "campaign": "spring"}).json()
    body = [{**BOUNCE, "MessageID": str(number), "RecordType": "Rebound"} for number in range(3)]
    assert httpx.post(made["url"], json=body).json()["quarantined"] == 3
    me = enter(tenant)

    def replayed(**fields):
        return me.client.get(me.send("replay", **fields).headers["location"]).text

    assert "0 letters understood, 0 events counted; 2 still not understood." in replayed()

    def parse(told):
        return postmark.parse(replace(told, body=told.body.replace(b"Rebound", b"Bounce")))

    monkeypatch.setitem(PROVIDERS, "postmark", replace(postmark.PROVIDER, parse=parse))
    assert "0 letters understood" in replayed(provider="postmark", reason="another reason")
    page = replayed(provider="postmark", reason="unknown RecordType 'Rebound'")
    assert "2 letters understood, 2 events counted; 0 still not understood." in page
    fields = dict(re.findall(r'name="(after|provider|reason)" value="([^"]+)"', page.split("There are more")[1]))
    page = replayed(**{name: html.unescape(value) for name, value in fields.items()})
    assert "1 letter understood, 1 event counted; 0 still not understood." in page
    assert "There are more" not in page
    assert "None waits: those that are kept were understood since." in page
    assert tenant.stats("bounced_hard", campaign="spring")["totals"] == {"bounced_hard": 3}


# ---- the server -----------------------------------------------------------------------------------------------------


def test_the_server_s_limits_are_those_in_force_and_no_secret_or_place_is_among_them(tenant, enter, house):
    page = enter(tenant).see("server")
    shown = dict(re.findall(r'data-name="(TURNOUT_\w+)" data-value="(\d+)"', page))
    settings = house.services.settings
    assert shown["TURNOUT_BODY_LIMIT_BYTES"] == str(settings.body_limit_bytes)
    assert shown["TURNOUT_READERS"] == str(settings.readers)
    for hidden in ("TURNOUT_API_KEY", "TURNOUT_SIGNING_SECRET", "TURNOUT_STORE", str(settings.data), settings.api_key):
        assert hidden not in page
