"""Registered links: kept for good, found by their own workspace only, and never anything but http."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from turnout.app import House
from turnout.errors import Conflict, InvalidInput, NotFound, TooLarge
from turnout.store import links as module
from turnout.store.catalog import Catalog
from turnout.store.links import LinkFields, Links, check_params, check_url

START = dt.datetime(2026, 10, 5, tzinfo=dt.UTC)


@pytest.fixture
def clock() -> Callable[[], dt.datetime]:
    """A clock that is a second later each time it is read."""
    moments = (START + dt.timedelta(seconds=passed) for passed in range(10_000))
    return lambda: next(moments)


@pytest.fixture
def catalog(house: House, clock: Callable[[], dt.datetime]) -> Catalog:
    return Catalog(house.services.engine, clock)


@pytest.fixture
def links(catalog: Catalog) -> Links:
    return catalog.links


@pytest.fixture
def workspace() -> str:
    return f"w{uuid.uuid4().hex[:12]}"


def test_what_is_added_is_found(links: Links, workspace: str) -> None:
    link = links.add(
        workspace, url="https://x.org/a", title="A", params="u=1", profile="p", campaign="c", message="m"
    )  # fmt: skip
    assert links.get(workspace, link.id) == link
    assert (link.workspace, link.url, link.title, link.params) == (workspace, "https://x.org/a", "A", "u=1")
    assert (link.profile, link.campaign, link.message, link.deleted_at) == ("p", "c", "m", None)
    assert link.created_at == link.updated_at
    assert links.all(workspace) == [link]


def test_changes_leave_the_rest_as_it_was(links: Links, workspace: str) -> None:
    link = links.add(workspace, url="https://x.org/a", title="A", params="u=1")
    changed = links.change(workspace, link.id, title="B")
    assert (changed.title, changed.url, changed.params) == ("B", "https://x.org/a", "u=1")
    assert changed.created_at == link.created_at
    assert changed.updated_at > link.updated_at
    assert links.change(workspace, link.id, params="").params == ""
    with pytest.raises(InvalidInput):
        links.change(workspace, link.id, url="ftp://x.org")
    assert links.get(workspace, link.id).url == "https://x.org/a"


def test_links_are_in_the_order_of_their_creation(links: Links, workspace: str) -> None:
    added = [links.add(workspace, url=f"https://x.org/{number}").id for number in range(5)]
    links.change(workspace, added[1], title="later")
    assert [link.id for link in links.all(workspace)] == added
    assert len(set(added)) == 5


def test_a_deleted_link_is_gone_but_its_title_stays(links: Links, workspace: str) -> None:
    link = links.add(workspace, url="https://x.org", title="A")
    untitled = links.add(workspace, url="https://x.org")
    links.delete(workspace, link.id)
    for action in (links.get, links.delete, links.change):
        with pytest.raises(NotFound):
            action(workspace, link.id)
    assert links.all(workspace) == [untitled]
    assert links.titles(workspace) == {link.id: "A"}


def test_links_outlive_the_process(house: House, catalog: Catalog, workspace: str, clock: Any) -> None:
    kept = catalog.links.add(workspace, url="https://x.org/kept", title="A")
    gone = catalog.links.add(workspace, url="https://x.org/gone", title="B")
    catalog.links.change(workspace, kept.id, title="C")
    catalog.links.delete(workspace, gone.id)
    again = Catalog(house.services.engine, clock).links
    assert again.all(workspace) == catalog.links.all(workspace)
    assert again.titles(workspace) == {kept.id: "C", gone.id: "B"}


def test_another_workspace_s_links_do_not_exist(links: Links, workspace: str) -> None:
    link = links.add(workspace, url="https://x.org", title="A")
    for action in (links.get, links.delete, links.change):
        with pytest.raises(NotFound):
            action("another", link.id)
    assert links.all("another") == []
    assert links.titles("another") == {}


def test_a_workspace_has_so_many_links(links: Links, workspace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LIMIT_LINKS", 2)
    for _ in range(2):
        last = links.add(workspace, url="https://x.org")
    links.delete(workspace, last.id)  # it stays in memory, so it counts
    with pytest.raises(TooLarge):
        links.add(workspace, url="https://x.org")


@pytest.mark.parametrize(
    "url",
    [
        "http://x.org", "HTTPS://X.ORG/", "https://x.org:8443/a?b=c#d", "https://user@x.org/", "https://[::1]:8080/",
        "https://münchen.de/straße", "https://x.org/#/page?x=1", "http://localhost",
    ],
)  # fmt: skip
def test_addresses(url: str) -> None:
    check_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "", "x.org", "//x.org", "/path", "javascript:alert(1)", "data:text/html,x", "ftp://x.org", "mailto:a@x.org",
        "http://", "https:///path", "http:x.org", "https://x.org/a b", "https://x.org/\r\nSet-Cookie: a", " https://x.org",
        "https://x.org\\@y.org", "https://[::1", "https://x.org:99999/", "https://x.org:port/", "https://x.org/\0",
        "https://x.org/<b>", "https://x.org/" + "a" * 8192, "java\tscript:alert(1)", "https://x.org/\u2028",
    ],
)  # fmt: skip
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(InvalidInput):
        check_url(url)


@pytest.mark.parametrize("params", ["", "a=1", "a=1&b=%20c", "a[]=1&a[]=2", "q=a+b", "x", "k=http://y.org/?z"])
def test_parameters(params: str) -> None:
    check_params(params)


@pytest.mark.parametrize("params", ["a b", "a=1#x", "a=%2", "a=%zz", "ü=1", "a=1\n", "a=\0", '"', "a" * 2049])
def test_what_are_no_parameters(params: str) -> None:
    with pytest.raises(InvalidInput):
        check_params(params)


# ---- codes, and the same link twice -----------------------------------------------------------------


def code() -> str:
    return f"c-{uuid.uuid4().hex[:12]}"


def test_a_link_is_found_by_its_code_and_its_id(links: Links, workspace: str) -> None:
    mine = code()
    link = links.add(workspace, url="https://x.org", code=mine)
    plain = links.add(workspace, url="https://x.org")
    assert links.by_code(mine) == links.by_code(link.id) == link
    assert links.by_code(plain.id) == plain
    assert links.by_code("nothing") is None
    links.delete(workspace, link.id)
    gone = links.by_code(mine)
    assert gone is not None
    assert gone.deleted_at is not None


def test_a_code_is_one_link_s_for_good(house: House, links: Links, workspace: str, clock: Any) -> None:
    mine = code()
    link = links.add(workspace, url="https://x.org", code=mine)
    links.delete(workspace, link.id)
    for registry in (links, Catalog(house.services.engine, clock).links):
        for taken in (mine, link.id):
            for owner in (workspace, "another"):
                with pytest.raises(Conflict):
                    registry.add(owner, url="https://x.org", code=taken)
    with pytest.raises(Conflict):
        links.ensure(workspace, [LinkFields(url=f"https://x.org/{number}", code="twice") for number in range(2)])
    assert links.by_code("twice") is None


@pytest.mark.parametrize("bad", ["a", "ab", "a b", "a.b", "a/b", "äöü", "-abc", "_abc", "a" * 65, "abc\n", "%61bc"])
def test_what_is_no_code(links: Links, workspace: str, bad: str) -> None:
    with pytest.raises(InvalidInput):
        links.add(workspace, url="https://x.org", code=bad)


def test_the_same_fields_are_the_same_link(house: House, links: Links, workspace: str, clock: Any) -> None:
    wanted = [LinkFields(url="https://x.org", title=title, campaign="c") for title in ("A", "B", "A")]
    first = links.ensure(workspace, wanted)
    assert [is_new for _, is_new in first] == [True, True, True]
    assert first[0] == first[2]
    assert len(links.all(workspace)) == 2
    again = Catalog(house.services.engine, clock).links
    for registry in (links, again):
        found = registry.ensure(workspace, wanted)
        assert [(link.id, is_new) for link, is_new in found] == [(link.id, False) for link, _ in first]
    assert links.ensure("another", wanted[:1])[0][1]


def test_what_has_changed_or_ended_is_not_the_same_link(links: Links, workspace: str) -> None:
    wanted = LinkFields(url="https://x.org", campaign="c")
    ((changed, _),) = links.ensure(workspace, [wanted])
    links.change(workspace, changed.id, title="T")
    ((ended, is_new),) = links.ensure(workspace, [wanted])
    assert is_new
    links.delete(workspace, ended.id)
    ((last, is_new),) = links.ensure(workspace, [wanted])
    assert is_new
    assert len({changed.id, ended.id, last.id}) == 3
    with_title = LinkFields(url="https://x.org", campaign="c", title="T")
    assert links.ensure(workspace, [with_title])[0][0].id == changed.id


def test_all_links_or_none(links: Links, workspace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    good = LinkFields(url="https://x.org")
    with pytest.raises(InvalidInput):
        links.ensure(workspace, [good, LinkFields(url="ftp://x.org")])
    monkeypatch.setattr(module, "LIMIT_LINKS", 1)
    with pytest.raises(TooLarge):
        links.ensure(workspace, [good, LinkFields(url="https://y.org")])
    assert links.all(workspace) == []
