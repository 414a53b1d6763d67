"""From an address to where it leads, and the click that it is."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from starlette.requests import Request

from turnout.app import House
from turnout.capture import links, tokens
from turnout.capture.links import Way, params_of, public_base, way
from turnout.capture.tokens import Claim
from turnout.errors import Gone, InvalidInput, NotFound
from turnout.model import Link, Workspace
from turnout.settings import Settings
from turnout.store.catalog import Catalog

NOW = dt.datetime(2026, 10, 5, 10, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Place:
    """A workspace whose links are followed."""

    catalog: Catalog
    workspace: Workspace

    def link(self, url: str = "https://x.org/a", **fields: Any) -> Link:
        return self.catalog.links.add(self.workspace.id, url=url, **{"campaign": "c", **fields})

    def token(self, purpose: tokens.Purpose = "recipient", **said: Any) -> str:
        claim = Claim(**{"workspace": self.workspace.id, **said})
        return tokens.sign(claim, self.workspace.signing_secret, purpose)

    def follow(self, segment: str, query: bytes = b"") -> Way:
        return way(self.catalog, segment, query, NOW)


@pytest.fixture(scope="module")
def make_place(house: House) -> Callable[[], Place]:
    catalog = Catalog(house.services.engine, lambda: NOW)
    return lambda: Place(catalog, catalog.add_workspace(f"w{uuid.uuid4().hex[:12]}"))


@pytest.fixture
def place(make_place: Callable[[], Place]) -> Place:
    return make_place()


def test_a_registered_link(place: Place):
    link = place.link(campaign="c", message="m", profile="p", title="Shop")
    found = place.follow(link.id)
    assert (found.workspace, found.location) == (place.workspace, "https://x.org/a")
    event = found.event
    assert (event.type, event.target, event.time) == ("clicked", "link", NOW)
    assert (event.campaign, event.message, event.profile, event.link) == ("c", "m", "p", link.id)
    assert (event.url, event.link_title, event.recipient, event.params) == ("https://x.org/a", "Shop", "", None)
    assert event.reasons == ()
    assert len(event.id) > 24
    assert place.follow(link.id).event.id != event.id


def test_a_token_says_who_follows(place: Place):
    link = place.link(code=f"c{uuid.uuid4().hex[:8]}")
    said = {"recipient": "ann", "variation": "v", "send_id": "s", "channel": "email", "profile": "p", "message": "m"}
    for at in (link.id, link.code):
        for segment, query in ((f"{at}.{place.token(**said)}", b""), (at, f"_token={place.token(**said)}".encode())):
            event = place.follow(segment, query).event
            assert {name: getattr(event, name) for name in said} == said
            assert (event.campaign, event.link, event.url) == ("c", link.id, "https://x.org/a")


def test_where_in_its_message_a_link_stands(place: Place):
    link = place.link()
    token = place.token(recipient="ann")
    for behind, query, wanted in (
        (".3", b"", (3, "")), (f".3.{token}", b"", (3, "ann")), (".3", f"_token={token}".encode(), (3, "ann")),
        (".10000", b"", (10_000, "")), (f".{token}", b"", (0, "ann")), (".007", b"", (7, "")), (".3.x", b"", (3, "")),
        # What is no place is said of nothing, and keeps nobody from the link.
        (f".10001.{token}", b"", (0, "ann")), (".99999", b"", (0, "")), (".0", b"", (0, "")), (".123456", b"", (0, "")),
        (".-1", b"", (0, "")), (".٣", b"", (0, "")), (".3.3.3", b"", (3, "")), (".3\n", b"", (0, "")),
    ):  # fmt: skip
        found = place.follow(f"{link.id}{behind}", query)
        assert found.location == "https://x.org/a"
        assert (found.event.position, found.event.recipient) == wanted, behind


def test_a_token_may_say_the_place(place: Place):
    link = place.link()
    said = place.token(recipient="ann", position=4)
    assert place.follow(f"{link.id}.{said}").event.position == 4
    assert place.follow(f"{link.id}.2.{said}").event.position == 2
    target = place.token("target", url="https://x.org/for/ann", campaign="c", position=5)
    assert place.follow(f"s.{target}").event.position == 5


def test_a_place_is_part_of_an_address():
    assert links.tracked_url("https://t.org", "hero", "TOKEN", 3) == "https://t.org/r/hero.3.TOKEN"
    assert links.tracked_url("https://t.org", "hero", position=10_000) == "https://t.org/r/hero.10000"
    assert links.tracked_url("https://t.org", "hero", "TOKEN", 10_001) == "https://t.org/r/hero.TOKEN"


def test_what_the_link_says_is_the_last_word(place: Place):
    link = place.link(message="m", profile="p")
    event = place.follow(f"{link.id}.{place.token(recipient='ann', message='x', profile='x')}").event
    assert (event.message, event.profile) == ("m", "p")
    # Of another campaign, only the person is believed.
    event = place.follow(f"{link.id}.{place.token(recipient='ann', campaign='x', variation='b', send_id='s')}").event
    assert (event.recipient, event.campaign, event.variation, event.send_id) == ("ann", "c", "", "")


def test_a_link_without_a_campaign(place: Place):
    link = place.link(campaign="")
    assert place.follow(link.id).event.campaign == links.NO_CAMPAIGN
    assert place.follow(f"{link.id}.{place.token(campaign='x')}").event.campaign == "x"


def test_no_target_is_told_who_follows(place: Place):
    there = place.token("target", url="https://x.org/a?k=1")
    found = place.follow(f"s.{there}", f"a=1&_token={place.token(recipient='anna')}&b=2".encode())
    assert found.location == "https://x.org/a?k=1&a=1&b=2"
    assert found.event.params == {"a": "1", "b": "2"}


def test_a_bad_token_keeps_nobody_from_a_registered_link(place: Place, make_place: Callable[[], Place]):
    link = place.link()
    old = place.token(recipient="ann", expires_s=int(NOW.timestamp()))
    for token in ("x", "", "..", "é", old, old[:-3], make_place().token(recipient="ann"), place.token("target")):
        found = place.follow(f"{link.id}.{token}")
        assert found.location == "https://x.org/a"
        assert found.event.recipient == ""


def test_a_signed_link_leads_where_it_says(place: Place):
    token = place.token("target", url="https://x.org/for/ann", campaign="c", recipient="ann", title="T", link="hero")
    found = place.follow(f"s.{token}", b"a=1")
    assert (found.location, found.workspace.id) == ("https://x.org/for/ann?a=1", place.workspace.id)
    event = found.event
    assert (event.campaign, event.recipient, event.link_title, event.link) == ("c", "ann", "T", "hero")


@pytest.mark.parametrize("url", ["javascript:alert(1)", "//evil.example", "", "ftp://x.org", "https://x.org/\r\nA: b"])
def test_a_signed_link_leads_to_http_only(place: Place, url: str):
    with pytest.raises(InvalidInput):
        place.follow(f"s.{place.token('target', url=url)}")


def test_nobody_else_can_sign_where_a_link_leads(place: Place, make_place: Callable[[], Place]):
    good = {"url": "https://evil.example/", "workspace": place.workspace.id}
    stranger = make_place()
    for token in (
        "", "x", stranger.token("target", **good), place.token("recipient", **good),
        place.token("target", url="https://evil.example/", workspace="nowhere"),
    ):  # fmt: skip
        with pytest.raises(InvalidInput):
            place.follow(f"s.{token}")
    with pytest.raises(Gone):
        place.follow(f"s.{place.token('target', **good, expires_s=int(NOW.timestamp()))}")


def test_what_leads_nowhere(place: Place):
    with pytest.raises(NotFound):
        place.follow("nothing")
    for segment in ("", ".", ".x", "a b", "é", "<b>", "a" * 65, "\0", "a/b"):
        with pytest.raises(InvalidInput):
            place.follow(segment)
    gone = place.link()
    place.catalog.links.delete(place.workspace.id, gone.id)
    over = place.link(expires_at=NOW)
    for link in (gone, over):
        with pytest.raises(Gone):
            place.follow(link.id)
    assert place.follow(place.link(expires_at=NOW + dt.timedelta(seconds=1)).id).location


def test_a_hidden_link_says_so(place: Place):
    assert place.follow(place.link(hidden=True).id).event.reasons == ("hidden_link",)


@pytest.mark.parametrize(
    ("url", "params", "query", "location"),
    [
        ("https://x.org", "", b"", "https://x.org"),
        ("https://x.org/a?b=1#c", "u=2", b"v=3", "https://x.org/a?b=1&u=2&v=3#c"),
        ("https://x.org/a", "", b"b=1&b=2&b", "https://x.org/a?b=1&b=2&b"),
        ("https://x.org/a?b=1", "b=2", b"b=3", "https://x.org/a?b=1&b=2&b=3"),
        ("https://x.org/a", "", b"_token=x", "https://x.org/a"),
        ("https://x.org/a", "", b"a=1&_token=x&b=2&_token=y", "https://x.org/a?a=1&b=2"),
        ("https://x.org/a", "", b"my_token=x", "https://x.org/a?my_token=x"),
        ("https://x.org/a", "", b"q=%zz&r=%", "https://x.org/a?q=%zz&r=%"),
        ("https://x.org/a", "", b'q="<\xff>\r\nSet-Cookie: a', "https://x.org/a?q=%22%3C%FF%3E%0D%0ASet-Cookie:%20a"),
        ("https://x.org/a", "", b"#x", "https://x.org/a?%23x"),
        ("https://x.org/a", "", b"q=" + b"a" * 8192, "https://x.org/a"),
        ("https://münchen.de:8443/straße?ü=1#é", "", b"", "https://xn--mnchen-3ya.de:8443/stra%C3%9Fe?%C3%BC=1#%C3%A9"),
        ("https://x.org/a%2Fb%20c", "", b"", "https://x.org/a%2Fb%20c"),
        ("https://x.org/#/page?x=1", "", b"a=1", "https://x.org/?a=1#/page?x=1"),
        ("https://[::1]:8080/", "", b"", "https://[::1]:8080/"),
    ],
)  # fmt: skip
def test_where_it_leads(place: Place, url: str, params: str, query: bytes, location: str):
    found = place.follow(place.link(url, params=params).id, query)
    assert found.location == location
    assert found.location.isascii()
    assert found.event.url == location


def test_a_long_address_is_kept_in_part(place: Place):
    found = place.follow(place.link("https://x.org/" + "a" * 8000).id, b"q=" + b"b" * 8000)
    assert len(found.location) > 16_000
    assert found.event.url == found.location[:8192]


@pytest.mark.parametrize(
    ("query", "params"),
    [
        (b"a=1&b=x%20y+z", {"a": "1", "b": "x y z"}),
        (b"a=1&a=2&a=3&b", {"a": ["1", "2", "3"], "b": ""}),
        (b"a=%C3%BC&b=\xc3\xbc", {"a": "ü", "b": "ü"}),
        (b"a=%ff&\xff=1", {"a": "\ufffd", "\ufffd": "1"}),
        (b"a%00b=c%00d", {"ab": "cd"}),
        (b"&&=&", {"": ""}),
        (b"a=" + b"b" * 2000, {"a": "b" * 1024}),
        (b"&&&", None),
    ],
)  # fmt: skip
def test_parameters(query: bytes, params: dict[str, Any] | None):
    assert params_of(query) == params


def test_there_are_so_many_parameters():
    found = params_of(b"&".join(b"p%d=1" % number for number in range(5000)))
    assert found is not None
    assert len(found) == links.PARAMS_LIMIT


def request(*headers: tuple[bytes, bytes], scheme: str = "http") -> Request:
    return Request({"type": "http", "headers": list(headers), "scheme": scheme, "method": "GET", "path": "/"})


def test_where_people_reach_this_server():
    asked = request((b"host", b"x.org:8080"), (b"x-forwarded-proto", b"https"))
    assert public_base(asked, Settings()) == "http://x.org:8080"
    assert public_base(asked, Settings(proxy_hops=1)) == "https://x.org:8080"
    assert public_base(asked, Settings(public_url="https://click.x.org/")) == "https://click.x.org"
    assert public_base(request((b"host", b"[::1]:80")), Settings()) == "http://[::1]:80"
    for host in (b"", b"x.org/a", b"x@y", b"a b", b'"'):
        with pytest.raises(InvalidInput):
            public_base(request((b"host", host)), Settings())
    with pytest.raises(InvalidInput) as refused:
        public_base(asked, Settings(public_url="click.x.org"))
    assert refused.value.field == "TURNOUT_PUBLIC_URL"
