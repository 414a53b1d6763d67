from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from turnout.capture.coverage import SPANS_LIMIT, Coverage, add, uncovered

intervals = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=20)


@settings(max_examples=60)
@given(intervals)
def test_each_instant_is_new_once(found):
    """Held against the judge: a set of the instants that were seen."""
    seen: set[int] = set()
    spans: list[tuple[int, int]] = []
    for begin, length in found:
        parts = uncovered(spans, begin, begin + length)
        new = {instant for start, end in parts for instant in range(start, end)}
        assert new == set(range(begin, begin + length)) - seen
        assert sum(end - start for start, end in parts) == len(new)
        add(spans, begin, begin + length)
        seen |= new
        assert {instant for start, end in spans for instant in range(start, end)} == seen
        assert all(before[1] < after[0] for before, after in pairwise(spans))


def test_a_page_s_clock_is_read_once():
    coverage = Coverage(0)
    assert coverage.begins_at_ms("s", 1_000_300, 0) == 1_000_300
    # This one was under way for half a second longer.
    assert coverage.begins_at_ms("s", 1_010_800, 10_000) == 1_000_300
    assert coverage.begins_at_ms("other", 1_010_800, 10_000) == 1_000_800


def test_a_clock_that_would_end_in_the_future_is_read_anew():
    coverage = Coverage(0)
    coverage.begins_at_ms("s", 1_005_000, 0)
    assert coverage.begins_at_ms("s", 1_010_000, 10_000) == 1_000_000


def test_a_clock_that_stood_still_is_read_anew():
    coverage = Coverage(0)
    coverage.begins_at_ms("s", 1_000_000, 0)
    assert coverage.begins_at_ms("s", 4_600_000, 10_000) == 4_590_000


def test_what_is_too_much_is_to_be_asked_of_the_store():
    coverage = Coverage(0)
    coverage.watched([(at * 10, at * 10 + 5) for at in range(SPANS_LIMIT + 3)], 0)
    assert len(coverage.spans) == SPANS_LIMIT
    assert coverage.known_from_ms == 25
    coverage.watched([], 1000)
    assert coverage.known_from_ms == 1000
    assert coverage.spans[0][1] >= 1000


def test_what_the_store_says_reaches_back_only_if_nothing_is_between():
    coverage = Coverage(1000)
    coverage.learn([(100, 200)], 50, 300)
    assert (coverage.known_from_ms, coverage.spans) == (1000, [(100, 200)])
    coverage.learn([(500, 600)], 400, 1000)
    assert (coverage.known_from_ms, coverage.spans) == (400, [(100, 200), (500, 600)])
    coverage.forget(2000)
    assert (coverage.known_from_ms, coverage.spans) == (2000, [])
