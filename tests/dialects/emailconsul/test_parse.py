"""Queries and bodies, read: what the documented forms mean, and what is refused."""

from __future__ import annotations

import datetime as dt

import pytest

from turnout.dialects.emailconsul import parse
from turnout.dialects.emailconsul.wire import LINK, PIXEL
from turnout.errors import InvalidInput

DAY_MS = 86_400_000


def at(text: str) -> int:
    """Milliseconds of a UTC moment without fraction."""
    return int(dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp()) * 1000


SIXTH, SEVENTH = at("2021-07-06T00:00:00"), at("2021-07-07T00:00:00")


@pytest.mark.parametrize(
    ("starts", "ends", "from_ms", "to_ms"),
    [
        # documented: the form of the examples
        ("2021-07-06T00:00:00.000Z", "2021-07-07T00:00:00.000Z", SIXTH, SEVENTH + 1),
        ("2021-07-06T00:00:00Z", "2021-07-06T00:00:00Z", SIXTH, SIXTH + 1),
        ("2021-07-06T00:00", "2021-07-07T00:00", SIXTH, SEVENTH + 1),
        # a date's whole day
        ("2021-07-06", "2021-07-06", SIXTH, SEVENTH),
        ("2021-07-06T12:00:00Z", "2021-07-06", SIXTH + DAY_MS // 2, SEVENTH),
        # what is between two milliseconds: the later one at the start, the earlier at the end
        ("2021-07-06T00:00:00.1Z", "2021-07-06T23:59:59.999999Z", SIXTH + 100, SEVENTH),
        ("2021-07-06T00:00:00.000000001Z", "2021-07-06T00:00:01.999000001Z", SIXTH + 1, SIXTH + 2000),
        # offsets
        ("2021-07-06T02:00:00+02:00", "2021-07-06T02:00:00.000 02:00", SIXTH, SIXTH + 1),
        ("2021-07-06T02:00:00+0200", "2021-07-05T19:00:00-05", SIXTH, SIXTH + 1),
        ("2021-07-06 05:30:00.5+05:30", "2021-07-06 05:30:00.5 0530", SIXTH + 500, SIXTH + 501),
        (" 2021-07-06t00:00:00z ", "9999-12-31", SIXTH, at("9999-12-31T00:00:00") + DAY_MS),
        ("0001-01-01T00:00:00+14:00", "2021-07-06", at("0001-01-01T00:00:00") - 14 * 3_600_000, SEVENTH),
    ],
)
def test_periods(starts: str, ends: str, from_ms: int, to_ms: int) -> None:
    assert parse.period({"period_from": starts, "period_to": ends}) == (from_ms, to_ms)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "soon", "2021", "2021-7-6", "2021-13-01", "2021-02-30", "0000-01-01", "2021-07-06T", "2021-07-06Z",
        "2021-07-06T25:00:00Z", "2021-07-06T00:60Z", "2021-07-06T00:00:00.Z", "2021-07-06T00:00:00.0000000001Z",
        "2021-07-06T00:00:00+24:00", "2021-07-06T00:00:00+02:60", "1625529600000", "2021-07-06\0",
        "\u0662\u0660\u0662\u0661-07-06",
        "+012021-07-06T00:00:00Z", "2021-07-06T00:00:00ZZ", "2021-07-06T00:00:00 PST",
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["period_from", "period_to"])
def test_what_is_no_moment(name: str, text: str) -> None:
    query = {"period_from": "2021-07-06", "period_to": "2021-07-06", name: text}
    with pytest.raises(InvalidInput, match=name) as refused:
        parse.period(query)
    assert refused.value.field == name


def test_a_period_that_ends_before_it_starts() -> None:
    with pytest.raises(InvalidInput):
        parse.period({"period_from": "2021-07-06T00:00:00.002Z", "period_to": "2021-07-06T00:00:00.001Z"})
    same = {"period_from": "2021-07-06T00:00:00.0001Z", "period_to": "2021-07-06T00:00:00.0002Z"}
    starts, ends = parse.period(same)
    assert starts == ends  # no whole millisecond lies between


@pytest.mark.parametrize(
    ("group", "text", "wanted"),
    [
        ("", "", [("clicked", True)]),
        ("", "count", [("clicked", False)]),
        ("", "-count", [("clicked", True)]),
        ("", " count", [("clicked", False)]),  # +count
        ("country", "-country", [("country", True)]),
        ("campaign_id", "campaign_id", [("campaign", False)]),
        ("custom_link_title", "-custom_link_title", [("link_title", True)]),
        ("params", "params_name", [("param", False)]),
        ("params", "-params_value", [("param_value", True)]),
        ("params", "-params", [("param", True), ("param_value", True)]),
    ],
)
def test_sorts(group: str, text: str, wanted: list[tuple[str, bool]]) -> None:
    found = parse.sort(LINK, parse.group(LINK, group), text)
    assert [(one.name, one.descending) for one in found] == wanted


@pytest.mark.parametrize("text", ["clicked", "--count", "count,-count", "campaign_id", "-", "Count", "country desc"])
def test_what_is_no_sort(text: str) -> None:
    for group in ("", "country"):
        with pytest.raises(InvalidInput):
            parse.sort(LINK, parse.group(LINK, group), text)


def test_groups() -> None:
    documented = ["campaign_id", "subscriber_id", "device", "country", "ip", "browser", "custom_link_title", "params"]
    assert list(LINK.groups) == documented
    assert list(PIXEL.groups) == ["campaign_id", "subscriber_id"]
    for log in (LINK, PIXEL):
        for name in ("campaign", "Country", "traffic", "country,ip", "\0", "params_name"):
            with pytest.raises(InvalidInput):
                parse.group(log, name)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({}, (0, 50)),
        ({"offset": "", "limit": ""}, (0, 50)),
        ({"offset": "20", "limit": "10"}, (20, 10)),
        ({"limit": "0"}, (0, 0)),
        ({"limit": "100001"}, (0, 100_000)),
        ({"limit": "9" * 18, "offset": "2147483648"}, (2_147_483_648, 100_000)),
    ],
)
def test_pages(query: dict[str, str], wanted: tuple[int, int]) -> None:
    assert parse.page(query) == parse.Page(*wanted)


@pytest.mark.parametrize("text", ["-1", "1.5", "x", "1e3", "9" * 19, "0x10", "\u0661", "1 2", "\0"])
@pytest.mark.parametrize("name", ["offset", "limit"])
def test_what_is_no_page(name: str, text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse.page({name: text})
    assert refused.value.field == name


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("campaign_id", "Spring-2025_a", "Spring-2025_a"),
        ("subscriber_id", "user.1-x_y", "user.1-x_y"),
        ("subscriber_id", "ann+news@mail.example.org", "ann+news@mail.example.org"),
        ("subscriber_id", "ann news@mail.example.org", "ann+news@mail.example.org"),
        ("subscriber_id", "jürgen.o'neill@münchen.de", "jürgen.o'neill@münchen.de"),
        ("profile_id", "Any text: ü", "Any text: ü"),
    ],
)
def test_filters(name: str, value: str, kept: str) -> None:
    (found,) = parse.filters(LINK, {name: value})
    assert (found.dimension, found.values) == (LINK.filters[name], (kept,))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("campaign_id", "a b"), ("campaign_id", "a.b"), ("campaign_id", "a\0"), ("campaign_id", "ü"),
        ("campaign_id", "a'"), ("campaign_id", "a" * 257), ("subscriber_id", "a b"), ("subscriber_id", "a@"),
        ("subscriber_id", "@x.org"), ("subscriber_id", "a@b@c"), ("subscriber_id", "a\0@x.org"),
        ("subscriber_id", "<a@x.org>"), ("subscriber_id", "a" * 513), ("subscriber_id", "a" * 510 + "@x.org"),
        ("subscriber_id", "a@x.org\n@"), ("profile_id", "a\0"), ("profile_id", "a" * 257),
    ],
)  # fmt: skip
def test_what_no_filter_takes(name: str, value: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse.filters(LINK, {name: value})
    assert refused.value.field == name


def test_pixels_have_no_profile() -> None:
    assert parse.filters(PIXEL, {"profile_id": "p\0"}) == ()


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        ("https://x.org/a?b=1&c=2", "https://x.org/a"),
        ("https://x.org/a?b=1#top", "https://x.org/a#top"),
        ("https://x.org/?", "https://x.org/"),
        ("https://x.org?b", "https://x.org"),
        ("https://x.org/#/page?b=1", "https://x.org/#/page?b=1"),  # this question mark is the fragment's
        ("https://x.org/a", "https://x.org/a"),
    ],
)
def test_query_parameters_are_removed(url: str, clean: str) -> None:
    assert parse.without_query(url) == clean


def test_bodies() -> None:
    body = b'{"title":"T","redirection_url":" https://x.org/a?b ","params_suffix":"?u=1","other":[1]}'
    assert parse.new_link(body) == {"title": "T", "url": "https://x.org/a", "profile": "", "params": "u=1"}
    assert parse.link_change(b"{}") == {}
    assert parse.link_change(b'{"profile_id":null,"params_suffix":null}') == {"profile": "", "params": ""}
    assert parse.link_change(b'{"profile_id":"p"}') == {"profile": "p"}
