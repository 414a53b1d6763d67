"""A question is checked when it is made."""

from __future__ import annotations

from typing import Any

import pytest

from turnout.errors import InvalidInput, TooLarge, TurnoutError, UnknownName
from turnout.stats.metrics import METRICS
from turnout.stats.question import LIMIT_FILTER_VALUES, Filter, Question, Sort


@pytest.mark.parametrize(
    ("fields", "error", "field"),
    [
        ({"metrics": ()}, InvalidInput, "metrics"),
        ({"metrics": ("sents",)}, UnknownName, "metrics"),
        ({"metrics": ("sent", "sent")}, InvalidInput, "metrics"),
        ({"metrics": tuple(METRICS)[:101]}, TooLarge, "metrics"),
        ({"dimensions": ("colour",)}, UnknownName, "dimensions"),
        ({"dimensions": ("day", "hour")}, InvalidInput, "dimensions"),
        ({"dimensions": ("campaign", "campaign")}, InvalidInput, "dimensions"),
        ({"filters": (Filter("colour", ("red",)),)}, UnknownName, "colour"),
        ({"filters": (Filter("hour", ("2026-10-05T13:00:00+02:00",)),)}, InvalidInput, "hour"),
        ({"filters": (Filter("link", ("x",) * (LIMIT_FILTER_VALUES + 1)),)}, TooLarge, "link"),
        ({"traffic": ("robot",)}, UnknownName, "traffic"),
        ({"timezone": "Mars/Olympus"}, UnknownName, "timezone"),
        ({"from_ms": 2, "to_ms": 1}, InvalidInput, "to"),
        ({"sort": (Sort("opened"),)}, InvalidInput, "sort"),
        ({"metrics": ("revenue",), "sort": (Sort("revenue"),)}, InvalidInput, "sort"),
        ({"limit": -1}, InvalidInput, "limit"),
        ({"limit": 100_001}, InvalidInput, "limit"),
        ({"offset": -1}, InvalidInput, "offset"),
        ({"offset": 2**31 + 1}, InvalidInput, "offset"),
    ],
)
def test_what_can_not_be_asked(fields: dict[str, Any], error: type[TurnoutError], field: str) -> None:
    with pytest.raises(error) as raised:
        Question(**{"workspace": "w", "metrics": ("sent",), **fields})
    assert raised.value.field == field


def test_the_nearest_name_is_suggested() -> None:
    with pytest.raises(UnknownName) as raised:
        Question("w", ("unique_openned",))
    assert raised.value.hint == "did you mean 'unique_opened'?"


def test_an_empty_range_can_be_asked() -> None:
    assert Question("w", ("sent",), from_ms=1, to_ms=1).from_ms == 1
    with pytest.raises(InvalidInput, match="ends before it starts"):
        Question("w", ("sent",), from_ms=2, to_ms=1)
