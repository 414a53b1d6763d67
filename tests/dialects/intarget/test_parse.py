"""InTarget's queries: every form of a time, and what is refused."""

from __future__ import annotations

import pytest

from turnout.dialects.intarget import parse
from turnout.dialects.intarget.parse import InvalidQuery, Range

#: 2025-03-17 00:00:00 UTC.
MIDNIGHT = 1_742_169_600_000

MOMENTS = [
    ("2025-03-17 10:04:21", 36_261_000, 1000),
    ("2025-03-17T10:04:21", 36_261_000, 1000),
    (" 2025-03-17 10:04:21 ", 36_261_000, 1000),
    ("2025-03-17 10:04:21+00", 36_261_000, 1000),  # as campaign_start_at is
    ("2025-03-17 10:04:21 00", 36_261_000, 1000),  # and back again through a URL
    ("2025-03-17 10:04:21Z", 36_261_000, 1000),
    ("2025-03-17t10:04:21z", 36_261_000, 1000),
    ("2025-03-17 12:04:21+02:00", 36_261_000, 1000),
    ("2025-03-17 12:04:21 +0200", 36_261_000, 1000),
    ("2025-03-17 05:04:21-0500", 36_261_000, 1000),
    ("2025-03-17 10:04:21.5", 36_261_500, 1),
    ("2025-03-17 10:04:21.123456789", 36_261_123, 1),
    ("2025-03-17 10:04", 36_240_000, 60_000),
    ("2025-03-17", 0, 86_400_000),
]


@pytest.mark.parametrize(("text", "after_midnight", "length"), MOMENTS)
def test_moments(text: str, after_midnight: int, length: int) -> None:
    assert parse.moment(text) == (MIDNIGHT + after_midnight, length)


@pytest.mark.parametrize(
    "text",
    [
        "yesterday", "2025-13-01 00:00:00", "2025-02-30", "2025-03-17 25:00:00", "2025-03-17 10:04:60", "17.03.2025",
        "20250317", "2025-03-17 10", "2025-03-17 10:04:21+99:00", "2025-03-17 10:04:21 UTC", "1742205861", "-1",
        "٢٠٢٥-03-17", "2025-03-17\x00", "2025-03-17 10:04:21; DROP", "0000-01-01",
        "\ufffd", "2025-03-17 10:04:21" + "0" * 5000,
    ],
)  # fmt: skip
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(InvalidQuery) as caught:
        parse.query([("startFrom", text)])
    assert caught.value.problems == (("startFrom", "The format of Start From is invalid."),)


def test_both_ends_are_included() -> None:
    found = parse.query([("startFrom", "2025-03-17 00:00:00"), ("startTo", "2025-03-17 23:59:59")])
    assert found.starts == Range(MIDNIGHT, MIDNIGHT + 86_400_000)
    assert found.sends == Range(None, None)
    found = parse.query([("sendFrom", "2025-03-17"), ("sendTo", "2025-03-17")])
    assert found.sends == Range(MIDNIGHT, MIDNIGHT + 86_400_000)
    found = parse.query([("sendTo", "2025-03-17 00:00:00.000")])
    assert found.sends == Range(None, MIDNIGHT + 1)


def test_what_is_not_said() -> None:
    found = parse.query([])
    assert (found.numbers, found.page, found.per_page, found.currency) == (None, 1, 10, "")


@pytest.mark.parametrize(
    ("pairs", "problem"),
    [
        ([("campaignIds[]", "one")], ("campaignIds", "Campaign Ids must be an integer.")),
        ([("campaignIds[]", "1"), ("campaignIds[]", "1,2")], ("campaignIds", "Campaign Ids must be an integer.")),
        ([("campaignIds[0]", "1.5")], ("campaignIds", "Campaign Ids must be an integer.")),
        ([("campaignIds[]", "9" * 19)], ("campaignIds", "Campaign Ids must be an integer.")),
        ([("campaignIds[]", "٣")], ("campaignIds", "Campaign Ids must be an integer.")),
        ([("campaignIds[]", "1")] * 1001, ("campaignIds", "Campaign Ids should contain at most 1000 items.")),
        ([("page", "0")], ("page", "Page must be no less than 1.")),
        ([("page", "-3")], ("page", "Page must be no less than 1.")),
        ([("page", "two")], ("page", "Page must be an integer.")),
        ([("page", "1e3")], ("page", "Page must be an integer.")),
        ([("perPage", "0")], ("perPage", "Per Page must be no less than 1.")),
        ([("perPage", "all")], ("perPage", "Per Page must be an integer.")),
        ([("perPage", "9" * 400)], ("perPage", "Per Page must be an integer.")),
        ([("currency", "euro")], ("currency", "Currency is invalid.")),
    ],
)
def test_what_is_refused(pairs: list[tuple[str, str]], problem: tuple[str, str]) -> None:
    with pytest.raises(InvalidQuery) as caught:
        parse.query(pairs)
    assert caught.value.problems == (problem,)


def test_everything_that_is_wrong_is_named() -> None:
    with pytest.raises(InvalidQuery) as caught:
        parse.query([("page", "x"), ("sendTo", "x"), ("startFrom", "x"), ("campaignIds[]", "x"), ("perPage", "x")])
    assert [field for field, _ in caught.value.problems] == ["startFrom", "sendTo", "campaignIds", "page", "perPage"]


def test_high_numbers() -> None:
    found = parse.query([("perPage", "10001"), ("page", "9" * 18), ("campaignIds[]", "9" * 18), ("currency", "eur")])
    assert (found.per_page, found.page, found.numbers, found.currency) == (10_000, 1_000_000_000, (), "EUR")
