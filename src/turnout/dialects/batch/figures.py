"""The numbers of a campaign by day: a campaign, a shape and a window go in, `Days` come out. Blocks.

Days are those of the send, in UTC, whatever the workspace's zone. For each kind of traffic that the shape's
counters need there is one question by day, and one by day and variation where the campaign is a test: distinct
recipients of versions don't add up to those of the day.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from turnout.dialects.batch.parse import Window
from turnout.dialects.batch.wire import TRAFFIC, Counter, Shape, Traffic
from turnout.stats.answer import Row
from turnout.stats.question import LIMIT_ROWS, Filter, Question
from turnout.stats.run import Statistics

Numbers = dict[str, int]


@dataclass(frozen=True)
class Days:
    """Numbers by key for each day that has any, ascending, and for each of its versions; `letters` names those.

    A version without numbers on a day is not in `versions`.
    """

    shape: Shape
    letters: tuple[str, ...]
    days: dict[str, Numbers]
    versions: dict[tuple[str, str], Numbers] = field(default_factory=dict)


def days(
    statistics: Statistics, workspace: str, campaign: str, shape: Shape, window: Window, letters: Mapping[str, str]
) -> Days:
    """Ask for everything that `shape` shows of the campaign; `letters` by variation, empty where it is no test."""
    if window.is_empty:
        return Days(shape, tuple(letters.values()), {})
    base = Question(
        workspace,
        ("events",),
        filters=(Filter("campaign", (campaign,)),),
        from_ms=window.from_ms,
        to_ms=window.to_ms,
        timezone="UTC",
        limit=LIMIT_ROWS,
        rows_only=True,
        placed_by="send",
    )
    found: dict[str, Numbers] = defaultdict(dict)
    versions: dict[tuple[str, str], Numbers] = defaultdict(dict)
    for kind, counters in _by_traffic(shape.day):
        for row in statistics.rows(_asked(base, kind, counters, ("day",))):
            _add(found[str(row["day"])], counters, row)
    if letters:
        of_test = replace(base, filters=(*base.filters, Filter("variation", tuple(letters))))
        for kind, counters in _by_traffic(shape.version):
            for row in statistics.rows(_asked(of_test, kind, counters, ("day", "variation"))):
                _add(versions[str(row["day"]), letters[str(row["variation"])]], counters, row)
    with_any = sorted(day for day, numbers in found.items() if any(numbers.values()))
    return Days(shape, tuple(letters.values()), {day: found[day] for day in with_any}, dict(versions))


def _by_traffic(counters: tuple[Counter, ...]) -> Iterator[tuple[Traffic, tuple[Counter, ...]]]:
    for kind in dict.fromkeys(counter.traffic for counter in counters):
        yield kind, tuple(counter for counter in counters if counter.traffic == kind)


def _asked(base: Question, kind: Traffic, counters: tuple[Counter, ...], dimensions: tuple[str, ...]) -> Question:
    metrics = tuple(sorted({name for counter in counters for name in counter.metrics}))
    return replace(base, metrics=metrics, dimensions=dimensions, traffic=TRAFFIC[kind])


def _add(numbers: Numbers, counters: tuple[Counter, ...], row: Row) -> None:
    for counter in counters:
        total = 0
        for name in counter.metrics:
            value = row[name]
            assert isinstance(value, int)
            total += value
        numbers[counter.key] = total
