"""Pages, and the headers that lead from one to the next."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from turnout.app import House
from turnout.dialects.intarget.paging import LINK_LIMIT_BYTES, Page, address
from turnout.model import CampaignFields, Message

NAMES = ("total-count", "page-count", "current-page", "per-page")


@dataclass(frozen=True)
class Many:
    """A workspace that none of these tests changes."""

    key: str


@pytest.fixture(scope="module")
def many(house: House) -> Many:
    """Campaigns 1 to 23, each started later than the one before, of one message but for the tenth, of three."""
    catalog = house.services.catalog
    workspace = catalog.add_workspace("intarget-pages").id
    for number in range(1, 24):
        messages = tuple(Message(id=f"m{at}", title=f"m{at}") for at in range(3 if number == 10 else 1))
        started = dt.datetime(2026, 10, 5, 12, 0, number, tzinfo=dt.UTC)
        catalog.put_campaign(
            workspace, f"c{number}", CampaignFields(number=number, messages=messages, started_at=started)
        )
    return Many(catalog.add_key(workspace)[1])


def ids(answer: httpx.Response) -> list[int]:
    assert answer.status_code == 200, answer.text
    return [row["campaign_id"] for row in answer.json()]


def counts(answer: httpx.Response) -> list[str]:
    return [answer.headers[f"x-pagination-{name}"] for name in NAMES]


ALL = [*range(23, 10, -1), 10, 10, 10, *range(9, 0, -1)]


def test_ten_rows_unless_said(many: Any, get: Any) -> None:
    answer = get(many, "statistics")
    assert ids(answer) == ALL[:10]
    assert counts(answer) == ["25", "3", "1", "10"]


def test_a_campaign_may_go_on_on_the_next_page(many: Any, get: Any) -> None:
    """Rows are counted, not campaigns."""
    first, second = (get(many, "statistics", f"perPage=15&page={page}") for page in (1, 2))
    assert ids(first) + ids(second) == ALL
    assert [row["message_title"] for row in first.json()[-2:] + second.json()[:1]] == ["m0", "m1", "m2"]


@pytest.mark.parametrize("size", [1, 4, 10, 24, 25, 26, 10_000])
def test_reading_until_a_page_is_empty(many: Any, get: Any, size: int) -> None:
    found, page = [], 1
    while rows := ids(answer := get(many, "statistics", f"page={page}&perPage={size}")):
        assert counts(answer) == ["25", str(-(-25 // size)), str(page), str(size)]
        found += rows
        page += 1
    assert found == ALL
    assert page == -(-25 // size) + 1
    assert counts(answer) == ["25", str(page - 1), str(page), str(size)]


@pytest.mark.parametrize("size", [1, 4, 10, 24, 25, 26])
def test_following_the_links_both_ways(many: Any, get: Any, size: int) -> None:
    """Nothing but the links is used: the token is in them."""
    answer = get(many, "statistics", f"startFrom=2026-10-05%2012:00:00&perPage={size}")
    found = ids(answer)
    first = answer.links["self"]["url"]
    while "next" in answer.links:
        answer = httpx.get(answer.links["next"]["url"])
        found += ids(answer)
    assert found == ALL
    assert answer.links["last"]["url"] == answer.links["self"]["url"]
    while "prev" in answer.links:
        answer = httpx.get(answer.links["prev"]["url"])
    assert answer.links["self"]["url"] == answer.links["first"]["url"] == first


def test_the_links_of_a_page_in_the_middle(many: Any, get: Any, url: str) -> None:
    answer = get(many, "statistics", "page=2&perPage=10&startFrom=2026-10-05+00:00:00&x=%3Cb%3E%2C")
    same = f"{url}/rest/campaign/statistics?startFrom=2026-10-05%2000%3A00%3A00&x=%3Cb%3E%2C&access-token={many.key}"
    assert answer.headers["link"] == ", ".join(
        f"<{same}&page={page}&perPage=10>; rel={name}"
        for name, page in (("self", 2), ("first", 1), ("prev", 1), ("next", 3), ("last", 3))
    )


def test_the_end_has_no_next(many: Any, get: Any) -> None:
    assert list(get(many, "statistics", "page=3").links) == ["self", "first", "prev", "last"]
    assert list(get(many, "statistics", "perPage=25").links) == ["self", "first", "last"]


def test_past_the_end_the_way_back_is_the_last_page(many: Any, get: Any) -> None:
    answer = get(many, "statistics", "page=999999999999&perPage=10")
    assert ids(answer) == []
    assert list(answer.links) == ["self", "first", "prev", "last"]
    assert answer.links["prev"]["url"] == answer.links["last"]["url"]


def test_nothing_has_no_pages(tenant: Any, get: Any) -> None:
    answer = get(tenant, "statistics")
    assert answer.text == "[]"
    assert counts(answer) == ["0", "0", "1", "10"]
    assert list(answer.links) == ["self"]


def test_a_page_that_is_too_long_is_as_long_as_can_be(many: Any, get: Any) -> None:
    assert counts(get(many, "statistics", "perPage=123456789")) == ["25", "1", "1", "10000"]


def test_a_parameter_that_comes_twice_is_in_the_links_once(many: Any, get: Any) -> None:
    """Clients that add their token to a link that has it would otherwise send it once more with each page."""
    answer = get(many, "statistics", f"access-token={many.key}&page=1&page=2&campaignIds[]=1&campaignIds[]=2")
    link = answer.links["self"]["url"]
    assert [link.count(name) for name in ("access-token=", "&page=", "campaignIds%5B%5D=")] == [1, 1, 2]
    assert "page=2&" in link


def test_with_many_campaigns_only_the_way_on_is_there() -> None:
    pairs = [("access-token", "t"), *(("campaignIds[]", str(number)) for number in range(500))]
    found = Page(2, 10, 100).headers("http://h/p", pairs)["Link"]
    assert found.startswith("<http://h/p?access-token=t&campaignIds%5B%5D=0&")
    assert found.endswith("&page=3&perPage=10>; rel=next")
    assert found.count("<") == 1
    assert Page(10, 10, 100).headers("http://h/p", pairs)["Link"].endswith("&page=10&perPage=10>; rel=self")
    assert len(Page(2, 10, 100).headers("http://h/p", pairs[:20])["Link"]) <= LINK_LIMIT_BYTES


@pytest.mark.parametrize(
    ("host", "wanted"),
    [
        ("stats.example.com", "https://stats.example.com/p"),
        ("[::1]:8080", "https://[::1]:8080/p"),
        ("", "/p"),
        ("evil>; rel=next, <x", "/p"),
        ("a b", "/p"),
        ("h\x7f", "/p"),
    ],
)
def test_a_host_that_is_none_is_left_out(host: str, wanted: str) -> None:
    assert address("https", host, "/p") == wanted


def test_behind_a_proxy_that_speaks_tls_the_links_do_too(many: Any, url: str) -> None:
    for sent, scheme in (("https", "https"), ("http", "http"), ("gopher", "http")):
        headers = {"Host": "stats.example.com", "X-Forwarded-Proto": sent}
        answer = httpx.get(f"{url}/rest/campaign/statistics", params={"access-token": many.key}, headers=headers)
        assert answer.links["next"]["url"].startswith(f"{scheme}://stats.example.com/rest/campaign/statistics?")
