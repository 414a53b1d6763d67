"""Rows of the engine as typed, named rows."""

from __future__ import annotations

from decimal import Decimal

import pytest

from turnout.stats import answer
from turnout.stats.question import Question


def question(metrics: str, dimensions: str = "") -> Question:
    return Question("w", tuple(metrics.split(",")), tuple(dimensions.split(",")) if dimensions else ())


def test_a_row_is_named_and_typed() -> None:
    asked = question("sent,viewing_time_s,revenue,open_rate", "campaign,day")
    values = ["spring", "2026-10-05", 3, 90_500, {"USD": "1.5", "EUR": "-0.000001"}, 1, 4, 77]
    assert answer.row(asked, values) == {
        "campaign": "spring",
        "day": "2026-10-05",
        "sent": 3,
        "viewing_time_s": 90.5,
        "revenue": {"EUR": Decimal("-0.000001"), "USD": Decimal("1.5")},
        "open_rate": 0.25,
        "open_rate_numerator": 1,
        "open_rate_denominator": 4,
    }


def test_whole_seconds_are_whole_numbers() -> None:
    row = answer.row(question("viewing_time_s,average_viewing_time_s"), [90_000, 4])
    assert row["viewing_time_s"] == 90
    assert isinstance(row["viewing_time_s"], int)
    assert row["average_viewing_time_s"] == 22.5
    assert (row["average_viewing_time_s_numerator"], row["average_viewing_time_s_denominator"]) == (90, 4)


def test_a_ratio_over_nothing_is_none() -> None:
    assert answer.row(question("open_rate"), [0, 0])["open_rate"] is None
    assert answer.row(question("open_rate"), [0, 3])["open_rate"] == 0


def test_zero_has_no_dimensions() -> None:
    assert answer.zero(question("sent,revenue,open_rate", "day,campaign")) == {
        "sent": 0,
        "revenue": {},
        "open_rate": None,
        "open_rate_numerator": 0,
        "open_rate_denominator": 0,
    }


@pytest.mark.parametrize(
    ("instant", "offset_min", "label"),
    [
        (1_774_742_400, 0, "2026-03-29T00:00:00+00:00"),
        (1_774_742_400, 345, "2026-03-29T05:45:00+05:45"),
        (1_774_742_400, -150, "2026-03-28T21:30:00-02:30"),
        (1_774_742_400, 840, "2026-03-29T14:00:00+14:00"),
        (1_774_742_400, -720, "2026-03-28T12:00:00-12:00"),
    ],
)
def test_hours_say_their_offset(instant: int, offset_min: int, label: str) -> None:
    assert answer.moment_label(instant * 4096 + offset_min + 1024) == label
