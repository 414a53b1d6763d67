"""Which campaigns are listed, and in which order. Pure."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from turnout.dashboard import listing
from turnout.dashboard.listing import PAGE_ROWS, Wanted
from turnout.errors import InvalidInput, UnknownName
from turnout.model import Campaign

NOW = dt.datetime(2026, 11, 18, 12, tzinfo=dt.UTC)


def made(name: str, number: int = 1, **fields: object) -> Campaign:
    given = {"title": name, "created_at": NOW, "updated_at": NOW} | fields
    return Campaign(id=name, number=number, **given)  # type: ignore[arg-type]


def at(day: int) -> dt.datetime:
    return dt.datetime(2026, 11, day, tzinfo=dt.UTC)


CAMPAIGNS = [
    made("spring", 1, title="Frühling für alle", channels=("email",), tags=("sale", "spring"), ended_at=at(10)),
    made("push", 2, channels=("ios_push", "email"), started_at=at(5)),
    made("later", 3, tags=("sale",), scheduled_at=at(30)),
    made("old", 4, archived=True, started_at=at(1)),
]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["spring", "push", "later", "old"]),
        ({"q": "FRÜH  alle"}, ["spring"]),
        ({"q": "spring sale"}, ["spring"]),
        ({"q": "%"}, []),
        ({"channel": "email"}, ["spring", "push"]),
        ({"tag": "sale"}, ["spring", "later"]),
        ({"tag": "sale", "status": "scheduled"}, ["later"]),
        ({"status": "running"}, ["push"]),
        ({"status": "ended"}, ["spring"]),
        ({"status": "archived"}, ["old"]),
        ({"channel": "fax"}, []),
    ],
)
def test_what_is_looked_for_is_found(query, found):
    asked = listing.wanted(query)
    assert [one.id for one in listing.matching(CAMPAIGNS, asked, NOW)] == found
    assert asked.narrows is bool(query)


@pytest.mark.parametrize(
    "query",
    [
        {"q": "x" * 257}, {"page": "-1"}, {"page": "1e3"}, {"page": "²"}, {"page": "99999999"},
        {"metrics": ",".join(["sent", "opened", "clicked", "delivered", "bounced", "failed", "queued", "skipped",
                              "rejected", "replied", "events"])},
    ],
)  # fmt: skip
def test_what_can_not_be_is_refused(query):
    with pytest.raises(InvalidInput):
        listing.wanted(query)


@pytest.mark.parametrize("query", [{"status": "lost"}, {"sort": "-campaign"}, {"sort": "--sent"}, {"metrics": "sents"}])
def test_names_that_are_not_known_are_named(query):
    with pytest.raises(UnknownName):
        listing.wanted(query)


NUMBERS = {
    "spring": {"sent": 5, "open_rate": 0.2, "revenue": {"EUR": Decimal("9"), "USD": Decimal("90")}},
    "push": {"sent": 7, "open_rate": 0.0, "revenue": {"EUR": Decimal("10")}},
    "later": {"sent": 0, "open_rate": None, "revenue": {}},
}


@pytest.mark.parametrize(
    ("sort", "found"),
    [
        # Those that began at the same moment: the newer one, by its number, is first.
        ("-began", ["later", "spring", "push", "old"]),
        ("began", ["old", "push", "spring", "later"]),
        ("title", ["spring", "later", "old", "push"]),
        ("-sent", ["push", "spring", "later", "old"]),
        ("sent", ["later", "old", "spring", "push"]),
        # What has no rate comes last, both ways; 0 is a rate.
        ("-open_rate", ["spring", "push", "later", "old"]),
        ("open_rate", ["push", "spring", "later", "old"]),
        ("-revenue", ["push", "spring", "later", "old"]),
    ],
)
def test_campaigns_are_put_in_order(sort, found):
    asked = listing.wanted({"sort": sort})
    assert [one.id for one in listing.ordered(CAMPAIGNS, asked, NUMBERS, "EUR")] == found


def test_the_commonest_currency_is_that_of_most_campaigns():
    assert listing.commonest_currency(NUMBERS.values(), "revenue") == "EUR"
    assert listing.commonest_currency([{"revenue": {"USD": 1}}, {"revenue": {"CHF": 1}}], "revenue") == "CHF"
    assert listing.commonest_currency([{"revenue": {}}, {}], "revenue") == ""


def test_pages_are_whole_and_the_last_one_is_the_last():
    many = [made(str(number), number) for number in range(2 * PAGE_ROWS + 1)]
    pages = [listing.page_of(many, number) for number in (1, 2, 3)]
    assert [one.id for page in pages for one in page.campaigns] == [one.id for one in many]
    assert [page.first for page in pages] == [1, PAGE_ROWS + 1, 2 * PAGE_ROWS + 1]
    assert listing.page_of(many, 999) == pages[2]
    empty = listing.page_of([], 4)
    assert (empty.number, empty.count, empty.campaigns) == (1, 1, ())


def test_choices_are_the_commonest_and_bounded():
    assert listing.commonest([("a", "b"), ("b",), ("c", "b"), ("c",)], 2) == (["b", "c"], 1)


def test_nothing_asked_for_is_the_newest_first():
    assert listing.wanted({}) == Wanted()
